//! The execution of a range of batches: what the guest `batch` proves.

use alloc::vec::Vec;
use alloy_consensus::Header;
use alloy_primitives::B256;

use super::{
    BatchHeader, BatchInput, BatchWithBlobs, Deposit, DepositQueue, Derivation, L1Origin, L2Error,
    MESSAGE_PASSER, ParentOrigin, PublicOutput, QueuedDeposit,
    batch::{BATCH_VERSION, output_root},
    builder::BuiltL2Block,
    codec,
    derive::MissingOrigin,
    execute::{self, Executed},
    field::MulMod,
};
use crate::{
    BlockError, State, StateError,
    header::{self, Ancestors},
};

/// Why a range of batches cannot be executed. Nothing that a blob contains leads here: these are faults of the input.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// There is no batch.
    #[error("no batch")]
    NoBatch,
    /// A batch header is of another version.
    #[error("batch {index} is of version {version}")]
    Version {
        /// The batch.
        index: u64,
        /// Its version.
        version: u8,
    },
    /// Batches do not follow each other.
    #[error("batch {got} with parent {parent} follows batch {expected} - 1 with hash {hash}")]
    Sequence {
        /// Number that should come.
        expected: u64,
        /// Number that comes.
        got: u64,
        /// Hash of the batch before.
        hash: B256,
        /// Hash that the batch names.
        parent: B256,
    },
    /// Another number of blobs than the header has hashes of.
    #[error("batch {index} has {hashes} blob hashes and {blobs} blobs")]
    BlobCount {
        /// The batch.
        index: u64,
        /// Number of hashes.
        hashes: usize,
        /// Number of blobs.
        blobs: usize,
    },
    /// The L1 headers do not begin with the last batch's anchor, or a batch's anchor is none of them.
    #[error("batch {index}: L1 block {number} with hash {hash} is not among the L1 headers")]
    Anchor {
        /// The batch.
        index: u64,
        /// The anchor's number.
        number: u64,
        /// Its hash.
        hash: B256,
    },
    /// The deposits are not those that the header names.
    #[error("batch {index}: the deposits do not lead to count {count} and hash {hash}")]
    Deposits {
        /// The batch.
        index: u64,
        /// Count in the header.
        count: u64,
        /// Hash in the header.
        hash: B256,
    },
    /// There are more deposits than the batches consume.
    #[error("{0} deposits after those of the last batch")]
    UnusedDeposits(usize),
    /// The L1 headers are malformed or do not form a chain.
    #[error("L1 headers: {0}")]
    L1Headers(BlockError),
    /// The headers before the range are malformed or do not form a chain.
    #[error("headers: {0}")]
    Headers(BlockError),
    /// A block's origin is missing.
    #[error(transparent)]
    MissingOrigin(#[from] MissingOrigin),
    /// A block cannot be executed.
    #[error("block {number}: {error}")]
    Block {
        /// The block's number.
        number: u64,
        /// Why.
        error: L2Error,
    },
    /// The witness lacks something or contradicts the state root.
    #[error(transparent)]
    State(#[from] StateError),
}

/// A part of the execution, for those who measure it or want the blocks.
#[derive(Debug, Clone, Copy)]
pub enum BatchPhase<'a> {
    /// Headers and the witness are read.
    Reading,
    /// A batch's payload is decoded.
    Payload,
    /// The block with this number is executed.
    Block(u64),
    /// The transaction at this place among those of the users.
    Transaction(u32),
    /// The state root after a block.
    StateRoot,
    /// A block is complete; this is its hash.
    Completed(&'a BuiltL2Block, B256),
    /// A batch's blobs are opened.
    Openings,
}

impl BatchPhase<'_> {
    /// A number for the phase: transactions count from 16.
    pub const fn label(&self) -> u64 {
        match self {
            Self::Reading => 1,
            Self::Payload => 2,
            Self::Block(_) => 3,
            Self::StateRoot => 4,
            Self::Completed(..) => 5,
            Self::Openings => 6,
            Self::Transaction(index) => 16 + *index as u64,
        }
    }
}

/// Executes a range of batches. `mul_mod` is [`super::field::mul_mod`] or something faster.
pub fn execute_batches(input: &BatchInput<'_>, mul_mod: MulMod) -> Result<PublicOutput, BatchError> {
    execute_batches_observed(input, mul_mod, |_| {})
}

