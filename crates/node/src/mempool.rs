//! Transactions that wait for a block.
//!
//! A transaction comes in as bytes ([`PoolTransaction::decode`], which recovers the sender and needs no lock), is checked
//! against the rules, its sender's account and the pool's limits ([`Mempool::add`]) and leaves when a block takes it, when
//! another one replaces it, or when it can no longer be valid. Per sender they stand in the order of their nonces:
//! *pending* from the account's nonce on without a gap, *queued* after a gap. For every transaction that does not get
//! into a block the pool knows the reason ([`Mempool::status`]).
//!
//! The order of everything here follows from the order of the calls: no randomness, no clock.

use std::{
    collections::{BTreeMap, BinaryHeap, HashMap},
    num::NonZeroUsize,
    sync::Arc,
};

use alloy_consensus::{
    EthereumTxEnvelope, Transaction as _, TxEip4844WithSidecar,
    transaction::{Recovered, SignerRecoverable},
};
use alloy_eips::{
    Decodable2718, Encodable2718,
    eip4844::{BlobTransactionValidationError, env_settings::EnvKzgSettings},
    eip7594::BlobTransactionSidecarVariant,
};
use alloy_evm::FromRecoveredTx;
use alloy_primitives::{Address, B256, Bytes, U256};
use lru::LruCache;
use parking_lot::Mutex;
use revm::{
    context::TxEnv,
    context_interface::cfg::gas::calculate_initial_tx_gas_for_tx,
    primitives::{eip3860::MAX_INITCODE_SIZE, hardfork::SpecId},
};
use tokio::sync::broadcast;
use vellum_block::{InvalidReason, TransactionOutcome};

use crate::{
    block::{Block, Signed, Transaction},
    chain::{Candidate, Source},
};

/// Bounds of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Transactions of one sender.
    pub per_sender: usize,
    /// All transactions.
    pub total: usize,
    /// Bytes of all encodings, blobs included.
    pub bytes: usize,
    /// Bytes of one encoding, without blobs.
    pub transaction_bytes: usize,
    /// Gas limit of one transaction.
    pub gas: u64,
    /// Lowest tip in wei per gas.
    pub min_tip: u128,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_sender: 4096,
            total: 50_000,
            bytes: 256 << 20,
            transaction_bytes: 128 << 10,
            gas: 30_000_000,
            min_tip: 0,
        }
    }
}

/// A price must be this much above the one that it replaces, in percent.
const REPLACEMENT_BUMP: u128 = 10;
/// The same for transactions with blobs, whose spreading costs more.
const BLOB_REPLACEMENT_BUMP: u128 = 100;
/// Transactions that left the pool whose reason is remembered.
const REMEMBERED: usize = 20_000;
/// New transactions that a slow listener may be behind before it misses some.
const BROADCAST: usize = 4096;

