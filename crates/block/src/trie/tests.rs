//! The trie against an independent implementation, on random contents and random witnesses.

use alloc::{collections::BTreeMap, vec, vec::Vec};
use alloy_consensus::TrieAccount;
use alloy_primitives::{B256, U256, keccak256};
use alloy_rlp::Encodable;
use alloy_trie::HashBuilder;
use proptest::prelude::*;

use super::*;
use crate::NodeSet;

type Contents = BTreeMap<B256, Vec<u8>>;

/// Root by the reference.
fn reference_root(contents: &Contents) -> B256 {
    let mut builder = HashBuilder::default();
    for (key, value) in contents {
        builder.add_leaf(alloy_trie::Nibbles::unpack(key), value);
    }
    builder.root()
}

/// A key from a small number: few distinct nibbles, so that paths are shared, collide and diverge late.
fn key(number: u16) -> B256 {
    let mut key = [0x11; 32];
    key[0] = (number & 0x33) as u8;
    key[1] = (number >> 2 & 0x11) as u8 | 0x20;
    key[15] = (number >> 4 & 0x13) as u8;
    key[31] = (number >> 8 & 0x33) as u8;
    B256::new(key)
}

/// Values of a length that makes leaves short enough to be embedded, and longer ones.
fn value(number: u8) -> Vec<u8> {
    vec![number; 1 + (number % 40) as usize]
}

fn build(contents: &Contents) -> (Forest<'static>, Subtree) {
    let mut forest = Forest::new();
    let root = contents.iter().fold(Subtree::EMPTY, |root, (key, value)| {
        forest.insert(root, key, value).expect("nothing is missing in a trie built from nothing")
    });
    (forest, root)
}

#[derive(Debug, Clone)]
enum Change {
    Set(u16, u8),
    Remove(u16),
}

fn changes(most: usize) -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        (any::<u16>(), any::<u8>()).prop_map(|(key, value)| Change::Set(key, value)),
        any::<u16>().prop_map(Change::Remove),
    ];
    prop::collection::vec(change, 0..most)
}

fn apply(change: &Change, contents: &mut Contents, forest: &mut Forest<'_>, root: Subtree) -> Subtree {
    match *change {
        Change::Set(k, v) => {
            contents.insert(key(k), value(v));
            forest.insert(root, &key(k), &value(v)).expect("nothing is missing")
        }
        Change::Remove(k) => {
            contents.remove(&key(k));
            forest.remove(root, &key(k)).expect("nothing is missing")
        }
    }
}

