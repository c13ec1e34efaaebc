//! CODE holds the instructions that a shard executes, so that a shard does not pay for the whole program.
//!
//! | columns | kind | number | vouched for by |
//! |---|---|---|---|
//! | r | phase-0 | 1 | constraint |
//! | pc, op, rd, rs1, rs2, i0, i1, npc | phase-0 | 8 | ROM |
//! | multiplicity | main | 1 | PROG |
//!
//! Constraint (degree): r ∈ {0, 1} (2). Interactions: PROG.receive(the eight cells) × r·multiplicity; ROM.send(the eight
//! cells) × r.
//!
//! # Soundness
//! An instruction is looked up in two steps. PROG is local: it balances only if every tuple that an active row of a family
//! sends stands in a row of CODE with r = 1, for a free multiplicity counts nothing where r = 0. ROM is global: it balances
//! only if every tuple with r = 1, in any shard, stands in PROGRAM, whose tuples are preprocessed. The cells are fixed
//! before the global challenge, and the sends are fewer than the characteristic ([`crate::GLOBAL_INTERACTIONS_MAX`]). A
//! tuple may stand in CODE twice; that proves nothing else.

use vellum_isa::RomRow;
use vellum_stark::{Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::{PROG, ROM, family::prog_tuple};

/// The phase-0 columns.
#[derive(Clone, Default)]
struct Row<T> {
    r: T,
    tuple: [T; 8],
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        f(&mut self.r);
        self.tuple.visit(f);
    }
}

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct CodeChip;

impl Chip for CodeChip {
    fn name(&self) -> &'static str {
        "CODE"
    }

    fn widths(&self) -> Widths {
        Widths { preprocessed: 0, phase0: Row::<F>::width(), main: 1 }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let Row { r, tuple } = Row::<B::Expr>::read(b.phase0());
        let multiplicity = b.main()[0].clone();
        // r ∈ {0, 1}
        b.assert_bool("r boolean", r.clone());
        b.receive(PROG, r.clone() * multiplicity, tuple.clone());
        b.send(ROM, r, tuple);
    }
}

impl CodeChip {
    /// Writes the phase-0 cells of an instruction that the shard executes.
    pub fn write_row(&self, rom: &RomRow, row: &mut [F]) {
        Row { r: F::ONE, tuple: prog_tuple(rom) }.write(row);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;
    use vellum_isa::Op;
    use vellum_stark::{
        check::{Cells, interactions},
        testing::{ChipTest, columns_complete, shape},
    };

    use super::*;
    use crate::testing::in_table;

    fn row(executed: u32) -> Cells {
        let rom = RomRow { pc: 1, op: Op::Beq, rd: 2, rs1: 3, rs2: 4, i0: 1 << 29, i1: 6, npc: 7 };
        let mut cells = Cells::zero(CodeChip.widths());
        CodeChip.write_row(&rom, &mut cells.phase0);
        cells.main[0] = F::from_u32(executed);
        cells
    }

    #[test]
    fn no_lie_is_accepted() {
        let (rows, lookup) = (vec![("executed", row(9))], in_table as fn(_, &[F]) -> bool);
        // Which instructions, and how often, is the prover's choice: ROM and PROG decide.
        let inputs = (1..10).collect();
        let allowed_mutes = &[("ROM", "set-up refuses a table whose tuples are neither fixed nor looked up")];
        ChipTest { rows, lookup, inputs, allowed_mutes, ..ChipTest::new(&CodeChip) }.run();
    }

    #[test]
    fn what_is_received_is_what_is_looked_up() {
        let cells = row(9);
        let [received, sent] = &interactions(&CodeChip, cells.as_row(), &[])[..] else {
            panic!("two interactions")
        };
        assert_eq!((received.bus, sent.bus), (PROG, ROM));
        assert_eq!((received.multiplicity, sent.multiplicity), (F::from_u8(9), F::ONE));
        assert_eq!(received.tuple, sent.tuple);
        // Without r nothing is received, whatever the multiplicity.
        let mut unused = cells;
        unused.phase0[0] = F::ZERO;
        assert!(interactions(&CodeChip, unused.as_row(), &[]).iter().all(|i| i.multiplicity == F::ZERO));
    }

    #[test]
    fn shape_is_pinned() {
        expect_file!["../snapshots/code.txt"].assert_eq(&shape(&CodeChip));
        columns_complete::<Row<u8>>();
    }
}
