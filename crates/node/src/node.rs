//! Chain and mempool together: transactions go in, blocks are made of them.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use alloy_eips::eip1559::{BaseFeeParams, calc_next_block_base_fee};
use alloy_primitives::{Address, B256, Bytes, keccak256};
use alloy_signer_local::PrivateKeySigner;
use parking_lot::Mutex;
use tokio::sync::Notify;
use vellum_block::Attributes;

use crate::{
    block::Block,
    chain::{Chain, ChainError, NewBlock, Rules, Source},
    clock::Clock,
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
    /// Keys that the node signs with when asked, and methods that move time and blocks: for development chains only.
    pub dev: Option<Vec<PrivateKeySigner>>,
}

/// Chain ids of development chains, the only ones on which a node signs for its users.
pub const DEV_CHAIN_IDS: [u64; 4] = [900, 901, 1337, 31337];

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
        let blobs = matches!(chain.rules(), Rules::Ethereum { .. });
        let rules = PoolRules { chain_id: chain.chain_id(), blobs, block_gas_limit: config.gas_limit };
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
        next_base_fee(&self.chain.head())
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
        if let Some(reason) = &*self.halted.lock() {
            return Err(NodeError::Halted(reason.clone()));
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
        if let Some(reason) = &*self.halted.lock() {
            return Err(NodeError::Halted(reason.clone()));
        }
        let parent = self.chain.head();
        let attributes = self.attributes(&parent);
        let mut best = self.pool.best(next_base_fee(&parent));
        let block = self.chain.seal(&NewBlock::Ethereum(attributes), &mut best).inspect_err(|error| {
            tracing::error!(%error, "the chain halts");
            *self.halted.lock() = Some(error.to_string());
        })?;
        tracing::debug!(
            number = block.number(),
            transactions = block.transactions.len(),
            gas = block.header.gas_used,
            "sealed"
        );
        self.after_block(&block)?;
        Ok(block)
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

    fn attributes(&self, parent: &Block) -> Attributes {
        let now = self.next_timestamp.lock().take().unwrap_or_else(|| self.now());
        let timestamp = now.max(parent.header.timestamp + 1);
        let seed =
            |name: &[u8]| keccak256([name, parent.hash().as_slice(), &timestamp.to_be_bytes()].concat());
        Attributes {
            timestamp,
            beneficiary: self.config.beneficiary,
            prev_randao: seed(b"randao"),
            gas_limit: next_gas_limit(parent.header.gas_limit, self.config.gas_limit),
            parent_beacon_block_root: seed(b"beacon"),
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

/// Base fee of the block after this one.
pub fn next_base_fee(block: &Block) -> u64 {
    let header = &block.header;
    let (used, limit, fee) = (header.gas_used, header.gas_limit, header.base_fee_per_gas.unwrap_or(0));
    calc_next_block_base_fee(used, limit, fee, BaseFeeParams::ethereum())
}

/// The gas limit nearest to `wanted` that a child of a block with the limit `parent` may have.
fn next_gas_limit(parent: u64, wanted: u64) -> u64 {
    let step = (parent / 1024).saturating_sub(1);
    wanted.clamp(parent - step, parent + step)
}
