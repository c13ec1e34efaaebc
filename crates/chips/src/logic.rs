//! LOGIC proves and, or, xor and their immediate forms: given register rs1 and register rs2 or an immediate, the value
//! written to rd is their bitwise combination.
//!
//! # Columns (46)
//! | cells | what | vouched for by |
//! |---|---|---|
//! | pc, ts | place and time of the row | STATE |
//! | and, or, xor | the operation, one-hot | PROG through the code, constraints 1 and 2 |
//! | imm | the second operand is the immediate | PROG through the code, constraint 3 |
//! | rd, rs1, rs2, npc, i0, i1 | decoded cells; the immediate's limb 0 and its sign limb (0 or 0xffff) | PROG |
//! | a\[4\], prev_ts, dlo | register read | MEM, RANGE (access) |
//! | b\[4\], prev_ts, dlo | register read, or the immediate's limbs and two idle cells | MEM, RANGE, or constraints 4, 5 |
//! | c\[4\], old\[4\], prev_ts, dlo | register write | BYTE; MEM, RANGE (access) |
//! | a', b', c' \[4\] | low byte of each limb | BYTE |
//!
//! # Constraints
//! r = and + or + xor.
//! 1. each flag is boolean, degree 2
//! 2. r is boolean, degree 2
//! 3. imm and r − imm are boolean, degree 2
//! 4. imm·(b_0 − i0) = 0, degree 2
//! 5. imm·(b_i − i1) = 0 for i = 1, 2, 3, degree 2
//!
//! # Interactions (22)
//! The frame: PROG 1, STATE 2. Two reads (the second where r − imm = 1) and a write: MEM 6, RANGE16 3, RANGE8 1, BYTE 1.
//! BYTE of (or + 2·xor, a', b', c') and of the high bytes (a − a')/256 and so on, for each limb.
//!
//! # Soundness
//! 1 to 3 and the code's place in PROG make flags and form the ROM's: the codes of the six operations are and·AND +
//! or·OR + xor·XOR + 3·imm, all different. With r = 0, 3 makes imm zero too, and all multiplicities are zero.
//! A BYTE lookup puts all its three operands in 8 bits: a limb a_i = a'_i + 256·h with both bytes in range has one such
//! split, and c_i = c'_i + 256·h has 16 bits. So c needs no other range check, and (a' + 256, h − 1) is no way out.

use vellum_executor::Event;
use vellum_isa::{Family, Op, RomRow};
use vellum_stark::{Algebra, Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::BYTE;
use crate::access::{Cpu, Read, Write, inverse_2_8, limbs, read_and_write, slot};
use crate::family::{FamilyChip, exclusive, immediate, low_bytes, op_code};

/// The columns of LOGIC.
#[derive(Clone, Default)]
struct Row<T> {
    /// Place and time.
    cpu: Cpu<T>,
    /// One-hot: and, or, xor.
    flags: [T; 3],
    /// 1 in the immediate forms.
    is_imm: T,
    /// Destination register index.
    rd: T,
    /// First source register index.
    rs1: T,
    /// Second source register index, 0 in the immediate forms.
    rs2: T,
    /// pc cell of the next instruction.
    npc: T,
    /// The immediate: limb 0, and the limb that all others equal.
    imm: [T; 2],
    /// First operand, read from rs1.
    a: Read<T>,
    /// Second operand, read from rs2 or equal to the immediate.
    b: Read<T>,
    /// Result, written to rd.
    c: Write<T>,
    /// Low byte of each limb of a.
    a_low: [T; 4],
    /// Low byte of each limb of b.
    b_low: [T; 4],
    /// Low byte of each limb of c.
    c_low: [T; 4],
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.cpu.visit(f);
        self.flags.visit(f);
        f(&mut self.is_imm);
        f(&mut self.rd);
        f(&mut self.rs1);
        f(&mut self.rs2);
        f(&mut self.npc);
        self.imm.visit(f);
        self.a.visit(f);
        self.b.visit(f);
        self.c.visit(f);
        self.a_low.visit(f);
        self.b_low.visit(f);
        self.c_low.visit(f);
    }
}

/// The register forms in the order of the flags.
const OPS: [Op; 3] = [Op::And, Op::Or, Op::Xor];
/// The immediate forms in the order of the flags.
const IMMEDIATE_OPS: [Op; 3] = [Op::Andi, Op::Ori, Op::Xori];
/// Distance of the code of an immediate form from the register form's.
const TO_IMMEDIATE: u32 = Op::Andi as u32 - Op::And as u32;
/// Names of the constraints on the flags.
const FLAGS: [&str; 3] = ["and is boolean", "or is boolean", "xor is boolean"];

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogicChip;

