//! The proof file.
//!
//! ```text
//! magic "VLMPROOF"             8
//! format version               2, little-endian like all numbers
//! verifying key              106  (VerifyingKey::encode)
//! shards n                     4
//! chain end h_n               32
//! global grinding witness      4
//! output present               1  (0 or 1)
//! output length                4  (0 when absent)
//! output bytes
//! n times: length 4, shard proof (postcard)
//! ```
//! Sizes are checked before anything is allocated; the file is read shard by shard.

use std::io::{ErrorKind, Read, Write};

use vellum_chips::{MachineHeader, SHARDS_MAX, ShardProof, VK_BYTES, VerifyingKey, canonical, digest_bytes};
use vellum_executor::OUTPUT_BYTES_MAX;
use vellum_stark::{Digest, PrimeField32};

use crate::{ProveError, VerifyFileError};

/// First bytes of a proof file.
pub const PROOF_MAGIC: &[u8; 8] = b"VLMPROOF";
/// Format version. Any change of the circuits also changes the verifying key.
pub const PROOF_VERSION: u16 = 1;
/// Largest encoded shard proof.
pub const SHARD_BYTES_MAX: u32 = 32 << 20;
/// No proof file is larger: the shards with their lengths, the output, and room for the head.
pub const PROOF_BYTES_MAX: u64 = SHARDS_MAX as u64 * (SHARD_BYTES_MAX as u64 + 4) + OUTPUT_BYTES_MAX + 1024;

/// What precedes the shards.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) header: MachineHeader,
    pub(crate) output: Option<Vec<u8>>,
}

pub(crate) fn write_head(out: &mut dyn Write, head: &Head) -> Result<u64, ProveError> {
    let mut bytes = PROOF_MAGIC.to_vec();
    bytes.extend(PROOF_VERSION.to_le_bytes());
    bytes.extend(head.header.vk.encode());
    bytes.extend(head.header.shards.to_le_bytes());
    bytes.extend(digest_bytes(&head.header.chain_end));
    bytes.extend(head.header.global_witness.as_canonical_u32().to_le_bytes());
    bytes.push(u8::from(head.output.is_some()));
    let output = head.output.as_deref().unwrap_or_default();
    bytes.extend((output.len() as u32).to_le_bytes());
    bytes.extend(output);
    out.write_all(&bytes)?;
    Ok(bytes.len() as u64)
}

pub(crate) fn write_shard(out: &mut dyn Write, shard: &[u8]) -> Result<u64, ProveError> {
    out.write_all(&(shard.len() as u32).to_le_bytes())?;
    out.write_all(shard)?;
    Ok(shard.len() as u64 + 4)
}

pub(crate) fn encode_shard(proof: &ShardProof) -> Result<Vec<u8>, ProveError> {
    postcard::to_stdvec(proof).map_err(|error| ProveError::Encode(error.to_string()))
}

pub(crate) fn read_head(file: &mut dyn Read) -> Result<Head, VerifyFileError> {
    if &array::<8>(file, "the magic number")? != PROOF_MAGIC {
        return Err(VerifyFileError::Magic);
    }
    let version = u16::from_le_bytes(array(file, "the version")?);
    if version != PROOF_VERSION {
        return Err(VerifyFileError::Version { got: version, expected: PROOF_VERSION });
    }
    let vk = VerifyingKey::decode(&array::<VK_BYTES>(file, "the verifying key")?)
        .ok_or(VerifyFileError::Malformed("the verifying key has a digest that is not canonical"))?;
    let shards = number(file, "the number of shards")?;
    let chain_end = digest(&array(file, "the chain end")?)
        .ok_or(VerifyFileError::Malformed("the chain end is not canonical"))?;
    let global_witness = canonical(number(file, "the grinding witness")?)
        .ok_or(VerifyFileError::Malformed("the global grinding witness is not canonical"))?;
    let [present] = array::<1>(file, "the output flag")?;
    let length = number(file, "the output length")?;
    if u64::from(length) > OUTPUT_BYTES_MAX {
        return Err(VerifyFileError::TooLarge {
            what: "an output",
            got: length.into(),
            max: OUTPUT_BYTES_MAX,
        });
    }
    let output = bytes(file, length, "the output")?;
    let output = match (present, output.is_empty()) {
        (0, true) => None,
        (0, false) => return Err(VerifyFileError::Malformed("an absent output has bytes")),
        (1, _) => Some(output),
        _ => return Err(VerifyFileError::Malformed("the output flag is neither 0 nor 1")),
    };
    Ok(Head { header: MachineHeader { vk, shards, chain_end, global_witness }, output })
}

pub(crate) fn read_shard(file: &mut dyn Read) -> Result<ShardProof, VerifyFileError> {
    let length = number(file, "a shard's length")?;
    if length > SHARD_BYTES_MAX {
        return Err(VerifyFileError::TooLarge {
            what: "a shard proof",
            got: length.into(),
            max: SHARD_BYTES_MAX.into(),
        });
    }
    let encoded = bytes(file, length, "a shard proof")?;
    let malformed = || VerifyFileError::Malformed("a shard proof does not decode");
    let (proof, rest) = postcard::take_from_bytes(&encoded).map_err(|_| malformed())?;
    if !rest.is_empty() {
        return Err(VerifyFileError::Malformed("a shard proof has trailing bytes"));
    }
    // One encoding per proof: numbers that a lenient decoder takes in other forms too are refused.
    if postcard::to_stdvec(&proof).map_err(|_| malformed())? != encoded {
        return Err(VerifyFileError::Malformed("a shard proof is not in its canonical encoding"));
    }
    Ok(proof)
}

pub(crate) fn read_end(file: &mut dyn Read) -> Result<(), VerifyFileError> {
    let mut byte = [0];
    match file.read(&mut byte) {
        Ok(0) => Ok(()),
        Ok(_) => Err(VerifyFileError::Trailing),
        Err(error) => Err(VerifyFileError::Read(error)),
    }
}

fn digest(bytes: &[u8; 32]) -> Option<Digest> {
    let mut digest = Digest::default();
    for (element, chunk) in digest.iter_mut().zip(bytes.chunks_exact(4)) {
        *element = canonical(u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]))?;
    }
    Some(digest)
}

fn number(file: &mut dyn Read, what: &'static str) -> Result<u32, VerifyFileError> {
    Ok(u32::from_le_bytes(array(file, what)?))
}

fn array<const N: usize>(file: &mut dyn Read, what: &'static str) -> Result<[u8; N], VerifyFileError> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes).map_err(|error| read_error(error, what))?;
    Ok(bytes)
}

/// Reads `length` bytes, growing only as they arrive.
fn bytes(file: &mut dyn Read, length: u32, what: &'static str) -> Result<Vec<u8>, VerifyFileError> {
    let mut bytes = Vec::new();
    let got = file.take(length.into()).read_to_end(&mut bytes).map_err(|error| read_error(error, what))?;
    if got != length as usize {
        return Err(VerifyFileError::Truncated(what));
    }
    Ok(bytes)
}

fn read_error(error: std::io::Error, what: &'static str) -> VerifyFileError {
    match error.kind() {
        ErrorKind::UnexpectedEof => VerifyFileError::Truncated(what),
        _ => VerifyFileError::Read(error),
    }
}
