//! Adding blocks to the chain, and setting its head back.
//!
//! A block is executed twice. The first time over the store, to choose its transactions; what is read becomes the
//! witness. The second time by `vellum_block` from the witness, as the prover does: that gives the state root and
//! the changed trie nodes. Then everything is written at once.

use std::sync::Arc;

use alloy_consensus::{Header, transaction::Recovered};
use alloy_eips::eip7594::{BlobTransactionSidecarVariant, Encodable7594};
use alloy_primitives::{B256, Bytes};
use revm::{DatabaseCommit, database::CacheDB};
use vellum_block::{
    BlockAttributes, BlockBuilder, BlockError, BlockInput, Fork, InvalidReason, StateChanges,
    TransactionError, TransactionOutcome, complete, encode_block,
    l2::{self, L2BlockBuilder, L2BlockInput, L2Error, RollupConfig},
    trie::TrieError,
};

use super::{Chain, ChainError, Rules, lookup::StoredSidecar, number_meta};
use crate::{
    block::{Block, BlockTransaction, Receipt, Signed},
    state::Touched,
    store::{Table, Write},
};

/// A transaction that may go into a block.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The transaction and its sender.
    pub transaction: Recovered<Signed>,
    /// Its EIP-2718 encoding as it stands in a block.
    pub encoded: Bytes,
    /// Its blobs.
    pub sidecar: Option<Arc<BlobTransactionSidecarVariant>>,
}

/// Where a block's transactions come from.
pub trait Source {
    /// The next transaction to try, in a block with this much gas left; none ends the block.
    fn next(&mut self, gas_left: u64) -> Option<Arc<Candidate>>;

    /// What became of the transaction that was tried last.
    fn tried(&mut self, candidate: &Candidate, outcome: Result<TransactionOutcome, InvalidReason>);
}

/// What makes a new block.
#[derive(Debug, Clone)]
pub enum NewBlock {
    /// A block under Ethereum's rules.
    Ethereum(BlockAttributes),
    /// A block under the rollup's.
    L2(l2::Attributes),
}

impl NewBlock {
    /// Seconds since 1970.
    pub const fn timestamp(&self) -> u64 {
        match self {
            Self::Ethereum(attributes) => attributes.timestamp,
            Self::L2(attributes) => attributes.timestamp,
        }
    }
}

/// A block without its roots, and its witness so far.
struct Draft {
    header: Header,
    transactions: Vec<BlockTransaction>,
    receipts: Vec<Receipt>,
    sidecars: Vec<StoredSidecar>,
    touched: Touched,
}

/// What the second execution gives.
struct Completed {
    header: Header,
    changes: StateChanges,
}

impl Chain {
    /// Builds a block on the head and makes it the head.
    pub fn seal(&self, new: &NewBlock, source: &mut dyn Source) -> Result<Arc<Block>, ChainError> {
        let _building = self.building.lock();
        let parent = self.head();
        let draft = self.draft(&parent, new, source)?;
        let Completed { header, changes } = self.complete(&parent, new, &draft)?;
        let block = Arc::new(Block::new(header, draft.transactions, draft.receipts));
        let mut writes = block_writes(&block, &changes);
        if !draft.sidecars.is_empty() {
            writes.push(Write::put(Table::Blobs, block.hash(), alloy_rlp::encode(&draft.sidecars)));
        }
        if let NewBlock::L2(attributes) = new {
            let count = self.deposit_count(parent.hash())? + attributes.deposits.len() as u64;
            writes.push(Write::put(Table::Deposits, block.hash(), count.to_be_bytes()));
        }
        self.store.commit(writes)?;
        self.reader.remember(&changes.nodes);
        self.blocks.lock().put(block.hash(), block.clone());
        self.heads.write().latest = block.clone();
        // Nobody may be listening.
        let _ = self.new_heads.send(block.clone());
        Ok(block)
    }

