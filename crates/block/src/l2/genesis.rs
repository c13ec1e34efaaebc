//! Genesis of the rollup's chain: its header, and the storage of the L1Block predeploy.

use alloc::vec::Vec;
use alloy_consensus::Header;
use alloy_primitives::U256;

use super::{L1Origin, MESSAGE_PASSER, RollupConfig, SEQUENCER_FEE_VAULT, origin::batcher_hash};
use crate::genesis::{GenesisState, ethereum_genesis_header};

/// number (8 bytes) and timestamp (8 bytes), from the word's end.
pub(crate) const NUMBER_SLOT: U256 = U256::ZERO;
/// sequenceNumber (8 bytes), blobBaseFeeScalar and baseFeeScalar (4 bytes each), from the word's end.
pub(crate) const SEQUENCE_SLOT: U256 = U256::from_limbs([3, 0, 0, 0]);

/// Slots of the L1Block predeploy as if its attributes had been set by block 0: the first block's origin is then this
/// one or a later one.
pub fn l1_block_storage(config: &RollupConfig, origin: &L1Origin) -> Vec<(U256, U256)> {
    let scalars = u64::from(config.base_fee_scalar) << 32 | u64::from(config.blob_base_fee_scalar);
    let slots = [
        (NUMBER_SLOT, U256::from_limbs([origin.number, origin.timestamp, 0, 0])),
        (U256::from(1), U256::from(origin.base_fee)),
        (U256::from(2), origin.hash.into()),
        (SEQUENCE_SLOT, U256::from_limbs([0, scalars, 0, 0])),
        (U256::from(4), batcher_hash(config.batcher).into()),
        (U256::from(7), U256::from(origin.blob_base_fee)),
    ];
    slots.into_iter().filter(|(_, value)| !value.is_zero()).collect()
}

/// The header of block 0: the configuration's gas limit and base fee parameters, the message passer's storage root.
/// The configuration's own `genesis_hash` does not count, because it is this header's hash.
pub fn genesis_header(config: &RollupConfig, state: &GenesisState, base_fee: u64, timestamp: u64) -> Header {
    Header {
        beneficiary: SEQUENCER_FEE_VAULT,
        extra_data: config.extra_data(),
        withdrawals_root: Some(state.storage_root(MESSAGE_PASSER)),
        ..ethereum_genesis_header(state, config.gas_limit, base_fee, timestamp)
    }
}
