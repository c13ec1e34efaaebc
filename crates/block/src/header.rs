//! Checks of a block's header against its parent's, before anything is executed.

use alloc::vec::Vec;
use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header};
use alloy_eips::{
    eip1559::{BaseFeeParams, calc_next_block_base_fee},
    eip4844::DATA_GAS_PER_BLOB,
};
use alloy_primitives::{B64, B256, U256, keccak256};
use alloy_rlp::Decodable;

use crate::{BlockError, Fork, rules::Chain};

/// Longest extra data of a header (Yellow Paper, section 4.4.4).
const MAX_EXTRA_DATA: usize = 32;
/// Lowest gas limit of a block, and the divisor that bounds its change (Yellow Paper, equation 56).
const MIN_GAS_LIMIT: u64 = 5000;
const GAS_LIMIT_BOUND_DIVISOR: u64 = 1024;

/// The headers before a block: the parent's in full, of all the hash.
pub(crate) struct Ancestors {
    pub(crate) parent: Header,
    /// Hashes of the parent, its parent and so on.
    pub(crate) hashes: Vec<B256>,
}

/// Reads the ancestors' headers and checks that each is the parent of the one before.
pub(crate) fn ancestors(rlp: &[u8]) -> Result<Ancestors, BlockError> {
    let mut hashes = Vec::new();
    let mut parent: Option<Header> = None;
    chain(rlp, |header, hash| {
        hashes.push(hash);
        parent.get_or_insert(header);
    })?;
    Ok(Ancestors { parent: parent.ok_or(BlockError::MissingParent)?, hashes })
}

/// Reads headers, each of which must be the parent of the one before, and gives them with their hashes to `visit`.
pub(crate) fn chain(mut rlp: &[u8], mut visit: impl FnMut(Header, B256)) -> Result<(), BlockError> {
    let mut named: Option<(B256, u64)> = None;
    let mut index = 0;
    while !rlp.is_empty() {
        let before = rlp;
        let header =
            Header::decode(&mut rlp).map_err(|error| BlockError::MalformedAncestor { index, error })?;
        let hash = keccak256(&before[..before.len() - rlp.len()]);
        if let Some((expected, number)) = named
            && (hash != expected || number.checked_sub(1) != Some(header.number))
        {
            return Err(BlockError::AncestorMismatch { index, expected, got: hash });
        }
        named = Some((header.parent_hash, header.number));
        visit(header, hash);
        index += 1;
    }
    Ok(())
}

/// Header fields that every block of the supported forks has.
pub(crate) struct ForkFields {
    pub(crate) withdrawals_root: B256,
    pub(crate) blob_gas_used: u64,
    /// None before Prague.
    pub(crate) requests_hash: Option<B256>,
}

/// Checks the header against the rules and its parent.
pub(crate) fn check(
    chain: Chain,
    header: &Header,
    parent: &Header,
    parent_hash: B256,
) -> Result<ForkFields, BlockError> {
    equal("parent hash", header.parent_hash, parent_hash)?;
    let number = parent.number.checked_add(1).ok_or(BlockError::ParentOutOfRange("number"))?;
    equal("number", header.number, number)?;
    let same_second = header.timestamp == parent.timestamp && chain.is_development();
    if header.timestamp <= parent.timestamp && !same_second {
        return Err(BlockError::Timestamp { parent: parent.timestamp, got: header.timestamp });
    }
    equal("ommers hash", header.ommers_hash, EMPTY_OMMER_ROOT_HASH)?;
    equal("difficulty", header.difficulty, U256::ZERO)?;
    equal("nonce", header.nonce, B64::ZERO)?;
    if header.extra_data.len() > MAX_EXTRA_DATA {
        return Err(BlockError::ExtraDataTooLong { length: header.extra_data.len() });
    }
    check_gas(header, parent)?;
    check_blob_gas(chain.fork, header, parent)
}

