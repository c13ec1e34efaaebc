//! Commitments to blobs and openings of them (EIP-4844), with Ethereum's trusted set-up.

use alloy_eips::eip4844::env_settings::EnvKzgSettings;
use alloy_eips::eip4844::{BYTES_PER_BLOB, Blob, kzg_to_versioned_hash};
use alloy_primitives::{B256, keccak256};

/// A blob's opening at a point, as the point evaluation precompile takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Versioned hash of the commitment.
    pub versioned_hash: B256,
    /// The point.
    pub z: B256,
    /// The value there.
    pub y: B256,
    /// Commitment, 48 bytes, then proof, 48 bytes.
    pub commitment_and_proof: [u8; 96],
}

/// Versioned hash of a blob; none if an element is not of the field.
pub fn versioned_hash(blob: &Blob) -> Option<B256> {
    commitment(blob).map(|commitment| kzg_to_versioned_hash(&commitment))
}

/// Commitment to a blob; none if an element is not of the field.
pub fn commitment(blob: &Blob) -> Option<[u8; 48]> {
    let commitment = EnvKzgSettings::Default.get().blob_to_kzg_commitment(&to_c_kzg(blob)).ok()?;
    Some(commitment.to_bytes().into_inner())
}

/// keccak256 of a blob's bytes.
pub fn data_digest(blob: &Blob) -> B256 {
    keccak256(blob)
}

/// Opens a blob at `z`; none if an element, or `z`, is not of the field.
pub fn open(blob: &Blob, z: B256) -> Option<Opening> {
    let commitment = commitment(blob)?;
    let point = c_kzg::Bytes32::new(z.0);
    let (proof, y) = EnvKzgSettings::Default.get().compute_kzg_proof(&to_c_kzg(blob), &point).ok()?;
    let mut commitment_and_proof = [0; 96];
    commitment_and_proof[..48].copy_from_slice(&commitment);
    commitment_and_proof[48..].copy_from_slice(proof.to_bytes().as_ref());
    Some(Opening {
        versioned_hash: kzg_to_versioned_hash(&commitment),
        z,
        y: B256::new(y.into_inner()),
        commitment_and_proof,
    })
}

fn to_c_kzg(blob: &Blob) -> Box<c_kzg::Blob> {
    let mut bytes = [0; BYTES_PER_BLOB];
    bytes.copy_from_slice(blob.as_slice());
    Box::new(c_kzg::Blob::new(bytes))
}