/// [`execute_batches`], telling `observe` where each phase begins.
pub fn execute_batches_observed(
    input: &BatchInput<'_>,
    mul_mod: MulMod,
    mut observe: impl FnMut(BatchPhase<'_>),
) -> Result<PublicOutput, BatchError> {
    observe(BatchPhase::Reading);
    let first = input.batches.first().ok_or(BatchError::NoBatch)?;
    let l1 = L1Chain::read(input.l1_headers)?;
    let mut chain = Chain::new(input)?;
    let mut output = PublicOutput {
        config_hash: input.config.hash(),
        previous_output_root: output_root(&chain.parent, chain.parent_hash),
        previous_batch_hash: first.header.parent_hash,
        previous_deposit_count: chain.queue.count,
        previous_deposit_hash: chain.queue.hash,
        ..PublicOutput::default()
    };
    let mut before = (first.header.index, first.header.parent_hash);
    for (place, BatchWithBlobs { header, blobs }) in input.batches.iter().enumerate() {
        before = check_header(header, blobs.len(), before)?;
        let anchor = l1.anchor(header, place + 1 == input.batches.len())?;
        let due = chain.due(header)?;
        observe(BatchPhase::Payload);
        let payload = codec::decode(blobs, input.config.l2_chain_id);
        let derivation = Derivation::new(&input.config, anchor, due, payload);
        chain.derive(derivation, &l1, &mut observe)?;
        observe(BatchPhase::Openings);
        let openings = blobs.iter().zip(&header.blob_hashes).map(|(blob, &hash)| blob.opening(hash, mul_mod));
        output.blobs.extend(openings);
        (output.l1_number, output.l1_hash) = (header.l1_number, header.l1_hash);
    }
    if !chain.deposits.is_empty() {
        return Err(BatchError::UnusedDeposits(chain.deposits.len()));
    }
    output.batch_hash = before.1;
    output.output_root = output_root(&chain.parent, chain.parent_hash);
    output.last_block = chain.parent.number;
    output.last_block_hash = chain.parent_hash;
    output.deposit_count = chain.queue.count;
    output.deposit_hash = chain.queue.hash;
    Ok(output)
}

/// Checks that the batch is the one with this number after the one with this hash; returns the next number and its hash.
fn check_header(
    header: &BatchHeader,
    blobs: usize,
    (expected, hash): (u64, B256),
) -> Result<(u64, B256), BatchError> {
    let &BatchHeader { version, index, parent_hash: parent, .. } = header;
    if version != BATCH_VERSION {
        return Err(BatchError::Version { index, version });
    }
    if index != expected || parent != hash {
        return Err(BatchError::Sequence { expected, got: index, hash, parent });
    }
    let hashes = header.blob_hashes.len();
    if hashes != blobs {
        return Err(BatchError::BlobCount { index, hashes, blobs });
    }
    Ok((index.saturating_add(1), header.hash()))
}

/// The L1 blocks from the last anchor back.
struct L1Chain(Vec<L1Origin>);

impl L1Chain {
    fn read(headers: &[u8]) -> Result<Self, BatchError> {
        let mut origins = Vec::new();
        header::chain(headers, |header, hash| origins.push(L1Origin::new(&header, hash)))
            .map_err(BatchError::L1Headers)?;
        Ok(Self(origins))
    }

    fn get(&self, number: u64) -> Option<L1Origin> {
        let back = self.0.first()?.number.checked_sub(number)?;
        self.0.get(usize::try_from(back).ok()?).copied()
    }

    /// The batch's anchor. That of the last batch must be the first header, which it vouches for.
    fn anchor(&self, header: &BatchHeader, is_last: bool) -> Result<L1Origin, BatchError> {
        let &BatchHeader { index, l1_number: number, l1_hash: hash, .. } = header;
        let first = self.0.first().map(|origin| origin.number);
        self.get(number)
            .filter(|origin| origin.hash == hash && (!is_last || first == Some(number)))
            .ok_or(BatchError::Anchor { index, number, hash })
    }
}

/// The chain's end while batches are executed.
struct Chain<'a> {
    input: &'a BatchInput<'a>,
    state: State<'a>,
    parent: Header,
    parent_hash: B256,
    queue: DepositQueue,
    /// Deposits that no batch consumed yet.
    deposits: &'a [Deposit],
}

impl<'a> Chain<'a> {
    fn new(input: &'a BatchInput<'a>) -> Result<Self, BatchError> {
        let Ancestors { parent, hashes } = header::ancestors(input.headers).map_err(BatchError::Headers)?;
        let parent_hash = hashes[0];
        let state = State::new(parent.state_root, input.nodes, input.codes, hashes, parent.number)?;
        let queue = input.previous_deposits;
        Ok(Self { input, state, parent, parent_hash, queue, deposits: &input.deposits })
    }

    /// The deposits that the batch consumes.
    fn due(&mut self, header: &BatchHeader) -> Result<Vec<QueuedDeposit>, BatchError> {
        let &BatchHeader { index, deposit_count: count, deposit_hash: hash, .. } = header;
        let error = || BatchError::Deposits { index, count, hash };
        let due = count.checked_sub(self.queue.count).and_then(|due| usize::try_from(due).ok());
        let (due, rest) = due.and_then(|due| self.deposits.split_at_checked(due)).ok_or_else(error)?;
        self.deposits = rest;
        let due = due.iter().map(|deposit| self.queue.push(deposit.clone())).collect();
        if self.queue == (DepositQueue { count, hash }) { Ok(due) } else { Err(error()) }
    }

    /// Appends the blocks of a batch.
    fn derive(
        &mut self,
        mut derivation: Derivation<'_>,
        l1: &L1Chain,
        observe: &mut impl FnMut(BatchPhase<'_>),
    ) -> Result<(), BatchError> {
        loop {
            let parent_origin = ParentOrigin::read(&mut self.state)?;
            let plan = derivation.next(&self.parent, parent_origin, |number| l1.get(number))?;
            let Some(plan) = plan else { return Ok(()) };
            let number = self.parent.number.saturating_add(1);
            observe(BatchPhase::Block(number));
            let Executed { mut block, invalid } = execute::run(
                &self.input.config,
                &self.parent,
                self.parent_hash,
                &plan.attributes,
                plan.transactions.into_iter().map(codec::PayloadTransaction::recover),
                &mut self.state,
                &mut |index| observe(BatchPhase::Transaction(index as u32)),
            )
            .map_err(|error| BatchError::Block { number, error })?;
            if invalid.is_some() {
                derivation.skip_rest();
            }
            observe(BatchPhase::StateRoot);
            let state_root = self.state.commit_block()?;
            let hash = block.complete(state_root, self.state.storage_root(MESSAGE_PASSER)?);
            observe(BatchPhase::Completed(&block, hash));
            self.state.advance(hash);
            (self.parent, self.parent_hash) = (block.header, hash);
        }
    }
}
