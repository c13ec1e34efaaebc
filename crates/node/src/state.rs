//! The state of any block, read from the store by walking the trie down from the block's state root.
//!
//! [`LazyState`] is a database for revm. It notes every trie node, code and ancestor's hash that it was asked for: what
//! it noted is the witness of whatever ran over it. Nodes are named by their hashes and never change, so a cache of them
//! ([`NodeReader`]) serves all states.

use std::{cell::RefCell, num::NonZeroUsize, sync::Arc};

use alloy_consensus::{TrieAccount, constants::KECCAK_EMPTY};
use alloy_primitives::{
    Address, B256, Bytes, U256, keccak256,
    map::{AddressMap, B256Map},
};
use alloy_rlp::{Decodable, Header, PayloadView};
use lru::LruCache;
use parking_lot::Mutex;
use revm::{DatabaseRef, bytecode::Bytecode, database_interface::DBErrorMarker, state::AccountInfo};
use vellum_block::{NodeSet, trie::EMPTY_ROOT_HASH};

use crate::{
    siblings::{self, KeyChange},
    store::{Store, StoreError, Table},
};

/// Nodes in the cache; a branch has 532 bytes, so this is up to 110 MB.
const CACHED_NODES: usize = 200_000;
/// Codes in the cache, of up to 24 KB.
const CACHED_CODES: usize = 1_000;

/// Why the state cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The store does not work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A trie node that another one names is not in the store.
    #[error("trie node {0} is not in the store")]
    MissingNode(B256),
    /// A trie node is not one.
    #[error("trie node {hash} is malformed: {error}")]
    MalformedNode {
        /// Its hash.
        hash: B256,
        /// The decoder's error.
        error: alloy_rlp::Error,
    },
    /// A code that an account names is not in the store.
    #[error("code {0} is not in the store")]
    MissingCode(B256),
}

impl DBErrorMarker for StateError {}

/// Reads trie nodes and codes by hash, with a cache.
#[derive(Debug)]
pub struct NodeReader {
    store: Arc<dyn Store>,
    nodes: Mutex<LruCache<B256, Bytes>>,
    codes: Mutex<LruCache<B256, Bytecode>>,
}

impl NodeReader {
    /// A reader over the store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        let cache = |entries| NonZeroUsize::new(entries).unwrap_or(NonZeroUsize::MIN);
        Self {
            store,
            nodes: Mutex::new(LruCache::new(cache(CACHED_NODES))),
            codes: Mutex::new(LruCache::new(cache(CACHED_CODES))),
        }
    }

    /// The node with this hash.
    pub fn node(&self, hash: B256) -> Result<Bytes, StateError> {
        if let Some(node) = self.nodes.lock().get(&hash) {
            return Ok(node.clone());
        }
        let node = self.store.get(Table::Nodes, hash.as_slice())?.ok_or(StateError::MissingNode(hash))?;
        let node = Bytes::from(node);
        self.nodes.lock().put(hash, node.clone());
        Ok(node)
    }

    /// Puts nodes into the cache that were just written to the store.
    pub fn remember<'a>(&self, nodes: impl IntoIterator<Item = &'a (B256, Bytes)>) {
        let mut cache = self.nodes.lock();
        for (hash, node) in nodes {
            cache.put(*hash, node.clone());
        }
    }

    /// The code with this hash.
    pub fn code(&self, hash: B256) -> Result<Bytecode, StateError> {
        if hash == KECCAK_EMPTY {
            return Ok(Bytecode::new());
        }
        if let Some(code) = self.codes.lock().get(&hash) {
            return Ok(code.clone());
        }
        let raw = self.store.get(Table::Codes, hash.as_slice())?.ok_or(StateError::MissingCode(hash))?;
        let raw = Bytes::from(raw);
        // As in the execution from a witness: a delegation's prefix without a delegation is plain code.
        let code = Bytecode::new_raw_checked(raw.clone()).unwrap_or_else(|_| Bytecode::new_legacy(raw));
        self.codes.lock().put(hash, code.clone());
        Ok(code)
    }

    /// The value of `key` in the trie `root`; `visit` is given every node on the way with its hash.
    pub fn value(
        &self,
        root: B256,
        key: B256,
        visit: &mut dyn FnMut(B256, &Bytes),
    ) -> Result<Option<Vec<u8>>, StateError> {
        if root == EMPTY_ROOT_HASH {
            return Ok(None);
        }
        let key = nibbles(&key);
        let (mut hash, mut depth) = (root, 0);
        loop {
            let node = self.node(hash)?;
            visit(hash, &node);
            match descend(&node, &key, &mut depth)
                .map_err(|error| StateError::MalformedNode { hash, error })?
            {
                Step::Hash(child) => hash = child,
                Step::Value(value) => return Ok(Some(value)),
                Step::Absent => return Ok(None),
            }
        }
    }
}

