//! What a block takes from L1: its origin, and the transaction that tells the chain of it.

use alloc::vec::Vec;
use alloy_consensus::Header;
use alloy_eips::eip7840::BlobParams;
use alloy_primitives::{Address, B256, TxKind, U256};
use op_alloy_consensus::TxDeposit;

use super::{ATTRIBUTES_GAS, DEPOSITOR, L1_BLOCK, RollupConfig, abi::Words};

/// Selector of setL1BlockValuesIsthmus().
const SELECTOR: [u8; 4] = [0x09, 0x89, 0x99, 0xbe];
/// Domain of source hashes of L1 attributes.
const ATTRIBUTES_DOMAIN: u64 = 1;

/// A block of L1, as L2 sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct L1Origin {
    /// Number of the L1 block.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Its timestamp.
    pub timestamp: u64,
    /// Its base fee in wei.
    pub base_fee: u64,
    /// Its blob base fee in wei, by Prague's parameters.
    pub blob_base_fee: u128,
    /// Its randomness.
    pub prev_randao: B256,
    /// Its parent beacon block's root.
    pub parent_beacon_block_root: B256,
}

impl L1Origin {
    /// The origin that is the L1 block with this header and hash.
    pub fn new(header: &Header, hash: B256) -> Self {
        Self {
            number: header.number,
            hash,
            timestamp: header.timestamp,
            base_fee: header.base_fee_per_gas.unwrap_or_default(),
            blob_base_fee: header.blob_fee(BlobParams::prague()).unwrap_or(1),
            prev_randao: header.mix_hash,
            parent_beacon_block_root: header.parent_beacon_block_root.unwrap_or_default(),
        }
    }

    /// Input of the L1 attributes transaction, packed as Isthmus does.
    pub fn attributes_data(&self, config: &RollupConfig, sequence_number: u64) -> Vec<u8> {
        let mut data = Vec::with_capacity(176);
        data.extend_from_slice(&SELECTOR);
        data.extend_from_slice(&config.base_fee_scalar.to_be_bytes());
        data.extend_from_slice(&config.blob_base_fee_scalar.to_be_bytes());
        data.extend_from_slice(&sequence_number.to_be_bytes());
        data.extend_from_slice(&self.timestamp.to_be_bytes());
        data.extend_from_slice(&self.number.to_be_bytes());
        data.extend_from_slice(&U256::from(self.base_fee).to_be_bytes::<32>());
        data.extend_from_slice(&U256::from(self.blob_base_fee).to_be_bytes::<32>());
        data.extend_from_slice(self.hash.as_slice());
        data.extend_from_slice(batcher_hash(config.batcher).as_slice());
        // Operator fee: scalar (4 bytes) and constant (8 bytes); this chain has none.
        data.extend_from_slice(&[0; 12]);
        data
    }

    /// The first transaction of the block that is the `sequence_number`-th with this origin, from 0.
    pub fn attributes_transaction(&self, config: &RollupConfig, sequence_number: u64) -> TxDeposit {
        let place = Words::default().word(self.hash).number(sequence_number).hash();
        TxDeposit {
            source_hash: Words::default().number(ATTRIBUTES_DOMAIN).word(place).hash(),
            from: DEPOSITOR,
            to: TxKind::Call(L1_BLOCK),
            mint: 0,
            value: U256::ZERO,
            gas_limit: ATTRIBUTES_GAS,
            is_system_transaction: false,
            input: self.attributes_data(config, sequence_number).into(),
        }
    }
}

/// The batcher's address as the L1 attributes hold it.
pub(crate) fn batcher_hash(batcher: Address) -> B256 {
    batcher.into_word()
}

/// What the L1Block predeploy says of the parent's origin. An account without storage says 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ParentOrigin {
    /// Number of the L1 block.
    pub number: u64,
    /// How many blocks before the parent have the same origin.
    pub sequence_number: u64,
}

impl ParentOrigin {
    /// Reads the parent's state.
    pub fn read<S: revm::Database>(state: &mut S) -> Result<Self, S::Error> {
        // The account comes first: some databases want it before its slots.
        state.basic(L1_BLOCK)?;
        let low = |word: U256| word.as_limbs()[0];
        Ok(Self {
            number: low(state.storage(L1_BLOCK, super::genesis::NUMBER_SLOT)?),
            sequence_number: low(state.storage(L1_BLOCK, super::genesis::SEQUENCE_SLOT)?),
        })
    }

    /// Sequence number of the next block if it has the origin `origin`.
    pub const fn next_sequence_number(&self, origin: u64) -> u64 {
        if origin == self.number { self.sequence_number.saturating_add(1) } else { 0 }
    }
}
