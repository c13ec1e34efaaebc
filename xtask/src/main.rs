//! The project's chores. `cargo xtask --help` lists them; each is one file here.

mod arrows;
mod bench;
mod bless;
mod conformance;
mod contracts;
mod demo;
mod golden;
mod guests;
mod setup;
mod shell;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's chores")]
enum Command {
    /// Sets everything up and shows the main job: execute, prove and verify, and refuse what was tampered with
    Demo {
        /// Passed on to `vellum demo`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Sets everything up and runs every test
    Test {
        /// Runs the heavy sweeps completely instead of a sample
        #[arg(long)]
        full: bool,
    },
    /// Checks the crates' arrows and the text of every file
    Tidy,
    /// Rewrites the expected figures in snapshots/ and in the tests
    Bless,
    /// Compares the figures in snapshots/ with the code
    Check,
    /// Runs programs and test vectors of others, where they lie beside the repository
    Conformance { part: conformance::Part },
    /// Measures speed and memory, prints the tables and writes them into docs/benchmarks.md
    Bench {
        /// Also proves the longest execution, 60 million cycles
        #[arg(long)]
        full: bool,
    },
    /// Compiles and tests the Solidity contracts
    Contracts {
        /// Writes the compiled artifacts instead of comparing them
        #[arg(long)]
        write: bool,
    },
    /// Runs forge, cast, viem and ethers against a devnet
    Clients,
    /// Records what qemu-riscv64 makes of every instruction, for the executor's tests
    Golden,
    /// Compiles the guest programs
    Guests {
        /// Compiles them a second time in another folder and compares the bytes
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    match run(Command::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without the backtrace that RUST_BACKTRACE asks for: the message says what to do.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Demo { arguments } => demo::run(&arguments),
        Command::Test { full } => test::run(full),
        Command::Tidy => tidy::run(),
        Command::Bless => bless::bless(),
        Command::Check => bless::check(),
        Command::Conformance { part } => conformance::run(part, test::full()),
        Command::Bench { full } => bench::run(full),
        Command::Contracts { write } => contracts::run(write),
        Command::Clients => contracts::build_and_run_clients(),
        Command::Golden => golden::run(),
        Command::Guests { check } => guests::run(check),
    }
}
