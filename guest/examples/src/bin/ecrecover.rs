//! Knows an ECDSA signature over secp256k1 by the owner of an Ethereum address.
//!
//! Input: hash (32 bytes) ‖ r ‖ s (32 bytes each, big-endian) ‖ v (1 byte: 27 or 28, or 0 or 1).
//! Output: hash ‖ address (20 bytes). A signature that recovers no address panics. As in the Yellow Paper's
//! precompile, s may lie in the upper half.
#![no_std]
#![no_main]

use k256::elliptic_curve::PrimeField as _;
use k256::elliptic_curve::group::Group as _;
use k256::elliptic_curve::ops::{LinearCombination as _, Reduce};
use k256::elliptic_curve::point::DecompressPoint as _;
use k256::elliptic_curve::sec1::ToEncodedPoint as _;
use k256::elliptic_curve::subtle::Choice;
use k256::{AffinePoint, FieldBytes, ProjectivePoint, Scalar, U256};
use vellum_guest_rt::{commit, entry, input, keccak256};

entry!(main);

fn main() {
    let input: &[u8; 97] = input().try_into().expect("the input is not hash, r, s and v");
    let (words, [v]) = input.as_chunks::<32>() else { panic!("the input is not hash, r, s and v") };
    let [hash, r, s] = words else { panic!("the input is not hash, r, s and v") };
    let y_is_odd = match v {
        0 | 27 => false,
        1 | 28 => true,
        _ => panic!("v is {v}, not 27 or 28"),
    };
    let address = recover(hash, r, s, y_is_odd).expect("the signature recovers no address");
    commit(hash);
    commit(&address);
}

/// Q = r⁻¹ (s R − z G), where R is the point with x = r and y of the given parity (SEC 1, section 4.1.6).
/// With s = 0 this is a point as well, but no signature.
///
/// An x of R between the group order and the field's modulus has no encoding in Ethereum.
fn recover(hash: &[u8; 32], r: &[u8; 32], s: &[u8; 32], y_is_odd: bool) -> Option<[u8; 20]> {
    let scalar = |bytes: &[u8; 32]| Scalar::from_repr(FieldBytes::from(*bytes)).into_option();
    let s = scalar(s).filter(|s| *s != Scalar::ZERO)?;
    let inverse = scalar(r)?.invert().into_option()?;
    let point =
        AffinePoint::decompress(&FieldBytes::from(*r), Choice::from(u8::from(y_is_odd))).into_option()?;
    let z = <Scalar as Reduce<U256>>::reduce_bytes(&FieldBytes::from(*hash));
    let key =
        ProjectivePoint::lincomb(&ProjectivePoint::GENERATOR, &-(inverse * z), &point.into(), &(inverse * s));
    if key.is_identity().into() {
        return None;
    }
    let encoded = key.to_affine().to_encoded_point(false);
    // Without the first byte, which names the encoding.
    let hash = keccak256(&encoded.as_bytes()[1..]);
    let mut address = [0; 20];
    address.copy_from_slice(&hash[12..]);
    Some(address)
}
