//! Batches as the node remembers them, and what the guest program says about a range of them.

use alloy_eips::eip4844::Blob;
use alloy_primitives::{B256, Bytes, keccak256};
use alloy_sol_types::SolValue;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::contracts::{self, BatchClaim, BatchHeader, PublicOutput};
use crate::kzg::{self, Opening};
use crate::l1::sender::Outcome;
use crate::l2::{L2, L2Error, SealedBatch};
use crate::records::{Records, key, put, put_bytes, remove};
use crate::store::{StoreError, Table, Write};

const BATCH: &str = "batch";
const BLOBS: &str = "batch.blobs";
const LAST: &[u8] = b"batch.last";

/// How far a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BatchState {
    /// Its blocks and blobs are fixed.
    Closed,
    /// The guest program, executed without a proof, agrees with the node about it.
    Checked,
    /// Published on L1.
    Committed,
    /// Proven on L1.
    Proven,
    /// Final on L1.
    Final,
}

/// A transaction's place on L1 and its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct L1Place {
    /// Transaction.
    pub transaction: B256,
    /// Block.
    pub block: u64,
    /// Gas.
    pub gas_used: u64,
    /// Blob gas.
    pub blob_gas_used: u64,
}

impl L1Place {
    /// Of an outcome that is a success.
    pub fn of(outcome: &Outcome) -> Option<Self> {
        match *outcome {
            Outcome::Included { transaction, block, gas_used, blob_gas_used, success: true, .. } => {
                Some(Self { transaction, block, gas_used, blob_gas_used })
            }
            _ => None,
        }
    }
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// 1, 2, …
    pub index: u64,
    /// First L2 block.
    pub first_block: u64,
    /// Last L2 block.
    pub last_block: u64,
    /// Hash of the batch before.
    pub parent_hash: B256,
    /// Output root after it.
    pub output_root: B256,
    /// Deposits consumed up to and including it.
    pub deposit_count: u64,
    /// The queue's hash there.
    pub deposit_hash: B256,
    /// Number of the L1 anchor.
    pub l1_number: u64,
    /// Hash of the L1 anchor.
    pub l1_hash: B256,
    /// Versioned hashes of its blobs.
    pub blob_hashes: Vec<B256>,
    /// Hash of its header.
    pub hash: B256,
    /// How far it is.
    pub state: BatchState,
    /// How often committing it was begun anew.
    pub attempt: u32,
    /// Cycles of the guest program on it; 0 until checked.
    pub cycles: u64,
    /// When it was closed, in milliseconds.
    pub closed_ms: u64,
    /// The commit.
    pub commit: Option<L1Place>,
    /// The proof.
    pub proof: Option<L1Place>,
}

impl Batch {
    /// What is hashed into its hash.
    pub fn header(&self) -> BatchHeader {
        BatchHeader {
            version: 0,
            index: self.index,
            parentHash: self.parent_hash,
            claimedOutputRoot: self.output_root,
            lastBlock: self.last_block,
            depositCount: self.deposit_count,
            depositHash: self.deposit_hash,
            l1Number: self.l1_number,
            l1Hash: self.l1_hash,
            forced: false,
            blobHashes: self.blob_hashes.clone(),
        }
    }

    /// What is sent to L1 besides the blobs.
    pub fn claim(&self) -> BatchClaim {
        BatchClaim {
            parentHash: self.parent_hash,
            outputRoot: self.output_root,
            lastBlock: self.last_block,
            depositCount: self.deposit_count,
            depositHash: self.deposit_hash,
            l1Number: self.l1_number,
            l1Hash: self.l1_hash,
        }
    }
}

/// Hash of a batch header.
pub fn header_hash(header: &BatchHeader) -> B256 {
    keccak256(header.abi_encode())
}

/// Hash of batch 0, which has no header.
pub fn genesis_hash(output_root: B256, config_hash: B256) -> B256 {
    keccak256((output_root, config_hash).abi_encode())
}

/// The batches in the records.
#[derive(Clone, Debug)]
pub struct Batches {
    records: Records,
}

impl Batches {
    /// Over the node's records.
    pub fn new(records: Records) -> Self {
        Self { records }
    }

    /// Index of the last batch; 0 if there is none.
    ///
    /// # Errors
    /// The disk.
    pub fn last(&self) -> Result<u64, StoreError> {
        Ok(self.records.load(LAST)?.unwrap_or_default())
    }

