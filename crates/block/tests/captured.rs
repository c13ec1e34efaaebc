//! Blocks captured from a real client: they execute, and every tampered one is refused by name.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;

use alloy_consensus::{Block, EthereumTxEnvelope, Header, TxEip4844};
use alloy_primitives::{B64, B256, Bloom, U256, b256, keccak256};
use alloy_rlp::Decodable;
use proptest::prelude::*;
use vellum_block::{
    BlockError, BlockInput, Fork, Outcome, PublicValues, StateError, execute, transaction_hashes,
    trie::TrieError,
};

const DEMO: &[u8] = include_bytes!("../testdata/demo.block");
const TYPES: &[u8] = include_bytes!("../testdata/types.block");
const HASHES: &[u8] = include_bytes!("../testdata/hashes.block");

type FullBlock = Block<EthereumTxEnvelope<TxEip4844>, Header>;

fn demo() -> BlockInput<'static> {
    BlockInput::parse(DEMO).unwrap()
}

fn run(file: &[u8]) -> Outcome {
    execute(&BlockInput::parse(file).unwrap()).unwrap()
}

#[test]
fn the_demo_block_does_what_it_says() {
    let outcome = run(DEMO);
    assert_eq!(
        outcome.public,
        PublicValues {
            chain_id: 31337,
            fork: Fork::Prague,
            number: 2,
            block_hash: b256!("0x13ddb84dc54ebca100ba7f7122564a0d6246672862e6c72654b837247c58a518"),
            parent_hash: b256!("0x0e50868d1976611acfbe933595bc4cf1b5ec38a4d7f57404e476cbbbcc03055e"),
            pre_state_root: b256!("0x67958b87c24d011704c7d7040741cdf1ae80a8e263cca179e635fe6bf0807d4b"),
            post_state_root: b256!("0x76ef8cbeef69ad2d8a4f55a3199f18f1eb061bd463219fe9f40142105f6e63b5"),
        }
    );
    let failed = outcome.transactions.iter().position(|tx| !tx.success);
    assert_eq!((outcome.transactions.len(), failed), (54, Some(48)));
    assert!(outcome.transactions[48..].iter().all(|tx| !tx.success));
    let gas: Vec<_> = outcome.transactions.iter().map(|tx| tx.gas_used).collect();
    // The deployment, transfers of ether, and of tokens to a holder, to a new one, and more than there are.
    assert_eq!((gas[0], &gas[10..23]), (359_069, &[21_000; 13][..]));
    assert_eq!((gas[1], gas[23], gas[48]), (51_576, 34_476, 24_368));
    assert_eq!(outcome.gas_used, gas.iter().sum::<u64>());
    let first = b256!("0xdda5bef0ff4638a1964770360506644decd4bd35a140daba70dc852b5c084b81");
    assert_eq!(transaction_hashes(&demo()).unwrap()[0], first);
}

#[test]
fn all_transaction_types_and_ancestor_hashes_execute() {
    let types: Vec<_> = run(TYPES).transactions.iter().map(|tx| tx.success).collect();
    assert_eq!(types, [true; 4]);
    let hashes: Vec<_> = run(HASHES).transactions.iter().map(|tx| tx.success).collect();
    assert_eq!(hashes, [true; 3]);
}

#[test]
fn an_encoded_file_is_the_same_file() {
    for file in [DEMO, TYPES, HASHES] {
        assert_eq!(BlockInput::parse(file).unwrap().encode().unwrap(), file);
    }
}

/// The RLP items that follow one another in `stream`.
fn items(mut stream: &[u8]) -> Vec<&[u8]> {
    let mut items = Vec::new();
    while !stream.is_empty() {
        let mut rest = stream;
        let header = alloy_rlp::Header::decode(&mut rest).unwrap();
        let length = stream.len() - rest.len() + header.payload_length;
        items.push(&stream[..length]);
        stream = &stream[length..];
    }
    items
}

#[test]
fn a_witness_without_any_one_node_is_refused() {
    let all = items(demo().nodes);
    assert!(all.len() > 5);
    for left_out in 0..all.len() {
        let hash = keccak256(all[left_out]);
        let nodes: Vec<u8> = all
            .iter()
            .enumerate()
            .filter(|(i, _)| *i != left_out)
            .flat_map(|(_, node)| node.to_vec())
            .collect();
        let offset: usize = all[..left_out].iter().map(|node| node.len()).sum();
        match execute(&BlockInput { nodes: &nodes, ..demo() }) {
            Err(BlockError::State(StateError::Witness(TrieError::Unreferenced { offset: at }))) => {
                assert_eq!(at, offset);
            }
            Err(BlockError::State(
                StateError::Witness(TrieError::Missing { hash: missing, .. })
                | StateError::Account { error: TrieError::Missing { hash: missing, .. }, .. }
                | StateError::Slot { error: TrieError::Missing { hash: missing, .. }, .. },
            )) => assert_eq!(missing, hash),
            other => panic!("node {left_out}: {other:?}"),
        }
    }
}

