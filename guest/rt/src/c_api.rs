//! The C functions of the eth-act zkVM standard, so that a portable program runs unchanged.
//!
//! Source: github.com/eth-act/zkvm-standards, `standards/io-interface/README.md`. Neither function can fail by the
//! standard; a hostile input length panics here as in [`crate::input()`].

use core::slice;

/// Stores where the input is and how long. May be called any number of times.
///
/// # Safety
/// Both pointers must be writable.
#[unsafe(no_mangle)]
unsafe extern "C" fn read_input(buffer: *mut *const u8, size: *mut usize) {
    let input = crate::input();
    // SAFETY: the caller's promise.
    unsafe {
        buffer.write(input.as_ptr());
        size.write(input.len());
    }
}

/// Appends to the public output, which is the concatenation of all calls.
///
/// # Safety
/// `output` must be readable for `size` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn write_output(output: *const u8, size: usize) {
    // A size of zero may come with any pointer.
    if size > 0 {
        // SAFETY: the caller's promise.
        crate::commit(unsafe { slice::from_raw_parts(output, size) });
    }
}
