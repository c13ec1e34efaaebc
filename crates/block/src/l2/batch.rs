//! Batch headers and the public output of a proof, as L1's contracts hash and decode them.

use alloc::vec::Vec;
use alloy_consensus::Header;
use alloy_primitives::{B256, keccak256};

use super::abi::Words;

/// The version of batch headers that this program knows.
pub const BATCH_VERSION: u8 = 0;

/// What L1 stores the hash of when a batch is committed. Output root and last block are claims: the proof decides.
///
/// The rollup's contract answers for the rest: consecutive indices, the portal's deposit hash, an L1 anchor that is an
/// ancestor of the committing block and not older than the parent batch's, blob hashes of the committing transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BatchHeader {
    /// Format of the header: 0.
    pub version: u8,
    /// Number of the batch; genesis is batch 0.
    pub index: u64,
    /// Hash of the batch before.
    pub parent_hash: B256,
    /// Claimed output root after the batch.
    pub claimed_output_root: B256,
    /// Claimed number of the last L2 block.
    pub last_block: u64,
    /// Deposits consumed up to and including this batch.
    pub deposit_count: u64,
    /// The queue's hash after them.
    pub deposit_hash: B256,
    /// Number of the L1 anchor.
    pub l1_number: u64,
    /// Its hash.
    pub l1_hash: B256,
    /// Whether somebody else than the batcher committed it.
    pub forced: bool,
    /// Versioned hashes of the blobs.
    pub blob_hashes: Vec<B256>,
}

impl BatchHeader {
    /// keccak256(abi.encode(header)).
    pub fn hash(&self) -> B256 {
        let words = Words::default()
            // The tuple is dynamic, so the encoding begins with its offset.
            .offset(1)
            .number(self.version)
            .number(self.index)
            .word(self.parent_hash)
            .word(self.claimed_output_root)
            .number(self.last_block)
            .number(self.deposit_count)
            .word(self.deposit_hash)
            .number(self.l1_number)
            .word(self.l1_hash)
            .bool(self.forced)
            .offset(11)
            .number(self.blob_hashes.len() as u64);
        self.blob_hashes.iter().fold(words, |words, &hash| words.word(hash)).hash()
    }
}

/// Hash of batch 0, which nobody commits.
pub fn genesis_batch_hash(genesis_output_root: B256, config_hash: B256) -> B256 {
    Words::default().word(genesis_output_root).word(config_hash).hash()
}

/// The output root of the state after a block: what withdrawals are proven against. The header's withdrawals root is
/// the storage root of the message passer.
pub fn output_root(header: &Header, hash: B256) -> B256 {
    let mut preimage = [0; 128];
    preimage[32..64].copy_from_slice(header.state_root.as_slice());
    preimage[64..96].copy_from_slice(header.withdrawals_root.unwrap_or_default().as_slice());
    preimage[96..].copy_from_slice(hash.as_slice());
    keccak256(preimage)
}

/// A blob and the value of its polynomial at the point that its content decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobOpening {
    /// Versioned hash of its commitment.
    pub versioned_hash: B256,
    /// The point.
    pub z: B256,
    /// The polynomial's value there.
    pub y: B256,
}

/// What a proof of a range of batches makes public.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PublicOutput {
    /// Hash of the configuration.
    pub config_hash: B256,
    /// Output root before the range.
    pub previous_output_root: B256,
    /// Hash of the batch before the range.
    pub previous_batch_hash: B256,
    /// Output root after the range.
    pub output_root: B256,
    /// Hash of the last batch.
    pub batch_hash: B256,
    /// Number of the last L2 block.
    pub last_block: u64,
    /// Its hash.
    pub last_block_hash: B256,
    /// All blobs of the range, in order.
    pub blobs: Vec<BlobOpening>,
    /// Deposits consumed before the range.
    pub previous_deposit_count: u64,
    /// The queue's hash after them.
    pub previous_deposit_hash: B256,
    /// Deposits consumed after the range.
    pub deposit_count: u64,
    /// The queue's hash after them.
    pub deposit_hash: B256,
    /// Number of the last batch's L1 anchor.
    pub l1_number: u64,
    /// Its hash.
    pub l1_hash: B256,
}

impl PublicOutput {
    /// abi.encode(output): the bytes that the guest commits.
    pub fn encode(&self) -> Vec<u8> {
        let words = Words::default()
            .offset(1)
            .word(self.config_hash)
            .word(self.previous_output_root)
            .word(self.previous_batch_hash)
            .word(self.output_root)
            .word(self.batch_hash)
            .number(self.last_block)
            .word(self.last_block_hash)
            .offset(14)
            .number(self.previous_deposit_count)
            .word(self.previous_deposit_hash)
            .number(self.deposit_count)
            .word(self.deposit_hash)
            .number(self.l1_number)
            .word(self.l1_hash)
            .number(self.blobs.len() as u64);
        let blob =
            |words: Words, blob: &BlobOpening| words.word(blob.versioned_hash).word(blob.z).word(blob.y);
        self.blobs.iter().fold(words, blob).into_bytes()
    }

    /// keccak256 of the encoding: what verifiers on L1 are given.
    pub fn digest(&self) -> B256 {
        keccak256(self.encode())
    }
}
