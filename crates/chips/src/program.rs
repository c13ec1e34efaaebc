//! PROGRAM is the decoded ROM: what instruction stands at which pc.
//!
//! | columns | kind | number | vouched for by |
//! |---|---|---|---|
//! | pc, op, rd, rs1, rs2, i0, i1, npc | preprocessed | 8 | the verifying key |
//! | multiplicity | main | 1 | PROG |
//!
//! No constraints. Interaction: PROG.receive(the eight cells) × multiplicity.
//!
//! # Soundness
//! The tuples are preprocessed, so PROG balances only if every active row of every chip executes a row of the ROM. A
//! pc has one row: set-up refuses a second. Padding rows are zero, with op 0; every active row sends an op of at least 1,
//! so none can use them, though pc 0 may be a padding row's.

use vellum_isa::Program;
use vellum_stark::{Builder, Chip, F, Widths};

use crate::{PROG, family::prog_tuple};

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProgramChip;

impl Chip for ProgramChip {
    fn name(&self) -> &'static str {
        "PROGRAM"
    }

    fn widths(&self) -> Widths {
        Widths { preprocessed: 8, phase0: 0, main: 1 }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let tuple: [B::Expr; 8] = std::array::from_fn(|i| b.preprocessed()[i].clone());
        let multiplicity = b.main()[0].clone();
        b.receive(PROG, multiplicity, tuple);
    }
}

/// The preprocessed rows of a program, in ROM order. Padding rows are zero.
pub fn program_rows(program: &Program) -> Vec<[F; 8]> {
    program.rom.iter().map(prog_tuple).collect()
}
