//! The parent's state as a node tells it, with the proofs of everything that was asked for.

use alloy_consensus::constants::KECCAK_EMPTY;
use alloy_primitives::{
    Address, B256, Bytes, U256, keccak256,
    map::{AddressMap, B256Map},
};
use alloy_rlp::Encodable;
use revm::{Database, bytecode::Bytecode, database_interface::ErasedError, state::AccountInfo};
use serde::Deserialize;
use serde_json::json;

use super::{FetchError, hex, malformed, parse, rpc::Rpc};
use crate::NodeSet;

/// A node's state of one block, read by [`revm`].
pub(super) struct Remote<'r> {
    rpc: &'r Rpc,
    parent_number: u64,
    /// All trie nodes of all proofs of the parent's state.
    pub(super) nodes: NodeSet,
    /// What was read: each account with its slots.
    pub(super) touched: AddressMap<Vec<U256>>,
    code_owners: B256Map<Address>,
    codes: B256Map<Bytes>,
    oldest_hash_read: Option<u64>,
    fault: Option<FetchError>,
}

impl core::fmt::Debug for Remote<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Remote({} accounts read)", self.touched.len())
    }
}

/// Result of `eth_getProof` (EIP-1186), as far as it is used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proof {
    account_proof: Vec<Bytes>,
    balance: U256,
    code_hash: B256,
    nonce: U256,
    storage_proof: Vec<SlotProof>,
}

#[derive(Deserialize)]
struct SlotProof {
    value: U256,
    proof: Vec<Bytes>,
}

impl<'r> Remote<'r> {
    pub(super) fn new(rpc: &'r Rpc, parent_number: u64) -> Self {
        Self {
            rpc,
            parent_number,
            nodes: NodeSet::default(),
            touched: AddressMap::default(),
            code_owners: B256Map::default(),
            codes: B256Map::default(),
            oldest_hash_read: None,
            fault: None,
        }
    }

    /// The first error; the block executor only keeps its text.
    pub(super) const fn take_fault(&mut self) -> Option<FetchError> {
        self.fault.take()
    }

    /// Number of the oldest block whose hash was read.
    pub(super) const fn oldest_hash_read(&self) -> Option<u64> {
        self.oldest_hash_read
    }

    /// The codes that were read, as RLP strings, in the order of their hashes.
    pub(super) fn codes(&self) -> Vec<u8> {
        let mut codes: Vec<_> = self.codes.iter().collect();
        codes.sort_by_key(|(hash, _)| **hash);
        let mut rlp = Vec::new();
        codes.iter().for_each(|(_, code)| code.encode(&mut rlp));
        rlp
    }

    /// Adds the proofs of an account and of slots in the parent's state.
    pub(super) fn prove(&mut self, address: Address, slots: &[U256]) -> Result<(), FetchError> {
        self.proof(address, slots, self.parent_number).map(|_| ())
    }

    /// The nodes of the proofs of an account and of slots in the block's own state.
    pub(super) fn nodes_after(&self, address: Address, slots: &[U256]) -> Result<Vec<Bytes>, FetchError> {
        let proof = self.get_proof(address, slots, self.parent_number + 1)?;
        let slots = proof.storage_proof.into_iter().flat_map(|slot| slot.proof);
        Ok(proof.account_proof.into_iter().chain(slots).collect())
    }

    fn proof(&mut self, address: Address, slots: &[U256], number: u64) -> Result<Proof, FetchError> {
        let proof = self.get_proof(address, slots, number)?;
        let slot_nodes = proof.storage_proof.iter().flat_map(|slot| &slot.proof);
        proof.account_proof.iter().chain(slot_nodes).for_each(|node| self.nodes.insert(node));
        Ok(proof)
    }

    fn get_proof(&self, address: Address, slots: &[U256], number: u64) -> Result<Proof, FetchError> {
        const METHOD: &str = "eth_getProof";
        let keys: Vec<B256> = slots.iter().map(|&slot| slot.into()).collect();
        let answer = self.rpc.call(METHOD, json!([address, keys, hex(number)]))?;
        let proof: Proof = parse(METHOD, &answer)?;
        if proof.storage_proof.len() != slots.len() {
            return Err(malformed(METHOD, "another number of slots than asked for"));
        }
        Ok(proof)
    }

    fn read_account(&mut self, address: Address) -> Result<Option<AccountInfo>, FetchError> {
        self.touched.entry(address).or_default();
        let proof = self.proof(address, &[], self.parent_number)?;
        let nonce = u64::try_from(proof.nonce).map_err(|_| malformed("eth_getProof", "nonce"))?;
        // Some nodes give an account that does not exist a zero code hash.
        let code_hash = if proof.code_hash.is_zero() { KECCAK_EMPTY } else { proof.code_hash };
        self.code_owners.insert(code_hash, address);
        let info = AccountInfo { balance: proof.balance, nonce, code_hash, account_id: None, code: None };
        Ok((!info.is_empty()).then_some(info))
    }

    fn read_code(&mut self, hash: B256) -> Result<Bytecode, FetchError> {
        const METHOD: &str = "eth_getCode";
        let owner = *self.code_owners.get(&hash).ok_or_else(|| malformed(METHOD, "code without owner"))?;
        let answer = self.rpc.call(METHOD, json!([owner, hex(self.parent_number)]))?;
        let code: Bytes = parse(METHOD, &answer)?;
        super::same_hash("code", hash, keccak256(&code))?;
        self.codes.insert(hash, code.clone());
        Ok(Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code)))
    }

    fn read_slot(&mut self, address: Address, slot: U256) -> Result<U256, FetchError> {
        self.touched.entry(address).or_default().push(slot);
        let proof = self.proof(address, &[slot], self.parent_number)?;
        Ok(proof.storage_proof.first().map(|slot| slot.value).unwrap_or_default())
    }

    fn read_block_hash(&mut self, number: u64) -> Result<B256, FetchError> {
        let oldest = self.oldest_hash_read.unwrap_or(number).min(number);
        self.oldest_hash_read = Some(oldest);
        Ok(super::header(self.rpc, number, false)?.0.hash_slow())
    }

    /// Keeps the first error and gives the executor its text.
    fn noting<T>(&mut self, result: Result<T, FetchError>) -> Result<T, ErasedError> {
        result.map_err(|error| {
            let text = ErasedError::new(std::io::Error::other(error.to_string()));
            self.fault.get_or_insert(error);
            text
        })
    }
}

impl Database for Remote<'_> {
    type Error = ErasedError;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, ErasedError> {
        let account = self.read_account(address);
        self.noting(account)
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, ErasedError> {
        let code = if code_hash == KECCAK_EMPTY { Ok(Bytecode::new()) } else { self.read_code(code_hash) };
        self.noting(code)
    }

    fn storage(&mut self, address: Address, index: U256) -> Result<U256, ErasedError> {
        let value = self.read_slot(address, index);
        self.noting(value)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, ErasedError> {
        let hash = self.read_block_hash(number);
        self.noting(hash)
    }
}
