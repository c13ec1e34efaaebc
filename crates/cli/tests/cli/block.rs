//! The block commands over a captured block and over those of a real node.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;

use alloy_consensus::{Block, BlockBody, Header, TxEnvelope};
use serde_json::{Value, json};

use crate::harness::{Folder, keys, repository, sorted};

const STATEMENT: &str = "chain_id fork number block_hash parent_hash pre_state_root post_state_root";

fn block(name: &str) -> String {
    repository("crates/block/testdata").join(name).to_str().unwrap().to_owned()
}

#[test]
fn a_block_is_executed_with_the_cost_of_each_transaction() {
    let folder = Folder::new();
    let report = folder.report(&["block", "execute", &block("demo.block")]);
    let expected = "cycles exit_status output output_digest instructions precompiles touched_dwords seconds transactions cells";
    assert_eq!(keys(&report), sorted(&format!("{expected} {STATEMENT}")));
    assert_eq!(report["fork"], "Prague");
    let transactions = report["transactions"].as_array().unwrap();
    assert_eq!(transactions.len(), 54);
    for transaction in transactions {
        assert_eq!(keys(transaction), ["cells", "cycles", "gas", "hash"]);
        let number = |key: &str| transaction[key].as_u64().unwrap();
        assert!(number("gas") >= 21_000, "{transaction}");
        // Recovering the sender alone takes more than this.
        assert!(number("cycles") > 5_000 && number("cells") > number("cycles"), "{transaction}");
    }
    let cycles: u64 = transactions.iter().map(|transaction| transaction["cycles"].as_u64().unwrap()).sum();
    assert!(cycles < report["cycles"].as_u64().unwrap());
    let cells: u64 = transactions.iter().map(|transaction| transaction["cells"].as_u64().unwrap()).sum();
    assert!(cells < report["cells"].as_u64().unwrap());
}

#[test]
fn a_block_with_a_changed_witness_is_not_valid() {
    let folder = Folder::new();
    let mut file = std::fs::read(block("demo.block")).unwrap();
    // The nodes are the part before the codes at the file's end.
    let length = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    let nodes = 40 + length(24) + length(28);
    let middle = nodes + length(32) / 2;
    file[middle] ^= 1;
    folder.write("changed.block", &file);
    folder.write("proof", "old");
    folder.fails(1, &["block", "execute", "changed.block"]);
    folder.fails(1, &["block", "prove", "changed.block", "--proof", "proof"]);
    assert_eq!(folder.read("proof"), b"old");
}

/// A chain test without a state whose only block is this.
fn chain_test(name: &str, block: &Value) -> String {
    let header = Header { base_fee_per_gas: Some(7), ..Header::default() };
    let genesis = Block::<TxEnvelope>::new(header.clone(), BlockBody::default());
    let genesis = hex::encode(alloy_rlp::encode(genesis));
    let test = json!({
        "name": name, "network": "Cancun", "genesisRLP": format!("0x{genesis}"), "pre": {},
        "blocks": [block], "lastblockhash": header.hash_slow(), "postState": {},
    });
    test.to_string()
}

#[test]
fn chain_tests_pass_and_fail_for_the_named_reason() {
    let folder = Folder::new();
    let refused =
        chain_test("refused as it should be", &json!({ "rlp": "0xc0", "expectException": "not a block" }));
    let expected = chain_test("not a block", &json!({ "rlp": "0xc0" }));
    folder.write("tests.jsonl", format!("{refused}\n\n{expected}\n"));
    let ran = folder.run(&["block", "test", "tests.jsonl", "--json"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, keys(&report)), (1, sorted("total passed failed failures")));
    assert_eq!((&report["total"], &report["passed"], &report["failed"]), (&json!(2), &json!(1), &json!(1)));
    let failure = &report["failures"][0];
    assert_eq!(failure["name"], "not a block");
    assert!(failure["reason"].as_str().unwrap().contains("block 0 is refused"), "{failure}");
    let one = folder.report(&["block", "test", "tests.jsonl", "--filter", "refused", "--engine", "guest"]);
    assert_eq!((&one["total"], &one["passed"]), (&json!(1), &json!(1)));
}

