//! 16-bit instructions (C extension, RV64, no floating point): each expands to the 32-bit word it abbreviates.
//!
//! Reserved encodings and the floating-point forms have no expansion. Hints expand to the instruction whose result goes
//! to x0 or that changes nothing, so they need no special treatment.
//! Source: RISC-V unprivileged manual, chapter "C" (instruction set listings).

use crate::encode::{
    EBREAK, JALR, LOAD, LUI, OP, OP_32, OP_IMM, OP_IMM_32, b_type, i_type, j_type, r_type, s_type, u_type,
};

/// Expands a 16-bit instruction to its 32-bit equivalent; `None` for reserved and floating-point encodings.
pub fn expand(half: u16) -> Option<u32> {
    let h = u32::from(half);
    let funct3 = h >> 13;
    match h & 3 {
        0 => quadrant0(h, funct3),
        1 => quadrant1(h, funct3),
        2 => quadrant2(h, funct3),
        _ => None,
    }
}

fn quadrant0(h: u32, funct3: u32) -> Option<u32> {
    let (short_rs1, short_rs2) = (short(h >> 7), short(h >> 2));
    // Offsets: [5:3] at 12:10; word form [2] at 6, [6] at 5; doubleword form [7:6] at 6:5.
    let word = bits(h, 10, 3) << 3 | bits(h, 6, 1) << 2 | bits(h, 5, 1) << 6;
    let double = bits(h, 10, 3) << 3 | bits(h, 5, 2) << 6;
    match funct3 {
        0 => {
            // c.addi4spn: [5:4|9:6|2|3] at 12:5; zero is reserved (and so is the all-zero word).
            let imm = bits(h, 11, 2) << 4 | bits(h, 7, 4) << 6 | bits(h, 6, 1) << 2 | bits(h, 5, 1) << 3;
            (imm != 0).then(|| i_type(OP_IMM, 0, short_rs2, SP, imm))
        }
        2 => Some(i_type(LOAD, 2, short_rs2, short_rs1, word)),
        3 => Some(i_type(LOAD, 3, short_rs2, short_rs1, double)),
        6 => Some(s_type(2, short_rs1, short_rs2, word)),
        7 => Some(s_type(3, short_rs1, short_rs2, double)),
        _ => None,
    }
}

fn quadrant1(h: u32, funct3: u32) -> Option<u32> {
    let rd = bits(h, 7, 5);
    let imm = sign_extend(bits(h, 12, 1) << 5 | bits(h, 2, 5), 6);
    match funct3 {
        0 => Some(i_type(OP_IMM, 0, rd, rd, imm)),
        1 => (rd != 0).then(|| i_type(OP_IMM_32, 0, rd, rd, imm)),
        2 => Some(i_type(OP_IMM, 0, rd, 0, imm)),
        3 if rd == SP => {
            // c.addi16sp: [9] at 12, [4|6|8:7|5] at 6:2.
            let imm = bits(h, 12, 1) << 9
                | bits(h, 6, 1) << 4
                | bits(h, 5, 1) << 6
                | bits(h, 3, 2) << 7
                | bits(h, 2, 1) << 5;
            (imm != 0).then(|| i_type(OP_IMM, 0, SP, SP, sign_extend(imm, 10)))
        }
        3 => (imm != 0).then_some(u_type(LUI, rd, imm << 12)),
        4 => arithmetic(h, imm),
        5 => Some(j_type(0, jump_offset(h))),
        6 => Some(b_type(0, short(h >> 7), 0, branch_offset(h))),
        _ => Some(b_type(1, short(h >> 7), 0, branch_offset(h))),
    }
}

