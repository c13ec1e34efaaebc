//! What a proof of a block's execution makes public.

use alloy_primitives::B256;

use crate::Fork;

/// The public values of a block's execution: the chain with these rules goes from one state root to the
/// other by this block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicValues {
    /// Chain id that transactions were checked against.
    pub chain_id: u64,
    /// Rules that were applied.
    pub fork: Fork,
    /// Number of the block.
    pub number: u64,
    /// Hash of the block's header.
    pub block_hash: B256,
    /// Hash of the parent's header.
    pub parent_hash: B256,
    /// State root in the parent's header.
    pub pre_state_root: B256,
    /// State root in the block's header.
    pub post_state_root: B256,
}

/// Why bytes are not public values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublicValuesError {
    /// Wrong number of bytes.
    #[error("public values of a block are {expected} bytes, got {got}", expected = PublicValues::LENGTH)]
    Length {
        /// Number of bytes given.
        got: usize,
    },
    /// The fork's number is unknown.
    #[error("unknown fork number {0} in public values")]
    Fork(u64),
}

impl PublicValues {
    /// Number of encoded bytes.
    pub const LENGTH: usize = 152;

    /// The committed bytes; integers are little-endian:
    ///
    /// | bytes | value |
    /// |---|---|
    /// | 0..8 | chain id |
    /// | 8..16 | fork number |
    /// | 16..24 | block number |
    /// | 24..56 | block hash |
    /// | 56..88 | parent hash |
    /// | 88..120 | state root before the block |
    /// | 120..152 | state root after the block |
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[0..8].copy_from_slice(&self.chain_id.to_le_bytes());
        bytes[8..16].copy_from_slice(&u64::from(self.fork.number()).to_le_bytes());
        bytes[16..24].copy_from_slice(&self.number.to_le_bytes());
        bytes[24..56].copy_from_slice(self.block_hash.as_slice());
        bytes[56..88].copy_from_slice(self.parent_hash.as_slice());
        bytes[88..120].copy_from_slice(self.pre_state_root.as_slice());
        bytes[120..152].copy_from_slice(self.post_state_root.as_slice());
        bytes
    }

    /// Reads what [`Self::encode`] writes, and nothing else.
    pub fn decode(bytes: &[u8]) -> Result<Self, PublicValuesError> {
        let bytes: &[u8; Self::LENGTH] =
            bytes.try_into().map_err(|_| PublicValuesError::Length { got: bytes.len() })?;
        let number =
            |at: usize| bytes[at..at + 8].iter().rev().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
        let fork = Fork::from_number(number(8)).ok_or(PublicValuesError::Fork(number(8)))?;
        Ok(Self {
            chain_id: number(0),
            fork,
            number: number(16),
            block_hash: B256::from_slice(&bytes[24..56]),
            parent_hash: B256::from_slice(&bytes[56..88]),
            pre_state_root: B256::from_slice(&bytes[88..120]),
            post_state_root: B256::from_slice(&bytes[120..152]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_values_read_back_and_malformed_ones_are_refused() {
        let values = PublicValues {
            chain_id: 31337,
            fork: Fork::Prague,
            number: u64::MAX - 1,
            block_hash: B256::repeat_byte(1),
            parent_hash: B256::repeat_byte(2),
            pre_state_root: B256::repeat_byte(3),
            post_state_root: B256::repeat_byte(4),
        };
        let mut bytes = values.encode();
        assert_eq!(PublicValues::decode(&bytes), Ok(values));
        assert_eq!(PublicValues::decode(&bytes[1..]), Err(PublicValuesError::Length { got: 151 }));
        bytes[15] = 1;
        assert_eq!(PublicValues::decode(&bytes), Err(PublicValuesError::Fork(1 + (1 << 56))));
    }
}
