//! Load: transfers per second from the RPC to sealed blocks.
//!
//! `cargo run --release -p vellum-node --example load -- [TRANSFERS] [SENDERS] [CONNECTIONS]` starts a node with a store
//! on disk and blocks every second, sends signed transfers over HTTP as fast as they are taken, and prints when all of
//! them stood in blocks. Meanwhile one client asks `eth_call` and reports how long answers took.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use alloy_consensus::{EthereumTxEnvelope, SignableTransaction, TxEip1559, TxEip4844};
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, B256, TxKind, U256, hex, keccak256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    sync::watch,
};
use vellum_block::Fork;
use vellum_node::{
    chain::{Chain, Rules},
    clock::SystemClock,
    genesis::{Genesis, funded},
    mempool::Limits as PoolLimits,
    node::{Node, NodeConfig},
    rpc::{Api, Limits, Server, ServerConfig},
    sequencer::{self, Mining},
    store::redb::RedbStore,
};

const CHAIN_ID: u64 = 900;
const GAS_LIMIT: u64 = 100_000_000;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut numbers = std::env::args().skip(1).map(|number| number.parse::<usize>());
    let mut next = |default: usize| numbers.next().transpose().map(|number| number.unwrap_or(default));
    let (transfers, senders, connections) = (next(20_000)?, next(200)?, next(16)?);
    let per_sender = transfers.div_ceil(senders);
    let signers =
        (1..=senders as u64).map(|number| PrivateKeySigner::from_bytes(&B256::from(U256::from(number))));
    let signers: Vec<PrivateKeySigner> = signers.collect::<Result<_, _>>()?;

    let directory = tempfile::tempdir()?;
    let node = node(directory.path(), &signers)?;
    let api = Api::new(node.clone(), Limits::default());
    let server = Server::start(api, None, ServerConfig::new(([127, 0, 0, 1], 0).into())).await?;
    let (stop, stopped) = watch::channel(false);
    let sequencer = tokio::spawn(sequencer::run(node.clone(), stopped));

    println!("signing {} transfers of {senders} senders", per_sender * senders);
    let mut queues: Vec<Vec<String>> = vec![vec![]; connections];
    for nonce in 0..per_sender as u64 {
        for (index, signer) in signers.iter().enumerate() {
            // All of a sender's on one connection, so that nonces arrive in order.
            queues[index % connections].push(transfer(signer, nonce)?);
        }
    }
    let asked = Arc::new(AtomicBool::new(true));
    let calls = tokio::spawn(call_repeatedly(server.address(), asked.clone()));
    let (start, first) = (Instant::now(), node.chain().head_number());
    let address = server.address();
    let clients: Vec<_> = queues.into_iter().map(|queue| tokio::spawn(send(address, queue))).collect();
    for client in clients {
        client.await??;
    }
    let sent = start.elapsed();
    while !node.pool().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let sealed = start.elapsed();
    asked.store(false, Ordering::Relaxed);
    let mut times = calls.await??;
    let _ = stop.send(true);
    sequencer.await??;
    server.stop().await;

    let total = (per_sender * senders) as f64;
    println!("taken:  {:.0} transfers/s ({:.2} s)", total / sent.as_secs_f64(), sent.as_secs_f64());
    println!("sealed: {:.0} transfers/s ({:.2} s)", total / sealed.as_secs_f64(), sealed.as_secs_f64());
    for number in first + 1..=node.chain().head_number() {
        let Some(block) = node.chain().block_by_number(number)? else { continue };
        println!("  block {number}: {} transactions", block.transactions.len());
    }
    times.sort_unstable();
    let at = |percent: usize| {
        times.get(times.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default()
    };
    println!("eth_call meanwhile: {} answers, p50 {:?}, p99 {:?}", times.len(), at(50), at(99));
    Ok(())
}

fn node(directory: &std::path::Path, signers: &[PrivateKeySigner]) -> Result<Arc<Node>, Failure> {
    let mut accounts =
        funded(signers.iter().map(PrivateKeySigner::address), U256::from(10).pow(U256::from(22)));
    // A state of some size: walks are as deep as on a chain with many users.
    let users = (0..100_000_u64).map(|number| Address::from_word(keccak256(number.to_be_bytes())));
    accounts.extend(funded(users, U256::from(1)));
    let genesis = Genesis::ethereum(1_700_000_000, GAS_LIMIT, &accounts)?;
    let rules = Rules::Ethereum { chain_id: CHAIN_ID, fork: Fork::Prague };
    let chain = Chain::open(Arc::new(RedbStore::open(directory)?), rules, &genesis)?;
    let config = NodeConfig {
        mining: Mining::Interval(Duration::from_secs(1)),
        gas_limit: GAS_LIMIT,
        beneficiary: Address::ZERO,
        pool: PoolLimits::default(),
        l1: None,
        dev: None,
    };
    Ok(Arc::new(Node::new(Arc::new(chain), Arc::new(SystemClock), config)?))
}

fn transfer(signer: &PrivateKeySigner, nonce: u64) -> Result<String, Failure> {
    // A fresh recipient each time, which is the dearest kind of transfer for the state.
    let to = Address::from_word(keccak256([signer.address().as_slice(), &nonce.to_be_bytes()].concat()));
    let transaction = TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 100_000_000_000,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(to),
        value: U256::from(1),
        ..TxEip1559::default()
    };
    let signature = signer.sign_hash_sync(&transaction.signature_hash())?;
    let encoded = EthereumTxEnvelope::<TxEip4844>::from(transaction.into_signed(signature)).encoded_2718();
    let raw = hex::encode_prefixed(encoded);
    Ok(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":["{raw}"]}}"#))
}

async fn send(address: std::net::SocketAddr, queue: Vec<String>) -> Result<(), Failure> {
    let mut client = Client::connect(address).await?;
    for body in queue {
        let answer = client.post(&body).await?;
        if !answer.contains("\"result\"") {
            return Err(answer.into());
        }
    }
    Ok(())
}

async fn call_repeatedly(
    address: std::net::SocketAddr,
    go: Arc<AtomicBool>,
) -> Result<Vec<Duration>, Failure> {
    let mut client = Client::connect(address).await?;
    let mut times = vec![];
    let call = r#"{"to":"0x4e59b44847b379578588920cA78FbF26c0B4956C","data":"0x00"}"#;
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{call},"latest"]}}"#);
    while go.load(Ordering::Relaxed) {
        let start = Instant::now();
        client.post(&body).await?;
        times.push(start.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(times)
}

/// Just enough HTTP for one request after the other; a real client would take more of the two cores than the node.
struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(address: std::net::SocketAddr) -> Result<Self, Failure> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Self(BufReader::new(socket)))
    }

    async fn post(&mut self, body: &str) -> Result<String, Failure> {
        let length = body.len();
        let head = "POST / HTTP/1.1\r\nhost: node\r\ncontent-type: application/json\r\ncontent-length:";
        self.0.get_mut().write_all(format!("{head} {length}\r\n\r\n{body}").as_bytes()).await?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await?;
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let mut answer = vec![0; length];
        self.0.read_exact(&mut answer).await?;
        Ok(String::from_utf8(answer)?)
    }
}
