//! The memory functions that compilers call: `memcpy`, `memmove` and `memset` are MEMCPY and MEMSET.
//!
//! The call and what decides for it are 9 instructions, about 700 cells with the ECALL row; a dword then takes 33 cells if
//! both runs are aligned and 94 if not. A load and a store take 140, and need as many instructions around them to find out
//! that they may. So software is left only what is shorter than 4 bytes. Assembly, because a compiler would make calls of
//! these functions out of what is written here; and every instruction counts.

use core::arch::global_asm;

use vellum_isa::Precompile;

use crate::precompile::{copy, set};

/// Most bytes of a call.
const BYTES_MAX: usize = 1 << 15;

// At `large` and `short` t0 is free and a0 the result.
global_asm!(
    ".macro precompiled name, code, large",
    ".section .text.\\name, \"ax\", @progbits",
    ".globl \\name",
    ".type \\name, @function",
    "\\name:",
    // 4 <= length < 256
    "addi t0, a2, -4",
    "sltiu t0, t0, 252",
    "beqz t0, 2f",
    "1:",
    "li a7, \\code",
    "li a3, 0",
    "ecall",
    "ret",
    "2:",
    ".endm",
    "precompiled memcpy, {memcpy}",
    "li t0, 4",
    "bltu a2, t0, 3f",
    "tail {large_memcpy}",
    "3:",
    "beqz a2, 5f",
    "add a2, a2, a1",
    "mv t1, a0",
    "4:",
    "lbu t0, 0(a1)",
    "sb t0, 0(t1)",
    "addi a1, a1, 1",
    "addi t1, t1, 1",
    "bltu a1, a2, 4b",
    "5:",
    "ret",
    ".size memcpy, . - memcpy",
    "precompiled memmove, {memcpy}",
    "li t0, 4",
    // A call of no more than 3 bytes is rare.
    "bltu a2, t0, 1b",
    "tail {large_memmove}",
    ".size memmove, . - memmove",
    ".section .text.memset, \"ax\", @progbits",
    ".globl memset",
    ".type memset, @function",
    "memset:",
    "andi a1, a1, 0xff",
    "addi t0, a2, -4",
    "sltiu t0, t0, 252",
    "beqz t0, 2f",
    "li a7, {memset}",
    "li a3, 0",
    "ecall",
    "ret",
    "2:",
    "li t0, 4",
    "bltu a2, t0, 3f",
    "tail {large_memset}",
    "3:",
    "beqz a2, 5f",
    "add a2, a2, a0",
    "mv t1, a0",
    "4:",
    "sb a1, 0(t1)",
    "addi t1, t1, 1",
    "bltu t1, a2, 4b",
    "5:",
    "ret",
    ".size memset, . - memset",
    memcpy = const Precompile::Memcpy as u64,
    memset = const Precompile::Memset as u64,
    large_memcpy = sym large_memcpy,
    large_memmove = sym large_memmove,
    large_memset = sym large_memset,
);

/// `memcpy` of 256 bytes and more.
///
/// # Safety
/// As for `memcpy`.
unsafe extern "C" fn large_memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    let together = (to.addr() ^ from.addr()).is_multiple_of(8);
    for (at, bytes) in parts(to.addr(), len, together) {
        // SAFETY: the caller's promise, for a part.
        unsafe { copy(to.add(at), from.add(at), bytes) }
    }
    to
}

/// `memmove` of 256 bytes and more.
///
/// # Safety
/// As for `memmove`.
unsafe extern "C" fn large_memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    // A call reads before it writes; of several calls, none may write what a later one reads.
    if to.addr().wrapping_sub(from.addr()) >= len {
        let mut at = 0;
        while at < len {
            let bytes = (len - at).min(BYTES_MAX);
            // SAFETY: the caller's promise, for a part.
            unsafe { copy(to.add(at), from.add(at), bytes) }
            at += bytes;
        }
    } else {
        let mut end = len;
        while end > 0 {
            let bytes = end.min(BYTES_MAX);
            end -= bytes;
            // SAFETY: the caller's promise, for a part.
            unsafe { copy(to.add(end), from.add(end), bytes) }
        }
    }
    to
}

/// `memset` of 256 bytes and more.
///
/// # Safety
/// As for `memset`.
unsafe extern "C" fn large_memset(to: *mut u8, byte: usize, len: usize) -> *mut u8 {
    for (at, bytes) in parts(to.addr(), len, true) {
        // SAFETY: the caller's promise, for a part.
        unsafe { set(to.add(at), byte as u8, bytes) }
    }
    to
}

/// Cuts a run at `to` into calls, as offset and length. With `dwords` the whole dwords are calls of their own: those are
/// cheap, and a call for a few bytes before and after pays for itself.
fn parts(to: usize, len: usize, dwords: bool) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    core::iter::from_fn(move || {
        let left = len - at;
        let bytes = match (to + at) % 8 {
            _ if !dwords => left.min(BYTES_MAX),
            0 if left >= 8 => (left / 8 * 8).min(BYTES_MAX),
            offset => left.min(8 - offset),
        };
        let part = (at, bytes);
        at += bytes;
        (bytes > 0).then_some(part)
    })
}
