//! Which trie nodes removing values needs besides those on the way to them.
//!
//! A branch that keeps one child becomes that child with a longer path, so the child must be in the witness although
//! nothing read it. The execution from the witness names such a node only one at a time, after all its work; a block
//! that clears thousands of slots would be executed thousands of times. This finds all of them at once: set values come
//! before removed ones, so what counts is which children are left in the end.

use alloy_primitives::{B256, Bytes};
use alloy_rlp::{Header, PayloadView};
use vellum_block::trie::EMPTY_ROOT_HASH;

use crate::state::{NodeReader, StateError, nibbles};

/// A value that a block sets or removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyChange {
    /// keccak256 of the address or the slot's number.
    pub(crate) key: B256,
    /// Whether the value is removed; otherwise it is set.
    pub(crate) removed: bool,
}

/// A child as it stands in its parent.
enum Child {
    Empty,
    Hash(B256),
    /// A node shorter than a hash.
    Embedded(Bytes),
}

/// A node's path, nibbles, and what follows it.
enum Node {
    Branch(Vec<Child>),
    Extension(Vec<u8>, Child),
    Leaf(Vec<u8>),
}

/// A change with its key's nibbles.
type Change = ([u8; 64], bool);

/// Gives `visit` every node of the trie `root` that the changes need, with its hash.
pub(crate) fn needed(
    reader: &NodeReader,
    root: B256,
    changes: &[KeyChange],
    visit: &mut dyn FnMut(B256, &Bytes),
) -> Result<(), StateError> {
    let mut changes: Vec<Change> =
        changes.iter().map(|change| (nibbles(&change.key), change.removed)).collect();
    changes.sort_unstable();
    if root == EMPTY_ROOT_HASH || !changes.iter().any(|(_, removed)| *removed) {
        return Ok(());
    }
    Walk { reader, visit }.survives(&Child::Hash(root), &changes, 0).map(|_| ())
}

struct Walk<'a> {
    reader: &'a NodeReader,
    visit: &'a mut dyn FnMut(B256, &Bytes),
}

impl Walk<'_> {
    fn load(&mut self, child: &Child) -> Result<Option<Node>, StateError> {
        let (hash, bytes) = match child {
            Child::Empty => return Ok(None),
            Child::Hash(hash) => {
                let node = self.reader.node(*hash)?;
                (self.visit)(*hash, &node);
                (*hash, node)
            }
            Child::Embedded(bytes) => (B256::ZERO, bytes.clone()),
        };
        parse(&bytes).map(Some).map_err(|error| StateError::MalformedNode { hash, error })
    }

    /// Whether anything is left below `child`, which lies `depth` nibbles below the root, after these changes in it.
    /// The recursion is as deep as keys are long.
    fn survives(&mut self, child: &Child, changes: &[Change], depth: usize) -> Result<bool, StateError> {
        let (set, removed) = (changes.iter().any(|change| !change.1), changes.iter().any(|change| change.1));
        if !removed {
            return Ok(set || !matches!(child, Child::Empty));
        }
        let Some(node) = self.load(child)? else { return Ok(set) };
        let rest =
            |change: &Change, path: &[u8]| change.0.get(depth..).is_some_and(|rest| rest.starts_with(path));
        match node {
            Node::Leaf(path) => Ok(set || !changes.iter().any(|change| change.1 && rest(change, &path))),
            Node::Extension(path, below) => {
                let inside: Vec<Change> =
                    changes.iter().filter(|change| rest(change, &path)).copied().collect();
                let outside = changes.iter().any(|change| !change.1 && !rest(change, &path));
                Ok(self.survives(&below, &inside, depth + path.len())? || outside)
            }
            Node::Branch(children) => self.branch(&children, changes, depth),
        }
    }

    fn branch(&mut self, children: &[Child], changes: &[Change], depth: usize) -> Result<bool, StateError> {
        let mut left = vec![];
        for (nibble, child) in children.iter().enumerate() {
            // Sorted by key, so those of a child stand together.
            let below = |change: &Change| change.0.get(depth).map_or(0, |&digit| usize::from(digit));
            let start = changes.partition_point(|change| below(change) < nibble);
            let end = changes.partition_point(|change| below(change) <= nibble);
            if self.survives(child, &changes[start..end], depth + 1)? {
                left.push(child);
            }
        }
        // A child with changes was looked at already; looking again changes nothing.
        if let [last] = left[..] {
            self.load(last)?;
        }
        Ok(!left.is_empty())
    }
}

