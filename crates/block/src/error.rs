//! Why a block is refused.

use alloc::string::String;
use alloy_eips::eip2718::Eip2718Error;
use alloy_evm::block::BlockExecutionError;
use alloy_primitives::{Address, B256};

use crate::StateError;

/// The check that a block, its headers or its witness did not pass.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// A part of the block is not the RLP it should be.
    #[error("malformed block, {part}: {error}")]
    MalformedBlock {
        /// The part.
        part: &'static str,
        /// The decoder's error.
        error: alloy_rlp::Error,
    },
    /// Bytes follow the block or its last part.
    #[error("{count} bytes after the end of the block")]
    BlockTrailingBytes {
        /// How many.
        count: usize,
    },
    /// The block's RLP is longer than its fork allows (EIP-7934).
    #[error("block of {got} bytes, its fork allows {max}")]
    BlockTooLong {
        /// Most bytes.
        max: usize,
        /// The block's.
        got: usize,
    },
    /// The block names ommers, which no block has since the Merge.
    #[error("block with ommers")]
    Ommers,
    /// The input has no parent header.
    #[error("the parent's header is missing from the input")]
    MissingParent,
    /// A header before the block is not the RLP of a header.
    #[error("malformed header of ancestor {index}: {error}")]
    MalformedAncestor {
        /// 0 for the parent, 1 for its parent and so on.
        index: usize,
        /// The decoder's error.
        error: alloy_rlp::Error,
    },
    /// A header before the block is not the parent of the one after it.
    #[error("ancestor {index} has hash {got}, but its child names {expected}")]
    AncestorMismatch {
        /// 1 for the parent's parent and so on.
        index: usize,
        /// Hash in the child's header.
        expected: B256,
        /// Hash of the header.
        got: B256,
    },
    /// A field of the parent has a value that no valid block can have, so no child can be checked.
    #[error("parent's {0} is out of range")]
    ParentOutOfRange(&'static str),
    /// A header field that the fork demands is not there.
    #[error("header without {0}")]
    MissingField(&'static str),
    /// The header has a field that only a later fork knows.
    #[error("header with a field of a later fork")]
    FieldOfLaterFork,
    /// A header field is not what the rules or the execution say.
    #[error("{field} is {got} in the block's header, should be {expected}")]
    Header {
        /// The field.
        field: &'static str,
        /// Value by the rules.
        expected: String,
        /// Value in the header.
        got: String,
    },
    /// The block is not younger than its parent. On a development chain it may be of the same second.
    #[error("timestamp {got} is not after the parent's {parent}")]
    Timestamp {
        /// The parent's.
        parent: u64,
        /// The block's.
        got: u64,
    },
    /// The gas limit is too low or too far from the parent's.
    #[error("gas limit {got} is out of bounds after the parent's {parent}")]
    GasLimit {
        /// The parent's.
        parent: u64,
        /// The block's.
        got: u64,
    },
    /// The header says that more gas was used than the limit allows.
    #[error("gas used {used} is above the gas limit {limit}")]
    GasUsedAboveLimit {
        /// Gas used.
        used: u64,
        /// The limit.
        limit: u64,
    },
    /// Blob gas above the maximum or not of whole blobs.
    #[error("blob gas used {used} is above {max} or not a multiple of a blob's")]
    BlobGasUsed {
        /// In the header.
        used: u64,
        /// The fork's maximum.
        max: u64,
    },
    /// Extra data of more than 32 bytes.
    #[error("extra data of {length} bytes")]
    ExtraDataTooLong {
        /// Its length.
        length: usize,
    },
    /// A transaction cannot be decoded.
    #[error("malformed transaction {index}: {error}")]
    MalformedTransaction {
        /// Its place in the block.
        index: usize,
        /// The decoder's error.
        error: Eip2718Error,
    },
    /// No sender follows from a transaction's signature.
    #[error("invalid signature of transaction {index}")]
    Signature {
        /// Its place in the block.
        index: usize,
    },
    /// A transaction or a system call is invalid.
    #[error("execution of {place}: {error}", place = Place(*.transaction))]
    Execution {
        /// The transaction's place in the block; none in what comes before and after the transactions.
        transaction: Option<usize>,
        /// What the block executor says.
        error: BlockExecutionError,
    },
    /// A contract that ends every block is not deployed, which makes the block invalid (EIP-7002, EIP-7251).
    /// On a development chain it may be missing.
    #[error("system contract {address} is not deployed")]
    NoSystemContract {
        /// Its address.
        address: Address,
    },
    /// The witness lacks something or contradicts the parent's state root.
    #[error(transparent)]
    State(#[from] StateError),
}

struct Place(Option<usize>);

impl core::fmt::Display for Place {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Some(index) => write!(f, "transaction {index}"),
            None => f.write_str("system calls"),
        }
    }
}
