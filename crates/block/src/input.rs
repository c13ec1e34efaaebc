//! The block file: everything a block's execution needs, in one flat file.
//!
//! Integers are little-endian.
//!
//! | bytes | value |
//! |---|---|
//! | 0..8 | magic `VLMBLOCK` |
//! | 8..12 | format version, 1 |
//! | 12..16 | fork number |
//! | 16..24 | chain id |
//! | 24..28 | length of the block |
//! | 28..32 | length of the headers |
//! | 32..36 | length of the nodes |
//! | 36..40 | length of the codes |
//! | 40.. | block ‖ headers ‖ nodes ‖ codes, and nothing after |
//!
//! *block* is the block's RLP (header, transactions, ommers, withdrawals). *headers* are header RLPs one
//! after the other: the parent, then its parent and so on, as far back as the block reads hashes. *nodes*
//! are trie node RLPs, depth first (see `trie`). *codes* are contract codes, each as an RLP string.

use alloc::vec::Vec;

use crate::Fork;

const MAGIC: &[u8; 8] = b"VLMBLOCK";
const VERSION: u32 = 1;
const HEADER_LENGTH: usize = 40;

/// A block with all that is needed to execute it, borrowed from the bytes of a block file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockInput<'a> {
    /// Chain id of the block's chain.
    pub chain_id: u64,
    /// Rules of the block.
    pub fork: Fork,
    /// RLP of the block.
    pub block: &'a [u8],
    /// RLP of the parent header and of earlier headers, youngest first.
    pub headers: &'a [u8],
    /// RLP of the witness nodes, depth first.
    pub nodes: &'a [u8],
    /// RLP strings of the codes.
    pub codes: &'a [u8],
}

/// Why bytes are not a block file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// The bytes do not begin like a block file.
    #[error("not a block file")]
    Magic,
    /// The file is of another format version.
    #[error("block file of format version {got}, this program reads version {VERSION}")]
    Version {
        /// Version of the file.
        got: u32,
    },
    /// The fork's number is unknown.
    #[error("unknown fork number {0} in the block file")]
    Fork(u32),
    /// The file is shorter than its header says.
    #[error("block file is cut off: {expected} bytes announced, {got} there")]
    TooShort {
        /// Length that the header announces.
        expected: u64,
        /// Length of the file.
        got: u64,
    },
    /// Bytes follow the last part.
    #[error("{0} bytes after the end of the block file")]
    TrailingBytes(u64),
    /// A part is longer than the format can say.
    #[error("part {part} of {length} bytes is too long for a block file")]
    PartTooLong {
        /// Which part.
        part: &'static str,
        /// Its length.
        length: usize,
    },
}

impl<'a> BlockInput<'a> {
    /// Reads a block file without copying; the parts themselves are checked when the block is executed.
    pub fn parse(file: &'a [u8]) -> Result<Self, InputError> {
        let got = file.len() as u64;
        if !file.starts_with(MAGIC) {
            return Err(InputError::Magic);
        }
        let too_short = InputError::TooShort { expected: HEADER_LENGTH as u64, got };
        let (header, body) = file.split_at_checked(HEADER_LENGTH).ok_or(too_short)?;
        let word =
            |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        if word(8) != VERSION {
            return Err(InputError::Version { got: word(8) });
        }
        let fork = Fork::from_number(word(12).into()).ok_or(InputError::Fork(word(12)))?;

        let lengths = [24, 28, 32, 36].map(word);
        let expected = HEADER_LENGTH as u64 + lengths.iter().map(|&length| u64::from(length)).sum::<u64>();
        if got > expected {
            return Err(InputError::TrailingBytes(got - expected));
        }
        let mut rest = body;
        let mut part = |index: usize| {
            let cut = rest.split_at_checked(lengths[index] as usize);
            let (part, after) = cut.ok_or(InputError::TooShort { expected, got })?;
            rest = after;
            Ok(part)
        };
        Ok(Self {
            chain_id: u64::from(word(16)) | u64::from(word(20)) << 32,
            fork,
            block: part(0)?,
            headers: part(1)?,
            nodes: part(2)?,
            codes: part(3)?,
        })
    }

    /// The bytes of a block file.
    pub fn encode(&self) -> Result<Vec<u8>, InputError> {
        let parts =
            [("block", self.block), ("headers", self.headers), ("nodes", self.nodes), ("codes", self.codes)];
        let length = parts.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
        let mut file = Vec::with_capacity(HEADER_LENGTH + length);
        file.extend_from_slice(MAGIC);
        file.extend_from_slice(&VERSION.to_le_bytes());
        file.extend_from_slice(&self.fork.number().to_le_bytes());
        file.extend_from_slice(&self.chain_id.to_le_bytes());
        for (part, bytes) in parts {
            let length = u32::try_from(bytes.len());
            let length = length.map_err(|_| InputError::PartTooLong { part, length: bytes.len() })?;
            file.extend_from_slice(&length.to_le_bytes());
        }
        parts.iter().for_each(|(_, bytes)| file.extend_from_slice(bytes));
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUT: BlockInput<'static> = BlockInput {
        chain_id: 1 << 40 | 5,
        fork: Fork::Prague,
        block: b"block",
        headers: b"parent",
        nodes: b"",
        codes: b"code",
    };

    #[test]
    fn a_file_reads_back_and_every_malformed_one_is_named() {
        let file = INPUT.encode().unwrap();
        assert_eq!(BlockInput::parse(&file), Ok(INPUT));
        for cut in 0..file.len() {
            let error = BlockInput::parse(&file[..cut]).unwrap_err();
            let expected = if cut < HEADER_LENGTH { HEADER_LENGTH } else { file.len() } as u64;
            match cut {
                0..8 => assert_eq!(error, InputError::Magic),
                _ => assert_eq!(error, InputError::TooShort { expected, got: cut as u64 }),
            }
        }
        let changed = |at: usize, value: u8| {
            let mut file = file.clone();
            file[at] = value;
            BlockInput::parse(&file).map(|_| ()).unwrap_err()
        };
        assert_eq!(changed(0, 0), InputError::Magic);
        assert_eq!(changed(8, 2), InputError::Version { got: 2 });
        assert_eq!(changed(12, 9), InputError::Fork(9));
        // A length of almost 4 GiB is refused before anything is allocated.
        assert!(matches!(changed(27, 0xff), InputError::TooShort { .. }));
        let longer = [&file[..], b"x"].concat();
        assert_eq!(BlockInput::parse(&longer), Err(InputError::TrailingBytes(1)));
    }
}
