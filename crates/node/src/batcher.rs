//! Closes batches and publishes them on L1, each once.
//!
//! Closed → checked → committed, one batch at a time. Closing fixes blocks, blobs and anchor on disk. Checking runs the guest
//! program, the very one that is proven later, and compares its output byte by byte with what the node expects: a difference
//! stops the chain before anything false reaches L1. Committing goes through the sender under a name of the batch's own, so
//! that it is sent once; L1 takes it only on top of its parent. If an L1 reorg drops the anchor, the same blocks are published
//! again with another one.

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use alloy_sol_types::{SolCall, SolInterface, SolValue};
use thiserror::Error;

use crate::batch::{Batch, BatchState, Batches, L1Place, RangeError, genesis_hash, header_hash, range};
use crate::contracts::Rollup;
use crate::deploy::{Deployment, read};
use crate::guest::{Guest, GuestError};
use crate::kzg;
use crate::l1::sender::{Outcome, Request, Sender, SenderError};
use crate::l1::{L1, L1Error};
use crate::l1_watcher::Inbox;
use crate::l2::{L2, L2Error};
use crate::records::Records;
use crate::step::Step;
use crate::store::StoreError;

/// L1 knows the hashes of its last 256 blocks; the commit has to come in before the anchor is that old.
const ANCHOR_AGE_MAX: u64 = 200;

/// When a batch is closed.
#[derive(Clone, Copy, Debug)]
pub struct BatcherOptions {
    /// Milliseconds since the first block with users' transactions or deposits after which it is closed.
    pub max_age_ms: u64,
    /// Milliseconds after which it is closed even if nothing happened in its blocks.
    pub max_idle_age_ms: u64,
    /// Blocks.
    pub max_blocks: u64,
    /// Bytes of transactions.
    pub max_bytes: usize,
    /// Committed batches that are not yet proven, at most; more wait, as their blocks do.
    pub max_unproven: u64,
}

impl Default for BatcherOptions {
    fn default() -> Self {
        Self {
            max_age_ms: 12_000,
            max_idle_age_ms: 3_600_000,
            max_blocks: 256,
            max_bytes: 100_000,
            max_unproven: 1024,
        }
    }
}

/// Why batching stopped.
#[derive(Debug, Error)]
pub enum BatcherError {
    /// L1.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// L2.
    #[error(transparent)]
    L2(#[from] L2Error),
    /// Sending.
    #[error(transparent)]
    Sender(#[from] SenderError),
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A range of batches.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// The guest does not accept what the node made.
    #[error("batch {index}: {error}; the chain is stopped")]
    Guest {
        /// Batch.
        index: u64,
        /// Why.
        error: GuestError,
    },
    /// The guest finds something else than the node.
    #[error("batch {index}: node and guest program disagree about {what}; the chain is stopped")]
    Disagreement {
        /// Batch.
        index: u64,
        /// First field that differs.
        what: &'static str,
    },
    /// The portal's queue is another one than the watcher read.
    #[error("batch {index}: L1's deposit queue has another hash after {count} deposits than its events")]
    Queue {
        /// Batch.
        index: u64,
        /// Deposits.
        count: u64,
    },
    /// The blobs do not have commitments.
    #[error("batch {0}: a blob cannot be committed to")]
    Blob(u64),
    /// L1 refuses the batch, and another attempt makes no sense.
    #[error("L1 refuses batch {index}: {reason}")]
    Refused {
        /// Batch.
        index: u64,
        /// Why.
        reason: String,
    },
    /// Somebody else committed another batch.
    #[error("L1 has another batch {0} than this node: somebody else committed, this node has to follow L1")]
    Overtaken(u64),
}

impl BatcherError {
    /// True if the chain must not go on.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::Guest { .. } | Self::Disagreement { .. } | Self::Queue { .. } | Self::Overtaken(_)
        )
    }
}

/// The task.
pub struct Batcher {
    l1: Arc<dyn L1>,
    l2: Arc<dyn L2>,
    guest: Arc<dyn Guest>,
    sender: Arc<Sender>,
    records: Records,
    batches: Batches,
    inbox: Inbox,
    deployment: Deployment,
    options: BatcherOptions,
}

impl Batcher {
    /// Batches of `l2` for the rollup of `deployment`.
    pub fn new(
        l1: Arc<dyn L1>,
        l2: Arc<dyn L2>,
        guest: Arc<dyn Guest>,
        sender: Arc<Sender>,
        records: Records,
        deployment: Deployment,
        options: BatcherOptions,
    ) -> Self {
        let (batches, inbox) = (Batches::new(records.clone()), Inbox::new(records.clone()));
        Self { l1, l2, guest, sender, records, batches, inbox, deployment, options }
    }

