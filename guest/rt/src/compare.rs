//! `memcmp` and `bcmp`, dword by dword: 3 instructions a dword where both runs start at one.
//!
//! Where they do not, MEMCMP compares them: about 25 instructions and 70 cells a dword, against 5 instructions
//! a byte. Assembly for what is called often, and because a compiler would make calls of these functions out of what is
//! written here. An aligned dword that holds a byte of a run may be read as a whole.

use core::arch::global_asm;

use crate::precompile::{COMPARED_BYTES_MAX, compare};

// At `different` t1 and t2 are dwords that differ.
global_asm!(
    ".macro comparison name, call",
    ".section .text.\\name, \"ax\", @progbits",
    ".globl \\name",
    ".type \\name, @function",
    "\\name:",
    "or t0, a0, a1",
    "andi t0, t0, 7",
    "bnez t0, 5f",
    "2:",
    "addi a2, a2, -32",
    "bltz a2, 3f",
    ".irp at, 0, 8, 16, 24",
    "ld t1, \\at(a0)",
    "ld t2, \\at(a1)",
    "bne t1, t2, 6f",
    ".endr",
    "addi a0, a0, 32",
    "addi a1, a1, 32",
    "j 2b",
    // a2 + 32 bytes are left, less than 32.
    "3:",
    "addi a2, a2, 24",
    "bltz a2, 4f",
    "ld t1, 0(a0)",
    "ld t2, 0(a1)",
    "bne t1, t2, 6f",
    "addi a0, a0, 8",
    "addi a1, a1, 8",
    "addi a2, a2, -32",
    "j 3b",
    // a2 + 8 bytes are left, less than 8: the others are shifted out.
    "4:",
    "slli t0, a2, 3",
    "addi t0, t0, 64",
    "beqz t0, 7f",
    "neg t0, t0",
    "ld t1, 0(a0)",
    "ld t2, 0(a1)",
    "sll t1, t1, t0",
    "sll t2, t2, t0",
    "bne t1, t2, 6f",
    "7:",
    "li a0, 0",
    "ret",
    "5:",
    "tail \\call",
    "6:",
    ".endm",
    "comparison bcmp, {call_memcmp}",
    "li a0, 1",
    "ret",
    ".size bcmp, . - bcmp",
    "comparison memcmp, {call_memcmp}",
    // The first byte that differs decides.
    "xor t0, t1, t2",
    "slli t3, t0, 32",
    "bnez t3, 8f",
    "srli t0, t0, 32",
    "srli t1, t1, 32",
    "srli t2, t2, 32",
    "8:",
    "slli t3, t0, 48",
    "bnez t3, 9f",
    "srli t0, t0, 16",
    "srli t1, t1, 16",
    "srli t2, t2, 16",
    "9:",
    "andi t3, t0, 0xff",
    "bnez t3, 10f",
    "srli t1, t1, 8",
    "srli t2, t2, 8",
    "10:",
    "andi t1, t1, 0xff",
    "andi t2, t2, 0xff",
    "sub a0, t1, t2",
    "ret",
    ".size memcmp, . - memcmp",
    call_memcmp = sym call_memcmp,
);

/// `memcmp`, and so `bcmp`, of runs that do not both start at a dword.
///
/// # Safety
/// As for `memcmp`.
unsafe extern "C" fn call_memcmp(mut a: *const u8, mut b: *const u8, mut len: usize) -> i32 {
    while len > 0 {
        let bytes = len.min(COMPARED_BYTES_MAX);
        // SAFETY: the caller's promise.
        let order = unsafe { compare(a, b, bytes) };
        if order != 0 {
            return order as i32;
        }
        // SAFETY: still inside both runs, or at their ends.
        (a, b) = unsafe { (a.add(bytes), b.add(bytes)) };
        len -= bytes;
    }
    0
}
