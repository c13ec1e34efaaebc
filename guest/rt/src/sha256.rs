//! SHA-256 by the precompile: about 10 instructions and 11,200 cells a block where the bytes start at a dword, against some
//! 3,000 instructions in software. Elsewhere a block is copied first, for about 10 instructions and 850 cells.

use crate::precompile::sha256_compress;

/// Bytes of a block.
const BLOCK: usize = 64;

/// As the precompile wants it.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Aligned<T>(T);

/// An incremental SHA-256 hash.
#[derive(Clone)]
pub struct Sha256 {
    state: Aligned<[u32; 8]>,
    buffer: Aligned<[u8; BLOCK]>,
    /// Bytes absorbed; those after the last whole block are in the buffer.
    bytes: u64,
}

impl Sha256 {
    /// The hash of nothing so far.
    pub const fn new() -> Self {
        // FIPS 180-4, section 5.3.3.
        let state = [
            0x6a09_e667,
            0xbb67_ae85,
            0x3c6e_f372,
            0xa54f_f53a,
            0x510e_527f,
            0x9b05_688c,
            0x1f83_d9ab,
            0x5be0_cd19,
        ];
        Self { state: Aligned(state), buffer: Aligned([0; BLOCK]), bytes: 0 }
    }

    /// Absorbs more bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        let used = self.used();
        self.bytes += bytes.len() as u64;
        if used > 0 {
            let (head, rest) = bytes.split_at(bytes.len().min(BLOCK - used));
            self.buffer.0[used..used + head.len()].copy_from_slice(head);
            if used + head.len() < BLOCK {
                return;
            }
            self.compress_buffer();
            bytes = rest;
        }
        let mut blocks = bytes.chunks_exact(BLOCK);
        for block in &mut blocks {
            if block.as_ptr().addr().is_multiple_of(8) {
                // SAFETY: the block is 64 bytes, at a dword.
                unsafe { sha256_compress(&mut self.state.0, block.as_ptr()) }
            } else {
                self.buffer.0.copy_from_slice(block);
                self.compress_buffer();
            }
        }
        let rest = blocks.remainder();
        self.buffer.0[..rest.len()].copy_from_slice(rest);
    }

    /// The digest.
    pub fn finish(mut self) -> [u8; 32] {
        let used = self.used();
        self.buffer.0[used] = 0x80;
        self.buffer.0[used + 1..].fill(0);
        if used + 1 > BLOCK - 8 {
            self.compress_buffer();
            self.buffer.0.fill(0);
        }
        self.buffer.0[BLOCK - 8..].copy_from_slice(&(8 * self.bytes).to_be_bytes());
        self.compress_buffer();
        let mut digest = [0; 32];
        for (bytes, word) in digest.chunks_exact_mut(4).zip(self.state.0) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        digest
    }

    /// Bytes in the buffer.
    fn used(&self) -> usize {
        (self.bytes % BLOCK as u64) as usize
    }

    fn compress_buffer(&mut self) {
        // SAFETY: the buffer is 64 bytes, and both are aligned.
        unsafe { sha256_compress(&mut self.state.0, self.buffer.0.as_ptr()) }
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

/// The SHA-256 hash of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(bytes);
    hash.finish()
}
