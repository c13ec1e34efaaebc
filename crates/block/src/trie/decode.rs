//! Reading the witness: node encodings one after the other, depth first.
//!
//! The order makes a map from hashes to nodes unnecessary. The first node is the root; after a node come,
//! in order, the subtrees of those children that the witness holds, and after a leaf of the account trie
//! the account's storage trie. So the next node of the stream either hashes to the digest that the reader
//! is looking at, and is that child, or the child is not in the witness. Each node is hashed once.
//! A node that no digest asked for is refused, and so is every ill-formed node.

use alloc::{boxed::Box, vec::Vec};
use alloy_primitives::{B256, keccak256};
use core::ops::Range;

use super::{
    Children, EMPTY_ROOT_HASH, EMPTY_STRING, Forest, HASH_PREFIX, Kind, Nibbles, Node, Span, Subtree,
    TrieError, nibbles::KEY_NIBBLES,
};

/// Longest value of a leaf in bytes; accounts and slots are much shorter.
const MAX_VALUE: usize = 1 << 14;

/// What a trie's leaves hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Accounts,
    Slots,
}

impl<'w> Forest<'w> {
    /// An arena without nodes, for tries that are built from nothing.
    pub const fn new() -> Self {
        Self { witness: &[], nodes: Vec::new(), fresh: Vec::new() }
    }

    /// Reads the witness of the state `state_root`; returns the arena and the account trie.
    pub fn from_witness(witness: &'w [u8], state_root: B256) -> Result<(Self, Subtree), TrieError> {
        if witness.len() >= 1 << 31 {
            return Err(TrieError::TooLong { length: witness.len() });
        }
        // A trie has about one node per hundred bytes; the true number only moves the reallocations.
        let forest = Self { witness, nodes: Vec::with_capacity(witness.len() / 100 + 16), fresh: Vec::new() };
        let mut reader = Reader { forest, next: None, position: 0 };
        reader.advance()?;
        let root = match &reader.next {
            _ if state_root == EMPTY_ROOT_HASH => Subtree::EMPTY,
            Some(node) if node.hash == state_root => {
                let item = node.item;
                reader.advance()?;
                reader.node(item, Holds::Accounts, 0, None)?
            }
            _ => return Err(TrieError::Missing { path: Box::new(Nibbles::EMPTY), hash: state_root }),
        };
        match reader.next {
            Some(node) => Err(TrieError::Unreferenced { offset: node.item.start() }),
            None => Ok((reader.forest, root)),
        }
    }
}

impl Default for Forest<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// An RLP item: its payload is `payload_start..end`. Witness offsets are below 2^31.
#[derive(Debug, Clone, Copy)]
struct Item {
    start: u32,
    payload_start: u32,
    end: u32,
    list: bool,
}

impl Item {
    const fn start(self) -> usize {
        self.start as usize
    }

    const fn payload_start(self) -> usize {
        self.payload_start as usize
    }

    const fn end(self) -> usize {
        self.end as usize
    }

    const fn payload(self) -> Range<usize> {
        self.payload_start()..self.end()
    }

    const fn payload_bytes(self) -> usize {
        self.end() - self.payload_start()
    }
}

#[derive(Debug, Clone, Copy)]
struct Peeked {
    hash: B256,
    item: Item,
}

struct Reader<'w> {
    forest: Forest<'w>,
    /// The first node not taken yet.
    next: Option<Peeked>,
    /// Where the node after it begins.
    position: usize,
}

