//! The payload of a batch: blocks without what L1 and the chain itself say.
//!
//! | bytes | value |
//! |---|---|
//! | 0 | version, 0 |
//! | 1..5 | length of the frame |
//! | 5..9 | number of transactions |
//! | 9.. | frame ‖ signatures (r ‖ s, 64 bytes each) |
//!
//! Integers are little-endian. The frame is one zstd frame of the columns (see [`columns`]); signatures do not
//! compress. The bytes are packed into blobs, as many as they need and no more; the rest of the last blob is zero.
//!
//! What comes from L1 may be anything, so [`decode`] bounds the work before it begins: see [`frame`]. The decoder is
//! consensus, so this module, with the version of its zstd decoder, is the same everywhere.

pub(crate) mod columns;
#[cfg(feature = "encode")]
mod encode;
mod frame;
mod transactions;

use alloc::{collections::VecDeque, vec::Vec};
use alloy_primitives::Bytes;
use op_alloy_consensus::OpTxEnvelope;

use super::blob::{BLOB_CAPACITY, Blob};

#[cfg(feature = "encode")]
pub use encode::{EncodeError, encode, encode_payload};

/// The version of payloads that this program knows.
pub const PAYLOAD_VERSION: u8 = 0;
/// Bytes before the frame.
const PREFIX: usize = 9;
/// Bytes of a signature.
const SIGNATURE: usize = 64;
/// Most columns and most calldata per blob, decoded.
pub const MAX_DECODED_PER_BLOB: usize = 1 << 20;
/// Most blobs of a batch; L1 allows fewer.
pub const MAX_BLOBS: usize = 32;
/// Most blocks of a batch.
pub const MAX_BLOCKS: usize = 4096;
/// Longest input of a transaction.
pub const MAX_INPUT: usize = 1 << 17;

/// The blocks of a payload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payload {
    blocks: VecDeque<PayloadBlock>,
}

impl Payload {
    /// A payload of these blocks.
    pub fn new(blocks: impl IntoIterator<Item = PayloadBlock>) -> Self {
        Self { blocks: blocks.into_iter().collect() }
    }

    /// The blocks.
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = &PayloadBlock> {
        self.blocks.iter()
    }

    pub(crate) fn next_block(&mut self) -> Option<PayloadBlock> {
        self.blocks.pop_front()
    }
}

/// A block of a payload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PayloadBlock {
    /// Its timestamp.
    pub timestamp: u64,
    /// Number of its L1 origin.
    pub origin: u64,
    /// Number of deposits that it consumes.
    pub deposits: u64,
    /// The users' transactions.
    pub transactions: Vec<PayloadTransaction>,
}

/// A transaction of a payload; its signature was not looked at.
#[derive(Debug, Clone)]
pub struct PayloadTransaction {
    /// The transaction.
    pub transaction: OpTxEnvelope,
    /// Its encoding (EIP-2718).
    pub encoded: Bytes,
}

impl PartialEq for PayloadTransaction {
    fn eq(&self, other: &Self) -> bool {
        self.encoded == other.encoded
    }
}

impl Eq for PayloadTransaction {}

impl PayloadTransaction {
    /// Adds the sender that the signature gives.
    pub fn recover(self) -> Result<super::SignedTransaction, crate::InvalidReason> {
        super::transaction::recover(self.transaction, self.encoded)
    }
}

/// Why blobs are not a payload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// No blob or too many.
    #[error("{0} blobs are not from 1 to {MAX_BLOBS}")]
    Blobs(usize),
    /// A value of a blob is too large for packed bytes.
    #[error("blob {0} has a value that carries no bytes")]
    Packing(usize),
    /// The version is unknown.
    #[error("payload of version {0}, this program reads version {PAYLOAD_VERSION}")]
    Version(u8),
    /// The blobs end before the payload, or there is one more than it needs.
    #[error("payload of {length} bytes in {blobs} blobs")]
    Length {
        /// Announced length.
        length: u64,
        /// Number of blobs.
        blobs: usize,
    },
    /// Bytes that are not zero follow the payload.
    #[error("bytes after the end of the payload")]
    TrailingBytes,
    /// The frame breaks a bound.
    #[error("zstd frame: {0}")]
    Frame(&'static str),
    /// The frame is malformed.
    #[error("zstd frame is malformed")]
    MalformedFrame,
    /// More blocks than a batch may have.
    #[error("{0} blocks, at most {MAX_BLOCKS} are allowed")]
    Blocks(u64),
    /// A column ends early, has bytes left or holds something else than it should.
    #[error("column {column}: {reason}")]
    Column {
        /// Which column.
        column: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// The type is none that users can send in a batch.
    #[error("transaction type {0:#x}")]
    TransactionType(u8),
    /// The blocks have another number of transactions than there are signatures.
    #[error("{blocks} transactions in the blocks, {signatures} signatures")]
    TransactionCount {
        /// Sum over the blocks.
        blocks: u64,
        /// Announced.
        signatures: u64,
    },
    /// One input is too long, or all of them together.
    #[error("more calldata than allowed")]
    Calldata,
}

/// The payload of a batch on the chain `chain_id` in these blobs.
pub fn decode(blobs: &[Blob<'_>], chain_id: u64) -> Result<Payload, CodecError> {
    let (bytes, announced) = unpack(blobs)?;
    let (frame, rest) = bytes[PREFIX..].split_at(announced.frame);
    let (signatures, rest) = rest.split_at(SIGNATURE * announced.transactions);
    if rest.iter().any(|&byte| byte != 0) {
        return Err(CodecError::TrailingBytes);
    }
    let limit = MAX_DECODED_PER_BLOB * blobs.len();
    let columns = frame::decompress(frame, limit)?;
    columns::read(&columns, signatures, chain_id, limit)
}

/// The bytes that the blobs carry, up to the padding: the announced length decides how many blobs there must be.
fn unpack(blobs: &[Blob<'_>]) -> Result<(Vec<u8>, Announced), CodecError> {
    if blobs.is_empty() || blobs.len() > MAX_BLOBS {
        return Err(CodecError::Blobs(blobs.len()));
    }
    let mut bytes = Vec::with_capacity(BLOB_CAPACITY * blobs.len());
    for (index, blob) in blobs.iter().enumerate() {
        bytes.resize(BLOB_CAPACITY * index, 0);
        if !blob.unpack(&mut bytes) {
            return Err(CodecError::Packing(index));
        }
    }
    // Zeros that were trimmed can belong to the payload.
    let announced = Announced::read(&bytes)?;
    let length = announced.length();
    if length.div_ceil(BLOB_CAPACITY as u64) != blobs.len() as u64 {
        return Err(CodecError::Length { length, blobs: blobs.len() });
    }
    bytes.resize(bytes.len().max(length as usize), 0);
    Ok((bytes, announced))
}

/// What the payload's first bytes announce.
struct Announced {
    frame: usize,
    transactions: usize,
}

impl Announced {
    fn read(bytes: &[u8]) -> Result<Self, CodecError> {
        let byte = |index: usize| bytes.get(index).copied().unwrap_or_default();
        let number = |at: usize| u32::from_le_bytes([byte(at), byte(at + 1), byte(at + 2), byte(at + 3)]);
        match byte(0) {
            PAYLOAD_VERSION => Ok(Self { frame: number(1) as usize, transactions: number(5) as usize }),
            version => Err(CodecError::Version(version)),
        }
    }

    const fn length(&self) -> u64 {
        PREFIX as u64 + self.frame as u64 + (SIGNATURE as u64) * self.transactions as u64
    }
}