    /// Does one thing for the first batch that is not committed, or closes the next one. `now_ms` is the time.
    ///
    /// # Errors
    /// The next step tries again, unless the error is fatal.
    pub fn step(&self, now_ms: u64) -> Result<Step, BatcherError> {
        let result = match self.batches.first_below(BatchState::Committed)? {
            Some(batch) if batch.state == BatchState::Closed => self.check(batch),
            Some(batch) => self.commit(batch),
            None => self.close(self.batches.get(self.batches.last()?)?, now_ms),
        };
        if let Err(error) = &result
            && error.is_fatal()
        {
            self.l2.halt(&error.to_string());
        }
        result
    }

    fn close(&self, previous: Option<Batch>, now_ms: u64) -> Result<Step, BatcherError> {
        if let Some(previous) = &previous
            && let Some(gone) = self.first_gone(previous.index)?
        {
            return self.commit_again(gone);
        }
        let unproven = self.batches.first_below(BatchState::Proven)?.map(|batch| batch.index);
        let index = previous.as_ref().map_or(1, |previous| previous.index + 1);
        if unproven.is_some_and(|first| index >= first + self.options.max_unproven) {
            return Ok(Step::Idle);
        }
        let first = previous.as_ref().map_or(1, |previous| previous.last_block + 1);
        let Some(last) = self.due(first, now_ms)? else { return Ok(Step::Idle) };
        let block = self.l2.block(last)?;
        let Some(anchor) = self.inbox.cursor()?.filter(|anchor| anchor.number >= block.l1_origin) else {
            return Ok(Step::Idle);
        };
        let parent_hash = previous.as_ref().map_or_else(
            || genesis_hash(self.deployment.genesis_output_root, self.deployment.config_hash),
            |previous| previous.hash,
        );
        let blobs = self.l2.encode(first, last)?;
        let hash_of = |blob: &alloy_primitives::Bytes| {
            let blob = alloy_eips::eip4844::Blob::try_from(&blob[..]).ok()?;
            kzg::versioned_hash(&blob)
        };
        let blob_hashes = blobs.iter().map(hash_of).collect::<Option<Vec<_>>>();
        let mut batch = Batch {
            index,
            first_block: first,
            last_block: last,
            parent_hash,
            output_root: block.output_root,
            deposit_count: block.deposit_count,
            deposit_hash: self.inbox.queue_hash(block.deposit_count)?,
            l1_number: anchor.number,
            l1_hash: anchor.hash,
            blob_hashes: blob_hashes.ok_or(BatcherError::Blob(index))?,
            hash: B256::ZERO,
            state: BatchState::Closed,
            attempt: 0,
            cycles: 0,
            closed_ms: now_ms,
            commit: None,
            proof: None,
        };
        batch.hash = header_hash(&batch.header());
        self.records.commit(Batches::add(&batch, &blobs)?)?;
        tracing::info!(index, first, last, blobs = blobs.len(), "batch closed");
        Ok(Step::Done)
    }

    /// The last block of a batch that begins with block `first`, if it is time to close it.
    fn due(&self, first: u64, now_ms: u64) -> Result<Option<u64>, BatcherError> {
        let head = self.l2.head();
        if head < first {
            return Ok(None);
        }
        let age_ms = |timestamp: u64| now_ms.saturating_sub(timestamp * 1000);
        let idle_since = self.l2.block(first)?.timestamp;
        let mut due = age_ms(idle_since) >= self.options.max_idle_age_ms;
        let mut bytes = 0;
        let mut busy_since = None;
        for number in first..=head {
            let block = self.l2.block(number)?;
            let block_bytes = block.transactions.iter().map(|transaction| transaction.len()).sum::<usize>();
            if number > first && bytes + block_bytes > self.options.max_bytes {
                return Ok(Some(number - 1));
            }
            bytes += block_bytes;
            if block_bytes > 0 || block.deposits > 0 {
                busy_since = busy_since.or(Some(block.timestamp));
            }
            if number + 1 - first >= self.options.max_blocks {
                return Ok(Some(number));
            }
        }
        due |= busy_since.is_some_and(|since| age_ms(since) >= self.options.max_age_ms);
        Ok(due.then_some(head))
    }

