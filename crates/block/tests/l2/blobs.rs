//! Blobs against c-kzg, the reference implementation.

use alloy_primitives::{B256, U256, keccak256};
use proptest::prelude::*;
use vellum_block::l2::{
    blob::{BLOB_BYTES, BLOB_CAPACITY, Blob, BlobError, pack},
    field::{self, MODULUS},
};

fn by_reference(blob: &[u8], z: B256) -> B256 {
    let settings = c_kzg::ethereum_kzg_settings(0);
    let blob = c_kzg::Blob::from_bytes(blob).unwrap();
    let (_, y) = settings.compute_kzg_proof(&blob, &c_kzg::Bytes32::new(z.0)).unwrap();
    B256::from_slice(y.as_ref())
}

/// The first `count` values of a blob, whatever field elements.
fn values(count: usize, seed: u64) -> Vec<u8> {
    let mut blob = vec![0; BLOB_BYTES];
    for (index, value) in blob.chunks_exact_mut(32).take(count).enumerate() {
        let hash = keccak256([seed, index as u64].map(u64::to_be_bytes).concat());
        let number: U256 = hash.into();
        value.copy_from_slice(&(number % MODULUS).to_be_bytes::<32>());
    }
    blob
}

#[test]
fn openings_agree_with_the_reference() {
    for (count, seed) in [(0, 0), (1, 1), (2, 2), (3, 3), (777, 4), (2048, 5), (2049, 6), (4096, 7)] {
        let blob = values(count, seed);
        let hash = keccak256(seed.to_be_bytes());
        let opening = Blob::new(&blob).unwrap().opening(hash, field::mul_mod);
        let mut z = keccak256([hash, keccak256(&blob[..32 * count])].concat());
        z[0] &= 0x1f;
        assert_eq!((opening.versioned_hash, opening.z), (hash, z));
        assert_eq!(opening.y, by_reference(&blob, z), "{count} values");
        // Only the values up to the last that is not zero need be given.
        let trimmed = Blob::new(Blob::new(&blob).unwrap().values()).unwrap();
        assert_eq!(trimmed.opening(hash, field::mul_mod), opening);
    }
}

#[test]
fn a_root_of_unity_as_point_gives_the_value_there() {
    let blob = values(4096, 9);
    let read = || blob.chunks_exact(32).map(U256::from_be_slice).collect();
    // 1 is the first root and −1 the second.
    assert_eq!(field::evaluate(read(), U256::from(1), field::mul_mod), U256::from_be_slice(&blob[..32]));
    let minus_one = MODULUS - U256::from(1);
    assert_eq!(field::evaluate(read(), minus_one, field::mul_mod), U256::from_be_slice(&blob[32..64]));
}

#[test]
fn what_is_no_blob_is_named() {
    assert_eq!(Blob::new(&[0; 31]), Err(BlobError::Length(31)));
    assert_eq!(Blob::new(&vec![0; BLOB_BYTES + 32]), Err(BlobError::Length(BLOB_BYTES + 32)));
    let mut values = vec![0; 96];
    values[32..64].copy_from_slice(&MODULUS.to_be_bytes::<32>());
    assert_eq!(Blob::new(&values), Err(BlobError::NotInField(1)));
    values[63] -= 1;
    assert!(Blob::new(&values).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn openings_agree_at_random(count in 0..=4096usize, seed: u64) {
        let blob = values(count, seed);
        let opening = Blob::new(&blob).unwrap().opening(keccak256(b"hash"), field::mul_mod);
        prop_assert_eq!(opening.y, by_reference(&blob, opening.z));
    }

    #[test]
    fn packed_bytes_stand_low_byte_first(bytes in prop::collection::vec(any::<u8>(), 0..3 * BLOB_CAPACITY)) {
        let blobs = pack(&bytes);
        prop_assert_eq!(blobs.len(), bytes.len().div_ceil(BLOB_CAPACITY).max(1));
        let mut unpacked: Vec<u8> = Vec::new();
        for blob in &blobs {
            prop_assert!(Blob::new(blob).is_ok());
            blob.chunks_exact(32).for_each(|value| unpacked.extend(value[1..].iter().rev()));
        }
        prop_assert_eq!(&unpacked[..bytes.len()], &bytes[..]);
        prop_assert!(unpacked[bytes.len()..].iter().all(|&byte| byte == 0));
    }
}
