//! ADDI proves addi and addiw: given register rs1, the value written to rd is its sum with a 12-bit immediate modulo
//! 2^64, or the sign-extended low 32 bits of it.
//!
//! # Columns (25)
//! | cells | what | vouched for by |
//! |---|---|---|
//! | pc, ts | place and time of the row | STATE |
//! | r, word | the row's activity; 1 for addiw, 0 for addi | PROG through the code 5·r + word, constraints 1 and 2 |
//! | rd, rs1, npc, i0, i1 | decoded cells; the immediate's limb 0 and its sign limb (0 or 0xffff) | PROG |
//! | a\[4\], prev_ts, dlo | register read | MEM, RANGE (access) |
//! | c\[4\], old\[4\], prev_ts, dlo | register write | constraints 3 to 6, RANGE16; MEM, RANGE (access) |
//!
//! # Constraints
//! k_i is the carry out of limb i of a + (i0, i1, i1, i1) = c, a linear expression.
//! 1. r is boolean, degree 2
//! 2. word is boolean, degree 2
//! 3. r·k_i·(k_i − 1) = 0 for i = 0, 1, degree 3
//! 4. (r − word)·k_i·(k_i − 1) = 0 for i = 2, 3, degree 3
//! 5. word·c_2·(c_2 − 0xffff) = 0, degree 3
//! 6. word·(c_3 − c_2) = 0, degree 2
//!
//! # Interactions (16)
//! The frame: PROG 1, STATE 2. A read and a write: MEM 4, RANGE16 2, RANGE8 2. RANGE16 of c\[4\], and of 2·c_1 − c_2 for
//! addiw.
//!
//! # Soundness
//! As for ADD: r and the code make the operation the ROM's (with r = 0, word is free and only sends a lookup), limbs of 16 bits make boolean carries mean the
//! sum over the integers, and addiw's upper limbs follow bit 15 of c_1 (`sign_extended_word`). The immediate's limbs
//! need no check here: the decoder writes 16-bit cells, and the ROM is part of the verifying key.

use vellum_executor::Event;
use vellum_isa::{Family, Op, RomRow};
use vellum_stark::{Algebra, Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::access::{Cpu, Read, Write, carries, range_check, sign_extended_word, slot};
use crate::family::FamilyChip;

/// The columns of ADDI.
#[derive(Clone, Default)]
struct Row<T> {
    /// Place and time.
    cpu: Cpu<T>,
    /// 1 on an active row.
    r: T,
    /// 1 for addiw.
    word: T,
    /// Destination register index.
    rd: T,
    /// Source register index.
    rs1: T,
    /// pc cell of the next instruction.
    npc: T,
    /// The immediate: limb 0, and the limb that all others equal.
    imm: [T; 2],
    /// Operand, read from rs1.
    a: Read<T>,
    /// Result, written to rd.
    c: Write<T>,
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.cpu.visit(f);
        f(&mut self.r);
        f(&mut self.word);
        f(&mut self.rd);
        f(&mut self.rs1);
        f(&mut self.npc);
        self.imm.visit(f);
        self.a.visit(f);
        self.c.visit(f);
    }
}

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct AddiChip;

impl Chip for AddiChip {
    fn name(&self) -> &'static str {
        self.family().name()
    }

    fn widths(&self) -> Widths {
        Widths { preprocessed: 0, phase0: 0, main: Row::<F>::width() }
    }

    fn eval<B: Builder>(&self, builder: &mut B) {
        let row = Row::<B::Expr>::read(builder.main());
        // r·(r − 1) = 0, word·(word − 1) = 0
        builder.assert_bool("the activity is boolean", row.r.clone());
        builder.assert_bool("the word flag is boolean", row.word.clone());
        row.frame(builder);

        range_check(builder, &row.r, &row.c.new);
        let [i0, i1] = row.imm.clone();
        let immediate = [i0, i1.clone(), i1.clone(), i1];
        // r·k_i·(k_i − 1) = 0, in limbs 2 and 3 (r − word)·k_i·(k_i − 1) = 0
        for (i, k) in carries(&row.a.value, &immediate, &row.c.new).into_iter().enumerate() {
            let flag = if i < 2 { row.r.clone() } else { row.r.clone() - row.word.clone() };
            builder.assert_zero("each carry is boolean", flag * k.bool_check());
        }
        sign_extended_word(builder, &row.word, &row.c.new);
    }
}

impl<E: Algebra<F>> Row<E> {
    /// The frame and the two accesses.
    fn frame<B: Builder<Expr = E>>(&self, b: &mut B) {
        let r = &self.r;
        let op = r.clone() * F::from_u32(Op::Addi as u32) + self.word.clone();
        let [rd, rs1, npc] = [&self.rd, &self.rs1, &self.npc].map(E::clone);
        let [i0, i1] = self.imm.clone();
        self.cpu.eval(b, r, [op, rd.clone(), rs1.clone(), E::ZERO, i0, i1, npc.clone()], npc);
        self.a.register(b, r, rs1, self.cpu.time(slot::RS1));
        self.c.register(b, r, rd, self.cpu.time(slot::RD));
    }
}

