//! The columns: the fields of all blocks and transactions, each field's values side by side, so that they compress.
//!
//! Every column is its length and its bytes. Numbers are little-endian base-128 (LEB128), a set high bit means that
//! more follows; their only encoding is the shortest one. In this order:
//!
//! | column | per | value |
//! |---|---|---|
//! | blocks | block | timestamp and origin (the first block's, then differences), deposits, transactions |
//! | addresses | | the dictionary: 20 bytes each |
//! | types | transaction | type: 0, 1, 2 or 4 |
//! | flags | transaction | 1: signature's y is odd, 2: without a chain id (type 0), 4: the input has the form of a call |
//! | nonces | transaction | nonce |
//! | gas | transaction | gas limit |
//! | fees | transaction | gas price, or maximum fee and maximum priority fee per gas |
//! | recipients | transaction | 0 for a creation, otherwise the place in the dictionary, from 1 |
//! | values | transaction | the value's bytes, highest first, after their number |
//! | inputs | transaction | a call's number of words after its 4-byte selector, or the input's length |
//! | selectors | call | 4 bytes |
//! | kinds | word of a call | 0..=32: that many low bytes follow in `words`; 33: an address; 64 + n: n high bytes |
//! | words | word | bytes of the word |
//! | word addresses | word | place in the dictionary, from 1 |
//! | bytes | other input | the input |
//! | lists | transaction of type 1, 2, 4 | RLP of the access list; for type 4 then of the authorizations |

use alloc::{collections::VecDeque, vec::Vec};
use alloy_primitives::{Address, U256};

use super::{CodecError, MAX_BLOCKS, Payload, PayloadBlock, SIGNATURE, transactions};

/// The input is a selector and words.
pub(crate) const CALL: u8 = 4;
/// The signature's y is odd.
pub(crate) const ODD: u8 = 1;
/// A legacy transaction without a chain id.
pub(crate) const NO_CHAIN_ID: u8 = 2;
/// Kind of a word that is an address.
pub(crate) const ADDRESS_WORD: u8 = 33;
/// Added to the number of high bytes of a word that ends in zeros.
pub(crate) const HIGH_BYTES: u8 = 64;

/// What is left of a column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column<'a> {
    name: &'static str,
    rest: &'a [u8],
}

impl<'a> Column<'a> {
    /// Takes the next column off `bytes`.
    fn split(name: &'static str, bytes: &mut Self) -> Result<Self, CodecError> {
        let length = bytes.number()?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        Ok(Self { name, rest: bytes.take(length)? })
    }

    pub(crate) const fn error(&self, reason: &'static str) -> CodecError {
        CodecError::Column { column: self.name, reason }
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], CodecError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(|| self.error("ends early"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, CodecError> {
        Ok(self.take(1)?[0])
    }

    /// A number of up to 128 bits.
    pub(crate) fn number128(&mut self) -> Result<u128, CodecError> {
        let mut number = 0u128;
        for shift in (0..128).step_by(7) {
            let byte = self.byte()?;
            let digit = u128::from(byte & 0x7f);
            if digit << shift >> shift != digit || (byte == 0 && shift > 0) {
                return Err(self.error("number that is too large or not the shortest"));
            }
            number |= digit << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.error("number that is too large or not the shortest"))
    }

    pub(crate) fn number(&mut self) -> Result<u64, CodecError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let digit = u64::from(byte & 0x7f);
            if digit << shift >> shift != digit || (byte == 0 && shift > 0) {
                return Err(self.error("number that is too large or not the shortest"));
            }
            number |= digit << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.error("number that is too large or not the shortest"))
    }

    /// A number of bytes, and as many bytes as it says.
    pub(crate) fn value(&mut self) -> Result<U256, CodecError> {
        let length = self.byte()?;
        let bytes = self.take(length.into())?;
        if length > 32 || bytes.first() == Some(&0) {
            return Err(self.error("value that is too large or not the shortest"));
        }
        Ok(U256::from_be_slice(bytes))
    }

    fn end(&self) -> Result<(), CodecError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.error("bytes are left")) }
    }
}

