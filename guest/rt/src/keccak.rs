//! Keccak-256 with Ethereum's padding, by the precompile KECCAK.
//!
//! A hash of less than 64 blocks is one call: a few dozen instructions, 96 cells, and 58,695 cells for every block of 136
//! bytes, that of the padding included. A longer one takes a call more per 64 blocks.

use crate::precompile::{FIRST, KECCAK_BYTES_MAX, LAST, RATE, keccak};

/// An incremental Keccak-256 hash.
#[derive(Clone)]
pub struct Keccak256 {
    state: [u64; 25],
    /// FIRST until something has been absorbed, then 0.
    first: usize,
    buffer: [u8; RATE],
    /// Bytes in the buffer, below [`RATE`].
    used: usize,
}

impl Keccak256 {
    /// The hash of nothing so far.
    pub const fn new() -> Self {
        Self { state: [0; 25], first: FIRST, buffer: [0; RATE], used: 0 }
    }

    /// Absorbs more bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        if self.used > 0 {
            let (head, rest) = bytes.split_at(bytes.len().min(RATE - self.used));
            self.keep(head);
            bytes = rest;
            if self.used < RATE {
                return;
            }
            let block = self.buffer;
            self.absorb(&block);
            self.used = 0;
        }
        let (blocks, rest) = bytes.split_at(bytes.len() - bytes.len() % RATE);
        blocks.chunks(KECCAK_BYTES_MAX).for_each(|blocks| self.absorb(blocks));
        self.keep(rest);
    }

    /// The digest.
    pub fn finish(mut self) -> [u8; 32] {
        // SAFETY: the state is 25 dwords; the buffer is less than a block.
        unsafe { keccak(self.state.as_mut_ptr(), &self.buffer[..self.used], self.first | LAST) }
        bytes(self.state.first_chunk().unwrap_or(&[0; 4]))
    }

    /// Absorbs at least one and at most 64 whole blocks.
    fn absorb(&mut self, blocks: &[u8]) {
        // SAFETY: the state is 25 dwords; the blocks are whole, and as many as the call takes.
        unsafe { keccak(self.state.as_mut_ptr(), blocks, self.first) }
        self.first = 0;
    }

    /// Appends to the buffer, which has room.
    fn keep(&mut self, bytes: &[u8]) {
        self.buffer[self.used..][..bytes.len()].copy_from_slice(bytes);
        self.used += bytes.len();
    }
}

impl Default for Keccak256 {
    fn default() -> Self {
        Self::new()
    }
}

/// The bytes of a digest.
#[inline]
fn bytes(lanes: &[u64; 4]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (bytes, lane) in bytes.chunks_exact_mut(8).zip(lanes) {
        bytes.copy_from_slice(&lane.to_le_bytes());
    }
    bytes
}

/// The Keccak-256 hash of `bytes`.
#[inline]
pub fn keccak256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = [0; 4];
    // SAFETY: the digest is four dwords.
    unsafe { digest_to(digest.as_mut_ptr(), bytes) }
    self::bytes(&digest)
}

/// Writes the hash of `bytes`.
///
/// # Safety
/// `digest` is a multiple of 8 and writable for 32 bytes.
#[inline]
unsafe fn digest_to(digest: *mut u64, bytes: &[u8]) {
    if bytes.len() < KECCAK_BYTES_MAX {
        // SAFETY: the caller's promise; with FIRST and LAST only the digest is written.
        return unsafe { keccak(digest, bytes, FIRST | LAST) };
    }
    // SAFETY: as above.
    unsafe { digest_of_long(digest, bytes) }
}

/// [`digest_to`] in several calls, with the state in between.
///
/// # Safety
/// As there.
#[cold]
unsafe fn digest_of_long(digest: *mut u64, bytes: &[u8]) {
    let mut hash = Keccak256::new();
    hash.update(bytes);
    // SAFETY: the caller's promise.
    unsafe { digest.cast::<[u8; 32]>().write(hash.finish()) }
}

/// The hook of alloy-primitives' `native-keccak` feature.
///
/// # Safety
/// `bytes` must be readable for `length` bytes and `output` writable for 32.
#[unsafe(no_mangle)]
unsafe extern "C" fn native_keccak256(bytes: *const u8, length: usize, output: *mut u8) {
    // SAFETY: the caller's promise; an empty slice may come with any pointer.
    let bytes = if length == 0 { &[] } else { unsafe { core::slice::from_raw_parts(bytes, length) } };
    if output.addr().is_multiple_of(8) {
        // SAFETY: the caller's promise, and the output is aligned.
        unsafe { digest_to(output.cast(), bytes) }
    } else {
        // SAFETY: the caller's promise.
        unsafe { output.cast::<[u8; 32]>().write(keccak256(bytes)) }
    }
}
