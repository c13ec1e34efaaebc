//! LI proves lui, auipc, jal and every other instruction whose result is a constant of the ROM: the value written to rd
//! is that constant, and control goes where the ROM says.
//!
//! # Columns (14)
//! | cells | what | vouched for by |
//! |---|---|---|
//! | pc, ts | place and time of the row | STATE |
//! | r | the row's activity | constraint 1; PROG (the code r·LI) |
//! | rd, npc, c_0, c_1, c_2 | decoded cells; limbs 0 and 1 of the constant, and what limbs 2 and 3 both are | PROG |
//! | old\[4\], prev_ts, dlo | what the register write replaces | MEM, RANGE (access) |
//!
//! # Constraints
//! 1. r is boolean, degree 2
//!
//! # Interactions (7)
//! The frame: PROG 1, STATE 2. A write: MEM 2, RANGE16 1, RANGE8 1.
//!
//! # Soundness
//! With r = 0 all multiplicities are zero. With r = 1 the lookup in PROG makes every decoded cell the ROM's at pc, and
//! everything sent is made of these cells. The constant's limbs need no range check: the decoder writes 16-bit cells,
//! and the ROM is part of the verifying key. That jal's target and auipc's and jal's values are right is the decoder's
//! matter: they depend on the pc alone.

use vellum_executor::Event;
use vellum_isa::{Family, Op, RomRow};
use vellum_stark::{Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::access::{Cpu, Read, Write, slot};
use crate::family::FamilyChip;

/// The columns of LI.
#[derive(Clone, Default)]
struct Row<T> {
    /// Place and time.
    cpu: Cpu<T>,
    /// 1 on an active row.
    r: T,
    /// Destination register index.
    rd: T,
    /// pc cell of the next instruction.
    npc: T,
    /// The constant: limbs 0 and 1, and the limb that 2 and 3 equal.
    value: [T; 3],
    /// rd before the write.
    old: Read<T>,
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.cpu.visit(f);
        f(&mut self.r);
        f(&mut self.rd);
        f(&mut self.npc);
        self.value.visit(f);
        self.old.visit(f);
    }
}

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct LiChip;

impl Chip for LiChip {
    fn name(&self) -> &'static str {
        self.family().name()
    }

    fn widths(&self) -> Widths {
        Widths { preprocessed: 0, phase0: 0, main: Row::<F>::width() }
    }

    fn eval<B: Builder>(&self, builder: &mut B) {
        let Row { cpu, r, rd, npc, value: [c0, c1, c2], old } = Row::<B::Expr>::read(builder.main());
        let zero = B::Expr::ZERO;
        // r·(r − 1) = 0
        builder.assert_bool("the activity is boolean", r.clone());
        let op = r.clone() * F::from_u32(Op::Li as u32);
        let decoded = [op, rd.clone(), zero, c2.clone(), c0.clone(), c1.clone(), npc.clone()];
        cpu.eval(builder, &r, decoded, npc);
        Write { old, new: [c0, c1, c2.clone(), c2] }.register(builder, &r, rd, cpu.time(slot::RD));
    }
}

impl FamilyChip for LiChip {
    fn family(&self) -> Family {
        Family::Li
    }

    fn write_row(&self, rom: &RomRow, event: &Event, row: &mut [F]) {
        Row {
            cpu: Cpu::new(rom, event),
            r: F::ONE,
            rd: F::from_u8(rom.rd),
            npc: F::from_u32(rom.npc),
            value: [F::from_u32(rom.i0), F::from_u16(rom.i1), F::from_u16(rom.rs2)],
            old: Read::new(event.rd, event.ts, slot::RD),
        }
        .write(row);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;
    use vellum_stark::testing::{ChipTest, columns_complete, indices, lie, shape};

    use super::*;
    use crate::honest::{CONSUMED, Outcome, check_operation, row_of};
    use crate::testing::family_test;

    /// A row for a constant whose upper half is a sign, as the decoder makes it.
    fn constant(rd: u8, value: u64) -> RomRow {
        let [i0, i1, sign] =
            [value, value >> 16, if value >> 63 == 1 { 0xffff } else { 0 }].map(|v| v as u16);
        RomRow { pc: 0x800, op: Op::Li, rd, rs1: 0, rs2: sign, i0: i0.into(), i1, npc: 0x1234 }
    }

    #[test]
    fn constants_are_written_and_nothing_else() {
        let rom = |[rd, ..]: [u8; 3], b| (constant(rd, b), b);
        check_operation(&LiChip, rom, |rom, _, b| {
            let low = b & 0xffff_ffff;
            let value = if b >> 63 == 1 { low | 0xffff_ffff << 32 } else { low };
            Outcome { value: Some(value), next_pc: rom.npc }
        });
    }

    fn kit() -> ChipTest<'static, LiChip> {
        let i = indices::<Row<usize>>();
        let rom = constant(12, 0xffff_ffff_8765_4321);
        let negative =
            row_of(&LiChip, &rom, [0; 2], Outcome { value: Some(0xffff_ffff_8765_4321), next_pc: rom.npc });
        let rom = constant(32, 0x7fff_0000);
        let to_sink = row_of(&LiChip, &rom, [0; 2], Outcome { value: Some(0x7fff_0000), next_pc: rom.npc });
        let lies = vec![
            lie("a constant that is not the ROM's", &negative, |row| row.main[i.value[0]] += F::ONE),
            lie("the sign of the constant lost", &negative, |row| row.main[i.value[2]] = F::ZERO),
            lie("limbs traded", &negative, |row| {
                row.main[i.value[0]] += F::from_u32(1 << 16);
                row.main[i.value[1]] -= F::ONE;
            }),
            lie("x0 written in place of the sink", &to_sink, |row| row.main[i.rd] = F::ZERO),
            lie("a jump elsewhere", &negative, |row| row.main[i.npc] += F::ONE),
            // r = 2: two instructions for one token of control
            lie("a row that counts twice", &negative, |row| row.main[i.r] = F::TWO),
            lie("a write before the value it replaces", &negative, |row| {
                row.main[i.old.prev_ts] += F::from_u32(1 << 10);
            }),
        ];
        let rows = vec![("negative", negative), ("to the sink", to_sink)];
        ChipTest { lies, allowed_mutes: &[("MEM#0", CONSUMED)], ..family_test(&LiChip, rows) }
    }

    #[test]
    fn no_lie_is_accepted() {
        kit().run();
    }

    #[test]
    fn shape_is_pinned() {
        expect_file!["../snapshots/li.txt"].assert_eq(&shape(&LiChip));
        columns_complete::<Row<u8>>();
    }
}