#[test]
fn a_witness_with_any_one_node_changed_is_refused() {
    let all = items(demo().nodes);
    let mut start = 0;
    for node in &all {
        for at in [0, 1, node.len() / 2, node.len() - 1] {
            let mut nodes = demo().nodes.to_vec();
            nodes[start + at] ^= 1;
            match execute(&BlockInput { nodes: &nodes, ..demo() }) {
                Err(BlockError::State(StateError::Witness(_) | StateError::Account { .. })) => {}
                other => panic!("byte {}: {other:?}", start + at),
            }
        }
        start += node.len();
    }
}

#[test]
fn missing_and_changed_codes_are_refused() {
    let history = keccak256(&items(demo().codes)[0][2..]);
    let missing = |codes: &[u8]| match execute(&BlockInput { codes, ..demo() }) {
        Err(BlockError::State(StateError::MissingCode { hash })) => hash,
        other => panic!("{other:?}"),
    };
    assert_eq!(missing(&[]), history);
    let mut changed = demo().codes.to_vec();
    changed[10] ^= 1;
    assert_eq!(missing(&changed), history);
    let cut = &demo().codes[..demo().codes.len() - 1];
    let result = execute(&BlockInput { codes: cut, ..demo() });
    assert!(
        matches!(result, Err(BlockError::State(StateError::MalformedCode { offset: 0, .. }))),
        "{result:?}"
    );
}

/// Executes the demo block after a change.
fn changed(change: impl FnOnce(&mut FullBlock)) -> Result<Outcome, BlockError> {
    let mut block = FullBlock::decode(&mut demo().block).unwrap();
    change(&mut block);
    let block = alloy_rlp::encode(&block);
    execute(&BlockInput { block: &block, ..demo() })
}