/// Why a transaction is not taken into the pool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// The bytes are no transaction.
    #[error("malformed transaction: {0}")]
    Malformed(String),
    /// No sender follows from the signature.
    #[error("invalid signature")]
    Signature,
    /// The pool has it, or had it.
    #[error("already known")]
    AlreadyKnown,
    /// It was signed for another chain, or for any chain.
    #[error("invalid chain id: {}, this chain has {expected}", .got.map_or("none".into(), |id| id.to_string()))]
    ChainId {
        /// Chain id of this chain.
        expected: u64,
        /// In the transaction.
        got: Option<u64>,
    },
    /// This chain has no blobs.
    #[error("transaction type not supported: blob transactions")]
    NoBlobs,
    /// A blob transaction came without its blobs or with wrong ones.
    #[error("invalid blobs: {0}")]
    Blobs(String),
    /// Encoding above the limit.
    #[error("oversized data: {got} bytes, limit {limit}")]
    Oversized {
        /// The limit.
        limit: usize,
        /// Bytes of the encoding.
        got: usize,
    },
    /// Init code above the limit of EIP-3860.
    #[error("max initcode size exceeded: code size {got}, limit {limit}")]
    InitCode {
        /// The limit.
        limit: usize,
        /// Bytes of the init code.
        got: usize,
    },
    /// Gas limit above the block's.
    #[error("exceeds block gas limit: {got}, limit {limit}")]
    GasLimit {
        /// The limit.
        limit: u64,
        /// Of the transaction.
        got: u64,
    },
    /// Gas limit below what the transaction costs before it runs.
    #[error("intrinsic gas too low: gas {got}, minimum needed {needed}")]
    IntrinsicGas {
        /// What it needs.
        needed: u64,
        /// Its gas limit.
        got: u64,
    },
    /// Tip above the fee cap.
    #[error("max priority fee per gas higher than max fee per gas")]
    TipAboveFeeCap,
    /// The tip is below the pool's minimum.
    #[error("transaction underpriced: tip needed {needed}, tip permitted {got}")]
    Underpriced {
        /// The minimum.
        needed: u128,
        /// Of the transaction.
        got: u128,
    },
    /// The nonce was used.
    #[error("nonce too low: next nonce {expected}, tx nonce {got}")]
    NonceTooLow {
        /// The account's nonce.
        expected: u64,
        /// Of the transaction.
        got: u64,
    },
    /// The sender is a contract (EIP-3607).
    #[error("sender not an eoa: address {0}")]
    SenderIsContract(Address),
    /// The balance does not cover the transaction and those of the sender that wait already.
    #[error("insufficient funds for gas * price + value: balance {balance}, tx cost {cost}")]
    Funds {
        /// The balance.
        balance: U256,
        /// Cost of all waiting transactions with this one.
        cost: U256,
    },
    /// A transaction with the same nonce waits, and this one does not pay enough more.
    #[error("replacement transaction underpriced: prices must rise by {bump} %")]
    ReplacementUnderpriced {
        /// By how much it would have to.
        bump: u128,
    },
    /// The sender has too many.
    #[error("account limit of {limit} transactions exceeded")]
    SenderFull {
        /// The limit.
        limit: usize,
    },
    /// The pool is full, and no transaction in it pays less.
    #[error("txpool is full")]
    Full,
}

/// A transaction with what the pool has to know of it.
#[derive(Debug, Clone)]
pub struct PoolTransaction {
    /// The transaction as it goes into a block.
    pub candidate: Arc<Candidate>,
    /// Its hash.
    pub hash: B256,
    /// Bytes that it holds in the pool.
    bytes: usize,
    /// How many came before it.
    arrival: u64,
}

/// A transaction of which the sender knows the blobs.
type Pooled = EthereumTxEnvelope<TxEip4844WithSidecar<BlobTransactionSidecarVariant>>;

impl PoolTransaction {
    /// Reads what `eth_sendRawTransaction` is given: the EIP-2718 encoding, with the blobs of a blob transaction, which
    /// are checked against their commitments. This takes time for the signature and the blobs.
    pub fn decode(encoded: &[u8], accepts_blobs: bool) -> Result<Self, PoolError> {
        if encoded.first() == Some(&3) && !accepts_blobs {
            return Err(PoolError::NoBlobs);
        }
        let pooled = Pooled::decode_2718_exact(encoded);
        let pooled = pooled.map_err(|error| PoolError::Malformed(error.to_string()))?;
        if let EthereumTxEnvelope::Eip4844(signed) = &pooled {
            check_blobs(signed.tx()).map_err(|error| PoolError::Blobs(error.to_string()))?;
        }
        let sender = pooled.recover_signer().map_err(|_| PoolError::Signature)?;
        let (transaction, sidecar) = split(pooled);
        let hash = *transaction.tx_hash();
        let block_form = if sidecar.is_some() { transaction.encoded_2718() } else { encoded.to_vec() };
        let transaction = Recovered::new_unchecked(transaction, sender);
        let candidate = Candidate { transaction, encoded: block_form.into(), sidecar: sidecar.map(Arc::new) };
        Ok(Self { candidate: Arc::new(candidate), hash, bytes: encoded.len(), arrival: 0 })
    }

