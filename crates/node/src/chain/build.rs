//! Adding blocks to the chain, and setting its head back.
//!
//! A block is executed twice. The first time over the store, to choose its transactions; what is read becomes the
//! witness. The second time by `vellum_block` from the witness, as the prover does: that gives the state root and
//! the changed trie nodes. Then everything is written at once.

use std::sync::Arc;

use alloy_consensus::{Header, transaction::Recovered};
use alloy_eips::eip7594::{BlobTransactionSidecarVariant, Encodable7594};
use alloy_primitives::{B256, Bytes};
use revm::database::CacheDB;
use vellum_block::{
    Attributes, BlockBuilder, BlockError, BlockInput, BuildError, Changes, TransactionOutcome,
    execute_for_changes, trie::TrieError,
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

    /// What became of the transaction that was tried last. An error that is [`BuildError::Block`] is not reported here:
    /// it ends the building.
    fn tried(&mut self, candidate: &Candidate, outcome: Result<TransactionOutcome, BuildError>);
}

/// What makes a new block.
#[derive(Debug, Clone)]
pub enum NewBlock {
    /// A block under Ethereum's rules.
    Ethereum(Attributes),
}

impl NewBlock {
    /// Seconds since 1970.
    pub const fn timestamp(&self) -> u64 {
        match self {
            Self::Ethereum(attributes) => attributes.timestamp,
        }
    }
}

/// A block without its state root, and its witness so far.
struct Draft {
    header: Header,
    transactions: Vec<BlockTransaction>,
    receipts: Vec<Receipt>,
    sidecars: Vec<StoredSidecar>,
    touched: Touched,
}

impl Chain {
    /// Builds a block on the head and makes it the head.
    pub fn seal(&self, new: &NewBlock, source: &mut dyn Source) -> Result<Arc<Block>, ChainError> {
        let _building = self.building.lock();
        let parent = self.head();
        let number = parent.number() + 1;
        let draft = self.draft(&parent, new, source).map_err(|error| ChainError::Build { number, error })?;
        let changes = self.execute(&parent, &draft)?;
        let header = Header { state_root: changes.state_root, ..draft.header };
        let block = Arc::new(Block::new(header, draft.transactions, draft.receipts));
        let mut writes = block_writes(&block, &changes);
        if !draft.sidecars.is_empty() {
            writes.push(Write::put(Table::Blobs, block.hash(), alloy_rlp::encode(&draft.sidecars)));
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
    fn draft(&self, parent: &Block, new: &NewBlock, source: &mut dyn Source) -> Result<Draft, BuildError> {
        let mut state = CacheDB::new(self.lazy_state(&parent.header, true));
        let Rules::Ethereum { chain_id, fork } = self.rules;
        let NewBlock::Ethereum(attributes) = new;
        let before = (&*parent.header, parent.hash());
        let mut builder = BlockBuilder::begin(fork, chain_id, before, attributes, &mut state)?;
        let mut senders = vec![];
        let mut sidecars = vec![];
        while let Some(candidate) = source.next(builder.gas_left()) {
            let (transaction, sender) = (candidate.transaction.inner(), candidate.transaction.signer());
            let recovered = Recovered::new_unchecked(transaction, sender);
            match builder.push(recovered, candidate.encoded.clone()) {
                Err(BuildError::Block(error)) => return Err(BuildError::Block(error)),
                outcome => {
                    if outcome.is_ok() {
                        senders.push(sender);
                        sidecars
                            .extend(candidate.sidecar.as_ref().map(|sidecar| stored(transaction, sidecar)));
                    }
                    source.tried(&candidate, outcome);
                }
            }
        }
        let (built, encoded) = builder.finish()?;
        let transactions = senders.into_iter().zip(encoded);
        Ok(Draft {
            header: built.header,
            transactions: transactions
                .map(|(sender, encoded)| BlockTransaction { sender, encoded })
                .collect(),
            receipts: built.receipts.into_iter().map(Receipt::from).collect(),
            sidecars,
            touched: state.db.into_touched(),
        })
    }

    /// The second execution: state root and changed nodes.
    fn execute(&self, parent: &Block, draft: &Draft) -> Result<Changes, ChainError> {
        let number = parent.number() + 1;
        let mut touched = draft.touched.clone();
        let encoded: Vec<Bytes> = draft.transactions.iter().map(|tx| tx.encoded.clone()).collect();
        let headers = self.headers_down_to(parent, touched.oldest_block)?;
        let codes = encode_codes(&touched);
        let Rules::Ethereum { chain_id, fork } = self.rules;
        loop {
            let nodes = touched.nodes.depth_first(parent.header.state_root);
            let block = vellum_block::encode_block(&draft.header, &encoded);
            let input =
                BlockInput { chain_id, fork, block: &block, headers: &headers, nodes: &nodes, codes: &codes };
            match execute_for_changes(&input) {
                Ok(changes) => return Ok(changes),
                Err(error) => {
                    let hash = missing_node(&error).ok_or(ChainError::Disagreement { number, error })?;
                    touched.nodes.insert_hashed(hash, &self.reader.node(hash)?);
                }
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
pub(super) fn block_writes(block: &Block, changes: &Changes) -> Vec<Write> {
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
    writes.extend(changes.nodes.iter().map(|(hash, node)| Write::put(Table::Nodes, hash, node.clone())));
    writes.extend(changes.codes.iter().map(|(hash, code)| Write::put(Table::Codes, hash, code.to_vec())));
    writes
}
