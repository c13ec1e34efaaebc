//! A Merkle Patricia trie over a witness: what comes in is a concatenation of node encodings and a root
//! hash, what goes out are values, changed values and the new root hash.
//!
//! All tries of a state share one flat arena. A node that the witness does not hold stays a digest, and
//! an operation that needs it fails with its path and hash. Witness bytes are never copied: values and
//! digests are offsets into them. See `decode.rs` for the order of the witness.

mod decode;
mod nibbles;

use alloc::{boxed::Box, vec, vec::Vec};
use alloy_primitives::{B256, keccak256};
use alloy_rlp::{Header, PayloadView};

pub use nibbles::Nibbles;

/// Hash of the trie without entries: keccak256 of the empty string's RLP.
pub use alloy_consensus::constants::EMPTY_ROOT_HASH;

/// Why a trie operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrieError {
    /// The operation needs a node that the witness does not hold.
    #[error("trie node {hash} at path 0x{path} is missing from the witness")]
    Missing {
        /// Nibbles from the trie's root to the node.
        path: Box<Nibbles>,
        /// Hash by which its parent names the node.
        hash: B256,
    },
    /// A node whose hash is right does not have the form of a trie node.
    #[error("malformed trie node at witness byte {offset}: {reason}")]
    Malformed {
        /// Where the node begins in the witness.
        offset: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A witness node is not the child of any node before it: it, or one of its ancestors, was changed,
    /// removed or moved.
    #[error("trie node at witness byte {offset} is not referenced by the nodes before it")]
    Unreferenced {
        /// Where the node begins in the witness.
        offset: usize,
    },
    /// The witness is longer than offsets can address.
    #[error("witness of {length} bytes is longer than 2 GiB")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
}

/// A subtree: nothing, a digest of a node the witness does not hold, or a node of the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subtree(u32);

/// Set in a [`Subtree`] that is a digest; the other bits are the digest's witness offset.
const DIGEST: u32 = 1 << 31;
/// Set in an offset that points into the bytes written since, not into the witness.
const FRESH: u32 = 1 << 31;

/// RLP of the empty string, and the first byte of the RLP of a string of 32 bytes.
const EMPTY_STRING: u8 = 0x80;
const HASH_PREFIX: u8 = 0xa0;

impl Subtree {
    /// The subtree without entries.
    pub const EMPTY: Self = Self(0);

    const fn digest(offset: u32) -> Self {
        Self(DIGEST | offset)
    }

    const fn node(index: usize) -> Self {
        Self(index as u32 + 1)
    }

    /// Whether the subtree has no entries.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Index of the arena's node.
    const fn as_node(self) -> Option<usize> {
        if self.0 & DIGEST == 0 && self.0 != 0 { Some(self.0 as usize - 1) } else { None }
    }

    const fn as_digest(self) -> Option<u32> {
        if self.0 & DIGEST != 0 { Some(self.0 & !DIGEST) } else { None }
    }
}

/// Bytes of a leaf's value, in the witness or written since.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    offset: u32,
    length: u32,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// `storage` is the storage trie of the account that the leaf holds, in an account trie.
    Leaf {
        path: Nibbles,
        value: Span,
        storage: Subtree,
    },
    Extension {
        path: Nibbles,
        child: Subtree,
    },
    Branch {
        children: Children,
    },
}

/// The children of a branch by nibble; aligned so that it is copied in eight words.
#[derive(Debug, Clone, Copy)]
#[repr(align(8))]
struct Children([Subtree; 16]);

impl Children {
    const NONE: Self = Self([Subtree::EMPTY; 16]);
}

#[derive(Debug, Clone, Copy)]
struct Node {
    kind: Kind,
    /// Offset of the node's hash, in the witness or written since, while the node is unchanged and has one.
    hash_at: Option<u32>,
}

/// A value found in a trie.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'t> {
    /// The value's bytes.
    pub value: &'t [u8],
    /// In an account trie, the account's storage trie.
    pub storage: Subtree,
}

/// The arena of all nodes of a state's tries.
#[derive(Debug)]
pub struct Forest<'w> {
    witness: &'w [u8],
    nodes: Vec<Node>,
    fresh: Vec<u8>,
}