    /// A transaction that was in a block which is no longer on the chain; none if it never came from a pool.
    pub fn returned(
        transaction: Recovered<Transaction>,
        encoded: Bytes,
        sidecar: Option<BlobTransactionSidecarVariant>,
    ) -> Option<Self> {
        let (transaction, sender) = transaction.into_parts();
        let Transaction::Signed(signed) = transaction else { return None };
        let (hash, bytes) = (*signed.tx_hash(), encoded.len());
        let transaction = Recovered::new_unchecked(signed, sender);
        let candidate = Candidate { transaction, encoded, sidecar: sidecar.map(Arc::new) };
        Some(Self { candidate: Arc::new(candidate), hash, bytes, arrival: 0 })
    }

    /// The transaction.
    pub fn transaction(&self) -> &Signed {
        self.candidate.transaction.inner()
    }

    /// Who signed it.
    pub fn sender(&self) -> Address {
        self.candidate.transaction.signer()
    }

    /// The most that it can cost its sender.
    fn cost(&self) -> U256 {
        let transaction = self.transaction();
        let gas = U256::from(transaction.gas_limit()) * U256::from(transaction.max_fee_per_gas());
        let blob_gas = U256::from(transaction.blob_gas_used().unwrap_or(0));
        let blobs = blob_gas * U256::from(transaction.max_fee_per_blob_gas().unwrap_or(0));
        transaction.value().saturating_add(gas).saturating_add(blobs)
    }

    /// Tip per gas at this base fee; none if the fee cap is below it.
    fn tip(&self, base_fee: u64) -> Option<u128> {
        self.transaction().effective_tip_per_gas(base_fee)
    }
}

fn check_blobs(
    transaction: &TxEip4844WithSidecar<BlobTransactionSidecarVariant>,
) -> Result<(), BlobTransactionValidationError> {
    transaction.sidecar.validate(&transaction.tx.blob_versioned_hashes, EnvKzgSettings::Default.get())
}

fn split(pooled: Pooled) -> (Signed, Option<BlobTransactionSidecarVariant>) {
    match pooled {
        EthereumTxEnvelope::Legacy(tx) => (tx.into(), None),
        EthereumTxEnvelope::Eip2930(tx) => (tx.into(), None),
        EthereumTxEnvelope::Eip1559(tx) => (tx.into(), None),
        EthereumTxEnvelope::Eip7702(tx) => (tx.into(), None),
        EthereumTxEnvelope::Eip4844(tx) => {
            let (tx, signature, hash) = tx.into_parts();
            let (tx, sidecar) = tx.into_parts();
            (Signed::Eip4844(alloy_consensus::Signed::new_unchecked(tx, signature, hash)), Some(sidecar))
        }
    }
}

/// A sender's account, as the newest block leaves it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SenderAccount {
    /// Nonce of its next transaction.
    pub nonce: u64,
    /// Balance in wei.
    pub balance: U256,
    /// Whether it has code that is no delegation.
    pub is_contract: bool,
}

/// What the pool has to know of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolRules {
    /// Chain id that transactions must be signed for.
    pub chain_id: u64,
    /// Whether blob transactions are taken.
    pub blobs: bool,
    /// Gas limit of blocks.
    pub block_gas_limit: u64,
}

/// Where a transaction is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It waits and a block can take it.
    Pending,
    /// It waits for a transaction with a lower nonce.
    Queued {
        /// The first nonce of which there is none.
        missing_nonce: u64,
    },
    /// It waits, and was left out of a block lately.
    LeftOut {
        /// Why.
        reason: String,
    },
    /// It left the pool without getting into a block.
    Dropped {
        /// Why.
        reason: String,
    },
}

#[derive(Debug, Default)]
struct Queue {
    account: SenderAccount,
    transactions: BTreeMap<u64, PoolTransaction>,
}

