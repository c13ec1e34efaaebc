//! Which rules a block is executed under.

use alloy_eips::eip7840::BlobParams;
use alloy_evm::eth::spec::EthExecutorSpec;
use alloy_hardforks::{EthereumChainHardforks, EthereumHardfork, EthereumHardforks, ForkCondition};
use alloy_primitives::{Address, address};

#[cfg(doc)]
use crate::BlockError;

/// A hardfork whose blocks can be executed. The number is the one in files and public values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Fork {
    /// Prague, the execution layer of Pectra (EIP-7600).
    Prague = 1,
    /// Cancun, the execution layer of Dencun (EIP-7569).
    Cancun = 2,
    /// Osaka, the execution layer of Fusaka (EIP-7607), before the first change of the blob parameters alone (EIP-7892).
    Osaka = 3,
}

impl Fork {
    /// The fork with this number.
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Prague),
            2 => Some(Self::Cancun),
            3 => Some(Self::Osaka),
            _ => None,
        }
    }

    /// The fork with this name, as test vectors and [`Self::name`] write it.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Cancun, Self::Prague, Self::Osaka].into_iter().find(|fork| fork.name() == name)
    }

    /// The fork of a block with this timestamp; none if it cannot be executed. The rules of chains that
    /// are not public networks are taken to be Prague's. Public networks changed their blob parameters soon after
    /// Osaka, so no block of theirs is taken to be Osaka's.
    pub fn at(chain_id: u64, timestamp: u64) -> Option<Self> {
        let chain = match chain_id {
            1 => EthereumChainHardforks::mainnet(),
            11_155_111 => EthereumChainHardforks::sepolia(),
            17_000 => EthereumChainHardforks::holesky(),
            560_048 => EthereumChainHardforks::hoodi(),
            _ => return Some(Self::Prague),
        };
        if chain.is_osaka_active_at_timestamp(timestamp) {
            None
        } else if chain.is_prague_active_at_timestamp(timestamp) {
            Some(Self::Prague)
        } else {
            chain.is_cancun_active_at_timestamp(timestamp).then_some(Self::Cancun)
        }
    }

    /// The fork's number in files and public values.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The fork's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cancun => "Cancun",
            Self::Prague => "Prague",
            Self::Osaka => "Osaka",
        }
    }

    /// Target, maximum and price of blobs.
    pub const fn blob_params(self) -> BlobParams {
        match self {
            Self::Cancun => BlobParams::cancun(),
            Self::Prague => BlobParams::prague(),
            Self::Osaka => BlobParams::osaka(),
        }
    }

    /// Whether blocks end with requests to the consensus layer (EIP-7685).
    pub(crate) const fn has_requests(self) -> bool {
        !matches!(self, Self::Cancun)
    }

    /// Most bytes of a block's RLP (EIP-7934).
    pub(crate) const fn max_block_bytes(self) -> Option<usize> {
        match self {
            Self::Osaka => Some(8 << 20),
            _ => None,
        }
    }

    const fn last_hardfork(self) -> EthereumHardfork {
        match self {
            Self::Cancun => EthereumHardfork::Cancun,
            Self::Prague => EthereumHardfork::Prague,
            Self::Osaka => EthereumHardfork::Osaka,
        }
    }
}

/// A chain on which one fork's rules hold from the first block on: an input names the fork of its one
/// block, so the times at which a real chain activated its forks are of no interest here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chain {
    pub(crate) fork: Fork,
    pub(crate) chain_id: u64,
}

impl Chain {
    /// Whether this is a development chain, which is what chain id 31337 (anvil, hardhat) means. Such
    /// chains mine several blocks in a second and lack the system contracts of EIP-4788, 7002 and 7251, so
    /// two rules are weaker there: see [`BlockError::Timestamp`] and [`BlockError::NoSystemContract`].
    pub(crate) const fn is_development(&self) -> bool {
        self.chain_id == 31_337
    }
}

impl EthereumHardforks for Chain {
    fn ethereum_fork_activation(&self, fork: EthereumHardfork) -> ForkCondition {
        if fork == EthereumHardfork::Dao || fork > self.fork.last_hardfork() {
            ForkCondition::Never
        } else if fork > EthereumHardfork::Paris {
            ForkCondition::ZERO_TIMESTAMP
        } else {
            ForkCondition::ZERO_BLOCK
        }
    }
}

impl EthExecutorSpec for Chain {
    /// The contract whose deposit events become requests (EIP-6110). Test networks have their own; every
    /// other chain has mainnet's address.
    fn deposit_contract_address(&self) -> Option<Address> {
        match self.chain_id {
            11_155_111 => Some(address!("0x7f02c3e3c98b133055b8b348b2ac625669ed295d")),
            17_000 => Some(address!("0x4242424242424242424242424242424242424242")),
            _ => Some(alloy_eips::eip6110::MAINNET_DEPOSIT_CONTRACT_ADDRESS),
        }
    }
}
