//! Writing payloads: the sequencer's side. Whatever it makes is read back before it is used.

use alloc::{string::String, vec, vec::Vec};
use alloy_consensus::{Transaction as _, Typed2718};
use alloy_primitives::{Address, Signature, TxKind, U256, map::HashMap};
use alloy_rlp::Encodable;
use op_alloy_consensus::OpTxEnvelope;

use super::{
    CodecError, PAYLOAD_VERSION, PREFIX, Payload, PayloadBlock,
    columns::{ADDRESS_WORD, CALL, HIGH_BYTES, NO_CHAIN_ID, ODD},
};
use crate::l2::blob::{self, Blob};

/// zstd's level: the highest one without more memory; a batch is small.
const LEVEL: i32 = 19;

/// Why blocks cannot be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// Users cannot send this transaction.
    #[error("transaction of type {0:#x} does not belong in a payload")]
    TransactionType(u8),
    /// Timestamps or origins go back.
    #[error("block {0} has a timestamp or an origin before that of the block before")]
    Order(usize),
    /// More than four gigabytes.
    #[error("payload is too long")]
    TooLong,
    /// The compressor failed.
    #[error("zstd: {0}")]
    Compressor(String),
    /// The payload does not read back, because it breaks a bound or a transaction is of another chain.
    #[error("the payload would not be decoded: {0}")]
    NotDecoded(CodecError),
    /// The payload reads back as something else: a transaction is of another chain.
    #[error("the payload would be decoded to other blocks")]
    Different,
}

/// The blobs of a batch of these blocks, 131,072 bytes each.
pub fn encode(payload: &Payload, chain_id: u64) -> Result<Vec<Vec<u8>>, EncodeError> {
    let blobs = blob::pack(&encode_payload(payload)?);
    let read: Result<Vec<Blob<'_>>, _> = blobs.iter().map(|blob| Blob::new(blob)).collect();
    // Packed values are in the field, so there is no error to name.
    let read = read.map_err(|_| EncodeError::Different)?;
    let decoded = super::decode(&read, chain_id).map_err(EncodeError::NotDecoded)?;
    if decoded == *payload { Ok(blobs) } else { Err(EncodeError::Different) }
}

/// The bytes of a payload.
pub fn encode_payload(payload: &Payload) -> Result<Vec<u8>, EncodeError> {
    let mut columns = Columns::default();
    columns.write(payload)?;
    let frame = compress(&columns.into_bytes())?;
    let length = |length: usize| u32::try_from(length).map_err(|_| EncodeError::TooLong);
    let transactions: Vec<_> = payload.blocks().flat_map(|block| &block.transactions).collect();
    let mut bytes = Vec::with_capacity(PREFIX + frame.len() + 64 * transactions.len());
    bytes.push(PAYLOAD_VERSION);
    bytes.extend(length(frame.len())?.to_le_bytes());
    bytes.extend(length(transactions.len())?.to_le_bytes());
    bytes.extend(frame);
    for transaction in transactions {
        let signature = signature(&transaction.transaction)?;
        bytes.extend(signature.r().to_be_bytes::<32>());
        bytes.extend(signature.s().to_be_bytes::<32>());
    }
    Ok(bytes)
}

fn compress(bytes: &[u8]) -> Result<Vec<u8>, EncodeError> {
    zstd::bulk::compress(bytes, LEVEL).map_err(|error| EncodeError::Compressor(alloc::format!("{error}")))
}

fn signature(transaction: &OpTxEnvelope) -> Result<Signature, EncodeError> {
    transaction.signature().copied().ok_or_else(|| EncodeError::TransactionType(transaction.ty()))
}

/// The columns of `columns.rs`, under construction.
#[derive(Default)]
struct Columns {
    blocks: Vec<u8>,
    addresses: Vec<u8>,
    places: HashMap<Address, u64>,
    types: Vec<u8>,
    flags: Vec<u8>,
    nonces: Vec<u8>,
    gas: Vec<u8>,
    fees: Vec<u8>,
    recipients: Vec<u8>,
    values: Vec<u8>,
    inputs: Vec<u8>,
    selectors: Vec<u8>,
    kinds: Vec<u8>,
    words: Vec<u8>,
    word_addresses: Vec<u8>,
    bytes: Vec<u8>,
    lists: Vec<u8>,
}

