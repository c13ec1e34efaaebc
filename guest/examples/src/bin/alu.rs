//! A loop of additions, exclusive ors and shifts: the benchmark program for plain arithmetic.
//!
//! Input: n, u64 little-endian. Output: n ‖ x, where x is the state after n rounds of a xorshift generator
//! (Marsaglia 2003, shifts 13, 7, 17) that starts at 1 and has the round's number added, u64 little-endian.
#![no_std]
#![no_main]

use vellum_guest_rt::{commit, entry, input};

entry!(main);

fn main() {
    let n = u64::from_le_bytes(input().try_into().expect("the input is not one u64"));
    let mut x: u64 = 1;
    for round in 0..n {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x = x.wrapping_add(round);
    }
    commit(&n.to_le_bytes());
    commit(&x.to_le_bytes());
}