/// The columns of the transactions.
pub(crate) struct Columns<'a> {
    pub(crate) dictionary: &'a [u8],
    pub(crate) types: Column<'a>,
    pub(crate) flags: Column<'a>,
    pub(crate) nonces: Column<'a>,
    pub(crate) gas: Column<'a>,
    pub(crate) fees: Column<'a>,
    pub(crate) recipients: Column<'a>,
    pub(crate) values: Column<'a>,
    pub(crate) inputs: Column<'a>,
    pub(crate) selectors: Column<'a>,
    pub(crate) kinds: Column<'a>,
    pub(crate) words: Column<'a>,
    pub(crate) word_addresses: Column<'a>,
    pub(crate) bytes: Column<'a>,
    pub(crate) lists: Column<'a>,
    /// Bytes of input that may still be decoded.
    pub(crate) calldata: usize,
}

impl Columns<'_> {
    /// The dictionary's address at `place`, from 1; the error names the column that has the place.
    pub(crate) fn address(&self, place: u64, of: &Column<'_>) -> Result<Address, CodecError> {
        let start = usize::try_from(place).ok().and_then(|place| place.checked_sub(1)?.checked_mul(20));
        let address = start.and_then(|start| self.dictionary.get(start..)?.get(..20));
        address.map(Address::from_slice).ok_or_else(|| of.error("place that the dictionary does not have"))
    }

    fn end(&self) -> Result<(), CodecError> {
        let columns = [
            &self.types,
            &self.flags,
            &self.nonces,
            &self.gas,
            &self.fees,
            &self.recipients,
            &self.values,
            &self.inputs,
            &self.selectors,
            &self.kinds,
            &self.words,
            &self.word_addresses,
            &self.bytes,
            &self.lists,
        ];
        columns.into_iter().try_for_each(Column::end)
    }
}

/// Reads the blocks; there is one signature per transaction.
pub(crate) fn read(
    bytes: &[u8],
    signatures: &[u8],
    chain_id: u64,
    most_calldata: usize,
) -> Result<Payload, CodecError> {
    let mut bytes = Column { name: "lengths", rest: bytes };
    let mut next = |name| Column::split(name, &mut bytes);
    let mut blocks = next("blocks")?;
    let dictionary = next("addresses")?;
    if !dictionary.rest.len().is_multiple_of(20) {
        return Err(dictionary.error("no whole number of addresses"));
    }
    let mut columns = Columns {
        dictionary: dictionary.rest,
        types: next("types")?,
        flags: next("flags")?,
        nonces: next("nonces")?,
        gas: next("gas")?,
        fees: next("fees")?,
        recipients: next("recipients")?,
        values: next("values")?,
        inputs: next("inputs")?,
        selectors: next("selectors")?,
        kinds: next("kinds")?,
        words: next("words")?,
        word_addresses: next("word addresses")?,
        bytes: next("bytes")?,
        lists: next("lists")?,
        calldata: most_calldata,
    };
    bytes.end()?;
    let mut payload = read_blocks(&mut blocks, (signatures.len() / SIGNATURE) as u64)?;
    let mut signatures = signatures.chunks_exact(SIGNATURE);
    for block in &mut payload {
        for _ in 0..block.count {
            let signature = signatures.next().unwrap_or_default();
            block.block.transactions.push(transactions::read(&mut columns, signature, chain_id)?);
        }
    }
    columns.end()?;
    Ok(Payload::new(payload.into_iter().map(|announced| announced.block)))
}

struct AnnouncedBlock {
    block: PayloadBlock,
    /// Its number of transactions.
    count: u64,
}

fn read_blocks(column: &mut Column<'_>, signatures: u64) -> Result<VecDeque<AnnouncedBlock>, CodecError> {
    let count = column.number()?;
    if count > MAX_BLOCKS as u64 {
        return Err(CodecError::Blocks(count));
    }
    let mut blocks = VecDeque::with_capacity(count as usize);
    let (mut timestamp, mut origin, mut transactions) = (0u64, 0u64, 0u64);
    let too_large = column.error("sum is too large");
    for _ in 0..count {
        timestamp = timestamp.checked_add(column.number()?).ok_or_else(|| too_large.clone())?;
        origin = origin.checked_add(column.number()?).ok_or_else(|| too_large.clone())?;
        let deposits = column.number()?;
        let count = column.number()?;
        transactions = transactions.checked_add(count).ok_or_else(|| too_large.clone())?;
        let block = PayloadBlock { timestamp, origin, deposits, transactions: Vec::new() };
        blocks.push_back(AnnouncedBlock { block, count });
    }
    column.end()?;
    if transactions != signatures {
        return Err(CodecError::TransactionCount { blocks: transactions, signatures });
    }
    Ok(blocks)
}
