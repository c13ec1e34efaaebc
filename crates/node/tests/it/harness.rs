//! A node with its server in the test's process, and a client that speaks plain HTTP.

use std::{sync::Arc, time::Duration};

use alloy_consensus::{EthereumTxEnvelope, SignableTransaction, TxEip1559, TxEip4844};
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address, hex};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use serde_json::{Value, json};
use vellum_block::Fork;
use vellum_node::{
    chain::{Chain, Rules},
    clock::ManualClock,
    genesis::{Genesis, funded},
    mempool::Limits as PoolLimits,
    node::{Node, NodeConfig},
    rpc::{Api, Limits, Server, ServerConfig},
    sequencer::Mining,
    store::{Store, memory::MemoryStore},
};

pub(crate) const CHAIN_ID: u64 = 900;
pub(crate) const GENESIS_TIME: u64 = 1_700_000_000;
pub(crate) const ETHER: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

/// Keys with funds.
pub(crate) fn keys() -> Vec<PrivateKeySigner> {
    (1..=10).map(|number| PrivateKeySigner::from_bytes(&B256::with_last_byte(number)).unwrap()).collect()
}

pub(crate) fn genesis() -> Genesis {
    let accounts = funded(keys().iter().map(PrivateKeySigner::address), ETHER * U256::from(10_000));
    Genesis::ethereum(GENESIS_TIME, 30_000_000, &accounts).unwrap()
}

pub(crate) fn ethereum() -> Rules {
    Rules::Ethereum { chain_id: CHAIN_ID, fork: Fork::Prague }
}

pub(crate) fn chain(store: Arc<dyn Store>) -> Chain {
    Chain::open(store, ethereum(), &genesis()).unwrap()
}

pub(crate) fn config() -> NodeConfig {
    NodeConfig {
        mining: Mining::Manual,
        gas_limit: 30_000_000,
        beneficiary: address!("0x00000000000000000000000000000000000000fe"),
        pool: PoolLimits::default(),
        l1: None,
        dev: Some(keys()),
    }
}

/// A node whose blocks are made by hand.
pub(crate) fn node() -> (Arc<Node>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Duration::from_secs(GENESIS_TIME)));
    let chain = Arc::new(chain(Arc::new(MemoryStore::default())));
    (Arc::new(Node::new(chain, clock.clone(), config()).unwrap()), clock)
}

/// A served node.
pub(crate) struct Served {
    pub(crate) node: Arc<Node>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) server: Server,
    client: reqwest::Client,
}

pub(crate) async fn served() -> Served {
    served_with(Limits::default(), |_| {}).await
}

pub(crate) async fn served_with(limits: Limits, change: impl FnOnce(&mut ServerConfig)) -> Served {
    let (node, clock) = node();
    let mut config = ServerConfig::new(([127, 0, 0, 1], 0).into());
    change(&mut config);
    let server = Server::start(Api::new(node.clone(), limits), None, config).await.unwrap();
    Served::new(node, clock, server)
}

