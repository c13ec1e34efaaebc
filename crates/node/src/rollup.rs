//! The rollup's tasks put together: from L1, a chain and keys to a running service.

use std::sync::Arc;
use std::time::Duration;

use alloy_signer_local::PrivateKeySigner;
use thiserror::Error;

use crate::attest::Attesters;
use crate::batch::Batches;
use crate::batcher::{Batcher, BatcherOptions};
use crate::clock::Clock;
use crate::coordinator::{Coordinator, CoordinatorOptions, CoordinatorParts, ProofRecords};
use crate::deploy::Deployment;
use crate::finalizer::Finalizer;
use crate::guest::Guest;
use crate::l1::L1;
use crate::l1::sender::{Sender, SenderOptions};
use crate::l1_watcher::{Inbox, Watcher};
use crate::l2::{L2, L2Error};
use crate::prover::Prover;
use crate::records::Records;
use crate::store::StoreError;
use crate::tasks::{TaskBoard, Tasks};

/// Between two looks of a task that waits.
const POLL: Duration = Duration::from_millis(200);

/// What the tasks work with.
pub struct RollupParts {
    /// L1.
    pub l1: Arc<dyn L1>,
    /// L2.
    pub l2: Arc<dyn L2>,
    /// The guest program.
    pub guest: Arc<dyn Guest>,
    /// Makes proofs.
    pub prover: Arc<dyn Prover>,
    /// Attestation services.
    pub attesters: Arc<dyn Attesters>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What is remembered.
    pub records: Records,
    /// The contracts.
    pub deployment: Deployment,
    /// Commits batches.
    pub batcher_key: PrivateKeySigner,
    /// Sends proofs.
    pub prover_key: PrivateKeySigner,
}

/// How they behave.
#[derive(Clone, Copy, Debug, Default)]
pub struct RollupOptions {
    /// L1 blocks on top of one before it counts.
    pub confirmations: u64,
    /// Batches.
    pub batcher: BatcherOptions,
    /// Proofs.
    pub coordinator: CoordinatorOptions,
    /// Transactions on L1.
    pub sender: SenderOptions,
}

/// Why the service does not start.
#[derive(Debug, Error)]
pub enum RollupError {
    /// L2.
    #[error(transparent)]
    L2(#[from] L2Error),
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No threads.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// What RPC and metrics look at.
#[derive(Clone)]
pub struct RollupView {
    /// L1 as far as it was taken in.
    pub inbox: Inbox,
    /// Batches.
    pub batches: Batches,
    /// Proofs.
    pub proofs: ProofRecords,
    /// The prover.
    pub prover: Arc<dyn Prover>,
    /// The tasks.
    pub board: TaskBoard,
    /// The contracts.
    pub deployment: Deployment,
}

/// The running service; dropping it ends the tasks.
pub struct RollupService {
    _tasks: Tasks,
    view: RollupView,
}

impl RollupService {
    /// Starts all tasks.
    ///
    /// # Errors
    /// The disk, or no threads.
    pub fn start(parts: RollupParts, options: RollupOptions) -> Result<Self, RollupError> {
        let RollupParts { l1, l2, guest, prover, attesters, clock, records, deployment, .. } = parts;
        let batches = Batches::new(records.clone());
        let sender = |key: PrivateKeySigner| {
            let sender = SenderOptions { confirmations: options.confirmations, ..options.sender };
            Arc::new(Sender::new(l1.clone(), records.clone(), key, deployment.l1_chain_id, sender))
        };
        let batch_sender = sender(parts.batcher_key);
        let proof_sender = sender(parts.prover_key);
        let mut tasks = Tasks::default();
        // Loading the set-up takes seconds; the first batch need not wait for it.
        std::thread::Builder::new().name("kzg".to_owned()).spawn(|| {
            crate::kzg::settings();
        })?;

        let watcher = Watcher::new(
            l1.clone(),
            l2.clone(),
            records.clone(),
            deployment.contracts.portal,
            deployment.l1_block,
            options.confirmations,
        );
        tasks.spawn("l1-watcher", POLL, move || watcher.step())?;

        let batcher = Batcher::new(
            l1.clone(),
            l2.clone(),
            guest,
            batch_sender.clone(),
            records.clone(),
            deployment.clone(),
            options.batcher,
        );
        let now_ms = move |clock: &Arc<dyn Clock>| clock.now().as_millis() as u64;
        let of_task = clock.clone();
        tasks.spawn("batcher", POLL, move || batcher.step(now_ms(&of_task)))?;

        let coordinator = Coordinator::new(
            CoordinatorParts {
                l1: l1.clone(),
                l2: l2.clone(),
                prover: prover.clone(),
                attesters,
                sender: proof_sender.clone(),
                records: records.clone(),
                deployment: deployment.clone(),
            },
            options.coordinator,
        );
        let of_task = clock.clone();
        tasks.spawn("coordinator", POLL, move || coordinator.step(now_ms(&of_task)))?;

        let finalizer = Finalizer::new(l1, l2, proof_sender.clone(), records.clone(), deployment.clone());
        tasks.spawn("finalizer", POLL, move || finalizer.step())?;

        for (name, sender) in [("batch-sender", batch_sender), ("proof-sender", proof_sender)] {
            let of_task = clock.clone();
            tasks.spawn(name, POLL, move || sender.step(now_ms(&of_task)))?;
        }

        let view = RollupView {
            inbox: Inbox::new(records.clone()),
            batches,
            proofs: ProofRecords::new(records),
            prover,
            board: tasks.board(),
            deployment,
        };
        Ok(Self { _tasks: tasks, view })
    }

    /// What RPC and metrics look at.
    pub fn view(&self) -> RollupView {
        self.view.clone()
    }
}
