//! Running a program as bytes.

use vellum_executor::{Limits, execute};
use vellum_isa::Program;

/// What a run leaves.
pub(crate) struct Run {
    pub(crate) status: u64,
    pub(crate) output: Option<Vec<u8>>,
    pub(crate) printed: String,
    pub(crate) marks: Vec<u64>,
    pub(crate) cycles: u64,
}

/// Runs a program that must reach its exit.
pub(crate) fn run(elf: &[u8], input: &[u8]) -> Run {
    let program = Program::from_elf(elf).expect("a well-formed program");
    let mut printed = Vec::new();
    let limits = Limits { max_cycles: Some(100_000_000), ..Limits::default() };
    let execution = execute(&program, input, limits, &mut printed).expect("reaches its exit");
    Run {
        status: execution.exit.status,
        output: execution.output.clone(),
        marks: execution.marks.iter().map(|mark| mark.label).collect(),
        cycles: execution.cycles,
        printed: String::from_utf8(printed).expect("text"),
    }
}