/// c.srli, c.srai, c.andi and the register-register forms.
fn arithmetic(h: u32, imm: u32) -> Option<u32> {
    let (rd, rs2) = (short(h >> 7), short(h >> 2));
    let shamt = imm & 63;
    match bits(h, 10, 2) {
        0 => Some(i_type(OP_IMM, 5, rd, rd, shamt)),
        1 => Some(i_type(OP_IMM, 5, rd, rd, 0x400 | shamt)),
        2 => Some(i_type(OP_IMM, 7, rd, rd, imm)),
        _ => match (bits(h, 12, 1), bits(h, 5, 2)) {
            (0, 0) => Some(r_type(OP, 0x20, 0, rd, rd, rs2)),
            (0, 1) => Some(r_type(OP, 0, 4, rd, rd, rs2)),
            (0, 2) => Some(r_type(OP, 0, 6, rd, rd, rs2)),
            (0, 3) => Some(r_type(OP, 0, 7, rd, rd, rs2)),
            (1, 0) => Some(r_type(OP_32, 0x20, 0, rd, rd, rs2)),
            (1, 1) => Some(r_type(OP_32, 0, 0, rd, rd, rs2)),
            _ => None,
        },
    }
}

fn quadrant2(h: u32, funct3: u32) -> Option<u32> {
    let (rd, rs2) = (bits(h, 7, 5), bits(h, 2, 5));
    match funct3 {
        0 => Some(i_type(OP_IMM, 1, rd, rd, bits(h, 12, 1) << 5 | rs2)),
        2 => {
            // c.lwsp: [5] at 12, [4:2|7:6] at 6:2.
            let offset = bits(h, 12, 1) << 5 | bits(h, 4, 3) << 2 | bits(h, 2, 2) << 6;
            (rd != 0).then(|| i_type(LOAD, 2, rd, SP, offset))
        }
        3 => {
            // c.ldsp: [5] at 12, [4:3|8:6] at 6:2.
            let offset = bits(h, 12, 1) << 5 | bits(h, 5, 2) << 3 | bits(h, 2, 3) << 6;
            (rd != 0).then(|| i_type(LOAD, 3, rd, SP, offset))
        }
        4 => match (bits(h, 12, 1), rd, rs2) {
            (0, 0, 0) => None,
            (0, rs1, 0) => Some(i_type(JALR, 0, 0, rs1, 0)),
            (0, _, _) => Some(r_type(OP, 0, 0, rd, 0, rs2)),
            (_, 0, 0) => Some(EBREAK),
            (_, rs1, 0) => Some(i_type(JALR, 0, 1, rs1, 0)),
            (_, _, _) => Some(r_type(OP, 0, 0, rd, rd, rs2)),
        },
        6 => Some(s_type(2, SP, rs2, bits(h, 9, 4) << 2 | bits(h, 7, 2) << 6)),
        7 => Some(s_type(3, SP, rs2, bits(h, 10, 3) << 3 | bits(h, 7, 3) << 6)),
        _ => None,
    }
}

/// c.j: [11|4|9:8|10|6|7|3:1|5] at 12:2.
fn jump_offset(h: u32) -> u32 {
    let offset = bits(h, 12, 1) << 11
        | bits(h, 11, 1) << 4
        | bits(h, 9, 2) << 8
        | bits(h, 8, 1) << 10
        | bits(h, 7, 1) << 6
        | bits(h, 6, 1) << 7
        | bits(h, 3, 3) << 1
        | bits(h, 2, 1) << 5;
    sign_extend(offset, 12)
}

/// c.beqz, c.bnez: [8|4:3] at 12:10, [7:6|2:1|5] at 6:2.
fn branch_offset(h: u32) -> u32 {
    let offset = bits(h, 12, 1) << 8
        | bits(h, 10, 2) << 3
        | bits(h, 5, 2) << 6
        | bits(h, 3, 2) << 1
        | bits(h, 2, 1) << 5;
    sign_extend(offset, 9)
}

const SP: u32 = 2;

const fn bits(word: u32, from: u32, count: u32) -> u32 {
    (word >> from) & ((1 << count) - 1)
}

/// Register x8..x15 of a three-bit field.
const fn short(field: u32) -> u32 {
    8 + (field & 7)
}

const fn sign_extend(value: u32, width: u32) -> u32 {
    ((value << (32 - width)) as i32 >> (32 - width)) as u32
}