impl<'w> Forest<'w> {
    /// The value of `key` in the trie `root`.
    pub fn get(&self, root: Subtree, key: &B256) -> Result<Option<Entry<'_>>, TrieError> {
        let key = Nibbles::of_key(&key.0);
        let (mut subtree, mut depth) = (root, 0);
        loop {
            if subtree.is_empty() {
                return Ok(None);
            }
            match &self.nodes[self.index(subtree, &key, depth)?].kind {
                Kind::Branch { children } => {
                    subtree = children.0[key.at(depth) as usize];
                    depth += 1;
                }
                Kind::Extension { path, child } => {
                    if path.common_prefix(&key.skip(depth)) < path.len() {
                        return Ok(None);
                    }
                    subtree = *child;
                    depth += path.len();
                }
                Kind::Leaf { path, value, storage } => {
                    let found = *path == key.skip(depth);
                    return Ok(found.then(|| Entry { value: self.bytes(*value), storage: *storage }));
                }
            }
        }
    }

    /// Sets `key` to `value`, which must not be empty, and returns the changed trie.
    ///
    /// On an error the trie `root` is no longer usable.
    pub fn insert(&mut self, root: Subtree, key: &B256, value: &[u8]) -> Result<Subtree, TrieError> {
        let value = self.keep(value);
        let key = Nibbles::of_key(&key.0);
        // Branches whose child is there only lose their hash, so the way down to the first other node is a loop.
        let (mut subtree, mut depth, mut parent) = (root, 0, None);
        while let Some(index) = subtree.as_node() {
            let node = &mut self.nodes[index];
            let Kind::Branch { children } = &node.kind else { break };
            node.hash_at = None;
            let nibble = key.at(depth) as usize;
            subtree = children.0[nibble];
            parent = Some((index, nibble));
            depth += 1;
        }
        let changed = self.insert_at(subtree, &key, depth, value)?;
        match parent {
            None => Ok(changed),
            Some((index, nibble)) => {
                self.set_child(index, nibble, changed);
                Ok(root)
            }
        }
    }

    /// Removes `key`, if it is there, and returns the changed trie.
    ///
    /// On an error the trie `root` is no longer usable.
    pub fn remove(&mut self, root: Subtree, key: &B256) -> Result<Subtree, TrieError> {
        self.remove_at(root, &Nibbles::of_key(&key.0), 0)
    }

    /// Root hash of the trie `root`. Changed nodes are hashed and their hashes kept until they change again.
    pub fn root_hash(&mut self, root: Subtree) -> B256 {
        self.commit(root, &mut |_, _| {})
    }

    /// [`Self::root_hash`], which calls `changed` with hash and encoding of every node that was hashed: the nodes that
    /// are new or changed since the last call, children before parents.
    pub fn commit(&mut self, root: Subtree, changed: &mut impl FnMut(B256, &[u8])) -> B256 {
        if root.is_empty() {
            return EMPTY_ROOT_HASH;
        }
        if let Some(offset) = self.known_hash(root) {
            return self.hash_bytes(offset);
        }
        let index = root.0 as usize - 1;
        let mut encoded = Vec::with_capacity(1 << 14);
        let start = self.append_node(index, &mut encoded, changed);
        let hash = keccak256(&encoded[start..]);
        changed(hash, &encoded[start..]);
        self.keep_hash(index, hash);
        hash
    }

    /// Calls `visit` with the encoding of every arena node of the trie `root` that is referenced by hash,
    /// parents before children.
    pub fn for_each_node(&mut self, root: Subtree, visit: &mut impl FnMut(&[u8])) {
        self.visit_nodes(root, true, visit);
    }

    fn visit_nodes(&mut self, subtree: Subtree, is_root: bool, visit: &mut impl FnMut(&[u8])) {
        if subtree.is_empty() || subtree.as_digest().is_some() {
            return;
        }
        let index = subtree.0 as usize - 1;
        let mut encoded = Vec::new();
        let start = self.append_node(index, &mut encoded, &mut |_, _| {});
        if is_root || encoded.len() - start >= 32 {
            visit(&encoded[start..]);
        }
        match self.nodes[index].kind {
            Kind::Leaf { .. } => {}
            Kind::Extension { child, .. } => self.visit_nodes(child, false, visit),
            Kind::Branch { children } => {
                children.0.iter().for_each(|child| self.visit_nodes(*child, false, visit));
            }
        }
    }

    fn insert_at(
        &mut self,
        subtree: Subtree,
        key: &Nibbles,
        depth: usize,
        value: Span,
    ) -> Result<Subtree, TrieError> {
        if subtree.is_empty() {
            return Ok(self.leaf(key.skip(depth), value));
        }
        let index = self.index(subtree, key, depth)?;
        let node = &mut self.nodes[index];
        node.hash_at = None;
        match node.kind {
            Kind::Branch { ref children } => {
                let nibble = key.at(depth) as usize;
                let child = children.0[nibble];
                let child = self.insert_at(child, key, depth + 1, value)?;
                self.set_child(index, nibble, child);
                Ok(subtree)
            }
            Kind::Leaf { ref path, value: ref mut old_value, .. } if *path == key.skip(depth) => {
                *old_value = value;
                Ok(subtree)
            }
            Kind::Extension { path, child } => {
                let rest = key.skip(depth);
                let shared = path.common_prefix(&rest);
                if shared == path.len() {
                    let child = self.insert_at(child, key, depth + shared, value)?;
                    self.nodes[index].kind = Kind::Extension { path, child };
                    return Ok(subtree);
                }
                let below = path.skip(shared + 1);
                let old = if below.is_empty() { child } else { self.extension(below, child) };
                let new = self.leaf(rest.skip(shared + 1), value);
                Ok(self.fork(path.take(shared), [(path.at(shared), old), (rest.at(shared), new)]))
            }
            Kind::Leaf { path, value: old_value, storage } => {
                let rest = key.skip(depth);
                let shared = path.common_prefix(&rest);
                let old = self.push(Kind::Leaf { path: path.skip(shared + 1), value: old_value, storage });
                let new = self.leaf(rest.skip(shared + 1), value);
                Ok(self.fork(path.take(shared), [(path.at(shared), old), (rest.at(shared), new)]))
            }
        }
    }

    fn remove_at(&mut self, subtree: Subtree, key: &Nibbles, depth: usize) -> Result<Subtree, TrieError> {
        if subtree.is_empty() {
            return Ok(subtree);
        }
        let rest = key.skip(depth);
        let index = self.index(subtree, key, depth)?;
        match self.nodes[index].kind {
            Kind::Leaf { path, .. } => Ok(if path == rest { Subtree::EMPTY } else { subtree }),
            Kind::Extension { path, child } => {
                if path.common_prefix(&rest) < path.len() {
                    return Ok(subtree);
                }
                let child = self.remove_at(child, key, depth + path.len())?;
                let prefix = key.take(depth);
                self.prepend(&prefix, path, child)
            }
            Kind::Branch { children } => {
                let nibble = rest.at(0) as usize;
                let child = self.remove_at(children.0[nibble], key, depth + 1)?;
                self.nodes[index].hash_at = None;
                self.set_child(index, nibble, child);
                let mut others = (0..16u8).filter(|&i| i != rest.at(0) && !children.0[i as usize].is_empty());
                match (child.is_empty(), others.next(), others.next()) {
                    (true, None, _) => Ok(Subtree::EMPTY),
                    // A branch with one child left becomes that child with a longer path.
                    (true, Some(last), None) => {
                        let path = Nibbles::EMPTY.join(Some(last), &Nibbles::EMPTY);
                        self.prepend(&key.take(depth), path, children.0[last as usize])
                    }
                    _ => Ok(subtree),
                }
            }
        }
    }

    /// The subtree `child` moved below `path`, which is joined with the path of a leaf or extension;
    /// `prefix` leads to where it is put and serves the error.
    fn prepend(&mut self, prefix: &Nibbles, path: Nibbles, child: Subtree) -> Result<Subtree, TrieError> {
        if child.is_empty() {
            return Ok(child);
        }
        let full = prefix.join(None, &path);
        let kind = match self.nodes[self.index(child, &full, full.len())?].kind {
            Kind::Branch { .. } => Kind::Extension { path, child },
            Kind::Extension { path: below, child } => {
                Kind::Extension { path: path.join(None, &below), child }
            }
            Kind::Leaf { path: below, value, storage } => {
                Kind::Leaf { path: path.join(None, &below), value, storage }
            }
        };
        Ok(self.push(kind))
    }

    /// A branch of two children below `path`.
    fn fork(&mut self, path: Nibbles, two: [(u8, Subtree); 2]) -> Subtree {
        let mut children = Children::NONE;
        two.iter().for_each(|&(nibble, child)| children.0[nibble as usize] = child);
        let branch = self.push(Kind::Branch { children });
        if path.is_empty() { branch } else { self.extension(path, branch) }
    }

    fn set_child(&mut self, index: usize, nibble: usize, child: Subtree) {
        if let Kind::Branch { children } = &mut self.nodes[index].kind {
            children.0[nibble] = child;
        }
    }

    fn leaf(&mut self, path: Nibbles, value: Span) -> Subtree {
        self.push(Kind::Leaf { path, value, storage: Subtree::EMPTY })
    }

    fn extension(&mut self, path: Nibbles, child: Subtree) -> Subtree {
        self.push(Kind::Extension { path, child })
    }

    fn push(&mut self, kind: Kind) -> Subtree {
        self.nodes.push(Node { kind, hash_at: None });
        Subtree::node(self.nodes.len() - 1)
    }

    /// Arena index of a subtree that is not empty, or the error that the node at `path[..depth]` is missing.
    fn index(&self, subtree: Subtree, path: &Nibbles, depth: usize) -> Result<usize, TrieError> {
        match subtree.as_digest() {
            None => Ok(subtree.0 as usize - 1),
            Some(offset) => {
                Err(TrieError::Missing { path: Box::new(path.take(depth)), hash: self.hash_bytes(offset) })
            }
        }
    }

    fn keep(&mut self, value: &[u8]) -> Span {
        let offset = FRESH | self.fresh.len() as u32;
        self.fresh.extend_from_slice(value);
        Span { offset, length: value.len() as u32 }
    }

    fn bytes(&self, span: Span) -> &[u8] {
        let store = if span.offset & FRESH == 0 { self.witness } else { &self.fresh };
        let start = (span.offset & !FRESH) as usize;
        &store[start..start + span.length as usize]
    }

    fn hash_bytes(&self, offset: u32) -> B256 {
        B256::from_slice(self.bytes(Span { offset, length: 32 }))
    }

    /// Keeps the hash of a node that was changed, as an RLP string like those of the witness.
    fn keep_hash(&mut self, index: usize, hash: B256) {
        self.fresh.push(HASH_PREFIX);
        self.nodes[index].hash_at = Some(FRESH | self.fresh.len() as u32);
        self.fresh.extend_from_slice(hash.as_slice());
    }

    fn known_hash(&self, subtree: Subtree) -> Option<u32> {
        subtree.as_digest().or_else(|| self.nodes[subtree.0 as usize - 1].hash_at)
    }

    /// Appends the reference of a parent to a changed child: the hash of its encoding as an RLP string, or the
    /// encoding itself if that is shorter than 32 bytes.
    fn append_changed(&mut self, child: Subtree, out: &mut Vec<u8>, changed: &mut impl FnMut(B256, &[u8])) {
        let index = child.0 as usize - 1;
        let before = out.len();
        let start = self.append_node(index, out, changed);
        if out.len() - start < 32 {
            out.drain(before..start);
            return;
        }
        let hash = keccak256(&out[start..]);
        changed(hash, &out[start..]);
        out.truncate(before);
        out.push(HASH_PREFIX);
        out.extend_from_slice(hash.as_slice());
        self.keep_hash(index, hash);
    }

    /// Appends the references of a parent to its children. Those of unchanged ones mostly stand side by side in the
    /// witness, so they are copied in runs.
    fn append_references(
        &mut self,
        children: &[Subtree],
        out: &mut Vec<u8>,
        changed: &mut impl FnMut(B256, &[u8]),
    ) {
        // The run is start..end of the witness; it may be empty.
        let (mut start, mut end) = (0, 0);
        for &child in children {
            if child.is_empty() {
                if start < end && self.witness.get(end) == Some(&EMPTY_STRING) {
                    end += 1;
                } else {
                    out.extend_from_slice(&self.witness[start..end]);
                    out.push(EMPTY_STRING);
                    (start, end) = (0, 0);
                }
                continue;
            }
            match self.known_hash(child) {
                Some(hash_at) if hash_at & FRESH == 0 => {
                    // The prefix stands before the hash: the decoder refuses other references.
                    let reference = hash_at as usize - 1;
                    if reference != end {
                        out.extend_from_slice(&self.witness[start..end]);
                        start = reference;
                    }
                    end = reference + 33;
                }
                Some(hash_at) => {
                    out.extend_from_slice(&self.witness[start..end]);
                    out.extend_from_slice(self.bytes(Span { offset: hash_at - 1, length: 33 }));
                    (start, end) = (0, 0);
                }
                None => {
                    out.extend_from_slice(&self.witness[start..end]);
                    self.append_changed(child, out, changed);
                    (start, end) = (0, 0);
                }
            }
        }
        out.extend_from_slice(&self.witness[start..end]);
    }

    /// Appends the RLP encoding of a node and returns where it begins, up to two bytes after what was there.
    fn append_node(
        &mut self,
        index: usize,
        out: &mut Vec<u8>,
        changed: &mut impl FnMut(B256, &[u8]),
    ) -> usize {
        let start = out.len();
        // Room for the longest header, a list of up to 2^16 bytes.
        out.extend_from_slice(&[0; 3]);
        match self.nodes[index].kind {
            Kind::Branch { children } => {
                self.append_references(&children.0, out, changed);
                out.push(EMPTY_STRING);
            }
            Kind::Extension { path, child } => {
                append_path(&path, false, out);
                self.append_references(&[child], out, changed);
            }
            Kind::Leaf { path, value, .. } => {
                append_path(&path, true, out);
                append_string(self.bytes(value), out);
            }
        }
        close_list(start, out)
    }
}

