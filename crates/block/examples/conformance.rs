//! Runs published Ethereum test vectors, which are no part of this repository.
//!
//! `VELLUM_CONFORMANCE=DIR cargo run --release -p vellum-block --example conformance [-- OUT]`
//!
//! `DIR/*.jsonl` holds blocks with their ancestors and states, one test a line; `DIR/TrieTests` the trie
//! tests of ethereum/tests. Each Prague block is executed with a witness of its whole state, and once more
//! with every node removed in turn that the execution does not need. With OUT, the block files are written
//! there. Prints a line per failure and a summary; ends with 1 if anything failed.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use alloy_consensus::TrieAccount;
use alloy_primitives::{B256, Bytes, U256, keccak256};
use alloy_rlp::Encodable;
use serde_json::{Map, Value};
use vellum_block::{
    BlockInput, Fork, NodeSet, execute,
    trie::{Forest, Subtree},
};

type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let Some(folder) = env::var_os("VELLUM_CONFORMANCE").map(PathBuf::from) else {
        eprintln!("VELLUM_CONFORMANCE must name the folder of test vectors");
        return ExitCode::from(2);
    };
    let out = env::args_os().nth(1).map(PathBuf::from);
    let mut results = trie_tests(&folder.join("TrieTests"));
    for file in files(&folder, "jsonl") {
        let text = fs::read_to_string(&file).expect("test file is readable");
        for line in text.lines() {
            let test: Value = serde_json::from_str(line).expect("a line is JSON");
            // Tests with a genesis in place of ancestors are chains, of earlier forks.
            if test["network"] == "Prague" && test["ancestors"].is_array() {
                results.push((string(&test["name"]).to_owned(), block_test(&test, out.as_deref())));
            }
        }
    }
    let failed = results.iter().filter(|(_, result)| result.is_err()).count();
    for (name, result) in &results {
        if let Err(reason) = result {
            println!("failed: {name}: {reason}");
        }
    }
    println!("{} passed, {failed} failed", results.len() - failed);
    if failed == 0 && !results.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn block_test(test: &Value, out: Option<&Path>) -> Outcome {
    let [block] = &test["blocks"].as_array().ok_or("no blocks")?[..] else {
        return Err("more than one block".to_owned());
    };
    let block = bytes(&block["rlp"]);
    let headers: Vec<u8> =
        test["ancestors"].as_array().ok_or("no ancestors")?.iter().rev().flat_map(bytes).collect();
    let pre = state(object(&test["pre"]));
    let post_root = state(object(&test["postState"])).root;
    let mut codes = Vec::new();
    pre.codes.iter().for_each(|code| code.as_slice().encode(&mut codes));
    let nodes = pre.nodes.depth_first(pre.root);
    let input = BlockInput {
        chain_id: 1,
        fork: Fork::Prague,
        block: &block,
        headers: &headers,
        nodes: &nodes,
        codes: &codes,
    };
    if let Some(folder) = out {
        let name = string(&test["name"]).replace('/', "-");
        let file = input.encode().map_err(|error| error.to_string())?;
        fs::write(folder.join(name).with_extension("block"), file).map_err(|error| error.to_string())?;
    }
    let public = execute(&input).map_err(|error| error.to_string())?.public;
    let head: B256 = string(&test["lastblockhash"]).parse().map_err(|_| "no hash of the last block")?;
    if public.block_hash != head || public.post_state_root != post_root {
        return Err(format!("got {public:?}"));
    }
    smaller_witnesses(&input, &pre)
}

/// Leaves out each node in turn: the block is refused, or the node was not needed and nothing else changes.
fn smaller_witnesses(input: &BlockInput<'_>, pre: &State) -> Outcome {
    let expected = execute(input).map_err(|error| error.to_string())?;
    let mut needed = 0;
    for left_out in pre.nodes.iter() {
        let mut nodes = NodeSet::default();
        pre.nodes.iter().filter(|node| *node != left_out).for_each(|node| nodes.insert(node));
        let nodes = nodes.depth_first(pre.root);
        match execute(&BlockInput { nodes: &nodes, ..*input }) {
            Ok(outcome) if outcome == expected => {}
            Ok(outcome) => return Err(format!("another outcome without a node: {outcome:?}")),
            Err(_) => needed += 1,
        }
    }
    if needed == 0 { Err("no node was needed".to_owned()) } else { Ok(()) }
}

