//! Hashes and encodings against an independent ABI encoder.

use alloy_primitives::{Address, B256, TxKind, U256, keccak256};
use alloy_sol_types::{SolValue, sol};
use vellum_block::l2::{
    self, BatchHeader, BlobOpening, DepositQueue, PublicOutput, genesis_batch_hash, output_root,
};

use crate::world::{config, deposit, origin};

mod solidity {
    super::sol! {
        struct BatchHeader {
            uint8 version; uint64 index; bytes32 parentHash; bytes32 claimedOutputRoot; uint64 lastBlock;
            uint64 depositCount; bytes32 depositHash; uint64 l1Number; bytes32 l1Hash; bool forced;
            bytes32[] blobHashes;
        }
        struct Blob { bytes32 versionedHash; bytes32 z; bytes32 y; }
        struct PublicOutput {
            bytes32 configHash; bytes32 previousOutputRoot; bytes32 previousBatchHash; bytes32 outputRoot;
            bytes32 batchHash; uint64 lastBlock; bytes32 lastBlockHash; Blob[] blobs;
            uint64 previousDepositCount; bytes32 previousDepositHash; uint64 depositCount;
            bytes32 depositHash; uint64 l1Number; bytes32 l1Hash;
        }
    }
}

fn word(number: u8) -> B256 {
    B256::repeat_byte(number)
}

#[test]
fn batch_headers_hash_as_in_solidity() {
    for blobs in 0..3 {
        let header = BatchHeader {
            version: 0,
            index: 7,
            parent_hash: word(1),
            claimed_output_root: word(2),
            last_block: u64::MAX,
            deposit_count: 9,
            deposit_hash: word(3),
            l1_number: 10,
            l1_hash: word(4),
            forced: blobs == 1,
            blob_hashes: vec![word(5); blobs],
        };
        let solidity = solidity::BatchHeader {
            version: 0,
            index: 7,
            parentHash: word(1),
            claimedOutputRoot: word(2),
            lastBlock: u64::MAX,
            depositCount: 9,
            depositHash: word(3),
            l1Number: 10,
            l1Hash: word(4),
            forced: blobs == 1,
            blobHashes: vec![word(5); blobs],
        };
        assert_eq!(header.hash(), keccak256(solidity.abi_encode()));
    }
    assert_eq!(genesis_batch_hash(word(1), word(2)), keccak256((word(1), word(2)).abi_encode()));
}

#[test]
fn public_outputs_are_encoded_as_in_solidity() {
    for blobs in 0..3u8 {
        let openings =
            (0..blobs).map(|n| BlobOpening { versioned_hash: word(n), z: word(n + 10), y: word(n + 20) });
        let output = PublicOutput {
            config_hash: word(1),
            previous_output_root: word(2),
            previous_batch_hash: word(3),
            output_root: word(4),
            batch_hash: word(5),
            last_block: 6,
            last_block_hash: word(7),
            blobs: openings.collect(),
            previous_deposit_count: 8,
            previous_deposit_hash: word(9),
            deposit_count: 10,
            deposit_hash: word(11),
            l1_number: 12,
            l1_hash: word(13),
        };
        let solidity = solidity::PublicOutput {
            configHash: word(1),
            previousOutputRoot: word(2),
            previousBatchHash: word(3),
            outputRoot: word(4),
            batchHash: word(5),
            lastBlock: 6,
            lastBlockHash: word(7),
            blobs: (0..blobs)
                .map(|n| solidity::Blob { versionedHash: word(n), z: word(n + 10), y: word(n + 20) })
                .collect(),
            previousDepositCount: 8,
            previousDepositHash: word(9),
            depositCount: 10,
            depositHash: word(11),
            l1Number: 12,
            l1Hash: word(13),
        };
        assert_eq!(output.encode(), solidity.abi_encode());
        assert_eq!(output.digest(), keccak256(solidity.abi_encode()));
    }
}

#[test]
fn configurations_hash_as_in_solidity() {
    let c = config();
    let encoded = (
        (c.l2_chain_id, c.l1_chain_id, c.portal, c.genesis_hash, c.gas_limit, c.base_fee_denominator),
        (c.base_fee_elasticity, c.max_time_drift, c.base_fee_scalar, c.blob_base_fee_scalar, c.batcher),
        c.max_deposits_per_block,
    )
        .abi_encode();
    assert_eq!(encoded.len(), 12 * 32);
    assert_eq!(c.hash(), keccak256(encoded));
}

#[test]
fn deposits_hash_as_in_solidity() {
    let mut queue = DepositQueue::default();
    let mut expected = B256::ZERO;
    for to in [TxKind::Create, TxKind::Call(Address::repeat_byte(7))] {
        let deposit = deposit(1, to, u128::MAX, 5, 100_000, vec![1, 2, 3].into());
        let place = queue.count;
        let queued = queue.push(deposit.clone());
        let hash = keccak256(
            (
                deposit.from,
                to.to().copied().unwrap_or_default(),
                to.is_create(),
                U256::from(u128::MAX),
                U256::from(5),
                100_000u64,
                keccak256([1, 2, 3]),
            )
                .abi_encode(),
        );
        assert_eq!(deposit.hash(), hash);
        expected = keccak256((expected, hash).abi_encode());
        assert_eq!((queued.queue_hash, queue.hash), (expected, expected));
        let place = keccak256((U256::from(place), expected).abi_encode());
        assert_eq!(queued.source_hash(), keccak256((B256::ZERO, place).abi_encode()));
    }
    assert_eq!(queue.count, 2);
}

#[test]
fn the_output_root_is_the_op_stacks() {
    let header = alloy_consensus::Header {
        state_root: word(1),
        withdrawals_root: Some(word(2)),
        ..alloy_consensus::Header::default()
    };
    let expected = keccak256((B256::ZERO, word(1), word(2), word(3)).abi_encode());
    assert_eq!(output_root(&header, word(3)), expected);
}

/// Source hash by op-alloy, the layout by the specification's offsets.
#[test]
fn l1_attributes_are_isthmus() {
    let origin = origin(1234);
    let transaction = origin.attributes_transaction(&config(), 5);
    let source = op_alloy_consensus::L1InfoDepositSource::new(origin.hash, 5);
    assert_eq!(transaction.source_hash, source.source_hash());
    assert_eq!((transaction.from, transaction.to), (l2::DEPOSITOR, TxKind::Call(l2::L1_BLOCK)));
    let data = &transaction.input;
    assert_eq!(data[..4], keccak256(b"setL1BlockValuesIsthmus()")[..4]);
    assert_eq!(data.len(), 176);
    let number = |at: usize, length: usize| U256::from_be_slice(&data[at..at + length]);
    assert_eq!(number(4, 4), U256::from(config().base_fee_scalar));
    assert_eq!(number(8, 4), U256::from(config().blob_base_fee_scalar));
    assert_eq!(number(12, 8), U256::from(5));
    assert_eq!(number(20, 8), U256::from(origin.timestamp));
    assert_eq!(number(28, 8), U256::from(1234));
    assert_eq!(number(36, 32), U256::from(20_000_000_000u64));
    assert_eq!(number(68, 32), U256::from(origin.blob_base_fee));
    assert!(origin.blob_base_fee > 1);
    assert_eq!(data[100..132], origin.hash[..]);
    assert_eq!(data[144..164], config().batcher[..]);
    assert_eq!(data[164..], [0; 12]);
}
