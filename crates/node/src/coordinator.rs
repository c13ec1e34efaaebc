//! Has committed batches proven: chooses ranges, waits for the prover, collects attestations, sends the proof to L1.
//!
//! One range at a time, recorded with all that was achieved for it; a restart goes on there. A range that is too large to
//! prove is halved. Nothing here holds up blocks or commits: the prover runs beside at low priority.

use std::sync::Arc;

use alloy_primitives::{B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall, SolValue};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::attest::{Attestation, Attesters, Statement, assemble};
use crate::batch::{Batch, BatchState, Batches, L1Place, Range, RangeError, range};
use crate::contracts::Rollup;
use crate::deploy::{Deployment, PROGRAM_VERSION, read};
use crate::l1::sender::{Outcome, Request, Sender, SenderError};
use crate::l1::{L1, L1Error};
use crate::l2::{L2, L2Error};
use crate::prover::{ProofStatus, Prover, ProverError};
use crate::records::{Records, key, put, put_bytes, remove};
use crate::step::Step;
use crate::store::StoreError;

const JOB: &[u8] = b"prove.job";
const INPUT: &[u8] = b"prove.input";
const WANTED: &[u8] = b"prove.wanted";

/// What is proven without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProveMode {
    /// Every committed batch.
    Always,
    /// Batches up to one that was asked for.
    OnDemand,
    /// None.
    Never,
}

/// Limits.
#[derive(Clone, Copy, Debug)]
pub struct CoordinatorOptions {
    /// What is proven without being asked.
    pub mode: ProveMode,
    /// Batches in one proof.
    pub max_batches: u64,
    /// Cycles in one proof, by the execution before commitment; a single batch may have more.
    pub max_cycles: u64,
    /// Signatures that the verifier contract wants.
    pub threshold: usize,
    /// Milliseconds before something that failed is tried again.
    pub retry_ms: u64,
}

impl Default for CoordinatorOptions {
    fn default() -> Self {
        Self {
            mode: ProveMode::Always,
            max_batches: 64,
            max_cycles: 1_000_000_000,
            threshold: 1,
            retry_ms: 30_000,
        }
    }
}

/// Why proving does not go on.
#[derive(Debug, Error)]
pub enum CoordinatorError {
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
    /// The range.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// The prover.
    #[error(transparent)]
    Prover(#[from] ProverError),
    /// A single batch that the prover gives up.
    #[error("batch {index} cannot be proven: {reason}")]
    Unprovable {
        /// Batch.
        index: u64,
        /// Why.
        reason: String,
    },
    /// Too few services attest.
    #[error("{got} of {needed} attestations for batches {first} to {last}; the last refusal: {reason}")]
    Attestations {
        /// First batch.
        first: u64,
        /// Last batch.
        last: u64,
        /// Collected.
        got: usize,
        /// Threshold.
        needed: usize,
        /// Of the last service that did not sign.
        reason: String,
    },
    /// L1 refuses the proof.
    #[error("L1 refuses the proof of batches {first} to {last}: {reason}")]
    Refused {
        /// First batch.
        first: u64,
        /// Last batch.
        last: u64,
        /// Why.
        reason: String,
    },
}

/// A range under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// First batch.
    pub first: u64,
    /// Last batch.
    pub last: u64,
    /// The prover's name for it: range and content, so that a reorg makes another one.
    pub id: String,
    /// Hash of the last batch, which binds all before it: another anchor is another statement.
    pub batch_hash: B256,
    /// keccak256 of the public output.
    pub digest: B256,
    /// Milliseconds when it was chosen.
    pub since_ms: u64,
    /// What it took, once proven.
    pub proven: Option<Proven>,
    /// Signatures so far.
    pub attestations: Vec<Attestation>,
    /// How often it was sent.
    pub attempt: u32,
}

/// What a proof took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proven {
    /// Cycles.
    pub cycles: u64,
    /// Shards.
    pub shards: u32,
    /// Size.
    pub proof_bytes: u64,
    /// Milliseconds.
    pub prove_ms: u64,
}

