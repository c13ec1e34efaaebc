//! Proving into a file and verifying one: what `prove`, `demo` and the block commands share.

use std::fmt::{Display, Formatter};
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use vellum_zkvm::{
    Budget, Limits, Machine, PROOF_BYTES_MAX, ProgramKey, ProveOptions, Verified, prove, verify,
};

use crate::exit::Failure;
use crate::files::{self, Target};
use crate::output::{hex, object, optional_hex, show_hex, show_output};
use crate::progress::Bar;
use crate::usage::usage;

/// What proving reports.
#[derive(Serialize)]
pub(crate) struct Proven {
    #[serde(serialize_with = "hex")]
    pub(crate) vk: [u8; 32],
    pub(crate) cycles: u64,
    pub(crate) shards: u32,
    pub(crate) proof_bytes: u64,
    pub(crate) exit_status: u64,
    #[serde(serialize_with = "optional_hex")]
    pub(crate) output: Option<Vec<u8>>,
    pub(crate) seconds: f64,
    cpu_seconds: f64,
    peak_rss_bytes: u64,
    cells_committed: u64,
    fill: f64,
    #[serde(serialize_with = "object")]
    phases: Vec<(&'static str, f64)>,
}

/// Memory that proving may take.
#[derive(Args)]
pub(crate) struct MemoryArgument {
    /// Memory that proving may take: bytes, or a number of KiB, MiB or GiB
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = crate::size::parse)]
    pub(crate) memory: u64,
}

/// Where the proof goes and what making it may take.
#[derive(Args)]
pub(crate) struct ProofArguments {
    /// Write the proof here
    #[arg(long, value_name = "FILE")]
    proof: PathBuf,
    #[command(flatten)]
    memory: MemoryArgument,
}

/// Proves an execution and writes the proof to the file asked for, if `accept` takes what was proven. `started` is when
/// the command began.
pub(crate) fn prove_to(
    arguments: &ProofArguments,
    machine: &Machine,
    key: &ProgramKey,
    input: &[u8],
    started: Instant,
    accept: impl FnOnce(&Proven) -> Result<(), Failure>,
) -> Result<Proven, Failure> {
    let mut target = Target::create(&arguments.proof)?;
    let proven = prove_into(&mut target, machine, key, input, arguments.memory.memory, started)?;
    accept(&proven)?;
    target.finish()?;
    Ok(proven)
}

/// Proves an execution within `memory` bytes and writes the proof to `out`.
pub(crate) fn prove_into(
    out: &mut dyn Write,
    machine: &Machine,
    key: &ProgramKey,
    input: &[u8],
    memory: u64,
    started: Instant,
) -> Result<Proven, Failure> {
    let bar = Bar::start("executing");
    let mut options = ProveOptions {
        limits: Limits { max_cycles: None, max_memory_bytes: Some(memory) },
        budget: Budget { bytes: memory },
        // A signal ends the whole process.
        cancel: &AtomicBool::new(false),
        progress: &mut |progress| bar.update(progress),
    };
    let report = prove(machine, key, input, &mut options, out)?;
    drop(bar);
    let usage = usage()?;
    Ok(Proven {
        vk: report.vk,
        cycles: report.cycles,
        shards: report.shards,
        proof_bytes: report.proof_bytes,
        exit_status: report.exit_status,
        output: report.output,
        seconds: started.elapsed().as_secs_f64(),
        cpu_seconds: usage.cpu_seconds,
        peak_rss_bytes: usage.peak_rss_bytes,
        cells_committed: report.fill.committed,
        fill: report.fill.real as f64 / report.fill.committed as f64,
        phases: report.phases,
    })
}

impl Display for Proven {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "vk           {}", show_hex(self.vk))?;
        writeln!(f, "exit status  {}", self.exit_status)?;
        writeln!(f, "output       {}", show_output(self.output.as_deref()))?;
        writeln!(f, "cycles       {}", self.cycles)?;
        writeln!(f, "shards       {}", self.shards)?;
        writeln!(f, "proof bytes  {}", self.proof_bytes)?;
        writeln!(f, "cells        {} committed, {:.1} % real", self.cells_committed, 100.0 * self.fill)?;
        writeln!(f, "seconds      {:.2} ({:.2} of CPU)", self.seconds, self.cpu_seconds)?;
        writeln!(f, "peak memory  {}", crate::size::show(self.peak_rss_bytes))?;
        for (phase, seconds) in &self.phases {
            writeln!(f, "  {phase}: {seconds:.2} s")?;
        }
        Ok(())
    }
}

/// Verifies the proof file at `path` for the program with key `vk`.
pub(crate) fn verify_file(path: &Path, machine: &Machine, vk: &[u8; 32]) -> Result<Verified, Failure> {
    let (file, length) = files::open(path, "proof")?;
    if length > PROOF_BYTES_MAX {
        return Err(Failure::not_valid(format_args!(
            "the proof {} has more than {}",
            path.display(),
            crate::size::show(PROOF_BYTES_MAX)
        )));
    }
    Ok(verify(machine, vk, &mut BufReader::new(file))?)
}

/// Refuses a proven failure.
pub(crate) fn require_success(verified: &Verified) -> Result<(), Failure> {
    if verified.exit_status != 0 {
        return Err(Failure::not_valid(format_args!(
            "the proof is of an execution that failed with status {}",
            verified.exit_status
        )));
    }
    Ok(())
}
