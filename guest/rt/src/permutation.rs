//! The Keccak-f permutation of 1600 bits, for a machine with few registers, no rotation, and a proof that pays for
//! every load.
//!
//! Source: the Keccak reference, version 3.0, section 1.2; the order of work is that of "Keccak implementation
//! overview", section 2.1: each plane of the result is finished in registers, and its share of the next round's
//! column parities is added on the way, so a round reads and writes every lane once.

use core::array::from_fn;

/// Lane (x, y) stands at x + 5 y.
pub(crate) type State = [u64; 25];

/// Runs the 24 rounds.
pub(crate) fn keccak_f1600(state: &mut State) {
    let mut parities: [u64; 5] = from_fn(|x| (0..5).fold(0, |parity, y| parity ^ state[x + 5 * y]));
    let mut other = [0; 25];
    for [even, odd] in ROUND_CONSTANTS {
        parities = round(state, &mut other, parities, even);
        parities = round(&other, state, parities, odd);
    }
}

/// One round from `a` to `e`; takes the column parities of `a` and returns those of `e`.
#[inline(always)]
fn round(a: &State, e: &mut State, parities: [u64; 5], constant: u64) -> [u64; 5] {
    let theta = from_fn(|x| parities[(x + 4) % 5] ^ parities[(x + 1) % 5].rotate_left(1));
    let mut next = [0; 5];
    plane::<0>(a, e, &theta, constant, &mut next);
    plane::<1>(a, e, &theta, 0, &mut next);
    plane::<2>(a, e, &theta, 0, &mut next);
    plane::<3>(a, e, &theta, 0, &mut next);
    plane::<4>(a, e, &theta, 0, &mut next);
    next
}

/// Plane Y of the result: θ, ρ and π gather five lanes, χ mixes them, ι adds the constant.
#[inline(always)]
fn plane<const Y: usize>(a: &State, e: &mut State, theta: &[u64; 5], constant: u64, parities: &mut [u64; 5]) {
    // π moves lane (x, y) to (y, 2x + 3y), so (i, Y) comes from (i + 3Y, i).
    let b: [u64; 5] = from_fn(|i| {
        let x = (i + 3 * Y) % 5;
        (a[x + 5 * i] ^ theta[x]).rotate_left(ROTATIONS[x + 5 * i])
    });
    for x in 0..5 {
        let iota = if x == 0 { constant } else { 0 };
        let lane = b[x] ^ (!b[(x + 1) % 5] & b[(x + 2) % 5]) ^ iota;
        e[x + 5 * Y] = lane;
        parities[x] ^= lane;
    }
}

/// ρ's rotation per lane.
const ROTATIONS: [u32; 25] =
    [0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14];

/// ι's constants, two rounds a row.
const ROUND_CONSTANTS: [[u64; 2]; 12] = [
    [0x0000_0000_0000_0001, 0x0000_0000_0000_8082],
    [0x8000_0000_0000_808a, 0x8000_0000_8000_8000],
    [0x0000_0000_0000_808b, 0x0000_0000_8000_0001],
    [0x8000_0000_8000_8081, 0x8000_0000_0000_8009],
    [0x0000_0000_0000_008a, 0x0000_0000_0000_0088],
    [0x0000_0000_8000_8009, 0x0000_0000_8000_000a],
    [0x0000_0000_8000_808b, 0x8000_0000_0000_008b],
    [0x8000_0000_0000_8089, 0x8000_0000_0000_8003],
    [0x8000_0000_0000_8002, 0x8000_0000_0000_0080],
    [0x0000_0000_0000_800a, 0x8000_0000_8000_000a],
    [0x8000_0000_8000_8081, 0x8000_0000_0000_8080],
    [0x0000_0000_8000_0001, 0x8000_0000_8000_8008],
];
