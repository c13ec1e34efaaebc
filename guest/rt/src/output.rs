//! The program's public output: a hash of everything committed leaves the proof at the exit.

use core::cell::RefCell;

use crate::{Keccak256, call};

/// The hash so far; `None` until something is committed.
struct Output(RefCell<Option<Keccak256>>);

// SAFETY: the machine has a single hart and no interrupts.
unsafe impl Sync for Output {}

static OUTPUT: Output = Output(RefCell::new(None));

/// Appends `bytes` to the public output, which is the concatenation of all commits.
///
/// A program that commits no byte has no output, not an empty one.
pub fn commit(bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    call::commit(bytes);
    OUTPUT.0.borrow_mut().get_or_insert_with(Keccak256::new).update(bytes);
}

/// Ends the program. Status 0 is success; the output is published with any status.
pub fn exit(status: u64) -> ! {
    match OUTPUT.0.take() {
        Some(hash) => call::exit_output(status, hash.finish()),
        None => call::exit(status),
    }
}
