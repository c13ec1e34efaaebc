//! Finding blocks, transactions and proofs.

use std::sync::Arc;

use alloy_consensus::{Header, Sealable, TrieAccount, transaction::Recovered};
use alloy_eips::{
    BlockId as EthBlockId, BlockNumberOrTag, eip1559::calc_next_block_base_fee,
    eip7594::BlobTransactionSidecarVariant,
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_rlp::Decodable;

use super::{Chain, ChainError};
use crate::{
    block::{Block, BlockTransaction, Receipt, Transaction},
    store::{StoreError, Table},
};

/// Names a block: by number, tag or hash.
pub type BlockId = EthBlockId;

/// A proof of an account and some of its slots against a state root (EIP-1186).
#[derive(Debug, Clone)]
pub struct AccountProof {
    /// The account; none if there is none.
    pub account: Option<TrieAccount>,
    /// Nodes from the root to the account, or to where it would be.
    pub proof: Vec<Bytes>,
    /// The slots that were asked for.
    pub slots: Vec<SlotProof>,
}

/// A proof of a slot against an account's storage root.
#[derive(Debug, Clone)]
pub struct SlotProof {
    /// The slot's number.
    pub slot: U256,
    /// Its value.
    pub value: U256,
    /// Nodes from the storage root to the slot, or to where it would be.
    pub proof: Vec<Bytes>,
}

impl Chain {
    /// The block that `id` names, if it is on the chain. *Pending* is taken as the newest block.
    pub fn block_at(&self, id: BlockId) -> Result<Option<Arc<Block>>, ChainError> {
        match id {
            BlockId::Hash(hash) => {
                let block = self.block_by_hash(hash.block_hash)?;
                let Some(block) = block else { return Ok(None) };
                let on_chain = self.hash_by_number(block.number())? == Some(block.hash());
                Ok(on_chain.then_some(block))
            }
            BlockId::Number(BlockNumberOrTag::Latest | BlockNumberOrTag::Pending) => Ok(Some(self.head())),
            BlockId::Number(number) => self.block_by_number(self.number_of(number)),
        }
    }

    /// The number that a tag stands for.
    pub fn number_of(&self, number: BlockNumberOrTag) -> u64 {
        match number {
            BlockNumberOrTag::Latest | BlockNumberOrTag::Pending => self.head_number(),
            BlockNumberOrTag::Safe => self.safe(),
            BlockNumberOrTag::Finalized => self.finalized(),
            BlockNumberOrTag::Earliest => 0,
            BlockNumberOrTag::Number(number) => number,
        }
    }

    /// Base fee of the block after this one.
    pub fn next_base_fee(&self, block: &Block) -> u64 {
        let header = &block.header;
        let (used, limit, fee) = (header.gas_used, header.gas_limit, header.base_fee_per_gas.unwrap_or(0));
        calc_next_block_base_fee(used, limit, fee, self.rules.base_fee_params())
    }

    /// Hash of the block with this number.
    pub fn hash_by_number(&self, number: u64) -> Result<Option<B256>, ChainError> {
        let Some(hash) = self.store.get(Table::Canonical, &number.to_be_bytes())? else { return Ok(None) };
        let damaged = |_| StoreError::damaged(Table::Canonical, number.to_be_bytes());
        Ok(Some(B256::try_from(&hash[..]).map_err(damaged)?))
    }

    /// The block with this number.
    pub fn block_by_number(&self, number: u64) -> Result<Option<Arc<Block>>, ChainError> {
        let Some(hash) = self.hash_by_number(number)? else { return Ok(None) };
        let block = self.block_by_hash(hash)?;
        Ok(Some(block.ok_or_else(|| StoreError::damaged(Table::Headers, hash))?))
    }

    /// The header of the block with this number.
    pub fn header_by_number(
        &self,
        number: u64,
    ) -> Result<Option<alloy_consensus::Sealed<Header>>, ChainError> {
        let Some(hash) = self.hash_by_number(number)? else { return Ok(None) };
        if let Some(block) = self.blocks.lock().get(&hash) {
            return Ok(Some(block.header.clone()));
        }
        let header: Option<Header> = self.stored(Table::Headers, hash)?;
        let header = header.ok_or_else(|| StoreError::damaged(Table::Headers, hash))?;
        Ok(Some(header.seal_unchecked(hash)))
    }

    /// The block with this hash, whether it is on the chain or was before the head was set back.
    pub fn block_by_hash(&self, hash: B256) -> Result<Option<Arc<Block>>, ChainError> {
        if let Some(block) = self.blocks.lock().get(&hash) {
            return Ok(Some(block.clone()));
        }
        let Some(header) = self.stored::<Header>(Table::Headers, hash)? else { return Ok(None) };
        let transactions: Option<Vec<BlockTransaction>> = self.stored(Table::Bodies, hash)?;
        let receipts: Option<Vec<Receipt>> = self.stored(Table::Receipts, hash)?;
        let block = Arc::new(Block {
            header: header.seal_unchecked(hash),
            transactions: transactions.ok_or_else(|| StoreError::damaged(Table::Bodies, hash))?,
            receipts: receipts.ok_or_else(|| StoreError::damaged(Table::Receipts, hash))?,
        });
        self.blocks.lock().put(hash, block.clone());
        Ok(Some(block))
    }

    /// The block of a transaction, and its place there.
    pub fn transaction_place(&self, hash: B256) -> Result<Option<(Arc<Block>, usize)>, ChainError> {
        let Some(place) = self.store.get(Table::Transactions, hash.as_slice())? else { return Ok(None) };
        let damaged = || StoreError::damaged(Table::Transactions, hash);
        let place: [u8; 12] = place.try_into().map_err(|_| damaged())?;
        let [n0, n1, n2, n3, n4, n5, n6, n7, index @ ..] = place;
        let number = u64::from_be_bytes([n0, n1, n2, n3, n4, n5, n6, n7]);
        let index = u32::from_be_bytes(index) as usize;
        let block = self.block_by_number(number)?.ok_or_else(damaged)?;
        if index >= block.transactions.len() {
            return Err(damaged().into());
        }
        Ok(Some((block, index)))
    }

    /// The decoded transaction at this place of a block.
    pub fn transaction(&self, block: &Block, index: usize) -> Result<Recovered<Transaction>, ChainError> {
        let damaged = ChainError::DamagedTransaction { number: block.number(), index };
        block.transactions.get(index).and_then(|transaction| transaction.decode().ok()).ok_or(damaged)
    }

    /// The blobs of a block's transactions: hash of the transaction, sidecar.
    pub fn sidecars(&self, hash: B256) -> Result<Vec<(B256, BlobTransactionSidecarVariant)>, ChainError> {
        let stored: Option<Vec<StoredSidecar>> = self.stored(Table::Blobs, hash)?;
        let damaged = |_| StoreError::damaged(Table::Blobs, hash);
        let decode = |stored: StoredSidecar| {
            let sidecar = decode_sidecar(&mut &stored.sidecar[..]);
            Ok((stored.transaction, sidecar.map_err(damaged)?))
        };
        stored.unwrap_or_default().into_iter().map(decode).collect()
    }

    /// The account with this address after the block with this header, and some of its slots, with their proofs.
    pub fn account_proof(
        &self,
        header: &Header,
        address: Address,
        slots: &[U256],
    ) -> Result<AccountProof, ChainError> {
        let (account, proof) = self.proven::<TrieAccount>(header.state_root, keccak256(address))?;
        let storage_root = account.map_or(alloy_consensus::EMPTY_ROOT_HASH, |account| account.storage_root);
        let slots = slots.iter().map(|&slot| {
            let (value, proof) = self.proven(storage_root, keccak256(slot.to_be_bytes::<32>()))?;
            Ok(SlotProof { slot, value: value.unwrap_or_default(), proof })
        });
        Ok(AccountProof { account, proof, slots: slots.collect::<Result<_, ChainError>>()? })
    }

    fn proven<T: Decodable>(&self, root: B256, key: B256) -> Result<(Option<T>, Vec<Bytes>), ChainError> {
        let mut proof = vec![];
        let value = self.reader.value(root, key, &mut |_, node| proof.push(node.clone()))?;
        let malformed = |error| crate::state::StateError::MalformedNode { hash: root, error };
        let value = value.map(|value| T::decode(&mut &value[..]).map_err(malformed)).transpose()?;
        Ok((value, proof))
    }

    fn stored<T: Decodable>(&self, table: Table, hash: B256) -> Result<Option<T>, ChainError> {
        let Some(bytes) = self.store.get(table, hash.as_slice())? else { return Ok(None) };
        let value = T::decode(&mut &bytes[..]).map_err(|_| StoreError::damaged(table, hash))?;
        Ok(Some(value))
    }
}

/// A transaction's blobs as they are stored.
#[derive(Debug, alloy_rlp::RlpEncodable, alloy_rlp::RlpDecodable)]
pub(super) struct StoredSidecar {
    pub(super) transaction: B256,
    /// The sidecar's fields, one after the other.
    pub(super) sidecar: Bytes,
}

fn decode_sidecar(bytes: &mut &[u8]) -> alloy_rlp::Result<BlobTransactionSidecarVariant> {
    use alloy_eips::eip7594::Decodable7594;
    BlobTransactionSidecarVariant::decode_7594(bytes)
}