    /// Makes an earlier block the head, as a reorg does; returns the blocks that are no longer on the chain, the
    /// oldest first.
    pub fn set_head(&self, number: u64) -> Result<Vec<Arc<Block>>, ChainError> {
        let _building = self.building.lock();
        let target = self.block_by_number(number)?.ok_or(ChainError::NoBlock(number))?;
        let mut removed = vec![];
        let mut writes = vec![number_meta("head", number)];
        for number in number + 1..=self.head_number() {
            let block = self.block_by_number(number)?.ok_or(ChainError::NoBlock(number))?;
            writes.push(Write::remove(Table::Canonical, number.to_be_bytes()));
            let hashes = block.transactions.iter().map(BlockTransaction::hash);
            writes.extend(hashes.map(|hash| Write::remove(Table::Transactions, hash)));
            removed.push(block);
        }
        let mut heads = self.heads.write();
        let (safe, finalized) = (heads.safe.min(number), heads.finalized.min(number));
        writes.extend([number_meta("safe", safe), number_meta("finalized", finalized)]);
        self.store.commit(writes)?;
        (heads.safe, heads.finalized) = (safe, finalized);
        heads.latest = target.clone();
        drop(heads);
        let _ = self.new_heads.send(target);
        Ok(removed)
    }

    /// The first execution.
    fn draft(&self, parent: &Block, new: &NewBlock, source: &mut dyn Source) -> Result<Draft, ChainError> {
        let number = parent.number() + 1;
        let failed = |error: String| ChainError::Build { number, error };
        let mut state = CacheDB::new(self.lazy_state(&parent.header, true));
        let mut draft = match (&self.rules, new) {
            (Rules::Ethereum { chain_id, fork }, NewBlock::Ethereum(attributes)) => {
                draft_ethereum((*chain_id, *fork), parent, attributes, source, &mut state)
            }
            (Rules::L2(config), NewBlock::L2(attributes)) => {
                draft_l2(config, parent, attributes, source, &mut state)
            }
            _ => Err("attributes of other rules".into()),
        }
        .map_err(failed)?;
        state.db.note_siblings(&state.cache)?;
        draft.touched = state.db.into_touched();
        Ok(draft)
    }

    /// The second execution: the roots and the changed nodes.
    fn complete(&self, parent: &Block, new: &NewBlock, draft: &Draft) -> Result<Completed, ChainError> {
        let number = parent.number() + 1;
        let mut touched = draft.touched.clone();
        let headers = self.headers_down_to(parent, touched.oldest_block)?;
        let codes = encode_codes(&touched);
        loop {
            let nodes = touched.nodes.depth_first(parent.header.state_root);
            let completed = match (&self.rules, new) {
                (Rules::L2(config), NewBlock::L2(attributes)) => {
                    complete_l2(config, attributes, draft, (&headers, &nodes, &codes))
                }
                (Rules::Ethereum { chain_id, fork }, _) => {
                    complete_ethereum((*chain_id, *fork), draft, (&headers, &nodes, &codes))
                }
                _ => Err(Failure::Other("attributes of other rules".into())),
            };
            match completed {
                Ok(completed) => return Ok(completed),
                Err(Failure::Missing(hash)) => touched.nodes.insert_hashed(hash, &self.reader.node(hash)?),
                Err(Failure::Other(error)) => return Err(ChainError::Disagreement { number, error }),
            }
        }
    }

    /// Headers for a witness: the parent's, and those before it down to the oldest whose hash is read.
    pub(super) fn headers_down_to(&self, parent: &Block, oldest: Option<u64>) -> Result<Vec<u8>, ChainError> {
        let mut headers = alloy_rlp::encode(&*parent.header);
        let oldest = oldest.unwrap_or(parent.number());
        for number in (oldest..parent.number()).rev() {
            let header = self.header_by_number(number)?.ok_or(ChainError::NoBlock(number))?;
            headers.extend_from_slice(&alloy_rlp::encode(&*header));
        }
        Ok(headers)
    }
}

