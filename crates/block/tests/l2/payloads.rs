//! The codec: everything reads back, malformed bytes are named, and no bytes are too much.

use alloy_consensus::{TxEip1559, TxLegacy};
use alloy_primitives::{Address, Bytes, TxKind, U256};
use proptest::prelude::*;
use vellum_block::l2::{
    blob::{BLOB_CAPACITY, Blob, pack},
    codec::{CodecError, EncodeError, MAX_INPUT, Payload, PayloadBlock, decode, encode, encode_payload},
};

use crate::world::{CHAIN_ID, call, other_types, payload_transaction, sign};

fn read(bytes: &[u8]) -> Result<Payload, CodecError> {
    let blobs = pack(bytes);
    let blobs: Vec<_> = blobs.iter().map(|blob| Blob::new(blob).unwrap()).collect();
    decode(&blobs, CHAIN_ID)
}

fn input() -> impl Strategy<Value = Bytes> {
    let word = prop_oneof![
        any::<u64>().prop_map(|n| U256::from(n).to_be_bytes::<32>().to_vec()),
        any::<[u8; 20]>().prop_map(|address| [&[0; 12][..], &address].concat()),
        any::<[u8; 32]>().prop_map(|bytes| bytes.to_vec()),
        (any::<[u8; 32]>(), 0..32usize).prop_map(|(bytes, n)| [&bytes[..n], &[0; 32][n..]].concat()),
    ];
    prop_oneof![
        Just(Bytes::new()),
        prop::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from),
        (any::<[u8; 4]>(), prop::collection::vec(word, 0..8)).prop_map(|(selector, words)| [
            &selector[..],
            &words.concat()
        ]
        .concat()
        .into()),
    ]
}

fn transaction() -> impl Strategy<Value = Bytes> {
    let to = prop_oneof![
        Just(TxKind::Create),
        any::<[u8; 20]>().prop_map(|to| TxKind::Call(Address::new(to))),
        (0..4u8).prop_map(|to| TxKind::Call(Address::with_last_byte(to))),
    ];
    let value = prop_oneof![
        Just(U256::ZERO),
        any::<u64>().prop_map(U256::from),
        any::<[u64; 4]>().prop_map(U256::from_limbs)
    ];
    let numbers = (any::<u64>(), any::<u64>(), any::<u128>(), any::<u128>());
    (0..5u8, to, value, input(), numbers, 0..4u8).prop_map(
        |(kind, to, value, input, (nonce, gas_limit, fee, priority_fee), from)| match kind {
            0 => sign(
                from,
                TxLegacy { chain_id: Some(CHAIN_ID), nonce, gas_price: fee, gas_limit, to, value, input },
            ),
            1 => other_types(from, nonce >> 1).swap_remove((nonce % 4) as usize),
            _ => sign(
                from,
                TxEip1559 {
                    chain_id: CHAIN_ID,
                    nonce,
                    gas_limit,
                    max_fee_per_gas: fee,
                    max_priority_fee_per_gas: priority_fee,
                    to,
                    value,
                    input,
                    ..TxEip1559::default()
                },
            ),
        },
    )
}