impl Queue {
    /// Transactions that can be executed one after the other.
    fn pending(&self) -> impl Iterator<Item = &PoolTransaction> {
        let start = self.account.nonce;
        let in_order = (start..).zip(self.transactions.range(start..));
        in_order.take_while(|(nonce, (got, _))| nonce == *got).map(|(_, (_, transaction))| transaction)
    }

    /// The first nonce of which there is no transaction.
    fn next_nonce(&self) -> u64 {
        self.account.nonce + self.pending().count() as u64
    }

    fn cost(&self) -> U256 {
        self.transactions.values().fold(U256::ZERO, |sum, transaction| sum.saturating_add(transaction.cost()))
    }
}

#[derive(Debug)]
struct Inner {
    queues: BTreeMap<Address, Queue>,
    places: HashMap<B256, (Address, u64)>,
    bytes: usize,
    arrivals: u64,
    base_fee: u64,
    reasons: LruCache<B256, Status>,
}

/// The pool.
#[derive(Debug)]
pub struct Mempool {
    limits: Limits,
    rules: PoolRules,
    inner: Mutex<Inner>,
    added: broadcast::Sender<PoolTransaction>,
}

/// Transactions by sender and nonce.
pub type Content = BTreeMap<Address, BTreeMap<u64, PoolTransaction>>;

impl Mempool {
    /// An empty pool.
    pub fn new(rules: PoolRules, limits: Limits) -> Self {
        let inner = Inner {
            queues: BTreeMap::new(),
            places: HashMap::new(),
            bytes: 0,
            arrivals: 0,
            base_fee: 0,
            reasons: LruCache::new(NonZeroUsize::new(REMEMBERED).unwrap_or(NonZeroUsize::MIN)),
        };
        Self { limits, rules, inner: Mutex::new(inner), added: broadcast::Sender::new(BROADCAST) }
    }

    /// What the pool knows of the chain.
    pub const fn rules(&self) -> &PoolRules {
        &self.rules
    }

    /// Takes a transaction whose sender has this account.
    pub fn add(&self, mut transaction: PoolTransaction, account: SenderAccount) -> Result<B256, PoolError> {
        self.check(&transaction)?;
        let (hash, sender, nonce) =
            (transaction.hash, transaction.sender(), transaction.transaction().nonce());
        let mut inner = self.inner.lock();
        if inner.places.contains_key(&hash) {
            return Err(PoolError::AlreadyKnown);
        }
        if account.is_contract {
            return Err(PoolError::SenderIsContract(sender));
        }
        // A block may have come since the caller looked the account up: the pool's own view is never older.
        let known = inner.queues.get(&sender).map(|queue| queue.account);
        let account = known.filter(|known| known.nonce > account.nonce).unwrap_or(account);
        if nonce < account.nonce {
            return Err(PoolError::NonceTooLow { expected: account.nonce, got: nonce });
        }
        let queue = inner.queues.get(&sender);
        let replaced = queue.and_then(|queue| queue.transactions.get(&nonce));
        if let Some(replaced) = replaced {
            check_replacement(replaced, &transaction)?;
        }
        let waiting = queue.map_or(U256::ZERO, Queue::cost);
        let cost = waiting.saturating_sub(replaced.map_or(U256::ZERO, PoolTransaction::cost));
        let cost = cost.saturating_add(transaction.cost());
        if cost > account.balance {
            return Err(PoolError::Funds { balance: account.balance, cost });
        }
        let count = queue.map_or(0, |queue| queue.transactions.len());
        if replaced.is_none() && count >= self.limits.per_sender {
            return Err(PoolError::SenderFull { limit: self.limits.per_sender });
        }
        let replaced = replaced.map(|replaced| replaced.hash);
        if let Some(replaced) = replaced {
            inner.remove(replaced, Some("replaced by a transaction with the same nonce and a higher price"));
        }
        self.make_room(&mut inner, &transaction)?;
        transaction.arrival = inner.arrivals;
        inner.arrivals += 1;
        inner.bytes += transaction.bytes;
        inner.places.insert(hash, (sender, nonce));
        inner.reasons.pop(&hash);
        let queue = inner.queues.entry(sender).or_default();
        queue.account = account;
        queue.transactions.insert(nonce, transaction.clone());
        drop(inner);
        // Nobody may be listening.
        let _ = self.added.send(transaction);
        Ok(hash)
    }

