//! The state as the EVM sees it: reads come from the witness tries, writes are collected and put into the
//! tries at the end of the block.

use alloc::{vec, vec::Vec};
use alloy_consensus::{TrieAccount, constants::KECCAK_EMPTY};
use alloy_primitives::{
    Address, B256, Bytes, U256, keccak256,
    map::{AddressMap, B256Map, U256Map, hash_map::Entry},
};
use alloy_rlp::{Decodable, Encodable};
use revm::{
    Database, DatabaseCommit,
    bytecode::Bytecode,
    database_interface::DBErrorMarker,
    state::{Account, AccountInfo},
};

use crate::trie::{Forest, Subtree, TrieError};

/// Why the witness does not answer a question about the state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The witness nodes do not form tries of the parent's state root.
    #[error("witness: {0}")]
    Witness(TrieError),
    /// Reading or writing an account failed.
    #[error("account {address}: {error}")]
    Account {
        /// The account.
        address: Address,
        /// What the trie says.
        error: TrieError,
    },
    /// Reading or writing a storage slot failed.
    #[error("storage of {address}, slot {slot:#x}: {error}")]
    Slot {
        /// The account.
        address: Address,
        /// The slot's number.
        slot: U256,
        /// What the trie says.
        error: TrieError,
    },
    /// An account in the trie is not the RLP of an account.
    #[error("account {address} is malformed in the trie: {error}")]
    MalformedAccount {
        /// The account.
        address: Address,
        /// The decoder's error.
        error: alloy_rlp::Error,
    },
    /// A slot's value in the trie is not the RLP of a number.
    #[error("storage of {address}, slot {slot:#x} is malformed in the trie: {error}")]
    MalformedSlot {
        /// The account.
        address: Address,
        /// The slot's number.
        slot: U256,
        /// The decoder's error.
        error: alloy_rlp::Error,
    },
    /// The witness has no code with this hash.
    #[error("code with hash {hash} is missing from the witness")]
    MissingCode {
        /// keccak256 of the code.
        hash: B256,
    },
    /// The codes are not RLP strings one after the other.
    #[error("code at byte {offset} of the codes is malformed: {error}")]
    MalformedCode {
        /// Where it begins.
        offset: usize,
        /// The decoder's error.
        error: alloy_rlp::Error,
    },
    /// The block reads the hash of a block whose header is not among the headers.
    #[error("header of block {number}, whose hash the block reads, is missing from the input")]
    MissingHeader {
        /// The block.
        number: u64,
    },
}

impl DBErrorMarker for StateError {}

/// An account that was read.
#[derive(Debug)]
struct Loaded {
    /// keccak256 of the address.
    key: B256,
    before: Option<AccountInfo>,
    now: Option<AccountInfo>,
    /// Storage trie in the parent's state.
    storage: Subtree,
    /// The storage of the parent's state was wiped by a creation or a self-destruction.
    wiped: bool,
    slots: U256Map<Slot>,
}

impl Loaded {
    fn is_changed(&self) -> bool {
        let same = match (&self.before, &self.now) {
            (Some(before), Some(now)) => {
                before.nonce == now.nonce
                    && before.balance == now.balance
                    && before.code_hash == now.code_hash
            }
            (before, now) => before.is_none() && now.is_none(),
        };
        !same || self.wiped || self.slots.values().any(|slot| self.is_slot_changed(slot))
    }

    const fn slot_before(&self, slot: &Slot) -> U256 {
        if self.wiped { U256::ZERO } else { slot.before }
    }

    fn is_slot_changed(&self, slot: &Slot) -> bool {
        slot.now != self.slot_before(slot)
    }
}

/// A slot that was read.
#[derive(Debug)]
struct Slot {
    /// keccak256 of the slot's number.
    key: B256,
    before: U256,
    now: U256,
}

/// What a block writes into the state, for those who keep it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Root of the state after the block.
    pub state_root: B256,
    /// Hashes and encodings of the trie nodes that are new, or were there already and are written again.
    pub nodes: Vec<(B256, Vec<u8>)>,
    /// Hashes and bytes of the codes that were deployed.
    pub codes: Vec<(B256, Bytes)>,
}

/// The state during one block.
#[derive(Debug)]
pub(crate) struct State<'w> {
    tries: Tries<'w>,
    accounts: AddressMap<Loaded>,
    raw_codes: B256Map<&'w [u8]>,
    codes: B256Map<Bytecode>,
    /// Hashes of the ancestors, the parent's first, and the parent's number.
    ancestors: Vec<B256>,
    parent_number: u64,
    /// The first error. The block executor turns errors into texts, this keeps the original.
    fault: Option<StateError>,
}

