//! The chain's constants, which its proofs commit to.

use alloy_eips::eip1559::BaseFeeParams;
use alloy_primitives::{Address, B256, Bytes};

use super::abi::Words;

/// Gas limit of the L1 attributes transaction, the first of every block.
pub const ATTRIBUTES_GAS: u64 = 1_000_000;
/// Lowest gas limit of blocks: the attributes transaction and one ordinary deposit fit.
const MIN_GAS_LIMIT: u64 = 5_000_000;
/// Above any gas limit that can be executed; keeps sums of gas limits in bounds.
const MAX_GAS_LIMIT: u64 = 1 << 40;
/// Longest allowed drift, in seconds: a chain whose clock ran to the end could not go on.
const MAX_TIME_DRIFT: u64 = 1 << 32;

/// The chain's constants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupConfig {
    /// Chain id of this chain.
    pub l2_chain_id: u64,
    /// Chain id of L1.
    pub l1_chain_id: u64,
    /// Address of the portal on L1, whose deposits are executed here.
    pub portal: Address,
    /// Hash of block 0.
    pub genesis_hash: B256,
    /// Gas limit of every block.
    pub gas_limit: u64,
    /// By what fraction the base fee changes at most (EIP-1559).
    pub base_fee_denominator: u32,
    /// Gas limit divided by gas target (EIP-1559).
    pub base_fee_elasticity: u32,
    /// Seconds by which a block may be younger than the L1 anchor of its batch.
    pub max_time_drift: u64,
    /// Share of L1's base fee in the data fee, in millionths (Ecotone).
    pub base_fee_scalar: u32,
    /// Share of L1's blob base fee in the data fee, in millionths (Ecotone).
    pub blob_base_fee_scalar: u32,
    /// Address that sends batches, which the L1 attributes name.
    pub batcher: Address,
    /// Most deposits in a block.
    pub max_deposits_per_block: u64,
}

/// Why a configuration cannot be executed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The gas limit is too low for the L1 attributes and a deposit, or higher than anybody can execute.
    #[error("gas limit {0} is not from {MIN_GAS_LIMIT} to {MAX_GAS_LIMIT}")]
    GasLimit(u64),
    /// Base fee parameters that divide by zero or have no gas target.
    #[error("base fee denominator {denominator} and elasticity {elasticity} give no base fee")]
    BaseFee {
        /// The denominator.
        denominator: u32,
        /// The elasticity.
        elasticity: u32,
    },
    /// Blocks could be made too far ahead of L1.
    #[error("time drift of {0} s is above {MAX_TIME_DRIFT} s")]
    TimeDrift(u64),
    /// No block could take a deposit.
    #[error("at least one deposit per block must be allowed")]
    NoDeposits,
}

impl RollupConfig {
    /// Whether blocks can be executed under this configuration.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !(MIN_GAS_LIMIT..=MAX_GAS_LIMIT).contains(&self.gas_limit) {
            return Err(ConfigError::GasLimit(self.gas_limit));
        }
        let (denominator, elasticity) = (self.base_fee_denominator, self.base_fee_elasticity);
        if denominator == 0 || elasticity == 0 || u64::from(elasticity) > self.gas_limit {
            return Err(ConfigError::BaseFee { denominator, elasticity });
        }
        if self.max_time_drift > MAX_TIME_DRIFT {
            return Err(ConfigError::TimeDrift(self.max_time_drift));
        }
        if self.max_deposits_per_block == 0 {
            return Err(ConfigError::NoDeposits);
        }
        Ok(())
    }

    /// keccak256 of the fields' ABI encoding: what proofs and contracts call the configuration.
    pub fn hash(&self) -> B256 {
        Words::default()
            .number(self.l2_chain_id)
            .number(self.l1_chain_id)
            .address(self.portal)
            .word(self.genesis_hash)
            .number(self.gas_limit)
            .number(self.base_fee_denominator)
            .number(self.base_fee_elasticity)
            .number(self.max_time_drift)
            .number(self.base_fee_scalar)
            .number(self.blob_base_fee_scalar)
            .address(self.batcher)
            .number(self.max_deposits_per_block)
            .hash()
    }

    /// Extra data of every header: the base fee parameters (Holocene).
    pub fn extra_data(&self) -> Bytes {
        let mut data = [0; 9];
        data[1..5].copy_from_slice(&self.base_fee_denominator.to_be_bytes());
        data[5..].copy_from_slice(&self.base_fee_elasticity.to_be_bytes());
        Bytes::copy_from_slice(&data)
    }

    pub(crate) const fn base_fee_params(&self) -> BaseFeeParams {
        BaseFeeParams::new(self.base_fee_denominator as u128, self.base_fee_elasticity as u128)
    }

    /// Gas that the user deposits of a block may have together; one that has more gets no more than this.
    pub const fn deposit_gas(&self) -> u64 {
        self.gas_limit.saturating_sub(ATTRIBUTES_GAS)
    }
}
