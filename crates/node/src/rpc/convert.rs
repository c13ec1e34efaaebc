//! Blocks, transactions, receipts and logs in the forms of the JSON-RPC.

use alloy_consensus::{ReceiptWithBloom, transaction::Recovered};
use alloy_primitives::{B256, U256};
use alloy_rpc_types_eth::{
    Block as RpcBlock, BlockTransactions, Header as RpcHeader, Log as RpcLog, Transaction as RpcTransaction,
    TransactionReceipt,
};
use op_alloy_consensus::{OpDepositReceipt, OpReceipt, OpTxEnvelope};
use op_alloy_rpc_types::{L1BlockInfo, OpTransactionReceipt};
use op_revm::OpSpecId;
use serde::Serialize;

use super::RpcError;
use crate::{
    block::{Block, Receipt, Signed, Transaction},
    chain::Chain,
    mempool::PoolTransaction,
};

/// A transaction in an answer.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(super) enum AnyTransaction {
    Signed(Box<RpcTransaction<Signed>>),
    Deposit(Box<op_alloy_rpc_types::Transaction>),
}

/// A receipt in an answer.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(super) enum AnyReceipt {
    Ethereum(Box<TransactionReceipt>),
    Op(Box<OpTransactionReceipt>),
}

/// A block in an answer.
pub(super) type AnyBlock = RpcBlock<AnyTransaction>;

/// The transaction at a place of a block.
pub(super) fn transaction(chain: &Chain, block: &Block, index: usize) -> Result<AnyTransaction, RpcError> {
    let recovered = chain.transaction(block, index)?;
    let price = block.effective_gas_price(recovered.inner());
    let (transaction, sender) = recovered.into_parts();
    Ok(match transaction {
        Transaction::Signed(signed) => AnyTransaction::Signed(Box::new(placed(
            Recovered::new_unchecked(signed, sender),
            block,
            index,
            price,
        ))),
        Transaction::Deposit(deposit) => {
            let recovered = Recovered::new_unchecked(OpTxEnvelope::Deposit(deposit), sender);
            let receipt = block.receipts.get(index);
            AnyTransaction::Deposit(Box::new(op_alloy_rpc_types::Transaction {
                inner: placed(recovered, block, index, price),
                deposit_nonce: receipt.and_then(|receipt| receipt.deposit_nonce),
                deposit_receipt_version: receipt.and_then(|receipt| receipt.deposit_receipt_version),
            }))
        }
    })
}

fn placed<T>(inner: Recovered<T>, block: &Block, index: usize, price: u128) -> RpcTransaction<T> {
    RpcTransaction {
        inner,
        block_hash: Some(block.hash()),
        block_number: Some(block.number()),
        transaction_index: Some(index as u64),
        effective_gas_price: Some(price),
        block_timestamp: Some(block.header.timestamp),
    }
}

/// A transaction that waits.
pub(super) fn waiting(pooled: &PoolTransaction) -> AnyTransaction {
    AnyTransaction::Signed(Box::new(RpcTransaction {
        inner: pooled.candidate.transaction.clone(),
        block_hash: None,
        block_number: None,
        transaction_index: None,
        effective_gas_price: None,
        block_timestamp: None,
    }))
}

/// A header.
pub(super) fn header(block: &Block) -> RpcHeader {
    RpcHeader {
        hash: block.hash(),
        inner: block.header.inner().clone(),
        total_difficulty: Some(U256::ZERO),
        size: Some(U256::from(block.encode().len())),
    }
}

/// A block, with its transactions or with their hashes only.
pub(super) fn block(chain: &Chain, block: &Block, full: bool) -> Result<AnyBlock, RpcError> {
    let count = block.transactions.len();
    let transactions = if full {
        let transactions = (0..count).map(|index| transaction(chain, block, index));
        BlockTransactions::Full(transactions.collect::<Result<_, _>>()?)
    } else {
        BlockTransactions::Hashes(block.transactions.iter().map(|transaction| transaction.hash()).collect())
    };
    Ok(RpcBlock {
        header: header(block),
        uncles: vec![],
        transactions,
        withdrawals: Some(alloy_eips::eip4895::Withdrawals::default()),
    })
}

/// The logs of a block, in their order.
pub(super) fn logs(block: &Block, removed: bool) -> impl Iterator<Item = RpcLog> + '_ {
    let receipts = block.receipts.iter().zip(&block.transactions).enumerate();
    receipts.flat_map(move |(index, (receipt, transaction))| {
        let hash = if receipt.logs.is_empty() { B256::ZERO } else { transaction.hash() };
        logs_of(block, receipt, (index, hash, block.logs_before(index)), removed)
    })
}

fn logs_of(
    block: &Block,
    receipt: &Receipt,
    (index, hash, before): (usize, B256, usize),
    removed: bool,
) -> Vec<RpcLog> {
    let log = |(place, log): (usize, &alloy_primitives::Log)| RpcLog {
        inner: log.clone(),
        block_hash: Some(block.hash()),
        block_number: Some(block.number()),
        block_timestamp: Some(block.header.timestamp),
        transaction_hash: Some(hash),
        transaction_index: Some(index as u64),
        log_index: Some((before + place) as u64),
        removed,
    };
    receipt.logs.iter().enumerate().map(log).collect()
}