impl<'w> State<'w> {
    /// The state with root `state_root`, as far as the witness tells it.
    pub(crate) fn new(
        state_root: B256,
        nodes: &'w [u8],
        codes: &'w [u8],
        ancestors: Vec<B256>,
        parent_number: u64,
    ) -> Result<Self, StateError> {
        let (forest, root) = Forest::from_witness(nodes, state_root).map_err(StateError::Witness)?;
        let mut raw_codes = B256Map::default();
        let mut rest = codes;
        while !rest.is_empty() {
            let offset = codes.len() - rest.len();
            let code = alloy_rlp::Header::decode_bytes(&mut rest, false)
                .map_err(|error| StateError::MalformedCode { offset, error })?;
            raw_codes.insert(keccak256(code), code);
        }
        Ok(Self {
            tries: Tries { forest, root },
            accounts: AddressMap::default(),
            raw_codes,
            codes: B256Map::default(),
            ancestors,
            parent_number,
            fault: None,
        })
    }

    /// The first error that a read met.
    pub(crate) fn take_fault(&mut self) -> Option<StateError> {
        self.fault.take()
    }

    /// Writes all changes into the tries and returns the new state root.
    ///
    /// In each trie values are set before others are removed, so that a branch collapses only if it has
    /// one child in the end: a witness of the touched paths and those siblings is enough.
    pub(crate) fn into_root(self) -> Result<B256, StateError> {
        self.into_root_observed(&mut |_, _| {})
    }

    /// [`Self::into_root`], keeping what the block changed.
    pub(crate) fn into_changes(mut self) -> Result<Changes, StateError> {
        let created = core::mem::take(&mut self.codes).into_iter();
        let created = created.filter(|(hash, _)| !self.raw_codes.contains_key(hash));
        let codes = created.map(|(hash, code)| (hash, code.original_bytes())).collect();
        let mut nodes = vec![];
        let state_root = self.into_root_observed(&mut |hash, node| nodes.push((hash, node.to_vec())))?;
        Ok(Changes { state_root, nodes, codes })
    }

    fn into_root_observed(self, observe: &mut impl FnMut(B256, &[u8])) -> Result<B256, StateError> {
        let Self { mut tries, accounts, .. } = self;
        let mut removed = vec![];
        for (&address, account) in &accounts {
            match &account.now {
                Some(info) if account.is_changed() => {
                    let storage = tries.write_slots(address, account)?;
                    tries.write_account(address, account.key, info, storage, observe)?;
                }
                None if account.before.is_some() => removed.push((address, account.key)),
                _ => {}
            }
        }
        for (address, key) in removed {
            let removed = tries.forest.remove(tries.root, &key);
            tries.root = removed.map_err(|error| StateError::Account { address, error })?;
        }
        Ok(tries.forest.root_hash_observed(tries.root, observe))
    }
}

/// The tries of the parent's state, and afterwards of the block's.
#[derive(Debug)]
struct Tries<'w> {
    forest: Forest<'w>,
    root: Subtree,
}

impl Tries<'_> {
    fn account(&self, address: Address) -> Result<Loaded, StateError> {
        let key = keccak256(address);
        let found =
            self.forest.get(self.root, &key).map_err(|error| StateError::Account { address, error })?;
        let (mut before, mut storage) = (None, Subtree::EMPTY);
        if let Some(found) = found {
            let account = decode_exact::<TrieAccount>(found.value)
                .map_err(|error| StateError::MalformedAccount { address, error })?;
            before = Some(AccountInfo {
                nonce: account.nonce,
                balance: account.balance,
                code_hash: account.code_hash,
                account_id: None,
                code: None,
            });
            storage = found.storage;
        }
        let now = before.clone();
        Ok(Loaded { key, before, now, storage, wiped: false, slots: U256Map::default() })
    }

    /// The slot's value in the storage trie `storage` of the account.
    fn slot(&self, address: Address, storage: Subtree, slot: U256) -> Result<Slot, StateError> {
        let key = keccak256(slot.to_be_bytes::<32>());
        let found =
            self.forest.get(storage, &key).map_err(|error| StateError::Slot { address, slot, error })?;
        // A zero does not belong in a trie, but the state root vouches for it and it means what it says.
        let before = found.map_or(Ok(U256::ZERO), |found| decode_exact(found.value));
        let before = before.map_err(|error| StateError::MalformedSlot { address, slot, error })?;
        Ok(Slot { key, before, now: before })
    }

    fn write_account(
        &mut self,
        address: Address,
        key: B256,
        info: &AccountInfo,
        storage: Subtree,
        observe: &mut impl FnMut(B256, &[u8]),
    ) -> Result<(), StateError> {
        let mut value = Vec::with_capacity(128);
        TrieAccount {
            nonce: info.nonce,
            balance: info.balance,
            storage_root: self.forest.root_hash_observed(storage, observe),
            code_hash: info.code_hash,
        }
        .encode(&mut value);
        let changed = self.forest.insert(self.root, &key, &value);
        self.root = changed.map_err(|error| StateError::Account { address, error })?;
        Ok(())
    }

    /// Writes an account's changed slots and returns its storage trie.
    fn write_slots(&mut self, address: Address, account: &Loaded) -> Result<Subtree, StateError> {
        let mut storage = if account.wiped { Subtree::EMPTY } else { account.storage };
        let failed = |slot| move |error| StateError::Slot { address, slot, error };
        let mut removed = vec![];
        for (&number, slot) in &account.slots {
            if !account.is_slot_changed(slot) {
                continue;
            }
            if slot.now.is_zero() {
                removed.push((number, slot.key));
                continue;
            }
            let value = alloy_rlp::encode_fixed_size(&slot.now);
            storage = self.forest.insert(storage, &slot.key, &value).map_err(failed(number))?;
        }
        for (number, key) in removed {
            storage = self.forest.remove(storage, &key).map_err(failed(number))?;
        }
        Ok(storage)
    }
}

