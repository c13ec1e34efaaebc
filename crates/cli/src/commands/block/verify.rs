//! `vellum block verify`: checks a proof of a block's execution.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use vellum_block::PublicValues;
use vellum_zkvm::{Machine, Profile, ProgramKey};

use super::{Statement, guest};
use crate::commands::verify;
use crate::exit::Failure;
use crate::files;
use crate::proof::{require_success, verify_file};

/// Verify a proof of a block's execution
#[derive(Args)]
pub(crate) struct Verify {
    /// The proof
    #[arg(long, value_name = "FILE")]
    proof: PathBuf,
}

#[derive(Serialize)]
pub(crate) struct Report {
    #[serde(flatten)]
    verified: verify::Report,
    #[serde(flatten)]
    statement: Statement,
}

impl Verify {
    pub(crate) fn run(&self) -> Result<Report, Failure> {
        let started = Instant::now();
        // Found out before any work: the file may not be there.
        files::open(&self.proof, "proof")?;
        let machine = Machine::new(Profile::Standard);
        let key = ProgramKey::new(&machine, guest()?);
        let verified = verify_file(&self.proof, &machine, &key.vk.digest_bytes())?;
        require_success(&verified)?;
        let values = PublicValues::decode(verified.output.as_deref().unwrap_or_default());
        let values = values.map_err(Failure::not_valid)?;
        Ok(Report { verified: verify::Report::new(verified, started), statement: values.into() })
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.statement, self.verified)
    }
}
