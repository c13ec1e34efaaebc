//! From a proof file to what it proves.

use std::io::Read;

use vellum_chips::{Machine, MachineVerifier};

use crate::VerifyFileError;
use crate::file::{read_end, read_head, read_shard};
use crate::job::keccak256;

/// What a valid proof says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Verifying key of the program that ran.
    pub vk: [u8; 32],
    /// Its exit status; zero is success.
    pub exit_status: u64,
    /// The bytes it committed, if it did.
    pub output: Option<Vec<u8>>,
    /// Number of shards.
    pub shards: u32,
}

/// Verifies a proof of the program with key `vk`, reading it shard by shard.
///
/// # Errors
/// Anything but a valid proof of that program.
pub fn verify(machine: &Machine, vk: &[u8; 32], file: &mut dyn Read) -> Result<Verified, VerifyFileError> {
    let head = read_head(file)?;
    let got = head.header.vk.digest_bytes();
    if got != *vk {
        return Err(VerifyFileError::OtherProgram { got: hex(&got), expected: hex(vk) });
    }
    let mut verifier = MachineVerifier::new(machine, &head.header)?;
    for _ in 0..head.header.shards {
        verifier.shard(&read_shard(file)?)?;
    }
    read_end(file)?;
    let exit = verifier.finish()?;
    // No output and a digest of zero belong together.
    let digest = head.output.as_deref().map_or([0; 32], keccak256);
    if digest != exit.digest {
        return Err(VerifyFileError::Output);
    }
    Ok(Verified { vk: got, exit_status: exit.status, output: head.output, shards: head.header.shards })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::from("0x"), |text, byte| text + &format!("{byte:02x}"))
}