/// Where a walk goes from a node.
enum Step {
    Hash(B256),
    Value(Vec<u8>),
    Absent,
}

/// The digits of a key.
pub(crate) fn nibbles(key: &B256) -> [u8; 64] {
    std::array::from_fn(|at| if at % 2 == 0 { key[at / 2] >> 4 } else { key[at / 2] & 15 })
}

/// Follows the key through a node and the nodes embedded in it.
fn descend(mut node: &[u8], key: &[u8; 64], depth: &mut usize) -> alloy_rlp::Result<Step> {
    loop {
        let PayloadView::List(items) = Header::decode_raw(&mut node)? else {
            return Err(alloy_rlp::Error::UnexpectedString);
        };
        let rest = &key[(*depth).min(64)..];
        let target = match &items[..] {
            [path, target] => {
                let path = Header::decode_bytes(&mut &path[..], false)?;
                let (&flags, packed) = path.split_first().ok_or(alloy_rlp::Error::InputTooShort)?;
                let odd = (flags & 0x10 != 0).then_some(flags & 15);
                let path: Vec<u8> =
                    odd.into_iter().chain(packed.iter().flat_map(|byte| [byte >> 4, byte & 15])).collect();
                if flags & 0x20 != 0 {
                    let value = (path == rest).then(|| Header::decode_bytes(&mut &target[..], false));
                    return Ok(value.transpose()?.map_or(Step::Absent, |value| Step::Value(value.to_vec())));
                }
                if path.is_empty() || !rest.starts_with(&path) {
                    return Ok(Step::Absent);
                }
                *depth += path.len();
                target
            }
            children if children.len() == 17 => {
                let nibble = rest.first().ok_or(alloy_rlp::Error::Custom("branch below the keys' length"))?;
                *depth += 1;
                &children[usize::from(*nibble)]
            }
            _ => return Err(alloy_rlp::Error::Custom("neither two nor 17 items")),
        };
        if target.len() < 32 && target.first().is_some_and(|&byte| byte >= 0xc0) {
            node = target;
            continue;
        }
        let digest = Header::decode_bytes(&mut &target[..], false)?;
        return match B256::try_from(digest) {
            Ok(hash) => Ok(Step::Hash(hash)),
            Err(_) if digest.is_empty() => Ok(Step::Absent),
            Err(_) => Err(alloy_rlp::Error::UnexpectedLength),
        };
    }
}

/// What was read of a state: the witness of a computation on it.
#[derive(Debug, Clone, Default)]
pub struct Touched {
    /// Trie nodes.
    pub nodes: NodeSet,
    /// Codes by hash.
    pub codes: B256Map<Bytes>,
    /// Lowest number of a block whose hash was read.
    pub oldest_block: Option<u64>,
}

/// Hashes of earlier blocks, as seen from a block.
pub trait BlockHashes: std::fmt::Debug {
    /// The hash of the block with this number among the block's ancestors.
    fn block_hash(&self, number: u64) -> Result<B256, StateError>;
}

/// The state with one root. Not shared between threads: each computation makes its own.
#[derive(Debug)]
pub struct LazyState<H> {
    reader: Arc<NodeReader>,
    root: B256,
    hashes: H,
    noting: bool,
    touched: RefCell<Touched>,
    accounts: RefCell<AddressMap<Option<TrieAccount>>>,
}