impl State<'_> {
    /// The account's record, read from the trie the first time, and the tries.
    fn load(&mut self, address: Address) -> Result<(&mut Loaded, &Tries<'_>), StateError> {
        let account = match self.accounts.entry(address) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(self.tries.account(address)?),
        };
        Ok((account, &self.tries))
    }

    fn load_slot(&mut self, address: Address, slot: U256) -> Result<U256, StateError> {
        let (account, tries) = self.load(address)?;
        let entry = match account.slots.entry(slot) {
            Entry::Occupied(entry) => return Ok(entry.get().now),
            Entry::Vacant(entry) => entry,
        };
        let storage = if account.wiped { Subtree::EMPTY } else { account.storage };
        Ok(entry.insert(tries.slot(address, storage, slot)?).now)
    }

    fn load_code(&mut self, hash: B256) -> Result<Bytecode, StateError> {
        if hash == KECCAK_EMPTY {
            return Ok(Bytecode::new());
        }
        if let Some(code) = self.codes.get(&hash) {
            return Ok(code.clone());
        }
        let raw = self.raw_codes.get(&hash).ok_or(StateError::MissingCode { hash })?;
        let raw = Bytes::copy_from_slice(raw);
        // A code with the prefix of a delegation that is none runs into its first byte, an invalid opcode.
        let code = Bytecode::new_raw_checked(raw.clone()).unwrap_or_else(|_| Bytecode::new_legacy(raw));
        self.codes.insert(hash, code.clone());
        Ok(code)
    }

    fn ancestor_hash(&self, number: u64) -> Result<B256, StateError> {
        self.parent_number
            .checked_sub(number)
            .and_then(|back| self.ancestors.get(usize::try_from(back).ok()?).copied())
            .ok_or(StateError::MissingHeader { number })
    }

    fn noting<T>(&mut self, result: Result<T, StateError>) -> Result<T, StateError> {
        if let Err(error) = &result {
            self.fault.get_or_insert_with(|| error.clone());
        }
        result
    }
}

impl Database for State<'_> {
    type Error = StateError;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, StateError> {
        let info = self.load(address).map(|(account, _)| account.now.clone());
        self.noting(info)
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, StateError> {
        let code = self.load_code(code_hash);
        self.noting(code)
    }

    fn storage(&mut self, address: Address, index: U256) -> Result<U256, StateError> {
        let value = self.load_slot(address, index);
        self.noting(value)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, StateError> {
        let hash = self.ancestor_hash(number);
        self.noting(hash)
    }
}

impl DatabaseCommit for State<'_> {
    fn commit(&mut self, changes: AddressMap<Account>) {
        for (address, account) in changes {
            self.commit_account(address, account);
        }
    }
}

impl State<'_> {
    fn commit_account(&mut self, address: Address, mut account: Account) {
        if !account.is_touched() {
            return;
        }
        // The EVM changes only accounts and slots that it read, so nothing is read from the witness here
        // that can fail; `noting` keeps the error if that ever changes.
        let loaded = match self.load(address) {
            Ok((loaded, _)) => loaded,
            Err(error) => {
                self.fault.get_or_insert(error);
                return;
            }
        };
        if account.is_selfdestructed() || account.is_created() {
            loaded.wiped = true;
            loaded.slots.values_mut().for_each(|slot| slot.now = U256::ZERO);
        }
        if account.is_selfdestructed() || account.is_empty() {
            // EIP-161: a touched account that is empty is removed.
            loaded.now = None;
            return;
        }
        for (number, slot) in account.storage.into_iter().filter(|(_, slot)| slot.is_changed()) {
            let key = || keccak256(number.to_be_bytes::<32>());
            loaded
                .slots
                .entry(number)
                .or_insert_with(|| Slot { key: key(), before: U256::ZERO, now: U256::ZERO })
                .now = slot.present_value;
        }
        let (code, code_hash) = (account.info.code.take(), account.info.code_hash);
        loaded.now = Some(account.info);
        if let Some(code) = code.filter(|_| code_hash != KECCAK_EMPTY) {
            self.codes.entry(code_hash).or_insert(code);
        }
    }
}

fn decode_exact<T: Decodable>(mut bytes: &[u8]) -> alloy_rlp::Result<T> {
    let value = T::decode(&mut bytes)?;
    if bytes.is_empty() { Ok(value) } else { Err(alloy_rlp::Error::UnexpectedLength) }
}
