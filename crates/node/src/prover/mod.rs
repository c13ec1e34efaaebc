//! Proofs of guest executions, as the coordinator asks for them.
//!
//! [`local::LocalProver`] makes them in this process; the trait is narrow so that a fleet of workers, or a simulation, can stand in.

pub mod local;

use std::io::Read;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How far a proof is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProofStatus {
    /// Nobody asked, or it was forgotten.
    Unknown,
    /// Waits for others.
    Queued,
    /// Being made.
    Running {
        /// Cycles of the execution; 0 until it is planned.
        cycles: u64,
        /// Shards; 0 until it is planned.
        shards: u32,
        /// Shards proven.
        proven: u32,
    },
    /// Ready.
    Done {
        /// Cycles of the execution.
        cycles: u64,
        /// Shards.
        shards: u32,
        /// Size of the proof.
        proof_bytes: u64,
        /// Milliseconds that it took, interruptions left out.
        prove_ms: u64,
    },
    /// Given up.
    Failed {
        /// Why.
        reason: String,
        /// True if a shorter execution may succeed.
        too_large: bool,
    },
}

/// Why a prover does not even take the work.
#[derive(Debug, Error)]
pub enum ProverError {
    /// Its folder cannot be read or written.
    #[error("the prover's file {path} cannot be used: {reason}")]
    File {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
    /// No proof of that name is ready.
    #[error("no proof {0} is ready")]
    NotReady(String),
}

/// A maker of proofs. Work has a name of letters, digits and hyphens, chosen by the caller.
pub trait Prover: Send + Sync {
    /// Asks for a proof of the execution on `input`. Asking again changes nothing, after a crash of any kind too.
    ///
    /// # Errors
    /// The work cannot be kept.
    fn request(&self, id: &str, input: &[u8]) -> Result<(), ProverError>;

    /// How far it is.
    ///
    /// # Errors
    /// The prover cannot say.
    fn status(&self, id: &str) -> Result<ProofStatus, ProverError>;

    /// The proof file.
    ///
    /// # Errors
    /// Not ready.
    fn proof(&self, id: &str) -> Result<Box<dyn Read + Send>, ProverError>;

    /// Stops the work if it is under way and removes what is left of it.
    ///
    /// # Errors
    /// The prover cannot.
    fn forget(&self, id: &str) -> Result<(), ProverError>;
}
