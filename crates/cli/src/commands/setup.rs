//! `vellum setup`: the verifying key of a program.

use std::fmt::{Display, Formatter};
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use vellum_zkvm::{LOG_INSTRUCTIONS, Machine, Profile, ProgramKey};

use crate::exit::Failure;
use crate::output::{hex, show_hex};
use crate::program::ProgramArgument;

/// Compute a program's verifying key
#[derive(Args)]
pub(crate) struct Setup {
    #[command(flatten)]
    program: ProgramArgument,
}

#[derive(Serialize)]
pub(crate) struct Report {
    #[serde(serialize_with = "hex")]
    vk: [u8; 32],
    program_rows: usize,
    containers: Vec<Container>,
    seconds: f64,
}

/// A size of shard that the prover cuts by.
#[derive(Serialize)]
struct Container {
    log_instructions: u32,
}

impl Setup {
    pub(crate) fn run(&self) -> Result<Report, Failure> {
        let started = Instant::now();
        let program = self.program.load()?;
        let program_rows = program.rom.len();
        let key = ProgramKey::new(&Machine::new(Profile::Standard), program);
        Ok(Report {
            vk: key.vk.digest_bytes(),
            program_rows,
            containers: LOG_INSTRUCTIONS.map(|log_instructions| Container { log_instructions }).collect(),
            seconds: started.elapsed().as_secs_f64(),
        })
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "vk            {}", show_hex(self.vk))?;
        writeln!(f, "program rows  {}", self.program_rows)?;
        let sizes: Vec<_> = self.containers.iter().map(|c| format!("2^{}", c.log_instructions)).collect();
        writeln!(f, "shards of up to {} instructions, by memory", sizes.join(", "))?;
        writeln!(f, "seconds       {:.2}", self.seconds)
    }
}
