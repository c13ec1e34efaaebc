//! Load: transfers per second from the RPC to sealed blocks, on a chain that runs.
//!
//! `cargo run --release -p vellum-node --example load -- URL [TRANSFERS] [SENDERS] [CONNECTIONS]`, for instance against the
//! L2 of `vellum devnet --prove never`, which pays with its first development account. Sends signed transfers over HTTP as
//! fast as they are taken and prints when all of them stood in blocks. Meanwhile one client asks `eth_call` and reports how
//! long answers took, and another one looks for new blocks and reports how long they were in coming. With no transfers it
//! only looks, for a minute.

use std::{
    collections::BTreeMap,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use alloy_consensus::{EthereumTxEnvelope, SignableTransaction, TxEip1559, TxEip4844};
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, TxKind, U64, U256, hex, keccak256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use vellum_node::keys;

/// Wei that each sender gets: enough for its transfers.
const FUNDS: u128 = 1_000_000_000_000_000_000;
/// How long it only looks.
const LOOK: Duration = Duration::from_secs(60);

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("which URL?")?;
    let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let mut numbers = arguments.map(|number| number.parse::<usize>());
    let mut next = |default: usize| numbers.next().transpose().map(|number| number.unwrap_or(default));
    let (transfers, senders, connections) = (next(20_000)?, next(200)?, next(16)?);

    let asked = Arc::new(AtomicBool::new(true));
    let calls = tokio::spawn(call_repeatedly(address.clone(), asked.clone()));
    let blocks = tokio::spawn(watch_blocks(address.clone(), asked.clone()));
    if transfers > 0 {
        load(&address, transfers, senders, connections).await?;
    } else {
        tokio::time::sleep(LOOK).await;
    }
    asked.store(false, Ordering::Relaxed);
    report_blocks(&address, &blocks.await??).await?;
    report("eth_call meanwhile", &mut calls.await??);
    Ok(())
}

async fn load(address: &str, transfers: usize, senders: usize, connections: usize) -> Result<(), Failure> {
    let mut client = Client::connect(address).await?;
    let chain_id = client.ask::<U64>("eth_chainId", json!([])).await?.to();
    // Keys of this run: senders of the last one have nonces already.
    let run = client.ask::<U64>("eth_blockNumber", json!([])).await?.to::<u64>().to_be_bytes();
    let signers = (1..=senders as u64)
        .map(|number| PrivateKeySigner::from_bytes(&keccak256([run, number.to_be_bytes()].concat())));
    let signers: Vec<PrivateKeySigner> = signers.collect::<Result<_, _>>()?;
    fund(&mut client, chain_id, &signers).await?;

    let per_sender = transfers.div_ceil(senders);
    println!("signing {} transfers of {senders} senders", per_sender * senders);
    let mut queues: Vec<Vec<String>> = vec![vec![]; connections];
    for nonce in 0..per_sender as u64 {
        for (index, signer) in signers.iter().enumerate() {
            // A fresh recipient each time, which is the dearest kind of transfer for the state. All of a sender's on one
            // connection, so that nonces arrive in order.
            let to =
                Address::from_word(keccak256([signer.address().as_slice(), &nonce.to_be_bytes()].concat()));
            queues[index % connections].push(transfer(signer, chain_id, nonce, to, 1)?);
        }
    }
    let start = Instant::now();
    let clients: Vec<_> =
        queues.into_iter().map(|queue| tokio::spawn(send(address.to_owned(), queue))).collect();
    for client in clients {
        client.await??;
    }
    let sent = start.elapsed();
    for signer in &signers {
        wait_for_nonce(&mut client, signer.address(), per_sender as u64).await?;
    }
    let sealed = start.elapsed();
    let total = (per_sender * senders) as f64;
    println!("taken:  {:.0} transfers/s ({:.2} s)", total / sent.as_secs_f64(), sent.as_secs_f64());
    println!("sealed: {:.0} transfers/s ({:.2} s)", total / sealed.as_secs_f64(), sealed.as_secs_f64());
    Ok(())
}

