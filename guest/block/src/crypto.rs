//! Cryptography of this machine for the EVM and for transactions, by the hooks that alloy and revm have for it.

use alloc::sync::Arc;
use alloy_consensus::crypto::{
    RecoveryError,
    backend::{CryptoProvider, install_default_provider},
};
use alloy_primitives::{Address, keccak256};
use k256::{
    AffinePoint, ProjectivePoint, Scalar, U256,
    elliptic_curve::{
        PrimeField,
        ops::{LinearCombination, Reduce},
        point::DecompressPoint,
        sec1::ToEncodedPoint,
    },
};
use revm::precompile::{Crypto, PrecompileHalt, install_crypto};

/// Makes alloy and revm use this module.
pub(crate) fn install() {
    // Both refuse to replace what is installed, and nothing is before this.
    let _ = install_default_provider(Arc::new(Accelerated));
    install_crypto(Accelerated);
}

#[derive(Debug)]
struct Accelerated;

impl CryptoProvider for Accelerated {
    fn recover_signer_unchecked(&self, sig: &[u8; 65], msg: &[u8; 32]) -> Result<Address, RecoveryError> {
        let [rs @ .., parity] = sig;
        recover(rs, *parity != 0, msg).ok_or_else(RecoveryError::new)
    }

    fn verify_and_compute_signer_unchecked(
        &self,
        pubkey: &[u8; 65],
        sig: &[u8; 64],
        msg: &[u8; 32],
    ) -> Result<Address, RecoveryError> {
        let signer = address(&pubkey[1..]);
        let signed = [false, true].into_iter().any(|parity| recover(sig, parity, msg) == Some(signer));
        if signed { Ok(signer) } else { Err(RecoveryError::new()) }
    }
}

impl Crypto for Accelerated {
    fn secp256k1_ecrecover(
        &self,
        sig: &[u8; 64],
        recid: u8,
        msg: &[u8; 32],
    ) -> Result<[u8; 32], PrecompileHalt> {
        let signer = recover(sig, recid != 0, msg).ok_or(PrecompileHalt::Secp256k1RecoverFailed)?;
        Ok(signer.into_word().0)
    }
}

/// The address of a public key's coordinates.
fn address(coordinates: &[u8]) -> Address {
    Address::from_slice(&keccak256(coordinates)[12..])
}

/// The address whose key made the signature r ‖ s over `hash`.
///
/// The key is Q = r⁻¹(s·R − z·G). The general function of k256 verifies the signature with the recovered
/// key, which holds by this equation and would double the cost.
fn recover(signature: &[u8; 64], y_is_odd: bool, hash: &[u8; 32]) -> Option<Address> {
    let (r_bytes, s_bytes) = signature.split_at(32);
    let r_bytes: [u8; 32] = r_bytes.try_into().ok()?;
    let s_bytes: [u8; 32] = s_bytes.try_into().ok()?;
    let scalar = |bytes: [u8; 32]| Option::<Scalar>::from(Scalar::from_repr(bytes.into()));
    let (r, s) = (scalar(r_bytes)?, scalar(s_bytes)?);
    let z = <Scalar as Reduce<U256>>::reduce_bytes(&(*hash).into());
    let point =
        Option::<AffinePoint>::from(AffinePoint::decompress(&r_bytes.into(), u8::from(y_is_odd).into()))?;

    let r_inverse = Option::<Scalar>::from(r.invert())?;
    let (u1, u2) = (-(r_inverse * z), r_inverse * s);
    let key = ProjectivePoint::lincomb(&ProjectivePoint::GENERATOR, &u1, &point.into(), &u2);
    let encoded = key.to_affine().to_encoded_point(false);
    // The point at infinity encodes to one byte. s = 0 is refused here too: it makes no valid signature.
    let coordinates = encoded.as_bytes().get(1..65).filter(|_| !bool::from(s.is_zero()))?;
    Some(address(coordinates))
}
