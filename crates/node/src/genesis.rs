//! Block 0: the accounts that a chain begins with, and its header.

use alloy_consensus::Header;
use alloy_primitives::{Address, Bytes, U256, address, bytes};
use vellum_block::{
    genesis::{
        Alloc, GenesisAccount, GenesisState, ethereum_genesis_header, genesis_state, system_contracts,
    },
    trie::TrieError,
};

use crate::contracts::{Artifact, ArtifactError};

/// Why a genesis cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// A contract that it holds.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// Its state has no root.
    #[error("the genesis state: {0}")]
    Trie(#[from] TrieError),
}

/// The state and the header that a chain begins with.
#[derive(Debug, Clone)]
pub struct Genesis {
    /// The state.
    pub state: GenesisState,
    /// The header.
    pub header: Header,
}

impl Genesis {
    /// An Ethereum chain of the Prague fork with its system contracts, the contracts that tools expect
    /// ([`tools`]), and these accounts.
    pub fn ethereum(timestamp: u64, gas_limit: u64, accounts: &Alloc) -> Result<Self, GenesisError> {
        let mut alloc = system_contracts(false);
        alloc.extend(tools()?);
        alloc.extend(accounts.iter().map(|(address, account)| (*address, account.clone())));
        let state = genesis_state(&alloc)?;
        let base_fee = alloy_eips::eip1559::INITIAL_BASE_FEE;
        let header = ethereum_genesis_header(&state, gas_limit, base_fee, timestamp);
        Ok(Self { state, header })
    }
}

/// Contracts that clients expect on every chain: the CREATE2 deployer and Multicall3.
pub fn tools() -> Result<Alloc, ArtifactError> {
    let contract = |code| GenesisAccount { nonce: 1, code, ..GenesisAccount::default() };
    Ok(Alloc::from([
        (CREATE2_DEPLOYER, contract(CREATE2_DEPLOYER_CODE)),
        (MULTICALL3, contract(Artifact::MULTICALL3.runtime()?)),
    ]))
}

/// Accounts with this balance and nothing else.
pub fn funded(addresses: impl IntoIterator<Item = Address>, balance: U256) -> Alloc {
    let account = GenesisAccount { balance, ..GenesisAccount::default() };
    addresses.into_iter().map(|address| (address, account.clone())).collect()
}

/// The deterministic deployment proxy by which most tools deploy with CREATE2.
pub const CREATE2_DEPLOYER: Address = address!("0x4e59b44847b379578588920cA78FbF26c0B4956C");

/// Where clients look for Multicall3.
pub const MULTICALL3: Address = address!("0xcA11bde05977b3631167028862bE2a173976CA11");

/// The CREATE2 deployer's code.
pub const CREATE2_DEPLOYER_CODE: Bytes = bytes!(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
);
