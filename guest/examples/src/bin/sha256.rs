//! Knows a message with this SHA-256 hash.
//!
//! Input: any bytes. Output: the 32 bytes of the hash.
#![no_std]
#![no_main]

use vellum_guest_rt::{commit, entry, input, sha256};

entry!(main);

fn main() {
    commit(&sha256(input()));
}
