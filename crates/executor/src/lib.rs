//! [`Program`](vellum_isa::Program) and input in, [`Execution`] or shards of events out.
//!
//! Two modes over the same semantics: *fast* (no trace; how many cycles, what output) and *traced* (one [`Event`] list
//! per chip, cut into shards). This crate is outside the trusted base: a wrong event only fails to prove.

mod alu;
mod code;
mod error;
mod event;
mod fast;
mod host;
mod memory;
mod plan;
mod precompile;
mod profile;
mod trace;

pub use error::{ExecutionError, Fault, Place};
pub use event::{Access, BoundaryRow, Call, EcallEvent, Event, Exit, FinalRow, InitRow, Shard, Touch};
pub use fast::{Execution, Limits, MARKS_MAX, Mark, execute};
pub use host::{Console, OUTPUT_BYTES_MAX, Silent, WRITE_BYTES_MAX};
pub use memory::INPUT_BYTES_MAX;
pub use plan::{INSTRUCTIONS_MAX, Plan, ShardLimits, ShardPlan, Shards, histogram, plan, plan_at};
pub use precompile::{
    COPY_ALIGNED_DWORDS, DEMAND_MAX, Demand, PRECOMPILE_TABLES, Rows, SHA256_CONSTANTS, TABLES, Table,
    sha256_compress,
};
pub use profile::{Counts, FunctionProfile, Profile, STACK_DEPTH_MAX, StackProfile, profile};