/// The receipt at a place of a block.
pub(super) fn receipt(chain: &Chain, block: &Block, index: usize) -> Result<AnyReceipt, RpcError> {
    let recovered = chain.transaction(block, index)?;
    let transaction = recovered.inner();
    let kept = block.receipts.get(index).ok_or(RpcError::NotFound("receipt"))?;
    let hash = block.transactions[index].hash();
    let receipt = alloy_consensus::Receipt {
        status: alloy_consensus::Eip658Value::Eip658(kept.success),
        cumulative_gas_used: kept.cumulative_gas_used,
        logs: logs_of(block, kept, (index, hash, block.logs_before(index)), false),
    };
    let logs_bloom = kept.logs_bloom;
    let blob_gas = transaction.fields().blob_gas_used();
    let blob_price = block.header.blob_fee(chain.rules().blob_params()).filter(|_| blob_gas.is_some());
    let creates = transaction.fields().to().is_none();
    let nonce = kept.deposit_nonce.unwrap_or_else(|| transaction.fields().nonce());
    let fields = TransactionReceipt {
        inner: (),
        transaction_hash: hash,
        transaction_index: Some(index as u64),
        block_hash: Some(block.hash()),
        block_number: Some(block.number()),
        gas_used: block.gas_used(index),
        effective_gas_price: block.effective_gas_price(transaction),
        blob_gas_used: blob_gas,
        blob_gas_price: blob_price,
        from: recovered.signer(),
        to: transaction.fields().to(),
        contract_address: creates.then(|| recovered.signer().create(nonce)),
    };
    if !chain.is_l2() {
        let inner = ReceiptWithBloom { receipt, logs_bloom };
        let inner = match kept.tx_type {
            1 => alloy_consensus::ReceiptEnvelope::Eip2930(inner),
            2 => alloy_consensus::ReceiptEnvelope::Eip1559(inner),
            3 => alloy_consensus::ReceiptEnvelope::Eip4844(inner),
            4 => alloy_consensus::ReceiptEnvelope::Eip7702(inner),
            _ => alloy_consensus::ReceiptEnvelope::Legacy(inner),
        };
        return Ok(AnyReceipt::Ethereum(Box::new(fields.map_inner(|()| inner))));
    }
    let receipt = match kept.tx_type {
        1 => OpReceipt::Eip2930(receipt),
        2 => OpReceipt::Eip1559(receipt),
        4 => OpReceipt::Eip7702(receipt),
        op_alloy_consensus::DEPOSIT_TX_TYPE_ID => OpReceipt::Deposit(OpDepositReceipt {
            inner: receipt,
            deposit_nonce: kept.deposit_nonce,
            deposit_receipt_version: kept.deposit_receipt_version,
        }),
        _ => OpReceipt::Legacy(receipt),
    };
    Ok(AnyReceipt::Op(Box::new(OpTransactionReceipt {
        inner: fields.map_inner(|()| ReceiptWithBloom { receipt, logs_bloom }),
        l1_block_info: l1_block_info(block, transaction, index),
        op_gas_refund: None,
    })))
}

/// What the transaction paid for L1. The block's first transaction told the chain the prices; its data is packed as
/// Isthmus does: selector, two scalars (4 bytes each), three numbers of 8 bytes, base fee and blob base fee.
fn l1_block_info(block: &Block, transaction: &Transaction, index: usize) -> L1BlockInfo {
    let attributes = block.transactions.first().and_then(|first| Transaction::decode(&first.encoded).ok());
    let Some(Transaction::Deposit(attributes)) = attributes else { return L1BlockInfo::default() };
    let data = &attributes.input;
    let number =
        |at: usize, bytes: usize| data.get(at..at + bytes).map(U256::from_be_slice).unwrap_or_default();
    let (base_fee_scalar, blob_base_fee_scalar) = (number(4, 4), number(8, 4));
    let (base_fee, blob_base_fee) = (number(36, 32), number(68, 32));
    let mut prices = op_revm::L1BlockInfo {
        l1_base_fee: base_fee,
        l1_base_fee_scalar: base_fee_scalar,
        l1_blob_base_fee: Some(blob_base_fee),
        l1_blob_base_fee_scalar: Some(blob_base_fee_scalar),
        ..op_revm::L1BlockInfo::default()
    };
    let encoded = &block.transactions[index].encoded;
    let pays = matches!(transaction, Transaction::Signed(_));
    let fee = |of: U256| pays.then(|| of.saturating_to::<u128>()).or(Some(0));
    L1BlockInfo {
        l1_gas_price: Some(base_fee.saturating_to()),
        l1_gas_used: fee(prices.data_gas(encoded, OpSpecId::ISTHMUS)),
        l1_fee: fee(prices.calculate_tx_l1_cost(encoded, OpSpecId::ISTHMUS)),
        l1_fee_scalar: None,
        l1_base_fee_scalar: Some(base_fee_scalar.saturating_to()),
        l1_blob_base_fee: Some(blob_base_fee.saturating_to()),
        l1_blob_base_fee_scalar: Some(blob_base_fee_scalar.saturating_to()),
        operator_fee_scalar: None,
        operator_fee_constant: None,
        da_footprint_gas_scalar: None,
    }
}
