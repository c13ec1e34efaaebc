//! Makes batches final on L1 once their proof is old enough, or their claim where the rollup has a challenge window, and
//! takes note of it.

use std::sync::Arc;

use alloy_sol_types::SolCall;
use thiserror::Error;

use crate::batch::{Batch, BatchState, Batches};
use crate::contracts::Rollup;
use crate::deploy::{Deployment, read};
use crate::l1::sender::{Outcome, Request, Sender, SenderError};
use crate::l1::{L1, L1Error};
use crate::l2::{L2, L2Error};
use crate::records::Records;
use crate::step::Step;
use crate::store::StoreError;

/// Batches taken note of in one step at most.
const BATCHES_PER_STEP: u64 = 256;

/// Why finalising does not go on.
#[derive(Debug, Error)]
pub enum FinalizerError {
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
}

/// The task.
pub struct Finalizer {
    l1: Arc<dyn L1>,
    l2: Arc<dyn L2>,
    sender: Arc<Sender>,
    records: Records,
    batches: Batches,
    deployment: Deployment,
}

impl Finalizer {
    /// For the rollup of `deployment`.
    pub fn new(
        l1: Arc<dyn L1>,
        l2: Arc<dyn L2>,
        sender: Arc<Sender>,
        records: Records,
        deployment: Deployment,
    ) -> Self {
        let batches = Batches::new(records.clone());
        Self { l1, l2, sender, records, batches, deployment }
    }

    /// Takes note of final batches, or asks L1 to make some final.
    ///
    /// # Errors
    /// The next step tries again.
    pub fn step(&self) -> Result<Step, FinalizerError> {
        let Some(first) = self.batches.first_below(BatchState::Final)? else { return Ok(Step::Idle) };
        let rollup = self.deployment.contracts.rollup;
        let window = read(&*self.l1, rollup, &Rollup::challengeWindowCall {})?;
        let least = if window == 0 { BatchState::Proven } else { BatchState::Committed };
        if first.state < least {
            return Ok(Step::Idle);
        }
        if first.state == BatchState::Proven
            && read(&*self.l1, rollup, &Rollup::lastProvenCall {})? < first.index
        {
            return self.prove_again(first.index);
        }
        let last_final = read(&*self.l1, rollup, &Rollup::lastFinalizedCall {})?;
        if last_final >= first.index {
            return self.take_note(first.index, last_final, least);
        }
        let Some(last) = self.ready(first.index, window)? else { return Ok(Step::Idle) };
        let name = format!("finalize/{last}");
        match self.sender.outcome(&name)? {
            None if self.sender.knows(&name)? => Ok(Step::Idle),
            None => {
                let data = Rollup::finalizeCall { last }.abi_encode().into();
                self.sender.submit(&name, &Request { to: Some(rollup), data, ..Default::default() })?;
                Ok(Step::Done)
            }
            // Too early by L1's clock, or undone by a reorg: once more.
            Some(Outcome::Reverts { .. } | Outcome::Included { .. }) => {
                self.sender.forget(&name)?;
                Ok(Step::Idle)
            }
        }
    }

    /// The last batch of a proven range whose delay is over, or a claim whose window is over.
    fn ready(&self, first: u64, window: u64) -> Result<Option<u64>, FinalizerError> {
        let rollup = self.deployment.contracts.rollup;
        let delay = read(&*self.l1, rollup, &Rollup::executionDelayCall {})?;
        let now = self.l1.head()?.header.timestamp;
        // The range that the first one was proven in; later ones follow in later steps.
        let batch = read(&*self.l1, rollup, &Rollup::batchCall { index: first })?;
        if batch.settledAt == 0 && window > 0 {
            return Ok((now >= batch.committedAt.to::<u64>() + window).then_some(first));
        }
        Ok((batch.settledAt > 0 && now >= batch.settledAt + delay).then_some(batch.settledIn))
    }

    /// An L1 reorg took the proof of this batch, and with it those of all later ones.
    fn prove_again(&self, first: u64) -> Result<Step, FinalizerError> {
        let mut writes = Vec::new();
        for index in first..=self.batches.last()? {
            let batch = self.batches.existing(index)?;
            if batch.state != BatchState::Proven {
                break;
            }
            writes.push(Batches::change(&Batch { state: BatchState::Committed, proof: None, ..batch })?);
        }
        self.records.commit(writes)?;
        tracing::warn!(first, "batches have to be proven again");
        Ok(Step::Done)
    }

    fn take_note(&self, first: u64, last_final: u64, least: BatchState) -> Result<Step, FinalizerError> {
        let rollup = self.deployment.contracts.rollup;
        let mut writes = Vec::new();
        let mut last_block = 0;
        for index in first..=last_final.min(first + BATCHES_PER_STEP - 1) {
            let Some(batch) = self.batches.get(index)?.filter(|batch| batch.state >= least) else { break };
            // A batch that was not seen to be proven may be another one on L1 by now.
            if batch.state < BatchState::Proven
                && read(&*self.l1, rollup, &Rollup::batchHashCall { index })? != batch.hash
            {
                break;
            }
            last_block = batch.last_block;
            writes.push(Batches::change(&Batch { state: BatchState::Final, ..batch })?);
        }
        if writes.is_empty() {
            return Ok(Step::Idle);
        }
        self.records.commit(writes)?;
        self.l2.set_finalized(last_block)?;
        tracing::info!(first, last_final, last_block, "batches final on L1");
        Ok(Step::Done)
    }
}