impl Served {
    pub(crate) fn new(node: Arc<Node>, clock: Arc<ManualClock>, server: Server) -> Self {
        Self { node, clock, server, client: reqwest::Client::new() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    pub(crate) fn ws_url(&self) -> String {
        format!("ws://{}", self.server.address())
    }

    /// The whole answer to a body.
    pub(crate) async fn post(&self, body: impl Into<reqwest::Body>) -> (u16, String) {
        let request = self.client.post(self.url()).header("content-type", "application/json").body(body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let response = self.client.get(self.url() + path).send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn request(&self, method: &str, params: Value) -> Value {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let (_, text) = self.post(body.to_string()).await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{method}: {error}: {text}"))
    }

    /// The result of a method.
    pub(crate) async fn call(&self, method: &str, params: Value) -> Value {
        let answer = self.request(method, params).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// Code and message of the error that a method gives.
    pub(crate) async fn error(&self, method: &str, params: Value) -> (i64, String) {
        let answer = self.request(method, params).await;
        let error = answer.get("error").unwrap_or_else(|| panic!("{method}: {answer}"));
        (error["code"].as_i64().unwrap(), error["message"].as_str().unwrap().to_owned())
    }

    /// Sends a transaction and makes a block.
    pub(crate) async fn include(&self, transaction: &Bytes) -> B256 {
        let hash = self.call("eth_sendRawTransaction", json!([transaction])).await;
        self.node.seal().unwrap();
        serde_json::from_value(hash).unwrap()
    }

    /// Deploys a contract with this runtime code; returns its address.
    pub(crate) async fn deploy(&self, key: usize, nonce: u64, runtime: &[u8]) -> Address {
        // PUSH2 length, DUP1, PUSH1 offset, PUSH0, CODECOPY, PUSH0, RETURN.
        let length = u16::try_from(runtime.len()).unwrap().to_be_bytes();
        let init =
            [&[0x61, length[0], length[1], 0x80, 0x60, 0x0a, 0x5f, 0x39, 0x5f, 0xf3], runtime].concat();
        let transaction =
            Tx { nonce, to: TxKind::Create, input: init.into(), gas: 1_000_000, ..Tx::new(key) };
        self.include(&transaction.sign()).await;
        keys()[key].address().create(nonce)
    }
}

/// A transaction to sign.
#[derive(Clone)]
pub(crate) struct Tx {
    pub(crate) key: usize,
    pub(crate) nonce: u64,
    pub(crate) to: TxKind,
    pub(crate) value: U256,
    pub(crate) input: Bytes,
    pub(crate) gas: u64,
    pub(crate) max_fee: u128,
    pub(crate) tip: u128,
    pub(crate) chain_id: u64,
}

impl Tx {
    pub(crate) fn new(key: usize) -> Self {
        Self {
            key,
            nonce: 0,
            to: TxKind::Call(address!("0x1111111111111111111111111111111111111111")),
            value: U256::from(1),
            input: Bytes::new(),
            gas: 21_000,
            max_fee: 3_000_000_000,
            tip: 1_000_000,
            chain_id: CHAIN_ID,
        }
    }

    pub(crate) fn call(key: usize, nonce: u64, to: Address, input: Vec<u8>) -> Self {
        Self { nonce, to: to.into(), value: U256::ZERO, input: input.into(), gas: 500_000, ..Self::new(key) }
    }

    pub(crate) fn sign(&self) -> Bytes {
        let transaction = TxEip1559 {
            chain_id: self.chain_id,
            nonce: self.nonce,
            gas_limit: self.gas,
            max_fee_per_gas: self.max_fee,
            max_priority_fee_per_gas: self.tip,
            to: self.to,
            value: self.value,
            access_list: Default::default(),
            input: self.input.clone(),
        };
        let signature = keys()[self.key].sign_hash_sync(&transaction.signature_hash()).unwrap();
        EthereumTxEnvelope::<TxEip4844>::from(transaction.into_signed(signature)).encoded_2718().into()
    }
}

/// Runtime code: stores the calldata's second word at the slot of its first, logs it with the slot as topic, returns it.
pub(crate) fn store_and_log() -> Vec<u8> {
    // PUSH1 32 CALLDATALOAD PUSH0 CALLDATALOAD SSTORE; PUSH1 32 CALLDATALOAD PUSH0 MSTORE;
    // PUSH0 CALLDATALOAD PUSH1 32 PUSH0 LOG1; PUSH1 32 PUSH0 RETURN
    hex!("6020355f35556020355f525f3560205fa160205ff3").to_vec()
}

/// Calldata for [`store_and_log`].
pub(crate) fn words(first: u64, second: u64) -> Vec<u8> {
    [U256::from(first), U256::from(second)].iter().flat_map(|word| word.to_be_bytes::<32>()).collect()
}