/// Gives the source's transactions to `push` until there is none left. `push` says what became of one, or why the
/// block cannot be built.
fn choose<S>(
    state: &mut S,
    source: &mut dyn Source,
    gas_left: impl Fn(&S) -> u64,
    mut push: impl FnMut(&mut S, &Candidate) -> Result<TransactionOutcome, TransactionError>,
) -> Result<Vec<Arc<Candidate>>, String> {
    let mut taken = vec![];
    while let Some(candidate) = source.next(gas_left(state)) {
        let outcome = match push(state, &candidate) {
            Ok(outcome) => {
                taken.push(candidate.clone());
                Ok(outcome)
            }
            Err(TransactionError::Invalid(reason)) => Err(reason),
            Err(TransactionError::Fatal(error)) => return Err(error.to_string()),
        };
        source.tried(&candidate, outcome);
    }
    Ok(taken)
}

fn block_transaction(candidate: &Candidate) -> BlockTransaction {
    BlockTransaction { sender: candidate.transaction.signer(), encoded: candidate.encoded.clone() }
}

fn draft_ethereum(
    (chain_id, fork): (u64, Fork),
    parent: &Block,
    attributes: &BlockAttributes,
    source: &mut dyn Source,
    state: impl alloy_evm::Database + DatabaseCommit,
) -> Result<Draft, String> {
    let text = |error: BlockError| error.to_string();
    let builder =
        BlockBuilder::begin(chain_id, fork, &parent.header, parent.hash(), attributes.clone(), state);
    let mut builder = builder.map_err(text)?;
    let push = |builder: &mut BlockBuilder<_>, candidate: &Candidate| {
        builder.try_transaction(&candidate.transaction)
    };
    let taken = choose(&mut builder, source, BlockBuilder::gas_left, push)?;
    let built = builder.finish().map_err(text)?;
    let sidecar = |taken: &Arc<Candidate>| Some(stored(taken.transaction.inner(), taken.sidecar.as_ref()?));
    Ok(Draft {
        header: built.header,
        transactions: taken.iter().map(|candidate| block_transaction(candidate)).collect(),
        receipts: built.receipts.into_iter().map(Receipt::from).collect(),
        sidecars: taken.iter().filter_map(sidecar).collect(),
        touched: Touched::default(),
    })
}

fn draft_l2(
    config: &RollupConfig,
    parent: &Block,
    attributes: &l2::Attributes,
    source: &mut dyn Source,
    state: impl alloy_evm::Database + DatabaseCommit,
) -> Result<Draft, String> {
    let text = |error: L2Error| error.to_string();
    let builder = L2BlockBuilder::begin(config, &parent.header, parent.hash(), attributes, state);
    let mut builder = builder.map_err(text)?;
    let push = |builder: &mut L2BlockBuilder<_>, candidate: &Candidate| {
        let transaction = block_transaction(candidate).to_l2();
        let transaction = transaction.map_err(|error| InvalidReason::Other(error.to_string()))?;
        builder.try_transaction(transaction)
    };
    let taken = choose(&mut builder, source, L2BlockBuilder::gas_left, push)?;
    let built = builder.finish().map_err(text)?;
    let from_l1 = built.transactions.len() - taken.len();
    let deposit = |encoded: &Bytes| {
        let deposit = crate::block::Transaction::decode(encoded).map_err(|error| error.to_string())?;
        let crate::block::Transaction::Deposit(deposit) = deposit else { return Err("not a deposit".into()) };
        Ok(BlockTransaction { sender: deposit.from, encoded: encoded.clone() })
    };
    let deposits = built.transactions[..from_l1].iter().map(deposit);
    let mut transactions = deposits.collect::<Result<Vec<_>, String>>()?;
    transactions.extend(taken.iter().map(|candidate| block_transaction(candidate)));
    let receipts = built.receipts.into_iter().map(Receipt::from).collect();
    Ok(Draft { header: built.header, transactions, receipts, sidecars: vec![], touched: Touched::default() })
}

/// Why the second execution did not end.
enum Failure {
    /// The witness lacks this node, the sibling of a removed one.
    Missing(B256),
    Other(String),
}

impl From<BlockError> for Failure {
    fn from(error: BlockError) -> Self {
        missing_node(&error).map_or_else(|| Self::Other(error.to_string()), Self::Missing)
    }
}

