//! Cryptography of this machine for the EVM and for transactions, by the hooks that alloy and revm have for it.
//!
//! A guest that executes blocks calls [`install`] before anything else.
#![no_std]

extern crate alloc;

use alloc::sync::Arc;
use alloy_consensus::crypto::{
    RecoveryError,
    backend::{CryptoProvider, install_default_provider},
};
use alloy_primitives::{Address, keccak256};
use revm::precompile::{Crypto, PrecompileHalt, install_crypto};

/// Makes alloy and revm use this module.
pub fn install() {
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
    fn sha256(&self, input: &[u8]) -> [u8; 32] {
        vellum_guest_rt::sha256(input)
    }

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
fn recover(signature: &[u8; 64], y_is_odd: bool, hash: &[u8; 32]) -> Option<Address> {
    let (r, s) = (signature.first_chunk()?, signature.last_chunk()?);
    vellum_guest_rt::recover(hash, r, s, y_is_odd).map(|key| address(&key))
}
