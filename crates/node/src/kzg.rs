//! Commitments to blobs and openings of them (EIP-4844), with Ethereum's trusted set-up.

use alloy_eips::eip4844::{AsCkzg, Blob, c_kzg, kzg_to_versioned_hash};
use alloy_primitives::B256;

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

/// The set-up, loaded once for the process. Without the tables that only cell proofs profit from: computing them takes
/// seconds, and whoever asks first decides.
pub fn settings() -> &'static c_kzg::KzgSettings {
    c_kzg::ethereum_kzg_settings(0)
}

/// Versioned hash of a blob; none if an element is not of the field.
pub fn versioned_hash(blob: &Blob) -> Option<B256> {
    commitment(blob).map(|commitment| hash_of(&commitment))
}

/// Commitment to a blob; none if an element is not of the field.
pub fn commitment(blob: &Blob) -> Option<[u8; 48]> {
    let commitment = settings().blob_to_kzg_commitment(blob.as_ckzg()).ok()?;
    Some(commitment.to_bytes().into_inner())
}

/// Opens a blob at `z`; none if an element, or `z`, is not of the field.
pub fn open(blob: &Blob, z: B256) -> Option<Opening> {
    let commitment = commitment(blob)?;
    let point = c_kzg::Bytes32::new(z.0);
    let (proof, y) = settings().compute_kzg_proof(blob.as_ckzg(), &point).ok()?;
    let mut commitment_and_proof = [0; 96];
    commitment_and_proof[..48].copy_from_slice(&commitment);
    commitment_and_proof[48..].copy_from_slice(proof.to_bytes().as_ref());
    Some(Opening { versioned_hash: hash_of(&commitment), z, y: B256::new(*y), commitment_and_proof })
}

fn hash_of(commitment: &[u8; 48]) -> B256 {
    kzg_to_versioned_hash(commitment)
}

/// Opens a blob at the point that the guest program evaluates it at.
pub fn open_for_batch(blob: &Blob) -> Option<Opening> {
    let content = vellum_block::l2::blob::Blob::new(blob.as_slice()).ok()?;
    open(blob, content.point(versioned_hash(blob)?))
}