impl From<L2Error> for Failure {
    fn from(error: L2Error) -> Self {
        match error {
            L2Error::State(error) => BlockError::State(error).into(),
            L2Error::Block(error) => error.into(),
            error => Self::Other(error.to_string()),
        }
    }
}

type Parts<'a> = (&'a [u8], &'a [u8], &'a [u8]);

fn complete_ethereum(
    (chain_id, fork): (u64, Fork),
    draft: &Draft,
    (headers, nodes, codes): Parts<'_>,
) -> Result<Completed, Failure> {
    let encoded: Vec<Bytes> = draft.transactions.iter().map(|tx| tx.encoded.clone()).collect();
    let block = encode_block(&draft.header, &encoded);
    let completed = complete(&BlockInput { chain_id, fork, block: &block, headers, nodes, codes })?;
    let header = Header { state_root: completed.state_root, ..draft.header.clone() };
    Ok(Completed { header, changes: completed.changes })
}

fn complete_l2(
    config: &RollupConfig,
    attributes: &l2::Attributes,
    draft: &Draft,
    (headers, nodes, codes): Parts<'_>,
) -> Result<Completed, Failure> {
    let users = draft.transactions.iter().filter(|transaction| !transaction.is_deposit());
    let transactions: Vec<Bytes> = users.map(|transaction| transaction.encoded.clone()).collect();
    let input = L2BlockInput { config, headers, attributes, transactions: &transactions, nodes, codes };
    let completed = l2::complete(&input)?;
    let header = completed.header;
    let expected = Header {
        state_root: header.state_root,
        withdrawals_root: header.withdrawals_root,
        ..draft.header.clone()
    };
    if header != expected {
        return Err(Failure::Other(format!("header {header:?} instead of {expected:?}")));
    }
    Ok(Completed { header, changes: completed.changes })
}

fn stored(transaction: &Signed, sidecar: &BlobTransactionSidecarVariant) -> StoredSidecar {
    StoredSidecar { transaction: *transaction.tx_hash(), sidecar: sidecar.encoded_7594().into() }
}

/// The codes of a witness: RLP strings one after the other, in the order of their hashes.
pub(super) fn encode_codes(touched: &Touched) -> Vec<u8> {
    let mut codes: Vec<_> = touched.codes.iter().collect();
    codes.sort_by_key(|(hash, _)| **hash);
    let mut out = vec![];
    codes.iter().for_each(|(_, code)| alloy_rlp::Encodable::encode(*code, &mut out));
    out
}

/// The node that the execution from the witness misses: the sibling of a removed one.
pub(super) fn missing_node(error: &BlockError) -> Option<B256> {
    use vellum_block::StateError::{Account, Slot};
    match error {
        BlockError::State(
            Account { error: TrieError::Missing { hash, .. }, .. }
            | Slot { error: TrieError::Missing { hash, .. }, .. },
        ) => Some(*hash),
        _ => None,
    }
}

/// All entries of a new head.
pub(super) fn block_writes(block: &Block, changes: &StateChanges) -> Vec<Write> {
    let (hash, number) = (block.hash(), block.number().to_be_bytes());
    let mut writes = vec![
        Write::put(Table::Headers, hash, alloy_rlp::encode(&*block.header)),
        Write::put(Table::Bodies, hash, alloy_rlp::encode(&block.transactions)),
        Write::put(Table::Receipts, hash, alloy_rlp::encode(&block.receipts)),
        Write::put(Table::Canonical, number, hash.to_vec()),
        number_meta("head", block.number()),
    ];
    for (index, transaction) in block.transactions.iter().enumerate() {
        let place = [&number[..], &(index as u32).to_be_bytes()].concat();
        writes.push(Write::put(Table::Transactions, transaction.hash(), place));
    }
    writes.extend(changes.nodes.iter().map(|(hash, node)| Write::put(Table::Nodes, hash, node.to_vec())));
    writes.extend(changes.codes.iter().map(|(hash, code)| Write::put(Table::Codes, hash, code.to_vec())));
    writes
}
