//! The environment calls, one function each. None changes a register or memory, so none clobbers anything.

use core::arch::asm;

use vellum_isa::ecall;

/// Ends the program without output.
pub(crate) fn exit(status: u64) -> ! {
    // SAFETY: the machine halts at this call.
    unsafe { asm!("ecall", in("a7") ecall::EXIT, in("a0") status, options(noreturn, nostack)) }
}

/// Ends the program; `digest` is the keccak256 hash of everything committed.
pub(crate) fn exit_output(status: u64, digest: [u8; 32]) -> ! {
    let word = |j: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest[8 * j..8 * j + 8]);
        u64::from_le_bytes(bytes)
    };
    // SAFETY: the machine halts at this call.
    unsafe {
        asm!("ecall", in("a7") ecall::EXIT_OUTPUT, in("a0") status,
             in("a1") word(0), in("a2") word(1), in("a3") word(2), in("a4") word(3),
             options(noreturn, nostack))
    }
}

/// Shows bytes on the host's file descriptor 1 or 2. No effect in the proof.
pub(crate) fn write(fd: u64, bytes: &[u8]) {
    // SAFETY: the host only reads `bytes`.
    unsafe {
        asm!("ecall", in("a7") ecall::WRITE, in("a0") fd, in("a1") bytes.as_ptr(), in("a2") bytes.len(),
             options(readonly, nostack, preserves_flags))
    }
}

/// Tells the host output bytes. No effect in the proof: the digest at the exit binds them.
pub(crate) fn commit(bytes: &[u8]) {
    // SAFETY: the host only reads `bytes`.
    unsafe {
        asm!("ecall", in("a7") ecall::COMMIT, in("a0") bytes.as_ptr(), in("a1") bytes.len(),
             options(readonly, nostack, preserves_flags))
    }
}

/// Lets the host attribute the cost from here on to `label`. No effect in the proof.
pub fn mark(label: u64) {
    // SAFETY: touches no memory.
    unsafe { asm!("ecall", in("a7") ecall::MARK, in("a0") label, options(nomem, nostack, preserves_flags)) }
}