struct State {
    root: B256,
    nodes: NodeSet,
    codes: Vec<Vec<u8>>,
}

/// The tries of a state given as accounts by address.
fn state(accounts: &Map<String, Value>) -> State {
    let mut nodes = NodeSet::default();
    let mut codes = Vec::new();
    let accounts = accounts.iter().map(|(address, account)| {
        let slots = object(&account["storage"]).iter().map(|(slot, value)| {
            let slot: U256 = slot.parse().expect("slot is a number");
            (keccak256(slot.to_be_bytes::<32>()), alloy_rlp::encode(number(value)))
        });
        let code = bytes(&account["code"]);
        let mut value = Vec::new();
        TrieAccount {
            nonce: number(&account["nonce"]).to(),
            balance: number(&account["balance"]),
            storage_root: build(slots, &mut nodes),
            code_hash: keccak256(&code),
        }
        .encode(&mut value);
        codes.push(code);
        (keccak256(unhex(address)), value)
    });
    let accounts: Vec<_> = accounts.collect();
    State { root: build(accounts.into_iter(), &mut nodes), nodes, codes }
}

/// Root of a trie of these entries; its nodes go to `nodes`.
fn build(entries: impl Iterator<Item = (B256, Vec<u8>)>, nodes: &mut NodeSet) -> B256 {
    let (mut forest, mut root) = (Forest::new(), Subtree::EMPTY);
    for (key, value) in entries {
        root = forest.insert(root, &key, &value).expect("nothing is missing");
    }
    forest.for_each_node(root, &mut |node| nodes.insert(node));
    forest.root_hash(root)
}

/// The secure trie tests: keys are hashed, entries are set in order, null removes. `anyorder` files list
/// entries as an object.
fn trie_tests(folder: &Path) -> Vec<(String, Outcome)> {
    let mut results = Vec::new();
    for file in files(folder, "json").into_iter().filter(|file| file.to_string_lossy().contains("secure")) {
        let text = fs::read_to_string(&file).expect("test file is readable");
        let tests: BTreeMap<String, Value> = serde_json::from_str(&text).expect("a file is JSON");
        for (name, test) in tests {
            let text = |value: &Value| unhex_or_text(string(value));
            let entries: Vec<(Vec<u8>, Option<Vec<u8>>)> = match &test["in"] {
                Value::Array(list) => list
                    .iter()
                    .map(|pair| (text(&pair[0]), (!pair[1].is_null()).then(|| text(&pair[1]))))
                    .collect(),
                list => object(list).iter().map(|(k, v)| (unhex_or_text(k), Some(text(v)))).collect(),
            };
            let (mut forest, mut root) = (Forest::new(), Subtree::EMPTY);
            for (key, value) in entries {
                let key = keccak256(key);
                root = match value {
                    Some(value) => forest.insert(root, &key, &value),
                    None => forest.remove(root, &key),
                }
                .expect("nothing is missing");
            }
            let (got, expected) = (forest.root_hash(root), string(&test["root"]));
            let result = if got.to_string() == expected { Ok(()) } else { Err(format!("root {got}")) };
            results.push((format!("{}: {name}", file.display()), result));
        }
    }
    results
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("folder of tests is readable");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("folder of tests is readable").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().expect("an object")
}

fn string(value: &Value) -> &str {
    value.as_str().expect("a string")
}

fn number(value: &Value) -> U256 {
    string(value).parse().expect("a number")
}

fn bytes(value: &Value) -> Vec<u8> {
    unhex(string(value))
}

fn unhex(text: &str) -> Vec<u8> {
    text.parse::<Bytes>().expect("hex digits").to_vec()
}

fn unhex_or_text(text: &str) -> Vec<u8> {
    if text.starts_with("0x") { unhex(text) } else { text.as_bytes().to_vec() }
}