    /// A batch.
    ///
    /// # Errors
    /// The disk.
    pub fn get(&self, index: u64) -> Result<Option<Batch>, StoreError> {
        self.records.load(&key(BATCH, index))
    }

    /// A batch that has to be there.
    ///
    /// # Errors
    /// The disk, or it is not there.
    pub fn existing(&self, index: u64) -> Result<Batch, StoreError> {
        self.get(index)?.ok_or_else(|| StoreError::damaged(Table::Tasks, key(BATCH, index)))
    }

    /// The batch that a block is in, if it is in one.
    ///
    /// # Errors
    /// The disk.
    pub fn of_block(&self, number: u64) -> Result<Option<Batch>, StoreError> {
        let (mut low, mut high) = (1, self.last()?);
        while low <= high {
            let middle = low + (high - low) / 2;
            let batch = self.existing(middle)?;
            if number < batch.first_block {
                high = middle - 1;
            } else if number > batch.last_block {
                low = middle + 1;
            } else {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// The first batch that is not yet as far as `state`.
    ///
    /// # Errors
    /// The disk.
    pub fn first_below(&self, state: BatchState) -> Result<Option<Batch>, StoreError> {
        let (mut low, mut high) = (1, self.last()? + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.existing(middle)?.state < state {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        self.get(low)
    }

    /// A batch's blobs.
    ///
    /// # Errors
    /// The disk, or they are not there.
    pub fn blobs(&self, index: u64) -> Result<Vec<Box<Blob>>, StoreError> {
        let key = key(BLOBS, index);
        let damaged = || StoreError::damaged(Table::Tasks, &key);
        let bytes = self.records.bytes(&key)?.ok_or_else(damaged)?;
        let chunks = bytes.chunks_exact(size_of::<Blob>());
        if !chunks.remainder().is_empty() {
            return Err(damaged());
        }
        Ok(chunks.map(|chunk| Box::new(Blob::from_slice(chunk))).collect())
    }

    /// Changes that add a batch.
    ///
    /// # Errors
    /// None in practice.
    pub fn add(batch: &Batch, blobs: &[Bytes]) -> Result<Vec<Write>, StoreError> {
        let bytes = blobs.iter().flat_map(|blob| blob.to_vec()).collect();
        Ok(vec![Self::change(batch)?, put(LAST, &batch.index)?, put_bytes(key(BLOBS, batch.index), bytes)])
    }

    /// The change that replaces a batch's record.
    ///
    /// # Errors
    /// None in practice.
    pub fn change(batch: &Batch) -> Result<Write, StoreError> {
        put(key(BATCH, batch.index), batch)
    }

    /// Changes that remove the last batch.
    ///
    /// # Errors
    /// None in practice.
    pub fn remove_last(index: u64) -> Result<Vec<Write>, StoreError> {
        Ok(vec![remove(key(BATCH, index)), remove(key(BLOBS, index)), put(LAST, &(index - 1))?])
    }
}

/// Why nothing can be said about a range.
#[derive(Debug, Error)]
pub enum RangeError {
    /// L2.
    #[error(transparent)]
    L2(#[from] L2Error),
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A blob that no commitment exists for.
    #[error("batch {0} has a blob with an element beyond the field")]
    Blob(u64),
}

/// What is proven about consecutive batches, as the node expects it.
#[derive(Clone, Debug)]
pub struct Range {
    /// The guest's input.
    pub input: Vec<u8>,
    /// What it must commit.
    pub output: PublicOutput,
    /// Per blob commitment and proof, 96 bytes.
    pub openings: Bytes,
}

/// Everything about the batches `first..=last`.
///
/// # Errors
/// Batches or blocks that are not there.
pub fn range(
    batches: &Batches,
    l2: &dyn L2,
    config_hash: B256,
    first: u64,
    last: u64,
) -> Result<Range, RangeError> {
    let start = batches.existing(first)?;
    let end = batches.existing(last)?;
    let before = l2.block(start.first_block - 1)?;
    let mut sealed = Vec::new();
    let mut openings: Vec<Opening> = Vec::new();
    for index in first..=last {
        let batch = batches.existing(index)?;
        let blobs = batches.blobs(index)?;
        for blob in &blobs {
            openings.push(kzg::open_for_batch(blob).ok_or(RangeError::Blob(index))?);
        }
        let blobs = blobs.iter().map(|blob| Bytes::copy_from_slice(blob.as_slice())).collect();
        sealed.push(SealedBatch { header: batch.header(), first_block: batch.first_block, blobs });
    }
    let (previous_count, previous_hash) = match first.checked_sub(1).filter(|index| *index > 0) {
        Some(index) => {
            let batch = batches.existing(index)?;
            (batch.deposit_count, batch.deposit_hash)
        }
        None => (0, B256::ZERO),
    };
    let output = PublicOutput {
        configHash: config_hash,
        previousOutputRoot: before.output_root,
        previousBatchHash: start.parent_hash,
        outputRoot: end.output_root,
        batchHash: end.hash,
        lastBlock: end.last_block,
        lastBlockHash: l2.block(end.last_block)?.hash,
        blobs: openings
            .iter()
            .map(|opening| contracts::Blob {
                versionedHash: opening.versioned_hash,
                z: opening.z,
                y: opening.y,
            })
            .collect(),
        previousDepositCount: previous_count,
        previousDepositHash: previous_hash,
        depositCount: end.deposit_count,
        depositHash: end.deposit_hash,
        l1Number: end.l1_number,
        l1Hash: end.l1_hash,
    };
    let input = l2.input(&sealed)?;
    let openings = openings.iter().flat_map(|opening| opening.commitment_and_proof).collect::<Vec<u8>>();
    Ok(Range { input, output, openings: openings.into() })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::memory::MemoryStore;

    /// Batch `index` of ten blocks.
    fn batch(index: u64, state: BatchState) -> Batch {
        Batch {
            index,
            first_block: 10 * index - 9,
            last_block: 10 * index,
            parent_hash: B256::with_last_byte(index as u8),
            output_root: B256::ZERO,
            deposit_count: index,
            deposit_hash: B256::ZERO,
            l1_number: index,
            l1_hash: B256::ZERO,
            blob_hashes: vec![B256::repeat_byte(1)],
            hash: B256::ZERO,
            state,
            attempt: 0,
            cycles: 0,
            closed_ms: 0,
            commit: None,
            proof: None,
        }
    }

    #[test]
    fn batches_are_found_by_index_block_and_state() {
        let records = Records::new(Arc::new(MemoryStore::default()));
        let batches = Batches::new(records.clone());
        assert_eq!(batches.last().unwrap(), 0);
        assert_eq!(batches.of_block(1).unwrap(), None);
        assert_eq!(batches.first_below(BatchState::Final).unwrap(), None);
        let states = [
            BatchState::Final,
            BatchState::Final,
            BatchState::Proven,
            BatchState::Committed,
            BatchState::Closed,
        ];
        for (index, state) in (1..).zip(states) {
            let blob = Bytes::from(vec![index as u8; size_of::<Blob>()]);
            records.commit(Batches::add(&batch(index, state), &[blob]).unwrap()).unwrap();
        }
        assert_eq!(batches.last().unwrap(), 5);
        for (block, index) in [(1, 1), (10, 1), (11, 2), (50, 5)] {
            assert_eq!(batches.of_block(block).unwrap().unwrap().index, index);
        }
        assert_eq!(batches.of_block(0).unwrap(), None);
        assert_eq!(batches.of_block(51).unwrap(), None);
        for (state, index) in [(BatchState::Final, 3), (BatchState::Proven, 4), (BatchState::Committed, 5)] {
            assert_eq!(batches.first_below(state).unwrap().unwrap().index, index);
        }
        assert_eq!(*batches.blobs(3).unwrap()[0], Blob::repeat_byte(3));
        records.commit(Batches::remove_last(5).unwrap()).unwrap();
        assert_eq!(batches.last().unwrap(), 4);
        assert!(batches.blobs(5).is_err());
    }

    #[test]
    fn the_header_hash_is_the_guests() {
        let batch = batch(7, BatchState::Closed);
        let header = batch.header();
        let of_guest = vellum_block::l2::BatchHeader {
            version: 0,
            index: 7,
            parent_hash: batch.parent_hash,
            claimed_output_root: batch.output_root,
            last_block: batch.last_block,
            deposit_count: batch.deposit_count,
            deposit_hash: batch.deposit_hash,
            l1_number: batch.l1_number,
            l1_hash: batch.l1_hash,
            forced: false,
            blob_hashes: batch.blob_hashes.clone(),
        };
        assert_eq!(header_hash(&header), of_guest.hash());
        let genesis = genesis_hash(B256::repeat_byte(1), B256::repeat_byte(2));
        assert_eq!(genesis, vellum_block::l2::genesis_batch_hash(B256::repeat_byte(1), B256::repeat_byte(2)));
    }
}
