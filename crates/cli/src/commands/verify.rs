//! `vellum verify`: checks a proof without the program's input.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use vellum_zkvm::{Machine, Profile, ProgramKey, Verified};

use crate::exit::Failure;
use crate::files;
use crate::output::{hex, optional_hex, show_hex, show_output};
use crate::program;
use crate::proof::{require_success, verify_file};

/// Verify a proof of a program
#[derive(Args)]
pub(crate) struct Verify {
    /// The proof
    #[arg(long, value_name = "FILE")]
    proof: PathBuf,
    #[command(flatten)]
    statement: Statement,
    /// Write the proven output here
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Accept a proof that the program ended with a non-zero status
    #[arg(long)]
    allow_failure: bool,
}

/// The program that the proof must be of.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Statement {
    /// Its verifying key: 32 bytes in hex
    #[arg(long, value_name = "HEX", value_parser = parse_vk)]
    vk: Option<VerifyingKey>,
    /// The program itself: ELF file, or the name of a bundled program
    #[arg(long, value_name = "PROGRAM.elf")]
    program: Option<PathBuf>,
}

#[derive(Clone)]
struct VerifyingKey([u8; 32]);

fn parse_vk(text: &str) -> Result<VerifyingKey, String> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut bytes)
        .map(|()| VerifyingKey(bytes))
        .map_err(|_| "expected 64 hex digits".to_owned())
}

/// What a valid proof says.
#[derive(Serialize)]
pub(crate) struct Report {
    valid: bool,
    #[serde(serialize_with = "hex")]
    vk: [u8; 32],
    exit_status: u64,
    #[serde(serialize_with = "optional_hex")]
    output: Option<Vec<u8>>,
    seconds: f64,
}

impl Verify {
    pub(crate) fn run(&self) -> Result<Report, Failure> {
        let started = Instant::now();
        // Found out before any work: the file may not be there.
        files::open(&self.proof, "proof")?;
        let machine = Machine::new(Profile::Standard);
        let vk = match &self.statement {
            Statement { vk: Some(vk), .. } => vk.0,
            Statement { program: Some(path), .. } => {
                ProgramKey::new(&machine, program::load(path)?).vk.digest_bytes()
            }
            Statement { .. } => return Err(Failure::usage("--vk or --program is needed")),
        };
        let verified = verify_file(&self.proof, &machine, &vk)?;
        if !self.allow_failure {
            require_success(&verified)?;
        }
        if let Some(path) = &self.output {
            files::write(path, verified.output.as_deref().unwrap_or_default())?;
        }
        Ok(Report::new(verified, started))
    }
}

impl Report {
    pub(crate) fn new(verified: Verified, started: Instant) -> Self {
        Self {
            valid: true,
            vk: verified.vk,
            exit_status: verified.exit_status,
            output: verified.output,
            seconds: started.elapsed().as_secs_f64(),
        }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "valid")?;
        writeln!(f, "vk           {}", show_hex(self.vk))?;
        writeln!(f, "exit status  {}", self.exit_status)?;
        writeln!(f, "output       {}", show_output(self.output.as_deref()))?;
        writeln!(f, "seconds      {:.3}", self.seconds)
    }
}
