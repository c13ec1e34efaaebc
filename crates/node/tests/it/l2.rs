//! A chain under the rollup's rules.

use std::{sync::Arc, time::Duration};

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address};
use parking_lot::Mutex;
use serde_json::json;
use vellum_block::{
    genesis::{Alloc, GenesisAccount, genesis_state, system_contracts},
    l2::{self, Deposit, DepositQueue, L1Origin, QueuedDeposit, RollupConfig},
};
use vellum_node::{
    chain::{Chain, ChainError, Rules},
    clock::ManualClock,
    genesis::{Genesis, funded},
    node::{L1View, Node, NodeConfig, NodeError},
    rpc::{Api, Limits, Server, ServerConfig},
    store::memory::MemoryStore,
};

use crate::harness::{ETHER, GENESIS_TIME, Served, Tx, config, keys, store_and_log, words};

/// An L1 that says what the test wants.
#[derive(Debug)]
struct FakeL1(Mutex<(Option<L1Origin>, Vec<QueuedDeposit>)>);

impl L1View for FakeL1 {
    fn newest(&self) -> Result<Option<L1Origin>, String> {
        Ok(self.0.lock().0)
    }

    fn deposits(&self, from: u64, _: u64, limit: usize) -> Result<Vec<QueuedDeposit>, String> {
        Ok(self.0.lock().1.iter().skip(from as usize).take(limit).cloned().collect())
    }
}

fn origin(number: u64) -> L1Origin {
    L1Origin {
        number,
        hash: B256::with_last_byte(number as u8),
        timestamp: GENESIS_TIME + number,
        base_fee: 1_000_000_000,
        blob_base_fee: 1,
        prev_randao: B256::repeat_byte(3),
        parent_beacon_block_root: B256::repeat_byte(4),
    }
}

/// Sets the attributes as the real predeploy does, as far as blocks depend on it.
fn l1_block_code() -> Bytes {
    // slot 0: number and timestamp; slot 3: scalars and sequence number; then base fees, hash and batcher.
    // CALLDATALOAD(20) >> 128 = timestamp ‖ number; word 0 wants timestamp << 64 | number, which is the same.
    let store = |offset: u8, shift: u8, slot: u8| [0x60, offset, 0x35, 0x60, shift, 0x1c, 0x60, slot, 0x55];
    // CALLDATALOAD(4) >> 128 = baseFeeScalar ‖ blobBaseFeeScalar ‖ sequenceNumber, also as slot 3 has them.
    let code = [
        store(20, 128, 0),
        store(36, 0, 1),
        store(68, 0, 7),
        store(100, 0, 2),
        store(132, 0, 4),
        store(4, 128, 3),
    ];
    [&code.concat()[..], &[0x00]].concat().into()
}

struct L2 {
    served: Served,
    l1: Arc<FakeL1>,
}

