//! Precompiles: calls that a specialised circuit proves at a fraction of what the same work costs in instructions.
//!
//! Costs are instructions around the call and committed cells (main trace) of the call's rows.

use core::arch::asm;

use vellum_isa::{HintKind, Precompile};

/// Makes the call `precompile`.
///
/// # Safety
/// What the arguments point to must be readable or writable as the precompile reads or writes it.
#[inline(always)]
unsafe fn call(precompile: Precompile, arguments: [usize; 4]) {
    let [a0, a1, a2, a3] = arguments;
    // SAFETY: the caller's promise; no register changes.
    unsafe {
        asm!("ecall", in("a7") precompile.code(), in("a0") a0, in("a1") a1, in("a2") a2, in("a3") a3,
             options(nostack, preserves_flags))
    }
}

/// The host's answer to a question. Nothing is proven of it: the caller must check it. About 8 instructions and 95 cells.
///
/// # Panics
/// If question or answer are not as long as the kind says.
#[inline]
pub fn hint(kind: HintKind, question: &[u64], answer: &mut [u64]) {
    let lengths = kind.dwords().map(|dwords| dwords as usize);
    assert_eq!(lengths, [question.len(), answer.len()], "lengths of a hint");
    let arguments = [kind as usize, question.as_ptr() as usize, answer.as_mut_ptr() as usize, answer.len()];
    // SAFETY: the lengths are those that the host reads and writes.
    unsafe { call(Precompile::Hint, arguments) }
}

/// a·b mod m, 0 where m is 0. About 8 instructions and 750 cells.
#[inline]
pub fn u256_mul_mod(a: &[u64; 4], b: &[u64; 4], m: &[u64; 4]) -> [u64; 4] {
    let mut out = [0; 4];
    let arguments =
        [out.as_mut_ptr() as usize, a.as_ptr() as usize, b.as_ptr() as usize, m.as_ptr() as usize];
    // SAFETY: four dwords each.
    unsafe { call(Precompile::U256MulMod, arguments) };
    out
}

/// a·b + c: the low and the high four dwords. About 8 instructions and 750 cells.
#[inline]
pub fn u256_mul_add(a: &[u64; 4], b: &[u64; 4], c: &[u64; 4]) -> [[u64; 4]; 2] {
    let mut out = [[0; 4]; 2];
    let arguments =
        [out.as_mut_ptr() as usize, a.as_ptr() as usize, b.as_ptr() as usize, c.as_ptr() as usize];
    // SAFETY: eight dwords, and four each.
    unsafe { call(Precompile::U256MulAdd, arguments) };
    out
}

/// a − b modulo 2^256, and whether a < b. About 10 instructions and 750 cells.
#[inline]
pub fn u256_sub(a: &[u64; 4], b: &[u64; 4]) -> ([u64; 4], bool) {
    let mut out = [0; 5];
    let arguments = [out.as_mut_ptr() as usize, a.as_ptr() as usize, b.as_ptr() as usize, 0];
    // SAFETY: five dwords, and four each.
    unsafe { call(Precompile::U256Sub, arguments) };
    let [x, y, z, w, borrow] = out;
    ([x, y, z, w], borrow != 0)
}

/// p ← p + q, affine points (x ‖ y) of secp256k1 with different x. With equal x the program has no proof: the caller must
/// look first. About 8 instructions and 1,110 cells.
#[inline]
pub fn secp256k1_add(p: &mut [u64; 8], q: &[u64; 8]) {
    // SAFETY: eight dwords each.
    unsafe { call(Precompile::Secp256k1Add, [p.as_mut_ptr() as usize, q.as_ptr() as usize, 0, 0]) }
}

/// p ← 2p, an affine point (x ‖ y) of secp256k1 with y ≠ 0. About 8 instructions and 1,110 cells.
#[inline]
pub fn secp256k1_double(p: &mut [u64; 8]) {
    // SAFETY: eight dwords.
    unsafe { call(Precompile::Secp256k1Double, [p.as_mut_ptr() as usize, 0, 0, 0]) }
}

/// Flags of KECCAK: the state starts at zero; the data is padded and a digest written.
pub(crate) const FIRST: usize = 1;
pub(crate) const LAST: usize = 2;
/// Bytes of a block of KECCAK.
pub(crate) const RATE: usize = 136;
/// Most bytes of a call without LAST; with it, one less.
pub(crate) const KECCAK_BYTES_MAX: usize = 64 * RATE;

/// The sponge of Keccak-256: absorbs `data` into the state at `out` and permutes. About 8 instructions, 96 cells, and
/// 58,695 cells per block of 136 bytes.
///
/// # Safety
/// `out` is a multiple of 8, readable (without FIRST) and writable for 200 bytes, with FIRST and LAST writable for 32.
/// `data` is at most [`KECCAK_BYTES_MAX`] long, without LAST whole blocks and at least one, with it shorter than that.
#[inline]
pub(crate) unsafe fn keccak(out: *mut u64, data: &[u8], flags: usize) {
    // SAFETY: the caller's promise.
    unsafe { call(Precompile::Keccak, [out as usize, data.as_ptr() as usize, data.len(), flags]) }
}

/// Copies `len` bytes, at most 32 KiB; overlapping is allowed.
///
/// # Safety
/// As for [`core::ptr::copy`].
#[inline]
pub(crate) unsafe fn copy(to: *mut u8, from: *const u8, len: usize) {
    // SAFETY: the caller's promise.
    unsafe { call(Precompile::Memcpy, [to as usize, from as usize, len, 0]) }
}

/// Sets `len` bytes, at most 32 KiB.
///
/// # Safety
/// As for [`core::ptr::write_bytes`].
#[inline]
pub(crate) unsafe fn set(to: *mut u8, byte: u8, len: usize) {
    // SAFETY: the caller's promise.
    unsafe { call(Precompile::Memset, [to as usize, byte.into(), len, 0]) }
}

/// One compression of SHA-256.
///
/// # Safety
/// Both must be multiples of 8, the block readable for 64 bytes.
#[inline]
pub(crate) unsafe fn sha256_compress(state: &mut [u32; 8], block: *const u8) {
    // SAFETY: the caller's promise.
    unsafe { call(Precompile::Sha256, [state.as_mut_ptr() as usize, block as usize, 0, 0]) }
}

/// Most bytes of a call of MEMCMP.
pub(crate) const COMPARED_BYTES_MAX: usize = 1 << 15;

/// −1, 0 or 1 as the run at `a` is less than, equal to or greater than that at `b`; at most [`COMPARED_BYTES_MAX`] bytes. About 10
/// instructions, and 70 cells per dword up to the first byte that differs.
///
/// # Safety
/// Both runs must be readable for `len` bytes.
#[inline]
pub(crate) unsafe fn compare(a: *const u8, b: *const u8, len: usize) -> i64 {
    let mut order = 0i64;
    // SAFETY: the caller's promise; `order` is a dword.
    unsafe { call(Precompile::Memcmp, [&raw mut order as usize, a as usize, b as usize, len]) };
    order
}
