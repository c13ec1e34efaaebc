//! Receipts of executed transactions, and the bloom filters of their logs.

use core::cell::RefCell;

use alloy_consensus::{Eip658Value, Receipt, ReceiptEnvelope, ReceiptWithBloom, TxType};
use alloy_evm::{
    Evm,
    eth::receipt_builder::{ReceiptBuilder, ReceiptBuilderCtx},
};
use alloy_primitives::{
    Bloom, Log, keccak256,
    map::{AddressMap, B256Map},
};

use crate::body::Transaction;

/// Builds the receipts of a block, whose transactions come without blobs.
#[derive(Debug, Default)]
pub(crate) struct Receipts(RefCell<Blooms>);

impl Receipts {
    /// Bloom filter of the logs of all receipts so far.
    pub(crate) fn bloom(&self) -> Bloom {
        self.0.borrow().all
    }
}

impl ReceiptBuilder for Receipts {
    type Transaction = Transaction;
    type Receipt = ReceiptEnvelope;

    fn build_receipt<E: Evm>(&self, context: ReceiptBuilderCtx<'_, TxType, E>) -> ReceiptEnvelope {
        let status = Eip658Value::Eip658(context.result.is_success());
        let logs = context.result.into_logs();
        let logs_bloom = self.0.borrow_mut().add(&logs);
        let receipt = Receipt { status, cumulative_gas_used: context.cumulative_gas_used, logs };
        let receipt = ReceiptWithBloom { receipt, logs_bloom };
        match context.tx_type {
            TxType::Legacy => ReceiptEnvelope::Legacy(receipt),
            TxType::Eip2930 => ReceiptEnvelope::Eip2930(receipt),
            TxType::Eip1559 => ReceiptEnvelope::Eip1559(receipt),
            TxType::Eip4844 => ReceiptEnvelope::Eip4844(receipt),
            TxType::Eip7702 => ReceiptEnvelope::Eip7702(receipt),
        }
    }
}

/// The three bits that a byte string sets, from the filter's end (Yellow Paper, section 4.4.1).
type Bits = [u16; 3];

/// The filter of all logs. Contracts and events recur in a block, so each is hashed once.
#[derive(Debug, Default)]
pub(crate) struct Blooms {
    pub(crate) all: Bloom,
    contracts: AddressMap<Bits>,
    events: B256Map<Bits>,
}

impl Blooms {
    /// The filter of one transaction's logs, which is added to that of all.
    pub(crate) fn add(&mut self, logs: &[Log]) -> Bloom {
        let mut one = Bloom::ZERO;
        for log in logs {
            let contract = *self.contracts.entry(log.address).or_insert_with(|| bits(log.address.as_slice()));
            set([&mut one, &mut self.all], contract);
            for (place, &topic) in log.topics().iter().enumerate() {
                let topic = if place == 0 {
                    *self.events.entry(topic).or_insert_with(|| bits(topic.as_slice()))
                } else {
                    bits(topic.as_slice())
                };
                set([&mut one, &mut self.all], topic);
            }
        }
        one
    }
}

fn bits(bytes: &[u8]) -> Bits {
    let [a, b, c, d, e, f, ..] = keccak256(bytes).0;
    [[a, b], [c, d], [e, f]].map(|pair| u16::from_be_bytes(pair) % 2048)
}

fn set(blooms: [&mut Bloom; 2], bits: Bits) {
    for bloom in blooms {
        for bit in bits {
            bloom[255 - usize::from(bit / 8)] |= 1 << (bit % 8);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use alloy_primitives::{Address, B256, Bytes, logs_bloom};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn blooms_agree_with_the_reference(logs: Vec<(u8, Vec<u8>)>) {
            let logs: Vec<Log> = logs
                .into_iter()
                .map(|(contract, topics)| {
                    let topics = topics.into_iter().take(4).map(B256::with_last_byte).collect();
                    Log::new_unchecked(Address::with_last_byte(contract), topics, Bytes::new())
                })
                .collect();
            let mut blooms = Blooms::default();
            for one in logs.chunks(2) {
                assert_eq!(blooms.add(one), logs_bloom(one));
            }
            assert_eq!(blooms.all, logs_bloom(&logs));
        }
    }
}
