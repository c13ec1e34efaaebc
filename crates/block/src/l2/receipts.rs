//! Receipts of the rollup's transactions, deposits included.

use core::cell::RefCell;

use alloy_consensus::{Eip658Value, Receipt, ReceiptWithBloom};
use alloy_evm::{Evm, eth::receipt_builder::ReceiptBuilderCtx};
use alloy_op_evm::block::receipt_builder::OpReceiptBuilder;
use alloy_primitives::Bloom;
use op_alloy_consensus::{OpDepositReceipt, OpReceiptEnvelope, OpTxEnvelope, OpTxType};

use crate::receipts::Blooms;

/// Builds a block's receipts and the bloom filter of all its logs.
#[derive(Debug, Default)]
pub(crate) struct Receipts(RefCell<Blooms>);

impl Receipts {
    /// Bloom filter of the logs of all receipts so far.
    pub(crate) fn bloom(&self) -> Bloom {
        self.0.borrow().all
    }
}

impl OpReceiptBuilder for Receipts {
    type Transaction = OpTxEnvelope;
    type Receipt = OpReceiptEnvelope;

    fn build_receipt<'a, E: Evm>(
        &self,
        context: ReceiptBuilderCtx<'a, OpTxType, E>,
    ) -> Result<OpReceiptEnvelope, ReceiptBuilderCtx<'a, OpTxType, E>> {
        let kind = match context.tx_type {
            OpTxType::Deposit => return Err(context),
            OpTxType::Legacy => OpReceiptEnvelope::Legacy,
            OpTxType::Eip2930 => OpReceiptEnvelope::Eip2930,
            OpTxType::Eip1559 => OpReceiptEnvelope::Eip1559,
            OpTxType::Eip7702 => OpReceiptEnvelope::Eip7702,
            OpTxType::PostExec => OpReceiptEnvelope::PostExec,
        };
        let status = Eip658Value::Eip658(context.result.is_success());
        let logs = context.result.into_logs();
        let logs_bloom = self.0.borrow_mut().add(&logs);
        let receipt = Receipt { status, cumulative_gas_used: context.cumulative_gas_used, logs };
        Ok(kind(ReceiptWithBloom { receipt, logs_bloom }))
    }

    fn build_deposit_receipt(&self, receipt: OpDepositReceipt) -> OpReceiptEnvelope {
        let logs_bloom = self.0.borrow_mut().add(&receipt.inner.logs);
        OpReceiptEnvelope::Deposit(ReceiptWithBloom { receipt, logs_bloom })
    }
}