fn check_gas(header: &Header, parent: &Header) -> Result<(), BlockError> {
    let change = header.gas_limit.abs_diff(parent.gas_limit);
    if change >= parent.gas_limit / GAS_LIMIT_BOUND_DIVISOR || header.gas_limit < MIN_GAS_LIMIT {
        return Err(BlockError::GasLimit { parent: parent.gas_limit, got: header.gas_limit });
    }
    if header.gas_used > header.gas_limit {
        return Err(BlockError::GasUsedAboveLimit { used: header.gas_used, limit: header.gas_limit });
    }
    let expected = next_base_fee(parent, BaseFeeParams::ethereum())?;
    equal("base fee", header.base_fee_per_gas.ok_or(BlockError::MissingField("base fee"))?, expected)
}

/// Base fee of the block after `parent` (EIP-1559).
pub(crate) fn next_base_fee(parent: &Header, params: BaseFeeParams) -> Result<u64, BlockError> {
    // The bounds keep the base fee formula from overflowing; no real parent is near them.
    let parent_fee = parent.base_fee_per_gas.ok_or(BlockError::MissingField("parent's base fee"))?;
    if parent_fee > u64::MAX / 2 || parent.gas_used > parent.gas_limit {
        return Err(BlockError::ParentOutOfRange("base fee or gas used"));
    }
    Ok(calc_next_block_base_fee(parent.gas_used, parent.gas_limit, parent_fee, params))
}

fn check_blob_gas(fork: Fork, header: &Header, parent: &Header) -> Result<ForkFields, BlockError> {
    let field = |value: Option<u64>, name| value.ok_or(BlockError::MissingField(name));
    let hash = |value: Option<B256>, name| value.ok_or(BlockError::MissingField(name));
    let params = fork.blob_params();

    let excess = field(header.excess_blob_gas, "excess blob gas")?;
    equal("excess blob gas", excess, next_excess_blob_gas(fork, parent)?)?;

    let blob_gas_used = field(header.blob_gas_used, "blob gas used")?;
    if blob_gas_used > params.max_blob_gas_per_block() || !blob_gas_used.is_multiple_of(DATA_GAS_PER_BLOB) {
        return Err(BlockError::BlobGasUsed { used: blob_gas_used, max: params.max_blob_gas_per_block() });
    }
    hash(header.parent_beacon_block_root, "parent beacon block root")?;
    let requests_hash = match fork.has_requests() {
        true => Some(hash(header.requests_hash, "requests hash")?),
        false => None,
    };
    let later = header.requests_hash.is_some() && requests_hash.is_none();
    if later || header.block_access_list_hash.is_some() || header.slot_number.is_some() {
        return Err(BlockError::FieldOfLaterFork);
    }
    Ok(ForkFields {
        withdrawals_root: hash(header.withdrawals_root, "withdrawals root")?,
        blob_gas_used,
        requests_hash,
    })
}

/// Excess blob gas of the block after `parent` (EIP-4844).
pub(crate) fn next_excess_blob_gas(fork: Fork, parent: &Header) -> Result<u64, BlockError> {
    let excess = parent.excess_blob_gas.ok_or(BlockError::MissingField("parent's excess blob gas"))?;
    let used = parent.blob_gas_used.ok_or(BlockError::MissingField("parent's blob gas used"))?;
    if excess.checked_add(used).is_none() {
        return Err(BlockError::ParentOutOfRange("blob gas"));
    }
    let fee = parent.base_fee_per_gas.ok_or(BlockError::MissingField("parent's base fee"))?;
    // Before Osaka the base fee does not count here (EIP-7918); the parameters say so by a blob cost of zero.
    Ok(fork.blob_params().next_block_excess_blob_gas_osaka(excess, used, fee))
}

/// The header's `field` must have the value that the rules say.
pub(crate) fn equal<T>(field: &'static str, got: T, expected: T) -> Result<(), BlockError>
where
    T: PartialEq + core::fmt::Debug,
{
    if got == expected {
        return Ok(());
    }
    Err(BlockError::Header {
        field,
        expected: alloc::format!("{expected:?}"),
        got: alloc::format!("{got:?}"),
    })
}