/// All leaves and extensions that a leaf or extension node becomes when its path loses leading nibbles;
/// none if the bytes are another node. The node itself is the first.
pub fn shortened_nodes(node: &[u8]) -> Vec<Vec<u8>> {
    let Ok(PayloadView::List(items)) = Header::decode_raw(&mut &node[..]) else { return Vec::new() };
    let [path, target] = &items[..] else { return Vec::new() };
    let path = Header::decode_bytes(&mut &path[..], false).ok().and_then(Nibbles::from_hex_prefix);
    let Some((path, leaf)) = path else { return Vec::new() };
    let shortened = (0..=path.len()).map(|count| {
        let mut out = vec![0; 3];
        append_path(&path.skip(count), leaf, &mut out);
        out.extend_from_slice(target);
        let start = close_list(0, &mut out);
        out.split_off(start)
    });
    shortened.collect()
}

fn append_path(path: &Nibbles, leaf: bool, out: &mut Vec<u8>) {
    let mut encoded = [0; 33];
    let length = path.hex_prefix(leaf, &mut encoded);
    append_string(&encoded[..length], out);
}

/// Appends a string of at most 2^16 − 1 bytes.
fn append_string(bytes: &[u8], out: &mut Vec<u8>) {
    match bytes {
        [byte @ 0..0x80] => out.push(*byte),
        _ if bytes.len() < 56 => {
            out.push(0x80 + bytes.len() as u8);
            out.extend_from_slice(bytes);
        }
        _ if bytes.len() < 256 => {
            out.extend_from_slice(&[0xb8, bytes.len() as u8]);
            out.extend_from_slice(bytes);
        }
        _ => {
            let [high, low] = (bytes.len() as u16).to_be_bytes();
            out.extend_from_slice(&[0xb9, high, low]);
            out.extend_from_slice(bytes);
        }
    }
}

/// Writes the list header before the payload that begins three bytes after `start`; returns where the header begins.
fn close_list(start: usize, out: &mut [u8]) -> usize {
    let length = out.len() - start - 3;
    let [high, low] = (length as u16).to_be_bytes();
    match length {
        0..56 => {
            out[start + 2] = 0xc0 + low;
            start + 2
        }
        56..256 => {
            out[start + 1..start + 3].copy_from_slice(&[0xf8, low]);
            start + 1
        }
        _ => {
            out[start..start + 3].copy_from_slice(&[0xf9, high, low]);
            start
        }
    }
}

#[cfg(test)]
mod tests;
