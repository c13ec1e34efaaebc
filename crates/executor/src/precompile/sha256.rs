//! SHA256: one compression, FIPS 180-4 section 6.2.2.

use super::{Dwords, Table, aligned};
use crate::Fault;

/// Most dwords that a call touches.
pub(crate) const DWORDS_MAX: u32 = BLOCK_DWORDS + STATE_DWORDS;
/// Rows of a call: one, and one per eight rounds.
pub(crate) const ROWS: [(Table, u32); 2] = [(Table::Sha256, 1), (Table::Sha256Rounds, 8)];
const BLOCK_DWORDS: u32 = 8;
const STATE_DWORDS: u32 = 4;
const READ: u32 = 7;
const WRITE: u32 = 8;

/// The round constants, section 4.2.2.
pub const SHA256_CONSTANTS: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

/// (state, block): eight u32 in place, 64 bytes.
pub(crate) fn run([state, block, a2, a3]: [u32; 4], dwords: &mut impl Dwords) -> Result<(), Fault> {
    if a2 != 0 || a3 != 0 {
        return Err(Fault::Precompile { precompile: "SHA256", reason: "a2 or a3 is not zero" });
    }
    let (state, block) = (aligned(state)?, aligned(block)?);
    let mut words = [0; 16];
    for (key, pair) in (block..).zip(words.chunks_exact_mut(2)) {
        let dword = dwords.read(READ, key)?;
        pair.copy_from_slice(&[(dword as u32).swap_bytes(), ((dword >> 32) as u32).swap_bytes()]);
    }
    let mut before = [0; 8];
    for (key, pair) in (state..).zip(before.chunks_exact_mut(2)) {
        let dword = dwords.peek(key)?;
        pair.copy_from_slice(&[dword as u32, (dword >> 32) as u32]);
    }
    let after = sha256_compress(before, words);
    for (key, pair) in (state..).zip(after.chunks_exact(2)) {
        dwords.write(WRITE, key, u64::from(pair[0]) | u64::from(pair[1]) << 32)?;
    }
    Ok(())
}

/// The hash value after a block of sixteen words.
pub fn sha256_compress(state: [u32; 8], block: [u32; 16]) -> [u32; 8] {
    let mut w = [0_u32; 64];
    w[..16].copy_from_slice(&block);
    for t in 16..64 {
        let (x, y) = (w[t - 15], w[t - 2]);
        let sigma0 = x.rotate_right(7) ^ x.rotate_right(18) ^ x >> 3;
        let sigma1 = y.rotate_right(17) ^ y.rotate_right(19) ^ y >> 10;
        w[t] = sigma1.wrapping_add(w[t - 7]).wrapping_add(sigma0).wrapping_add(w[t - 16]);
    }
    let mut now = state;
    for (w, k) in w.into_iter().zip(SHA256_CONSTANTS) {
        let [a, b, c, d, e, f, g, h] = now;
        let sum1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let sum0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let t1 = h.wrapping_add(sum1).wrapping_add(e & f ^ !e & g).wrapping_add(k).wrapping_add(w);
        let t2 = sum0.wrapping_add(a & b ^ a & c ^ b & c);
        now = [t1.wrapping_add(t2), a, b, c, d.wrapping_add(t1), e, f, g];
    }
    std::array::from_fn(|i| state[i].wrapping_add(now[i]))
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    const START: [u32; 8] =
        [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

    #[test]
    fn hashes_are_those_of_the_reference() {
        for len in 0..200_usize {
            let message: Vec<u8> = (0..len).map(|i| (i * 31 + len) as u8).collect();
            let mut padded = message.clone();
            padded.push(0x80);
            padded.resize((len + 9).next_multiple_of(64) - 8, 0);
            padded.extend((8 * len as u64).to_be_bytes());
            let state = padded.chunks_exact(64).fold(START, |state, block| {
                let word = |i: usize| block[4 * i..4 * i + 4].iter().fold(0, |x, b| x << 8 | u32::from(*b));
                sha256_compress(state, std::array::from_fn(word))
            });
            assert_eq!(state.map(u32::to_be_bytes).as_flattened(), &Sha256::digest(&message)[..]);
        }
    }
}
