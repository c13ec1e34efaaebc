//! Why a block of the rollup's chain is refused.

use alloy_evm::block::BlockExecutionError;

use crate::{BlockError, InvalidReason, StateError};

use super::ConfigError;

/// Why a block cannot be made or was refused.
#[derive(Debug, thiserror::Error)]
pub enum L2Error {
    /// The configuration gives no chain.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Headers or their fields.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// The block's attributes break a rule.
    #[error(transparent)]
    Attributes(#[from] AttributesError),
    /// A transaction of a block that is to be checked is invalid.
    #[error("transaction {index}: {reason}")]
    Transaction {
        /// Its place among the block's transactions that are no deposits.
        index: usize,
        /// Why.
        reason: InvalidReason,
    },
    /// The executor failed in another way than by an invalid transaction.
    #[error("execution: {0}")]
    Execution(BlockExecutionError),
    /// The witness lacks something or contradicts the parent's state root.
    #[error(transparent)]
    State(#[from] StateError),
    /// The state cannot be read.
    #[error("state: {0}")]
    Database(alloc::string::String),
}

/// A rule that a block's attributes break.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttributesError {
    /// The block is not younger than its parent.
    #[error("timestamp {got} is not after the parent's {parent}")]
    Timestamp {
        /// The parent's.
        parent: u64,
        /// The block's.
        got: u64,
    },
    /// The block is too far ahead of the batch's anchor.
    #[error("timestamp {got} is more than the allowed drift after the anchor's {anchor}")]
    Drift {
        /// The anchor's.
        anchor: u64,
        /// The block's.
        got: u64,
    },
    /// The origin is older than the parent's.
    #[error("L1 origin {got} is before the parent's {parent}")]
    OriginBehind {
        /// The parent's.
        parent: u64,
        /// The block's.
        got: u64,
    },
    /// The origin is younger than the batch's anchor.
    #[error("L1 origin {got} is after the anchor {anchor}")]
    OriginAhead {
        /// The anchor's number.
        anchor: u64,
        /// The block's.
        got: u64,
    },
    /// More deposits than a block may have, by number or by gas.
    #[error("{got} deposits are more than the {most} that fit")]
    TooManyDeposits {
        /// How many fit.
        most: usize,
        /// How many the block takes.
        got: usize,
    },
    /// More deposits than are due.
    #[error("{got} deposits, but only {due} are due")]
    NoSuchDeposits {
        /// How many are due.
        due: usize,
        /// How many the block takes.
        got: u64,
    },
}