fn parse(mut node: &[u8]) -> alloy_rlp::Result<Node> {
    let PayloadView::List(items) = Header::decode_raw(&mut node)? else {
        return Err(alloy_rlp::Error::UnexpectedString);
    };
    if let [path, target] = &items[..] {
        let path = Header::decode_bytes(&mut &path[..], false)?;
        let (&flags, packed) = path.split_first().ok_or(alloy_rlp::Error::InputTooShort)?;
        let odd = (flags & 0x10 != 0).then_some(flags & 15);
        let path = odd.into_iter().chain(packed.iter().flat_map(|byte| [byte >> 4, byte & 15])).collect();
        return Ok(if flags & 0x20 != 0 {
            Node::Leaf(path)
        } else {
            Node::Extension(path, parse_child(target)?)
        });
    }
    let children = items.get(..16).filter(|_| items.len() == 17);
    let children = children.ok_or(alloy_rlp::Error::Custom("neither two nor 17 items"))?;
    Ok(Node::Branch(children.iter().map(|child| parse_child(child)).collect::<Result<_, _>>()?))
}

fn parse_child(child: &[u8]) -> alloy_rlp::Result<Child> {
    if child.first().is_some_and(|&byte| byte >= 0xc0) {
        return Ok(Child::Embedded(Bytes::copy_from_slice(child)));
    }
    let digest = Header::decode_bytes(&mut &child[..], false)?;
    match B256::try_from(digest) {
        Ok(hash) => Ok(Child::Hash(hash)),
        Err(_) if digest.is_empty() => Ok(Child::Empty),
        Err(_) => Err(alloy_rlp::Error::UnexpectedLength),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use alloy_primitives::{U256, keccak256};
    use vellum_block::{
        NodeSet,
        genesis::{Alloc, GenesisAccount, genesis_state},
        trie::Forest,
    };

    use super::*;
    use crate::store::{Store, Table, Write, memory::MemoryStore};

    /// With the nodes that are needed every removal works, whichever keys are removed and set.
    #[test]
    fn nothing_that_removals_need_is_missing() {
        for seed in 0..200_u64 {
            let random =
                |index: u64, salt: u64| keccak256([seed, index, salt].map(u64::to_be_bytes).concat());
            let count = 2 + u64::from(random(0, 0)[0]) % 60;
            let storage: BTreeMap<U256, U256> =
                (0..count).map(|slot| (U256::from(slot), U256::from(slot + 1))).collect();
            let owner = alloy_primitives::Address::ZERO;
            let account = GenesisAccount { nonce: 1, storage, ..GenesisAccount::default() };
            let state = genesis_state(&Alloc::from([(owner, account)])).unwrap();
            let root = state.storage_root(owner);
            let store = Arc::new(MemoryStore::default());
            let nodes = state.contents.nodes.iter();
            store
                .commit(nodes.map(|(hash, node)| Write::put(Table::Nodes, hash, node.to_vec())).collect())
                .unwrap();
            let reader = NodeReader::new(store);

            let key = |slot: u64| keccak256(U256::from(slot).to_be_bytes::<32>());
            let removed = (0..count).filter(|&slot| random(slot, 1)[0] % 3 > 0).map(key);
            let set = (0..5).filter(|&slot| random(slot, 2)[0] % 4 == 0).map(|slot| key(slot + 1_000));
            let changes: Vec<KeyChange> = removed
                .map(|key| KeyChange { key, removed: true })
                .chain(set.map(|key| KeyChange { key, removed: false }))
                .collect();
            let mut witness = NodeSet::default();
            let mut note = |hash, node: &Bytes| witness.insert_hashed(hash, node);
            for change in &changes {
                reader.value(root, change.key, &mut note).unwrap();
            }
            reader.value(state.root, keccak256(owner), &mut note).unwrap();
            needed(&reader, root, &changes, &mut note).unwrap();

            let stream = witness.depth_first(state.root);
            let (mut forest, accounts) = Forest::from_witness(&stream, state.root).unwrap();
            let mut storage = forest.get(accounts, &keccak256(owner)).unwrap().unwrap().storage;
            for change in changes.iter().filter(|change| !change.removed) {
                storage = forest.insert(storage, &change.key, &[1]).unwrap();
            }
            for change in changes.iter().filter(|change| change.removed) {
                storage = forest.remove(storage, &change.key).unwrap();
            }
        }
    }
}
