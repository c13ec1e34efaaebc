//! Exactly once, whatever happens between two steps.

use std::sync::Arc;

use alloy_eips::eip4844::Blob;
use alloy_primitives::{Address, U256};
use serde_json::json;
use vellum_node::kzg;
use vellum_node::l1::L1;
use vellum_node::l1::sender::{Outcome, Request, Sender, SenderOptions};
use vellum_node::records::Records;
use vellum_node::step::Step;
use vellum_node::store::memory::MemoryStore;

use crate::harness::{Anvil, drive, now_ms};

fn records() -> Records {
    Records::new(Arc::new(MemoryStore::default()))
}

fn payment(to: u8) -> Request {
    Request { to: Some(Address::repeat_byte(to)), value: U256::from(5), ..Default::default() }
}

fn options() -> SenderOptions {
    SenderOptions { resend_ms: 0, ..Default::default() }
}

#[test]
fn a_process_that_dies_after_any_step_sends_once() {
    let anvil = Anvil::start(&[]);
    let l1 = anvil.l1();
    // The payment takes a few steps; a new sender over the same records after each of them is a restart.
    for survives in 0..5u8 {
        let (records, to) = (records(), 0x10 + survives);
        let sender = anvil.sender(1, &records, options());
        sender.submit("pay", &payment(to)).unwrap();
        for _ in 0..survives {
            sender.step(now_ms()).unwrap();
        }
        let sender = anvil.sender(1, &records, options());
        sender.submit("pay", &payment(to)).unwrap();
        assert!(matches!(drive(&sender, "pay"), Outcome::Included { success: true, .. }));
        assert_eq!(l1.balance(Address::repeat_byte(to)).unwrap(), U256::from(5), "after {survives} steps");
        assert_eq!(sender.step(now_ms()).unwrap(), Step::Idle);
    }
    assert_eq!(l1.nonce(anvil.sender(1, &records(), options()).address()).unwrap(), 5);
}

#[test]
fn blobs_are_published_and_found_again() {
    let anvil = Anvil::start(&[]);
    let (l1, records) = (anvil.l1(), records());
    let sender = anvil.sender(2, &records, options());
    let blobs: Vec<_> = (1..=2).map(|byte| Box::new(Blob::repeat_byte(byte))).collect();
    let request = Request { blobs: blobs.clone(), ..payment(1) };
    sender.submit("blobs", &request).unwrap();
    let Outcome::Included { transaction, block, success: true, blob_gas_used, .. } = drive(&sender, "blobs")
    else {
        panic!("not included");
    };
    assert_eq!(blob_gas_used, 2 << 17);
    let hashes: Vec<_> = blobs.iter().map(|blob| kzg::versioned_hash(blob).unwrap()).collect();
    assert_eq!(l1.blobs(block, transaction, &hashes).unwrap(), blobs);
    let reversed: Vec<_> = hashes.iter().rev().copied().collect();
    assert_eq!(l1.blobs(block, transaction, &reversed).unwrap()[0], blobs[1]);
    assert!(l1.blobs(block, transaction, &[hashes[0], Default::default()]).is_err());
}

#[test]
fn a_transaction_that_would_revert_is_not_sent() {
    let anvil = Anvil::start(&[]);
    let (l1, records) = (anvil.l1(), records());
    let sender = anvil.sender(3, &records, options());
    // Code that always reverts: PUSH0 PUSH0 REVERT.
    let target = Address::repeat_byte(0x77);
    anvil.rpc("anvil_setCode", json!([target, "0x5f5ffd"]));
    sender.submit("bad", &Request { to: Some(target), ..Default::default() }).unwrap();
    assert!(matches!(drive(&sender, "bad"), Outcome::Reverts { .. }));
    assert_eq!(l1.nonce(sender.address()).unwrap(), 0);
    // The name is free again once it is forgotten.
    sender.forget("bad").unwrap();
    sender.submit("bad", &payment(2)).unwrap();
    assert!(matches!(drive(&sender, "bad"), Outcome::Included { success: true, .. }));
}

#[test]
fn fees_are_raised_until_the_transaction_is_included() {
    let anvil = Anvil::start(&["--no-mining"]);
    let (l1, records) = (anvil.l1(), records());
    let options = SenderOptions { bump_ms: 1000, ..options() };
    let sender = anvil.sender(4, &records, options);
    sender.submit("slow", &payment(3)).unwrap();
    assert_eq!(sender.step(0).unwrap(), Step::Done, "signed");
    assert_eq!(sender.step(1).unwrap(), Step::Done, "sent");
    assert_eq!(sender.step(1000).unwrap(), Step::Done, "raised");
    assert_eq!(sender.step(1001).unwrap(), Step::Done, "sent again");
    // A restart in between does not know what was sent; sending it again is no second payment.
    let sender = anvil.sender(4, &records, options);
    assert_eq!(sender.step(1002).unwrap(), Step::Done, "sent again");
    anvil.rpc("evm_mine", json!([]));
    assert!(matches!(drive(&sender, "slow"), Outcome::Included { success: true, .. }));
    anvil.rpc("evm_mine", json!([]));
    assert_eq!(l1.balance(Address::repeat_byte(3)).unwrap(), U256::from(5));
    assert_eq!(l1.nonce(sender.address()).unwrap(), 1);
}

#[test]
fn a_nonce_that_somebody_else_used_is_given_up() {
    let anvil = Anvil::start(&["--no-mining"]);
    let (l1, first, second) = (anvil.l1(), records(), records());
    let mine = anvil.sender(5, &first, options());
    let other = anvil.sender(5, &second, options());
    mine.submit("mine", &payment(4)).unwrap();
    assert_eq!(mine.step(now_ms()).unwrap(), Step::Done, "signed, not sent");
    other.submit("other", &payment(5)).unwrap();
    let all_sent =
        |sender: &Sender| (0..2).for_each(|_| assert_eq!(sender.step(now_ms()).unwrap(), Step::Done));
    all_sent(&other);
    anvil.rpc("evm_mine", json!([]));
    assert_eq!(mine.step(now_ms()).unwrap(), Step::Done, "given up");
    all_sent(&mine);
    anvil.rpc("evm_mine", json!([]));
    assert!(matches!(drive(&mine, "mine"), Outcome::Included { success: true, .. }));
    assert_eq!(l1.balance(Address::repeat_byte(4)).unwrap(), U256::from(5));
    assert_eq!(l1.nonce(mine.address()).unwrap(), 2);
}

#[test]
fn an_outcome_counts_once_it_is_confirmed() {
    let anvil = Anvil::start(&[]);
    let records = records();
    let sender = anvil.sender(6, &records, SenderOptions { confirmations: 2, ..options() });
    sender.submit("pay", &payment(6)).unwrap();
    for _ in 0..5 {
        sender.step(now_ms()).unwrap();
    }
    assert_eq!(sender.outcome("pay").unwrap(), None);
    anvil.rpc("anvil_mine", json!(["0x2"]));
    assert!(matches!(drive(&sender, "pay"), Outcome::Included { .. }));
}
