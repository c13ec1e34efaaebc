//! The n-th Fibonacci number modulo 1,000,000,007.
//!
//! Input: n, u64 little-endian. Output: n ‖ F(n), u64 little-endian, with F(0) = 0 and F(1) = 1.
//! Six instructions a step, so a large n is a benchmark of additions and branches.
#![no_std]
#![no_main]

use vellum_guest_rt::{commit, entry, input};

const MODULUS: u64 = 1_000_000_007;

entry!(main);

fn main() {
    let n = u64::from_le_bytes(input().try_into().expect("the input is not one u64"));
    let (mut current, mut next) = (0, 1);
    for _ in 0..n {
        let sum: u64 = current + next;
        (current, next) = (next, if sum >= MODULUS { sum - MODULUS } else { sum });
    }
    commit(&n.to_le_bytes());
    commit(&current.to_le_bytes());
}