async fn l2() -> L2 {
    let mut config_of_chain = RollupConfig {
        l2_chain_id: 901,
        l1_chain_id: 900,
        portal: address!("0x00000000000000000000000000000000000000aa"),
        genesis_hash: B256::ZERO,
        gas_limit: 30_000_000,
        base_fee_denominator: 250,
        base_fee_elasticity: 6,
        max_time_drift: 600,
        base_fee_scalar: 1_000_000,
        blob_base_fee_scalar: 1_000_000,
        batcher: address!("0x00000000000000000000000000000000000000bb"),
        max_deposits_per_block: 2,
    };
    let mut alloc: Alloc = system_contracts(true);
    alloc.extend(funded(keys().iter().map(|key| key.address()), ETHER * U256::from(10_000)));
    let storage = l2::l1_block_storage(&config_of_chain, &origin(1)).into_iter().collect();
    let account =
        |code: Bytes, storage| GenesisAccount { nonce: 1, code, storage, ..GenesisAccount::default() };
    alloc.insert(l2::L1_BLOCK, account(l1_block_code(), storage));
    alloc.insert(l2::MESSAGE_PASSER, account(store_and_log().into(), Default::default()));
    let state = genesis_state(&alloc).unwrap();
    let header = l2::genesis_header(&config_of_chain, &state, 1_000_000_000, GENESIS_TIME);
    config_of_chain.genesis_hash = header.hash_slow();
    let genesis = Genesis { state, header };
    let wrong = RollupConfig { genesis_hash: B256::ZERO, ..config_of_chain.clone() };
    let refused = Chain::open(Arc::new(MemoryStore::default()), Rules::L2(Arc::new(wrong)), &genesis);
    assert!(matches!(refused, Err(ChainError::Genesis { .. })));

    let rules = Rules::L2(Arc::new(config_of_chain));
    let chain = Chain::open(Arc::new(MemoryStore::default()), rules, &genesis).unwrap();
    let l1 = Arc::new(FakeL1(Mutex::new((Some(origin(1)), vec![]))));
    let node_config = NodeConfig { l1: Some(l1.clone()), ..config() };
    let clock = Arc::new(ManualClock::new(Duration::from_secs(GENESIS_TIME)));
    let node = Arc::new(Node::new(Arc::new(chain), clock.clone(), node_config).unwrap());
    let api = Api::new(node.clone(), Limits::default());
    let server = Server::start(api, None, ServerConfig::new(([127, 0, 0, 1], 0).into())).await.unwrap();
    L2 { served: Served::new(node, clock, server), l1 }
}

fn transfer(key: usize, nonce: u64) -> Tx {
    Tx { nonce, chain_id: 901, ..Tx::new(key) }
}

#[tokio::test]
async fn blocks_have_attributes_deposits_and_transactions() {
    let L2 { served, l1 } = l2().await;
    let user = address!("0x00000000000000000000000000000000000000dd");
    let deposit = |number: u64| Deposit {
        from: user,
        to: TxKind::Call(address!("0x00000000000000000000000000000000000000ee")),
        mint: 1_000,
        value: U256::from(number),
        gas_limit: 100_000,
        data: Bytes::new(),
    };
    let mut queue = DepositQueue::default();
    let deposits: Vec<QueuedDeposit> = (1..=3).map(|number| queue.push(deposit(number))).collect();
    *l1.0.lock() = (Some(origin(2)), deposits);
    let hash = served.include(&transfer(0, 0).sign()).await;

    let block = served.call("eth_getBlockByNumber", json!(["0x1", true])).await;
    let transactions = block["transactions"].as_array().unwrap();
    assert_eq!(transactions.len(), 4);
    assert_eq!(transactions[0]["type"], "0x7e");
    assert_eq!(transactions[0]["to"], json!(l2::L1_BLOCK));
    assert_eq!(transactions[1]["mint"], "0x3e8");
    assert_eq!(transactions[1]["sourceHash"].as_str().unwrap().len(), 66);
    assert_eq!(transactions[3]["hash"], json!(hash));
    assert_eq!(block["extraData"], "0x00000000fa00000006");
    assert_eq!(block["miner"], json!(l2::SEQUENCER_FEE_VAULT));
    // Two deposits at most per block: the third one comes with the next.
    served.node.seal().unwrap();
    let second = served.call("eth_getBlockByNumber", json!(["0x2", false])).await;
    assert_eq!(second["transactions"].as_array().unwrap().len(), 2);
    let head = served.node.chain().head();
    assert_eq!(served.node.chain().deposit_count(head.hash()).unwrap(), 3);
    let balance = served.call("eth_getBalance", json!([user, "latest"])).await;
    assert_eq!(balance, json!(U256::from(3 * 1_000 - 6)));

    let receipt = served.call("eth_getTransactionReceipt", json!([hash])).await;
    let number = |value: &serde_json::Value| U256::from_str_radix(&value.as_str().unwrap()[2..], 16).unwrap();
    assert_eq!(receipt["l1GasPrice"], "0x3b9aca00");
    assert!(number(&receipt["l1Fee"]) > U256::ZERO);
    // What the sender paid is value, gas and the fee for L1's data.
    let paid =
        number(&receipt["gasUsed"]) * number(&receipt["effectiveGasPrice"]) + number(&receipt["l1Fee"]);
    let left = served.call("eth_getBalance", json!([keys()[0].address(), "latest"])).await;
    assert_eq!(ETHER * U256::from(10_000) - number(&left), paid + U256::from(1));
    let deposit = served.call("eth_getTransactionReceipt", json!([transactions[1]["hash"]])).await;
    assert_eq!((deposit["type"].as_str(), deposit["depositNonce"].as_str()), (Some("0x7e"), Some("0x0")));
    assert_eq!(deposit["depositReceiptVersion"], "0x1");
    let receipts = served.call("eth_getBlockReceipts", json!(["0x1"])).await;
    assert_eq!(receipts.as_array().unwrap().len(), 4);
    let raw: Vec<Bytes> =
        serde_json::from_value(served.call("debug_getRawReceipts", json!(["0x1"])).await).unwrap();
    assert_eq!(raw.len(), 4);

    // Traces and witnesses go through the same rules.
    let tracer = json!({ "tracer": "callTracer" });
    let traces = served.call("debug_traceBlockByNumber", json!(["0x1", tracer])).await;
    assert_eq!(traces[1]["result"]["gasUsed"], deposit["gasUsed"]);
    assert_eq!(traces[3]["result"]["gasUsed"], receipt["gasUsed"]);
    for number in 1..=2 {
        assert!(served.node.chain().witness(number).unwrap().touched.nodes.iter().count() > 3);
    }
}

