//! Finding the node beside a deleted entry.
//!
//! If a deletion leaves a branch with one child, the child's path grows by the branch's nibble, so the
//! child's node is needed, and no proof of the parent's state has to contain it. Two ways to it:
//! - The block's own state holds the child with its longer path, and the proof that the deleted key is
//!   absent ends there. Shortened again, the right one has the digest that is asked for.
//! - If the child is a branch itself, it is on the proof of any key that begins with its path. Keys are
//!   hashes, so numbers are tried until one hashes to that prefix.

use alloy_primitives::{Address, B256, U256, keccak256};

use super::{FetchError, remote::Remote};
use crate::trie::{Nibbles, shortened_nodes};

/// Longest path for which a key is searched: 16^6 hashes take seconds.
const MAX_SEARCHED_NIBBLES: usize = 6;

/// Adds the node `hash` at `path` of the account trie, or of `owner`'s storage trie, to the remote's nodes.
pub(super) fn find(
    remote: &mut Remote<'_>,
    owner: Option<Address>,
    path: Nibbles,
    hash: B256,
) -> Result<(), FetchError> {
    let read: Vec<(Address, Vec<U256>)> = match owner {
        Some(address) => vec![(address, remote.touched.get(&address).cloned().unwrap_or_default())],
        None => remote.touched.keys().map(|&address| (address, Vec::new())).collect(),
    };
    for (address, slots) in read {
        for node in remote.nodes_after(address, &slots)? {
            for candidate in shortened_nodes(&node) {
                if keccak256(&candidate) == hash {
                    remote.nodes.insert(&candidate);
                    return Ok(());
                }
            }
        }
    }
    if path.len() <= MAX_SEARCHED_NIBBLES {
        let begins = |key: B256| Nibbles::of_key(&key.0).take(path.len()) == path;
        let numbers = 0..1u64 << 30;
        match owner {
            Some(address) => {
                let slot = |number| U256::from(number);
                let found = numbers.map(slot).find(|slot| begins(keccak256(slot.to_be_bytes::<32>())));
                found.map_or(Ok(()), |slot| remote.prove(address, &[slot]))?;
            }
            None => {
                let address = |number: u64| Address::left_padding_from(&number.to_be_bytes());
                let found = numbers.map(address).find(|address| begins(keccak256(address)));
                found.map_or(Ok(()), |address| remote.prove(address, &[]))?;
            }
        }
    }
    if remote.nodes.get(&hash).is_some() { Ok(()) } else { Err(FetchError::Sibling { hash }) }
}
