//! Knows numbers with this sum.
//!
//! Input: text, decimal numbers separated by white space. Output: their sum, u64 little-endian. The numbers
//! themselves are not published.
#![no_std]
#![no_main]

use vellum_guest_rt::{commit, entry, input, println};

entry!(main);

fn main() {
    let text = core::str::from_utf8(input()).expect("the input is not text");
    let mut sum: u64 = 0;
    for word in text.split_whitespace() {
        let number: u64 = word.parse().expect("not a number");
        sum = sum.checked_add(number).expect("the sum is too large");
    }
    // Shown when the program is executed, not part of the output.
    println!("the sum is {sum}");
    commit(&sum.to_le_bytes());
}