/// The header field that the demo block is refused for after a change of its header.
fn wrong_field(change: impl FnOnce(&mut Header)) -> &'static str {
    match changed(|block| change(&mut block.header)) {
        Err(BlockError::Header { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wrong_value_in_any_checked_header_field_is_refused_by_name() {
    let wrong = B256::repeat_byte(9);
    assert_eq!(wrong_field(|h| h.parent_hash = wrong), "parent hash");
    assert_eq!(wrong_field(|h| h.number += 1), "number");
    assert_eq!(wrong_field(|h| h.ommers_hash = wrong), "ommers hash");
    assert_eq!(wrong_field(|h| h.difficulty = U256::ONE), "difficulty");
    assert_eq!(wrong_field(|h| h.nonce = B64::repeat_byte(1)), "nonce");
    assert_eq!(wrong_field(|h| h.base_fee_per_gas = Some(7)), "base fee");
    assert_eq!(wrong_field(|h| h.excess_blob_gas = Some(131_072)), "excess blob gas");
    assert_eq!(wrong_field(|h| h.transactions_root = wrong), "transactions root");
    assert_eq!(wrong_field(|h| h.withdrawals_root = Some(wrong)), "withdrawals root");
    assert_eq!(wrong_field(|h| h.gas_used -= 1), "gas used");
    assert_eq!(wrong_field(|h| h.blob_gas_used = Some(131_072)), "blob gas used");
    assert_eq!(wrong_field(|h| h.receipts_root = wrong), "receipts root");
    assert_eq!(wrong_field(|h| h.logs_bloom = Bloom::ZERO), "logs bloom");
    assert_eq!(wrong_field(|h| h.requests_hash = Some(wrong)), "requests hash");
    assert_eq!(wrong_field(|h| h.state_root = wrong), "state root");
    // The beneficiary is paid, so another one gives another state or touches what the witness lacks.
    let other = changed(|block| block.header.beneficiary.0[0] = 1);
    assert!(
        matches!(other, Err(BlockError::Header { field: "state root", .. } | BlockError::State(_))),
        "{other:?}"
    );
}

#[test]
fn header_rules_are_checked_by_name() {
    let refused = |change: fn(&mut Header)| changed(|block| change(&mut block.header)).unwrap_err();
    let parent_time = Header::decode(&mut demo().headers).unwrap().timestamp;
    match refused(|h| h.timestamp -= 13) {
        BlockError::Timestamp { parent, got } => assert_eq!((parent, got), (parent_time, parent_time - 1)),
        other => panic!("{other}"),
    }
    // Beyond a development chain the parent's second is refused too.
    let mut block = FullBlock::decode(&mut demo().block).unwrap();
    block.header.timestamp = parent_time;
    let rlp = alloy_rlp::encode(&block);
    let result = execute(&BlockInput { chain_id: 1, block: &rlp, ..demo() });
    assert!(matches!(result, Err(BlockError::Timestamp { .. })), "{result:?}");

    assert!(matches!(refused(|h| h.gas_limit += h.gas_limit / 1024), BlockError::GasLimit { .. }));
    assert!(matches!(refused(|h| h.gas_limit = 4999), BlockError::GasLimit { .. }));
    assert!(matches!(refused(|h| h.gas_used = h.gas_limit + 1), BlockError::GasUsedAboveLimit { .. }));
    assert!(matches!(refused(|h| h.blob_gas_used = Some(1)), BlockError::BlobGasUsed { .. }));
    assert!(matches!(refused(|h| h.blob_gas_used = Some(10 * 131_072)), BlockError::BlobGasUsed { .. }));
    let long = refused(|h| h.extra_data = vec![1; 33].into());
    assert!(matches!(long, BlockError::ExtraDataTooLong { length: 33 }));
    let without = |change: fn(&mut Header)| match refused(change) {
        BlockError::MissingField(field) => field,
        other => panic!("{other}"),
    };
    assert_eq!(without(|h| h.requests_hash = None), "requests hash");
}

#[test]
fn changed_transactions_are_refused() {
    // Any change of the list contradicts the transactions root …
    let swap = |block: &mut FullBlock| block.body.transactions.swap(0, 3);
    let drop_last = |block: &mut FullBlock| drop(block.body.transactions.pop());
    for change in [swap, drop_last] {
        let result = changed(change);
        assert!(matches!(result, Err(BlockError::Header { field: "transactions root", .. })), "{result:?}");
    }
    // … and with a fitting root the transactions are invalid or do something else.
    let fit = |block: &mut FullBlock| {
        block.header.transactions_root =
            alloy_consensus::proofs::calculate_transaction_root(&block.body.transactions);
    };
    let result = changed(|block| {
        swap(block);
        fit(block);
    });
    assert!(matches!(result, Err(BlockError::Execution { transaction: Some(0), .. })), "{result:?}");
    let result = changed(|block| {
        drop_last(block);
        fit(block);
    });
    assert!(matches!(result, Err(BlockError::Header { field: "gas used", .. })), "{result:?}");
}

#[test]
fn malformed_blocks_and_headers_are_refused() {
    let block = |block: &[u8]| execute(&BlockInput { block, ..demo() }).unwrap_err();
    let longer = [demo().block, b"x"].concat();
    assert!(matches!(block(&longer), BlockError::BlockTrailingBytes { count: 1 }));
    assert!(matches!(block(&[]), BlockError::MalformedBlock { part: "block", .. }));
    assert!(matches!(block(b"\xc0"), BlockError::MalformedBlock { part: "header", .. }));
    let headers = |headers: &[u8]| execute(&BlockInput { headers, ..demo() }).unwrap_err();
    assert!(matches!(headers(&[]), BlockError::MissingParent));
    let cut = &demo().headers[..demo().headers.len() - 1];
    assert!(matches!(headers(cut), BlockError::MalformedAncestor { index: 0, .. }));
    let twice = [demo().headers, demo().headers].concat();
    assert!(matches!(headers(&twice), BlockError::AncestorMismatch { index: 1, .. }));
    let mut parent = Header::decode(&mut demo().headers).unwrap();
    parent.state_root = B256::repeat_byte(1);
    let other = alloy_rlp::encode(&parent);
    assert!(matches!(headers(&other), BlockError::Header { field: "parent hash", .. }));
}

#[test]
fn ancestors_must_reach_as_far_as_hashes_are_read() {
    let input = BlockInput::parse(HASHES).unwrap();
    let all = items(input.headers);
    assert!(all.len() > 2);
    let fewer = all[..all.len() - 1].concat();
    let number = Header::decode(&mut &all[all.len() - 1][..]).unwrap().number;
    match execute(&BlockInput { headers: &fewer, ..input }) {
        Err(BlockError::State(StateError::MissingHeader { number: missing })) => assert_eq!(missing, number),
        other => panic!("{other:?}"),
    }
    let reversed = [all[0], all[2], all[1]].concat();
    let result = execute(&BlockInput { headers: &reversed, ..input });
    assert!(matches!(result, Err(BlockError::AncestorMismatch { index: 1, .. })), "{result:?}");
}

#[test]
fn another_chain_id_is_refused() {
    let result = execute(&BlockInput { chain_id: 1, ..demo() });
    assert!(matches!(result, Err(BlockError::Execution { transaction: Some(0), .. })), "{result:?}");
}

/// No byte of the file is without meaning: any change is refused or shows in the block's hash.
#[test]
fn every_changed_byte_is_noticed() {
    let expected = run(DEMO).public;
    let mut accepted = BTreeSet::new();
    for at in 0..DEMO.len() {
        let mut file = DEMO.to_vec();
        file[at] ^= 1 << (at % 8);
        if let Ok(input) = BlockInput::parse(&file)
            && let Ok(outcome) = execute(&input)
        {
            assert_ne!(outcome.public.block_hash, expected.block_hash, "byte {at}");
            accepted.insert(at);
        }
    }
    // Only the consensus layer binds a header's time, mix hash and parent beacon root, which the
    // execution does not look at here: another value is another valid block.
    assert!(accepted.len() < 80, "{accepted:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn garbled_files_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let mut file = HASHES.to_vec();
        for (at, value) in &changes {
            let at = at.index(file.len());
            file[at] = *value;
        }
        if let Some(cut) = cut {
            file.truncate(cut.index(file.len()));
        }
        if let Ok(input) = BlockInput::parse(&file) {
            let _ = execute(&input);
        }
    }
}
