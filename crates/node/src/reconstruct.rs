//! L2 from L1 alone: every batch's blobs derived again, from genesis on, and every root compared.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use alloy_consensus::transaction::Recovered;
use alloy_eips::Decodable2718;
use alloy_primitives::B256;
use alloy_sol_types::SolEvent;
use serde::Serialize;
use thiserror::Error;
use vellum_block::l2::blob::{Blob, BlobError};
use vellum_block::l2::codec::{self, PayloadTransaction};
use vellum_block::l2::{
    DepositQueue, Derivation, L1Origin, ParentOrigin, QueuedDeposit, RollupConfig, output_root,
};
use vellum_block::{InvalidReason, TransactionOutcome};

use crate::block::Signed;
use crate::chain::{Candidate, Chain, ChainError, NewBlock, Rules, Source};
use crate::contracts::{BatchHeader, Portal, Rollup};
use crate::deploy::{self, DeployError, read};
use crate::l1::{L1, L1Error, L1Log};
use crate::l1_watcher;
use crate::l2_spec::SpecError;
use crate::running::Network;
use crate::store::memory::MemoryStore;

/// L1 blocks whose events are asked for at a time.
const BLOCKS_PER_REQUEST: u64 = 1000;

/// Why L2 cannot be derived.
#[derive(Debug, Error)]
pub enum ReconstructError {
    /// L1.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// The contracts.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// L2's genesis.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// L1 contradicts itself.
    #[error("L1's events do not fit together at batch {batch}: {reason}")]
    Inconsistent {
        /// Batch.
        batch: u64,
        /// What is wrong.
        reason: String,
    },
    /// A blob of another size.
    #[error("batch {batch}: {error}")]
    Blob {
        /// Batch.
        batch: u64,
        /// Why.
        error: BlobError,
    },
    /// L1 holds another root than the blobs lead to.
    #[error("batch {batch}: L1 holds the output root {got}, its blobs lead to {expected}")]
    OtherRoot {
        /// Batch.
        batch: u64,
        /// Derived.
        expected: B256,
        /// On L1.
        got: B256,
    },
}

/// What a batch led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DerivedBatch {
    /// Its index.
    pub index: u64,
    /// Last block after it.
    pub last_block: u64,
    /// Output root after it.
    pub output_root: B256,
    /// True if the commit claimed the same.
    pub claim_holds: bool,
}

/// What L1 led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reconstruction {
    /// Batches.
    pub batches: u64,
    /// Blocks.
    pub blocks: u64,
    /// Users' transactions.
    pub transactions: u64,
    /// Deposits.
    pub deposits: u64,
    /// State root at the end.
    pub state_root: B256,
    /// Output root at the end.
    pub output_root: B256,
    /// Batches whose commit claimed another root than the right one.
    pub wrong_claims: u64,
}

/// A batch's commit.
struct Commit {
    header: BatchHeader,
    transaction: B256,
    block: u64,
}

/// What L1's events say.
#[derive(Default)]
struct Events {
    queue: DepositQueue,
    deposits: Vec<QueuedDeposit>,
    commits: Vec<Commit>,
}

/// Derives L2 from L1; `each` is told every batch.
///
/// # Errors
/// L1 does not answer, or holds something else for a proven batch than its blobs lead to.
pub fn reconstruct(
    l1: &dyn L1,
    network: &Network,
    mut each: impl FnMut(&DerivedBatch),
) -> Result<Reconstruction, ReconstructError> {
    deploy::verify(l1, &network.deployment)?;
    let spec = network.l2.chain()?;
    let store = Arc::new(MemoryStore::default());
    let config = Arc::new(spec.config);
    let chain = Chain::open(store, Rules::L2(config.clone()), &spec.genesis)?;
    let events = events(l1, network)?;
    let mut origins = Origins { l1, known: BTreeMap::new() };
    let mut consumed = 0;
    let mut wrong_claims = 0;
    let mut transactions = 0;
    for commit in &events.commits {
        let header = &commit.header;
        let derived = derive(&chain, &config, &events, commit, consumed, &mut origins)?;
        transactions += derived.1;
        consumed = header.depositCount;
        let head = chain.head();
        let root = output_root(&head.header, head.hash());
        let batch = DerivedBatch {
            index: header.index,
            last_block: head.number(),
            output_root: root,
            claim_holds: root == header.claimedOutputRoot && head.number() == header.lastBlock,
        };
        wrong_claims += u64::from(!batch.claim_holds);
        each(&batch);
        compare(l1, network, &batch)?;
    }
    let head = chain.head();
    Ok(Reconstruction {
        batches: events.commits.len() as u64,
        blocks: head.number(),
        transactions,
        deposits: consumed,
        state_root: head.header.state_root,
        output_root: output_root(&head.header, head.hash()),
        wrong_claims,
    })
}

/// What is settled on L1 must be what was derived.
fn compare(l1: &dyn L1, network: &Network, derived: &DerivedBatch) -> Result<(), ReconstructError> {
    let call = Rollup::batchCall { index: derived.index };
    let batch = read(l1, network.deployment.contracts.rollup, &call)?;
    // Within a proven range only the last batch's root was judged.
    let judged = batch.settledAt > 0 && batch.settledIn == derived.index;
    if judged && batch.outputRoot != derived.output_root {
        let (expected, got) = (derived.output_root, batch.outputRoot);
        return Err(ReconstructError::OtherRoot { batch: derived.index, expected, got });
    }
    Ok(())
}

