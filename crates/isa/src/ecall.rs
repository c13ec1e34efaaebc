//! Environment call numbers (register a7). What each reads is in docs/protocol.md, section "Guest ABI".

/// `exit(a0 = status)`, no output. Same number as Linux.
pub const EXIT: u64 = 93;
/// `write(a0 = fd, a1 = pointer, a2 = length)`: debug print, no effect in the circuit. Same number as Linux.
pub const WRITE: u64 = 64;
/// `exit(a0 = status, a1..a4 = output digest)`.
pub const EXIT_OUTPUT: u64 = 0x1000;
/// `commit(a0 = pointer, a1 = length)`: tells the host the output bytes, no effect in the circuit.
pub const COMMIT: u64 = 0x1001;
/// Reserved for prover hints (a precompile of the second wave).
pub const HINT: u64 = 0x1002;
/// `mark(a0 = label)`: lets the host attribute cost, no effect in the circuit.
pub const MARK: u64 = 0x1003;
/// First precompile number.
pub const PRECOMPILES: u64 = 0x1100;
