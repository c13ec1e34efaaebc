//! `memcmp` and `bcmp`, dword by dword: 3 instructions a dword where both runs start at one.
//!
//! Where they do not, MEMCPY moves them to dwords first: about 10 instructions and 94 cells a dword, against 5 instructions
//! a byte. Assembly for what is called often, and because a compiler would make calls of these functions out of what is
//! written here. An aligned dword that holds a byte of a run may be read as a whole.

use core::arch::global_asm;
use core::mem::MaybeUninit;

use crate::precompile::copy;

/// Dwords compared at a time where they must be moved first.
const MOVED: usize = 16;

// At `different` t1 and t2 are dwords that differ.
global_asm!(
    ".macro comparison name, moved",
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
    "tail \\moved",
    "6:",
    ".endm",
    "comparison bcmp, {moved_bcmp}",
    "li a0, 1",
    "ret",
    ".size bcmp, . - bcmp",
    "comparison memcmp, {moved_memcmp}",
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
    moved_bcmp = sym moved_bcmp,
    moved_memcmp = sym moved_memcmp,
);

/// `bcmp` of runs that do not both start at a dword.
///
/// # Safety
/// As for `bcmp`.
unsafe extern "C" fn moved_bcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
    // SAFETY: the caller's promise.
    i32::from(unsafe { first_difference(a, b, len) }.is_some())
}

/// `memcmp` of runs that do not both start at a dword.
///
/// # Safety
/// As for `memcmp`.
unsafe extern "C" fn moved_memcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
    // SAFETY: the caller's promise.
    match unsafe { first_difference(a, b, len) } {
        Some([a, b]) => {
            let byte = (a ^ b).trailing_zeros() / 8 * 8;
            (a >> byte & 0xff) as i32 - (b >> byte & 0xff) as i32
        }
        None => 0,
    }
}

/// The first dwords that differ, bytes beyond the runs zero.
///
/// # Safety
/// Both runs must be readable.
unsafe fn first_difference(mut a: *const u8, mut b: *const u8, mut len: usize) -> Option<[u64; 2]> {
    let mut dwords = [const { MaybeUninit::<[u64; MOVED]>::uninit() }; 2];
    while len > 0 {
        let bytes = len.min(8 * MOVED);
        let [x, y] = dwords.each_mut().map(MaybeUninit::as_mut_ptr);
        // SAFETY: the caller's promise; `bytes` bytes fit into each buffer, and dwords that they are in are written or
        // shifted out below. The last one is cleared first.
        unsafe {
            let last = (bytes - 1) / 8;
            for (buffer, run) in [(x, a), (y, b)] {
                (*buffer)[last] = 0;
                copy(buffer.cast(), run, bytes);
            }
            for i in 0..=last {
                let pair = [(*x)[i], (*y)[i]];
                if pair[0] != pair[1] {
                    return Some(pair);
                }
            }
            (a, b) = (a.add(bytes), b.add(bytes));
        }
        len -= bytes;
    }
    None
}
