//! L2 as the rollup's tasks see it: blocks that are sealed, and what it takes to execute them again.
//!
//! A narrow trait like [`crate::l1::L1`]: the chain engine implements it, and so does a simulation.

use alloy_primitives::{B256, Bytes};
use thiserror::Error;

use crate::contracts::BatchHeader;

/// A sealed block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L2Block {
    /// Number.
    pub number: u64,
    /// Hash.
    pub hash: B256,
    /// Seconds.
    pub timestamp: u64,
    /// Number of its L1 origin.
    pub l1_origin: u64,
    /// Deposits that this block consumes.
    pub deposits: u64,
    /// Deposits consumed up to and including it.
    pub deposit_count: u64,
    /// Output root after it.
    pub output_root: B256,
    /// Transactions other than deposits, in their EIP-2718 encoding.
    pub transactions: Vec<Bytes>,
}

/// A batch as the guest program takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedBatch {
    /// Its header.
    pub header: BatchHeader,
    /// First block.
    pub first_block: u64,
    /// Its blobs, 131,072 bytes each.
    pub blobs: Vec<Bytes>,
}

/// Why L2 gave no answer.
#[derive(Debug, Error)]
pub enum L2Error {
    /// The chain engine.
    #[error("L2: {0}")]
    Chain(String),
    /// A block that has to be there is not.
    #[error("L2 has no block {0}")]
    NoBlock(u64),
    /// The payload does not encode.
    #[error("blocks {first} to {last} cannot be encoded: {reason}")]
    Encode {
        /// First block.
        first: u64,
        /// Last block.
        last: u64,
        /// Why.
        reason: String,
    },
}

/// L2.
pub trait L2: Send + Sync {
    /// Number of the newest block.
    fn head(&self) -> u64;

    /// A block on the chain.
    ///
    /// # Errors
    /// The store; no such block.
    fn block(&self, number: u64) -> Result<L2Block, L2Error>;

    /// The blobs that publish these blocks.
    ///
    /// # Errors
    /// The codec refuses them.
    fn encode(&self, first: u64, last: u64) -> Result<Vec<Bytes>, L2Error>;

    /// The guest's input for consecutive batches.
    ///
    /// # Errors
    /// The store; blocks or L1 headers that are not there.
    fn input(&self, batches: &[SealedBatch]) -> Result<Vec<u8>, L2Error>;

    /// Marks blocks up to this one as published on L1.
    ///
    /// # Errors
    /// The store.
    fn set_safe(&self, number: u64) -> Result<(), L2Error>;

    /// Marks blocks up to this one as final on L1.
    ///
    /// # Errors
    /// The store.
    fn set_finalized(&self, number: u64) -> Result<(), L2Error>;

    /// Makes no more blocks: what was made cannot be proven.
    fn halt(&self, reason: &str);

    /// Takes all blocks after this one back; their transactions wait again.
    ///
    /// # Errors
    /// The store.
    fn unwind(&self, number: u64) -> Result<(), L2Error>;
}
