//! The mempool, through a node and its server.

use alloy_primitives::{U256, address};
use serde_json::json;

use crate::harness::{ETHER, Tx, keys, node, served};
use vellum_node::{
    mempool::{Limits, Mempool, PoolError, PoolRules, PoolTransaction, SenderAccount, Status},
    node::NodeError,
};

fn pool(limits: Limits) -> Mempool {
    Mempool::new(PoolRules { chain_id: 900, blobs: true, block_gas_limit: 30_000_000 }, limits)
}

fn account(nonce: u64) -> SenderAccount {
    SenderAccount { nonce, balance: ETHER, is_contract: false }
}

fn decoded(tx: &Tx) -> PoolTransaction {
    PoolTransaction::decode(&tx.sign(), true).unwrap()
}

#[test]
fn every_refusal_has_its_reason() {
    let (node, _) = node();
    let refused = |tx: &Tx| match node.submit(&tx.sign()) {
        Err(NodeError::Pool(error)) => error,
        other => panic!("{other:?}"),
    };
    let base = Tx::new(0);
    assert_eq!(
        refused(&Tx { chain_id: 1, ..base.clone() }),
        PoolError::ChainId { expected: 900, got: Some(1) }
    );
    assert_eq!(
        refused(&Tx { gas: 20_999, ..base.clone() }),
        PoolError::IntrinsicGas { needed: 21_000, got: 20_999 }
    );
    assert_eq!(
        refused(&Tx { gas: 30_000_001, ..base.clone() }),
        PoolError::GasLimit { limit: 30_000_000, got: 30_000_001 }
    );
    assert_eq!(refused(&Tx { tip: 4_000_000_000, ..base.clone() }), PoolError::TipAboveFeeCap);
    let rich = refused(&Tx { value: ETHER * U256::from(10_000), ..base.clone() });
    assert!(matches!(rich, PoolError::Funds { .. }));
    let init = vec![0; 49_153];
    let create = Tx { to: alloy_primitives::TxKind::Create, input: init.into(), gas: 10_000_000, ..base };
    assert!(matches!(refused(&create), PoolError::InitCode { .. }));
    let large = Tx { input: vec![0; 140_000].into(), gas: 10_000_000, ..base };
    assert!(matches!(refused(&large), PoolError::Oversized { .. }));
    assert!(matches!(node.submit(b"\x02\x01"), Err(NodeError::Pool(PoolError::Malformed(_)))));
    assert!(matches!(node.submit(b""), Err(NodeError::Pool(PoolError::Malformed(_)))));

    node.submit(&base.sign()).unwrap();
    assert_eq!(refused(&base), PoolError::AlreadyKnown);
    let same_price = Tx { value: U256::from(2), ..base.clone() };
    assert_eq!(refused(&same_price), PoolError::ReplacementUnderpriced { bump: 10 });
    node.seal().unwrap();
    assert_eq!(refused(&base), PoolError::AlreadyKnown);
    assert_eq!(refused(&same_price), PoolError::NonceTooLow { expected: 1, got: 0 });
}

#[test]
fn a_changed_byte_never_panics() {
    let encoded = Tx::new(0).sign();
    for at in 0..encoded.len() {
        for change in [1, 0x80, 0xff] {
            let mut changed = encoded.to_vec();
            changed[at] ^= change;
            let _ = PoolTransaction::decode(&changed, true);
        }
        let _ = PoolTransaction::decode(&encoded[..at], true);
    }
}

#[test]
fn replacement_needs_ten_percent_and_leaves_a_reason() {
    let pool = pool(Limits::default());
    let base = Tx::new(0);
    let first = decoded(&base);
    pool.add(first.clone(), account(0)).unwrap();
    let nine = Tx { max_fee: base.max_fee * 109 / 100, tip: base.tip * 109 / 100, ..base.clone() };
    assert!(pool.add(decoded(&nine), account(0)).is_err());
    let ten = Tx { max_fee: base.max_fee * 110 / 100, tip: base.tip * 110 / 100, ..base };
    let second = decoded(&ten);
    pool.add(second.clone(), account(0)).unwrap();
    assert_eq!(pool.count(), (1, 0));
    assert!(
        matches!(pool.status(&first.hash), Some(Status::Dropped { reason }) if reason.contains("replaced"))
    );
    assert_eq!(pool.status(&second.hash), Some(Status::Pending));
}

#[test]
fn gaps_wait_and_limits_hold() {
    let limits = Limits { per_sender: 3, total: 5, ..Limits::default() };
    let pool = pool(limits);
    let with_nonce = |key, nonce| Tx { nonce, ..Tx::new(key) };
    let late = decoded(&with_nonce(0, 2));
    pool.add(late.clone(), account(0)).unwrap();
    assert_eq!(pool.status(&late.hash), Some(Status::Queued { missing_nonce: 0 }));
    pool.add(decoded(&with_nonce(0, 0)), account(0)).unwrap();
    assert_eq!((pool.count(), pool.next_nonce(keys()[0].address())), ((1, 1), Some(1)));
    pool.add(decoded(&with_nonce(0, 1)), account(0)).unwrap();
    assert_eq!(pool.count(), (3, 0));
    let fourth = pool.add(decoded(&with_nonce(0, 3)), account(0));
    assert_eq!(fourth, Err(PoolError::SenderFull { limit: 3 }));

    // Full: who pays no more than the worst is refused, who pays more takes its place.
    for key in [1, 2] {
        pool.add(decoded(&with_nonce(key, 0)), account(0)).unwrap();
    }
    assert_eq!(pool.add(decoded(&with_nonce(3, 0)), account(0)), Err(PoolError::Full));
    let dear = Tx { tip: 2_000_000, ..with_nonce(3, 0) };
    pool.add(decoded(&dear), account(0)).unwrap();
    assert_eq!(pool.count(), (5, 0));
}

