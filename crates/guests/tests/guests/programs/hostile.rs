//! Plays a prover that lies about the input's length: the input's first eight bytes become its length.
//!
//! The input region is ordinary memory, so what the program stores there is what such a prover would have put there.
#![no_std]
#![no_main]

use vellum_guest_rt::{commit, entry, input};

const INPUT_BASE: usize = 1 << 31;

entry!(main);

fn main() {
    let length = u64::from_le_bytes(input()[..8].try_into().expect("eight bytes"));
    // SAFETY: nothing refers to the length; the slice made from it is not used again.
    unsafe { core::ptr::with_exposed_provenance_mut::<u64>(INPUT_BASE).write_volatile(length) };
    let input = input();
    commit(&(input.len() as u64).to_le_bytes());
    commit(input.last().map_or(&[], core::slice::from_ref));
}
