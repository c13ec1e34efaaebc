//! Which hardforks hold: all up to Isthmus from the first block on.

use alloy_hardforks::{EthereumHardfork, EthereumHardforks, ForkCondition};
use alloy_op_hardforks::{OpHardfork, OpHardforks};

/// The rules of every block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Isthmus;

impl EthereumHardforks for Isthmus {
    fn ethereum_fork_activation(&self, fork: EthereumHardfork) -> ForkCondition {
        if fork == EthereumHardfork::Dao || fork > EthereumHardfork::Prague {
            ForkCondition::Never
        } else if fork > EthereumHardfork::Paris {
            ForkCondition::ZERO_TIMESTAMP
        } else {
            ForkCondition::ZERO_BLOCK
        }
    }
}

impl OpHardforks for Isthmus {
    fn op_fork_activation(&self, fork: OpHardfork) -> ForkCondition {
        if fork > OpHardfork::Isthmus {
            ForkCondition::Never
        } else if fork == OpHardfork::Bedrock {
            ForkCondition::ZERO_BLOCK
        } else {
            ForkCondition::ZERO_TIMESTAMP
        }
    }
}
