//! Allocates until nothing is left.
#![no_std]
#![no_main]

extern crate alloc;

vellum_guest_rt::entry!(main);

fn main() {
    loop {
        // Without the black box the compiler sees that nobody uses the memory, and never asks for it.
        core::mem::forget(core::hint::black_box(alloc::vec::Vec::<u8>::with_capacity(1 << 28)));
    }
}
