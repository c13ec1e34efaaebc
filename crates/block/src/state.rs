//! The state as the EVM sees it: reads come from the witness tries, writes are collected and put into the
//! tries at the end of the block. Several blocks can follow each other on one witness.

use alloc::{collections::VecDeque, vec, vec::Vec};
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
    primitives::BLOCK_HASH_HISTORY,
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
    /// Whether this block committed something to the account, and the slots it wrote, some perhaps twice.
    committed: bool,
    written: Vec<U256>,
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
        !same
            || self.wiped
            || self
                .written
                .iter()
                .any(|number| self.slots.get(number).is_some_and(|s| self.is_slot_changed(s)))
    }

    /// Makes the state after the block the one before the next.
    fn settle(&mut self, storage: Subtree) {
        self.before.clone_from(&self.now);
        self.storage = storage;
        if self.now.is_none() {
            self.slots.clear();
        } else if self.wiped {
            self.slots.values_mut().for_each(|slot| slot.before = slot.now);
        }
        for number in self.written.drain(..) {
            if let Some(slot) = self.slots.get_mut(&number) {
                slot.before = slot.now;
            }
        }
        self.wiped = false;
        self.committed = false;
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

/// What a block added to the nodes and codes of the state before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateChanges {
    /// Encodings of the trie nodes that are new, by hash; children come before parents.
    pub nodes: Vec<(B256, Bytes)>,
    /// Codes of created contracts and new delegations (EIP-7702), by hash.
    pub codes: Vec<(B256, Bytes)>,
}

/// A state over a witness. The EVM reads and commits through revm's traits; [`Self::commit_block`] then gives the root
/// after the block and makes this the state that the next block starts from.
#[derive(Debug)]
pub struct State<'w> {
    tries: Tries<'w>,
    accounts: AddressMap<Loaded>,
    /// Accounts that this block committed something to.
    committed: Vec<Address>,
    raw_codes: B256Map<&'w [u8]>,
    codes: B256Map<Bytecode>,
    /// Hashes of codes that this block created.
    created_codes: Vec<B256>,
    /// Hashes of the ancestors, the parent's first, and the parent's number.
    ancestors: VecDeque<B256>,
    parent_number: u64,
    /// The first error. The block executor turns errors into texts, this keeps the original.
    fault: Option<StateError>,
}

impl<'w> State<'w> {
    /// The state with root `state_root`, as far as the witness tells it: `nodes` are the trie nodes that
    /// [`crate::NodeSet::depth_first`] orders, `codes` RLP strings one after the other, `ancestors` the hashes of the
    /// block with that state, number `parent_number`, and of those before it.
    pub fn new(
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
            committed: Vec::new(),
            raw_codes,
            codes: B256Map::default(),
            created_codes: Vec::new(),
            ancestors: ancestors.into(),
            parent_number,
            fault: None,
        })
    }

    /// The first error that a read met, which block executors turn into a text.
    pub const fn take_fault(&mut self) -> Option<StateError> {
        self.fault.take()
    }

    /// Writes the block's changes into the tries and returns the new state root.
    ///
    /// After an error the state is not usable.
    pub fn commit_block(&mut self) -> Result<B256, StateError> {
        self.created_codes.clear();
        self.write(&mut |_, _| {})
    }

    /// [`Self::commit_block`] that also says what it added to the state's nodes and codes.
    pub fn commit_block_with_changes(&mut self) -> Result<(B256, StateChanges), StateError> {
        let mut changes = StateChanges::default();
        let root =
            self.write(&mut |hash, node: &[u8]| changes.nodes.push((hash, Bytes::copy_from_slice(node))))?;
        for hash in self.created_codes.drain(..) {
            changes.codes.extend(self.codes.get(&hash).map(|code| (hash, code.original_bytes())));
        }
        Ok((root, changes))
    }

    /// Makes the block with this hash, whose changes were committed, the parent of the next one.
    pub fn advance(&mut self, hash: B256) {
        self.ancestors.push_front(hash);
        self.ancestors.truncate(BLOCK_HASH_HISTORY as usize);
        self.parent_number = self.parent_number.saturating_add(1);
    }

    /// Root of an account's storage trie after the last committed block.
    pub fn storage_root(&mut self, address: Address) -> Result<B256, StateError> {
        let storage = self.load(address)?.0.storage;
        Ok(self.tries.forest.root_hash(storage))
    }

    /// Puts the committed changes into the tries.
    ///
    /// In each trie values are set before others are removed, so that a branch collapses only if it has
    /// one child in the end: a witness of the touched paths and those siblings is enough.
    fn write(&mut self, changed: &mut impl FnMut(B256, &[u8])) -> Result<B256, StateError> {
        let Self { tries, accounts, committed, .. } = self;
        let mut removed = vec![];
        for address in committed.drain(..) {
            let Some(account) = accounts.get_mut(&address) else { continue };
            let mut storage = account.storage;
            match &account.now {
                Some(info) if account.is_changed() => {
                    storage = tries.write_slots(address, account)?;
                    tries.write_account(address, account.key, info, storage, changed)?;
                }
                None => {
                    storage = Subtree::EMPTY;
                    if account.before.is_some() {
                        removed.push((address, account.key));
                    }
                }
                Some(_) => {}
            }
            account.settle(storage);
        }
        for (address, key) in removed {
            let removed = tries.forest.remove(tries.root, &key);
            tries.root = removed.map_err(|error| StateError::Account { address, error })?;
        }
        Ok(tries.forest.commit(tries.root, changed))
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
        let slots = U256Map::default();
        Ok(Loaded { key, before, now, storage, wiped: false, slots, committed: false, written: vec![] })
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
        changed: &mut impl FnMut(B256, &[u8]),
    ) -> Result<(), StateError> {
        let mut value = Vec::with_capacity(128);
        TrieAccount {
            nonce: info.nonce,
            balance: info.balance,
            storage_root: self.forest.commit(storage, changed),
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
        for &number in &account.written {
            let Some(slot) = account.slots.get(&number).filter(|slot| account.is_slot_changed(slot)) else {
                continue;
            };
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
        Ok((loaded(&mut self.accounts, &self.tries, address)?, &self.tries))
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
        let loaded = match loaded(&mut self.accounts, &self.tries, address) {
            Ok(loaded) => loaded,
            Err(error) => {
                self.fault.get_or_insert(error);
                return;
            }
        };
        if !loaded.committed {
            loaded.committed = true;
            self.committed.push(address);
        }
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
            loaded.written.push(number);
        }
        let (code, code_hash) = (account.info.code.take(), account.info.code_hash);
        loaded.now = Some(account.info);
        if let Some(code) = code.filter(|_| code_hash != KECCAK_EMPTY)
            && let Entry::Vacant(entry) = self.codes.entry(code_hash)
        {
            entry.insert(code);
            self.created_codes.push(code_hash);
        }
    }
}

fn loaded<'a>(
    accounts: &'a mut AddressMap<Loaded>,
    tries: &Tries<'_>,
    address: Address,
) -> Result<&'a mut Loaded, StateError> {
    match accounts.entry(address) {
        Entry::Occupied(entry) => Ok(entry.into_mut()),
        Entry::Vacant(entry) => Ok(entry.insert(tries.account(address)?)),
    }
}

fn decode_exact<T: Decodable>(mut bytes: &[u8]) -> alloy_rlp::Result<T> {
    let value = T::decode(&mut bytes)?;
    if bytes.is_empty() { Ok(value) } else { Err(alloy_rlp::Error::UnexpectedLength) }
}