/// A finished range, for who asks what a proof took.
const DONE: &str = "prove.done";

/// The coordinator's records, for RPC and metrics.
#[derive(Clone, Debug)]
pub struct ProofRecords {
    records: Records,
}

impl ProofRecords {
    /// Over the node's records.
    pub fn new(records: Records) -> Self {
        Self { records }
    }

    /// The range under way.
    ///
    /// # Errors
    /// The disk.
    pub fn job(&self) -> Result<Option<Job>, StoreError> {
        self.records.load(JOB)
    }

    /// The finished range that a batch was proven in.
    ///
    /// # Errors
    /// The disk.
    pub fn done_with(&self, batch: &Batch) -> Result<Option<Job>, StoreError> {
        // Ranges are recorded under their last batch: the first one not before this batch.
        let next = self.records.load_from::<Job>(DONE, batch.index, 1)?;
        Ok(next.into_iter().map(|(_, job)| job).find(|job| job.first <= batch.index))
    }

    /// Asks for proofs of all batches up to `index`.
    ///
    /// # Errors
    /// The disk.
    pub fn want(&self, index: u64) -> Result<(), StoreError> {
        if self.wanted()? < index {
            self.records.commit(vec![put(WANTED, &index)?])?;
        }
        Ok(())
    }

    fn wanted(&self) -> Result<u64, StoreError> {
        Ok(self.records.load(WANTED)?.unwrap_or_default())
    }
}

/// What the coordinator works with.
pub struct CoordinatorParts {
    /// L1.
    pub l1: Arc<dyn L1>,
    /// L2.
    pub l2: Arc<dyn L2>,
    /// Makes proofs.
    pub prover: Arc<dyn Prover>,
    /// Attestation services.
    pub attesters: Arc<dyn Attesters>,
    /// Sends them.
    pub sender: Arc<Sender>,
    /// What is remembered.
    pub records: Records,
    /// The rollup.
    pub deployment: Deployment,
}

/// The task.
pub struct Coordinator {
    parts: CoordinatorParts,
    batches: Batches,
    proofs: ProofRecords,
    options: CoordinatorOptions,
    /// After a failure nothing is tried before this time, in milliseconds.
    wait_until_ms: Mutex<u64>,
    /// Which service is asked next.
    next_attester: Mutex<usize>,
}

impl Coordinator {
    /// Over its parts.
    pub fn new(parts: CoordinatorParts, options: CoordinatorOptions) -> Self {
        let batches = Batches::new(parts.records.clone());
        let proofs = ProofRecords::new(parts.records.clone());
        Self { parts, batches, proofs, options, wait_until_ms: Mutex::new(0), next_attester: Mutex::new(0) }
    }

    /// Does one thing for the range under way, or chooses the next one. `now_ms` is the time.
    ///
    /// # Errors
    /// What failed is tried again after a while.
    pub fn step(&self, now_ms: u64) -> Result<Step, CoordinatorError> {
        if now_ms < *self.wait_until_ms.lock() {
            return Ok(Step::Idle);
        }
        let result = match self.proofs.job()? {
            None => self.choose(now_ms),
            Some(job) if !self.still_wanted(&job)? => self.drop_job(&job),
            Some(job) if job.proven.is_none() => self.prove(job),
            Some(job) if job.attestations.len() < self.options.threshold => self.attest(job),
            Some(job) => self.send(job),
        };
        if result.is_err() {
            *self.wait_until_ms.lock() = now_ms + self.options.retry_ms;
        }
        result
    }

