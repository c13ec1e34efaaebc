//! ADD proves add, sub, addw and subw: given the registers rs1 and rs2, the value written to rd is their sum or
//! difference modulo 2^64, or the sign-extended low 32 bits of it.
//!
//! # Columns (32)
//! | cells | what | vouched for by |
//! |---|---|---|
//! | pc, ts | place and time of the row | STATE |
//! | add, sub, addw, subw | the operation, one-hot | PROG through the code, constraints 1 and 2 |
//! | rd, rs1, rs2, npc | decoded cells | PROG |
//! | a\[4\], b\[4\] + prev_ts, dlo each | register reads | MEM, RANGE (access) |
//! | c\[4\], old\[4\], prev_ts, dlo | register write | constraints 3 to 8, RANGE16; MEM, RANGE (access) |
//!
//! # Constraints
//! r = add + sub + addw + subw. No carry has a column: the carry out of limb i is a linear expression,
//! for a sum k_i = (a_i + b_i + k_(i−1) − c_i)/2^16, for a difference (the sum c + b = a) j_i = (c_i + b_i + j_(i−1) −
//! a_i)/2^16, k_(−1) = j_(−1) = 0.
//! 1. each flag is boolean, degree 2
//! 2. r is boolean, degree 2
//! 3. (add + addw)·k_i·(k_i − 1) = 0 for i = 0, 1, degree 3
//! 4. add·k_i·(k_i − 1) = 0 for i = 2, 3, degree 3
//! 5. (sub + subw)·j_i·(j_i − 1) = 0 for i = 0, 1, degree 3
//! 6. sub·j_i·(j_i − 1) = 0 for i = 2, 3, degree 3
//! 7. (addw + subw)·c_2·(c_2 − 0xffff) = 0, degree 3
//! 8. (addw + subw)·(c_3 − c_2) = 0, degree 2
//!
//! # Interactions (20)
//! The frame: PROG 1, STATE 2. Two reads and a write: MEM 6, RANGE16 3, RANGE8 3. RANGE16 of c\[4\], and of 2·c_1 − c_2 for
//! the W forms.
//!
//! # Soundness
//! 1, 2 and the code's place in PROG make the flags one-hot and the operation the ROM's; with r = 0 all multiplicities
//! are zero. a and b are 16-bit limbs by induction (see `access`), c by RANGE16. So a_i + b_i + k_(i−1) − c_i lies strictly
//! between −2^16 and 2^17: that it equals 0 or 2^16 in the field means that it does so as an integer, which fixes c_i and the
//! carry one after the other. Without the range of any c_i, 3 to 6 would accept c_i ± 2^16 with the carry moved.
//! The W forms state limbs 0 and 1 the same way and take limbs 2 and 3 from bit 15 of limb 1 (`sign_extended_word`).
//! rs1 = rs2 = rd needs no case: the three accesses have different times.

use vellum_executor::Event;
use vellum_isa::{Family, Op, RomRow};
use vellum_stark::{Algebra, Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::access::{Cpu, Read, Write, carries, range_check, sign_extended_word, slot};
use crate::family::{FamilyChip, exclusive, op_code};

/// The columns of ADD.
#[derive(Clone, Default)]
struct Row<T> {
    /// Place and time.
    cpu: Cpu<T>,
    /// One-hot: add, sub, addw, subw.
    flags: [T; 4],
    /// Destination register index.
    rd: T,
    /// First source register index.
    rs1: T,
    /// Second source register index.
    rs2: T,
    /// pc cell of the next instruction.
    npc: T,
    /// First operand, read from rs1.
    a: Read<T>,
    /// Second operand, read from rs2.
    b: Read<T>,
    /// Result, written to rd.
    c: Write<T>,
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.cpu.visit(f);
        self.flags.visit(f);
        f(&mut self.rd);
        f(&mut self.rs1);
        f(&mut self.rs2);
        f(&mut self.npc);
        self.a.visit(f);
        self.b.visit(f);
        self.c.visit(f);
    }
}

/// The operations in the order of the flags.
const OPS: [Op; 4] = [Op::Add, Op::Sub, Op::Addw, Op::Subw];
/// Names of the constraints on the flags.
const FLAGS: [&str; 4] = ["add is boolean", "sub is boolean", "addw is boolean", "subw is boolean"];

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct AddChip;