#[tokio::test]
async fn calls_and_estimates_need_no_l1_fee_and_blobs_are_refused() {
    let L2 { served, .. } = l2().await;
    let contract: Address = l2::MESSAGE_PASSER;
    let data = Bytes::from(words(1, 2));
    let request = json!({ "from": keys()[0].address(), "to": contract, "data": data });
    assert_eq!(served.call("eth_call", json!([request, "latest"])).await, json!(B256::from(U256::from(2))));
    served.call("eth_estimateGas", json!([request])).await;
    let (code, message) = served.error("eth_sendRawTransaction", json!(["0x03f800"])).await;
    assert_eq!(code, -32000, "{message}");
    let (code, _) = served.error("eth_sendRawTransaction", json!(["0x7ef800"])).await;
    assert_eq!(code, -32602);
    // A withdrawal changes the header's withdrawals root.
    let before =
        served.call("eth_getBlockByNumber", json!(["latest", false])).await["withdrawalsRoot"].clone();
    served.include(&Tx { chain_id: 901, ..Tx::call(0, 0, contract, words(9, 9)) }.sign()).await;
    let after =
        served.call("eth_getBlockByNumber", json!(["latest", false])).await["withdrawalsRoot"].clone();
    let proof = served.call("eth_getProof", json!([contract, ["0x9"], "latest"])).await;
    assert_ne!(before, after);
    assert_eq!(proof["storageHash"], after);
    // Clearing the slot needs a sibling that nothing reads.
    served.include(&Tx { chain_id: 901, ..Tx::call(0, 1, contract, words(9, 0)) }.sign()).await;
    served.node.chain().witness(2).unwrap();
    assert_eq!(served.get("/eth/v1/beacon/genesis").await.0, 405);
}

#[tokio::test]
async fn without_l1_or_too_far_ahead_there_is_no_block() {
    let L2 { served, l1 } = l2().await;
    *l1.0.lock() = (None, vec![]);
    assert!(matches!(served.node.seal(), Err(error) if error.passes()));
    *l1.0.lock() = (Some(origin(0)), vec![]);
    assert!(matches!(served.node.seal(), Err(NodeError::L1Behind { parent: 1, newest: 0 })));
    *l1.0.lock() = (Some(origin(1)), vec![]);
    served.clock.advance(Duration::from_secs(700));
    assert!(matches!(served.node.seal(), Err(NodeError::Drift { .. })));
    *l1.0.lock() = (Some(L1Origin { timestamp: GENESIS_TIME + 200, ..origin(2) }), vec![]);
    served.node.seal().unwrap();
    assert_eq!(served.node.halted(), None);
}
