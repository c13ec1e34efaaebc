//! The chain: its blocks, its head, and the state after any of them.
//!
//! A [`Chain`] owns a store with the blocks of one chain. `build` adds blocks, [`lookup`](Chain::block_at) finds them,
//! `witness` collects what a stateless execution of them needs. Everything here is synchronous; reading never waits for
//! a block that is being built.

mod build;
mod lookup;
mod witness;

use std::{num::NonZeroUsize, sync::Arc};

use alloy_consensus::Header;
use alloy_eips::{eip1559::BaseFeeParams, eip7840::BlobParams};
use alloy_primitives::B256;
use lru::LruCache;
use parking_lot::{Mutex, RwLock};
use revm::database::CacheDB;
use tokio::sync::broadcast;
use vellum_block::{
    Fork,
    l2::{ConfigError, RollupConfig},
};

pub use build::{Candidate, NewBlock, Source};
pub use lookup::{AccountProof, BlockId, SlotProof};
pub use witness::Witness;

use crate::{
    block::Block,
    genesis::Genesis,
    state::{BlockHashes, LazyState, NodeReader, StateError},
    store::{Store, StoreError, Table, Write},
};

/// Version of the store's contents.
const FORMAT: u64 = 1;
/// Blocks in the cache.
const CACHED_BLOCKS: usize = 256;
/// New heads that a slow listener may be behind before it misses some.
const BROADCAST_HEADS: usize = 256;

/// The rules that a chain's blocks follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rules {
    /// Ethereum's, of one fork from the first block on.
    Ethereum {
        /// Chain id.
        chain_id: u64,
        /// The fork.
        fork: Fork,
    },
    /// The rollup's.
    L2(Arc<RollupConfig>),
}

impl Rules {
    /// The chain id.
    pub fn chain_id(&self) -> u64 {
        match self {
            Self::Ethereum { chain_id, .. } => *chain_id,
            Self::L2(config) => config.l2_chain_id,
        }
    }

    /// How the base fee follows from the parent's.
    pub fn base_fee_params(&self) -> BaseFeeParams {
        match self {
            Self::Ethereum { .. } => BaseFeeParams::ethereum(),
            Self::L2(config) => {
                BaseFeeParams::new(config.base_fee_denominator.into(), config.base_fee_elasticity.into())
            }
        }
    }

    /// Target, maximum and price of blobs.
    pub fn blob_params(&self) -> BlobParams {
        match self {
            Self::Ethereum { fork, .. } => fork.blob_params(),
            Self::L2(_) => BlobParams::prague(),
        }
    }
}

/// Why a chain does not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The store does not work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The rollup's configuration gives no chain.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The rollup's configuration is that of another genesis block.
    #[error("the configuration's genesis hash is {expected}, the genesis block has {got}")]
    Genesis {
        /// In the configuration.
        expected: B256,
        /// Of the block.
        got: B256,
    },
    /// A block cannot be built.
    #[error("building block {number}: {error}")]
    Build {
        /// The block's number.
        number: u64,
        /// Why.
        error: String,
    },
    /// The execution from the witness disagrees with the one that built the block. Nothing is written; the chain must
    /// not go on before somebody has looked at it.
    #[error("block {number} was built, but its stateless execution refuses it: {error}")]
    Disagreement {
        /// The block's number.
        number: u64,
        /// What the stateless execution says.
        error: String,
    },
    /// There is no such block on the chain.
    #[error("no block {0} on the chain")]
    NoBlock(u64),
    /// A stored transaction cannot be decoded.
    #[error("transaction {index} of block {number} is damaged")]
    DamagedTransaction {
        /// The block's number.
        number: u64,
        /// Place in the block.
        index: usize,
    },
}

/// The blocks that tags name.
#[derive(Debug, Clone)]
struct Heads {
    latest: Arc<Block>,
    safe: u64,
    finalized: u64,
}

