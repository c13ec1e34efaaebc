//! The `vellum` command: thin commands over zkvm, guests and block.
//!
//! Arguments in; one report on stdout, messages and progress on stderr, and an exit code out (the table is in `exit`).
//! Each command is one file in `commands`.

mod allocator;
mod cells;
mod commands;
mod console;
mod cpu;
mod exit;
mod files;
mod interrupt;
mod logs;
mod output;
mod panics;
mod program;
mod progress;
mod proof;
mod size;
mod usage;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::commands::Command;
use crate::exit::Failure;

/// Execute, prove and verify programs for RISC-V, and Ethereum blocks.
#[derive(Parser)]
#[command(name = "vellum", version, after_help = EXIT_CODES)]
struct Arguments {
    /// Print one JSON object on stdout instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done and true; 1 not valid; 2 wrong usage, a missing or malformed file; 3 internal \
                          error, disk full; 130 interrupted.";

fn main() -> ExitCode {
    if let Some(extension) = cpu::missing() {
        let message = format_args!(
            "this binary was compiled for a processor with {extension}, which this one lacks: compile it here"
        );
        return fail(&Failure::internal(message), output::json_in_arguments());
    }
    allocator::keep_freed_memory();
    panics::report_in_one_line();
    match Arguments::try_parse() {
        Ok(arguments) => run(&arguments),
        Err(error) => usage(&error),
    }
}

fn run(arguments: &Arguments) -> ExitCode {
    let result = interrupt::watch().and_then(|()| arguments.command.run(arguments.json));
    interrupt::finish();
    let reported = result.and_then(|report| {
        output::report(&*report, arguments.json)?;
        Ok(report.is_true())
    });
    match reported {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(exit::Code::NotValid as u8),
        Err(failure) => fail(&failure, arguments.json),
    }
}

fn fail(failure: &Failure, json: bool) -> ExitCode {
    output::failure(failure, json);
    ExitCode::from(failure.code as u8)
}

/// Help and version are no errors; wrong usage is, with clap's own explanation unless a script asks.
fn usage(error: &clap::Error) -> ExitCode {
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if asked || !output::json_in_arguments() {
        let _ = error.print();
        return if asked { ExitCode::SUCCESS } else { ExitCode::from(exit::Code::Usage as u8) };
    }
    let text = error.to_string();
    let explanation = text.split("\n\n").next().unwrap_or_default();
    fail(&Failure::usage(explanation.trim_start_matches("error: ")), true)
}