#[test]
fn files_that_are_no_chain_tests_are_refused() {
    let folder = Folder::new();
    folder.write("text.jsonl", "{\"name\": 1}\n");
    assert!(folder.fails(2, &["block", "test", "text.jsonl"]).contains("line 1"));
    folder.write("empty.jsonl", "\n");
    folder.write("plain.jsonl.zst", "not packed");
    folder.write("latin.jsonl", [0xff, 0xfe, b'\n']);
    for name in ["empty.jsonl", "plain.jsonl.zst", "latin.jsonl", "missing.jsonl"] {
        folder.fails(2, &["block", "test", name]);
    }
    let network = chain_test("unknown", &json!({ "rlp": "0xc0" })).replace("Cancun", "Homestead");
    folder.write("network.jsonl", network);
    let ran = folder.run(&["block", "test", "network.jsonl"]);
    assert!(ran.code == 1 && ran.stdout.contains("no rules of the network Homestead"), "{}", ran.stdout);
}

/// An anvil with two blocks: one with a transfer, one without transactions. Ends when dropped.
struct Anvil {
    process: Child,
    address: String,
}

impl Drop for Anvil {
    fn drop(&mut self) {
        // npm's anvil is a script that starts the real one.
        let group = format!("-{}", self.process.id());
        let _ = Command::new("kill").args(["-TERM", "--", &group]).status();
        let _ = self.process.wait();
    }
}

impl Anvil {
    fn start() -> Self {
        let anvil = repository("contracts/node_modules/.bin/anvil");
        assert!(anvil.exists(), "run `npm install` in the repository, as `cargo xtask test` does");
        let mut process = Command::new(anvil)
            .args(["--hardfork", "prague", "--port", "0"])
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        let address = lines.find_map(|line| line.strip_prefix("Listening on ").map(str::to_owned)).unwrap();
        // Nobody reads on, but anvil wants to go on printing.
        thread::spawn(move || lines.for_each(drop));
        let anvil = Self { process, address };
        // The first block's parent is the genesis block, whose state root is not that of its state.
        anvil.call("evm_mine", json!([]));
        let accounts = anvil.call("eth_accounts", json!([]));
        let transfer = json!([{ "from": accounts[0], "to": accounts[1], "value": "0x1" }]);
        anvil.call("eth_sendTransaction", transfer);
        anvil.call("evm_mine", json!([]));
        anvil
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn call(&self, method: &str, params: Value) -> Value {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let headers = "host: anvil\r\ncontent-type: application/json\r\nconnection: close";
        write!(stream, "POST / HTTP/1.1\r\n{headers}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let answer: Value = serde_json::from_str(body).unwrap();
        assert_eq!(answer.get("error"), None, "{method}");
        answer["result"].clone()
    }
}

#[test]
fn blocks_of_a_real_node_are_fetched_executed_proven_and_verified() {
    let folder = Folder::new();
    let anvil = Anvil::start();
    let url = anvil.url();
    let fetch =
        |number: &'static str| ["block", "fetch", "--rpc", &url, "--number", number, "--out", "block"];
    let fetched = folder.report(&fetch("2"));
    assert_eq!(keys(&fetched), sorted("number block_hash transactions gas_used witness_bytes"));
    let block = anvil.call("eth_getBlockByNumber", json!(["0x2", false]));
    assert_eq!(fetched["block_hash"], block["hash"]);
    assert_eq!((&fetched["transactions"], &fetched["gas_used"]), (&json!(1), &json!(21_000)));
    let executed = folder.report(&["block", "execute", "block"]);
    assert_eq!(executed["transactions"][0]["hash"], block["transactions"][0]);
    assert_eq!(executed["post_state_root"], block["stateRoot"]);

    let before = folder.contents();
    for number in ["0", "1", "9"] {
        folder.fails(2, &fetch(number));
    }
    assert_eq!(folder.contents(), before);

    // Without a transaction: a signature takes millions of cycles.
    assert_eq!(folder.report(&fetch("3"))["transactions"], 0);
    drop(anvil);
    let proven = folder.report(&["block", "prove", "block", "--proof", "proof"]);
    let expected = "vk cycles shards proof_bytes exit_status output seconds cpu_seconds peak_rss_bytes \
                    cells_committed fill phases";
    assert_eq!(keys(&proven), sorted(&format!("{expected} {STATEMENT}")));
    let verified = folder.report(&["block", "verify", "--proof", "proof"]);
    assert_eq!(keys(&verified), sorted(&format!("valid vk exit_status output seconds {STATEMENT}")));
    assert_eq!((&verified["valid"], &verified["number"]), (&json!(true), &json!(3)));
    for key in STATEMENT.split_whitespace() {
        assert_eq!(verified[key], proven[key], "{key}");
    }
    let by_key = folder.report(&["verify", "--proof", "proof", "--program", "block"]);
    assert_eq!(by_key["output"], verified["output"]);
}