impl Chip for AddChip {
    fn name(&self) -> &'static str {
        self.family().name()
    }

    fn widths(&self) -> Widths {
        Widths { preprocessed: 0, phase0: 0, main: Row::<F>::width() }
    }

    fn eval<B: Builder>(&self, builder: &mut B) {
        let row = Row::<B::Expr>::read(builder.main());
        let r = exclusive(builder, &row.flags, FLAGS);
        row.frame(builder, &r);

        range_check(builder, &r, &row.c.new);
        let [add, sub, addw, subw] = &row.flags;
        let (a, b, c) = (&row.a.value, &row.b.value, &row.c.new);
        // (add + addw)·k_i·(k_i − 1) = 0, in limbs 2 and 3 add·k_i·(k_i − 1) = 0
        for (i, k) in carries(a, b, c).into_iter().enumerate() {
            let flag = if i < 2 { add.clone() + addw.clone() } else { add.clone() };
            builder.assert_zero("sum: each carry is boolean", flag * k.bool_check());
        }
        // (sub + subw)·j_i·(j_i − 1) = 0, in limbs 2 and 3 sub·j_i·(j_i − 1) = 0
        for (i, j) in carries(c, b, a).into_iter().enumerate() {
            let flag = if i < 2 { sub.clone() + subw.clone() } else { sub.clone() };
            builder.assert_zero("difference: each borrow is boolean", flag * j.bool_check());
        }
        sign_extended_word(builder, &(addw.clone() + subw.clone()), c);
    }
}

impl<E: Algebra<F>> Row<E> {
    /// The frame and the three accesses.
    fn frame<B: Builder<Expr = E>>(&self, b: &mut B, r: &E) {
        let op = op_code(&self.flags, OPS);
        let [rd, rs1, rs2, npc] = [&self.rd, &self.rs1, &self.rs2, &self.npc].map(E::clone);
        let decoded = [op, rd.clone(), rs1.clone(), rs2.clone(), E::ZERO, E::ZERO, npc.clone()];
        self.cpu.eval(b, r, decoded, npc);
        self.a.register(b, r, rs1, self.cpu.time(slot::RS1));
        self.b.register(b, r, rs2, self.cpu.time(slot::RS2));
        self.c.register(b, r, rd, self.cpu.time(slot::RD));
    }
}

impl FamilyChip for AddChip {
    fn family(&self) -> Family {
        Family::Add
    }

