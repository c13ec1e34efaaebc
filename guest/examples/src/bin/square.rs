//! Knows a number b with a² + b + 5 = c.
//!
//! Input: a ‖ b, u64 little-endian. Output: a ‖ c. b is not published. Overflow and a wrong length panic.
#![no_std]
#![no_main]

use vellum_guest_rt::{commit, entry, input};

entry!(main);

fn main() {
    let (numbers, []) = input().as_chunks::<8>() else { panic!("the input is not two u64") };
    let [a, b] = numbers else { panic!("the input is not two u64") };
    let (a, b) = (u64::from_le_bytes(*a), u64::from_le_bytes(*b));
    let c = a.checked_mul(a).and_then(|square| square.checked_add(b)?.checked_add(5)).expect("overflow");
    commit(&a.to_le_bytes());
    commit(&c.to_le_bytes());
}
