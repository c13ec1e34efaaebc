//! Block 0: the accounts that a chain begins with, and its header.

use std::collections::BTreeMap;

use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, EMPTY_ROOT_HASH, Header, TrieAccount, constants::KECCAK_EMPTY};
use alloy_eips::{eip2935, eip4788, eip7002, eip7251, eip7685::EMPTY_REQUESTS_HASH};
use alloy_primitives::{Address, B256, Bytes, U256, address, keccak256};
use vellum_block::{
    Changes,
    trie::{Forest, Subtree, TrieError},
};

/// An account at the beginning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GenesisAccount {
    /// Its nonce.
    pub nonce: u64,
    /// Its balance in wei.
    pub balance: U256,
    /// Its code; empty for none.
    pub code: Bytes,
    /// Its storage; zeros are left out.
    pub storage: BTreeMap<U256, U256>,
}

/// The accounts and the header that a chain begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// The accounts.
    pub accounts: BTreeMap<Address, GenesisAccount>,
    /// The header; the state root is filled in.
    pub header: Header,
}

impl Genesis {
    /// An Ethereum chain of the Prague fork with its system contracts, the CREATE2 deployer that tools expect, and
    /// `balance` wei for each of `funded`.
    pub fn ethereum(timestamp: u64, gas_limit: u64, funded: &[Address], balance: U256) -> Self {
        let contract =
            |code: &Bytes| GenesisAccount { nonce: 1, code: code.clone(), ..GenesisAccount::default() };
        let mut withdrawals = contract(&eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_CODE);
        let mut consolidations = contract(&eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_CODE);
        // EIP-7002 and EIP-7251: the excess is "inhibited" until the first block's system call.
        for contract in [&mut withdrawals, &mut consolidations] {
            contract.storage.insert(U256::ZERO, U256::MAX);
        }
        let mut accounts = BTreeMap::from([
            (eip4788::BEACON_ROOTS_ADDRESS, contract(&eip4788::BEACON_ROOTS_CODE)),
            (eip2935::HISTORY_STORAGE_ADDRESS, contract(&eip2935::HISTORY_STORAGE_CODE)),
            (eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, withdrawals),
            (eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, consolidations),
            (CREATE2_DEPLOYER, contract(&CREATE2_DEPLOYER_CODE)),
        ]);
        for &address in funded {
            accounts.insert(address, GenesisAccount { balance, ..GenesisAccount::default() });
        }
        let header = Header {
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            gas_limit,
            timestamp,
            base_fee_per_gas: Some(alloy_eips::eip1559::INITIAL_BASE_FEE),
            withdrawals_root: Some(EMPTY_ROOT_HASH),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(B256::ZERO),
            requests_hash: Some(EMPTY_REQUESTS_HASH),
            ..Header::default()
        };
        Self { accounts, header }
    }

    /// Trie nodes, codes and root of the state.
    pub fn state(&self) -> Result<Changes, TrieError> {
        let mut changes = Changes::default();
        let mut forest = Forest::new();
        let mut root = Subtree::EMPTY;
        for (address, account) in &self.accounts {
            let mut slots = Subtree::EMPTY;
            for (slot, value) in account.storage.iter().filter(|(_, value)| !value.is_zero()) {
                let key = keccak256(slot.to_be_bytes::<32>());
                slots = forest.insert(slots, &key, &alloy_rlp::encode(value))?;
            }
            let mut keep = |hash, node: &[u8]| changes.nodes.push((hash, node.to_vec()));
            let storage_root = forest.root_hash_observed(slots, &mut keep);
            let mut code_hash = KECCAK_EMPTY;
            if !account.code.is_empty() {
                code_hash = keccak256(&account.code);
                changes.codes.push((code_hash, account.code.clone()));
            }
            let (nonce, balance) = (account.nonce, account.balance);
            let value = alloy_rlp::encode(TrieAccount { nonce, balance, storage_root, code_hash });
            root = forest.insert(root, &keccak256(address), &value)?;
        }
        let mut keep = |hash, node: &[u8]| changes.nodes.push((hash, node.to_vec()));
        changes.state_root = forest.root_hash_observed(root, &mut keep);
        Ok(changes)
    }
}

/// The deterministic deployment proxy by which most tools deploy with CREATE2.
const CREATE2_DEPLOYER: Address = address!("0x4e59b44847b379578588920cA78FbF26c0B4956C");
static CREATE2_DEPLOYER_CODE: Bytes = alloy_primitives::bytes!(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
);
