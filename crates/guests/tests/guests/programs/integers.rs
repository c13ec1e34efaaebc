//! The runtime's keys by the names of k256, and its big integers.
//!
//! Commits "done".
#![no_std]
#![no_main]

use vellum_guest_rt::ecdsa::{Error, RecoveryId, Signature, VerifyingKey};
use vellum_guest_rt::{commit, entry, keccak256, u256_mul_add, u256_mul_mod, u256_sub};

entry!(main);

/// A hash, r and s, with an R whose y is odd; and who signed.
const HASH: [u8; 32] = *b"\x45\x6e\x9a\xea\x5e\x19\x7a\x1f\x1a\xf7\xa3\xe8\x5a\x32\x12\xfa\x40\x49\xa3\xba\x34\xc2\x28\x9b\x4c\x86\x0f\xc0\xb0\xc6\x4e\xf3";
const R: [u8; 32] = *b"\x92\x42\x68\x5b\xf1\x61\x79\x3c\xc2\x56\x03\xc2\x31\xbc\x2f\x56\x8e\xb6\x30\xea\x16\xaa\x13\x7d\x26\x64\xac\x80\x38\x82\x56\x08";
const S: [u8; 32] = *b"\x4f\x8a\xe3\xbd\x75\x35\x24\x8d\x0b\xd4\x48\x29\x8c\xc2\xe2\x07\x1e\x56\x99\x2d\x07\x74\xdc\x34\x0c\x36\x8a\xe9\x50\x85\x2a\xda";
const SIGNER: [u8; 20] =
    *b"\x71\x56\x52\x6f\xbd\x7a\x3c\x72\x96\x9b\x54\xf6\x4e\x42\xc1\x0f\xbb\x76\x8c\x8a";
/// The group's order.
const N: [u8; 32] = *b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xba\xae\xdc\xe6\xaf\x48\xa0\x3b\xbf\xd2\x5e\x8c\xd0\x36\x41\x41";

fn main() {
    keys();
    integers();
    commit(b"done");
}

fn keys() {
    let signature = Signature::from_scalars(R, S).expect("a signature");
    assert_eq!(Signature::from_slice(&signature.to_bytes()), Ok(signature));
    assert_eq!(signature.normalize_s(), None);
    let odd = RecoveryId::new(true, false);
    let key = VerifyingKey::recover_from_prehash(&HASH, &signature, odd).expect("a key");
    let bytes = key.to_sec1_bytes();
    assert_eq!((bytes[0], &keccak256(&bytes[1..])[12..]), (4, &SIGNER[..]));

    // −s with the other parity is a signature of the same key.
    let high = Signature::from_scalars(R, minus(N, S)).expect("a signature");
    assert_eq!(high.normalize_s(), Some(signature));
    let even = RecoveryId::from_byte(0).expect("an id");
    assert_eq!(VerifyingKey::recover_from_prehash(&HASH, &high, even), Ok(key));
    assert_ne!(VerifyingKey::recover_from_prehash(&HASH, &high, odd), Ok(key));

    // r + N is beyond the field, and a hash has 32 bytes.
    let reduced = RecoveryId::new(true, true);
    assert_eq!(VerifyingKey::recover_from_prehash(&HASH, &signature, reduced), Err(Error));
    assert_eq!(VerifyingKey::recover_from_prehash(&HASH[1..], &signature, odd), Err(Error));
    for (r, s) in [([0; 32], S), (R, [0; 32]), (N, S), (R, N), ([0xff; 32], S)] {
        assert_eq!(Signature::from_scalars(r, s), Err(Error));
    }
    assert_eq!(Signature::from_slice(&signature.to_bytes()[1..]), Err(Error));
    for byte in 0..4 {
        let id = RecoveryId::from_byte(byte).expect("an id");
        assert_eq!((id.to_byte(), id), (byte, RecoveryId::new(id.is_y_odd(), id.is_x_reduced())));
    }
    assert_eq!(RecoveryId::from_byte(4), None);
}

/// a − b for big-endian numbers with a ≥ b.
fn minus(a: [u8; 32], b: [u8; 32]) -> [u8; 32] {
    let mut difference = [0; 32];
    let mut borrow = false;
    for i in (0..32).rev() {
        let (byte, first) = a[i].overflowing_sub(b[i]);
        let (byte, second) = byte.overflowing_sub(u8::from(borrow));
        (difference[i], borrow) = (byte, first || second);
    }
    difference
}

fn integers() {
    const MOST: [u64; 4] = [u64::MAX; 4];
    const ONE: [u64; 4] = [1, 0, 0, 0];
    // (2^256 − 1)² + 2^256 − 1 = (2^256 − 1)·2^256
    assert_eq!(u256_mul_add(&MOST, &MOST, &MOST), [[0; 4], MOST]);
    assert_eq!(u256_mul_add(&MOST, &ONE, &ONE), [[0; 4], ONE]);
    assert_eq!(u256_sub(&[0; 4], &ONE), (MOST, true));
    assert_eq!(u256_sub(&MOST, &ONE), ([u64::MAX - 1, u64::MAX, u64::MAX, u64::MAX], false));
    assert_eq!(u256_mul_mod(&MOST, &MOST, &[1_000, 0, 0, 0]), [225, 0, 0, 0]);
    assert_eq!(u256_mul_mod(&MOST, &MOST, &[0; 4]), [0; 4]);
    assert_eq!(u256_mul_mod(&MOST, &MOST, &ONE), [0; 4]);
}
