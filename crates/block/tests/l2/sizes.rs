//! What the codec saves, on 600 transactions of several kinds.

use std::path::Path;

use alloy_consensus::TxLegacy;
use alloy_primitives::{Address, Bytes, TxKind, U256, bytes, keccak256};
use vellum_block::{
    genesis::GenesisAccount,
    l2::codec::{Payload, encode_payload},
};

use crate::world::{
    Batch, CHAIN_ID, GENESIS_ORIGIN, Range, Rollup, STORE_CODE, call, config, ether, gwei, sign, user,
};

/// Stores the second word of a call in the slot that the first one names, as a token does with a balance.
const TOKEN_CODE: Bytes = bytes!("60243560043555" "00");
const SENDERS: u8 = 60;

fn token(number: u64) -> Address {
    Address::from_word(keccak256([b"token", &number.to_be_bytes()[..]].concat()))
}

fn words(selector: &[u8], words: &[U256]) -> Bytes {
    let words: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes::<32>()).collect();
    [selector, &words].concat().into()
}

/// A number without a pattern.
fn noise(index: u64) -> U256 {
    keccak256(index.to_be_bytes()).into()
}

/// Half token transfers, a third ether transfers, the rest exchanges with many words, legacy transactions, deployments.
fn transaction(index: u64, nonce: u64, from: u8) -> Bytes {
    let someone = |salt: u64| Address::from_word(keccak256((index / 3 + salt).to_be_bytes()));
    let amount = noise(index) >> 190;
    match index % 12 {
        0..6 => {
            let data = words(&[0xa9, 0x05, 0x9c, 0xbb], &[someone(0).into_word().into(), amount]);
            call(from, nonce, TxKind::Call(token(index % 5)), 0, data)
        }
        6..10 => call(from, nonce, TxKind::Call(someone(1)), 1_000_000 * (index + 1), Bytes::new()),
        10 if index.is_multiple_of(5) => {
            let code = [&bytes!("601880600a5f395ff3")[..], &STORE_CODE].concat();
            call(from, nonce, TxKind::Create, 0, code)
        }
        10 => {
            let (path, token) = (U256::from(160), |n: u64| U256::from_be_slice(token(n).as_slice()));
            let recipient = U256::from_be_slice(someone(2).as_slice());
            let deadline = U256::from(1_700_000_000 + index);
            let data = [amount, amount >> 3, path, recipient, deadline, U256::from(2), token(1), token(2)];
            call(from, nonce, TxKind::Call(self::token(3)), 0, words(&[0x38, 0xed, 0x17, 0x39], &data))
        }
        _ => sign(
            from,
            TxLegacy {
                chain_id: Some(CHAIN_ID),
                nonce,
                gas_price: gwei(2),
                gas_limit: 90_000,
                to: TxKind::Call(token(index % 5)),
                value: U256::ZERO,
                input: words(
                    &[0x09, 0x5e, 0xa7, 0xb3],
                    &[U256::from_be_slice(token(4).as_slice()), U256::MAX],
                ),
            },
        ),
    }
}

fn mixed() -> (Range, Payload) {
    let before = Rollup::with(config(), |alloc| {
        for number in 0..SENDERS {
            let account = GenesisAccount { balance: ether(100), ..GenesisAccount::default() };
            alloc.insert(user(number).1, account);
        }
        for number in 0..5 {
            let account = GenesisAccount { nonce: 1, code: TOKEN_CODE, ..GenesisAccount::default() };
            alloc.insert(token(number), account);
        }
    });
    let mut rollup = before.clone();
    let start = rollup.head().timestamp;
    let mut nonces = [0u64; SENDERS as usize];
    for block in 0..20u64 {
        let transactions: Vec<_> = (0..30u64)
            .map(|place| {
                let index = 30 * block + place;
                let from = (noise(index).as_limbs()[0] % u64::from(SENDERS)) as usize;
                nonces[from] += 1;
                transaction(index, nonces[from] - 1, from as u8)
            })
            .collect();
        rollup.block(start + block + 1, GENESIS_ORIGIN + block / 12, &[], &transactions);
    }
    let payload = Payload::new(rollup.blocks.iter().cloned());
    let blobs = Range::encoded(rollup.blocks);
    let batches = vec![Batch { anchor: GENESIS_ORIGIN + 2, deposits: vec![], blobs }];
    (Range { before, batches }, payload)
}

/// Also writes `mixed.batch` and the two others for measurements in a guest, into cargo's folder for tests' files.
#[test]
fn the_codec_is_smaller_than_compressed_rlp() {
    let (range, payload) = mixed();
    let encoded: Vec<Bytes> =
        payload.blocks().flat_map(|block| &block.transactions).map(|tx| tx.encoded.clone()).collect();
    assert_eq!(encoded.len(), 600);
    let rlp = alloy_rlp::encode(&encoded);
    let compressed = zstd::bulk::compress(&rlp, 19).unwrap();
    let columns = encode_payload(&payload).unwrap();
    println!("RLP {}, RLP and zstd {}, columns {}", rlp.len(), compressed.len(), columns.len());
    assert!(columns.len() < compressed.len() && compressed.len() < rlp.len());
    assert_eq!(range.execute().last_block, 20);
    for (name, bytes) in [("batch", range.file()), ("rlp", rlp), ("rlp.zst", compressed)] {
        std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mixed.{name}")), bytes).unwrap();
    }
}
