//! What can go wrong between a program and a proof file.

use thiserror::Error;
use vellum_chips::MachineError;
use vellum_executor::ExecutionError;

/// Why proving stopped.
#[derive(Debug, Error)]
pub enum ProveError {
    /// The execution did not end well.
    #[error(transparent)]
    Execution(#[from] ExecutionError),
    /// The memory budget is too small for the smallest shards of this execution.
    #[error("proving needs {needed} bytes of memory, the budget is {budget}")]
    Memory {
        /// Estimated peak.
        needed: u64,
        /// The budget.
        budget: u64,
    },
    /// More shards than can be numbered.
    #[error("the execution takes {got} shards, at most {max} can be proven")]
    TooManyShards {
        /// Shards.
        got: usize,
        /// Limit.
        max: u32,
    },
    /// More touches of memory across shards than one proof can balance.
    #[error(
        "the execution makes {got} interactions on the global memory bus, fewer than {max} can be proven"
    )]
    TooLong {
        /// Interactions.
        got: u64,
        /// Limit.
        max: u64,
    },
    /// The caller asked to stop.
    #[error("interrupted")]
    Cancelled,
    /// A job that belongs to another program, input or plan.
    #[error("the job is not of this {0}")]
    OtherJob(&'static str),
    /// The proof cannot be written.
    #[error("cannot write the proof: {0}")]
    Write(#[from] std::io::Error),
    /// A shard proof does not encode (cannot happen: memory aside, encoding has no failures).
    #[error("cannot encode a shard proof: {0}")]
    Encode(String),
}

/// Why a proof file is refused.
#[derive(Debug, Error)]
pub enum VerifyFileError {
    /// The file cannot be read.
    #[error("cannot read the proof: {0}")]
    Read(std::io::Error),
    /// The file ends early.
    #[error("the proof is truncated: {0} is missing or incomplete")]
    Truncated(&'static str),
    /// Not a proof.
    #[error("not a Vellum proof file")]
    Magic,
    /// A proof of another format version.
    #[error("proof format version {got}, this program reads version {expected}")]
    Version {
        /// In the file.
        got: u16,
        /// Supported.
        expected: u16,
    },
    /// A size in the file is beyond its limit.
    #[error("{what} of {got} bytes, at most {max} are allowed")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// In the file.
        got: u64,
        /// Limit.
        max: u64,
    },
    /// A part of the file does not decode.
    #[error("malformed proof: {0}")]
    Malformed(&'static str),
    /// Bytes after the last shard.
    #[error("the proof has bytes after its last shard")]
    Trailing,
    /// The proof is of another program.
    #[error("the proof is for verifying key {got}, expected {expected}")]
    OtherProgram {
        /// Of the proof.
        got: String,
        /// Expected.
        expected: String,
    },
    /// The proof does not verify.
    #[error("the proof is not valid: {0}")]
    Invalid(#[from] MachineError),
    /// The output bytes are not those that were proven.
    #[error("the output bytes do not match the proven digest")]
    Output,
}
