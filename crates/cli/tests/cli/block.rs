//! The block commands over captured blocks.

use serde_json::Value;

use crate::harness::{Folder, keys, repository, sorted};

const STATEMENT: &str = "chain_id fork number block_hash parent_hash pre_state_root post_state_root";

fn block(name: &str) -> String {
    repository("crates/block/testdata").join(name).to_str().unwrap().to_owned()
}

#[test]
fn a_block_is_executed_with_the_cost_of_each_transaction() {
    let folder = Folder::new();
    let report = folder.report(&["block", "execute", &block("demo.block")]);
    let expected = "cycles exit_status output output_digest instructions precompiles touched_dwords seconds transactions";
    assert_eq!(keys(&report), sorted(&format!("{expected} {STATEMENT}")));
    assert_eq!(report["fork"], "Prague");
    let transactions = report["transactions"].as_array().unwrap();
    assert_eq!(transactions.len(), 6);
    for transaction in transactions {
        assert_eq!(keys(transaction), ["cells", "cycles", "gas", "hash"]);
        let number = |key: &str| transaction[key].as_u64().unwrap();
        assert!(number("gas") >= 21_000, "{transaction}");
        // A signature alone takes more than this.
        assert!(number("cycles") > 100_000 && number("cells") > number("cycles"), "{transaction}");
    }
    let cycles: u64 = transactions.iter().map(|transaction| transaction["cycles"].as_u64().unwrap()).sum();
    assert!(cycles < report["cycles"].as_u64().unwrap());
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

#[test]
fn a_block_is_proven_and_verified() {
    let folder = Folder::new();
    let proven = folder.report(&["block", "prove", &block("hashes.block"), "--proof", "proof"]);
    let expected = "vk cycles shards proof_bytes exit_status output seconds cpu_seconds peak_rss_bytes \
                    cells_committed fill phases";
    assert_eq!(keys(&proven), sorted(&format!("{expected} {STATEMENT}")));
    let verified = folder.report(&["block", "verify", "--proof", "proof"]);
    assert_eq!(keys(&verified), sorted(&format!("valid vk exit_status output seconds {STATEMENT}")));
    assert_eq!(verified["valid"], true);
    for key in STATEMENT.split_whitespace() {
        assert_ne!(verified[key], Value::Null);
        assert_eq!(verified[key], proven[key], "{key}");
    }
    let by_key = folder.report(&["verify", "--proof", "proof", "--program", "block"]);
    assert_eq!(by_key["output"], verified["output"]);
}