/// A chain of blocks in a store.
#[derive(Debug)]
pub struct Chain {
    rules: Rules,
    store: Arc<dyn Store>,
    reader: Arc<NodeReader>,
    heads: RwLock<Heads>,
    /// Held while a block is built or the head is moved.
    building: Mutex<()>,
    blocks: Mutex<LruCache<B256, Arc<Block>>>,
    new_heads: broadcast::Sender<Arc<Block>>,
    genesis_hash: B256,
}

/// A state that computations may write to; nothing of it reaches the store.
pub type ScratchState = CacheDB<LazyState<Ancestors>>;

impl Chain {
    /// Opens the chain in the store; an empty store gets the genesis block, any other one must have it.
    pub fn open(store: Arc<dyn Store>, rules: Rules, genesis: &Genesis) -> Result<Self, ChainError> {
        let block = Arc::new(Block::new(genesis.header.clone(), vec![], vec![]));
        if let Rules::L2(config) = &rules {
            config.check()?;
            let (expected, got) = (config.genesis_hash, block.hash());
            if expected != got {
                return Err(ChainError::Genesis { expected, got });
            }
        }
        let expected = Identity { chain_id: rules.chain_id(), genesis: block.hash() };
        match Identity::read(&*store)? {
            Some(found) => found.must_be(expected)?,
            None => {
                let mut writes = build::block_writes(&block, &genesis.state.contents);
                writes.extend(expected.writes());
                store.commit(writes)?;
            }
        }
        let capacity = NonZeroUsize::new(CACHED_BLOCKS).unwrap_or(NonZeroUsize::MIN);
        let chain = Self {
            rules,
            reader: Arc::new(NodeReader::new(store.clone())),
            store,
            heads: RwLock::new(Heads { latest: block.clone(), safe: 0, finalized: 0 }),
            building: Mutex::default(),
            blocks: Mutex::new(LruCache::new(capacity)),
            new_heads: broadcast::Sender::new(BROADCAST_HEADS),
            genesis_hash: block.hash(),
        };
        let heads = chain.stored_heads()?;
        *chain.heads.write() = heads;
        Ok(chain)
    }

    /// The rules of its blocks.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether its blocks follow L2's rules.
    pub const fn is_l2(&self) -> bool {
        matches!(self.rules, Rules::L2(_))
    }

    /// The chain id.
    pub fn chain_id(&self) -> u64 {
        self.rules.chain_id()
    }

    /// Hash of block 0.
    pub const fn genesis_hash(&self) -> B256 {
        self.genesis_hash
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The newest block.
    pub fn head(&self) -> Arc<Block> {
        self.heads.read().latest.clone()
    }

    /// Number of the newest block.
    pub fn head_number(&self) -> u64 {
        self.heads.read().latest.number()
    }

    /// Number of the block that the tag `safe` names.
    pub fn safe(&self) -> u64 {
        self.heads.read().safe
    }

    /// Number of the block that the tag `finalized` names.
    pub fn finalized(&self) -> u64 {
        self.heads.read().finalized
    }

    /// Moves the tag `safe`; a number above the head's is taken as the head's.
    pub fn set_safe(&self, number: u64) -> Result<(), ChainError> {
        let mut heads = self.heads.write();
        let number = number.min(heads.latest.number());
        self.store.commit(vec![number_meta("safe", number)])?;
        heads.safe = number;
        Ok(())
    }

    /// Moves the tag `finalized`, and `safe` with it if that is behind.
    pub fn set_finalized(&self, number: u64) -> Result<(), ChainError> {
        let mut heads = self.heads.write();
        let number = number.min(heads.latest.number());
        let safe = heads.safe.max(number);
        self.store.commit(vec![number_meta("finalized", number), number_meta("safe", safe)])?;
        (heads.finalized, heads.safe) = (number, safe);
        Ok(())
    }

    /// How many deposits the chain consumed up to and including the block with this hash.
    pub fn deposit_count(&self, hash: B256) -> Result<u64, ChainError> {
        let Some(bytes) = self.store.get(Table::Deposits, hash.as_slice())? else { return Ok(0) };
        let bytes =
            <[u8; 8]>::try_from(&bytes[..]).map_err(|_| StoreError::damaged(Table::Deposits, hash))?;
        Ok(u64::from_be_bytes(bytes))
    }

    /// Every new head from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Block>> {
        self.new_heads.subscribe()
    }