    fn choose(&self, now_ms: u64) -> Result<Step, CoordinatorError> {
        let Some(start) = self.batches.first_below(BatchState::Proven)? else { return Ok(Step::Idle) };
        let most = match self.options.mode {
            ProveMode::Always => u64::MAX,
            ProveMode::OnDemand => self.proofs.wanted()?,
            ProveMode::Never => 0,
        };
        let first = start.index;
        if start.state != BatchState::Committed {
            return Ok(Step::Idle);
        }
        let proven = self.proven_on_l1()?;
        if proven >= first {
            return self.note_others_proof(first, proven);
        }
        let mut last = None;
        let mut cycles = 0;
        for index in first..=self.batches.last()?.min(most).min(first + self.options.max_batches - 1) {
            let batch = self.batches.existing(index)?;
            cycles += batch.cycles;
            let fits = index == first || cycles <= self.options.max_cycles;
            if batch.state != BatchState::Committed || !fits {
                break;
            }
            last = Some(index);
        }
        last.map_or(Ok(Step::Idle), |last| self.begin(first, last, now_ms))
    }

    fn proven_on_l1(&self) -> Result<u64, CoordinatorError> {
        let rollup = self.parts.deployment.contracts.rollup;
        Ok(read(&*self.parts.l1, rollup, &Rollup::lastProvenCall {})?)
    }

    /// Anyone may prove: batches that somebody else proved need no proof of ours.
    fn note_others_proof(&self, first: u64, last: u64) -> Result<Step, CoordinatorError> {
        let mut writes = Vec::new();
        for index in first..=last.min(self.batches.last()?) {
            let batch = self.batches.existing(index)?;
            if batch.state != BatchState::Committed {
                break;
            }
            writes.push(Batches::change(&Batch { state: BatchState::Proven, ..batch })?);
        }
        self.parts.records.commit(writes)?;
        tracing::info!(first, last, "batches proven on L1 by somebody else");
        Ok(Step::Done)
    }

    /// Records a range with its input: what it is about must not depend on what L2 knows later.
    fn begin(&self, first: u64, last: u64, now_ms: u64) -> Result<Step, CoordinatorError> {
        let Range { input, output, .. } = self.range(first, last)?;
        let digest = keccak256(output.abi_encode());
        let job = Job {
            first,
            last,
            id: format!("{first}-{last}-{}", hex::encode(&digest[..8])),
            batch_hash: output.batchHash,
            digest,
            since_ms: now_ms,
            proven: None,
            attestations: Vec::new(),
            attempt: 0,
        };
        self.parts.records.commit(vec![put(JOB, &job)?, put_bytes(INPUT, input)])?;
        tracing::info!(first, last, "range chosen for proving");
        Ok(Step::Done)
    }

    /// False if L1 no longer has the range as it was, has it proven, or no longer has what comes before it proven.
    fn still_wanted(&self, job: &Job) -> Result<bool, CoordinatorError> {
        let start = self.batches.first_below(BatchState::Proven)?;
        if start.is_none_or(|start| start.index != job.first) {
            return Ok(false);
        }
        let Some(end) = self.batches.get(job.last)? else { return Ok(false) };
        Ok(end.state == BatchState::Committed && end.hash == job.batch_hash)
    }

    fn drop_job(&self, job: &Job) -> Result<Step, CoordinatorError> {
        self.parts.prover.forget(&job.id)?;
        self.parts.records.commit(vec![remove(JOB), remove(INPUT)])?;
        Ok(Step::Done)
    }

    fn prove(&self, mut job: Job) -> Result<Step, CoordinatorError> {
        match self.parts.prover.status(&job.id)? {
            ProofStatus::Unknown => {
                let input = self.parts.records.bytes(INPUT)?.unwrap_or_default();
                self.parts.prover.request(&job.id, &input)?;
                Ok(Step::Done)
            }
            ProofStatus::Queued | ProofStatus::Running { .. } => Ok(Step::Idle),
            ProofStatus::Done { cycles, shards, proof_bytes, prove_ms } => {
                job.proven = Some(Proven { cycles, shards, proof_bytes, prove_ms });
                self.save(&job)
            }
            ProofStatus::Failed { reason, .. } if job.last > job.first => {
                let middle = job.first + (job.last - job.first) / 2;
                tracing::warn!(first = job.first, last = job.last, middle, reason, "range is halved");
                self.parts.prover.forget(&job.id)?;
                self.begin(job.first, middle, job.since_ms)
            }
            ProofStatus::Failed { reason, .. } => {
                // Memory may be free and the disk repaired the next time.
                self.parts.prover.forget(&job.id)?;
                Err(CoordinatorError::Unprovable { index: job.first, reason })
            }
        }
    }

