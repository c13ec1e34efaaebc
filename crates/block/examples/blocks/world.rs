//! A large state: accounts by number, their tries' roots, and the witness of some of them.

use std::collections::{BTreeMap, BTreeSet};

use alloy_consensus::{
    TrieAccount,
    constants::{EMPTY_ROOT_HASH, KECCAK_EMPTY},
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::{HashBuilder, Nibbles, proof::ProofRetainer};
use k256::ecdsa::SigningKey;
use vellum_block::NodeSet;

/// A source of numbers that look random and follow from a seed.
#[derive(Clone, Copy)]
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn hash(self, what: &str, number: u64) -> B256 {
        let mut text = what.as_bytes().to_vec();
        text.extend_from_slice(&self.0.to_le_bytes());
        text.extend_from_slice(&number.to_le_bytes());
        keccak256(text)
    }

    pub(crate) fn below(self, what: &str, number: u64, limit: u64) -> u64 {
        let hash = self.hash(what, number);
        hash[..8].iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)) % limit
    }
}

/// A contract of the state.
pub(crate) struct Contract {
    pub(crate) code: Bytes,
    pub(crate) storage: Vec<(U256, U256)>,
}

/// What a block reads: accounts, each with the slots.
pub(crate) type Touched = BTreeMap<Address, BTreeSet<U256>>;

/// Externally owned accounts, the first of which have keys, and contracts.
pub(crate) struct World {
    pub(crate) draw: Draw,
    /// Addresses of the externally owned accounts, those with a key first.
    pub(crate) people: Vec<Address>,
    keys: Vec<SigningKey>,
    pub(crate) contracts: BTreeMap<Address, Contract>,
}

impl World {
    pub(crate) fn new(draw: Draw, accounts: u64, keys: u64) -> Self {
        let key = |i| SigningKey::from_slice(draw.hash("key", i).as_slice()).expect("below the order");
        let keys: Vec<_> = (0..keys).map(key).collect();
        let with_key = keys.iter().map(|key| Address::from_public_key(key.verifying_key()));
        let others = (keys.len() as u64..accounts).map(|i| Address::from_word(draw.hash("address", i)));
        let people = with_key.chain(others).collect();
        Self { draw, people, keys, contracts: BTreeMap::new() }
    }

    pub(crate) fn key(&self, person: usize) -> &SigningKey {
        &self.keys[person]
    }

    pub(crate) fn nonce(&self, person: usize) -> u64 {
        self.draw.below("nonce", person as u64, 300)
    }

    /// 10 to 1000 ether.
    fn balance(&self, person: usize) -> U256 {
        let szabo = self.draw.below("balance", person as u64, 990_000_000) + 10_000_000;
        U256::from(szabo) * U256::from(1_000_000_000_007u64)
    }

    /// The state root, the witness nodes and the codes of what is touched.
    pub(crate) fn witness(&self, touched: &Touched) -> (B256, Vec<u8>, Vec<u8>) {
        let (mut nodes, mut codes) = (NodeSet::default(), Vec::new());
        let mut entries = Vec::with_capacity(self.people.len() + self.contracts.len());
        for (person, address) in self.people.iter().enumerate() {
            entries.push((keccak256(address), alloy_rlp::encode(self.person(person))));
        }
        for (address, contract) in &self.contracts {
            let slots = contract.storage.iter();
            let slots = slots.map(|(slot, value)| (hashed(slot), alloy_rlp::encode(value))).collect();
            let touched = touched.get(address);
            let storage_root = trie(slots, touched.into_iter().flatten().map(hashed).collect(), &mut nodes);
            let code_hash = keccak256(&contract.code);
            let account = TrieAccount { nonce: 1, balance: U256::ZERO, storage_root, code_hash };
            entries.push((keccak256(address), alloy_rlp::encode(account)));
            if touched.is_some() {
                alloy_rlp::Encodable::encode(&contract.code, &mut codes);
            }
        }
        let root = trie(entries, touched.keys().map(keccak256).collect(), &mut nodes);
        (root, nodes.depth_first(root), codes)
    }

    fn person(&self, person: usize) -> TrieAccount {
        TrieAccount {
            nonce: self.nonce(person),
            balance: self.balance(person),
            storage_root: EMPTY_ROOT_HASH,
            code_hash: KECCAK_EMPTY,
        }
    }
}

fn hashed(slot: &U256) -> B256 {
    keccak256(slot.to_be_bytes::<32>())
}

/// Root of the trie of `entries`; adds the nodes on the paths of `touched` to `nodes`.
fn trie(mut entries: Vec<(B256, Vec<u8>)>, touched: Vec<B256>, nodes: &mut NodeSet) -> B256 {
    entries.sort_unstable();
    let touched = touched.into_iter().map(Nibbles::unpack).collect();
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(touched));
    for (key, value) in &entries {
        builder.add_leaf(Nibbles::unpack(key), value);
    }
    let root = builder.root();
    builder.take_proof_nodes().into_nodes_sorted().iter().for_each(|(_, node)| nodes.insert(node));
    root
}