    /// The state after the block with this header.
    pub fn state_after(&self, header: &Header) -> LazyState<Ancestors> {
        self.lazy_state(header, false)
    }

    /// The state after the block with this header, for computations that write.
    pub fn scratch_state(&self, header: &Header) -> ScratchState {
        CacheDB::new(self.lazy_state(header, false))
    }

    fn lazy_state(&self, header: &Header, noting: bool) -> LazyState<Ancestors> {
        let ancestors = Ancestors { store: self.store.clone(), newest: header.number };
        LazyState::new(self.reader.clone(), header.state_root, ancestors, noting)
    }

    fn stored_heads(&self) -> Result<Heads, ChainError> {
        let number = |name| read_number(&*self.store, name);
        let latest = number("head")?.ok_or_else(|| StoreError::damaged(Table::Meta, "head"))?;
        let latest = self.block_by_number(latest)?.ok_or(ChainError::NoBlock(latest))?;
        let (safe, finalized) = (number("safe")?.unwrap_or(0), number("finalized")?.unwrap_or(0));
        Ok(Heads { latest, safe, finalized })
    }
}

/// Hashes of blocks on the chain.
#[derive(Debug, Clone)]
pub struct Ancestors {
    store: Arc<dyn Store>,
    newest: u64,
}

impl BlockHashes for Ancestors {
    fn block_hash(&self, number: u64) -> Result<B256, StateError> {
        // The EVM asks for the last 256 blocks only; a simulated block may ask for one that is not there.
        if number > self.newest {
            return Ok(B256::ZERO);
        }
        let key = number.to_be_bytes();
        let hash = self.store.get(Table::Canonical, &key)?;
        let hash = hash.and_then(|hash| B256::try_from(&hash[..]).ok());
        Ok(hash.ok_or_else(|| StoreError::damaged(Table::Canonical, key))?)
    }
}

/// What tells one chain's data from another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    chain_id: u64,
    genesis: B256,
}

impl Identity {
    fn read(store: &dyn Store) -> Result<Option<Self>, StoreError> {
        let Some(version) = read_number(store, "version")? else { return Ok(None) };
        if version != FORMAT {
            return Err(StoreError::Version { expected: FORMAT, got: version });
        }
        let damaged = |name| StoreError::damaged(Table::Meta, name);
        let chain_id = read_number(store, "chain_id")?.ok_or_else(|| damaged("chain_id"))?;
        let genesis = store.get(Table::Meta, b"genesis")?.and_then(|hash| B256::try_from(&hash[..]).ok());
        Ok(Some(Self { chain_id, genesis: genesis.ok_or_else(|| damaged("genesis"))? }))
    }

    fn must_be(self, expected: Self) -> Result<(), StoreError> {
        if self == expected {
            return Ok(());
        }
        Err(StoreError::OtherChain {
            expected: expected.chain_id,
            expected_genesis: expected.genesis,
            got: self.chain_id,
            got_genesis: self.genesis,
        })
    }

    fn writes(self) -> Vec<Write> {
        vec![
            number_meta("version", FORMAT),
            number_meta("chain_id", self.chain_id),
            Write::put(Table::Meta, "genesis", self.genesis.to_vec()),
        ]
    }
}

fn number_meta(name: &str, number: u64) -> Write {
    Write::put(Table::Meta, name, number.to_be_bytes())
}

fn read_number(store: &dyn Store, name: &str) -> Result<Option<u64>, StoreError> {
    let Some(bytes) = store.get(Table::Meta, name.as_bytes())? else { return Ok(None) };
    let bytes = <[u8; 8]>::try_from(&bytes[..]).map_err(|_| StoreError::damaged(Table::Meta, name))?;
    Ok(Some(u64::from_be_bytes(bytes)))
}
