//! Building a witness: trie nodes in any order in, the depth-first stream of `trie` out.

use alloc::{vec, vec::Vec};
use alloy_primitives::{B256, keccak256, map::HashMap};
use alloy_rlp::{Header, PayloadView};

/// Trie nodes by their hashes.
#[derive(Debug, Clone, Default)]
pub struct NodeSet {
    nodes: HashMap<B256, Vec<u8>>,
}

impl NodeSet {
    /// Adds a node; the bytes may be any list, because only what the root leads to is used. Anything else
    /// is left out, such as the empty string by which some nodes prove that a trie is empty.
    pub fn insert(&mut self, node: &[u8]) {
        if node.first().is_none_or(|&byte| byte < 0xc0) {
            return;
        }
        self.nodes.entry(keccak256(node)).or_insert_with(|| node.to_vec());
    }

    /// Adds a node whose hash is known; a wrong one makes the witness useless, not wrong.
    pub fn insert_hashed(&mut self, hash: B256, node: &[u8]) {
        self.nodes.entry(hash).or_insert_with(|| node.to_vec());
    }

    /// The node with this hash.
    pub fn get(&self, hash: &B256) -> Option<&[u8]> {
        self.nodes.get(hash).map(Vec::as_slice)
    }

    /// All nodes, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.nodes.values().map(Vec::as_slice)
    }

    /// All nodes that can be reached from the state root, in the order that
    /// [`crate::trie::Forest::from_witness`] reads: after a node its children, after an account its
    /// storage trie.
    pub fn depth_first(&self, state_root: B256) -> Vec<u8> {
        let mut stream = Vec::new();
        let mut pending = vec![Digest { hash: state_root, accounts: true }];
        while let Some(digest) = pending.pop() {
            if let Some(node) = self.nodes.get(&digest.hash) {
                stream.extend_from_slice(node);
                let first = pending.len();
                // A node that is no node ends here: the reader will refuse it by name.
                let _ = push_digests(node, digest.accounts, &mut pending);
                pending[first..].reverse();
            }
        }
        stream
    }
}

/// A reference to a node of the account trie or of a storage trie.
struct Digest {
    hash: B256,
    accounts: bool,
}

/// Appends the digests in a node, in their order. Only the places where a digest can stand count: a slot's
/// value or a code hash may equal a node's hash by somebody's intent.
fn push_digests(mut node: &[u8], accounts: bool, out: &mut Vec<Digest>) -> alloy_rlp::Result<()> {
    let PayloadView::List(items) = Header::decode_raw(&mut node)? else {
        return Err(alloy_rlp::Error::UnexpectedString);
    };
    match &items[..] {
        [path, target] => {
            let path = Header::decode_bytes(&mut &path[..], false)?;
            let leaf = path.first().is_some_and(|flags| flags & 0x20 != 0);
            if !leaf {
                push_child(target, accounts, out)
            } else if accounts {
                let mut account = Header::decode_bytes(&mut &target[..], false)?;
                let PayloadView::List(fields) = Header::decode_raw(&mut account)? else {
                    return Err(alloy_rlp::Error::UnexpectedString);
                };
                fields.get(2).map_or(Ok(()), |storage| push_child(storage, false, out))
            } else {
                Ok(())
            }
        }
        children => children.iter().try_for_each(|child| push_child(child, accounts, out)),
    }
}

fn push_child(child: &[u8], accounts: bool, out: &mut Vec<Digest>) -> alloy_rlp::Result<()> {
    // An embedded node is shorter than 32 bytes, and so is every node in it: the depth is bounded.
    if child.len() < 32 && child.first().is_some_and(|&byte| byte >= 0xc0) {
        return push_digests(child, accounts, out);
    }
    let digest = Header::decode_bytes(&mut &child[..], false)?;
    if let Ok(hash) = B256::try_from(digest) {
        out.push(Digest { hash, accounts });
    }
    Ok(())
}
