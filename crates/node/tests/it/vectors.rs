//! What contracts, node and guest have to compute alike, against files that the contracts' tests read too.

use std::path::{Path, PathBuf};

use alloy_eips::eip4844::Blob;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, hex, keccak256};
use alloy_sol_types::SolValue;
use serde_json::{Value, json};
use vellum_block::l2::{BatchInput, Deposit};
use vellum_node::batch::header_hash;
use vellum_node::contracts::{BatchHeader, PublicOutput};
use vellum_node::guest::{BundledGuest, Guest};
use vellum_node::kzg;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contracts/test/data").join(name)
}

fn field<T: std::str::FromStr<Err: std::fmt::Debug>>(json: &Value, name: &str) -> T {
    json[name].as_str().unwrap().parse().unwrap()
}

#[test]
fn hashes_are_those_that_another_encoder_wrote() {
    let json: Value = serde_json::from_slice(&std::fs::read(data("hashes.json")).unwrap()).unwrap();
    let header = BatchHeader::abi_decode(&field::<Bytes>(&json, "header")).unwrap();
    let expected: B256 = field(&json, "batchHash");
    assert_eq!(header_hash(&header), expected);
    let of_guest = vellum_block::l2::BatchHeader {
        version: header.version,
        index: header.index,
        parent_hash: header.parentHash,
        claimed_output_root: header.claimedOutputRoot,
        last_block: header.lastBlock,
        deposit_count: header.depositCount,
        deposit_hash: header.depositHash,
        l1_number: header.l1Number,
        l1_hash: header.l1Hash,
        forced: header.forced,
        blob_hashes: header.blobHashes,
    };
    assert_eq!(of_guest.hash(), expected);
    let output = PublicOutput::abi_decode(&field::<Bytes>(&json, "output")).unwrap();
    assert_eq!(keccak256(output.abi_encode()), field::<B256>(&json, "publicDigest"));
    let deposit = Deposit {
        from: Address::repeat_byte(0xc1),
        to: TxKind::Call(Address::repeat_byte(0xc2)),
        mint: 10,
        value: U256::from(20),
        gas_limit: 100_000,
        data: hex!("deadbeef").into(),
    };
    assert_eq!(deposit.hash(), field::<B256>(&json, "depositTxHash"));
    assert_eq!(deposit.extend(B256::ZERO), field::<B256>(&json, "depositHash1"));
}

fn deposit(deposit: &Deposit) -> Value {
    json!({
        "from": deposit.from,
        "to": deposit.to.to().copied().unwrap_or_default(),
        "isCreation": u8::from(deposit.to.is_create()),
        "mint": deposit.mint.to_string(),
        "value": deposit.value.to_string(),
        "gasLimit": deposit.gas_limit,
        "data": deposit.data,
    })
}

/// The bundled program's output for the batch file of the tests, with openings of its blobs; UPDATE_EXPECT=1 writes it anew.
#[test]
fn the_contracts_are_tested_with_the_guests_own_output() {
    let input = Path::new(env!("CARGO_MANIFEST_DIR")).join("../block/testdata/demo.batch");
    let input = std::fs::read(input).unwrap();
    let output = BundledGuest::load("batch").unwrap().run(&input).unwrap().output;
    let parsed = BatchInput::parse(&input).unwrap();
    let mut deposits = parsed.deposits.iter();
    let mut consumed = parsed.previous_deposits.count;
    let mut openings = Vec::new();
    let mut batches = Vec::new();
    for batch in &parsed.batches {
        for content in &batch.blobs {
            let mut blob = Blob::ZERO;
            blob[..content.values().len()].copy_from_slice(content.values());
            openings.extend(kzg::open_for_batch(&blob).unwrap().commitment_and_proof);
        }
        let header = &batch.header;
        let count = (header.deposit_count - consumed) as usize;
        consumed = header.deposit_count;
        batches.push(json!({
            "hash": header.hash(),
            "l1Number": header.l1_number,
            "l1Hash": header.l1_hash,
            "claimedOutputRoot": header.claimed_output_root,
            "lastBlock": header.last_block,
            "deposits": { "length": count, "list": deposits.by_ref().take(count).map(deposit).collect::<Vec<_>>() },
        }));
    }
    let vector = json!({
        "output": Bytes::from(output),
        "openings": Bytes::from(openings),
        "batches": batches,
    });
    let text = serde_json::to_string_pretty(&vector).unwrap() + "\n";
    let path = data("guest.json");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert!(kept == vector, "run with UPDATE_EXPECT=1");
}