    fn check(&self, mut batch: Batch) -> Result<Step, BatcherError> {
        // A reorg that took the anchor says nothing about node and guest, which disagreement would stop the chain.
        if !self.anchor_stands(&batch)? {
            return self.commit_again(batch.index);
        }
        if self.inbox.header(batch.l1_number)?.is_none_or(|known| known.hash != batch.l1_hash) {
            return Ok(Step::Idle);
        }
        let index = batch.index;
        let count = batch.deposit_count;
        let expected = range(&self.batches, &*self.l2, self.deployment.config_hash, index, index)?;
        let run = self.guest.run(&expected.input).map_err(|error| BatcherError::Guest { index, error })?;
        if run.output != expected.output.abi_encode() {
            let what = difference(&run.output, &expected.output);
            return Err(BatcherError::Disagreement { index, what });
        }
        let portal = self.deployment.contracts.portal;
        let call = crate::contracts::Portal::depositHashCall { count };
        // A reorg may just have taken deposits away: then the batch goes as well.
        if read(&*self.l1, portal, &call).is_ok_and(|hash| hash != batch.deposit_hash)
            && self.anchor_stands(&batch)?
        {
            return Err(BatcherError::Queue { index, count });
        }
        batch.state = BatchState::Checked;
        batch.cycles = run.cycles;
        self.records.commit(vec![Batches::change(&batch)?])?;
        tracing::info!(index, cycles = run.cycles, "the guest program agrees with the batch");
        Ok(Step::Done)
    }

    fn commit(&self, mut batch: Batch) -> Result<Step, BatcherError> {
        let name = format!("commit/{}/{}", batch.index, batch.attempt);
        let Some(outcome) = self.sender.outcome(&name)? else {
            if self.sender.knows(&name)? {
                return Ok(Step::Idle);
            }
            if !self.anchor_stands(&batch)? {
                return self.commit_again(batch.index);
            }
            // The newest block does not know its own hash, so a commit estimated on it would revert.
            if self.l1.head()?.number() <= batch.l1_number {
                return Ok(Step::Idle);
            }
            let bond = read(&*self.l1, self.rollup(), &Rollup::bondCall {})?;
            let request = Request {
                to: Some(self.rollup()),
                value: bond,
                data: Rollup::commitBatchCall { claim: batch.claim() }.abi_encode().into(),
                gas: None,
                blobs: self.batches.blobs(batch.index)?,
            };
            self.sender.submit(&name, &request)?;
            return Ok(Step::Done);
        };
        match (L1Place::of(&outcome), self.on_l1(batch.index)?) {
            (place, hash) if hash == batch.hash => {
                batch.state = BatchState::Committed;
                batch.commit = place.or(batch.commit);
                self.records.commit(vec![Batches::change(&batch)?])?;
                self.l2.set_safe(batch.last_block)?;
                tracing::info!(index = batch.index, blocks = batch.last_block, "batch committed on L1");
                Ok(Step::Done)
            }
            (_, hash) if hash != B256::ZERO => {
                let ours = self.earlier_attempt(batch, hash)?;
                self.l2.set_safe(ours.last_block)?;
                self.records.commit(vec![Batches::change(&ours)?])?;
                tracing::info!(index = ours.index, "an earlier attempt to commit the batch succeeded");
                Ok(Step::Done)
            }
            // Included, and gone again.
            (Some(_), _) => self.commit_again(batch.index),
            (None, _) if !self.anchor_stands(&batch)? => self.commit_again(batch.index),
            (None, _) => {
                // It was never sent, and L1 may think otherwise later.
                self.sender.forget(&name)?;
                if let Some(gone) = self.first_gone(batch.index - 1)? {
                    return self.commit_again(gone);
                }
                Err(BatcherError::Refused { index: batch.index, reason: reason(&outcome) })
            }
        }
    }