impl FamilyChip for AddiChip {
    fn family(&self) -> Family {
        Family::Addi
    }

    fn write_row(&self, rom: &RomRow, event: &Event, row: &mut [F]) {
        let Event { ts, rs1, rd, rd_new, .. } = *event;
        Row {
            cpu: Cpu::new(rom, event),
            r: F::ONE,
            word: F::from_bool(rom.op == Op::Addiw),
            rd: F::from_u8(rom.rd),
            rs1: F::from_u8(rom.rs1),
            npc: F::from_u32(rom.npc),
            imm: [F::from_u32(rom.i0), F::from_u16(rom.i1)],
            a: Read::new(rs1, ts, slot::RS1),
            c: Write::new(rd, rd_new, ts, slot::RD),
        }
        .write(row);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;
    use vellum_stark::{
        check::Cells,
        testing::{ChipTest, columns_complete, indices, lie, shape},
    };

    use super::*;
    use crate::honest::{CONSUMED, Outcome, check_operation, immediate_row, row_of, short};
    use crate::testing::family_test;

    /// The manual's definition; `b` is the sign-extended immediate.
    fn reference(op: Op, a: u64, b: u64) -> u64 {
        let sum = a.wrapping_add(b);
        if op == Op::Addi { sum } else { sum as i32 as u64 }
    }

    #[test]
    fn sums_are_proven_and_nothing_else() {
        for op in [Op::Addi, Op::Addiw] {
            let rom = |registers, b| (immediate_row(op, registers, short(b)), short(b));
            check_operation(&AddiChip, rom, |rom, a, b| Outcome {
                value: Some(reference(op, a, b)),
                next_pc: rom.npc,
            });
        }
    }

    fn honest(op: Op, a: u64, b: i64) -> Cells {
        let rom = immediate_row(op, [12, 10, 0], b as u64);
        row_of(&AddiChip, &rom, [a, 0], Outcome { value: Some(reference(op, a, b as u64)), next_pc: rom.npc })
    }

    fn kit() -> ChipTest<'static, AddiChip> {
        let i = indices::<Row<usize>>();
        let addi = honest(Op::Addi, 0xffff_0000_ffff_fff0, 0x7f8);
        let minus = honest(Op::Addi, 0x0001_0000_0000_0005, -9);
        let addiw = honest(Op::Addiw, 0x1234_5678_7fff_ffff, 1);
        let limb = F::from_u32(1 << 16);
        let lies = vec![
            //  a_0 + i0 = 2^16 + c_0:  c_0 + 2^16 with k_0 = 0, c_1 − 1
            lie("limbs 0 and 1 of the output traded", &addi, |row| {
                row.main[i.c.new[0]] += limb;
                row.main[i.c.new[1]] -= F::ONE;
            }),
            lie("limbs 1 and 2 of the output traded", &addi, |row| {
                row.main[i.c.new[1]] += limb;
                row.main[i.c.new[2]] -= F::ONE;
            }),
            lie("limbs 2 and 3 of the output traded", &addi, |row| {
                row.main[i.c.new[2]] -= limb;
                row.main[i.c.new[3]] += F::ONE;
            }),
            lie("output − 2^64", &addi, |row| row.main[i.c.new[3]] -= limb),
            lie("output + p", &addi, |row| {
                row.main[i.c.new[0]] += F::ONE;
                row.main[i.c.new[1]] += F::from_u32((1 << 15) - (1 << 8));
            }),
            // i1 = 0xffff → 0: the sum with 0xfff7 in place of −9
            lie("a negative immediate taken as positive", &minus, |row| {
                row.main[i.imm[1]] = F::ZERO;
                row.main[i.c.new[1]] += F::ONE;
            }),
            lie("addiw: sign of 0x80000000 lost", &addiw, |row| {
                row.main[i.c.new[2]] = F::ZERO;
                row.main[i.c.new[3]] = F::ZERO;
            }),
            lie("addiw: upper limbs of the 64-bit sum", &addiw, |row| {
                row.main[i.c.new[2]] = F::from_u32(0x5678);
                row.main[i.c.new[3]] = F::from_u32(0x1234);
            }),
            // r = 2: two instructions for one token of control
            lie("a row that counts twice", &addi, |row| row.main[i.r] = F::TWO),
            lie("another register's value", &addi, |row| row.main[i.rs1] += F::ONE),
            lie("a write elsewhere", &addi, |row| row.main[i.rd] += F::ONE),
            lie("the row after the next", &addi, |row| row.main[i.npc] += F::ONE),
        ];
        let rows = vec![
            ("addi", addi),
            ("addi, negative", minus),
            ("addiw", addiw),
            ("addiw, negative", honest(Op::Addiw, 0, -1)),
            ("addi 0", honest(Op::Addi, u64::MAX, 0)),
        ];
        ChipTest { lies, allowed_mutes: &[("MEM#2", CONSUMED)], ..family_test(&AddiChip, rows) }
    }

    #[test]
    fn no_lie_is_accepted() {
        kit().run();
    }

    #[test]
    fn shape_is_pinned() {
        expect_file!["../snapshots/addi.txt"].assert_eq(&shape(&AddiChip));
        columns_complete::<Row<u8>>();
    }
}
