//! The sender of a transaction from its signature.

use alloy_consensus::crypto::SECP256K1N_HALF;
use alloy_primitives::{Address, B256, Signature, keccak256};
use k256::{
    AffinePoint, ProjectivePoint, Scalar, U256,
    elliptic_curve::{
        PrimeField,
        ops::{LinearCombination, Reduce},
        point::DecompressPoint,
        sec1::ToEncodedPoint,
    },
};

/// The address whose key made `signature` over `hash`; none if there is none or s is above n/2 (EIP-2).
///
/// The key is Q = r⁻¹(s·R − z·G). The general function of k256 verifies the signature with the recovered
/// key, which holds by this equation and would double the cost.
pub(crate) fn recover(hash: B256, signature: &Signature) -> Option<Address> {
    if signature.s() > SECP256K1N_HALF {
        return None;
    }
    let scalar = |bytes: [u8; 32]| Option::<Scalar>::from(Scalar::from_repr(bytes.into()));
    let r_bytes = signature.r().to_be_bytes::<32>();
    let (r, s) = (scalar(r_bytes)?, scalar(signature.s().to_be_bytes())?);
    let z = <Scalar as Reduce<U256>>::reduce_bytes(&hash.0.into());
    let y_is_odd = u8::from(signature.v()).into();
    let point = Option::<AffinePoint>::from(AffinePoint::decompress(&r_bytes.into(), y_is_odd))?;

    let r_inverse = Option::<Scalar>::from(r.invert())?;
    let (u1, u2) = (-(r_inverse * z), r_inverse * s);
    let key = ProjectivePoint::lincomb(&ProjectivePoint::GENERATOR, &u1, &point.into(), &u2);
    let encoded = key.to_affine().to_encoded_point(false);
    // The point at infinity encodes to one byte. s = 0 is refused here too: it makes no valid signature.
    let coordinates = encoded.as_bytes().get(1..65).filter(|_| !bool::from(s.is_zero()))?;
    Some(Address::from_slice(&keccak256(coordinates)[12..]))
}

#[cfg(test)]
mod tests {
    use alloy_consensus::crypto::secp256k1::recover_signer;
    use alloy_primitives::{U256, hex};
    use proptest::prelude::*;

    use super::*;

    /// About half of all r are x coordinates, so random numbers exercise both outcomes.
    fn agree(hash: [u8; 32], r: U256, s: U256, odd: bool) -> bool {
        let signature = Signature::new(r, s, odd);
        let expected = recover_signer(&signature, hash.into()).ok();
        assert_eq!(recover(hash.into(), &signature), expected, "{signature:?}");
        expected.is_some()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn random_signatures_agree_with_the_reference(hash: [u8; 32], r: [u8; 32], s: [u8; 32], odd: bool) {
            agree(hash, U256::from_be_bytes(r), U256::from_be_bytes(s) >> 1, odd);
            agree(hash, U256::from_be_bytes(r), U256::from_be_bytes(s), odd);
        }
    }

    #[test]
    fn edge_values_agree_with_the_reference() {
        let order =
            U256::from_be_bytes(hex!("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"));
        let edges =
            [U256::ZERO, U256::ONE, U256::from(2), SECP256K1N_HALF, order - U256::ONE, order, U256::MAX];
        let mut recovered = 0;
        for hash in [[0; 32], [0xff; 32], order.to_be_bytes()] {
            for (r, s) in edges.iter().flat_map(|&r| edges.map(|s| (r, s))) {
                for odd in [false, true] {
                    recovered += usize::from(agree(hash, r, s, odd));
                }
            }
        }
        assert!(recovered > 0);
    }
}