impl Chip for LogicChip {
    fn name(&self) -> &'static str {
        self.family().name()
    }

    fn widths(&self) -> Widths {
        Widths { preprocessed: 0, phase0: 0, main: Row::<F>::width() }
    }

    fn eval<B: Builder>(&self, builder: &mut B) {
        let row = Row::<B::Expr>::read(builder.main());
        let r = exclusive(builder, &row.flags, FLAGS);
        // imm·(imm − 1) = 0, (r − imm)·(r − imm − 1) = 0
        builder.assert_bool("the immediate flag is boolean", row.is_imm.clone());
        builder.assert_bool("the immediate flag is set on active rows only", r.clone() - row.is_imm.clone());
        row.frame(builder, &r);

        // imm·(b_0 − i0) = 0, imm·(b_i − i1) = 0
        let [i0, i1] = &row.imm;
        for (b, i) in row.b.value.iter().zip([i0, i1, i1, i1]) {
            builder.assert_zero(
                "immediate form: b is the immediate",
                row.is_imm.clone() * (b.clone() - i.clone()),
            );
        }
        // c' = a' op b', (c − c')/256 = (a − a')/256 op (b − b')/256
        let [_, or, xor] = &row.flags;
        let op = or.clone() + xor.double();
        for i in 0..4 {
            let low = [&row.a_low[i], &row.b_low[i], &row.c_low[i]].map(B::Expr::clone);
            let limb = [&row.a.value[i], &row.b.value[i], &row.c.new[i]].map(B::Expr::clone);
            for [a, b, c] in [low.clone(), high_bytes(limb, low)] {
                builder.send(BYTE, r.clone(), [op.clone(), a, b, c]);
            }
        }
    }
}

/// (limb − low)/256 of each.
fn high_bytes<E: Algebra<F>>(limb: [E; 3], low: [E; 3]) -> [E; 3] {
    let mut low = low.into_iter();
    limb.map(|limb| (limb - low.next().unwrap_or_default()) * inverse_2_8())
}

impl<E: Algebra<F>> Row<E> {
    /// The frame and the three accesses.
    fn frame<B: Builder<Expr = E>>(&self, b: &mut B, r: &E) {
        let Self { cpu, rd, rs1, rs2, npc, imm: [i0, i1], .. } = self.clone();
        let op = op_code(&self.flags, OPS) + self.is_imm.clone() * F::from_u32(TO_IMMEDIATE);
        cpu.eval(b, r, [op, rd.clone(), rs1.clone(), rs2.clone(), i0, i1, npc.clone()], npc);
        read_and_write(b, r, &cpu, (&rs1, &self.a), (&rd, &self.c));
        self.b.register(b, &(r.clone() - self.is_imm.clone()), rs2, cpu.time(slot::RS2));
    }
}

impl FamilyChip for LogicChip {
    fn family(&self) -> Family {
        Family::Logic
    }

