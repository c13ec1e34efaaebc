//! Keccak-256 with Ethereum's padding: the sponge over [`permutation`](crate::permutation).

use crate::permutation::{State, keccak_f1600};

/// Bytes absorbed per permutation.
const RATE: usize = 136;

/// An incremental Keccak-256 hash.
#[derive(Clone)]
pub struct Keccak256 {
    state: State,
    /// Bytes absorbed since the last permutation, below [`RATE`].
    used: usize,
}

impl Keccak256 {
    /// The hash of nothing so far.
    pub const fn new() -> Self {
        Self { state: [0; 25], used: 0 }
    }

    /// Absorbs more bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        if self.used > 0 {
            let (head, rest) = bytes.split_at(bytes.len().min(RATE - self.used));
            self.absorb_bytes(head);
            bytes = rest;
        }
        let mut blocks = bytes.chunks_exact(RATE);
        for block in &mut blocks {
            for (lane, dword) in self.state.iter_mut().zip(block.chunks_exact(8)) {
                *lane ^= dword.iter().rev().fold(0, |lane, &byte| lane << 8 | u64::from(byte));
            }
            keccak_f1600(&mut self.state);
        }
        self.absorb_bytes(blocks.remainder());
    }

    /// The digest.
    pub fn finish(mut self) -> [u8; 32] {
        self.xor_byte(self.used, 0x01);
        self.xor_byte(RATE - 1, 0x80);
        keccak_f1600(&mut self.state);
        let mut digest = [0; 32];
        for (bytes, lane) in digest.chunks_exact_mut(8).zip(self.state) {
            bytes.copy_from_slice(&lane.to_le_bytes());
        }
        digest
    }

    /// At most up to the end of the block.
    fn absorb_bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.xor_byte(self.used, byte);
            self.used += 1;
        }
        if self.used == RATE {
            keccak_f1600(&mut self.state);
            self.used = 0;
        }
    }

    fn xor_byte(&mut self, position: usize, byte: u8) {
        self.state[position / 8] ^= u64::from(byte) << (8 * (position % 8));
    }
}

impl Default for Keccak256 {
    fn default() -> Self {
        Self::new()
    }
}

/// The Keccak-256 hash of `bytes`.
pub fn keccak256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = Keccak256::new();
    hash.update(bytes);
    hash.finish()
}

/// The hook of alloy-primitives' `native-keccak` feature.
///
/// # Safety
/// `bytes` must be readable for `length` bytes and `output` writable for 32.
#[unsafe(no_mangle)]
unsafe extern "C" fn native_keccak256(bytes: *const u8, length: usize, output: *mut u8) {
    // SAFETY: the caller's promise; an empty slice may come with any pointer.
    let bytes = if length == 0 { &[] } else { unsafe { core::slice::from_raw_parts(bytes, length) } };
    // SAFETY: the caller's promise.
    unsafe { output.cast::<[u8; 32]>().write(keccak256(bytes)) }
}
