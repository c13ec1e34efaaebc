//! `vellum prove`: executes a program and proves it.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use vellum_zkvm::{Machine, Profile, ProgramKey};

use crate::exit::Failure;
use crate::program::ProgramAndInput;
use crate::proof::{Proven, prove_to};

/// Execute a program and prove the execution
#[derive(Args)]
pub(crate) struct Prove {
    #[command(flatten)]
    program: ProgramAndInput,
    #[command(flatten)]
    proof: ProofArguments,
}

/// Where the proof goes and what making it may take.
#[derive(Args)]
pub(crate) struct ProofArguments {
    /// Write the proof here
    #[arg(long, value_name = "FILE")]
    pub(crate) proof: PathBuf,
    /// Memory that proving may take: bytes, or a number of KiB, MiB or GiB
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = crate::size::parse)]
    pub(crate) memory: u64,
}

impl Prove {
    pub(crate) fn run(&self) -> Result<Proven, Failure> {
        let started = Instant::now();
        let (program, input) = self.program.load()?;
        let machine = Machine::new(Profile::Standard);
        let key = ProgramKey::new(&machine, program);
        prove_to(&self.proof.proof, &machine, &key, &input, self.proof.memory, started)
    }
}