fn payload() -> impl Strategy<Value = Payload> {
    let block = (0..100u64, 0..3u64, 0..5u64, prop::collection::vec(transaction(), 0..6));
    (any::<u32>(), any::<u32>(), prop::collection::vec(block, 0..6)).prop_map(|(start, first, blocks)| {
        let (mut timestamp, mut origin) = (u64::from(start), u64::from(first));
        Payload::new(blocks.into_iter().map(|(later, higher, deposits, transactions)| {
            timestamp += later;
            origin += higher;
            let transactions = transactions.iter().map(payload_transaction).collect();
            PayloadBlock { timestamp, origin, deposits, transactions }
        }))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn payloads_read_back(payload in payload()) {
        let blobs = encode(&payload, CHAIN_ID).unwrap();
        let blobs: Vec<_> = blobs.iter().map(|blob| Blob::new(blob).unwrap()).collect();
        let decoded = decode(&blobs, CHAIN_ID).unwrap();
        prop_assert_eq!(&decoded, &payload);
        for block in decoded.blocks() {
            for transaction in &block.transactions {
                prop_assert_eq!(payload_transaction(&transaction.encoded).encoded, transaction.encoded.clone());
            }
        }
    }

    /// Mostly reaches the columns: the frame's bytes are changed before they are compressed is no choice of the
    /// encoder, so raw blocks carry changed columns.
    #[test]
    fn changed_columns_are_an_error_or_a_payload(
        payload in payload(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let bytes = encode_payload(&payload).unwrap();
        let length = u32::from_le_bytes(bytes[1..5].try_into().unwrap()) as usize;
        let mut columns = zstd::bulk::decompress(&bytes[9..9 + length], 1 << 20).unwrap();
        for (at, value) in changes {
            let at = at.index(columns.len());
            columns[at] = value;
        }
        let frame = raw_frame(&columns);
        let changed = [&bytes[..1], &(frame.len() as u32).to_le_bytes(), &bytes[5..9], &frame, &bytes[9 + length..]];
        let _ = read(&changed.concat());
    }

    #[test]
    fn changed_payloads_never_panic(
        payload in payload(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = encode_payload(&payload).unwrap();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = read(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        let _ = read(&bytes);
    }

    #[test]
    fn arbitrary_bytes_are_no_payload(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
        let _ = read(&[&[0][..], &bytes].concat());
        let frame = [&0xFD2F_B528u32.to_le_bytes()[..], &[0xa0, 0, 4, 0, 0], &bytes].concat();
        let prefix = [&[0][..], &(frame.len() as u32).to_le_bytes(), &[0; 4]].concat();
        let _ = read(&[&prefix[..], &frame].concat());
    }
}

/// A frame that holds the bytes as they are.
fn raw_frame(bytes: &[u8]) -> Vec<u8> {
    let mut frame = 0xFD2F_B528u32.to_le_bytes().to_vec();
    frame.push(0xa0);
    frame.extend((bytes.len() as u32).to_le_bytes());
    if bytes.is_empty() {
        frame.extend([1, 0, 0]);
    }
    let mut chunks = bytes.chunks(1 << 17).peekable();
    while let Some(chunk) = chunks.next() {
        let last = u32::from(chunks.peek().is_none());
        frame.extend(&(last | (chunk.len() as u32) << 3).to_le_bytes()[..3]);
        frame.extend(chunk);
    }
    frame
}

/// A payload of these columns and this many signatures.
fn of_columns(columns: &[&[u8]; 16], signatures: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for column in columns {
        assert!(column.len() < 128);
        bytes.push(column.len() as u8);
        bytes.extend(*column);
    }
    of_bytes(&bytes, signatures)
}

fn of_bytes(columns: &[u8], signatures: u32) -> Vec<u8> {
    let frame = raw_frame(columns);
    let mut bytes = vec![0];
    bytes.extend((frame.len() as u32).to_le_bytes());
    bytes.extend(signatures.to_le_bytes());
    bytes.extend(frame);
    bytes.extend(vec![1; 64 * signatures as usize]);
    bytes
}

/// One block with one transaction of this type and these flags, and the other columns.
const ONE: [&[u8]; 16] = [
    &[1, 10, 20, 0, 1],
    &[7; 20],
    &[2],
    &[4],
    &[0],
    &[100],
    &[9, 8],
    &[1],
    &[1, 5],
    &[2],
    &[1, 2, 3, 4],
    &[33, 65],
    &[0xaa],
    &[1],
    &[],
    &[1, 0xc0],
];

fn with(index: usize, column: &'static [u8]) -> CodecError {
    let mut columns = ONE;
    columns[index] = column;
    read(&of_columns(&columns, 1)).unwrap_err()
}

#[test]
fn malformed_columns_are_named() {
    let payload = read(&of_columns(&ONE, 1)).unwrap();
    let block = payload.blocks().next().unwrap();
    assert_eq!((block.timestamp, block.origin, block.deposits), (10, 20, 0));
    let input = {
        use alloy_consensus::Transaction;
        block.transactions[0].transaction.input().clone()
    };
    let expected = [&[1, 2, 3, 4][..], &[0; 12], &[7; 20], &[0xaa], &[0; 31]].concat();
    assert_eq!(input[..], expected[..]);

    let column = |error| match error {
        CodecError::Column { column, reason } => (column, reason),
        other => panic!("{other}"),
    };
    for kind in [3, 5, 0x7d, 0x7e, 0xff] {
        let bytes: &'static [u8] = Box::leak(Box::new([kind]));
        assert_eq!(with(2, bytes), CodecError::TransactionType(kind));
    }
    assert_eq!(column(with(1, &[7; 19])), ("addresses", "no whole number of addresses"));
    assert_eq!(column(with(2, &[])), ("types", "ends early"));
    assert_eq!(column(with(2, &[2, 2])), ("types", "bytes are left"));
    assert_eq!(column(with(3, &[8])), ("flags", "unknown flag"));
    assert_eq!(column(with(3, &[6])), ("flags", "unknown flag"));
    let number = "number that is too large or not the shortest";
    assert_eq!(column(with(4, &[0x80, 0])), ("nonces", number));
    assert_eq!(column(with(4, &[0xff; 20])), ("nonces", number));
    assert_eq!(
        column(with(4, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2])),
        ("nonces", number)
    );
    assert_eq!(column(with(6, &[0xff; 40])), ("fees", number));
    assert_eq!(column(with(7, &[2])), ("recipients", "place that the dictionary does not have"));
    assert_eq!(column(with(7, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1])).0, "recipients");
    assert_eq!(column(with(8, &[1, 0])), ("values", "value that is too large or not the shortest"));
    assert_eq!(column(with(8, &[33; 40])), ("values", "value that is too large or not the shortest"));
    assert_eq!(column(with(8, &[3, 1])), ("values", "ends early"));
    assert_eq!(column(with(11, &[33, 64])), ("kinds", "unknown kind of a word"));
    assert_eq!(column(with(11, &[33, 34])), ("kinds", "unknown kind of a word"));
    assert_eq!(column(with(11, &[33, 96])), ("kinds", "unknown kind of a word"));
    assert_eq!(column(with(13, &[0])), ("word addresses", "place that the dictionary does not have"));
    assert_eq!(column(with(15, &[1, 0x80])), ("lists", "malformed list"));
    assert_eq!(column(with(15, &[2, 0xc0, 0xc0])), ("lists", "bytes after a list"));
    assert_eq!(
        column(with(15, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1])),
        ("lists", "ends early")
    );
    assert_eq!(with(9, &[0xff, 0xff, 3]), CodecError::Calldata);
    assert_eq!(with(9, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]), CodecError::Calldata);
    assert_eq!(with(0, &[1, 10, 20, 0, 2]), CodecError::TransactionCount { blocks: 2, signatures: 1 });
    assert_eq!(with(0, &[0]), CodecError::TransactionCount { blocks: 0, signatures: 1 });
    assert_eq!(with(0, &[0xff, 0x7f]), CodecError::Blocks(16383));
    // A type that cannot create.
    let mut columns = ONE;
    (columns[2], columns[7], columns[15]) = (&[4], &[0], &[1, 0xc0, 1, 0xc0]);
    assert_eq!(column(read(&of_columns(&columns, 1)).unwrap_err()).0, "recipients");
    assert_eq!(column(read(&of_bytes(&[1, 0], 0)).unwrap_err()).0, "lengths");
    assert_eq!(column(read(&of_bytes(&[], 0)).unwrap_err()).0, "lengths");
}

#[test]
fn what_surrounds_the_frame_is_checked() {
    let good = of_columns(&ONE, 1);
    let changed = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        read(&bytes).unwrap_err()
    };
    assert_eq!(changed(0, 1), CodecError::Version(1));
    assert_eq!(changed(1, 3), CodecError::TrailingBytes);
    assert!(matches!(changed(9, 3), CodecError::Frame(_)));
    assert!(matches!(changed(4, 0xff), CodecError::Length { blobs: 1, .. }));
    assert!(matches!(changed(8, 0xff), CodecError::Length { blobs: 1, .. }));
    assert_eq!(read(&[&good[..], &[0, 0, 1]].concat()), Err(CodecError::TrailingBytes));
    assert!(read(&[&good[..], &[0; 100]].concat()).is_ok(), "padding");
    assert_eq!(decode(&[], CHAIN_ID), Err(CodecError::Blobs(0)));
    let blobs = pack(&good);
    let blob = Blob::new(&blobs[0]).unwrap();
    assert!(decode(&[blob], CHAIN_ID).is_ok());
    assert!(matches!(decode(&[blob, blob], CHAIN_ID), Err(CodecError::Length { blobs: 2, .. })));
    assert_eq!(decode(&[blob; 33], CHAIN_ID), Err(CodecError::Blobs(33)));
    // A field element that carries more than 31 bytes.
    let mut high = blobs[0].clone();
    high[32 * 4000] = 1;
    let high = Blob::new(&high).unwrap();
    assert_eq!(decode(&[high], CHAIN_ID), Err(CodecError::Packing(0)));
    assert_eq!(
        decode(&[Blob::new(&[]).unwrap()], CHAIN_ID).unwrap_err(),
        CodecError::Frame("not a zstd frame")
    );
}

