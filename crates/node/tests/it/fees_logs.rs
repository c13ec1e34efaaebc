//! Prices, logs, filters, simulation, and the methods of development chains.

use std::time::Duration;

use alloy_primitives::{B256, Bytes, U256};
use serde_json::{Value, json};
use vellum_node::rpc::Limits;

use crate::harness::{Tx, keys, served, served_with, store_and_log, words};

#[tokio::test]
async fn prices_follow_the_blocks() {
    let served = served().await;
    for nonce in 0..3 {
        served.include(&Tx { nonce, tip: 5_000_000, ..Tx::new(0) }.sign()).await;
    }
    assert_eq!(served.call("eth_maxPriorityFeePerGas", json!([])).await, json!("0x4c4b40"));
    assert_eq!(served.call("eth_blobBaseFee", json!([])).await, "0x1");
    let history = served.call("eth_feeHistory", json!(["0x2", "latest", [0, 50.0, 100]])).await;
    assert_eq!(history["oldestBlock"], "0x2");
    assert_eq!(history["baseFeePerGas"].as_array().unwrap().len(), 3);
    assert_eq!(
        history["reward"],
        json!([["0x4c4b40", "0x4c4b40", "0x4c4b40"], ["0x4c4b40", "0x4c4b40", "0x4c4b40"]])
    );
    assert!(history["gasUsedRatio"][0].as_f64().unwrap() > 0.0);
    let latest = served.call("eth_getBlockByNumber", json!(["latest", false])).await;
    assert_eq!(history["baseFeePerGas"][1], latest["baseFeePerGas"]);
    for wrong in [json!([101]), json!([-1]), json!([50, 10]), json!(vec![1; 101])] {
        assert_eq!(served.error("eth_feeHistory", json!(["0x2", "latest", wrong])).await.0, -32602);
    }
    assert_eq!(served.error("eth_feeHistory", json!(["0x2", "0x99", []])).await.0, -32000);
    // Numbers instead of hex, which some clients send.
    assert_eq!(served.call("eth_feeHistory", json!([2, "latest", []])).await["oldestBlock"], "0x2");
}

#[tokio::test]
async fn logs_are_found_by_range_hash_address_and_topic() {
    let limits = Limits { log_blocks: 50, logs: 4, ..Limits::default() };
    let served = served_with(limits, |_| {}).await;
    let contract = served.deploy(0, 0, &store_and_log()).await;
    let filter = served.call("eth_newFilter", json!([{ "address": contract }])).await;
    let blocks = served.call("eth_newBlockFilter", json!([])).await;
    let waiting = served.call("eth_newPendingTransactionFilter", json!([])).await;
    let mut hashes = vec![];
    for nonce in 1..=3 {
        hashes.push(served.include(&Tx::call(0, nonce, contract, words(nonce, 9)).sign()).await);
    }
    let all = served.call("eth_getLogs", json!([{ "fromBlock": "0x0", "toBlock": "latest" }])).await;
    assert_eq!(all.as_array().unwrap().len(), 3);
    let topic = B256::from(U256::from(2));
    let one =
        served.call("eth_getLogs", json!([{ "fromBlock": "0x0", "topics": [[topic, B256::ZERO]] }])).await;
    assert_eq!(one[0]["transactionHash"], json!(hashes[1]));
    let by_hash = served
        .call("eth_getLogs", json!([{ "blockHash": one[0]["blockHash"], "address": [contract] }]))
        .await;
    assert_eq!(by_hash, one);
    let other = "0x2222222222222222222222222222222222222222";
    assert_eq!(
        served.call("eth_getLogs", json!([{ "fromBlock": "0x0", "address": other }])).await,
        json!([])
    );

    assert_eq!(served.call("eth_getFilterChanges", json!([filter])).await, all);
    assert_eq!(served.call("eth_getFilterChanges", json!([filter])).await, json!([]));
    // Without a range it is about the newest block.
    assert_eq!(served.call("eth_getFilterLogs", json!([filter])).await.as_array().unwrap().len(), 1);
    assert_eq!(served.call("eth_getFilterChanges", json!([blocks])).await.as_array().unwrap().len(), 3);
    assert_eq!(served.call("eth_getFilterChanges", json!([waiting])).await, json!(hashes));
    assert_eq!(served.call("eth_uninstallFilter", json!([filter])).await, true);
    assert_eq!(served.call("eth_uninstallFilter", json!([filter])).await, false);
    assert_eq!(served.error("eth_getFilterChanges", json!([filter])).await.0, -32001);

    assert_eq!(
        served.error("eth_getLogs", json!([{ "fromBlock": "0x2", "toBlock": "0x1" }])).await.0,
        -32602
    );
    for nonce in 4..=6 {
        served.include(&Tx::call(0, nonce, contract, words(nonce, 9)).sign()).await;
    }
    assert_eq!(served.error("eth_getLogs", json!([{ "fromBlock": "0x0" }])).await.0, -32005);
    let topics: Vec<B256> = (0..2_000).map(|number| B256::from(U256::from(number))).collect();
    assert_eq!(served.error("eth_getLogs", json!([{ "topics": [topics] }])).await.0, -32602);
    served.call("anvil_mine", json!(["0x40"])).await;
    assert_eq!(served.error("eth_getLogs", json!([{ "fromBlock": "0x0" }])).await.0, -32005);
}