    fn write_row(&self, rom: &RomRow, event: &Event, row: &mut [F]) {
        let Event { ts, rs1, rs2, rd, rd_new, .. } = *event;
        let is_imm = IMMEDIATE_OPS.contains(&rom.op);
        let b = if is_imm { immediate(rom) } else { rs2.old };
        Row {
            cpu: Cpu::new(rom, event),
            flags: std::array::from_fn(|i| F::from_bool(rom.op == OPS[i] || rom.op == IMMEDIATE_OPS[i])),
            is_imm: F::from_bool(is_imm),
            rd: F::from_u8(rom.rd),
            rs1: F::from_u8(rom.rs1),
            rs2: F::from_u16(rom.rs2),
            npc: F::from_u32(rom.npc),
            imm: [F::from_u32(rom.i0), F::from_u16(rom.i1)],
            a: Read::new(rs1, ts, slot::RS1),
            b: if is_imm {
                Read { value: limbs(b), ..Read::default() }
            } else {
                Read::new(rs2, ts, slot::RS2)
            },
            c: Write::new(rd, rd_new, ts, slot::RD),
            a_low: low_bytes(rs1.old),
            b_low: low_bytes(b),
            c_low: low_bytes(rd_new),
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
    use crate::honest::{CONSUMED, Outcome, check_operation, immediate_row, register_row, row_of, short};
    use crate::testing::{TS, family_test};

    /// The manual's definition; in immediate forms `b` is the sign-extended immediate.
    fn reference(rom: &RomRow, a: u64, b: u64) -> Outcome {
        let value = match rom.op {
            Op::And | Op::Andi => a & b,
            Op::Or | Op::Ori => a | b,
            _ => a ^ b,
        };
        Outcome { value: Some(value), next_pc: rom.npc }
    }

    #[test]
    fn bitwise_results_are_proven_and_nothing_else() {
        for op in OPS {
            check_operation(&LogicChip, |registers, b| (register_row(op, registers), b), reference);
        }
        for op in IMMEDIATE_OPS {
            let rom = |registers, b| (immediate_row(op, registers, short(b)), short(b));
            check_operation(&LogicChip, rom, reference);
        }
    }

    fn honest(op: Op, a: u64, b: u64) -> Cells {
        let is_imm = IMMEDIATE_OPS.contains(&op);
        let rom = if is_imm { immediate_row(op, [12, 10, 0], b) } else { register_row(op, [12, 10, 11]) };
        row_of(&LogicChip, &rom, [a, b], reference(&rom, a, b))
    }

    fn kit() -> ChipTest<'static, LogicChip> {
        let i = indices::<Row<usize>>();
        let and = honest(Op::And, 0x1234_5678_9abc_def0, 0xffff_0000_ff00_0ff0);
        let or = honest(Op::Or, 0x1234_5678_9abc_def0, 0x0f0f_f0f0_0000_ffff);
        let xor = honest(Op::Xor, 0x1234_5678_9abc_def0, u64::MAX);
        let andi = honest(Op::Andi, 0x1234_5678_9abc_def0, 0x7f0);
        let ori = honest(Op::Ori, 0x1234_5678_9abc_def0, short(0x8ff));
        let xori = honest(Op::Xori, 5, u64::MAX);
        let set = |row: &mut Cells, flags: [F; 3]| {
            flags.iter().zip(i.flags).for_each(|(flag, cell)| row.main[cell] = *flag);
        };
        let padding = Cells::zero(LogicChip.widths());
        let mut two = xori.clone();
        set(&mut two, [F::ZERO, F::ONE, F::ONE]);
        two.main[i.b.prev_ts] = F::from_u32(TS);
        two.main[i.b.dlo] = F::ONE;
        let mut reading = padding.clone();
        reading.main[i.is_imm] = F::NEG_ONE;
        let lies = vec![
            // limb 0 of b = low + 256·high | low, high
            //                              | low + 256, high − 1
            lie("a byte of 256 and more", &and, |row| {
                row.main[i.b_low[0]] += F::from_u32(256);
                row.main[i.c.new[0]] += F::ONE;
                row.main[i.c_low[0]] += F::ONE;
            }),
            lie("limbs of the output traded", &and, |row| {
                row.main[i.c.new[1]] += F::from_u32(1 << 16);
                row.main[i.c.new[2]] -= F::ONE;
            }),
            lie("output + p", &or, |row| {
                row.main[i.c.new[0]] += F::ONE;
                row.main[i.c.new[1]] += F::from_u32((1 << 15) - (1 << 8));
            }),
            lie("another bit of the low byte", &or, |row| {
                row.main[i.c.new[0]] -= F::ONE;
                row.main[i.c_low[0]] -= F::ONE;
            }),
            lie("an immediate that is not the ROM's", &xori, |row| {
                row.main[i.b.value[0]] -= F::ONE;
                row.main[i.b_low[0]] -= F::ONE;
                row.main[i.c.new[0]] += F::ONE;
                row.main[i.c_low[0]] += F::ONE;
            }),
            // and or xor imm | Σ flag·code + 3·imm | BYTE operation
            // −1   1   1   0 | 11, andi            | 3, which gives 0
            lie("andi with a register gives 0", &andi, |row| {
                set(row, [F::NEG_ONE, F::ONE, F::ONE]);
                row.main[i.is_imm] = F::ZERO;
                row.main[i.b.prev_ts] = F::from_u32(TS);
                row.main[i.b.dlo] = F::ONE;
                for limb in 0..4 {
                    row.main[i.c.new[limb]] = F::ZERO;
                    row.main[i.c_low[limb]] = F::ZERO;
                }
            }),
            //  0   1   1   1 | 22                  | 3
            lie("two instructions at once", &two, |row| {
                for limb in 0..4 {
                    row.main[i.c.new[limb]] = F::ZERO;
                    row.main[i.c_low[limb]] = F::ZERO;
                }
            }),
            lie("a row that counts twice", &and, |row| set(row, [F::TWO, F::ZERO, F::ZERO])),
            // r = 0, imm = 1: the row takes and gives −1 token of register rs2
            lie("rs2 read −1 times", &padding, |row| row.main[i.is_imm] = F::ONE),
            // r = 0, imm = −1: rs2 read once, at any time
            lie("a read by no instruction", &reading, |row| {
                row.main[i.cpu.ts] = F::from_u32(TS);
                row.main[i.b.prev_ts] = F::from_u32(TS + 1);
            }),
        ];
        let rows = vec![("and", and), ("or", or), ("xor", xor), ("andi", andi), ("ori", ori), ("xori", xori)];
        let allowed_mutes = &[
            ("MEM#2", CONSUMED),
            // The other flags boolean, −1 takes two others with it.
            ("or is boolean", "and − or + xor has the code of or, and its BYTE operation"),
            ("xor is boolean", "and + or − xor asks for BYTE operation −1"),
        ];
        ChipTest { lies, allowed_mutes, ..family_test(&LogicChip, rows) }
    }

    #[test]
    fn no_lie_is_accepted() {
        kit().run();
    }

    #[test]
    fn shape_is_pinned() {
        expect_file!["../snapshots/logic.txt"].assert_eq(&shape(&LogicChip));
        columns_complete::<Row<u8>>();
    }
}
