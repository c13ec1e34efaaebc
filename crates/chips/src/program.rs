//! PROGRAM is the decoded ROM: what instruction stands at which pc.
//!
//! | columns | kind | number | vouched for by |
//! |---|---|---|---|
//! | pc, op, rd, rs1, rs2, i0, i1, npc | preprocessed | 8 | the verifying key |
//! | multiplicity | phase-0 | 1 | ROM |
//!
//! It stands in the last shard only. No constraints. Interaction: ROM.receive(the eight cells) × multiplicity, the number
//! of shards that execute the instruction.
//!
//! # Soundness
//! The tuples are preprocessed, so ROM balances only if every instruction in the CODE of any shard is a row of the ROM. A
//! pc has one row: set-up refuses a second. Padding rows are zero, with op 0; every active row sends an op of at least 1,
//! so none can use them, though pc 0 may be a padding row's.

use vellum_isa::Program;
use vellum_stark::{Builder, Chip, F, Widths};

use crate::{ROM, family::prog_tuple};

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProgramChip;

impl Chip for ProgramChip {
    fn name(&self) -> &'static str {
        "PROGRAM"
    }

    fn widths(&self) -> Widths {
        Widths { preprocessed: 8, phase0: 1, main: 0 }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let tuple: [B::Expr; 8] = std::array::from_fn(|i| b.preprocessed()[i].clone());
        let multiplicity = b.phase0()[0].clone();
        b.receive(ROM, multiplicity, tuple);
    }
}

/// The preprocessed rows of a program, in ROM order. Padding rows are zero.
pub fn program_rows(program: &Program) -> Vec<[F; 8]> {
    program.rom.iter().map(prog_tuple).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;
    use vellum_isa::{Op, RomRow};
    use vellum_stark::{
        PrimeCharacteristicRing,
        check::{Cells, interactions},
        testing::shape,
    };

    use super::*;

    #[test]
    fn a_row_is_the_tuple_that_an_instruction_asks_for() {
        let row = RomRow { pc: 1, op: Op::Beq, rd: 2, rs1: 3, rs2: 4, i0: 1 << 29, i1: 6, npc: 7 };
        let rom = vec![row, RomRow { pc: 7, ..row }];
        let (segments, symbols) = (Vec::new(), Vec::new());
        let program = Program { rom, entry: 1, segments, image_end: 0, symbols, signature: None };
        let rows = program_rows(&program);
        assert_eq!(rows[0], [1, Op::Beq as u32, 2, 3, 4, 1 << 29, 6, 7].map(F::from_u32));
        assert_eq!(rows[1][0], F::from_u8(7));
        let cells = Cells { preprocessed: rows[0].to_vec(), phase0: vec![F::from_u8(9)], main: Vec::new() };
        let [received] = &interactions(&ProgramChip, cells.as_row(), &[])[..] else {
            panic!("one interaction")
        };
        assert_eq!((received.multiplicity, &received.tuple[..]), (F::from_u8(9), &rows[0][..]));
    }

    #[test]
    fn shape_is_pinned() {
        expect_file!["../snapshots/program.txt"].assert_eq(&shape(&ProgramChip));
    }
}
