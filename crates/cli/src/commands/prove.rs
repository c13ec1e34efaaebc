//! `vellum prove`: executes a program and proves it.

use std::time::Instant;

use clap::Args;
use vellum_zkvm::{Machine, Profile, ProgramKey};

use crate::exit::Failure;
use crate::program::ProgramAndInput;
use crate::proof::{ProofArguments, Proven, prove_to};

/// Execute a program and prove the execution
#[derive(Args)]
pub(crate) struct Prove {
    #[command(flatten)]
    program: ProgramAndInput,
    #[command(flatten)]
    proof: ProofArguments,
}

impl Prove {
    pub(crate) fn run(&self) -> Result<Proven, Failure> {
        let started = Instant::now();
        let (program, input) = self.program.load()?;
        let machine = Machine::new(Profile::Standard);
        let key = ProgramKey::new(&machine, program);
        prove_to(&self.proof, &machine, &key, &input, started, |_| Ok(()))
    }
}