impl Reader<'_> {
    /// Hashes the node at the current position and makes it the next one.
    fn advance(&mut self) -> Result<(), TrieError> {
        let witness = self.forest.witness;
        self.next = None;
        if self.position < witness.len() {
            let item = item(witness, self.position, witness.len())?;
            self.next = Some(Peeked { hash: keccak256(&witness[item.start()..item.end()]), item });
            self.position = item.end();
        }
        Ok(())
    }

    /// The first byte of the next node's hash; no byte if there is none.
    fn next_byte(&self) -> u32 {
        self.next.as_ref().map_or(u32::MAX, |next| next.hash[0].into())
    }

    /// The subtree whose hash stands at the witness offset `hash_at`.
    fn by_hash(&mut self, hash_at: usize, holds: Holds, depth: usize) -> Result<Subtree, TrieError> {
        match &self.next {
            Some(next) if next.hash[..] == self.forest.witness[hash_at..hash_at + 32] => {
                let item = next.item;
                self.advance()?;
                self.node(item, holds, depth, Some(hash_at as u32))
            }
            _ => Ok(Subtree::digest(hash_at as u32)),
        }
    }

    /// A child as it stands in its parent: nothing, a hash, or the encoding of a short node.
    fn child(&mut self, child: Item, holds: Holds, depth: usize) -> Result<Subtree, TrieError> {
        match (child.list, child.payload_start - child.start, child.payload_bytes()) {
            (false, _, 0) => Ok(Subtree::EMPTY),
            (false, 1, 32) => self.by_hash(child.payload_start(), holds, depth),
            (true, _, 0..32) => self.node(child, holds, depth, None),
            _ => Err(malformed(child.start(), "child is neither a hash nor a short node")),
        }
    }

    /// Decodes a node that lies `depth` nibbles below its trie's root.
    fn node(
        &mut self,
        node: Item,
        holds: Holds,
        depth: usize,
        hash_at: Option<u32>,
    ) -> Result<Subtree, TrieError> {
        if !node.list {
            return Err(malformed(node.start(), "not a list"));
        }
        let witness = self.forest.witness;
        let first = item(witness, node.payload_start(), node.end())?;
        let second = item(witness, first.end(), node.end())?;
        let kind = if second.end == node.end {
            self.short_node(node.start(), first, second, holds, depth)?
        } else {
            Kind::Branch { children: self.branch(node, holds, depth)? }
        };
        self.forest.nodes.push(Node { kind, hash_at });
        Ok(Subtree::node(self.forest.nodes.len() - 1))
    }

    fn short_node(
        &mut self,
        start: usize,
        path: Item,
        target: Item,
        holds: Holds,
        depth: usize,
    ) -> Result<Kind, TrieError> {
        let encoded = &self.forest.witness[path.payload()];
        let (false, Some((path, leaf))) = (path.list, Nibbles::from_hex_prefix(encoded)) else {
            return Err(malformed(start, "path is not hex-prefix encoded"));
        };
        let depth = depth + path.len();
        if leaf {
            if depth != KEY_NIBBLES || target.list || target.payload_bytes() == 0 {
                return Err(malformed(start, "leaf with a wrong depth or value"));
            }
            let length = target.payload_bytes();
            if length > MAX_VALUE {
                return Err(malformed(start, "value is too long"));
            }
            let value = Span { offset: target.payload_start, length: length as u32 };
            let storage = match holds {
                Holds::Accounts => self.storage_of(target)?,
                Holds::Slots => Subtree::EMPTY,
            };
            return Ok(Kind::Leaf { path, value, storage });
        }
        if depth >= KEY_NIBBLES || path.is_empty() {
            return Err(malformed(start, "extension with a wrong depth"));
        }
        let child = self.child(target, holds, depth)?;
        if child.is_empty() {
            return Err(malformed(start, "extension without a child"));
        }
        Ok(Kind::Extension { path, child })
    }

    fn branch(&mut self, node: Item, holds: Holds, depth: usize) -> Result<Children, TrieError> {
        if depth >= KEY_NIBBLES {
            return Err(malformed(node.start(), "branch below the keys' length"));
        }
        let mut children = Children::NONE;
        let bytes = &self.forest.witness[..node.end()];
        let mut at = node.payload_start();
        let mut next_byte = self.next_byte();
        for child in &mut children.0 {
            let Some(&prefix) = bytes.get(at) else { return Err(malformed(at, "item is cut off")) };
            // Most children are hashes of nodes that the witness does not hold: one byte tells.
            if prefix == HASH_PREFIX && at + 33 <= bytes.len() && u32::from(bytes[at + 1]) != next_byte {
                *child = Subtree::digest(at as u32 + 1);
                at += 33;
            } else if prefix == EMPTY_STRING {
                at += 1;
            } else {
                let next = item(bytes, at, bytes.len())?;
                *child = self.child(next, holds, depth + 1)?;
                at = next.end();
                next_byte = self.next_byte();
            }
        }
        let value = item(bytes, at, bytes.len())?;
        if value.list || value.payload_bytes() != 0 || value.end != node.end {
            return Err(malformed(node.start(), "branch without 16 children and an empty value"));
        }
        Ok(children)
    }

    /// The storage trie of the account that `value` encodes.
    fn storage_of(&mut self, value: Item) -> Result<Subtree, TrieError> {
        let witness = self.forest.witness;
        let account = item(witness, value.payload_start(), value.end())?;
        let nonce = item(witness, account.payload_start(), account.end())?;
        let balance = item(witness, nonce.end(), account.end())?;
        let storage = item(witness, balance.end(), account.end())?;
        if !account.list
            || storage.list
            || storage.payload_start - storage.start != 1
            || storage.payload_bytes() != 32
        {
            return Err(malformed(value.start(), "leaf of the account trie is not an account"));
        }
        if witness[storage.payload()] == EMPTY_ROOT_HASH.0 {
            return Ok(Subtree::EMPTY);
        }
        self.by_hash(storage.payload_start(), Holds::Slots, 0)
    }
}

const fn malformed(offset: usize, reason: &'static str) -> TrieError {
    TrieError::Malformed { offset, reason }
}

/// The RLP item that begins at `start` and must not reach beyond `limit`.
fn item(bytes: &[u8], start: usize, limit: usize) -> Result<Item, TrieError> {
    let short = || malformed(start, "item is cut off");
    let first = match bytes.get(start) {
        Some(&first) if start < limit => usize::from(first),
        _ => return Err(short()),
    };
    let (list, payload_start, length) = match first {
        0..0x80 => (false, start, 1),
        0x80..0xb8 => (false, start + 1, first - 0x80),
        0xc0..0xf8 => (true, start + 1, first - 0xc0),
        _ => {
            let list = first >= 0xf8;
            let width = first - if list { 0xf7 } else { 0xb7 };
            let digits = bytes.get(start + 1..start + 1 + width).filter(|_| width <= 4).ok_or_else(short)?;
            let length = digits.iter().fold(0, |sum, &digit| sum << 8 | digit as usize);
            (list, start + 1 + width, length)
        }
    };
    if payload_start > limit || length > limit - payload_start {
        return Err(short());
    }
    let end = payload_start + length;
    Ok(Item { start: start as u32, payload_start: payload_start as u32, end: end as u32, list })
}
