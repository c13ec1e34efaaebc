//! What each operation computes: plain functions of values, the one home of the semantics that both modes share.
//! Source: RISC-V unprivileged manual, chapters RV64I and M.

use vellum_isa::Op;

/// The value an arithmetic, logic, shift or comparison operation writes; `b` is rs2 or the immediate.
///
/// Operations that compute no value from two operands give 0.
#[inline(always)]
pub(crate) fn compute(op: Op, a: u64, b: u64) -> u64 {
    match op {
        Op::Add | Op::Addi => a.wrapping_add(b),
        Op::Sub => a.wrapping_sub(b),
        Op::Addw | Op::Addiw => word(a.wrapping_add(b)),
        Op::Subw => word(a.wrapping_sub(b)),
        Op::And | Op::Andi => a & b,
        Op::Or | Op::Ori => a | b,
        Op::Xor | Op::Xori => a ^ b,
        Op::Sll | Op::Slli => a << (b & 63),
        Op::Srl | Op::Srli => a >> (b & 63),
        Op::Sra | Op::Srai => (a as i64 >> (b & 63)) as u64,
        Op::Sllw | Op::Slliw => word(a << (b & 31)),
        Op::Srlw | Op::Srliw => word(u64::from(a as u32 >> (b & 31))),
        Op::Sraw | Op::Sraiw => i64::from(a as i32 >> (b & 31)) as u64,
        Op::Slt | Op::Slti => u64::from((a as i64) < b as i64),
        Op::Sltu | Op::Sltiu => u64::from(a < b),
        Op::Mul => a.wrapping_mul(b),
        Op::Mulh => ((i128::from(a as i64) * i128::from(b as i64)) >> 64) as u64,
        Op::Mulhu => ((u128::from(a) * u128::from(b)) >> 64) as u64,
        Op::Mulhsu => ((i128::from(a as i64) * i128::from(b)) >> 64) as u64,
        Op::Mulw => word(a.wrapping_mul(b)),
        Op::Div => {
            (a as i64).checked_div(b as i64).map_or_else(|| if b == 0 { u64::MAX } else { a }, |q| q as u64)
        }
        Op::Divu => a.checked_div(b).unwrap_or(u64::MAX),
        Op::Rem => (a as i64).checked_rem(b as i64).map_or_else(|| if b == 0 { a } else { 0 }, |r| r as u64),
        Op::Remu => a.checked_rem(b).unwrap_or(a),
        Op::Divw => signed_word(match (a as i32, b as i32) {
            (_, 0) => -1,
            (a, b) => a.wrapping_div(b),
        }),
        Op::Divuw => word(u64::from((a as u32).checked_div(b as u32).unwrap_or(u32::MAX))),
        Op::Remw => signed_word(match (a as i32, b as i32) {
            (a, 0) => a,
            (a, b) => a.wrapping_rem(b),
        }),
        Op::Remuw => word(u64::from((a as u32).checked_rem(b as u32).unwrap_or(a as u32))),
        _ => 0,
    }
}

/// Whether a branch is taken.
#[inline(always)]
pub(crate) fn taken(op: Op, a: u64, b: u64) -> bool {
    match op {
        Op::Beq => a == b,
        Op::Bne => a != b,
        Op::Blt => (a as i64) < b as i64,
        Op::Bge => a as i64 >= b as i64,
        Op::Bltu => a < b,
        Op::Bgeu => a >= b,
        _ => false,
    }
}

/// How many bytes a load or store accesses.
#[inline(always)]
pub(crate) const fn access_bytes(op: Op) -> u64 {
    match op {
        Op::Lb | Op::Lbu | Op::Sb => 1,
        Op::Lh | Op::Lhu | Op::Sh => 2,
        Op::Lw | Op::Lwu | Op::Sw => 4,
        _ => 8,
    }
}

/// The value a load at byte `address` takes from its dword.
#[inline(always)]
pub(crate) fn load(op: Op, dword: u64, address: u64) -> u64 {
    let value = dword >> (8 * (address & 7));
    match op {
        Op::Lb => i64::from(value as i8) as u64,
        Op::Lbu => u64::from(value as u8),
        Op::Lh => i64::from(value as i16) as u64,
        Op::Lhu => u64::from(value as u16),
        Op::Lw => word(value),
        Op::Lwu => u64::from(value as u32),
        _ => value,
    }
}

/// The dword after a store of `value` at byte `address`.
#[inline(always)]
pub(crate) fn store(op: Op, dword: u64, address: u64, value: u64) -> u64 {
    let mask = u64::MAX >> (64 - 8 * access_bytes(op));
    let shift = 8 * (address & 7);
    dword & !(mask << shift) | (value & mask) << shift
}

/// Sign-extends the low 32 bits.
#[inline(always)]
fn word(value: u64) -> u64 {
    signed_word(value as i32)
}

#[inline(always)]
fn signed_word(value: i32) -> u64 {
    i64::from(value) as u64
}
