//! `vellum block execute`: runs a block natively and in the zkVM, and says what each transaction costs.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use vellum_block::{BlockInput, Outcome, Phase, transaction_hashes};
use vellum_zkvm::{Limits, Machine, Mark, Profile, execute};

use super::{Statement, execute_natively, guest, read, require_agreement};
use crate::cells::cells;
use crate::commands::execute::Executed;
use crate::console::Stderr;
use crate::exit::Failure;
use crate::output::{hex, show_hex};

/// Execute a block in the zkVM and report the cost of each transaction
#[derive(Args)]
pub(crate) struct Execute {
    /// The block file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Serialize)]
pub(crate) struct Report {
    #[serde(flatten)]
    execution: Executed,
    #[serde(flatten)]
    statement: Statement,
    transactions: Vec<Transaction>,
    /// Cells of the whole block.
    cells: u64,
}

/// A transaction and its cost.
#[derive(Serialize)]
pub(crate) struct Transaction {
    #[serde(serialize_with = "hex")]
    hash: [u8; 32],
    gas: u64,
    cycles: u64,
    cells: u64,
}

impl Execute {
    pub(crate) fn run(&self) -> Result<Report, Failure> {
        let started = Instant::now();
        let file = read(&self.file)?;
        let outcome = execute_natively(&file)?;
        let program = guest()?;
        let execution = execute(&program, &file, Limits::default(), &mut Stderr::new())?;
        require_agreement(execution.exit.status, execution.output.as_deref(), &outcome)?;
        let machine = Machine::new(Profile::Standard);
        let transactions = transactions(&machine, &file, &outcome, &execution.marks)?;
        let cells = cells(&machine, &execution.rows);
        let execution = Executed::new(execution, started);
        Ok(Report { execution, statement: outcome.public.into(), transactions, cells })
    }
}

/// The guest marks where each transaction begins and what follows the last.
pub(crate) fn transactions(
    machine: &Machine,
    file: &[u8],
    outcome: &Outcome,
    marks: &[Mark],
) -> Result<Vec<Transaction>, Failure> {
    let input = BlockInput::parse(file).map_err(Failure::usage)?;
    let hashes = transaction_hashes(&input).map_err(Failure::not_valid)?;
    let with_cost = (0u32..).zip(hashes).zip(&outcome.transactions).map(|((index, hash), transaction)| {
        let label = Phase::Transaction(index).label();
        let begin = marks.iter().position(|mark| mark.label == label)?;
        let (begin, end) = (&marks[begin], marks.get(begin + 1)?);
        Some(Transaction {
            hash: hash.0,
            gas: transaction.gas_used,
            cycles: end.cycles - begin.cycles,
            cells: cells(machine, &end.rows) - cells(machine, &begin.rows),
        })
    });
    with_cost
        .collect::<Option<_>>()
        .ok_or_else(|| Failure::internal("the block guest did not mark every transaction"))
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.statement)?;
        for transaction in &self.transactions {
            writeln!(f, "transaction      {transaction}")?;
        }
        writeln!(f, "block            {} cells", self.cells)?;
        write!(f, "{}", self.execution)
    }
}

impl Display for Transaction {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let hash = show_hex(self.hash);
        write!(f, "{hash}: {} gas, {} cycles, {} cells", self.gas, self.cycles, self.cells)
    }
}
