//! The sender of a transaction from its signature.
//!
//! Recovering goes through alloy's `CryptoProvider`: whoever installs one decides how, otherwise it is k256.

use alloc::vec::Vec;
use alloy_consensus::crypto::secp256k1::recover_signer;
use alloy_primitives::{Address, B256, Signature, keccak256};
use alloy_rlp::{Encodable, Header};

use crate::body::Transaction;

/// The address whose key signed `transaction`, which `encoded` is the encoding of (EIP-2718); none if there is none
/// or s is above n/2 (EIP-2).
pub(crate) fn recover(transaction: &Transaction, encoded: &[u8]) -> Option<Address> {
    let typed = !transaction.is_legacy();
    let hash = typed.then(|| signed_hash(transaction.signature(), encoded)).flatten();
    let hash = hash.unwrap_or_else(|| transaction.signature_hash());
    recover_signer(transaction.signature(), hash).ok()
}

/// The hash that a typed transaction's signature signs, from its encoding: the signature stands at the end of the
/// list, so nothing has to be encoded again. Not for a legacy transaction, where that is not so.
pub(crate) fn signed_hash(signature: &Signature, encoded: &[u8]) -> Option<B256> {
    let (&kind, mut rest) = encoded.split_first()?;
    let fields = Header::decode_bytes(&mut rest, true).ok()?;
    // Decoding accepts numbers in their only encoding, so their lengths follow from their values.
    let signature_bytes = 1 + signature.r().length() + signature.s().length();
    let fields = fields.get(..fields.len().checked_sub(signature_bytes)?)?;
    let mut signed = Vec::with_capacity(fields.len() + 8);
    signed.push(kind);
    Header { list: true, payload_length: fields.len() }.encode(&mut signed);
    signed.extend_from_slice(fields);
    Some(keccak256(&signed))
}

#[cfg(test)]
mod tests {
    use alloy_eips::{Decodable2718, Encodable2718};

    use super::*;
    use crate::{BlockInput, body::Block};

    /// Every byte of every captured transaction is changed: what still decodes has one encoding and one hash.
    #[test]
    fn the_signed_hash_is_that_of_the_encoded_fields() {
        let files: [&[u8]; 2] =
            [include_bytes!("../testdata/demo.block"), include_bytes!("../testdata/types.block")];
        let (mut typed, mut decoded) = (0, 0);
        for file in files {
            for encoded in Block::decode(BlockInput::parse(file).unwrap().block).unwrap().transactions {
                for (place, change) in (0..encoded.len()).flat_map(|at| [1, 0x80, 0xff].map(|by| (at, by))) {
                    let mut changed = encoded.to_vec();
                    changed[place] ^= change;
                    for bytes in [encoded, &changed] {
                        let Ok(transaction) = Transaction::decode_2718_exact(bytes) else { continue };
                        decoded += 1;
                        assert_eq!(transaction.encoded_2718(), bytes);
                        if !transaction.is_legacy() {
                            typed += 1;
                            let hash = signed_hash(transaction.signature(), bytes);
                            assert_eq!(hash, Some(transaction.signature_hash()));
                        }
                    }
                }
            }
        }
        assert!(typed > 1000 && decoded > typed);
    }
}
