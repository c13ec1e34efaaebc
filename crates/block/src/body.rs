//! Taking a block's RLP apart: header, transactions with their senders, withdrawals.

use alloc::vec::Vec;
use alloy_consensus::{
    EthereumTxEnvelope, Header, TxEip4844,
    proofs::{calculate_withdrawals_root, ordered_trie_root_with_encoder},
    transaction::Recovered,
};
use alloy_eips::{eip2718::Decodable2718, eip4895::Withdrawal};
use alloy_primitives::{B256, keccak256};
use alloy_rlp::{Decodable, Header as RlpHeader};

use crate::{BlockError, sender};

/// A transaction as it stands in a block: blob transactions without their blobs.
pub type Transaction = EthereumTxEnvelope<TxEip4844>;

/// A decoded block.
pub(crate) struct Block<'a> {
    pub(crate) header: Header,
    pub(crate) hash: B256,
    /// Encodings of the transactions (EIP-2718), as the transactions trie holds them.
    pub(crate) transactions: Vec<&'a [u8]>,
    pub(crate) withdrawals: Vec<Withdrawal>,
}

impl<'a> Block<'a> {
    /// Reads a block's RLP; every byte must belong to it.
    pub(crate) fn decode(mut rlp: &'a [u8]) -> Result<Self, BlockError> {
        let part = |part| move |error| BlockError::MalformedBlock { part, error };
        let mut items = list(&mut rlp).map_err(part("block"))?;
        if !rlp.is_empty() {
            return Err(BlockError::BlockTrailingBytes { count: rlp.len() });
        }
        let before = items;
        let header = Header::decode(&mut items).map_err(part("header"))?;
        let hash = keccak256(&before[..before.len() - items.len()]);

        let mut list_of_transactions = list(&mut items).map_err(part("transactions"))?;
        let mut transactions = Vec::new();
        while !list_of_transactions.is_empty() {
            transactions.push(encoding(&mut list_of_transactions).map_err(part("transaction"))?);
        }
        let ommers = list(&mut items).map_err(part("ommers"))?;
        if !ommers.is_empty() {
            return Err(BlockError::Ommers);
        }
        let withdrawals = Vec::<Withdrawal>::decode(&mut items).map_err(part("withdrawals"))?;
        if !items.is_empty() {
            return Err(BlockError::BlockTrailingBytes { count: items.len() });
        }
        Ok(Self { header, hash, transactions, withdrawals })
    }

    /// Root of the trie of the transactions.
    pub(crate) fn transactions_root(&self) -> B256 {
        ordered_trie_root_with_encoder(&self.transactions, |tx, out| out.extend_from_slice(tx))
    }

    /// Root of the trie of the withdrawals.
    pub(crate) fn withdrawals_root(&self) -> B256 {
        calculate_withdrawals_root(&self.withdrawals)
    }

    /// The decoded transaction `index` with the sender that its signature gives.
    pub(crate) fn transaction(&self, index: usize) -> Result<Recovered<Transaction>, BlockError> {
        let encoded = self.transactions[index];
        let transaction = Transaction::decode_2718_exact(encoded)
            .map_err(|error| BlockError::MalformedTransaction { index, error })?;
        let sender = sender::recover(&transaction, encoded).ok_or(BlockError::Signature { index })?;
        Ok(Recovered::new_unchecked(transaction, sender))
    }
}

/// Payload of the list at the front of `rlp`.
fn list<'a>(rlp: &mut &'a [u8]) -> alloy_rlp::Result<&'a [u8]> {
    RlpHeader::decode_bytes(rlp, true)
}

/// The EIP-2718 encoding of the transaction at the front of a block's transaction list: a legacy
/// transaction is an RLP list of its own, any other one is wrapped in a string.
fn encoding<'a>(rlp: &mut &'a [u8]) -> alloy_rlp::Result<&'a [u8]> {
    let before = *rlp;
    let header = RlpHeader::decode(rlp)?;
    let (payload, rest) =
        rlp.split_at_checked(header.payload_length).ok_or(alloy_rlp::Error::InputTooShort)?;
    *rlp = rest;
    if header.list {
        return Ok(&before[..before.len() - rest.len()]);
    }
    // A string may not hide a legacy transaction: its first byte is a type below 0x80.
    match payload.first() {
        Some(0..0x80) => Ok(payload),
        _ => Err(alloy_rlp::Error::Custom("transaction without a type")),
    }
}
