//! Stateless execution of one block: the second step after [`super::L2BlockBuilder`], and how a block is checked.

use alloc::vec::Vec;
use alloy_consensus::Header;
use alloy_primitives::{B256, Bytes};
use op_alloy_consensus::OpReceiptEnvelope;

use super::{
    Attributes, BuiltL2Block, L2BlockBuilder, L2Error, MESSAGE_PASSER, RollupConfig, decode_transaction,
    transaction::SignedTransaction,
};
use crate::{
    InvalidReason, State, StateChanges, TransactionError,
    header::{self, Ancestors},
};

/// Everything that decides a block.
#[derive(Debug, Clone, Copy)]
pub struct L2BlockInput<'a> {
    /// The chain's constants.
    pub config: &'a RollupConfig,
    /// RLP of the parent header and of earlier ones, youngest first, as far back as the block reads hashes.
    pub headers: &'a [u8],
    /// The block's attributes.
    pub attributes: &'a Attributes,
    /// Encodings of the users' transactions: neither the L1 attributes nor deposits.
    pub transactions: &'a [Bytes],
    /// RLP of the witness nodes, depth first.
    pub nodes: &'a [u8],
    /// RLP strings of the codes.
    pub codes: &'a [u8],
}

/// A complete block.
#[derive(Debug, Clone)]
pub struct CompletedL2 {
    /// The header with all its fields.
    pub header: Header,
    /// Its hash.
    pub hash: B256,
    /// Encodings of all transactions, the L1 attributes first.
    pub transactions: Vec<Bytes>,
    /// Their receipts.
    pub receipts: Vec<OpReceiptEnvelope>,
    /// Nodes and codes that the block adds to the state before it.
    pub changes: StateChanges,
}

/// Executes a block on a witness and completes its header. Every transaction must be valid.
pub fn complete(input: &L2BlockInput<'_>) -> Result<CompletedL2, L2Error> {
    let Ancestors { parent, hashes } = header::ancestors(input.headers)?;
    let parent_hash = hashes[0];
    let mut state = State::new(parent.state_root, input.nodes, input.codes, hashes, parent.number)?;
    let transactions = input.transactions.iter().map(|encoded| decode_transaction(encoded.clone()));
    let executed =
        run(input.config, &parent, parent_hash, input.attributes, transactions, &mut state, &mut |_| {})?;
    if let Some((index, reason)) = executed.invalid {
        return Err(L2Error::Transaction { index, reason });
    }
    let mut block = executed.block;
    let (state_root, changes) = state.commit_block_with_changes()?;
    let hash = block.complete(state_root, state.storage_root(MESSAGE_PASSER)?);
    let BuiltL2Block { header, transactions, receipts } = block;
    Ok(CompletedL2 { header, hash, transactions, receipts, changes })
}

/// A block up to its first invalid transaction.
pub(crate) struct Executed {
    pub(crate) block: BuiltL2Block,
    /// The transaction that the block ended before, if it did, and why.
    pub(crate) invalid: Option<(usize, InvalidReason)>,
}

/// Runs a block's steps on a witness. The first invalid transaction ends the block.
pub(crate) fn run(
    config: &RollupConfig,
    parent: &Header,
    parent_hash: B256,
    attributes: &Attributes,
    transactions: impl Iterator<Item = Result<SignedTransaction, InvalidReason>>,
    state: &mut State<'_>,
    observe: &mut impl FnMut(usize),
) -> Result<Executed, L2Error> {
    let result = run_on(config, parent, parent_hash, attributes, transactions, &mut *state, observe);
    // The executor only repeats the text of the witness's error, so take the original.
    match state.take_fault() {
        Some(fault) => Err(fault.into()),
        None => result,
    }
}

fn run_on(
    config: &RollupConfig,
    parent: &Header,
    parent_hash: B256,
    attributes: &Attributes,
    transactions: impl Iterator<Item = Result<SignedTransaction, InvalidReason>>,
    state: &mut State<'_>,
    observe: &mut impl FnMut(usize),
) -> Result<Executed, L2Error> {
    let mut builder = L2BlockBuilder::begin(config, parent, parent_hash, attributes, state)?;
    let mut invalid = None;
    for (index, transaction) in transactions.enumerate() {
        observe(index);
        let included = transaction
            .map_err(TransactionError::Invalid)
            .and_then(|transaction| builder.try_transaction(transaction));
        match included {
            Ok(_) => {}
            Err(TransactionError::Invalid(reason)) => {
                invalid = Some((index, reason));
                break;
            }
            Err(TransactionError::Fatal(error)) => return Err(L2Error::Execution(error)),
        }
    }
    Ok(Executed { block: builder.finish()?, invalid })
}