    /// What can be told without the state.
    fn check(&self, pooled: &PoolTransaction) -> Result<(), PoolError> {
        let transaction = pooled.transaction();
        let (expected, got) = (self.rules.chain_id, transaction.chain_id());
        // A legacy transaction without a chain id is valid on every chain (deployers with fixed addresses use this).
        if got != Some(expected) && !(got.is_none() && transaction.is_legacy()) {
            return Err(PoolError::ChainId { expected, got });
        }
        if transaction.is_eip4844() && (!self.rules.blobs || pooled.candidate.sidecar.is_none()) {
            return Err(PoolError::NoBlobs);
        }
        let (limit, got) = (self.limits.transaction_bytes, pooled.candidate.encoded.len());
        if got > limit {
            return Err(PoolError::Oversized { limit, got });
        }
        if transaction.is_create() && transaction.input().len() > MAX_INITCODE_SIZE {
            return Err(PoolError::InitCode { limit: MAX_INITCODE_SIZE, got: transaction.input().len() });
        }
        let (limit, got) = (self.limits.gas.min(self.rules.block_gas_limit), transaction.gas_limit());
        if got > limit {
            return Err(PoolError::GasLimit { limit, got });
        }
        let needed = intrinsic_gas(pooled);
        if got < needed {
            return Err(PoolError::IntrinsicGas { needed, got });
        }
        let tip = transaction.max_priority_fee_per_gas().unwrap_or(transaction.max_fee_per_gas());
        if tip > transaction.max_fee_per_gas() {
            return Err(PoolError::TipAboveFeeCap);
        }
        if tip < self.limits.min_tip {
            return Err(PoolError::Underpriced { needed: self.limits.min_tip, got: tip });
        }
        Ok(())
    }

    /// Drops what pays least until there is room; an error if that is the new transaction itself.
    fn make_room(&self, inner: &mut Inner, new: &PoolTransaction) -> Result<(), PoolError> {
        while inner.places.len() >= self.limits.total || inner.bytes + new.bytes > self.limits.bytes {
            let base_fee = inner.base_fee;
            // Only a sender's last transaction can go without making a gap. Queued ones go before pending ones.
            let last = |queue: &Queue| {
                let (&nonce, last) = queue.transactions.last_key_value()?;
                let pending = nonce < queue.next_nonce();
                Some((pending, last.tip(base_fee), std::cmp::Reverse(last.arrival), last.hash))
            };
            let worst = inner.queues.values().filter_map(last).min().ok_or(PoolError::Full)?;
            if worst.0 && worst.1 >= new.tip(base_fee) {
                return Err(PoolError::Full);
            }
            inner.remove(worst.3, Some("dropped: the pool is full and others pay more"));
        }
        Ok(())
    }

    /// Tells the pool of a new head: the base fee of the block after it, and the accounts it changed.
    pub fn on_head(&self, next_base_fee: u64, accounts: impl IntoIterator<Item = (Address, SenderAccount)>) {
        let mut inner = self.inner.lock();
        inner.base_fee = next_base_fee;
        for (sender, account) in accounts {
            inner.set_account(sender, account);
        }
    }

    /// Senders with transactions in the pool.
    pub fn senders(&self) -> Vec<Address> {
        self.inner.lock().queues.keys().copied().collect()
    }

    /// Tells the pool that a block took these transactions.
    pub fn on_included(&self, block: &Block) {
        let mut inner = self.inner.lock();
        for transaction in &block.transactions {
            inner.remove(transaction.hash(), None);
        }
    }

