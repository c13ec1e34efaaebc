//! The program's input: bytes that are already in memory when the program starts.

use core::{ptr, slice};

use vellum_isa::map::{ADDRESS_END, INPUT_BASE};

/// Dword 0 of the region is the length.
const HEADER_BYTES: u64 = 8;

/// The private input, without a copy. What should be public, the program must [`commit`](crate::commit).
///
/// Every bit of the region is chosen by the prover, the length as well: a length that leaves the region is a panic.
/// A shorter length than the host's file, or bytes beyond the end of it, cannot be told from another input.
pub fn input() -> &'static [u8] {
    // SAFETY: the input region is readable memory that nothing writes, and lies outside every Rust object.
    let length: u64 = unsafe { ptr::with_exposed_provenance::<u64>(INPUT_BASE as usize).read_volatile() };
    assert!(
        length <= ADDRESS_END - INPUT_BASE - HEADER_BYTES,
        "input length {length} leaves the input region"
    );
    // SAFETY: as above, and the slice ends inside the region.
    unsafe {
        slice::from_raw_parts(
            ptr::with_exposed_provenance((INPUT_BASE + HEADER_BYTES) as usize),
            length as usize,
        )
    }
}
