//! Every bundled guest does what its head says, against an independent computation.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use expect_test::expect_file;
use k256::ecdsa::SigningKey;
use sha2::Sha256;
use sha3::{Digest, Keccak256};
use vellum_isa::Program;

use crate::harness::{self, Run};

fn run(guest: &str, input: &[u8]) -> Run {
    harness::run(vellum_guests::find(guest).expect("a bundled guest").elf, input)
}

/// The output of a run that must succeed and print nothing.
fn output(guest: &str, input: &[u8]) -> Vec<u8> {
    let run = run(guest, input);
    assert_eq!((run.status, run.printed.as_str()), (0, ""), "{guest}");
    run.output.expect("an output")
}

/// A run that must panic with this message.
fn assert_panics(guest: &str, input: &[u8], message: &str) {
    let run = run(guest, input);
    assert_eq!(run.status, 1, "{guest}");
    assert!(run.printed.contains(message), "{guest}: {}", run.printed);
}

fn dwords(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Bytes without a pattern that the code under test could share.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn square_publishes_a_and_c() {
    assert_eq!(output("square", &dwords(&[3, 4])), dwords(&[3, 18]));
    let root = u64::from(u32::MAX);
    let most = u64::MAX - 5 - root * root;
    assert_eq!(output("square", &dwords(&[root, most])), dwords(&[root, u64::MAX]));
}

#[test]
fn square_panics_on_overflow_and_wrong_length() {
    let root = u64::from(u32::MAX);
    for numbers in [[1 << 32, 0], [root, u64::MAX - 4 - root * root], [0, u64::MAX]] {
        assert_panics("square", &dwords(&numbers), "overflow");
    }
    for length in [0, 15, 17, 24] {
        assert_panics("square", &vec![0; length], "not two u64");
    }
}

#[test]
fn fibonacci_agrees() {
    let (mut current, mut next) = (0u64, 1u64);
    for n in 0..100 {
        assert_eq!(output("fibonacci", &dwords(&[n])), dwords(&[n, current]));
        (current, next) = (next, (current + next) % 1_000_000_007);
    }
}

#[test]
fn alu_agrees_at_ten_instructions_a_round() {
    let mut x = 1u64;
    for round in 0..1000u64 {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x = x.wrapping_add(round);
    }
    assert_eq!(output("alu", &dwords(&[1000])), dwords(&[1000, x]));
    let cycles = |rounds| run("alu", &dwords(&[rounds])).cycles;
    assert_eq!(cycles(2000) - cycles(1000), 10_000);
}

#[test]
fn hashes_agree_at_every_length_around_a_block() {
    let data = noise(2000);
    for length in (0..150).chain(260..280).chain([2000]) {
        let message = &data[..length];
        assert_eq!(output("sha256", message), Sha256::digest(message)[..], "{length}");
        let keccak = Keccak256::digest(message);
        assert_eq!(output("keccak256", message), keccak[..], "{length}");
        let expected = [&(length as u64).to_le_bytes()[..], &keccak].concat();
        assert_eq!(output("read_all", message), expected, "{length}");
    }
}

/// hash ‖ r ‖ s ‖ v signed by a key, and the key's address.
fn signed(seed: u8) -> (Vec<u8>, Vec<u8>) {
    let key = SigningKey::from_slice(&Keccak256::digest([seed])).expect("a scalar");
    let hash = Keccak256::digest([seed, 1]);
    let (signature, recovery) = key.sign_prehash_recoverable(&hash).expect("signs");
    let input = [&hash[..], &signature.to_bytes(), &[27 + recovery.to_byte()]].concat();
    let point = key.verifying_key().to_encoded_point(false);
    (input, Keccak256::digest(&point.as_bytes()[1..])[12..].to_vec())
}

/// The order of secp256k1.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba,
    0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
];

#[test]
fn ecrecover_finds_the_signer() {
    for seed in 0..4 {
        let (mut input, address) = signed(seed);
        let expected = [&input[..32], &address].concat();
        assert_eq!(output("ecrecover", &input), expected);
        input[96] -= 27;
        assert_eq!(output("ecrecover", &input), expected);
        // (r, n − s) with the other parity is a signature of the same key.
        let s: [u8; 32] = input[64..96].try_into().expect("32 bytes");
        input[64..96].copy_from_slice(&minus(ORDER, s));
        input[96] ^= 1;
        assert_eq!(output("ecrecover", &input), expected);
        // With the same parity it is one of another key.
        input[96] ^= 1;
        assert_ne!(output("ecrecover", &input), expected);
    }
}