#[test]
fn several_blobs_are_one_payload() {
    // Input that does not compress, over three blobs, and zeros at the end of one.
    let noise = |seed: u8| -> Vec<u8> {
        (0..2500u32)
            .flat_map(|n| alloy_primitives::keccak256([&[seed][..], &n.to_be_bytes()].concat()).0)
            .collect()
    };
    let transactions: Vec<_> =
        (0..4u8).map(|n| payload_transaction(&call(n, 0, TxKind::Create, 0, noise(n)))).collect();
    let payload = Payload::new([PayloadBlock { timestamp: 1, origin: 1, deposits: 0, transactions }]);
    let blobs = encode(&payload, CHAIN_ID).unwrap();
    assert_eq!(blobs.len(), 3);
    let read: Vec<_> = blobs.iter().map(|blob| Blob::new(blob).unwrap()).collect();
    assert_eq!(decode(&read, CHAIN_ID).unwrap(), payload);
    assert!(decode(&read[..2], CHAIN_ID).is_err());
    assert!(decode(&[read[0], read[2], read[1]], CHAIN_ID).is_err());
    assert!(encode_payload(&payload).unwrap().len() > 2 * BLOB_CAPACITY);
}

#[test]
fn what_cannot_be_encoded_is_named() {
    let block =
        |timestamp, origin, transactions| PayloadBlock { timestamp, origin, deposits: 0, transactions };
    let encoded = |blocks: Vec<PayloadBlock>| encode(&Payload::new(blocks), CHAIN_ID).unwrap_err();
    let late = encoded(vec![block(5, 5, vec![]), block(4, 5, vec![])]);
    assert!(matches!(late, EncodeError::Order(1)), "{late}");
    let older = encoded(vec![block(5, 5, vec![]), block(6, 4, vec![])]);
    assert!(matches!(older, EncodeError::Order(1)), "{older}");
    let long = call(0, 0, TxKind::Create, 0, vec![0; MAX_INPUT + 1]);
    let long = encoded(vec![block(1, 1, vec![payload_transaction(&long)])]);
    assert!(matches!(long, EncodeError::NotDecoded(CodecError::Calldata)), "{long}");
    let foreign = sign(0, TxEip1559 { chain_id: 5, to: TxKind::Create, ..TxEip1559::default() });
    let foreign = encoded(vec![block(1, 1, vec![payload_transaction(&foreign)])]);
    assert!(matches!(foreign, EncodeError::Different), "{foreign}");
}
