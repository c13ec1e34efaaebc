//! Panics, with the input as its message: an honest end with status 1.
//!
//! Input: any bytes. Output: none, although some bytes are committed before the panic.
#![no_std]
#![no_main]

use vellum_guest_rt::{commit, entry, input};

entry!(main);

fn main() {
    commit(b"lost");
    panic!("{}", input().escape_ascii());
}
