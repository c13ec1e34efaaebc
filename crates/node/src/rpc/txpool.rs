//! `txpool_`, and `vellum_transactionStatus`: why a transaction is in no block.

use std::collections::BTreeMap;

use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, B256, U64};
use serde::Serialize;

use super::{
    Api, Args, Methods, RpcError,
    convert::{self, AnyTransaction},
};
use crate::mempool::{Content, PoolTransaction, Status};

/// By sender, by nonce in decimal.
type Grouped<T> = BTreeMap<String, BTreeMap<String, T>>;

/// Pending and queued transactions.
#[derive(Debug, Serialize)]
struct Both<T> {
    pending: T,
    queued: T,
}

pub(super) fn register(methods: &mut Methods) {
    methods.add("txpool_status", 0, |api, _| {
        let (pending, queued) = api.node.pool().count();
        Ok(Both { pending: U64::from(pending), queued: U64::from(queued) })
    });
    methods.add("txpool_content", 0, |api, _| {
        let (pending, queued) = api.node.pool().content(None);
        let content = |content| grouped(content, convert::waiting);
        Ok(Both { pending: content(pending), queued: content(queued) })
    });
    methods.add("txpool_contentFrom", 1, content_from);
    methods.add("txpool_inspect", 0, |api, _| {
        let (pending, queued) = api.node.pool().content(None);
        Ok(Both { pending: grouped(pending, inspected), queued: grouped(queued, inspected) })
    });
    methods.add("vellum_transactionStatus", 1, status);
}

fn grouped<T>(content: Content, form: impl Fn(&PoolTransaction) -> T) -> Grouped<T> {
    let by_nonce = |transactions: BTreeMap<u64, PoolTransaction>| {
        transactions.iter().map(|(nonce, transaction)| (nonce.to_string(), form(transaction))).collect()
    };
    content.into_iter().map(|(sender, transactions)| (sender.to_string(), by_nonce(transactions))).collect()
}

fn content_from(api: &Api, args: &mut Args<'_>) -> Result<Both<BTreeMap<String, AnyTransaction>>, RpcError> {
    let sender: Address = args.required()?;
    let (pending, queued) = api.node.pool().content(Some(sender));
    let of = |content| grouped(content, convert::waiting).into_values().next().unwrap_or_default();
    Ok(Both { pending: of(pending), queued: of(queued) })
}

/// geth's one line about a transaction.
fn inspected(pooled: &PoolTransaction) -> String {
    let transaction = pooled.transaction();
    let to = transaction.to().map_or("contract creation".into(), |to| to.to_string());
    let (value, gas, price) = (transaction.value(), transaction.gas_limit(), transaction.max_fee_per_gas());
    format!("{to}: {value} wei + {gas} gas × {price} wei")
}

/// Where a transaction is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TransactionStatus {
    /// "included", "pending", "queued", "leftOut", "dropped" or "unknown".
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    block_number: Option<U64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_nonce: Option<U64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

fn status(api: &Api, args: &mut Args<'_>) -> Result<TransactionStatus, RpcError> {
    let hash: B256 = args.required()?;
    let answer = |status| TransactionStatus { status, block_number: None, missing_nonce: None, reason: None };
    if let Some((block, _)) = api.node.chain().transaction_place(hash)? {
        return Ok(TransactionStatus { block_number: Some(U64::from(block.number())), ..answer("included") });
    }
    Ok(match api.node.pool().status(&hash) {
        None => answer("unknown"),
        Some(Status::Pending) => answer("pending"),
        Some(Status::Queued { missing_nonce }) => TransactionStatus {
            missing_nonce: Some(U64::from(missing_nonce)),
            reason: Some(format!("no transaction with nonce {missing_nonce}")),
            ..answer("queued")
        },
        Some(Status::LeftOut { reason }) => TransactionStatus { reason: Some(reason), ..answer("leftOut") },
        Some(Status::Dropped { reason }) => TransactionStatus { reason: Some(reason), ..answer("dropped") },
    })
}
