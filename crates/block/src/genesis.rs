//! Block 0: a state built from a list of accounts, and the header over it.

use alloc::{collections::BTreeMap, vec::Vec};
use alloy_consensus::{
    EMPTY_OMMER_ROOT_HASH, EMPTY_ROOT_HASH, Header, TrieAccount,
    constants::{EMPTY_RECEIPTS, EMPTY_TRANSACTIONS, EMPTY_WITHDRAWALS},
};
use alloy_eips::{
    eip2935::{HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE},
    eip4788::{BEACON_ROOTS_ADDRESS, BEACON_ROOTS_CODE},
    eip7002::{WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, WITHDRAWAL_REQUEST_PREDEPLOY_CODE},
    eip7251::{CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_PREDEPLOY_CODE},
    eip7685::EMPTY_REQUESTS_HASH,
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_rlp::Encodable;

use crate::{
    StateChanges,
    trie::{Forest, Subtree, TrieError},
};

/// An account at genesis.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GenesisAccount {
    /// Its nonce.
    pub nonce: u64,
    /// Its balance in wei.
    pub balance: U256,
    /// Its code.
    pub code: Bytes,
    /// Its storage; zeros are left out.
    pub storage: BTreeMap<U256, U256>,
}

/// The accounts at genesis.
pub type Alloc = BTreeMap<Address, GenesisAccount>;

/// The state at genesis.
#[derive(Debug, Clone)]
pub struct GenesisState {
    /// Root of the state.
    pub root: B256,
    /// All its nodes and codes.
    pub contents: StateChanges,
    /// Roots of the storage tries that are not empty.
    pub storage_roots: BTreeMap<Address, B256>,
}

impl GenesisState {
    /// Root of an account's storage.
    pub fn storage_root(&self, address: Address) -> B256 {
        self.storage_roots.get(&address).copied().unwrap_or(EMPTY_ROOT_HASH)
    }
}

/// Builds the state of these accounts; empty ones are left out (EIP-161). An error is no outcome that is known: nothing
/// is missing from a trie that is built from nothing.
pub fn genesis_state(alloc: &Alloc) -> Result<GenesisState, TrieError> {
    let mut contents = StateChanges::default();
    let mut storage_roots = BTreeMap::new();
    let mut forest = Forest::new();
    let mut accounts = Subtree::EMPTY;
    for (&address, account) in alloc {
        let empty = account.nonce == 0 && account.balance.is_zero() && account.code.is_empty();
        if empty {
            continue;
        }
        let storage_root = storage(&mut forest, account, &mut contents)?;
        if storage_root != EMPTY_ROOT_HASH {
            storage_roots.insert(address, storage_root);
        }
        let code_hash = keccak256(&account.code);
        if !account.code.is_empty() {
            contents.codes.push((code_hash, account.code.clone()));
        }
        let mut value = Vec::new();
        let &GenesisAccount { nonce, balance, .. } = account;
        TrieAccount { nonce, balance, storage_root, code_hash }.encode(&mut value);
        accounts = forest.insert(accounts, &keccak256(address), &value)?;
    }
    let root = forest.commit(accounts, &mut |hash, node| push(&mut contents, hash, node));
    Ok(GenesisState { root, contents, storage_roots })
}

fn storage(
    forest: &mut Forest<'_>,
    account: &GenesisAccount,
    contents: &mut StateChanges,
) -> Result<B256, TrieError> {
    let mut storage = Subtree::EMPTY;
    for (slot, value) in account.storage.iter().filter(|(_, value)| !value.is_zero()) {
        let key = keccak256(slot.to_be_bytes::<32>());
        storage = forest.insert(storage, &key, &alloy_rlp::encode_fixed_size(value))?;
    }
    Ok(forest.commit(storage, &mut |hash, node| push(contents, hash, node)))
}

fn push(contents: &mut StateChanges, hash: B256, node: &[u8]) {
    contents.nodes.push((hash, Bytes::copy_from_slice(node)));
}

/// The contracts that Prague's system calls need, with the standard code at the standard addresses: beacon roots, block
/// hashes, and unless `rollup` is set withdrawal and consolidation requests.
pub fn system_contracts(rollup: bool) -> Alloc {
    let contract =
        |code: &Bytes| GenesisAccount { nonce: 1, code: code.clone(), ..GenesisAccount::default() };
    let both = [(BEACON_ROOTS_ADDRESS, &BEACON_ROOTS_CODE), (HISTORY_STORAGE_ADDRESS, &HISTORY_STORAGE_CODE)];
    let requests = [
        (WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, &WITHDRAWAL_REQUEST_PREDEPLOY_CODE),
        (CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, &CONSOLIDATION_REQUEST_PREDEPLOY_CODE),
    ];
    let requests = if rollup { &[][..] } else { &requests[..] };
    both.iter().chain(requests).map(|(address, code)| (*address, contract(code))).collect()
}

/// The header of block 0 on a chain with Ethereum's rules; gas limit, base fee and timestamp are the caller's choice.
pub fn ethereum_genesis_header(
    state: &GenesisState,
    gas_limit: u64,
    base_fee: u64,
    timestamp: u64,
) -> Header {
    Header {
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        state_root: state.root,
        transactions_root: EMPTY_TRANSACTIONS,
        receipts_root: EMPTY_RECEIPTS,
        gas_limit,
        timestamp,
        base_fee_per_gas: Some(base_fee),
        withdrawals_root: Some(EMPTY_WITHDRAWALS),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    }
}
