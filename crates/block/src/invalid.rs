//! Why a transaction does not get into a block, in the words that a mempool and its users need.

use alloc::{
    format,
    string::{String, ToString},
};
use alloy_evm::block::{BlockExecutionError, BlockValidationError};
use alloy_primitives::U256;
use revm::context_interface::result::InvalidTransaction;

/// Why a transaction is not included.
#[derive(Debug, thiserror::Error)]
pub enum TransactionError {
    /// The transaction is invalid here; the block goes on without it.
    #[error(transparent)]
    Invalid(#[from] InvalidReason),
    /// The state failed; nothing can be said of the transaction and the block cannot be built.
    #[error(transparent)]
    Fatal(BlockExecutionError),
}

/// Why a transaction is invalid in a block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReason {
    /// Its nonce was used: it never becomes valid.
    #[error("nonce {transaction} is too low, the account's next one is {account}")]
    NonceTooLow {
        /// The transaction's.
        transaction: u64,
        /// The account's next one.
        account: u64,
    },
    /// Transactions before it are missing.
    #[error("nonce {transaction} is too high, the account's next one is {account}")]
    NonceTooHigh {
        /// The transaction's.
        transaction: u64,
        /// The account's next one.
        account: u64,
    },
    /// The block has not that much gas left.
    #[error("gas limit {limit} is above the {available} left in the block")]
    BlockGas {
        /// The transaction's limit.
        limit: u64,
        /// What is left.
        available: u64,
    },
    /// The block has not that much blob gas left.
    #[error("blob gas {limit} is above the {available} left in the block")]
    BlockBlobGas {
        /// The transaction's blob gas.
        limit: u64,
        /// What is left.
        available: u64,
    },
    /// It pays less than the base fee.
    #[error("fee per gas is below the block's base fee")]
    BelowBaseFee,
    /// The sender cannot pay value and fees, on a rollup with those for data.
    #[error("sender has {balance} wei, value and fees are up to {needed}")]
    Funds {
        /// What the account has.
        balance: U256,
        /// What the transaction may cost.
        needed: U256,
    },
    /// Anything else: it is invalid whatever the state.
    #[error("{0}")]
    Other(String),
}

impl From<BlockExecutionError> for TransactionError {
    fn from(error: BlockExecutionError) -> Self {
        match error {
            BlockExecutionError::Validation(invalid) => Self::Invalid(InvalidReason::from(&invalid)),
            fatal => Self::Fatal(fatal),
        }
    }
}

impl From<&BlockValidationError> for InvalidReason {
    fn from(error: &BlockValidationError) -> Self {
        let reason = match error {
            BlockValidationError::TransactionGasLimitMoreThanAvailableBlockGas {
                transaction_gas_limit: limit,
                block_available_gas: available,
            } => return Self::BlockGas { limit: *limit, available: *available },
            BlockValidationError::InvalidTx { error, .. } => match error.as_invalid_tx_err() {
                Some(reason) => reason,
                None => return Self::Other(error.to_string()),
            },
            other => return Self::Other(other.to_string()),
        };
        match reason {
            InvalidTransaction::NonceTooLow { tx, state } => {
                Self::NonceTooLow { transaction: *tx, account: *state }
            }
            InvalidTransaction::NonceTooHigh { tx, state } => {
                Self::NonceTooHigh { transaction: *tx, account: *state }
            }
            InvalidTransaction::GasPriceLessThanBasefee => Self::BelowBaseFee,
            InvalidTransaction::LackOfFundForMaxFee { fee, balance } => {
                Self::Funds { balance: **balance, needed: **fee }
            }
            other => Self::Other(format!("{other}")),
        }
    }
}
