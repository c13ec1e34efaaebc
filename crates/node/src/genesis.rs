//! Block 0: the accounts that a chain begins with, and its header.

use alloy_consensus::Header;
use alloy_primitives::{Address, Bytes, U256, address, bytes};
use vellum_block::{
    genesis::{
        Alloc, GenesisAccount, GenesisState, ethereum_genesis_header, genesis_state, system_contracts,
    },
    trie::TrieError,
};

/// The state and the header that a chain begins with.
#[derive(Debug, Clone)]
pub struct Genesis {
    /// The state.
    pub state: GenesisState,
    /// The header.
    pub header: Header,
}

impl Genesis {
    /// An Ethereum chain of the Prague fork with its system contracts, the CREATE2 deployer that tools expect, and
    /// these accounts.
    pub fn ethereum(timestamp: u64, gas_limit: u64, accounts: &Alloc) -> Result<Self, TrieError> {
        let mut alloc = system_contracts(false);
        let deployer = GenesisAccount { nonce: 1, code: CREATE2_DEPLOYER_CODE, ..GenesisAccount::default() };
        alloc.insert(CREATE2_DEPLOYER, deployer);
        alloc.extend(accounts.iter().map(|(address, account)| (*address, account.clone())));
        let state = genesis_state(&alloc)?;
        let base_fee = alloy_eips::eip1559::INITIAL_BASE_FEE;
        let header = ethereum_genesis_header(&state, gas_limit, base_fee, timestamp);
        Ok(Self { state, header })
    }
}

/// Accounts with this balance and nothing else.
pub fn funded(addresses: impl IntoIterator<Item = Address>, balance: U256) -> Alloc {
    let account = GenesisAccount { balance, ..GenesisAccount::default() };
    addresses.into_iter().map(|address| (address, account.clone())).collect()
}

/// The deterministic deployment proxy by which most tools deploy with CREATE2.
pub const CREATE2_DEPLOYER: Address = address!("0x4e59b44847b379578588920cA78FbF26c0B4956C");

/// Its code.
pub const CREATE2_DEPLOYER_CODE: Bytes = bytes!(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
);
