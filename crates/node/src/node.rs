//! Chain and mempool together: transactions go in, blocks are made of them.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use alloy_primitives::{Address, B256, Bytes, keccak256};
use alloy_signer_local::PrivateKeySigner;
use parking_lot::Mutex;
use tokio::sync::Notify;
use vellum_block::{
    BlockAttributes,
    l2::{self, L1Origin, ParentOrigin, QueuedDeposit, RollupConfig},
};

use crate::{
    block::Block,
    chain::{Chain, ChainError, NewBlock, Rules, Source},
    clock::Clock,
    keys::DEV_CHAIN_IDS,
    mempool::{Limits, Mempool, PoolError, PoolRules, PoolTransaction, SenderAccount},
    sequencer::Mining,
    state::StateError,
};

/// How a node makes blocks.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// When blocks are made.
    pub mining: Mining,
    /// Gas limit of blocks; the chain moves towards it by less than a 1024th per block.
    pub gas_limit: u64,
    /// Who gets the tips.
    pub beneficiary: Address,
    /// Bounds of the mempool.
    pub pool: Limits,
    /// Where an L2 learns of L1; none on Ethereum's rules.
    pub l1: Option<Arc<dyn L1View>>,
    /// Keys that the node signs with when asked, and methods that move time and blocks: for development chains only.
    pub dev: Option<Vec<PrivateKeySigner>>,
}

/// L1 as the sequencer of an L2 sees it: only blocks that are taken as final enough.
pub trait L1View: std::fmt::Debug + Send + Sync {
    /// The newest block; none if nothing is known yet.
    fn newest(&self) -> Result<Option<L1Origin>, String>;

    /// Deposits from this number on that are in blocks up to this one, at most `limit`.
    fn deposits(&self, from: u64, up_to_block: u64, limit: usize) -> Result<Vec<QueuedDeposit>, String>;
}

/// Why a node does not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The chain failed.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The transaction is not taken.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// An earlier error ended the making of blocks.
    #[error("the chain has halted: {0}")]
    Halted(String),
    /// L1 is not known, so there is no block to build on.
    #[error("L1 is not known yet")]
    NoL1,
    /// What is known of L1 cannot be read.
    #[error("L1: {0}")]
    L1(String),
    /// The newest L1 block is older than the one that the head was built on: L1 had a reorg.
    #[error("the newest L1 block {newest} is before the head's origin {parent}")]
    L1Behind {
        /// The head's origin.
        parent: u64,
        /// The newest block.
        newest: u64,
    },
    /// L1 stands still, and blocks may only be so far ahead of it.
    #[error("a block at {timestamp} would be too far ahead of L1, which allows {latest}")]
    Drift {
        /// The block's time.
        timestamp: u64,
        /// The latest that is allowed.
        latest: u64,
    },
    /// A task of the node died.
    #[error("task failed: {0}")]
    Task(String),
    /// Development keys and methods on a chain that is none.
    #[error("development accounts are refused on chain {0}")]
    NotDevelopment(u64),
}

impl From<StateError> for NodeError {
    fn from(error: StateError) -> Self {
        Self::Chain(error.into())
    }
}

impl NodeError {
    /// Whether the next block may succeed where this one did not.
    pub const fn passes(&self) -> bool {
        matches!(self, Self::NoL1 | Self::L1(_) | Self::L1Behind { .. } | Self::Drift { .. })
    }
}

/// A chain with its mempool.
#[derive(Debug)]
pub struct Node {
    chain: Arc<Chain>,
    pool: Mempool,
    clock: Arc<dyn Clock>,
    config: NodeConfig,
    /// Seconds that a development chain is ahead of the clock.
    offset: AtomicI64,
    /// Timestamp that the next block must have.
    next_timestamp: Mutex<Option<u64>>,
    submitted: Notify,
    sealing: Mutex<()>,
    halted: Mutex<Option<String>>,
}

impl Node {
    /// A node on the chain.
    pub fn new(chain: Arc<Chain>, clock: Arc<dyn Clock>, config: NodeConfig) -> Result<Self, NodeError> {
        if config.dev.is_some() && !DEV_CHAIN_IDS.contains(&chain.chain_id()) {
            return Err(NodeError::NotDevelopment(chain.chain_id()));
        }
        let (blobs, block_gas_limit) = match chain.rules() {
            Rules::Ethereum { .. } => (true, config.gas_limit),
            Rules::L2(rollup) => (false, rollup.gas_limit),
        };
        let rules = PoolRules { chain_id: chain.chain_id(), blobs, block_gas_limit };
        let pool = Mempool::new(rules, config.pool);
        let node = Self {
            chain,
            pool,
            clock,
            config,
            offset: AtomicI64::new(0),
            next_timestamp: Mutex::default(),
            submitted: Notify::new(),
            sealing: Mutex::default(),
            halted: Mutex::default(),
        };
        node.pool.on_head(node.next_base_fee(), []);
        Ok(node)
    }

