//! A range of two batches with everything in it, kept as a file for the guest's test.

use std::path::Path;

use alloy_primitives::{TxKind, U256, bytes};
use vellum_block::l2::MESSAGE_PASSER;

use crate::world::{
    Batch, GENESIS_ORIGIN, REVERTING, Range, Rollup, STORE, STORE_CODE, call, deposit, ether, gwei,
    other_types, packed, user,
};

/// Deposits (one that creates a contract, one that fails), a creation, transfers, a withdrawal and a failing call in
/// blocks of one batch; then a batch whose blob is invalid, with more deposits than a block takes.
pub(crate) fn demo() -> (Range, Rollup) {
    let before = Rollup::new();
    let mut rollup = before.clone();
    let start = rollup.head().timestamp;
    let to = |number| TxKind::Call(user(number).1);
    let creation = [&bytes!("601880600a5f395ff3")[..], &STORE_CODE].concat();
    let deposits = vec![
        deposit(20, to(20), ether(3).to::<u128>(), 5, 100_000, vec![].into()),
        deposit(21, TxKind::Create, gwei(7), 0, 200_000, creation.clone().into()),
        deposit(22, TxKind::Call(REVERTING), gwei(9), 1, 100_000, vec![1].into()),
    ];
    let origin = GENESIS_ORIGIN;
    rollup.block(start + 1, origin, &[], &[]);
    rollup.block(
        start + 2,
        origin + 1,
        &deposits[..2],
        &[
            call(0, 0, to(1), 1_000, vec![]),
            call(1, 0, TxKind::Create, 0, creation),
            call(2, 0, TxKind::Call(REVERTING), 0, vec![]),
            call(3, 0, TxKind::Call(MESSAGE_PASSER), 12_345, U256::from(1).to_be_bytes::<32>()),
        ],
    );
    rollup.block(start + 3, origin + 1, &deposits[2..], &other_types(4, 0));
    let slots = [1u64, 2, 2, 3, 1, 0].map(|n| U256::from(n).to_be_bytes::<32>()).concat();
    let transfers = (0..5).map(|n| call(0, n + 1, to(n as u8 + 30), n + 1, vec![]));
    let mut transactions: Vec<_> = transfers.collect();
    transactions.push(call(1, 1, TxKind::Call(STORE), 0, slots));
    rollup.block(start + 5, origin + 2, &[], &transactions);
    let first = Batch { anchor: origin + 3, deposits, blobs: Range::encoded(rollup.blocks.drain(..)) };

    let due: Vec<_> =
        (0..6).map(|n| deposit(40 + n, to(40 + n), gwei(1), 1, 50_000, vec![].into())).collect();
    let anchor = origin + 5;
    let time = crate::world::origin(anchor).timestamp;
    rollup.block(time, anchor, &due[..4], &[]);
    rollup.block(time + 1, anchor, &due[4..], &[]);
    rollup.blocks.clear();
    let second = Batch { anchor, deposits: due, blobs: packed(b"\xffno payload") };
    (Range { before, batches: vec![first, second] }, rollup)
}

#[test]
fn the_demo_range_leads_to_the_sequencers_chain() {
    let (range, rollup) = demo();
    let output = range.execute();
    let head = rollup.head();
    assert_eq!((output.last_block, output.last_block_hash), (head.number, head.hash_slow()));
    assert_eq!(output.last_block, 6);
    assert_eq!(output.output_root, vellum_block::l2::output_root(head, head.hash_slow()));
    let genesis = &rollup.headers[0];
    let root = vellum_block::l2::output_root(genesis, genesis.hash_slow());
    assert_eq!(output.previous_output_root, root);
    assert_eq!((output.previous_deposit_count, output.deposit_count), (0, 9));
    assert_eq!(output.deposit_hash, rollup.queue.hash);
    assert_eq!(output.blobs.len(), 2);
    assert_eq!(output.l1_number, GENESIS_ORIGIN + 5);
    assert_eq!(output.config_hash, rollup.config.hash());
}

/// The file of the demo range; UPDATE_EXPECT=1 writes it anew.
#[test]
fn the_batch_file_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/demo.batch");
    let file = demo().0.file();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &file).unwrap();
    }
    assert!(std::fs::read(&path).unwrap() == file, "run with UPDATE_EXPECT=1");
}
