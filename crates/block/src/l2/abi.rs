//! Solidity's ABI encoding, as far as hashes and the public output need it: words one after the other.

use alloc::vec::Vec;
use alloy_primitives::{Address, B256, U256, keccak256};

/// An encoding under construction.
#[derive(Debug, Default)]
pub(crate) struct Words(Vec<u8>);

impl Words {
    pub(crate) fn word(mut self, word: B256) -> Self {
        self.0.extend_from_slice(word.as_slice());
        self
    }

    pub(crate) fn number(self, number: impl Into<u128>) -> Self {
        self.word(U256::from(number.into()).into())
    }

    pub(crate) fn address(self, address: Address) -> Self {
        self.word(address.into_word())
    }

    pub(crate) fn bool(self, value: bool) -> Self {
        self.word(B256::with_last_byte(value.into()))
    }

    /// Bytes of an encoding with this many words: the offset of a dynamic part after them.
    pub(crate) fn offset(self, words: u64) -> Self {
        self.word(U256::from(32 * words).into())
    }

    pub(crate) fn hash(self) -> B256 {
        keccak256(self.0)
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}