    /// The chain.
    pub const fn chain(&self) -> &Arc<Chain> {
        &self.chain
    }

    /// The mempool.
    pub const fn pool(&self) -> &Mempool {
        &self.pool
    }

    /// The clock.
    pub const fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// How it makes blocks.
    pub const fn config(&self) -> &NodeConfig {
        &self.config
    }

    /// Keys of the development accounts; none on other chains.
    pub fn dev_accounts(&self) -> &[PrivateKeySigner] {
        self.config.dev.as_deref().unwrap_or_default()
    }

    /// Base fee of the block after the head.
    pub fn next_base_fee(&self) -> u64 {
        self.chain.next_base_fee(&self.chain.head())
    }

    /// Ends when a transaction came into the pool.
    pub async fn submitted(&self) {
        self.submitted.notified().await;
    }

    /// Whether a block on the head would take a transaction.
    pub fn has_includable(&self) -> bool {
        self.pool.best(self.next_base_fee()).next(u64::MAX).is_some()
    }

    /// Takes a transaction as `eth_sendRawTransaction` is given it.
    pub fn submit(&self, encoded: &[u8]) -> Result<B256, NodeError> {
        if let Some(reason) = self.halted() {
            return Err(NodeError::Halted(reason));
        }
        let transaction = PoolTransaction::decode(encoded, self.pool.rules().blobs)?;
        if self
            .chain
            .store()
            .get(crate::store::Table::Transactions, transaction.hash.as_slice())
            .is_ok_and(|place| place.is_some())
        {
            return Err(PoolError::AlreadyKnown.into());
        }
        let account = self.account(transaction.sender())?;
        let hash = self.pool.add(transaction, account)?;
        self.submitted.notify_one();
        Ok(hash)
    }

    /// The sender's account at the head.
    pub fn account(&self, sender: Address) -> Result<SenderAccount, NodeError> {
        let state = self.chain.state_after(&self.chain.head().header);
        let Some(account) = state.account(sender)? else { return Ok(SenderAccount::default()) };
        let code = if account.code_hash == alloy_consensus::constants::KECCAK_EMPTY {
            None
        } else {
            Some(state.code(account.code_hash)?)
        };
        let is_contract = code.is_some_and(|code| !code.is_eip7702());
        Ok(SenderAccount { nonce: account.nonce, balance: account.balance, is_contract })
    }

    /// Makes a block of the pool's transactions.
    pub fn seal(&self) -> Result<Arc<Block>, NodeError> {
        let _sealing = self.sealing.lock();
        if let Some(reason) = self.halted() {
            return Err(NodeError::Halted(reason));
        }
        let parent = self.chain.head();
        let new = match self.chain.rules() {
            Rules::Ethereum { .. } => NewBlock::Ethereum(self.attributes(&parent)),
            Rules::L2(config) => NewBlock::L2(self.l2_attributes(config, &parent)?),
        };
        let mut best = self.pool.best(self.chain.next_base_fee(&parent));
        let sealed = self.chain.seal(&new, &mut best);
        let block = sealed.inspect_err(|error| self.halt(&error.to_string()))?;
        tracing::debug!(
            number = block.number(),
            transactions = block.transactions.len(),
            gas = block.header.gas_used,
            "sealed"
        );
        self.after_block(&block)?;
        Ok(block)
    }

    /// Makes no more blocks and takes no more transactions until the node is started again.
    pub fn halt(&self, reason: &str) {
        tracing::error!(reason, "the chain halts");
        *self.halted.lock() = Some(reason.to_owned());
    }

    /// Why the chain has halted, if it has.
    pub fn halted(&self) -> Option<String> {
        self.halted.lock().clone()
    }

    /// What L1 and the clock say about the next block.
    fn l2_attributes(&self, config: &RollupConfig, parent: &Block) -> Result<l2::Attributes, NodeError> {
        let l1 = self.config.l1.as_ref().ok_or(NodeError::NoL1)?;
        let origin = l1.newest().map_err(NodeError::L1)?.ok_or(NodeError::NoL1)?;
        let mut state = self.chain.scratch_state(&parent.header);
        let behind = ParentOrigin::read(&mut state)?.number;
        if origin.number < behind {
            return Err(NodeError::L1Behind { parent: behind, newest: origin.number });
        }
        let now = self.next_timestamp.lock().take().unwrap_or_else(|| self.now());
        let timestamp = now.max(parent.header.timestamp + 1);
        // The batch's anchor will be this origin or a later one.
        let latest = origin.timestamp.saturating_add(config.max_time_drift);
        if timestamp > latest {
            return Err(NodeError::Drift { timestamp, latest });
        }
        let consumed = self.chain.deposit_count(parent.hash())?;
        let most = usize::try_from(config.max_deposits_per_block).unwrap_or(usize::MAX);
        let mut deposits = l1.deposits(consumed, origin.number, most).map_err(NodeError::L1)?;
        deposits.truncate(config.deposits_that_fit(&deposits));
        Ok(l2::Attributes { timestamp, origin, deposits })
    }