impl Columns {
    fn write(&mut self, payload: &Payload) -> Result<(), EncodeError> {
        number(payload.blocks().len() as u128, &mut self.blocks);
        let mut before = (0, 0);
        for (index, block) in payload.blocks().enumerate() {
            let &PayloadBlock { timestamp, origin, deposits, .. } = block;
            let differences = (timestamp.checked_sub(before.0), origin.checked_sub(before.1));
            let (Some(later), Some(higher)) = differences else { return Err(EncodeError::Order(index)) };
            before = (timestamp, origin);
            for value in [later, higher, deposits, block.transactions.len() as u64] {
                number(value.into(), &mut self.blocks);
            }
        }
        payload
            .blocks()
            .flat_map(|block| &block.transactions)
            .try_for_each(|transaction| self.transaction(&transaction.transaction))
    }

    fn transaction(&mut self, transaction: &OpTxEnvelope) -> Result<(), EncodeError> {
        let kind = transaction.ty();
        let signature = signature(transaction)?;
        let call = transaction.input().len() % 32 == 4;
        let without_chain_id = kind == 0 && transaction.chain_id().is_none();
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        self.types.push(kind);
        self.flags.push(flag(signature.v(), ODD) | flag(without_chain_id, NO_CHAIN_ID) | flag(call, CALL));
        number(transaction.nonce().into(), &mut self.nonces);
        number(transaction.gas_limit().into(), &mut self.gas);
        number(transaction.max_fee_per_gas(), &mut self.fees);
        if let Some(priority_fee) = transaction.max_priority_fee_per_gas() {
            number(priority_fee, &mut self.fees);
        }
        let place = match transaction.kind() {
            TxKind::Create => 0,
            TxKind::Call(address) => self.place(address),
        };
        number(place.into(), &mut self.recipients);
        value(transaction.value(), &mut self.values);
        self.input(transaction.input(), call);
        if let Some(list) = transaction.access_list() {
            rlp(list, &mut self.lists);
        }
        if let OpTxEnvelope::Eip7702(transaction) = transaction {
            rlp(&transaction.tx().authorization_list, &mut self.lists);
        }
        Ok(())
    }

    /// The address's place in the dictionary, where it is put if it is new.
    fn place(&mut self, address: Address) -> u64 {
        let next = self.places.len() as u64 + 1;
        *self.places.entry(address).or_insert_with(|| {
            self.addresses.extend_from_slice(address.as_slice());
            next
        })
    }

    fn input(&mut self, input: &[u8], call: bool) {
        if !call {
            number(input.len() as u128, &mut self.inputs);
            self.bytes.extend_from_slice(input);
            return;
        }
        let (selector, words) = input.split_at(4);
        number(words.len() as u128 / 32, &mut self.inputs);
        self.selectors.extend_from_slice(selector);
        words.chunks_exact(32).for_each(|word| self.word(word));
    }

    fn word(&mut self, word: &[u8]) {
        let leading = word.iter().take_while(|&&byte| byte == 0).count();
        let trailing = word.iter().rev().take_while(|&&byte| byte == 0).count();
        // Numbers of 17 to 20 bytes are addresses more often than not.
        if (12..=15).contains(&leading) {
            self.kinds.push(ADDRESS_WORD);
            let place = self.place(Address::from_slice(&word[12..]));
            number(place.into(), &mut self.word_addresses);
        } else if trailing > leading && leading < 32 {
            self.kinds.push(HIGH_BYTES + (32 - trailing) as u8);
            self.words.extend_from_slice(&word[..32 - trailing]);
        } else {
            self.kinds.push((32 - leading) as u8);
            self.words.extend_from_slice(&word[leading..]);
        }
    }

    fn into_bytes(self) -> Vec<u8> {
        let columns = [
            self.blocks,
            self.addresses,
            self.types,
            self.flags,
            self.nonces,
            self.gas,
            self.fees,
            self.recipients,
            self.values,
            self.inputs,
            self.selectors,
            self.kinds,
            self.words,
            self.word_addresses,
            self.bytes,
            self.lists,
        ];
        let mut bytes = vec![];
        for column in columns {
            number(column.len() as u128, &mut bytes);
            bytes.extend(column);
        }
        bytes
    }
}

fn number(mut number: u128, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn value(value: U256, out: &mut Vec<u8>) {
    let bytes = value.to_be_bytes_trimmed_vec();
    out.push(bytes.len() as u8);
    out.extend(bytes);
}

fn rlp(list: &impl Encodable, out: &mut Vec<u8>) {
    let mut encoded = Vec::new();
    list.encode(&mut encoded);
    number(encoded.len() as u128, out);
    out.extend(encoded);
}
