//! Blobs: how bytes are packed into them, and the opening that binds a blob's content to its commitment.

use alloc::{vec, vec::Vec};
use alloy_primitives::{B256, U256, keccak256};

use super::{
    batch::BlobOpening,
    field::{self, BLOB_VALUES, MODULUS, MulMod},
};

/// Bytes of a blob.
pub const BLOB_BYTES: usize = 32 * BLOB_VALUES;
/// Bytes that a blob carries.
pub const BLOB_CAPACITY: usize = VALUE_BYTES * BLOB_VALUES;
/// Bytes that a value carries; the highest byte would be too large for the field.
const VALUE_BYTES: usize = 31;

/// Why bytes are not the content of a blob.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// No whole number of values, or more than a blob has.
    #[error("{0} bytes are not the first values of a blob")]
    Length(usize),
    /// A value that is no element of the field, so that no commitment to the blob exists.
    #[error("value {0} of the blob is not below the field's prime")]
    NotInField(usize),
}

/// A blob's content: its first values, 32 bytes each with the highest first. The values after them are zero, the last
/// of them is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blob<'a>(&'a [u8]);

impl<'a> Blob<'a> {
    /// Checks the first values of a blob; all of them may be given.
    pub fn new(values: &'a [u8]) -> Result<Self, BlobError> {
        if values.len() > BLOB_BYTES || !values.len().is_multiple_of(32) {
            return Err(BlobError::Length(values.len()));
        }
        let too_large = values.chunks_exact(32).position(|value| {
            // The prime's first byte decides almost always.
            value[0] >= 0x73 && U256::from_be_slice(value) >= MODULUS
        });
        if let Some(index) = too_large {
            return Err(BlobError::NotInField(index));
        }
        let used = values.iter().rposition(|&byte| byte != 0).map_or(0, |last| last / 32 + 1);
        Ok(Self(&values[..32 * used]))
    }

    /// The values, without zeros at the end.
    pub const fn values(&self) -> &'a [u8] {
        self.0
    }

    /// The point at which the blob is opened: keccak256(versioned hash ‖ keccak256(values)) without its three highest
    /// bits, reduced. Nobody can choose it. The zeros at the end are not hashed, which would cost more than most
    /// batches' content; values without them stand for one blob only.
    pub fn point(&self, versioned_hash: B256) -> B256 {
        let mut hash = keccak256([versioned_hash, keccak256(self.0)].concat());
        hash[0] &= 0x1f;
        let point: U256 = hash.into();
        if point >= MODULUS { point.wrapping_sub(MODULUS).into() } else { point.into() }
    }

    /// The polynomial's value at [`Self::point`]. Contents that differ have different openings, so an opening that holds
    /// for the commitment binds the content.
    pub fn opening(&self, versioned_hash: B256, mul_mod: MulMod) -> BlobOpening {
        let z = self.point(versioned_hash).into();
        let values = self.0.chunks_exact(32).map(U256::from_be_slice).collect();
        let y = field::evaluate(values, z, mul_mod);
        BlobOpening { versioned_hash, z: z.into(), y: y.into() }
    }

    /// Appends the bytes that the blob carries; false if a value has a byte that cannot be one of them.
    pub(crate) fn unpack(&self, bytes: &mut Vec<u8>) -> bool {
        for value in self.0.chunks_exact(32) {
            if value[0] != 0 {
                return false;
            }
            bytes.extend(value[1..].iter().rev());
        }
        true
    }
}

/// Packs bytes into as many blobs as they need, at least one.
pub fn pack(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut blobs: Vec<_> = bytes.chunks(BLOB_CAPACITY).map(pack_one).collect();
    if blobs.is_empty() {
        blobs.push(vec![0; BLOB_BYTES]);
    }
    blobs
}

fn pack_one(bytes: &[u8]) -> Vec<u8> {
    let mut blob = vec![0; BLOB_BYTES];
    for (value, carried) in blob.chunks_exact_mut(32).zip(bytes.chunks(VALUE_BYTES)) {
        for (place, &byte) in value.iter_mut().rev().zip(carried) {
            *place = byte;
        }
    }
    blob
}
