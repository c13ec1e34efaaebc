//! Derivation: a table of what can be wrong with a batch, and where the chain then ends.

use alloy_primitives::{Bytes, TxKind, U256};
use vellum_block::l2::{Deposit, PublicOutput, codec::PayloadBlock};

use crate::world::{
    Batch, GENESIS_ORIGIN, Range, Rollup, call, deposit, gwei, origin, packed, payload_transaction, user,
};

const ANCHOR: u64 = GENESIS_ORIGIN + 4;

fn to(number: u8) -> TxKind {
    TxKind::Call(user(number).1)
}

fn deposits(count: u8) -> Vec<Deposit> {
    (0..count).map(|n| deposit(50 + n, to(50 + n), gwei(1), 1, 50_000, Bytes::new())).collect()
}

fn transfers(block: u64) -> Vec<Bytes> {
    (0..3).map(|n| call(0, 3 * block + n, to(60), 1, vec![])).collect()
}

/// Three blocks, the first with two of the deposits.
fn good(count: u8) -> (Range, Rollup) {
    let before = Rollup::new();
    let mut rollup = before.clone();
    let start = rollup.head().timestamp;
    let deposits = deposits(count);
    rollup.block(start + 2, GENESIS_ORIGIN, &deposits[..2], &transfers(0));
    rollup.block(start + 4, GENESIS_ORIGIN + 1, &[], &transfers(1));
    rollup.block(start + 6, GENESIS_ORIGIN + 1, &[], &transfers(2));
    let blobs = Range::encoded(rollup.blocks.iter().cloned());
    (Range { before, batches: vec![Batch { anchor: ANCHOR, deposits, blobs }] }, rollup)
}

/// What the chain must be: this many blocks of the good payload, then blocks of the due deposits.
fn expect(output: &PublicOutput, kept: usize, consumed: usize, all: &[Deposit]) {
    let (_, rollup) = good(all.len() as u8);
    let mut expected = Rollup::new();
    let mut first = 0;
    for block in &rollup.blocks[..kept] {
        let transactions: Vec<_> = block.transactions.iter().map(|t| t.encoded.clone()).collect();
        let taken = block.deposits as usize;
        expected.block(block.timestamp, block.origin, &all[first..first + taken], &transactions);
        first += taken;
    }
    assert_eq!(first, consumed);
    finish(output, expected, &all[consumed..]);
}

/// The due deposits come in blocks of four with the anchor as origin.
fn finish(output: &PublicOutput, mut expected: Rollup, due: &[Deposit]) {
    for deposits in due.chunks(4) {
        let timestamp = origin(ANCHOR).timestamp.max(expected.head().timestamp + 1);
        expected.block(timestamp, ANCHOR, deposits, &[]);
    }
    assert_eq!(output.last_block, expected.head().number);
    assert_eq!(output.last_block_hash, expected.head().hash_slow());
    assert_eq!(output.deposit_count, expected.queue.count);
}

#[test]
fn a_good_batch_is_the_sequencers_chain() {
    for count in [2, 3, 7] {
        let (range, _) = good(count);
        expect(&range.execute(), 3, 2, &deposits(count));
    }
}

#[test]
fn a_block_with_bad_attributes_ends_the_batch() {
    type Change = fn(&mut PayloadBlock);
    let changes: [(&str, Change); 6] = [
        ("timestamp of the parent", |block| block.timestamp = origin(GENESIS_ORIGIN).timestamp + 2),
        ("timestamp beyond the drift", |block| block.timestamp = origin(ANCHOR).timestamp + 601),
        ("origin after the anchor", |block| block.origin = ANCHOR + 1),
        ("too many deposits for a block", |block| block.deposits = 5),
        ("more deposits than are due", |block| block.deposits = 100),
        ("an absurd number of deposits", |block| block.deposits = u64::MAX),
    ];
    for (what, change) in changes {
        let (mut range, rollup) = good(9);
        let mut blocks = rollup.blocks.clone();
        change(&mut blocks[1]);
        // The encoder wants ascending numbers, so what follows is as late.
        blocks[2].timestamp = blocks[2].timestamp.max(blocks[1].timestamp);
        blocks[2].origin = blocks[2].origin.max(blocks[1].origin);
        range.batches[0].blobs = Range::encoded(blocks);
        println!("{what}");
        expect(&range.execute(), 1, 2, &deposits(9));
    }
}

#[test]
fn an_origin_before_the_parents_ends_the_batch() {
    let (mut range, rollup) = good(3);
    let mut blocks = rollup.blocks;
    // Whether its header is there does not matter.
    blocks[0].origin = 3;
    range.batches[0].blobs = Range::encoded(blocks);
    expect(&range.execute(), 0, 0, &deposits(3));
}

