//! The batch guest program: its key, and its execution without a proof.

use std::sync::Arc;

use alloy_primitives::B256;
use thiserror::Error;
use vellum_zkvm::{Limits, Machine, Profile, Program, ProgramKey, Silent, execute};

/// Most cycles of one batch: what a machine of 24 GB proves in about an hour.
pub const CYCLES_MAX: u64 = 4_000_000_000;
/// Most memory that the guest may touch.
const MEMORY_BYTES_MAX: u64 = 2 << 30;

/// Why a guest program does not run.
#[derive(Debug, Error)]
pub enum GuestError {
    /// Not bundled with this build.
    #[error("no bundled guest program is called {0}")]
    Missing(String),
    /// The file is no program.
    #[error("the bundled guest program {name} cannot be loaded: {reason}")]
    Program {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// It does not run to its end.
    #[error("the guest program faults: {0}")]
    Fault(String),
    /// It ends with an error.
    #[error("the guest program ends with status {status}: {message}")]
    Status {
        /// Exit status.
        status: u64,
        /// What it printed, shortened.
        message: String,
    },
}

/// What an execution gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestRun {
    /// Committed bytes.
    pub output: Vec<u8>,
    /// Cycles.
    pub cycles: u64,
}

/// A guest program, as the batcher runs it before it commits.
pub trait Guest: Send + Sync {
    /// Executes the program.
    ///
    /// # Errors
    /// It faults or ends with an error.
    fn run(&self, input: &[u8]) -> Result<GuestRun, GuestError>;
}

/// A bundled program with its keys.
pub struct BundledGuest {
    /// The circuits.
    pub machine: Arc<Machine>,
    /// The program's key.
    pub key: Arc<ProgramKey>,
}

impl BundledGuest {
    /// Loads a bundled program and computes its key.
    ///
    /// # Errors
    /// Not there, or not a program.
    pub fn load(name: &str) -> Result<Self, GuestError> {
        let guest = vellum_guests::find(name).ok_or_else(|| GuestError::Missing(name.to_owned()))?;
        let program = Program::from_elf(guest.elf)
            .map_err(|error| GuestError::Program { name: name.to_owned(), reason: error.to_string() })?;
        let machine = Machine::new(Profile::Standard);
        let key = ProgramKey::new(&machine, program);
        Ok(Self { machine: Arc::new(machine), key: Arc::new(key) })
    }

    /// The program's verifying key.
    pub fn vk(&self) -> B256 {
        B256::new(self.key.vk.digest_bytes())
    }
}

impl Guest for BundledGuest {
    fn run(&self, input: &[u8]) -> Result<GuestRun, GuestError> {
        let limits = Limits { max_cycles: Some(CYCLES_MAX), max_memory_bytes: Some(MEMORY_BYTES_MAX) };
        let execution = execute(&self.key.program, input, limits, &mut Silent)
            .map_err(|error| GuestError::Fault(error.to_string()))?;
        if execution.exit.status != 0 {
            return Err(GuestError::Status { status: execution.exit.status, message: String::new() });
        }
        Ok(GuestRun { output: execution.output.unwrap_or_default(), cycles: execution.cycles })
    }
}