/// Gives every sender something from the first development account.
async fn fund(client: &mut Client, chain_id: u64, signers: &[PrivateKeySigner]) -> Result<(), Failure> {
    let payer = keys::dev(0)?;
    let nonce = client.ask::<U64>("eth_getTransactionCount", json!([payer.address(), "pending"])).await?;
    let first = nonce.to::<u64>();
    for (number, signer) in (first..).zip(signers) {
        let body = transfer(&payer, chain_id, number, signer.address(), FUNDS)?;
        accepted(&client.post(&body).await?)?;
    }
    wait_for_nonce(client, payer.address(), first + signers.len() as u64).await
}

async fn wait_for_nonce(client: &mut Client, account: Address, nonce: u64) -> Result<(), Failure> {
    while client.ask::<U64>("eth_getTransactionCount", json!([account, "latest"])).await?.to::<u64>() < nonce
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

fn transfer(
    signer: &PrivateKeySigner,
    chain_id: u64,
    nonce: u64,
    to: Address,
    wei: u128,
) -> Result<String, Failure> {
    let transaction = TxEip1559 {
        chain_id,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 100_000_000_000,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(to),
        value: U256::from(wei),
        ..TxEip1559::default()
    };
    let signature = signer.sign_hash_sync(&transaction.signature_hash())?;
    let encoded = EthereumTxEnvelope::<TxEip4844>::from(transaction.into_signed(signature)).encoded_2718();
    let raw = hex::encode_prefixed(encoded);
    Ok(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":["{raw}"]}}"#))
}

fn accepted(answer: &str) -> Result<(), Failure> {
    if answer.contains("\"result\"") { Ok(()) } else { Err(answer.into()) }
}

async fn send(address: String, queue: Vec<String>) -> Result<(), Failure> {
    let mut client = Client::connect(&address).await?;
    for body in queue {
        accepted(&client.post(&body).await?)?;
    }
    Ok(())
}

async fn call_repeatedly(address: String, go: Arc<AtomicBool>) -> Result<Vec<Duration>, Failure> {
    let mut client = Client::connect(&address).await?;
    let mut times = vec![];
    let call = json!([{ "to": "0x4e59b44847b379578588920cA78FbF26c0B4956C", "data": "0x00" }, "latest"]);
    while go.load(Ordering::Relaxed) {
        let start = Instant::now();
        client.ask::<Value>("eth_call", call.clone()).await.ok();
        times.push(start.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(times)
}

/// When each new block was first seen.
async fn watch_blocks(address: String, go: Arc<AtomicBool>) -> Result<BTreeMap<u64, Instant>, Failure> {
    let mut client = Client::connect(&address).await?;
    let mut seen = BTreeMap::new();
    while go.load(Ordering::Relaxed) {
        let number = client.ask::<U64>("eth_blockNumber", json!([])).await?.to();
        seen.entry(number).or_insert_with(Instant::now);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(seen)
}

async fn report_blocks(address: &str, seen: &BTreeMap<u64, Instant>) -> Result<(), Failure> {
    let mut client = Client::connect(address).await?;
    let mut most = 0;
    for number in seen.keys() {
        let parameters = json!([U64::from(*number)]);
        let count = client.ask::<U64>("eth_getBlockTransactionCountByNumber", parameters).await?.to::<u64>();
        most = most.max(count);
    }
    println!("blocks: {} seen, at most {most} transactions in one", seen.len());
    let times: Vec<_> = seen.values().collect();
    let mut gaps: Vec<_> = times.windows(2).map(|pair| *pair[1] - *pair[0]).collect();
    report("time between blocks", &mut gaps);
    Ok(())
}

fn report(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |percent: usize| {
        times.get(times.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default()
    };
    println!(
        "{what}: {} times, p50 {:.1?}, p99 {:.1?}, longest {:.1?}",
        times.len(),
        at(50),
        at(99),
        at(100)
    );
}

/// Just enough HTTP for one request after the other; a real client would take more of the two cores than the node.
struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(address: &str) -> Result<Self, Failure> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Self(BufReader::new(socket)))
    }

    async fn ask<T: DeserializeOwned>(&mut self, method: &str, parameters: Value) -> Result<T, Failure> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": parameters });
        let mut answer: Value = serde_json::from_str(&self.post(&body.to_string()).await?)?;
        if let Some(error) = answer.get("error") {
            return Err(format!("{method}: {error}").into());
        }
        Ok(serde_json::from_value(answer["result"].take())?)
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