    /// Tells the pool what a block changed.
    fn after_block(&self, block: &Block) -> Result<(), NodeError> {
        self.pool.on_included(block);
        let senders: BTreeSet<Address> =
            block.transactions.iter().map(|transaction| transaction.sender).collect();
        self.update_pool(senders)
    }

    fn update_pool(&self, senders: impl IntoIterator<Item = Address>) -> Result<(), NodeError> {
        let accounts = senders.into_iter().map(|sender| Ok((sender, self.account(sender)?)));
        self.pool.on_head(self.next_base_fee(), accounts.collect::<Result<Vec<_>, NodeError>>()?);
        Ok(())
    }

    /// Sets the head back for good: the transactions of the removed blocks are gone with them.
    pub fn revert_to(&self, number: u64) -> Result<(), NodeError> {
        let _sealing = self.sealing.lock();
        self.chain.set_head(number)?;
        self.update_pool(self.pool.senders())
    }

    /// Sets the head back, as a reorg does; the transactions of the removed blocks wait again.
    pub fn set_head(&self, number: u64) -> Result<(), NodeError> {
        let _sealing = self.sealing.lock();
        let removed = self.chain.set_head(number)?;
        self.update_pool(self.pool.senders())?;
        for block in removed {
            let sidecars = self.chain.sidecars(block.hash())?;
            for (index, transaction) in block.transactions.iter().enumerate() {
                let hash = transaction.hash();
                let sidecar = sidecars.iter().find(|(of, _)| *of == hash).map(|(_, sidecar)| sidecar.clone());
                let returned = self.chain.transaction(&block, index)?;
                let Some(pooled) = PoolTransaction::returned(returned, transaction.encoded.clone(), sidecar)
                else {
                    continue;
                };
                // One that is no longer valid is gone, as after any reorg.
                let _ = self.pool.add(pooled, self.account(transaction.sender)?);
            }
        }
        Ok(())
    }

    fn attributes(&self, parent: &Block) -> BlockAttributes {
        let now = self.next_timestamp.lock().take().unwrap_or_else(|| self.now());
        let timestamp = now.max(parent.header.timestamp + 1);
        let seed =
            |name: &[u8]| keccak256([name, parent.hash().as_slice(), &timestamp.to_be_bytes()].concat());
        BlockAttributes {
            timestamp,
            beneficiary: self.config.beneficiary,
            prev_randao: seed(b"randao"),
            gas_limit: next_gas_limit(parent.header.gas_limit, self.config.gas_limit),
            parent_beacon_block_root: seed(b"beacon"),
            withdrawals: vec![],
            extra_data: Bytes::from_static(b"vellum"),
        }
    }

    /// Seconds since 1970 on this chain.
    pub fn now(&self) -> u64 {
        self.clock.now().as_secs().saturating_add_signed(self.offset.load(Ordering::Relaxed))
    }

    /// Moves the chain's time ahead of the clock; returns by how many seconds it is ahead.
    pub fn increase_time(&self, by: Duration) -> i64 {
        let by = i64::try_from(by.as_secs()).unwrap_or(i64::MAX / 4).min(i64::MAX / 4);
        self.offset.fetch_add(by, Ordering::Relaxed).saturating_add(by)
    }

    /// Sets the next block's timestamp, and the chain's time from then on; false if the head is not older.
    pub fn set_next_timestamp(&self, timestamp: u64) -> bool {
        if timestamp <= self.chain.head().header.timestamp {
            return false;
        }
        let ahead = timestamp.min(i64::MAX as u64) as i64 - self.clock.now().as_secs() as i64;
        self.offset.store(ahead, Ordering::Relaxed);
        *self.next_timestamp.lock() = Some(timestamp);
        true
    }
}

/// The gas limit nearest to `wanted` that a child of a block with the limit `parent` may have.
fn next_gas_limit(parent: u64, wanted: u64) -> u64 {
    let step = (parent / 1024).saturating_sub(1);
    wanted.clamp(parent - step, parent + step)
}
