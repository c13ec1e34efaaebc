//! What makes this L2: its constants and its genesis, from which everybody computes the same block 0.
//!
//! The specification is written when the contracts are deployed (they name each other) and is a public file: a follower needs it
//! and L1, nothing else.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256, address};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use vellum_block::genesis::{Alloc, GenesisAccount, genesis_state, system_contracts};
use vellum_block::l2::{
    ConfigError, L1_BLOCK, L1Origin, MESSAGE_PASSER, RollupConfig, SEQUENCER_FEE_VAULT, genesis_header,
    l1_block_storage, output_root,
};
use vellum_block::trie::TrieError;

use crate::contracts::{Artifact, ArtifactError};
use crate::deploy::L2Genesis;
use crate::genesis::{self, Genesis};
use crate::l1::L1Header;

/// Base fee of block 0, in wei.
const GENESIS_BASE_FEE: u64 = 1_000_000_000;
/// Slot of the L2 bridge that holds the L1 bridge.
const BRIDGE_SLOT: u64 = 4;
/// Slots of a fee vault.
const VAULT_MINIMUM_SLOT: u64 = 1;
const VAULT_RECIPIENT_SLOT: u64 = 2;
/// Wei that a fee vault pays out at least.
const VAULT_MINIMUM: u128 = 1_000_000_000_000_000_000;

/// Predeploys beside those with storage of their own.
const WETH: Address = address!("0x4200000000000000000000000000000000000006");
const GAS_PRICE_ORACLE: Address = address!("0x420000000000000000000000000000000000000F");
const BRIDGE: Address = address!("0x4200000000000000000000000000000000000010");
const TOKEN_FACTORY: Address = address!("0x4200000000000000000000000000000000000012");
const BASE_FEE_VAULT: Address = address!("0x4200000000000000000000000000000000000019");
const L1_FEE_VAULT: Address = address!("0x420000000000000000000000000000000000001A");
const OPERATOR_FEE_VAULT: Address = address!("0x420000000000000000000000000000000000001b");

/// An L2's constants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct L2Spec {
    /// Chain id.
    pub chain_id: u64,
    /// L1's chain id.
    pub l1_chain_id: u64,
    /// Portal on L1.
    pub portal: Address,
    /// Bridge on L1.
    pub l1_bridge: Address,
    /// Who sends batches; also gets the fees of the vaults, on L1.
    pub batcher: Address,
    /// Gas limit of every block.
    pub gas_limit: u64,
    /// Base fee parameters (EIP-1559).
    pub base_fee_denominator: u32,
    /// Base fee parameters (EIP-1559).
    pub base_fee_elasticity: u32,
    /// Seconds by which a block may be younger than its batch's anchor.
    pub max_time_drift: u64,
    /// Share of L1's base fee in the data fee, in millionths.
    pub base_fee_scalar: u32,
    /// Share of L1's blob base fee, in millionths.
    pub blob_base_fee_scalar: u32,
    /// Deposits in a block at most.
    pub max_deposits_per_block: u64,
    /// The L1 block that genesis knows.
    pub origin: Origin,
    /// Wei of accounts at genesis: development chains only.
    pub funded: BTreeMap<Address, U256>,
}

/// The part of an L1 block that L2's genesis holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Number.
    pub number: u64,
    /// Hash.
    pub hash: B256,
    /// Seconds.
    pub timestamp: u64,
    /// Wei.
    pub base_fee: u64,
    /// Wei.
    pub blob_base_fee: u128,
}

impl From<&L1Header> for Origin {
    fn from(header: &L1Header) -> Self {
        let origin = L1Origin::new(&header.header, header.hash);
        Self {
            number: origin.number,
            hash: origin.hash,
            timestamp: origin.timestamp,
            base_fee: origin.base_fee,
            blob_base_fee: origin.blob_base_fee,
        }
    }
}