    fn attest(&self, mut job: Job) -> Result<Step, CoordinatorError> {
        let count = self.parts.attesters.count();
        let statement = Statement { program_vk: self.parts.deployment.program_vk, public_digest: job.digest };
        let mut reason = "there are no more services".to_owned();
        for _ in 0..count {
            let index = {
                let mut next = self.next_attester.lock();
                *next = (*next + 1) % count;
                *next
            };
            let proof = self.parts.prover.proof(&job.id)?;
            match self.parts.attesters.attest(index, &statement, proof) {
                Ok(attestation)
                    if job.attestations.iter().any(|known| known.signer == attestation.signer) => {}
                Ok(attestation) => {
                    tracing::info!(first = job.first, last = job.last, signer = %attestation.signer, "attested");
                    job.attestations.push(attestation);
                    return self.save(&job);
                }
                Err(error) => reason = error.to_string(),
            }
        }
        Err(CoordinatorError::Attestations {
            first: job.first,
            last: job.last,
            got: job.attestations.len(),
            needed: self.options.threshold,
            reason,
        })
    }

    fn send(&self, mut job: Job) -> Result<Step, CoordinatorError> {
        let Job { first, last, .. } = job;
        let name = format!("prove/{}/{}", job.id, job.attempt);
        let Some(outcome) = self.parts.sender.outcome(&name)? else {
            if self.parts.sender.knows(&name)? {
                return Ok(Step::Idle);
            }
            let Range { output, openings, .. } = self.range(first, last)?;
            let call = Rollup::proveBatchesCall {
                first,
                last,
                programVersion: U256::from(PROGRAM_VERSION),
                output,
                openings,
                proofs: vec![self.signatures(&job)],
            };
            let to = Some(self.parts.deployment.contracts.rollup);
            let request = Request { to, data: call.abi_encode().into(), ..Default::default() };
            self.parts.sender.submit(&name, &request)?;
            return Ok(Step::Done);
        };
        let proven = self.proven_on_l1()?;
        if proven >= last {
            return self.settle(&job, L1Place::of(&outcome));
        }
        if proven >= first {
            // Somebody else proved some of the range, which can no longer be proven as a whole.
            return self.drop_job(&job);
        }
        job.attempt += 1;
        self.parts.records.commit(vec![put(JOB, &job)?])?;
        let reason = match outcome {
            Outcome::Included { transaction, .. } => format!("transaction {transaction} had no effect"),
            Outcome::Reverts { reason, .. } => reason,
        };
        Err(CoordinatorError::Refused { first, last, reason })
    }

    fn signatures(&self, job: &Job) -> Bytes {
        assemble(job.attestations.iter().take(self.options.threshold).cloned().collect())
    }

    fn settle(&self, job: &Job, place: Option<L1Place>) -> Result<Step, CoordinatorError> {
        let mut writes = vec![remove(JOB), remove(INPUT), put(key(DONE, job.last), job)?];
        for index in job.first..=job.last {
            let batch = self.batches.existing(index)?;
            // Where claims become final by time, it may be that already.
            let batch = Batch { state: batch.state.max(BatchState::Proven), proof: place, ..batch };
            writes.push(Batches::change(&batch)?);
        }
        self.parts.records.commit(writes)?;
        tracing::info!(first = job.first, last = job.last, "batches proven on L1");
        // If the process dies here, some files stay that nobody needs.
        self.parts.prover.forget(&job.id)?;
        Ok(Step::Done)
    }

    fn range(&self, first: u64, last: u64) -> Result<Range, RangeError> {
        range(&self.batches, &*self.parts.l2, self.parts.deployment.config_hash, first, last)
    }

    fn save(&self, job: &Job) -> Result<Step, CoordinatorError> {
        self.parts.records.commit(vec![put(JOB, job)?])?;
        Ok(Step::Done)
    }
}
