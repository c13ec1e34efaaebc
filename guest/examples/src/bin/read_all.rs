//! Reads the whole input through the C functions of the eth-act zkVM standard.
//!
//! Input: any bytes. Output: the input's length, u64 little-endian ‖ its Keccak-256 hash.
#![no_std]
#![no_main]
#![allow(unsafe_code, reason = "C functions")]

use core::{ptr, slice};

use vellum_guest_rt::{entry, keccak256};

unsafe extern "C" {
    fn read_input(buffer: *mut *const u8, size: *mut usize);
    fn write_output(output: *const u8, size: usize);
}

entry!(main);

fn main() {
    let (mut buffer, mut size) = (ptr::null(), 0);
    // SAFETY: both pointers are writable, and what they receive is readable for the rest of the run.
    let input = unsafe {
        read_input(&mut buffer, &mut size);
        slice::from_raw_parts(buffer, size)
    };
    write(&size.to_le_bytes());
    write(&keccak256(input));
}

fn write(bytes: &[u8]) {
    // SAFETY: the slice is readable.
    unsafe { write_output(bytes.as_ptr(), bytes.len()) }
}
