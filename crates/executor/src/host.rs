//! Environment calls: what the host does for each, in both modes.

use tiny_keccak::{Hasher, Keccak};
use vellum_isa::{HintKind, Precompile, ecall};

use crate::{
    Exit, Fault,
    memory::{Memory, Stamp},
    precompile::arguments,
};

/// Most output bytes of a program.
pub const OUTPUT_BYTES_MAX: u64 = 1 << 26;

/// Most bytes of one WRITE, so that no call can keep the host busy for long.
pub const WRITE_BYTES_MAX: u64 = 1 << 24;

/// Receives what the guest prints.
pub trait Console {
    /// Bytes of one WRITE call, or a part of them; `fd` is what the guest passed (1 and 2 by convention).
    fn write(&mut self, fd: u64, bytes: &[u8]);

    /// The answer to a hint, before the guest gets it. A host that lies changes it: tests of guests do.
    fn hint(&mut self, _kind: HintKind, _answer: &mut [u64]) {}
}

/// Drops what the guest prints.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Console for Silent {
    fn write(&mut self, _fd: u64, _bytes: &[u8]) {}
}

impl Console for Vec<u8> {
    fn write(&mut self, _fd: u64, bytes: &[u8]) {
        self.extend(bytes);
    }
}

/// What an ecall asks for.
pub(crate) enum Call {
    /// Nothing that the machine would notice.
    Continue,
    /// MARK with its label.
    Mark(u64),
    /// A precompile with its arguments.
    Precompile(Precompile, [u32; 4]),
    /// The end.
    Exit(Exit),
}

/// The host's side of one execution.
#[derive(Default)]
pub(crate) struct Host {
    committed: Vec<u8>,
}

impl Host {
    /// Serves the call in the registers' a7.
    pub(crate) fn call<S: Stamp>(
        &mut self,
        registers: &[u64],
        memory: &Memory<'_, S>,
        console: &mut dyn Console,
    ) -> Result<Call, Fault> {
        let [a0, a1, a2, a3, a4] = std::array::from_fn(|i| registers[10 + i]);
        match registers[17] {
            ecall::EXIT => self.exit(a0),
            ecall::EXIT_OUTPUT => self.exit_output(a0, [a1, a2, a3, a4]),
            ecall::WRITE => {
                if a2 > WRITE_BYTES_MAX {
                    return Err(Fault::WriteTooLong { got: a2, max: WRITE_BYTES_MAX });
                }
                memory.read(a1, a2, |bytes| console.write(a0, bytes))?;
                Ok(Call::Continue)
            }
            ecall::COMMIT => {
                if a1 > OUTPUT_BYTES_MAX - self.committed.len() as u64 {
                    return Err(Fault::OutputTooLong(OUTPUT_BYTES_MAX));
                }
                memory.read(a0, a1, |bytes| self.committed.extend(bytes))?;
                Ok(Call::Continue)
            }
            ecall::MARK => Ok(Call::Mark(a0)),
            code => {
                let precompile = Precompile::from_code(code).ok_or(Fault::UnknownEcall(code))?;
                Ok(Call::Precompile(precompile, arguments(precompile, [a0, a1, a2, a3])?))
            }
        }
    }

    fn exit(&self, status: u64) -> Result<Call, Fault> {
        match self.committed.len() as u64 {
            0 => Ok(Call::Exit(Exit { status, digest: [0; 32] })),
            bytes => Err(Fault::OutputWithoutDigest(bytes)),
        }
    }

    fn exit_output(&self, status: u64, digest: [u64; 4]) -> Result<Call, Fault> {
        let mut claimed = [0; 32];
        for (bytes, dword) in claimed.chunks_exact_mut(8).zip(digest) {
            bytes.copy_from_slice(&dword.to_le_bytes());
        }
        let committed = keccak256(&self.committed);
        if claimed == committed {
            Ok(Call::Exit(Exit { status, digest: claimed }))
        } else {
            Err(Fault::OutputDigest { claimed, committed })
        }
    }

    /// The committed bytes, where the exit carried their digest.
    pub(crate) fn output(self, exit: &Exit) -> Option<Vec<u8>> {
        (exit.digest != [0; 32]).then_some(self.committed)
    }
}

fn keccak256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    let mut keccak = Keccak::v256();
    keccak.update(bytes);
    keccak.finalize(&mut digest);
    digest
}
