//! Fetching from a node: a small server that answers from a made block's states, and servers that fail.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    thread,
};

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, U256, keccak256};
use serde_json::{Value, json};
use vellum_block::{
    BlockError, BlockInput, execute,
    fetch::{FetchError, fetch_block},
};

use crate::{
    blocks,
    world::{CHAIN_ID, Made, World},
};

/// Answers HTTP requests with what `answer` makes of their bodies; returns the address.
fn serve(answer: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut line, mut length) = (String::new(), 0);
            while stream.read_line(&mut line).unwrap() > 2 {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let body = answer(std::str::from_utf8(&body).unwrap());
            let head =
                format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
            // A client that gives up on a bad answer is no fault of the server.
            let _ = stream.get_mut().write_all((head + &body).as_bytes());
        }
    });
    url
}

/// A node that knows one block and its parent.
fn node(made: Made, change: impl Fn(&str, &mut Value) + Send + 'static) -> String {
    serve(move |request| {
        let request: Value = serde_json::from_str(request).unwrap();
        let (method, params) = (request["method"].as_str().unwrap(), &request["params"]);
        let mut result = match method {
            "eth_chainId" => json!(format!("{CHAIN_ID:#x}")),
            "eth_getBlockByNumber" => block(&made, &params[0]),
            "eth_getCode" => json!(made.before.0[&address(&params[0])].code),
            "eth_getProof" if params[2] == "0x9" => proof(&made.before, params),
            "eth_getProof" => proof(&made.after, params),
            other => panic!("unexpected call of {other}"),
        };
        change(method, &mut result);
        json!({ "jsonrpc": "2.0", "id": 1, "result": result }).to_string()
    })
}

fn address(value: &Value) -> Address {
    value.as_str().unwrap().parse().unwrap()
}

fn block(made: &Made, number: &Value) -> Value {
    let describe = |header: &Header| {
        let mut block = serde_json::to_value(header).unwrap();
        block["hash"] = json!(header.hash_slow());
        block
    };
    match number.as_str().unwrap() {
        "0x9" => describe(&made.parent),
        "0xa" => {
            let mut block = describe(&made.header);
            block["transactions"] = serde_json::to_value(&made.transactions).unwrap();
            block["withdrawals"] = serde_json::to_value(&made.withdrawals).unwrap();
            block
        }
        _ => Value::Null,
    }
}

fn proof(world: &World, params: &Value) -> Value {
    let address = address(&params[0]);
    let account = world.0.get(&address).cloned().unwrap_or_default();
    let slots = params[1].as_array().unwrap().iter().map(|slot| {
        let slot: U256 = slot.as_str().unwrap().parse().unwrap();
        let value = account.storage.get(&slot).copied().unwrap_or_default();
        json!({ "value": value, "proof": world.slot_proof(address, slot) })
    });
    json!({
        "accountProof": world.account_proof(address),
        "balance": account.balance,
        "nonce": U256::from(account.nonce),
        "codeHash": keccak256(&account.code),
        "storageProof": slots.collect::<Vec<_>>(),
    })
}

#[test]
fn a_block_with_deletions_is_fetched_with_the_siblings() {
    for make in [blocks::deletions, blocks::removals] {
        let (made, expected) = (make(), make().execute().unwrap());
        let all = made.before.nodes().depth_first(made.parent.state_root).len();
        let fetched = fetch_block(&node(made, |_, _| {}), 10).unwrap();
        assert_eq!(fetched.outcome, expected);
        let input = BlockInput::parse(&fetched.file).unwrap();
        assert_eq!(execute(&input).unwrap(), expected);
        assert_eq!(fetched.witness_bytes, input.nodes.len() + input.codes.len());
        assert!(input.nodes.len() < all, "the witness is smaller than the state");
    }
}

/// The error of fetching from a node whose answers are changed.
fn refused(change: impl Fn(&str, &mut Value) + Send + 'static) -> FetchError {
    fetch_block(&node(blocks::removals(), change), 10).map(|_| ()).unwrap_err()
}

#[test]
fn a_lying_node_is_found_out() {
    let wrong = || json!(B256::repeat_byte(1));
    let set = |method: &'static str, field: &'static str, value: Value| {
        refused(move |called, result| {
            if called == method {
                result[field] = value.clone();
            }
        })
    };
    let header_hash = set("eth_getBlockByNumber", "hash", wrong());
    assert!(matches!(header_hash, FetchError::Hash { what: "block header", .. }), "{header_hash}");
    let state_root = set("eth_getBlockByNumber", "stateRoot", wrong());
    assert!(matches!(state_root, FetchError::Hash { what: "block header", .. }), "{state_root}");
    let transaction = refused(|method, result| {
        if method == "eth_getBlockByNumber" && !result["transactions"].is_null() {
            result["transactions"][0]["value"] = json!("0x5");
        }
    });
    assert!(matches!(transaction, FetchError::Hash { what: "transaction", .. }), "{transaction}");
    let balance = set("eth_getProof", "balance", json!("0x0"));
    assert!(matches!(balance, FetchError::Block(BlockError::Execution { .. })), "{balance}");
    let code = refused(|method, result| {
        if method == "eth_getCode" {
            *result = json!("0x00");
        }
    });
    assert!(matches!(code, FetchError::Hash { what: "code", .. }), "{code}");
    let no_proof = set("eth_getProof", "accountProof", json!([]));
    assert!(matches!(no_proof, FetchError::ParentState { number: 9, .. }), "{no_proof}");
    // Proofs without their last nodes: those that cannot be found in another way are missed.
    let last_node = refused(|method, result| {
        if method == "eth_getProof" {
            let nodes = result["accountProof"].as_array_mut().unwrap();
            nodes.truncate(1);
        }
    });
    assert!(matches!(last_node, FetchError::Sibling { .. }), "{last_node}");
}

#[test]
fn blocks_that_cannot_be_fetched_are_named() {
    let url = node(blocks::removals(), |_, _| {});
    assert!(matches!(fetch_block(&url, 11), Err(FetchError::NoBlock(11))));
    assert!(matches!(fetch_block(&url, 0), Err(FetchError::Genesis)));
    let mainnet = refused(|method, result| {
        if method == "eth_chainId" {
            *result = json!("0x1");
        }
    });
    assert!(matches!(mainnet, FetchError::UnsupportedFork { chain_id: 1, number: 10 }), "{mainnet}");
}

#[test]
fn bad_servers_are_named() {
    // A port that nobody listens on.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = |url: &str| fetch_block(url, 1).map(|_| ()).unwrap_err();
    assert!(matches!(error(&format!("http://{free}")), FetchError::Unreachable { .. }));
    assert!(matches!(error("no address"), FetchError::Unreachable { .. }));
    let answers = |text: &'static str| error(&serve(move |_| text.to_owned()));
    for text in ["", "<html>", "{}", r#"{"result":7}"#, r#"{"result":"0xfffffffffffffffff"}"#, "[[[[["] {
        let error = answers(text);
        assert!(matches!(error, FetchError::Malformed { method: "eth_chainId", .. }), "{text}: {error}");
    }
    match answers(r#"{"error":{"code":-32601,"message":"method not found"}}"#) {
        FetchError::Rpc { method: "eth_chainId", message } => assert_eq!(message, "method not found"),
        other => panic!("{other}"),
    }
    let block = answers(r#"{"result":"0x7a69"}"#);
    assert!(matches!(block, FetchError::Malformed { method: "eth_getBlockByNumber", .. }), "{block}");
}
