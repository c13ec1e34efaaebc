//! Knows a message with this Keccak-256 hash (Ethereum's padding).
//!
//! Input: any bytes. Output: the 32 bytes of the hash.
#![no_std]
#![no_main]

use vellum_guest_rt::{commit, entry, input, keccak256};

entry!(main);

fn main() {
    commit(&keccak256(input()));
}