#[tokio::test]
async fn simulated_blocks_build_on_each_other() {
    let served = served().await;
    let contract = served.deploy(0, 0, &store_and_log()).await;
    let from = keys()[0].address();
    let call =
        |first, second| json!({ "from": from, "to": contract, "data": Bytes::from(words(first, second)) });
    // Its code is replaced in the second block by one that returns slot 7: PUSH1 7 SLOAD PUSH0 MSTORE PUSH1 32 PUSH0 RETURN.
    let reader = json!({ contract.to_string(): { "code": "0x6007545f5260205ff3" } });
    let payload = json!({ "blockStateCalls": [
        { "calls": [call(7, 42), call(8, 1)] },
        { "stateOverrides": reader, "calls": [{ "from": from, "to": contract }] },
    ], "returnFullTransactions": true });
    let blocks = served.call("eth_simulateV1", json!([payload, "latest"])).await;
    assert_eq!(blocks[0]["number"], "0x2");
    assert_eq!(blocks[1]["number"], "0x3");
    assert_eq!(blocks[0]["calls"][0]["status"], "0x1");
    assert_eq!(blocks[0]["calls"][1]["logs"][0]["logIndex"], "0x1");
    assert_eq!(blocks[1]["calls"][0]["returnData"], json!(B256::from(U256::from(42))));
    assert_eq!(blocks[0]["transactions"].as_array().unwrap().len(), 2);
    assert_eq!(served.call("eth_blockNumber", json!([])).await, "0x1");
    assert_eq!(served.error("eth_simulateV1", json!([{ "blockStateCalls": [] }])).await.0, -32602);
    let many: Vec<Value> = vec![json!({}); 300];
    assert_eq!(served.error("eth_simulateV1", json!([{ "blockStateCalls": many }])).await.0, -32005);
}

#[tokio::test]
async fn a_development_chain_signs_mines_and_moves_time() {
    let served = served().await;
    let accounts = served.call("eth_accounts", json!([])).await;
    assert_eq!(accounts[0], json!(keys()[0].address()));
    let to = "0x2222222222222222222222222222222222222222";
    let request = json!({ "from": keys()[3].address(), "to": to, "value": "0x9" });
    let hash = served.call("eth_sendTransaction", json!([request])).await;
    served.call("evm_mine", json!([])).await;
    assert_eq!(served.call("eth_getTransactionReceipt", json!([hash])).await["status"], "0x1");
    assert_eq!(served.call("eth_getBalance", json!([to, "latest"])).await, "0x9");

    let time = |block: Value| u64::from_str_radix(&block["timestamp"].as_str().unwrap()[2..], 16).unwrap();
    let before = time(served.call("eth_getBlockByNumber", json!(["latest", false])).await);
    served.clock.advance(Duration::from_secs(5));
    served.call("evm_increaseTime", json!([100])).await;
    served.call("evm_mine", json!([])).await;
    let after = time(served.call("eth_getBlockByNumber", json!(["latest", false])).await);
    assert!((before + 100..before + 110).contains(&after));
    served.call("evm_setNextBlockTimestamp", json!([after + 50])).await;
    served.call("evm_mine", json!([])).await;
    assert_eq!(time(served.call("eth_getBlockByNumber", json!(["latest", false])).await), after + 50);
    assert_eq!(served.error("evm_setNextBlockTimestamp", json!([1])).await.0, -32602);

    let snapshot = served.call("evm_snapshot", json!([])).await;
    served.call("anvil_mine", json!(["0x5"])).await;
    assert_eq!(served.call("evm_revert", json!([snapshot])).await, true);
    assert_eq!(served.call("eth_blockNumber", json!([])).await, snapshot);
    assert_eq!(served.error("anvil_mine", json!(["0xffffff"])).await.0, -32005);
    let nobody = json!({ "from": to, "to": to });
    assert_eq!(served.error("eth_sendTransaction", json!([nobody])).await.0, -32000);
    let signature = served.call("personal_sign", json!(["0x1234", keys()[0].address()])).await;
    assert_eq!(signature.as_str().unwrap().len(), 132);
}
