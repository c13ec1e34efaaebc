//! Every operation and amount against the manual, and the lies that each guard of SHIFT is there for.

use expect_test::expect_file;
use vellum_stark::{
    Field,
    check::Cells,
    testing::{ChipTest, columns_complete, indices, lie, shape},
};

use super::*;
use crate::honest::{CONSUMED, Outcome, check_event, check_operation, immediate_row, register_row, row_of};
use crate::testing::{Operands, TS, family_test};

const REGISTER_OPS: [Op; 6] = [Op::Sll, Op::Srl, Op::Sra, Op::Sllw, Op::Srlw, Op::Sraw];
const IMMEDIATE_OPS: [Op; 6] = [Op::Slli, Op::Srli, Op::Srai, Op::Slliw, Op::Srliw, Op::Sraiw];

/// The manual's definition.
fn reference(rom: &RomRow, a: u64, b: u64) -> Outcome {
    let (b, b_word) = (b & 63, b & 31);
    let value = match rom.op {
        Op::Sll | Op::Slli => a << b,
        Op::Srl | Op::Srli => a >> b,
        Op::Sra | Op::Srai => (a as i64 >> b) as u64,
        Op::Sllw | Op::Slliw => ((a as u32) << b_word) as i32 as u64,
        Op::Srlw | Op::Srliw => (a as u32 >> b_word) as i32 as u64,
        _ => (a as i32 >> b_word) as u64,
    };
    Outcome { value: Some(value), next_pc: rom.npc }
}

/// The amounts that an immediate form can have.
fn amounts(op: Op) -> u64 {
    if op >= Op::Slliw { 32 } else { 64 }
}

#[test]
fn shifts_are_proven_and_nothing_else() {
    for op in REGISTER_OPS {
        check_operation(&ShiftChip, |registers, b| (register_row(op, registers), b), reference);
        // Every amount, whatever stands above it.
        check_operation(&ShiftChip, |registers, b| (register_row(op, registers), b / 8), reference);
    }
    for op in IMMEDIATE_OPS {
        let rom = |registers, b| {
            let amount = b % amounts(op);
            (immediate_row(op, registers, amount), amount)
        };
        check_operation(&ShiftChip, rom, reference);
    }
}

#[test]
fn every_amount_is_proven() {
    for (op, immediate_op) in REGISTER_OPS.into_iter().zip(IMMEDIATE_OPS) {
        for amount in 0..256 {
            for a in [0x8123_4567_89ab_cdef, 0x7edc_ba98_7654_3210, u64::MAX, 0x8000_0000, 1] {
                let mut random = Operands(amount);
                let mut check = |rom: RomRow| {
                    check_event(&ShiftChip, &rom, [a, amount], &mut random, reference(&rom, a, amount));
                };
                check(register_row(op, [12, 10, 11]));
                if amount < amounts(immediate_op) {
                    check(immediate_row(immediate_op, [12, 10, 0], amount));
                }
            }
        }
    }
}

fn honest(op: Op, a: u64, b: u64) -> Cells {
    let is_imm = IMMEDIATE_OPS.contains(&op);
    let rom = if is_imm { immediate_row(op, [12, 10, 0], b) } else { register_row(op, [12, 10, 11]) };
    row_of(&ShiftChip, &rom, [a, b], reference(&rom, a, b))
}

/// The row of `op` shifting by another amount: an honest row with b's cells replaced.
fn shifted_by(op: Op, a: u64, b: u64, amount: u64) -> Cells {
    let i = indices::<Row<usize>>();
    let mut row = honest(op, a, amount);
    limbs(b).iter().zip(i.b.value).for_each(|(limb, cell)| row.main[cell] = *limb);
    let modulus = if matches!(op, Op::Sllw | Op::Srlw | Op::Sraw) { 32 } else { 64 };
    row.main[i.quotient] = (F::from_u64(b) - F::from_u64(amount)) * F::from_u32(modulus).inverse();
    row
}

