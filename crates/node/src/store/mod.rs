//! What the node keeps: trie nodes and codes by hash, blocks with their receipts and indexes, and an area for the
//! rollup's tasks.
//!
//! A [`Store`] is a set of ordered tables of bytes with one operation that writes: a list of changes that take effect
//! together or not at all. [`redb`] keeps them in a file, [`memory`] in memory. What stands in which table is said at
//! [`Table`]; `chain` reads and writes blocks, `state` the state.

pub mod memory;
pub mod redb;

use std::{fmt::Debug, path::PathBuf};

use alloy_primitives::B256;

/// A table. Numbers in keys are big-endian, so that they are in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// keccak256 of a trie node → its RLP.
    Nodes,
    /// keccak256 of a contract's code → the code.
    Codes,
    /// Block hash → RLP of its header.
    Headers,
    /// Block hash → RLP of its transactions with their senders.
    Bodies,
    /// Block hash → RLP of its receipts.
    Receipts,
    /// Block number (8 bytes) → hash of the block with this number on the chain.
    Canonical,
    /// Transaction hash → number of its block (8 bytes), place in it (4 bytes).
    Transactions,
    /// Block hash → RLP of the blobs of its transactions.
    Blobs,
    /// Name → value: format version, chain id, genesis hash, head, safe and finalized block.
    Meta,
    /// Block hash → number of deposits that L2 consumed up to and including the block (8 bytes).
    Deposits,
    /// The rollup's tasks keep here what they like; keys begin with the task's name.
    Tasks,
}

impl Table {
    /// All tables.
    pub const ALL: [Self; 11] = [
        Self::Nodes,
        Self::Codes,
        Self::Headers,
        Self::Bodies,
        Self::Receipts,
        Self::Canonical,
        Self::Transactions,
        Self::Blobs,
        Self::Meta,
        Self::Deposits,
        Self::Tasks,
    ];

    /// The table's name in a file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nodes => "nodes",
            Self::Codes => "codes",
            Self::Headers => "headers",
            Self::Bodies => "bodies",
            Self::Receipts => "receipts",
            Self::Canonical => "canonical",
            Self::Transactions => "transactions",
            Self::Blobs => "blobs",
            Self::Meta => "meta",
            Self::Deposits => "deposits",
            Self::Tasks => "tasks",
        }
    }
}

/// A change of one entry: a value to set, or none to remove it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The table.
    pub table: Table,
    /// The entry's key.
    pub key: Vec<u8>,
    /// The new value.
    pub value: Option<Vec<u8>>,
}

impl Write {
    /// Sets an entry.
    pub fn put(table: Table, key: impl AsRef<[u8]>, value: impl Into<Vec<u8>>) -> Self {
        Self { table, key: key.as_ref().to_vec(), value: Some(value.into()) }
    }

    /// Removes an entry.
    pub fn remove(table: Table, key: impl AsRef<[u8]>) -> Self {
        Self { table, key: key.as_ref().to_vec(), value: None }
    }
}

/// Entries of a table: keys and values.
pub type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// Why the store does not work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the data directory open.
    #[error("data directory {path} is in use by another process")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The data directory cannot be made or opened.
    #[error("data directory {path}: {reason}")]
    Open {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The data belongs to another chain.
    #[error(
        "the data is that of chain {got} with genesis {got_genesis}, not of chain {expected} with genesis {expected_genesis}"
    )]
    OtherChain {
        /// Chain id of this node.
        expected: u64,
        /// Genesis hash of this node.
        expected_genesis: B256,
        /// Chain id of the data.
        got: u64,
        /// Genesis hash of the data.
        got_genesis: B256,
    },
    /// The data has another format.
    #[error("the data has format version {got}, this program reads version {expected}")]
    Version {
        /// Version of this program.
        expected: u64,
        /// Version of the data.
        got: u64,
    },
    /// Reading or writing failed.
    #[error("{operation} failed: {reason}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// What the system says.
        reason: String,
    },
    /// An entry is there, but cannot be what was written, or is not there although another one says so.
    #[error("entry {key} of table {table} is missing or damaged", table = .table.name(), key = alloy_primitives::hex::encode(.key))]
    Damaged {
        /// The table.
        table: Table,
        /// The entry's key.
        key: Vec<u8>,
    },
}

impl StoreError {
    /// The entry is missing or damaged.
    pub fn damaged(table: Table, key: impl AsRef<[u8]>) -> Self {
        Self::Damaged { table, key: key.as_ref().to_vec() }
    }
}

/// Ordered tables of bytes.
pub trait Store: Debug + Send + Sync + 'static {
    /// The value of an entry.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// The first `limit` entries whose key begins with `prefix` and is `from` or greater.
    fn scan(&self, table: Table, prefix: &[u8], from: &[u8], limit: usize) -> Result<Entries, StoreError>;

    /// Makes all changes, in their order, or none. When this returns, they survive a crash.
    fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError>;
}