fn events(l1: &dyn L1, network: &Network) -> Result<Events, ReconstructError> {
    let contracts = &network.deployment.contracts;
    let head = l1.head()?.number();
    let mut events = Events::default();
    let mut from = network.deployment.l1_block;
    while from <= head {
        let to = head.min(from + BLOCKS_PER_REQUEST - 1);
        for log in l1.logs(&[contracts.portal, contracts.rollup], from, to)? {
            events.take(&log, log.log.address == contracts.portal)?;
        }
        from = to + 1;
    }
    Ok(events)
}

impl Events {
    fn take(&mut self, log: &L1Log, from_portal: bool) -> Result<(), ReconstructError> {
        let batch = self.commits.len() as u64;
        let error = |reason: &str| ReconstructError::Inconsistent { batch, reason: reason.to_owned() };
        let topic = log.log.topics().first().copied().unwrap_or_default();
        if from_portal && topic == Portal::TransactionDeposited::SIGNATURE_HASH {
            let deposit = l1_watcher::decode(&log.log).ok_or_else(|| error("a deposit does not decode"))?;
            let queued = self.queue.push(deposit);
            self.deposits.push(queued);
        } else if topic == Rollup::BatchCommitted::SIGNATURE_HASH {
            let event = Rollup::BatchCommitted::decode_log(&log.log)
                .map_err(|_| error("a commit does not decode"))?
                .data;
            if event.index != batch + 1 {
                return Err(error("a commit is out of order"));
            }
            self.commits.push(Commit {
                header: event.header,
                transaction: log.transaction,
                block: log.block,
            });
        } else if topic == Rollup::BatchesReverted::SIGNATURE_HASH {
            let event = Rollup::BatchesReverted::decode_log(&log.log)
                .map_err(|_| error("a revert does not decode"))?;
            self.commits.truncate(event.last as usize);
        }
        Ok(())
    }
}

/// L1 blocks by number, each asked for once.
struct Origins<'a> {
    l1: &'a dyn L1,
    known: BTreeMap<u64, L1Origin>,
}

impl Origins<'_> {
    fn get(&mut self, number: u64) -> Result<Option<L1Origin>, L1Error> {
        if let Some(origin) = self.known.get(&number) {
            return Ok(Some(*origin));
        }
        let header = self.l1.header(number)?;
        let origin = header.map(|header| L1Origin::new(&header.header, header.hash));
        self.known.extend(origin.map(|origin| (number, origin)));
        Ok(origin)
    }
}

/// Adds a batch's blocks to the chain; returns how many blocks and users' transactions.
fn derive(
    chain: &Chain,
    config: &RollupConfig,
    events: &Events,
    commit: &Commit,
    consumed: u64,
    origins: &mut Origins<'_>,
) -> Result<(u64, u64), ReconstructError> {
    let header = &commit.header;
    let batch = header.index;
    let error = |reason: &str| ReconstructError::Inconsistent { batch, reason: reason.to_owned() };
    let blobs = origins.l1.blobs(commit.block, commit.transaction, &header.blobHashes)?;
    let blobs = blobs.iter().map(|blob| Blob::new(blob.as_slice()));
    let blobs = blobs.collect::<Result<Vec<_>, _>>();
    let blobs = blobs.map_err(|error| ReconstructError::Blob { batch, error })?;
    let anchor = origins.get(header.l1Number)?.filter(|anchor| anchor.hash == header.l1Hash);
    let anchor = anchor.ok_or_else(|| error("its anchor is no block of this L1"))?;
    let due = events.deposits.get(consumed as usize..header.depositCount as usize);
    let due = due.ok_or_else(|| error("it consumes deposits that are not there"))?.to_vec();
    let payload = codec::decode(&blobs, config.l2_chain_id);
    let mut derivation = Derivation::new(config, anchor, due, payload);
    let (mut blocks, mut transactions) = (0, 0);
    loop {
        let parent = chain.head();
        let parent_origin = ParentOrigin::read(&mut chain.scratch_state(&parent.header))
            .map_err(|error| ChainError::State(error))?;
        let mut failed = None;
        let plan = derivation.next(&parent.header, parent_origin, |number| {
            origins.get(number).unwrap_or_else(|error| {
                failed = Some(error);
                None
            })
        });
        if let Some(error) = failed {
            return Err(error.into());
        }
        let Some(plan) = plan.map_err(|missing| error(&missing.to_string()))? else {
            return Ok((blocks, transactions));
        };
        let mut source = Planned { left: plan.transactions.into(), taken: 0, invalid: false };
        chain.seal(&NewBlock::L2(plan.attributes), &mut source)?;
        blocks += 1;
        transactions += source.taken;
        if source.invalid {
            derivation.skip_rest();
        }
    }
}

/// A payload's transactions as the source of a block; the first invalid one ends it.
struct Planned {
    left: VecDeque<PayloadTransaction>,
    taken: u64,
    invalid: bool,
}

impl Source for Planned {
    fn next(&mut self, _gas_left: u64) -> Option<Arc<Candidate>> {
        if self.invalid {
            return None;
        }
        let planned = self.left.pop_front()?;
        let encoded = planned.encoded.clone();
        let sender = planned.recover().ok().map(|transaction| transaction.value().signer());
        let candidate = sender.zip(Signed::decode_2718_exact(&encoded).ok());
        let Some((sender, transaction)) = candidate else {
            self.invalid = true;
            return None;
        };
        let transaction = Recovered::new_unchecked(transaction, sender);
        Some(Arc::new(Candidate { transaction, encoded, sidecar: None }))
    }

    fn tried(&mut self, _candidate: &Candidate, outcome: Result<TransactionOutcome, InvalidReason>) {
        match outcome {
            Ok(_) => self.taken += 1,
            Err(_) => self.invalid = true,
        }
    }
}
