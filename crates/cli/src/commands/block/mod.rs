//! `vellum block …`: Ethereum blocks, from a node to a proof of their execution.

mod execute;
mod fetch;
mod prove;
mod test;
mod verify;

use std::path::Path;

use clap::{Args, Subcommand};
use serde::Serialize;
use vellum_block::{BlockInput, Outcome, PublicValues};
use vellum_zkvm::{INPUT_BYTES_MAX, Program};

use crate::exit::Failure;
use crate::files;
use crate::output::{Report, hex};
use crate::program::bundled;

pub(crate) use execute::{Transaction, transactions};

/// Fetch, execute, prove and verify Ethereum blocks
#[derive(Args)]
pub(crate) struct Block {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Fetch(fetch::Fetch),
    Execute(execute::Execute),
    Prove(prove::Prove),
    Verify(verify::Verify),
    Test(test::Test),
}

impl Block {
    pub(crate) fn run(&self) -> Result<Box<dyn Report>, Failure> {
        Ok(match &self.command {
            Command::Fetch(command) => Box::new(command.run()?),
            Command::Execute(command) => Box::new(command.run()?),
            Command::Prove(command) => Box::new(command.run()?),
            Command::Verify(command) => Box::new(command.run()?),
            Command::Test(command) => command.run()?,
        })
    }
}

/// What the block guest commits to.
#[derive(Serialize)]
pub(crate) struct Statement {
    chain_id: u64,
    fork: &'static str,
    number: u64,
    #[serde(serialize_with = "hex")]
    block_hash: [u8; 32],
    #[serde(serialize_with = "hex")]
    parent_hash: [u8; 32],
    #[serde(serialize_with = "hex")]
    pre_state_root: [u8; 32],
    #[serde(serialize_with = "hex")]
    post_state_root: [u8; 32],
}

impl From<PublicValues> for Statement {
    fn from(values: PublicValues) -> Self {
        Self {
            chain_id: values.chain_id,
            fork: values.fork.name(),
            number: values.number,
            block_hash: values.block_hash.0,
            parent_hash: values.parent_hash.0,
            pre_state_root: values.pre_state_root.0,
            post_state_root: values.post_state_root.0,
        }
    }
}

impl std::fmt::Display for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use crate::output::show_hex;
        writeln!(f, "block            {} of chain {}, rules of {}", self.number, self.chain_id, self.fork)?;
        writeln!(f, "block hash       {}", show_hex(self.block_hash))?;
        writeln!(f, "parent hash      {}", show_hex(self.parent_hash))?;
        writeln!(f, "pre state root   {}", show_hex(self.pre_state_root))?;
        writeln!(f, "post state root  {}", show_hex(self.post_state_root))
    }
}

/// The bundled program that executes blocks.
pub(crate) fn guest() -> Result<Program, Failure> {
    let guest = vellum_guests::find("block");
    bundled(guest.ok_or_else(|| Failure::internal("no bundled program is called block"))?)
}

/// The bytes of a block file, not yet looked at.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    files::read(path, INPUT_BYTES_MAX, "block file")
}

/// Executes a block without the zkVM: whatever is wrong with it is found in milliseconds.
pub(crate) fn execute_natively(file: &[u8]) -> Result<Outcome, Failure> {
    let input = BlockInput::parse(file).map_err(Failure::usage)?;
    vellum_block::execute(&input)
        .map_err(|error| Failure::not_valid(format_args!("the block is not valid: {error}")))
}

/// The zkVM must have committed to what the native execution found.
pub(crate) fn require_agreement(
    exit_status: u64,
    output: Option<&[u8]>,
    outcome: &Outcome,
) -> Result<(), Failure> {
    if exit_status != 0 || output != Some(&outcome.public.encode()[..]) {
        return Err(Failure::internal("the block's executions inside and outside the zkVM differ"));
    }
    Ok(())
}
