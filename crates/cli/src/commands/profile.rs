//! `vellum profile`: which functions take a program's cycles and cells.

use std::fmt::{Display, Formatter};

use clap::Args;
use serde::Serialize;
use vellum_zkvm::{Family, Limits, Machine, TABLES, profile};

use crate::cells::cells;
use crate::exit::Failure;
use crate::program::ProgramAndInput;

/// Count a program's cycles and cells by function; as text, folded stacks for a flame graph
#[derive(Args)]
pub(crate) struct Profile {
    #[command(flatten)]
    program: ProgramAndInput,
}

#[derive(Serialize)]
pub(crate) struct Report {
    functions: Vec<Function>,
    #[serde(skip)]
    folded: String,
}

/// A function without those it calls.
#[derive(Serialize)]
struct Function {
    name: String,
    cycles: u64,
    cells: u64,
}

impl Profile {
    pub(crate) fn run(&self) -> Result<Report, Failure> {
        let (program, input) = self.program.load()?;
        let profile = profile(&program, &input, Limits::default())?;
        let machine = Machine::new(vellum_zkvm::Profile::Standard);
        let functions = profile.functions.iter().map(|function| Function {
            name: function.name.clone(),
            cycles: function.cycles(),
            cells: cells(&machine, &function.counts),
        });
        // Cycles: the rows of the families, not those of precompiles.
        let weights = std::array::from_fn::<_, TABLES, _>(|table| u64::from(table < Family::ALL.len()));
        Ok(Report { functions: functions.collect(), folded: profile.folded(&weights) })
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.folded)
    }
}
