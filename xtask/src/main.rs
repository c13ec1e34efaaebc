//! The project's chores. `cargo xtask --help` lists them; each is one file here.

mod arrows;
mod bench;
mod bless;
mod demo;
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
    /// Measures speed and memory and prints the table of docs/benchmarks.md
    Bench,
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
        Command::Bench => bench::run(),
        Command::Guests { check } => guests::run(check),
    }
}
