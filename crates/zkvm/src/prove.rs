//! From a program and its input to a proof file, in bounded memory.

use std::io::Write;
use std::sync::atomic::AtomicBool;

use vellum_chips::{Fill, Machine, ProgramKey};
use vellum_executor::Limits;
use vellum_stark::Stages;

use crate::file::{write_head, write_shard};
use crate::{Budget, ProveError, Work};

/// How to prove.
pub struct ProveOptions<'a> {
    /// Limits of the execution.
    pub limits: Limits,
    /// Memory budget.
    pub budget: Budget,
    /// Set it to stop at the next shard.
    pub cancel: &'a AtomicBool,
    /// Told how far the work is.
    pub progress: &'a mut dyn FnMut(Progress),
}

/// How far the work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Executed and cut.
    Planned {
        /// Cycles of the execution.
        cycles: u64,
        /// Number of shards.
        shards: u32,
    },
    /// A shard's boundary is committed.
    Committed {
        /// The shard.
        shard: u32,
    },
    /// A shard is proven.
    Proven {
        /// The shard.
        shard: u32,
    },
}

/// What was proven, and what it took.
#[derive(Clone, Debug)]
pub struct ProveReport {
    /// Verifying key of the program.
    pub vk: [u8; 32],
    /// Executed rows.
    pub cycles: u64,
    /// Number of shards.
    pub shards: u32,
    /// Size of the proof.
    pub proof_bytes: u64,
    /// Exit status.
    pub exit_status: u64,
    /// Committed bytes, if any.
    pub output: Option<Vec<u8>>,
    /// Cells of all tables and of the rows that stand for events.
    pub fill: Fill,
    /// Wall-clock seconds by phase.
    pub phases: Vec<(&'static str, f64)>,
}

/// Proves an execution and writes the proof file to `out`.
///
/// # Errors
/// Faults of the program, a budget that is too small, cancellation, a write that fails. What was written until then is not
/// a proof.
pub fn prove(
    machine: &Machine,
    key: &ProgramKey,
    input: &[u8],
    options: &mut ProveOptions<'_>,
    out: &mut dyn Write,
) -> Result<ProveReport, ProveError> {
    let mut stages = Stages::start();
    let work = Work::plan(machine, key, input, options.limits, options.budget)?;
    let plan = work.execution();
    let shards = plan.shards.len() as u32;
    stages.end("plan");
    (options.progress)(Progress::Planned { cycles: plan.cycles, shards });
    let assignment =
        work.commit(|shard| (options.progress)(Progress::Committed { shard }), options.cancel)?;
    stages.end("commit boundaries");
    let mut proof_bytes = write_head(out, &work.head(&assignment))?;
    let mut fill = Fill::default();
    work.prove_all(&assignment, options.cancel, &mut stages, |result| {
        proof_bytes += write_shard(out, &result.proof)?;
        fill.real += result.fill.real;
        fill.committed += result.fill.committed;
        (options.progress)(Progress::Proven { shard: result.shard });
        Ok(())
    })?;
    out.flush()?;
    Ok(ProveReport {
        vk: key.vk.digest_bytes(),
        cycles: plan.cycles,
        shards,
        proof_bytes,
        exit_status: plan.exit.status,
        output: plan.output.clone(),
        fill,
        phases: stages.seconds().to_vec(),
    })
}