fn kit() -> ChipTest<'static, ShiftChip> {
    let i = indices::<Row<usize>>();
    let a = 0x8123_4567_89ab_cdef;
    let sll = honest(Op::Sll, a, 0xffff_0000_0001_0000 + 64 * 5 + 21);
    let srl = honest(Op::Srl, a, 13);
    let sra = honest(Op::Sra, a, 45);
    let sllw = honest(Op::Sllw, a, 32 * 3 + 7);
    let srlw = honest(Op::Srlw, a, 9);
    let srlw_0 = honest(Op::Srlw, a, 0);
    let sraw = honest(Op::Sraw, a, 18);
    let slli = honest(Op::Slli, a, 63);
    let sraiw = honest(Op::Sraiw, a, 31);
    let replace = |name, honest: &Cells, forged: Cells| lie(name, honest, |row| *row = forged);
    // A word's result that is negative, taken as positive, or the other way.
    let other_sign = |row: &mut Cells| {
        let flipped = F::from_u32(0xffff) - row.main[i.c.new[2]];
        row.main[i.sign_check] = row.main[i.c.new[1]].double() - flipped;
        row.main[i.c.new[2]] = flipped;
        row.main[i.c.new[3]] = flipped;
    };
    // An arithmetic shift filled with the other sign.
    let positive = 0x0123_4567_09ab_cdef;
    let negative_fill = |op, b, check: usize| {
        let mut row = honest(op, positive | 0x8000_0000_8000_0000, b);
        limbs(positive).iter().zip(i.a.value).for_each(|(limb, cell)| row.main[cell] = *limb);
        row.main[i.sign_check] = row.main[i.a.value[check]].double() - F::from_u32(1 << 16);
        row
    };
    let padding = Cells::zero(ShiftChip.widths());
    let set = |row: &mut Cells, flags: [i32; 4]| {
        flags.into_iter().zip(i.flags).for_each(|(flag, cell)| row.main[cell] = F::from_i32(flag));
    };
    let mut reading = padding.clone();
    reading.main[i.is_imm] = F::NEG_ONE;
    // A row in which both srl and srlw hold, of a value that is the same for both.
    let mut two = honest(Op::Srlw, 0, 0);
    [i.flags[2], i.arith, i.is_imm].into_iter().for_each(|cell| two.main[cell] = F::ONE);
    two.main[i.c.new[0]] = F::ONE;
    two.main[i.weights[0]] = F::from_u32(512);
    // srl of a byte with bits of the amount that are none: the byte divided by T.
    let divided = |byte: u64, amount, bits: [u8; 3], power: u8| {
        let mut row = honest(Op::Srl, byte, amount);
        bits.into_iter().zip(i.bits).for_each(|(bit, cell)| row.main[cell] = F::from_u8(bit));
        let quotient = F::from_u8(power).inverse();
        [i.bytes, i.quotient].into_iter().for_each(|cell| row.main[cell] = F::ZERO);
        i.weights.into_iter().chain(i.low).for_each(|cell| row.main[cell] = F::ZERO);
        row.main[i.weights[0]] = F::from_u32(256) * quotient;
        row.main[i.mask] = F::from_u8(power) - F::ONE;
        row.main[i.c.new[0]] = F::from_u64(byte) * quotient;
        row
    };
    let lies = vec![
        lie("limbs 0 and 1 of the output traded", &sll, |row| {
            row.main[i.c.new[0]] += F::from_u32(1 << 16);
            row.main[i.c.new[1]] -= F::ONE;
        }),
        lie("limbs 2 and 3 of the output traded", &srl, |row| {
            row.main[i.c.new[2]] += F::from_u32(1 << 16);
            row.main[i.c.new[3]] -= F::ONE;
        }),
        lie("output + p", &sll, |row| {
            row.main[i.c.new[1]] += F::ONE;
            row.main[i.c.new[2]] += F::from_u32((1 << 15) - (1 << 8));
        }),
        // b_0 = 13, q = 1/64
        replace("a shift by another amount", &srl, shifted_by(Op::Srl, a, 13, 12)),
        // b_0 = 13, q = −50/64
        replace("a shift by a greater amount", &srl, shifted_by(Op::Srl, a, 13, 63)),
        replace("a word shifted by another amount", &srlw, shifted_by(Op::Srlw, a, 9, 10)),
        lie("an amount with the quotient of another", &srl, |row| {
            *row = shifted_by(Op::Srl, a, 13, 12);
            row.main[i.quotient] = F::ZERO;
        }),
        // b_0 = 45 and 13: modulo 32 they are the same
        replace("a doubleword shifted modulo 32", &sra, shifted_by(Op::Sra, a, 45, 13)),
        replace("an immediate that is not the ROM's", &slli, {
            let mut row = honest(Op::Slli, a, 62);
            row.main[i.imm] = F::from_u32(63);
            row
        }),
        // a' + 256 and (a − a')/256 − 1
        lie("a byte of 256 and more", &srl, |row| {
            row.main[i.a_low[0]] += F::from_u32(256);
            row.main[i.c.new[0]] += F::ONE;
        }),
        lie("sllw: the sign of the result flipped", &sllw, other_sign),
        lie("srlw: the sign of the result flipped", &srlw, other_sign),
        lie("srlw by 0: the sign of the result flipped", &srlw_0, other_sign),
        lie("sraw: the upper half of a logical shift", &sraw, |row| {
            row.main[i.c.new[2]] = F::ZERO;
            row.main[i.c.new[3]] = F::ZERO;
        }),
        // c_2 = c_3 = 1, the sign check as for 0
        lie("sllw: an upper half of no sign", &sllw, |row| {
            row.main[i.c.new[2]] = F::ONE;
            row.main[i.c.new[3]] = F::ONE;
            row.main[i.sign_check] = row.main[i.c.new[1]].double() - F::ONE;
        }),
        lie("sllw: upper limbs differ", &sllw, |row| row.main[i.c.new[3]] += F::ONE),
        replace("a positive value shifted as negative", &honest(Op::Sra, positive, 45), {
            negative_fill(Op::Sra, 45, 3)
        }),
        replace("a positive word shifted as negative", &honest(Op::Sraw, positive, 18), {
            negative_fill(Op::Sraw, 18, 1)
        }),
        // g = 1 in srl: ones come in from the left
        lie("a logical shift filled with ones", &srl, |row| {
            let forged = Row::<F>::read(&honest(Op::Sra, a, 13).main);
            row.main[i.sign] = forged.sign;
            row.main[i.fill] = forged.fill;
            forged.c.new.iter().zip(i.c.new).for_each(|(limb, cell)| row.main[cell] = *limb);
        }),
        lie("a row that counts twice", &srl, |row| row.main[i.flags[2]] = F::TWO),
        // sll sllw right rightw arith | code
        //  0   1    0     0    −1     | 16, sra
        lie("sllw with the code of sra", &sra, |row| {
            *row = honest(Op::Sllw, a, 45);
            row.main[i.arith] = F::NEG_ONE;
        }),
        // −1   1    1     0     0     | 18, srlw     the low half of a shifted doubleword
        lie("srlw shifts in bits of the upper half", &honest(Op::Srlw, 0x0100_0001_0000_0000, 8), |row| {
            set(row, [-1, 1, 1, 0]);
            row.main[i.c.new[1]] = F::from_u32(0x0100);
            row.main[i.sign_check] = F::from_u32(0x0200);
        }),
        //  1   0   −1     1     0     | 17, sllw     left − right + rightw
        lie("sllw less bits of the upper half", &honest(Op::Sllw, 0x0100_0001_0012_3456, 8), |row| {
            set(row, [1, 0, -1, 1]);
            row.main[i.c.new[1]] = F::from_u32(0x1233);
            row.main[i.sign_check] = F::from_u32(0x2466);
        }),
        //  1   0    1    −1     0     | 17, sllw     with imm = 1, so that b = 0
        lie("sllw by a register shifts by 0", &honest(Op::Sllw, 5, 3), |row| {
            *row = honest(Op::Sllw, 5, 0);
            set(row, [1, 0, 1, -1]);
            row.main[i.is_imm] = F::ONE;
            row.main[i.sign_check] = F::ZERO;
        }),
        //  1   0    0     0     1     | 15, srl
        lie("sll with the code of srl", &srl, |row| {
            *row = honest(Op::Sll, a, 13);
            row.main[i.arith] = F::ONE;
        }),
        //  0   0    1     1     1     | 34 + 6·imm  r = 2
        lie("two instructions at once", &two, |row| row.main[i.c.new[0]] = F::ZERO),
        // right shift by 2 = m_0: T = 1 + 2, W = 256/3; 9 AND 2 = 0
        replace("9 >> 2 is 9/3", &honest(Op::Srl, 9, 2), divided(9, 2, [2, 0, 0], 3)),
        // right shift by 4 = 2·m_1: T = 1 + 3·2; 49 AND 6 = 0
        replace("49 >> 4 is 49/7", &honest(Op::Srl, 49, 4), divided(49, 4, [0, 2, 0], 7)),
        // right shift by 8 = 4·m_2: T = 1 + 15·2; 32 AND 30 = 0
        replace("32 >> 8 is 32/31", &honest(Op::Srl, 32, 8), divided(32, 8, [0, 0, 2], 31)),
        replace("a cut that is not the amount's", &srl, {
            let mut row = shifted_by(Op::Srl, a, 13, 12);
            row.main[i.quotient] = F::ZERO;
            [1, 0, 1].into_iter().zip(i.bits).for_each(|(bit, cell)| row.main[cell] = F::from_u8(bit));
            row
        }),
        // b_0 = 39, β = 4, m = 7: the word is shifted out
        lie("a word shifted by 39 and not by 7", &honest(Op::Sllw, a, 39), |row| {
            row.main[i.bytes] = F::from_u8(4);
            row.main[i.quotient] = F::ZERO;
            row.main.swap(i.weights[0], i.weights[4]);
            i.c.new.into_iter().chain([i.sign_check]).for_each(|cell| row.main[cell] = F::ZERO);
        }),
        // a_3 = 0x8123, g = 2·a_3/2^16: the check says 0
        lie("a sign between 1 and 2", &honest(Op::Sra, a, 16), |row| {
            let sign = F::from_u32(2 * 0x8123).div_2exp_u64(16);
            row.main[i.sign] = sign;
            row.main[i.fill] = sign;
            row.main[i.sign_check] = F::ZERO;
            row.main[i.c.new[3]] = sign * F::from_u32(0xffff);
        }),
        // r = 0, imm = 1: the row takes and gives −1 token of register rs2
        lie("rs2 read −1 times", &padding, |row| row.main[i.is_imm] = F::ONE),
        // r = 0, imm = −1: rs2 read once, at any time
        lie("a read by no instruction", &reading, |row| {
            row.main[i.cpu.ts] = F::from_u32(TS);
            row.main[i.b.prev_ts] = F::from_u32(TS + 1);
        }),
    ];
    let rows = vec![
        ("sll", sll),
        ("srl", srl),
        ("sra", sra),
        ("sllw", sllw),
        ("srlw", srlw),
        ("srlw by 0", srlw_0),
        ("sraw", sraw),
        ("slli", slli),
        ("sraiw", sraiw),
        ("srl by 5", honest(Op::Srl, a, 5)),
        ("sll by 11", honest(Op::Sll, a, 11)),
    ];
    ChipTest { lies, allowed_mutes: &[("MEM#2", CONSUMED)], ..family_test(&ShiftChip, rows) }
}

#[test]
fn no_lie_is_accepted() {
    kit().run();
}

#[test]
fn shape_is_pinned() {
    expect_file!["../../snapshots/shift.txt"].assert_eq(&shape(&ShiftChip));
    columns_complete::<Row<u8>>();
}
