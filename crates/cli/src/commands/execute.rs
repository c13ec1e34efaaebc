//! `vellum execute`: runs a program without proving it.

use std::fmt::{Display, Formatter, Write};
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use vellum_zkvm::{Execution, Family, Limits, Precompile, Program, execute};

use crate::console::Stderr;
use crate::exit::Failure;
use crate::files;
use crate::output::{object, optional_hex, show_output};
use crate::program::ProgramAndInput;

/// Run a program and report its cycles and output
#[derive(Args)]
pub(crate) struct Execute {
    #[command(flatten)]
    program: ProgramAndInput,
    /// Write the committed output here
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write the memory between begin_signature and end_signature here, one 32-bit word a line
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// Stop with an error after this many cycles
    #[arg(long, value_name = "N")]
    max_cycles: Option<u64>,
}

/// What an execution did.
#[derive(Serialize)]
pub(crate) struct Executed {
    pub(crate) cycles: u64,
    pub(crate) exit_status: u64,
    #[serde(serialize_with = "optional_hex")]
    pub(crate) output: Option<Vec<u8>>,
    #[serde(serialize_with = "optional_hex")]
    output_digest: Option<[u8; 32]>,
    #[serde(serialize_with = "object")]
    instructions: Vec<(&'static str, u64)>,
    #[serde(serialize_with = "object")]
    precompiles: Vec<(&'static str, u64)>,
    touched_dwords: u64,
    seconds: f64,
}

/// Signatures are small; this bounds what a malformed file can ask for.
const SIGNATURE_BYTES_MAX: u64 = 64 << 20;

impl Execute {
    pub(crate) fn run(&self) -> Result<Executed, Failure> {
        let started = Instant::now();
        let (program, input) = self.program.load()?;
        let range = self.signature.is_some().then(|| signature_range(&program)).transpose()?;
        let limits = Limits { max_cycles: self.max_cycles, max_memory_bytes: None };
        let execution = execute(&program, &input, limits, &mut Stderr::new())?;
        if let (Some(path), Some(range)) = (&self.signature, range) {
            files::write(path, signature(&execution, range)?.as_bytes())?;
        }
        if let Some(path) = &self.output {
            files::write(path, execution.output.as_deref().unwrap_or_default())?;
        }
        Ok(Executed::new(execution, started))
    }
}

impl Executed {
    pub(crate) fn new(execution: Execution<'_>, started: Instant) -> Self {
        Self {
            cycles: execution.cycles,
            exit_status: execution.exit.status,
            output_digest: execution.output.as_ref().map(|_| execution.exit.digest),
            output: execution.output,
            instructions: Family::ALL.map(|family| (family.name(), execution.rows[family as usize])).into(),
            precompiles: Precompile::ALL
                .map(|precompile| (precompile.name(), execution.precompiles[precompile.index()]))
                .into_iter()
                .filter(|(_, count)| *count > 0)
                .collect(),
            touched_dwords: execution.touched_dwords,
            seconds: started.elapsed().as_secs_f64(),
        }
    }
}

fn signature_range(program: &Program) -> Result<(u64, u64), Failure> {
    let range = program.signature.ok_or_else(|| {
        Failure::usage("the program has no symbols begin_signature and end_signature in this order")
    })?;
    if range.1 - range.0 > SIGNATURE_BYTES_MAX {
        return Err(Failure::usage("the memory between begin_signature and end_signature is too large"));
    }
    Ok(range)
}

/// The lines of a signature file.
fn signature(execution: &Execution<'_>, (begin, end): (u64, u64)) -> Result<String, Failure> {
    let memory = execution.read_memory(begin, end - begin).ok_or_else(|| {
        Failure::usage("the memory between begin_signature and end_signature is not accessible")
    })?;
    let mut lines = String::new();
    for word in memory.chunks(4) {
        let word = word.iter().rev().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
        writeln!(lines, "{word:08x}").map_err(Failure::internal)?;
    }
    Ok(lines)
}

impl Display for Executed {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "exit status     {}", self.exit_status)?;
        writeln!(f, "output          {}", show_output(self.output.as_deref()))?;
        writeln!(f, "cycles          {}", self.cycles)?;
        for (class, count) in self.instructions.iter().filter(|(_, count)| *count > 0) {
            writeln!(f, "  {class:<8}{count:>12}")?;
        }
        for (precompile, count) in &self.precompiles {
            writeln!(f, "  {precompile:<20}{count:>12} calls")?;
        }
        writeln!(f, "touched dwords  {}", self.touched_dwords)?;
        writeln!(f, "seconds         {:.3}", self.seconds)
    }
}