#[test]
fn ecrecover_refuses_what_is_no_signature() {
    let (good, _) = signed(1);
    let with = |start: usize, bytes: &[u8]| {
        let mut input = good.clone();
        input[start..start + bytes.len()].copy_from_slice(bytes);
        input
    };
    let mut above = ORDER;
    above[31] += 1;
    for value in [[0; 32], ORDER, above, [0xff; 32]] {
        assert_panics("ecrecover", &with(32, &value), "recovers no address");
        assert_panics("ecrecover", &with(64, &value), "recovers no address");
    }
    // x = 5 is not on the curve.
    let mut five = [0; 32];
    five[31] = 5;
    assert_panics("ecrecover", &with(32, &five), "recovers no address");
    for v in [2, 26, 29, 255] {
        assert_panics("ecrecover", &with(96, &[v]), "not 27 or 28");
    }
    assert_panics("ecrecover", &good[..96], "not hash, r, s and v");
}

/// a − b for big-endian numbers with a ≥ b.
fn minus(a: [u8; 32], b: [u8; 32]) -> [u8; 32] {
    let mut difference = [0; 32];
    let mut borrow = false;
    for i in (0..32).rev() {
        let (byte, first) = a[i].overflowing_sub(b[i]);
        let (byte, second) = byte.overflowing_sub(u8::from(borrow));
        (difference[i], borrow) = (byte, first || second);
    }
    difference
}

#[test]
fn sort_counts_lines() {
    let mut text = Vec::new();
    for byte in noise(5000) {
        // Few distinct lines, some of them empty, some with bytes that are not text.
        text.extend_from_slice(&vec![byte & 0x83; usize::from(byte >> 4)]);
        text.push(b'\n');
    }
    for text in [&text[..], &text[..text.len() - 1], b"", b"\n", b"\n\n", b"a", b"b\na"] {
        let mut counts = BTreeMap::<&[u8], u64>::new();
        for line in text.strip_suffix(b"\n").unwrap_or(text).split(|&byte| byte == b'\n') {
            *counts.entry(line).or_default() += 1;
        }
        let mut sorted: Vec<_> = counts.into_iter().collect();
        sorted.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        let expected: Vec<u8> = sorted
            .into_iter()
            .flat_map(|(line, count)| [count.to_string().as_bytes(), b" ", line, b"\n"].concat())
            .collect();
        assert_eq!(output("sort", text), expected);
    }
}

#[test]
fn panic_ends_with_status_1_its_message_and_what_was_committed() {
    let run = run("panic", b"what \xff happened");
    assert_eq!((run.status, run.output.as_deref()), (1, Some(&b"w"[..])));
    assert!(
        run.printed.contains("what \\xff happened") && run.printed.contains("panic.rs"),
        "{}",
        run.printed
    );
    let silent = self::run("panic", b"");
    assert_eq!((silent.status, silent.output), (1, None));
}

/// Drift is a change of the compiler, of rt or of a dependency: look at it, then bless it.
#[test]
fn cycles_snapshot() {
    let inputs: [(&str, &str, Vec<u8>); 8] = [
        ("square", "a = 3, b = 4", dwords(&[3, 4])),
        ("fibonacci", "n = 1000", dwords(&[1000])),
        ("alu", "n = 1000", dwords(&[1000])),
        ("sha256", "1,000 bytes", noise(1000)),
        ("keccak256", "1,000 bytes", noise(1000)),
        ("read_all", "1,000 bytes", noise(1000)),
        ("ecrecover", "a signature", signed(0).0),
        ("sort", "1,000 bytes", noise(1000)),
    ];
    let mut table = String::from("guest        input            cycles\n");
    for (guest, what, input) in inputs {
        writeln!(table, "{guest:12} {what:12} {:10}", run(guest, &input).cycles).expect("a string");
    }
    expect_file!["../../../../snapshots/cycles.txt"].assert_eq(&table);
}

#[test]
fn functions_have_names() {
    for guest in vellum_guests::all() {
        let program = Program::from_elf(guest.elf).expect("a well-formed program");
        let names: Vec<_> = program.symbols.iter().map(|symbol| symbol.name.as_str()).collect();
        for name in ["_start", "vellum_guest_main"] {
            assert!(
                names.iter().any(|symbol| symbol.contains(name)),
                "{}: {name} not in {names:?}",
                guest.name
            );
        }
    }
}
