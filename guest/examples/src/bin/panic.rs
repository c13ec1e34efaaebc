//! Panics, with the input as its message: an honest end with status 1.
//!
//! Input: any bytes. Output: none for an empty input, otherwise the input's first byte, committed before the panic.
#![no_std]
#![no_main]

use vellum_guest_rt::{commit, entry, input};

entry!(main);

fn main() {
    let input = input();
    commit(input.get(..1).unwrap_or_default());
    panic!("{}", input.escape_ascii());
}
