//! The zkVM as a library: execute, set up, prove, verify.
//!
//! A [`Program`] comes from an ELF file; [`Machine`] holds the circuits; [`prove()`] writes a proof file; [`verify()`] reads one
//! shard by shard. Underneath is the job interface: [`Work::plan`] cuts an execution into [`Job`]s, any worker proves one
//! ([`Work::prove`]), [`assemble`] puts the results together. File formats are in `file`.

mod budget;
mod cut;
mod error;
mod file;
mod job;
mod prove;
mod verify;

pub use budget::{Budget, LOG_INSTRUCTIONS, MEMORY_MIN_BYTES, shard_limits};
pub use error::{ProveError, VerifyFileError};
pub use file::{PROOF_BYTES_MAX, PROOF_MAGIC, PROOF_VERSION, SHARD_BYTES_MAX};
pub use job::{Assignment, Job, ShardResult, Work, assemble};
pub use prove::{Progress, ProveOptions, ProveReport, prove};
pub use verify::{Verified, verify};

pub use vellum_chips::{Machine, ProgramKey, VerifyingKey};
pub use vellum_executor::{
    Console, Execution, ExecutionError, Fault, INPUT_BYTES_MAX, Limits, Mark, Silent, TABLES, execute,
    profile,
};
pub use vellum_isa::{ElfError, Family, Precompile, Program};
pub use vellum_stark::{Profile, Stages, security};

/// Degree of the field that challenges are drawn from.
pub const EXTENSION_DEGREE: usize =
    <vellum_stark::EF as vellum_stark::BasedVectorSpace<vellum_stark::F>>::DIMENSION;