/// Why a specification makes no chain.
#[derive(Debug, Error)]
pub enum SpecError {
    /// An artifact.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The constants.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The genesis state has no root.
    #[error("the genesis state: {0}")]
    Trie(#[from] TrieError),
}

/// A specification with what follows from it.
#[derive(Clone, Debug)]
pub struct L2Chain {
    /// Accounts and header of block 0.
    pub genesis: Genesis,
    /// What blocks are executed and proven under.
    pub config: RollupConfig,
    /// What L1 is told.
    pub output_root: B256,
}

impl L2Chain {
    /// For the contracts on L1.
    pub fn for_l1(&self, program_vk: B256) -> L2Genesis {
        L2Genesis { config_hash: self.config.hash(), output_root: self.output_root, program_vk }
    }
}

impl L2Spec {
    /// Block 0 and the configuration.
    ///
    /// # Errors
    /// Constants that no chain can have.
    pub fn chain(&self) -> Result<L2Chain, SpecError> {
        let config = self.config(B256::ZERO);
        config.check()?;
        let state = genesis_state(&self.accounts(&config)?)?;
        let header = genesis_header(&config, &state, GENESIS_BASE_FEE, self.origin.timestamp);
        let hash = header.hash_slow();
        let output_root = output_root(&header, hash);
        Ok(L2Chain { config: self.config(hash), genesis: Genesis { state, header }, output_root })
    }

    fn config(&self, genesis_hash: B256) -> RollupConfig {
        RollupConfig {
            l2_chain_id: self.chain_id,
            l1_chain_id: self.l1_chain_id,
            portal: self.portal,
            genesis_hash,
            gas_limit: self.gas_limit,
            base_fee_denominator: self.base_fee_denominator,
            base_fee_elasticity: self.base_fee_elasticity,
            max_time_drift: self.max_time_drift,
            base_fee_scalar: self.base_fee_scalar,
            blob_base_fee_scalar: self.blob_base_fee_scalar,
            batcher: self.batcher,
            max_deposits_per_block: self.max_deposits_per_block,
        }
    }

    fn accounts(&self, config: &RollupConfig) -> Result<Alloc, SpecError> {
        let contract = |artifact: Artifact| -> Result<GenesisAccount, SpecError> {
            Ok(GenesisAccount { nonce: 1, code: artifact.runtime()?, ..Default::default() })
        };
        let origin = L1Origin {
            number: self.origin.number,
            hash: self.origin.hash,
            timestamp: self.origin.timestamp,
            base_fee: self.origin.base_fee,
            blob_base_fee: self.origin.blob_base_fee,
            prev_randao: B256::ZERO,
            parent_beacon_block_root: B256::ZERO,
        };
        let mut l1_block = contract(Artifact::L1_BLOCK)?;
        l1_block.storage = l1_block_storage(config, &origin).into_iter().collect();
        let mut bridge = contract(Artifact::L2_BRIDGE)?;
        bridge.storage.insert(U256::from(BRIDGE_SLOT), self.l1_bridge.into_word().into());
        let mut vault = contract(Artifact::FEE_VAULT)?;
        vault.storage.insert(U256::from(VAULT_MINIMUM_SLOT), U256::from(VAULT_MINIMUM));
        // Recipient, and 0 for L1 in the byte above.
        vault.storage.insert(U256::from(VAULT_RECIPIENT_SLOT), self.batcher.into_word().into());
        let mut accounts = BTreeMap::from([
            (L1_BLOCK, l1_block),
            (MESSAGE_PASSER, contract(Artifact::MESSAGE_PASSER)?),
            (BRIDGE, bridge),
            (WETH, contract(Artifact::WETH)?),
            (GAS_PRICE_ORACLE, contract(Artifact::GAS_PRICE_ORACLE)?),
            (TOKEN_FACTORY, contract(Artifact::TOKEN_FACTORY)?),
        ]);
        accounts.extend(system_contracts(true));
        accounts.extend(genesis::tools()?);
        for address in [SEQUENCER_FEE_VAULT, BASE_FEE_VAULT, L1_FEE_VAULT, OPERATOR_FEE_VAULT] {
            accounts.insert(address, vault.clone());
        }
        for (address, balance) in &self.funded {
            accounts.entry(*address).or_default().balance = *balance;
        }
        Ok(accounts)
    }
}