    fn write_row(&self, rom: &RomRow, event: &Event, row: &mut [F]) {
        let Event { ts, rs1, rs2, rd, rd_new, .. } = *event;
        Row {
            cpu: Cpu::new(rom, event),
            flags: OPS.map(|op| F::from_bool(op == rom.op)),
            rd: F::from_u8(rom.rd),
            rs1: F::from_u8(rom.rs1),
            rs2: F::from_u16(rom.rs2),
            npc: F::from_u32(rom.npc),
            a: Read::new(rs1, ts, slot::RS1),
            b: Read::new(rs2, ts, slot::RS2),
            c: Write::new(rd, rd_new, ts, slot::RD),
        }
        .write(row);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;
    use vellum_stark::testing::{ChipTest, columns_complete, indices, lie, shape};

    use super::*;
    use crate::honest::{CONSUMED, Outcome, check_operation, register_row};
    use crate::testing::{family_test, register_event, row};

    /// The manual's definition.
    fn reference(op: Op, a: u64, b: u64) -> u64 {
        match op {
            Op::Add => a.wrapping_add(b),
            Op::Sub => a.wrapping_sub(b),
            Op::Addw => (a as i32).wrapping_add(b as i32) as u64,
            _ => (a as i32).wrapping_sub(b as i32) as u64,
        }
    }

    #[test]
    fn sums_and_differences_are_proven_and_nothing_else() {
        for op in OPS {
            let rom = |registers, b| (register_row(op, registers), b);
            check_operation(&AddChip, rom, |rom, a, b| Outcome {
                value: Some(reference(op, a, b)),
                next_pc: rom.npc,
            });
        }
    }

    fn kit() -> ChipTest<'static, AddChip> {
        let i = indices::<Row<usize>>();
        let honest = |op, a, b| row(&AddChip, register_event(op, a, b, reference(op, a, b)));
        let add = honest(Op::Add, 0x0001_8000_ffff_0005, 0x7fff_8000_0001_fffd);
        let sub = honest(Op::Sub, 3, 0x0001_0000_0000_0005);
        let addw = honest(Op::Addw, 0xdead_beef_7fff_ffff, 1);
        let subw = honest(Op::Subw, 0xffff_ffff_0000_0001, 0x8000_0000);
        let limb = F::from_u32(1 << 16);
        let lies = vec![
            // a = …_0005, b = …_fffd |  c_0 = 2   | k_0 = 1
            //                        |  c_0 + 2^16 | k_0 = 0, so c_1 − 1: the same sum, the limbs traded
            lie("limbs 0 and 1 of the output traded", &add, |row| {
                row.main[i.c.new[0]] += limb;
                row.main[i.c.new[1]] -= F::ONE;
            }),
            lie("limbs 1 and 2 of the output traded", &add, |row| {
                row.main[i.c.new[1]] += limb;
                row.main[i.c.new[2]] -= F::ONE;
            }),
            lie("limbs 2 and 3 of the output traded", &add, |row| {
                row.main[i.c.new[2]] += limb;
                row.main[i.c.new[3]] -= F::ONE;
            }),
            lie("output + 2^64", &add, |row| row.main[i.c.new[3]] += limb),
            // p = 2^31 − 2^24 + 1 = 1 + 2^16·(2^15 − 2^8): what a check of the recombined value would let through
            lie("output + p", &add, |row| {
                row.main[i.c.new[0]] += F::ONE;
                row.main[i.c.new[1]] += F::from_u32((1 << 15) - (1 << 8));
            }),
            lie("difference: limbs traded", &sub, |row| {
                row.main[i.c.new[0]] -= limb;
                row.main[i.c.new[1]] += F::ONE;
            }),
            lie("difference + 2^64", &sub, |row| row.main[i.c.new[3]] += limb),
            // a = 7fff_ffff, b = 1 | c = ffff_ffff_8000_0000 | the sign says 0
            lie("addw: a negative word taken as positive", &addw, |row| {
                row.main[i.c.new[2]] = F::ZERO;
                row.main[i.c.new[3]] = F::ZERO;
            }),
            lie("addw: upper limbs differ", &addw, |row| row.main[i.c.new[3]] = F::ZERO),
            lie("subw: neither sign", &subw, |row| {
                row.main[i.c.new[2]] = F::ONE;
                row.main[i.c.new[3]] = F::ONE;
            }),
            // rs1 = rs2, read at ts + 1 and ts + 2: b from another history than a's
            lie("rs1 read from the future", &add, |row| row.main[i.a.prev_ts] += F::from_u32(1 << 10)),
            // add sub addw subw | Σ flag·code | r
            //  2   −1   0    0  |      0      | 1
            // −1    2   0    0  |      3      | 1    the code of addw, carries of neither
            lie("flags of no operation with the code of addw", &addw, |row| {
                [F::NEG_ONE, F::TWO, F::ZERO, F::ZERO]
                    .iter()
                    .zip(i.flags)
                    .for_each(|(f, c)| row.main[c] = *f);
                row.main[i.c.new[0]] += F::ONE;
            }),
            // add + sub has the code of addw too, and r = 2
            lie("two operations at once with the code of addw", &addw, |row| {
                [F::ONE, F::ONE, F::ZERO, F::ZERO].iter().zip(i.flags).for_each(|(f, c)| row.main[c] = *f);
            }),
        ];
        let rows = vec![
            ("add", add),
            ("sub", sub),
            ("addw", addw),
            ("subw", subw),
            ("0 + 0", honest(Op::Add, 0, 0)),
            ("subw, positive", honest(Op::Subw, 5, 3)),
        ];
        let allowed_mutes = &[
            ("MEM#4", CONSUMED),
            // The other flags boolean, −1 for add or sub takes two others with it: all their constraints hold at once,
            // and they allow the right value only.
            (
                "add is boolean",
                "−add + sub + addw is subw: c = a − b, with a word's upper limbs, is the word's difference",
            ),
            (
                "sub is boolean",
                "add − sub + subw is addw: c = a + b, with a word's upper limbs, is the word's sum",
            ),
        ];
        ChipTest { lies, allowed_mutes, ..family_test(&AddChip, rows) }
    }

    #[test]
    fn no_lie_is_accepted() {
        kit().run();
    }

    #[test]
    fn shape_is_pinned() {
        expect_file!["../snapshots/add.txt"].assert_eq(&shape(&AddChip));
        columns_complete::<Row<u8>>();
    }
}
