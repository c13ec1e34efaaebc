//! `debug_`, `ots_` and witnesses.

use alloy_primitives::{B256, Bytes, U256, keccak256};
use serde_json::json;
use vellum_block::{BlockInput, Fork, NodeSet};

use crate::harness::{CHAIN_ID, Tx, served, store_and_log, words};

#[tokio::test]
async fn traces_of_transactions_blocks_and_calls() {
    let served = served().await;
    let contract = served.deploy(0, 0, &store_and_log()).await;
    // Two transactions of one block: the second one's trace starts after the first.
    let first = Tx::call(0, 1, contract, words(7, 1)).sign();
    served.call("eth_sendRawTransaction", json!([first])).await;
    let hash = served.include(&Tx::call(0, 2, contract, words(7, 2)).sign()).await;

    let tracer = json!({ "tracer": "callTracer", "tracerConfig": { "withLog": true } });
    let frame = served.call("debug_traceTransaction", json!([hash, tracer])).await;
    let receipt = served.call("eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(frame["type"], "CALL");
    assert_eq!(frame["gasUsed"], receipt["gasUsed"]);
    assert_eq!(frame["output"], json!(B256::from(U256::from(2))));
    assert_eq!(frame["logs"].as_array().unwrap().len(), 1);

    let prestate = json!({ "tracer": "prestateTracer" });
    let before = served.call("debug_traceTransaction", json!([hash, prestate])).await;
    let slot = B256::from(U256::from(7)).to_string();
    let key = format!("{contract:#x}");
    assert_eq!(before[&key]["storage"][&slot], json!(B256::from(U256::from(1))));
    let diff = json!({ "tracer": "prestateTracer", "tracerConfig": { "diffMode": true } });
    let diff = served.call("debug_traceTransaction", json!([hash, diff])).await;
    assert_eq!(diff["post"][&key]["storage"][&slot], json!(B256::from(U256::from(2))));

    let steps = served.call("debug_traceTransaction", json!([hash])).await;
    assert_eq!(steps["failed"], false);
    let logs = steps["structLogs"].as_array().unwrap();
    assert!(logs.iter().any(|step| step["op"] == "SSTORE"));

    let traces = served.call("debug_traceBlockByNumber", json!(["latest", { "tracer": "callTracer" }])).await;
    assert_eq!(traces.as_array().unwrap().len(), 2);
    assert_eq!(traces[1]["txHash"], json!(hash));
    assert_eq!(traces[1]["result"]["gasUsed"], receipt["gasUsed"]);
    let by_hash = json!([receipt["blockHash"], { "tracer": "callTracer" }]);
    assert_eq!(served.call("debug_traceBlockByHash", by_hash).await, traces);
    let call =
        json!([{ "to": contract, "data": Bytes::from(words(7, 9)) }, "latest", { "tracer": "callTracer" }]);
    assert_eq!(served.call("debug_traceCall", call).await["output"], json!(B256::from(U256::from(9))));

    let (code, _) =
        served.error("debug_traceTransaction", json!([hash, { "tracer": "{step: function() {}}" }])).await;
    assert_eq!(code, -32602);
    let (code, _) = served.error("debug_traceTransaction", json!([B256::ZERO])).await;
    assert_eq!(code, -32001);
    let (code, _) = served.error("debug_traceBlockByNumber", json!(["0x0"])).await;
    assert_eq!(code, -32000);

    assert_eq!(served.call("ots_getApiLevel", json!([])).await, 8);
    assert_eq!(served.call("ots_hasCode", json!([contract, "latest"])).await, true);
    let found = served.call("ots_getTransactionBySenderAndNonce", json!([receipt["from"], 2])).await;
    assert_eq!(found, json!(hash));
    assert_eq!(served.call("ots_traceTransaction", json!([hash])).await[0]["depth"], 0);
    assert_eq!(served.call("ots_getTransactionError", json!([hash])).await, "0x");
    let details = served.call("ots_getBlockDetails", json!(["latest"])).await;
    assert_eq!(details["block"]["transactionCount"], "0x2");
}

#[tokio::test]
async fn raw_data_has_the_hashes_of_the_block() {
    let served = served().await;
    let hash = served.include(&Tx::new(0).sign()).await;
    let block = served.call("eth_getBlockByNumber", json!(["0x1", false])).await;
    let header: Bytes =
        serde_json::from_value(served.call("debug_getRawHeader", json!(["0x1"])).await).unwrap();
    assert_eq!(json!(keccak256(&header)), block["hash"]);
    let raw = served.call("debug_getRawTransaction", json!([hash])).await;
    assert_eq!(keccak256(serde_json::from_value::<Bytes>(raw.clone()).unwrap()), hash);
    assert_eq!(served.call("eth_getRawTransactionByHash", json!([hash])).await, raw);
    let receipts: Vec<Bytes> =
        serde_json::from_value(served.call("debug_getRawReceipts", json!(["0x1"])).await).unwrap();
    let root = alloy_consensus::proofs::ordered_trie_root_with_encoder(&receipts, |receipt, out| {
        out.extend_from_slice(receipt);
    });
    assert_eq!(json!(root), block["receiptsRoot"]);
    let whole: Bytes =
        serde_json::from_value(served.call("debug_getRawBlock", json!(["0x1"])).await).unwrap();
    assert!(whole.windows(header.len()).any(|part| part == &header[..]));
}

/// The witness that the node serves is enough for the stateless execution, and for nothing less.
#[tokio::test]
async fn execution_witnesses_execute() {
    let served = served().await;
    let contract = served.deploy(0, 0, &store_and_log()).await;
    for (nonce, value) in [(1, 5), (2, 0)] {
        served.include(&Tx::call(0, nonce, contract, words(7, value)).sign()).await;
        let number = served.call("eth_blockNumber", json!([])).await;
        let witness = served.call("debug_executionWitness", json!([number])).await;
        let bytes = |name: &str| -> Vec<Bytes> { serde_json::from_value(witness[name].clone()).unwrap() };
        let mut nodes = NodeSet::default();
        bytes("state").iter().for_each(|node| nodes.insert(node));
        let codes: Vec<u8> = bytes("codes").iter().flat_map(alloy_rlp::encode).collect();
        let headers = bytes("headers");
        let parent = headers.last().unwrap();
        let root: alloy_consensus::Header = alloy_rlp::Decodable::decode(&mut &parent[..]).unwrap();
        let block: Bytes =
            serde_json::from_value(served.call("debug_getRawBlock", json!([number])).await).unwrap();
        let stream = nodes.depth_first(root.state_root);
        let (chain_id, fork) = (CHAIN_ID, Fork::Prague);
        let input =
            BlockInput { chain_id, fork, block: &block, headers: parent, nodes: &stream, codes: &codes };
        vellum_block::execute(&input).unwrap();
    }
}