#[test]
fn an_invalid_transaction_ends_its_block_and_the_batch() {
    let broken = [
        ("nonce", call(0, 9, to(60), 1, vec![])),
        ("funds", call(99, 0, to(60), 1, vec![])),
        ("signature", {
            let mut bytes = call(0, 4, to(60), 1, vec![]).to_vec();
            let last = bytes.len() - 32;
            bytes[last..].fill(0xff);
            bytes.into()
        }),
    ];
    for (what, transaction) in broken {
        println!("{what}");
        let (mut range, rollup) = good(5);
        let mut blocks = rollup.blocks;
        blocks[1].transactions[1] =
            if what == "signature" { undecoded(&transaction) } else { payload_transaction(&transaction) };
        range.batches[0].blobs = Range::encoded(blocks.clone());
        let mut expected = Rollup::new();
        expected.block(blocks[0].timestamp, blocks[0].origin, &deposits(5)[..2], &transfers(0));
        expected.block(blocks[1].timestamp, blocks[1].origin, &[], &transfers(1)[..1]);
        finish(&range.execute(), expected, &deposits(5)[2..]);
    }
}

/// A transaction whose signature nobody looks at.
fn undecoded(encoded: &Bytes) -> vellum_block::l2::codec::PayloadTransaction {
    use alloy_eips::Decodable2718;
    let transaction = op_alloy_consensus::OpTxEnvelope::decode_2718_exact(encoded).unwrap();
    vellum_block::l2::codec::PayloadTransaction { transaction, encoded: encoded.clone() }
}

#[test]
fn an_undecodable_payload_is_an_empty_one() {
    let high = {
        let mut blob = packed(&[0; 31])[0].clone();
        blob[0] = 0x73;
        vec![blob]
    };
    let (range, _) = good(6);
    let doubled = [range.batches[0].blobs.clone(), range.batches[0].blobs.clone()].concat();
    let mut changed = range.batches[0].blobs.clone();
    // The frame's first byte.
    changed[0][31 - 9] ^= 1;
    for blobs in
        [packed(b"\x01garbage"), packed(&[]), packed(&[0xff; 200_000]), high, doubled, changed, vec![]]
    {
        let mut range = range.clone();
        range.batches[0].blobs = blobs;
        expect(&range.execute(), 0, 0, &deposits(6));
    }
    // Without deposits nothing happens at all.
    let nothing = Range {
        before: Rollup::new(),
        batches: vec![Batch { anchor: ANCHOR, deposits: vec![], blobs: packed(b"x") }],
    };
    let output = nothing.execute();
    assert_eq!((output.last_block, output.deposit_count), (0, 0));
    assert_eq!(output.output_root, output.previous_output_root);
    assert_ne!(output.batch_hash, output.previous_batch_hash);
}

/// Deposits with any gas limit are consumed, each block as many as fit.
#[test]
fn deposits_with_much_gas_are_spread() {
    let gas = [28_000_000, u64::MAX, 1, 14_000_000, 14_000_000, 2_000_000];
    let due: Vec<_> = gas.iter().map(|&gas| deposit(70, to(70), 1, 0, gas, Bytes::new())).collect();
    let range = Range {
        before: Rollup::new(),
        batches: vec![Batch { anchor: ANCHOR, deposits: due.clone(), blobs: packed(b"x") }],
    };
    let mut expected = Rollup::new();
    let time = origin(ANCHOR).timestamp;
    for (index, taken) in [0..1, 1..2, 2..5, 5..6].into_iter().enumerate() {
        expected.block(time + index as u64, ANCHOR, &due[taken], &[]);
    }
    // 1 + 14 + 14 million are within the 29 million that a block has for deposits; two more are not.
    let output = range.execute();
    assert_eq!(output.last_block, 4);
    assert_eq!(output.last_block_hash, expected.head().hash_slow());
}

/// Many blocks on one witness, with slots set, cleared and set again, and an account that comes and goes.
#[test]
fn a_long_batch_agrees_with_block_by_block_execution() {
    let before = Rollup::new();
    let mut rollup = before.clone();
    let start = rollup.head().timestamp;
    let mut all = vec![];
    for block in 0..40u64 {
        let slot = block % 5;
        let pairs = [slot, block % 3, slot + 7, block].map(|n| U256::from(n).to_be_bytes::<32>()).concat();
        let transactions = [
            call(0, block, TxKind::Call(crate::world::STORE), 0, pairs),
            call(1, block, to(80 + (block % 20) as u8), block, vec![]),
            call(2, block, TxKind::Call(vellum_block::l2::MESSAGE_PASSER), 0, block.to_be_bytes().to_vec()),
        ];
        let deposits = if block % 7 == 3 { deposits(2) } else { vec![] };
        rollup.block(start + block + 1, GENESIS_ORIGIN + block / 10, &deposits, &transactions);
        all.extend(deposits);
    }
    let blobs = Range::encoded(rollup.blocks.iter().cloned());
    let range = Range { before, batches: vec![Batch { anchor: ANCHOR, deposits: all, blobs }] };
    let output = range.execute();
    assert_eq!((output.last_block, output.last_block_hash), (40, rollup.head().hash_slow()));
}
