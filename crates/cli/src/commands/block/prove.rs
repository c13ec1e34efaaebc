//! `vellum block prove`: proves a block's execution.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use vellum_zkvm::{Machine, Profile, ProgramKey};

use super::{Statement, execute_natively, guest, read, require_agreement};
use crate::exit::Failure;
use crate::proof::{ProofArguments, Proven, prove_to};

/// Prove a block's execution
#[derive(Args)]
pub(crate) struct Prove {
    /// The block file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    proof: ProofArguments,
}

#[derive(Serialize)]
pub(crate) struct Report {
    #[serde(flatten)]
    proven: Proven,
    #[serde(flatten)]
    statement: Statement,
}

impl Prove {
    pub(crate) fn run(&self) -> Result<Report, Failure> {
        let started = Instant::now();
        let file = read(&self.file)?;
        let outcome = execute_natively(&file)?;
        let machine = Machine::new(Profile::Standard);
        let key = ProgramKey::new(&machine, guest()?);
        let proven = prove_to(&self.proof, &machine, &key, &file, started, |proven| {
            require_agreement(proven.exit_status, proven.output.as_deref(), &outcome)
        })?;
        Ok(Report { proven, statement: outcome.public.into() })
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.statement, self.proven)
    }
}
