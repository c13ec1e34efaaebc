//! Transactions that users sign: their decoding and their senders.

use alloc::string::ToString;
use alloy_consensus::{crypto::secp256k1::recover_signer, transaction::Recovered};
use alloy_eips::{Decodable2718, eip2718::WithEncoded};
use alloy_primitives::Bytes;
use op_alloy_consensus::OpTxEnvelope;

use crate::{InvalidReason, sender};

/// A transaction with its encoding (EIP-2718) and the sender that its signature gives.
pub type SignedTransaction = WithEncoded<Recovered<OpTxEnvelope>>;

/// Decodes a transaction that a user sends and recovers its sender. Blob transactions, deposits and other transactions
/// without a signature are refused.
pub fn decode_transaction(encoded: Bytes) -> Result<SignedTransaction, InvalidReason> {
    let transaction =
        OpTxEnvelope::decode_2718_exact(&encoded).map_err(|error| InvalidReason::Other(error.to_string()))?;
    recover(transaction, encoded)
}

/// Adds the sender to a decoded transaction.
pub(crate) fn recover(transaction: OpTxEnvelope, encoded: Bytes) -> Result<SignedTransaction, InvalidReason> {
    let signed = match &transaction {
        OpTxEnvelope::Legacy(signed) => Some((*signed.signature(), signed.signature_hash())),
        OpTxEnvelope::Eip2930(signed) => typed(*signed.signature(), &encoded),
        OpTxEnvelope::Eip1559(signed) => typed(*signed.signature(), &encoded),
        OpTxEnvelope::Eip7702(signed) => typed(*signed.signature(), &encoded),
        OpTxEnvelope::Deposit(_) | OpTxEnvelope::PostExec(_) => {
            return Err(InvalidReason::Other("transaction type that users cannot send".to_string()));
        }
    };
    let sender = signed.and_then(|(signature, hash)| recover_signer(&signature, hash).ok());
    let sender = sender.ok_or_else(|| InvalidReason::Other("invalid signature".to_string()))?;
    Ok(WithEncoded::new(encoded, Recovered::new_unchecked(transaction, sender)))
}

fn typed(
    signature: alloy_primitives::Signature,
    encoded: &[u8],
) -> Option<(alloy_primitives::Signature, alloy_primitives::B256)> {
    Some((signature, sender::signed_hash(&signature, encoded)?))
}