/// A state of one account, whose storage is `slots`, and all its nodes.
fn state_of(slots: &Contents) -> (B256, B256, NodeSet) {
    let (mut forest, root) = build(slots);
    let mut nodes = NodeSet::default();
    forest.for_each_node(root, &mut |node| nodes.insert(node));
    let mut account = Vec::new();
    TrieAccount { storage_root: forest.root_hash(root), nonce: 1, ..TrieAccount::default() }
        .encode(&mut account);
    let address = keccak256("owner");
    let mut other = Vec::new();
    TrieAccount::default().encode(&mut other);
    let (mut forest, root) = build(&Contents::from([(address, account), (keccak256("other"), other)]));
    forest.for_each_node(root, &mut |node| nodes.insert(node));
    (forest.root_hash(root), address, nodes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn roots_and_values_agree_after_every_change(changes in changes(60)) {
        let (mut contents, mut forest, mut root) = (Contents::new(), Forest::new(), Subtree::EMPTY);
        for change in &changes {
            root = apply(change, &mut contents, &mut forest, root);
            prop_assert_eq!(forest.root_hash(root), reference_root(&contents));
            let (Change::Set(k, _) | Change::Remove(k)) = *change;
            let found = forest.get(root, &key(k)).unwrap().map(|entry| entry.value.to_vec());
            prop_assert_eq!(found.as_ref(), contents.get(&key(k)));
        }
    }

    #[test]
    fn a_whole_witness_reads_back_and_can_be_changed(before in changes(60), after in changes(30)) {
        let (mut contents, mut forest, mut root) = (Contents::new(), Forest::new(), Subtree::EMPTY);
        for change in &before {
            root = apply(change, &mut contents, &mut forest, root);
        }
        let (state_root, address, mut nodes) = state_of(&contents);
        let stream = nodes.depth_first(state_root);
        nodes.insert(b"\xc1\x80");
        prop_assert_eq!(&nodes.depth_first(state_root), &stream, "unreachable nodes are left out");

        let (mut read, accounts) = Forest::from_witness(&stream, state_root).unwrap();
        prop_assert_eq!(read.root_hash(accounts), state_root);
        let mut root = read.get(accounts, &address).unwrap().unwrap().storage;
        prop_assert_eq!(read.root_hash(root), reference_root(&contents));
        for change in &after {
            root = apply(change, &mut contents, &mut read, root);
            prop_assert_eq!(read.root_hash(root), reference_root(&contents));
        }
    }

    /// With any subset of the nodes an operation either says what is missing or is right.
    #[test]
    fn a_partial_witness_is_right_or_says_what_is_missing(
        before in changes(60), after in changes(20), kept in prop::collection::vec(0..10u8, 100),
    ) {
        let mut contents = Contents::new();
        let (mut forest, mut root) = (Forest::new(), Subtree::EMPTY);
        for change in &before {
            root = apply(change, &mut contents, &mut forest, root);
        }
        let (state_root, address, nodes) = state_of(&contents);
        let (all, _) = Forest::from_witness(&[], EMPTY_ROOT_HASH).unwrap();
        prop_assert!(all.get(Subtree::EMPTY, &address).unwrap().is_none());
        let mut some = NodeSet::default();
        for (node, luck) in nodes.iter().zip(kept.iter().cycle()) {
            if *luck > 0 || keccak256(node) == state_root {
                some.insert(node);
            }
        }
        let stream = some.depth_first(state_root);
        let (mut read, accounts) = Forest::from_witness(&stream, state_root).unwrap();
        let Ok(Some(entry)) = read.get(accounts, &address) else { return Ok(()) };
        let mut root = entry.storage;
        for change in &after {
            let changed = match *change {
                Change::Set(k, v) => read.insert(root, &key(k), &value(v)),
                Change::Remove(k) => read.remove(root, &key(k)),
            };
            match changed {
                Ok(changed) => root = changed,
                Err(TrieError::Missing { hash, .. }) => {
                    prop_assert!(nodes.get(&hash).is_some() && some.get(&hash).is_none());
                    return Ok(());
                }
                Err(error) => prop_assert!(false, "{error}"),
            }
            apply(change, &mut contents, &mut Forest::new(), Subtree::EMPTY);
            prop_assert_eq!(read.root_hash(root), reference_root(&contents));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(stream in prop::collection::vec(any::<u8>(), 0..200)) {
        // The first node passes the root's hash, so that its form is looked at.
        let _ = Forest::from_witness(&stream, keccak256(&stream));
        let wrapped = alloy_rlp::encode(&stream[..]);
        let _ = Forest::from_witness(&wrapped, keccak256(&wrapped));
    }

    #[test]
    fn a_changed_byte_of_a_witness_is_noticed(at: prop::sample::Index, flip in 1..=255u8) {
        let contents = (0..40).map(|i| (key(i * 977), value(i as u8))).collect();
        let (state_root, _, nodes) = state_of(&contents);
        let mut stream = nodes.depth_first(state_root);
        let at = at.index(stream.len());
        stream[at] ^= flip;
        prop_assert!(Forest::from_witness(&stream, state_root).is_err());
    }
}

#[test]
fn removing_any_node_from_a_stream_is_noticed() {
    let contents: Contents = (0..40).map(|i| (key(i * 977), value(i as u8))).collect();
    let (state_root, address, nodes) = state_of(&contents);
    for node in nodes.iter() {
        // Cut the node out of the stream, with everything below it still there.
        let stream = nodes.depth_first(state_root);
        let at = stream.windows(node.len()).position(|bytes| bytes == node).unwrap();
        let cut = [&stream[..at], &stream[at + node.len()..]].concat();
        match Forest::from_witness(&cut, state_root) {
            Err(TrieError::Missing { hash, .. }) => assert_eq!(hash, state_root),
            Err(TrieError::Unreferenced { offset }) => assert_eq!(offset, at),
            Err(error) => panic!("{error}"),
            Ok((forest, root)) => {
                // A leaf without a subtree: reading it says so.
                let missing = contents
                    .keys()
                    .map(|key| {
                        let account = forest.get(root, &address)?;
                        forest.get(account.expect("is there").storage, key).map(|_| ())
                    })
                    .chain([forest.get(root, &keccak256("other")).map(|_| ())])
                    .find_map(Result::err);
                assert!(matches!(missing, Some(TrieError::Missing { hash, .. }) if hash == keccak256(node)));
            }
        }
    }
}

#[test]
fn a_collapse_needs_the_sibling_and_nothing_else() {
    let three = [0x1a, 0x1b, 0x2c].map(|first| {
        let mut key = [0x55; 32];
        key[0] = first;
        B256::new(key)
    });
    let long = |number| vec![number; 33];
    let contents: Contents = three.iter().enumerate().map(|(i, key)| (*key, long(i as u8 + 1))).collect();
    let (state_root, address, nodes) = state_of(&contents);
    let (mut forest, root) = build(&contents);

    // The sibling of the first key is the second key's leaf; leave it out.
    let leaf = {
        let (mut alone, root) = build(&Contents::from([(three[1], long(2))]));
        let mut node = Vec::new();
        alone.for_each_node(root, &mut |bytes| node = bytes.to_vec());
        shortened_nodes(&node)[2].clone()
    };
    assert!(nodes.get(&keccak256(&leaf)).is_some());
    let mut without = NodeSet::default();
    nodes.iter().filter(|node| *node != leaf).for_each(|node| without.insert(node));
    let stream = without.depth_first(state_root);
    let (mut read, accounts) = Forest::from_witness(&stream, state_root).unwrap();
    let storage = read.get(accounts, &address).unwrap().unwrap().storage;
    assert_eq!(read.root_hash(storage), forest.root_hash(root));
    match read.remove(storage, &three[0]) {
        Err(TrieError::Missing { path, hash }) => {
            assert_eq!(alloc::format!("{path}"), "1b");
            assert_eq!(hash, keccak256(&leaf));
        }
        other => panic!("{other:?}"),
    }
    // Removing the key beside the branch needs no node of the branch's children.
    let (mut read, accounts) = Forest::from_witness(&stream, state_root).unwrap();
    let storage = read.get(accounts, &address).unwrap().unwrap().storage;
    let storage = read.remove(storage, &three[2]).unwrap();
    let mut rest = contents;
    rest.remove(&three[2]);
    assert_eq!(read.root_hash(storage), reference_root(&rest));
}

#[test]
fn malformed_nodes_are_named() {
    let reason = |node: &[u8]| match Forest::from_witness(node, keccak256(node)) {
        Err(TrieError::Malformed { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    let list = |items: &[&[u8]]| {
        let mut out = vec![0; 3];
        items.iter().for_each(|item| append_string(item, &mut out));
        let start = close_list(0, &mut out);
        out.split_off(start)
    };
    let path = |nibbles: usize, flags: u8| [&[flags][..], &vec![0x11; nibbles / 2]].concat();
    assert_eq!(reason(b"\x81\x80"), "not a list");
    assert_eq!(reason(b"\xc0"), "item is cut off");
    assert_eq!(reason(b"\xf9\xff\xff"), "item is cut off");
    let no_account = [&[0xf8, 68][..], &[1; 68]].concat();
    assert_eq!(reason(&list(&[&path(64, 0x20), &no_account])), "leaf of the account trie is not an account");
    assert_eq!(reason(&list(&[&path(62, 0x20), &[1; 70]])), "leaf with a wrong depth or value");
    assert_eq!(reason(&list(&[&path(64, 0x20), &[]])), "leaf with a wrong depth or value");
    assert_eq!(reason(&list(&[&path(64, 0x20), &[1; 20_000]])), "value is too long");
    assert_eq!(reason(&list(&[&path(64, 0x40), &[1; 70]])), "path is not hex-prefix encoded");
    assert_eq!(reason(&list(&[&path(64, 0), &[1; 32]])), "extension with a wrong depth");
    assert_eq!(reason(&list(&[&path(0, 0), &[1; 32]])), "extension with a wrong depth");
    assert_eq!(reason(&list(&[&path(2, 0), &[]])), "extension without a child");
    assert_eq!(reason(&list(&[&path(2, 0), &[1; 31]])), "child is neither a hash nor a short node");
    let branch = |value: &[u8], count: usize| {
        let mut items: Vec<&[u8]> = vec![&[]; count];
        items.push(value);
        list(&items)
    };
    assert_eq!(reason(&branch(&[1], 16)), "branch without 16 children and an empty value");
    assert_eq!(reason(&branch(&[], 17)), "branch without 16 children and an empty value");
    assert_eq!(reason(&branch(&[], 12)), "item is cut off");
}

#[test]
fn a_root_that_is_not_there_is_missing() {
    let hash = B256::repeat_byte(7);
    let missing = Err(TrieError::Missing { path: Box::new(Nibbles::EMPTY), hash });
    assert_eq!(Forest::from_witness(&[], hash).map(|_| ()), missing);
    assert_eq!(Forest::from_witness(b"\xc0", hash).map(|_| ()), missing);
    let unreferenced = Err(TrieError::Unreferenced { offset: 0 });
    assert_eq!(Forest::from_witness(b"\xc0", EMPTY_ROOT_HASH).map(|_| ()), unreferenced);
}

#[test]
fn slots_of_numbers_have_the_known_root() {
    let contents: Contents = (1..200u64)
        .map(|i| (keccak256(U256::from(i).to_be_bytes::<32>()), alloy_rlp::encode(U256::from(i * i))))
        .collect();
    let (mut forest, root) = build(&contents);
    assert_eq!(forest.root_hash(root), reference_root(&contents));
}
