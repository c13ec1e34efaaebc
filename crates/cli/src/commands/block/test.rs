//! `vellum block test`: chain tests in the format of ethereum/tests, one JSON object a line.
//!
//! | field | meaning |
//! |---|---|
//! | name, network | its name; the fork of all blocks |
//! | genesisRLP, or ancestors | the genesis block; or header RLPs, oldest first, the last is the parent |
//! | pre | the state before the first block: accounts by address |
//! | blocks[{rlp, expectException?}] | blocks in order; with an exception the block must be refused and changes nothing |
//! | lastblockhash | the head at the end |
//! | postState or postStateHash | its state |
//! | sideChains | blocks may build on any valid block, not only on the last |
//!
//! Each block is executed with a witness of the whole state of its parent, natively or in the zkVM's executor as well.

mod chain;

use std::fmt::{Display, Formatter};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use ruzstd::decoding::StreamingDecoder;
use serde::Serialize;
use vellum_zkvm::Program;

use super::guest;
use crate::exit::Failure;
use crate::files;
use crate::output::{self, NotValid};

/// Longest line of a file of tests.
const MAX_LINE_BYTES: u64 = 256 << 20;

/// Run chain tests: blocks with the state before and the expected state after
#[derive(Args)]
pub(crate) struct Test {
    /// One test a line, packed with zstd if the name ends with .zst
    #[arg(value_name = "FILE.jsonl[.zst]")]
    file: PathBuf,
    /// What executes the blocks
    #[arg(long, value_enum, default_value = "native")]
    engine: Engine,
    /// Only tests whose name contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// The machine itself
    Native,
    /// The block guest in the zkVM's executor, compared with the native execution
    Guest,
}

#[derive(Serialize)]
struct Report {
    total: usize,
    passed: usize,
    failed: usize,
    failures: Vec<TestFailure>,
}

#[derive(Serialize)]
struct TestFailure {
    name: String,
    reason: String,
}

impl Test {
    pub(crate) fn run(&self) -> Result<Box<dyn output::Report>, Failure> {
        let program = match self.engine {
            Engine::Native => None,
            Engine::Guest => Some(guest()?),
        };
        let mut report = Report { total: 0, passed: 0, failed: 0, failures: Vec::new() };
        let mut lines = BufReader::new(reader(&self.file)?);
        for number in 1.. {
            let Some(line) = line(&mut lines, &self.file, number)? else { break };
            if !line.trim().is_empty() {
                self.run_line(&line, number, program.as_ref(), &mut report)?;
            }
        }
        if report.total == 0 {
            let filtered = if self.filter.is_some() { " with such a name" } else { "" };
            return Err(Failure::usage(format_args!("{}: no test{filtered}", self.file.display())));
        }
        Ok(if report.failed == 0 { Box::new(report) } else { Box::new(NotValid(report)) })
    }

    fn run_line(
        &self,
        line: &str,
        number: usize,
        program: Option<&Program>,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let test: chain::Test = serde_json::from_str(line).map_err(|error| {
            Failure::usage(format_args!("{}, line {number}: {error}", self.file.display()))
        })?;
        if self.filter.as_ref().is_some_and(|text| !test.name.contains(text)) {
            return Ok(());
        }
        report.total += 1;
        match test.run(program) {
            Ok(()) => report.passed += 1,
            Err(reason) => {
                report.failed += 1;
                report.failures.push(TestFailure { name: test.name, reason });
            }
        }
        Ok(())
    }
}

/// The file's text, unpacked.
fn reader(path: &Path) -> Result<Box<dyn Read>, Failure> {
    let (file, _) = files::open(path, "test file")?;
    if path.extension().is_none_or(|extension| extension != "zst") {
        return Ok(Box::new(file));
    }
    let decoder = StreamingDecoder::new(BufReader::new(file)).map_err(|error| {
        Failure::usage(format_args!("{} is not packed with zstd: {error}", path.display()))
    })?;
    Ok(Box::new(decoder))
}

/// The next line; none at the end.
fn line(lines: &mut impl BufRead, path: &Path, number: usize) -> Result<Option<String>, Failure> {
    let wrong = |reason: &dyn Display| {
        Failure::usage(format_args!("cannot read {}, line {number}: {reason}", path.display()))
    };
    let mut line = String::new();
    let read = lines.take(MAX_LINE_BYTES).read_line(&mut line).map_err(|error| wrong(&error))?;
    if read as u64 == MAX_LINE_BYTES {
        return Err(wrong(&format_args!("longer than {}", crate::size::show(MAX_LINE_BYTES))));
    }
    Ok((read > 0).then_some(line))
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        for TestFailure { name, reason } in &self.failures {
            writeln!(f, "failed           {name}: {reason}")?;
        }
        write!(f, "{} of {} tests passed, {} failed", self.passed, self.total, self.failed)
    }
}
