//! One transaction from the columns.

use alloc::vec::Vec;
use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::{Encodable2718, eip2930::AccessList, eip7702::SignedAuthorization};
use alloy_primitives::{Bytes, Signature, TxKind, U256};
use alloy_rlp::Decodable;
use op_alloy_consensus::OpTxEnvelope;

use super::{
    CodecError, MAX_INPUT, PayloadTransaction,
    columns::{ADDRESS_WORD, CALL, Column, Columns, HIGH_BYTES, NO_CHAIN_ID, ODD},
};

/// The next transaction, which r ‖ s signs.
pub(crate) fn read(
    columns: &mut Columns<'_>,
    signature: &[u8],
    chain_id: u64,
) -> Result<PayloadTransaction, CodecError> {
    let kind = columns.types.byte()?;
    let flags = columns.flags.byte()?;
    if flags > (ODD | NO_CHAIN_ID | CALL) || (flags & NO_CHAIN_ID != 0 && kind != 0) {
        return Err(columns.flags.error("unknown flag"));
    }
    let signature = signature_of(signature, flags & ODD != 0);
    let transaction: OpTxEnvelope = match kind {
        0 => legacy(columns, flags, chain_id)?.into_signed(signature).into(),
        1 => eip2930(columns, flags, chain_id)?.into_signed(signature).into(),
        2 => eip1559(columns, flags, chain_id)?.into_signed(signature).into(),
        4 => eip7702(columns, flags, chain_id)?.into_signed(signature).into(),
        _ => return Err(CodecError::TransactionType(kind)),
    };
    let encoded = transaction.encoded_2718().into();
    Ok(PayloadTransaction { transaction, encoded })
}

fn signature_of(bytes: &[u8], odd: bool) -> Signature {
    let (r, s) = bytes.split_at(bytes.len() / 2);
    Signature::new(U256::from_be_slice(r), U256::from_be_slice(s), odd)
}

fn legacy(columns: &mut Columns<'_>, flags: u8, chain_id: u64) -> Result<TxLegacy, CodecError> {
    Ok(TxLegacy {
        chain_id: (flags & NO_CHAIN_ID == 0).then_some(chain_id),
        nonce: columns.nonces.number()?,
        gas_price: columns.fees.number128()?,
        gas_limit: columns.gas.number()?,
        to: recipient(columns)?,
        value: columns.values.value()?,
        input: input(columns, flags)?,
    })
}

fn eip2930(columns: &mut Columns<'_>, flags: u8, chain_id: u64) -> Result<TxEip2930, CodecError> {
    Ok(TxEip2930 {
        chain_id,
        nonce: columns.nonces.number()?,
        gas_price: columns.fees.number128()?,
        gas_limit: columns.gas.number()?,
        to: recipient(columns)?,
        value: columns.values.value()?,
        access_list: list(&mut columns.lists)?,
        input: input(columns, flags)?,
    })
}

fn eip1559(columns: &mut Columns<'_>, flags: u8, chain_id: u64) -> Result<TxEip1559, CodecError> {
    Ok(TxEip1559 {
        chain_id,
        nonce: columns.nonces.number()?,
        gas_limit: columns.gas.number()?,
        max_fee_per_gas: columns.fees.number128()?,
        max_priority_fee_per_gas: columns.fees.number128()?,
        to: recipient(columns)?,
        value: columns.values.value()?,
        access_list: list(&mut columns.lists)?,
        input: input(columns, flags)?,
    })
}

fn eip7702(columns: &mut Columns<'_>, flags: u8, chain_id: u64) -> Result<TxEip7702, CodecError> {
    let TxKind::Call(to) = recipient(columns)? else {
        return Err(columns.recipients.error("a creation by a transaction that cannot create"));
    };
    Ok(TxEip7702 {
        chain_id,
        nonce: columns.nonces.number()?,
        gas_limit: columns.gas.number()?,
        max_fee_per_gas: columns.fees.number128()?,
        max_priority_fee_per_gas: columns.fees.number128()?,
        to,
        value: columns.values.value()?,
        access_list: list::<AccessList>(&mut columns.lists)?,
        authorization_list: list::<Vec<SignedAuthorization>>(&mut columns.lists)?,
        input: input(columns, flags)?,
    })
}

fn recipient(columns: &mut Columns<'_>) -> Result<TxKind, CodecError> {
    match columns.recipients.number()? {
        0 => Ok(TxKind::Create),
        place => Ok(TxKind::Call(columns.address(place, &columns.recipients)?)),
    }
}

/// The RLP of a list; the decoder accepts its only encoding.
fn list<T: Decodable>(column: &mut Column<'_>) -> Result<T, CodecError> {
    let length = usize::try_from(column.number()?).unwrap_or(usize::MAX);
    let mut bytes = column.take(length)?;
    let list = T::decode(&mut bytes).map_err(|_| column.error("malformed list"))?;
    if bytes.is_empty() { Ok(list) } else { Err(column.error("bytes after a list")) }
}

fn input(columns: &mut Columns<'_>, flags: u8) -> Result<Bytes, CodecError> {
    let count = usize::try_from(columns.inputs.number()?).unwrap_or(usize::MAX);
    let call = flags & CALL != 0;
    let length = if call { count.saturating_mul(32).saturating_add(4) } else { count };
    if length > MAX_INPUT {
        return Err(CodecError::Calldata);
    }
    columns.calldata = columns.calldata.checked_sub(length).ok_or(CodecError::Calldata)?;
    if !call {
        return Ok(Bytes::copy_from_slice(columns.bytes.take(length)?));
    }
    let mut input = Vec::with_capacity(length);
    input.extend_from_slice(columns.selectors.take(4)?);
    for _ in 0..count {
        word(columns, &mut input)?;
    }
    Ok(input.into())
}

/// Appends the next word of a call.
fn word(columns: &mut Columns<'_>, input: &mut Vec<u8>) -> Result<(), CodecError> {
    const ZEROS: [u8; 32] = [0; 32];
    let kind = columns.kinds.byte()?;
    let high = kind.wrapping_sub(HIGH_BYTES);
    if kind <= 32 {
        let bytes = columns.words.take(kind.into())?;
        input.extend_from_slice(&ZEROS[bytes.len()..]);
        input.extend_from_slice(bytes);
    } else if kind == ADDRESS_WORD {
        let place = columns.word_addresses.number()?;
        let address = columns.address(place, &columns.word_addresses)?;
        input.extend_from_slice(&ZEROS[20..]);
        input.extend_from_slice(address.as_slice());
    } else if (1..32).contains(&high) {
        let bytes = columns.words.take(high.into())?;
        input.extend_from_slice(bytes);
        input.extend_from_slice(&ZEROS[bytes.len()..]);
    } else {
        return Err(columns.kinds.error("unknown kind of a word"));
    }
    Ok(())
}