impl<H: BlockHashes> LazyState<H> {
    /// The state with this root; with `noting` it remembers what is read.
    pub fn new(reader: Arc<NodeReader>, root: B256, hashes: H, noting: bool) -> Self {
        let (touched, accounts) = Default::default();
        Self { reader, root, hashes, noting, touched, accounts }
    }

    /// What was read so far.
    pub fn into_touched(self) -> Touched {
        self.touched.into_inner()
    }

    /// The account as it stands in the trie.
    pub fn account(&self, address: Address) -> Result<Option<TrieAccount>, StateError> {
        if let Some(account) = self.accounts.borrow().get(&address) {
            return Ok(*account);
        }
        let account = self.decoded(self.root, keccak256(address))?;
        self.accounts.borrow_mut().insert(address, account);
        Ok(account)
    }

    /// The value of a slot of an account.
    pub fn slot(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        let Some(account) = self.account(address)? else { return Ok(U256::ZERO) };
        let value = self.decoded(account.storage_root, keccak256(slot.to_be_bytes::<32>()))?;
        Ok(value.unwrap_or_default())
    }

    /// The code with this hash.
    pub fn code(&self, hash: B256) -> Result<Bytecode, StateError> {
        let code = self.reader.code(hash)?;
        if self.noting && hash != KECCAK_EMPTY {
            let codes = &mut self.touched.borrow_mut().codes;
            codes.entry(hash).or_insert_with(|| code.original_bytes());
        }
        Ok(code)
    }

    /// Notes what the tries need to take the changes of a computation that wrote over this state: see
    /// [`crate::siblings`].
    pub fn note_siblings(&self, changed: &revm::database::Cache) -> Result<(), StateError> {
        let mut accounts = vec![];
        for (&address, now) in &changed.accounts {
            let before = self.account(address)?;
            let gone = now.info().is_none_or(|info| info.is_empty());
            if before.is_some() || !gone {
                accounts.push(KeyChange { key: keccak256(address), removed: gone });
            }
            let Some(before) = before.filter(|_| !now.account_state.is_storage_cleared() && !gone) else {
                continue;
            };
            let mut slots = vec![];
            for (&slot, value) in &now.storage {
                // A zero that was zero before is no change.
                if !value.is_zero() || !self.slot(address, slot)?.is_zero() {
                    let key = keccak256(slot.to_be_bytes::<32>());
                    slots.push(KeyChange { key, removed: value.is_zero() });
                }
            }
            self.note_needed(before.storage_root, &slots)?;
        }
        self.note_needed(self.root, &accounts)
    }

    fn note_needed(&self, root: B256, changes: &[KeyChange]) -> Result<(), StateError> {
        siblings::needed(&self.reader, root, changes, &mut |hash, node| {
            self.touched.borrow_mut().nodes.insert_hashed(hash, node);
        })
    }

    fn decoded<T: Decodable>(&self, root: B256, key: B256) -> Result<Option<T>, StateError> {
        let mut last = root;
        let value = self.reader.value(root, key, &mut |hash, node| {
            last = hash;
            if self.noting {
                self.touched.borrow_mut().nodes.insert_hashed(hash, node);
            }
        })?;
        let malformed = |error| StateError::MalformedNode { hash: last, error };
        value.map(|value| T::decode(&mut &value[..]).map_err(malformed)).transpose()
    }
}

impl<H: BlockHashes> DatabaseRef for LazyState<H> {
    type Error = StateError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, StateError> {
        Ok(self.account(address)?.map(|account| AccountInfo {
            nonce: account.nonce,
            balance: account.balance,
            code_hash: account.code_hash,
            account_id: None,
            code: None,
        }))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, StateError> {
        self.code(code_hash)
    }

    fn storage_ref(&self, address: Address, index: U256) -> Result<U256, StateError> {
        self.slot(address, index)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, StateError> {
        let hash = self.hashes.block_hash(number)?;
        let oldest = &mut self.touched.borrow_mut().oldest_block;
        *oldest = Some(oldest.map_or(number, |oldest| oldest.min(number)));
        Ok(hash)
    }
}