    /// The transaction with this hash.
    pub fn get(&self, hash: &B256) -> Option<PoolTransaction> {
        let inner = self.inner.lock();
        let (sender, nonce) = inner.places.get(hash)?;
        inner.queues.get(sender)?.transactions.get(nonce).cloned()
    }

    /// Why the transaction with this hash is in no block; none if the pool never had it.
    pub fn status(&self, hash: &B256) -> Option<Status> {
        let mut inner = self.inner.lock();
        let Some(&(sender, nonce)) = inner.places.get(hash) else {
            return inner.reasons.get(hash).cloned();
        };
        let queue = inner.queues.get(&sender)?;
        let (missing_nonce, base_fee) = (queue.next_nonce(), inner.base_fee);
        if nonce > missing_nonce {
            return Some(Status::Queued { missing_nonce });
        }
        if queue.transactions.get(&nonce)?.tip(base_fee).is_none() {
            let reason = format!("max fee per gas less than block base fee: baseFee: {base_fee}");
            return Some(Status::LeftOut { reason });
        }
        Some(inner.reasons.get(hash).cloned().unwrap_or(Status::Pending))
    }

    /// The sender's next nonce after its pending transactions; none if it has none here.
    pub fn next_nonce(&self, sender: Address) -> Option<u64> {
        self.inner.lock().queues.get(&sender).map(Queue::next_nonce)
    }

    /// Numbers of pending and of queued transactions.
    pub fn count(&self) -> (usize, usize) {
        let inner = self.inner.lock();
        let pending: usize = inner.queues.values().map(|queue| queue.pending().count()).sum();
        (pending, inner.places.len() - pending)
    }

    /// Whether no transaction is there.
    pub fn is_empty(&self) -> bool {
        self.inner.lock().places.is_empty()
    }

    /// Pending and queued transactions of one sender or of all.
    pub fn content(&self, sender: Option<Address>) -> (Content, Content) {
        let inner = self.inner.lock();
        let (mut pending, mut queued) = (Content::new(), Content::new());
        for (address, queue) in
            inner.queues.iter().filter(|(address, _)| sender.is_none_or(|s| s == **address))
        {
            let next = queue.next_nonce();
            for (&nonce, transaction) in &queue.transactions {
                let content = if nonce < next { &mut pending } else { &mut queued };
                content.entry(*address).or_default().insert(nonce, transaction.clone());
            }
        }
        (pending, queued)
    }

    /// Every transaction that is added from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<PoolTransaction> {
        self.added.subscribe()
    }

    /// The transactions for a block with this base fee: the highest tip first, the earliest of equals; a sender's in
    /// the order of their nonces.
    pub fn best(&self, base_fee: u64) -> Best<'_> {
        let inner = self.inner.lock();
        let mut best =
            Best { pool: self, base_fee, waiting: HashMap::new(), heads: BinaryHeap::new(), tried: None };
        for (&sender, queue) in &inner.queues {
            let mut pending: Vec<_> = queue.pending().cloned().collect();
            pending.reverse();
            best.waiting.insert(sender, pending);
            best.offer(sender);
        }
        best
    }
}

impl Inner {
    fn remove(&mut self, hash: B256, reason: Option<&str>) {
        let Some((sender, nonce)) = self.places.remove(&hash) else { return };
        if let Some(queue) = self.queues.get_mut(&sender) {
            if let Some(removed) = queue.transactions.remove(&nonce) {
                self.bytes -= removed.bytes;
            }
            if queue.transactions.is_empty() {
                self.queues.remove(&sender);
            }
        }
        match reason {
            Some(reason) => self.reasons.put(hash, Status::Dropped { reason: reason.into() }),
            None => self.reasons.pop(&hash),
        };
    }