    /// The batches from `first` on once more, with the newest anchor; without those whose blocks L2 took back.
    fn commit_again(&self, first: u64) -> Result<Step, BatcherError> {
        let last = self.batches.last()?;
        let end = self.batches.existing(last)?;
        let block =
            if end.last_block <= self.l2.head() { Some(self.l2.block(end.last_block)?) } else { None };
        // Blocks are taken back from the end, so batches are too.
        let Some(block) = block.filter(|block| block.output_root == end.output_root) else {
            tracing::warn!(index = last, "L2 took the batch's blocks back");
            self.records.commit(Batches::remove_last(last)?)?;
            return Ok(Step::Done);
        };
        let Some(anchor) = self.inbox.cursor()?.filter(|anchor| anchor.number >= block.l1_origin) else {
            return Ok(Step::Idle);
        };
        let mut parent_hash = match first - 1 {
            0 => genesis_hash(self.deployment.genesis_output_root, self.deployment.config_hash),
            parent => self.batches.existing(parent)?.hash,
        };
        let mut writes = Vec::new();
        for index in first..=last {
            let mut batch = self.batches.existing(index)?;
            let same = (batch.parent_hash, batch.l1_hash) == (parent_hash, anchor.hash);
            if same && index == first && batch.state < BatchState::Committed {
                return Ok(Step::Idle);
            }
            batch.parent_hash = parent_hash;
            (batch.l1_number, batch.l1_hash) = (anchor.number, anchor.hash);
            batch.hash = header_hash(&batch.header());
            batch.attempt += 1;
            batch.state = BatchState::Closed;
            batch.commit = None;
            parent_hash = batch.hash;
            writes.push(Batches::change(&batch)?);
        }
        self.records.commit(writes)?;
        tracing::warn!(first, last, "batches have to be committed again");
        Ok(Step::Done)
    }

    /// The first of the batches up to `last` that were committed and that L1 no longer has; none if it has the last one.
    fn first_gone(&self, last: u64) -> Result<Option<u64>, BatcherError> {
        let mut first = None;
        for index in (1..=last).rev() {
            let batch = self.batches.existing(index)?;
            if batch.state != BatchState::Committed {
                break;
            }
            match self.on_l1(index)? {
                B256::ZERO => first = Some(index),
                hash if hash == batch.hash => break,
                hash => {
                    let ours = self.earlier_attempt(batch, hash)?;
                    self.records.commit(vec![Batches::change(&ours)?])?;
                    break;
                }
            }
        }
        Ok(first)
    }

    /// The batch as L1 has it, if that is this batch with the anchor of an earlier attempt: a transaction that a reorg took
    /// out may be included again after all. Everything but the anchor is bound by the hash.
    fn earlier_attempt(&self, mut batch: Batch, hash: B256) -> Result<Batch, BatcherError> {
        let index = batch.index;
        let known = read(&*self.l1, self.rollup(), &Rollup::batchCall { index })?;
        batch.l1_number = known.l1Number.to();
        batch.l1_hash = self.l1.header(batch.l1_number)?.map(|header| header.hash).unwrap_or_default();
        batch.hash = header_hash(&batch.header());
        batch.state = BatchState::Committed;
        batch.commit = None;
        if batch.hash == hash { Ok(batch) } else { Err(BatcherError::Overtaken(index)) }
    }

    fn anchor_stands(&self, batch: &Batch) -> Result<bool, BatcherError> {
        let stands = self.l1.header(batch.l1_number)?.is_some_and(|header| header.hash == batch.l1_hash);
        Ok(stands && self.l1.head()?.number() <= batch.l1_number + ANCHOR_AGE_MAX)
    }

    fn on_l1(&self, index: u64) -> Result<B256, BatcherError> {
        Ok(read(&*self.l1, self.rollup(), &Rollup::batchHashCall { index })?)
    }

    fn rollup(&self) -> Address {
        self.deployment.contracts.rollup
    }
}

fn reason(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Included { transaction, .. } => format!("transaction {transaction} reverted"),
        Outcome::Reverts { reason, data } => {
            let error = Rollup::RollupErrors::abi_decode(data);
            error.map_or_else(|_| reason.clone(), |error| format!("{error:?}"))
        }
    }
}

/// The first field by which two outputs differ.
fn difference(got: &[u8], expected: &crate::contracts::PublicOutput) -> &'static str {
    let Ok(got) = crate::contracts::PublicOutput::abi_decode(got) else { return "the form of the output" };
    let fields = [
        ("the configuration", got.configHash == expected.configHash),
        ("the output root before", got.previousOutputRoot == expected.previousOutputRoot),
        ("the batch before", got.previousBatchHash == expected.previousBatchHash),
        ("the batch", got.batchHash == expected.batchHash),
        ("the blobs", got.blobs == expected.blobs),
        (
            "the deposits",
            got.depositCount == expected.depositCount && got.depositHash == expected.depositHash,
        ),
        ("the L1 anchor", got.l1Number == expected.l1Number && got.l1Hash == expected.l1Hash),
        ("the last block's number", got.lastBlock == expected.lastBlock),
        ("the last block's hash", got.lastBlockHash == expected.lastBlockHash),
        ("the output root", got.outputRoot == expected.outputRoot),
    ];
    fields.iter().find(|(_, same)| !same).map_or("the deposits before", |(what, _)| what)
}