#[test]
fn a_sender_cannot_promise_more_than_it_has() {
    let pool = pool(Limits::default());
    let half = |nonce| Tx { nonce, value: ETHER / U256::from(2), ..Tx::new(0) };
    let poor = SenderAccount { balance: ETHER, ..account(0) };
    pool.add(decoded(&half(0)), poor).unwrap();
    assert!(matches!(pool.add(decoded(&half(1)), poor), Err(PoolError::Funds { .. })));
}

#[test]
fn blocks_take_the_highest_tips_first_and_nonces_in_order() {
    let (node, _) = node();
    for (key, nonce, tip) in [(0, 0, 1), (0, 1, 90), (1, 0, 50), (2, 0, 60), (2, 1, 5)] {
        node.submit(&Tx { nonce, tip, ..Tx::new(key) }.sign()).unwrap();
    }
    let block = node.seal().unwrap();
    let order: Vec<usize> = block
        .transactions
        .iter()
        .map(|tx| keys().iter().position(|key| key.address() == tx.sender).unwrap())
        .collect();
    assert_eq!(order, [2, 1, 2, 0, 0]);
}

#[test]
fn what_becomes_invalid_in_the_block_leaves_with_its_reason() {
    let (node, _) = node();
    // Key 9 has no funds after its first transaction: the pool refuses the sum, so a transfer away comes by another way,
    // by a block that the pool did not see coming: two nodes would do the same.
    let all = Tx { value: ETHER * U256::from(9_999), ..Tx::new(9) };
    let first = node.submit(&all.sign()).unwrap();
    assert_eq!(node.pool().status(&first), Some(Status::Pending));
    node.seal().unwrap();
    let cheap = Tx { nonce: 1, max_fee: 1, tip: 0, ..Tx::new(9) };
    let hash = node.submit(&cheap.sign()).unwrap();
    let block = node.seal().unwrap();
    assert!(block.transactions.is_empty());
    let status = node.pool().status(&hash);
    assert!(matches!(&status, Some(Status::LeftOut { reason }) if reason.contains("base fee")), "{status:?}");
}

#[test]
fn a_full_block_leaves_the_rest_for_the_next() {
    let (node, _) = node();
    let burner = |key: usize| Tx { gas: 16_000_000, ..Tx::new(key) };
    let hashes = [0, 1].map(|key| node.submit(&burner(key).sign()).unwrap());
    // The limit counts what is used: a plain transfer leaves most of its limit, so both fit.
    assert_eq!(node.seal().unwrap().transactions.len(), 2);
    assert!(hashes.iter().all(|hash| node.pool().status(hash).is_none()));
}

#[tokio::test]
async fn txpool_methods_show_what_waits_and_why() {
    let served = served().await;
    let hash = served.call("eth_sendRawTransaction", json!([Tx::new(0).sign()])).await;
    let queued = served.call("eth_sendRawTransaction", json!([Tx { nonce: 5, ..Tx::new(0) }.sign()])).await;
    assert_eq!(served.call("txpool_status", json!([])).await, json!({ "pending": "0x1", "queued": "0x1" }));
    let sender = keys()[0].address();
    let content = served.call("txpool_content", json!([])).await;
    assert_eq!(content["pending"][sender.to_string()]["0"]["hash"], hash);
    assert_eq!(content["queued"][sender.to_string()]["5"]["hash"], queued);
    let from = served.call("txpool_contentFrom", json!([sender])).await;
    assert_eq!(from["pending"]["0"]["hash"], hash);
    let inspect = served.call("txpool_inspect", json!([])).await;
    assert!(inspect["pending"][sender.to_string()]["0"].as_str().unwrap().contains("21000 gas"));
    assert_eq!(served.call("eth_getTransactionCount", json!([sender, "pending"])).await, "0x1");
    let waiting = served.call("eth_getTransactionByHash", json!([hash])).await;
    assert_eq!(waiting["blockHash"], json!(null));
    assert_eq!(served.call("vellum_transactionStatus", json!([hash])).await["status"], "pending");
    let status = served.call("vellum_transactionStatus", json!([queued])).await;
    assert_eq!((status["status"].as_str(), status["missingNonce"].as_str()), (Some("queued"), Some("0x1")));
    served.node.seal().unwrap();
    let status = served.call("vellum_transactionStatus", json!([hash])).await;
    assert_eq!((status["status"].as_str(), status["blockNumber"].as_str()), (Some("included"), Some("0x1")));
    let nobody = address!("0x2222222222222222222222222222222222222222");
    assert_eq!(
        served.call("txpool_contentFrom", json!([nobody])).await,
        json!({ "pending": {}, "queued": {} })
    );
}