    fn set_account(&mut self, sender: Address, account: SenderAccount) {
        let Some(queue) = self.queues.get_mut(&sender) else { return };
        queue.account = account;
        let used: Vec<B256> = queue.transactions.range(..account.nonce).map(|(_, tx)| tx.hash).collect();
        for hash in used {
            self.remove(hash, Some("its nonce was used by another transaction"));
        }
    }
}

fn check_replacement(old: &PoolTransaction, new: &PoolTransaction) -> Result<(), PoolError> {
    let (old, new) = (old.transaction(), new.transaction());
    let bump = if old.is_eip4844() { BLOB_REPLACEMENT_BUMP } else { REPLACEMENT_BUMP };
    let enough =
        |old: u128, new: u128| new > old && new >= old.saturating_add(old.saturating_mul(bump) / 100);
    let tip = |tx: &Signed| tx.max_priority_fee_per_gas().unwrap_or(tx.max_fee_per_gas());
    let blobs = |tx: &Signed| tx.max_fee_per_blob_gas().unwrap_or(0);
    let dearer = enough(old.max_fee_per_gas(), new.max_fee_per_gas())
        && (enough(tip(old), tip(new)) || (tip(old) == 0 && tip(new) == 0))
        && (!old.is_eip4844() || enough(blobs(old), blobs(new)));
    if dearer { Ok(()) } else { Err(PoolError::ReplacementUnderpriced { bump }) }
}

/// Gas that the transaction needs before it runs, with the floor of EIP-7623.
fn intrinsic_gas(pooled: &PoolTransaction) -> u64 {
    let environment = TxEnv::from_recovered_tx(pooled.transaction(), pooled.sender());
    let gas = calculate_initial_tx_gas_for_tx(environment, SpecId::PRAGUE);
    gas.initial_total_gas.max(gas.floor_gas)
}

/// Transactions for one block, a [`Source`].
#[derive(Debug)]
pub struct Best<'a> {
    pool: &'a Mempool,
    base_fee: u64,
    /// By sender, the next one last.
    waiting: HashMap<Address, Vec<PoolTransaction>>,
    heads: BinaryHeap<Head>,
    tried: Option<PoolTransaction>,
}

/// A sender's next transaction; the greatest goes first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    tip: u128,
    arrival: std::cmp::Reverse<u64>,
    sender: Address,
}

impl Best<'_> {
    fn offer(&mut self, sender: Address) {
        let next = self.waiting.get(&sender).and_then(|waiting| waiting.last());
        if let Some((next, tip)) = next.and_then(|next| Some((next, next.tip(self.base_fee)?))) {
            self.heads.push(Head { tip, arrival: std::cmp::Reverse(next.arrival), sender });
        }
    }

    fn note(&self, hash: B256, reason: String) {
        self.pool.inner.lock().reasons.put(hash, Status::LeftOut { reason });
    }
}

impl Source for Best<'_> {
    fn next(&mut self, gas_left: u64) -> Option<Arc<Candidate>> {
        // Nothing fits below the cost of a plain transfer.
        if gas_left < 21_000 {
            return None;
        }
        let head = self.heads.pop()?;
        let next = self.waiting.get_mut(&head.sender)?.pop()?;
        let candidate = next.candidate.clone();
        self.tried = Some(next);
        Some(candidate)
    }

    fn tried(&mut self, _: &Candidate, outcome: Result<TransactionOutcome, InvalidReason>) {
        use InvalidReason::{BelowBaseFee, BlockBlobGas, BlockGas, NonceTooHigh};
        let Some(tried) = self.tried.take() else { return };
        match outcome {
            Ok(_) => self.offer(tried.sender()),
            // The next block may take these.
            Err(reason @ (BlockGas { .. } | BlockBlobGas { .. } | BelowBaseFee | NonceTooHigh { .. })) => {
                self.note(tried.hash, reason.to_string());
            }
            Err(reason) => {
                let reason = format!("invalid in the newest state: {reason}");
                self.pool.inner.lock().remove(tried.hash, Some(&reason));
            }
        }
    }
}
