//! What the rollup's tasks remember: typed values in the store's table for tasks.
//!
//! Every task is a function of these records and L1. A commit is on disk when [`Records::commit`] returns, so that a task
//! may act on what it wrote. Keys are a name, a slash, then a big-endian number, so that a scan is in order.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::{Store, StoreError, Table, Write};

/// The tasks' part of a store.
#[derive(Clone, Debug)]
pub struct Records {
    store: Arc<dyn Store>,
}

impl Records {
    /// Over a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Bytes at a key.
    ///
    /// # Errors
    /// The disk.
    pub fn bytes(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(Table::Tasks, key)
    }

    /// The value at a key.
    ///
    /// # Errors
    /// The disk, or bytes that do not decode.
    pub fn load<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, StoreError> {
        self.bytes(key)?.map(|bytes| decode(key, &bytes)).transpose()
    }

    /// At most `limit` values of one name from number `from` on, with their numbers.
    ///
    /// # Errors
    /// As [`Records::load`].
    pub fn load_from<T: DeserializeOwned>(
        &self,
        name: &str,
        from: u64,
        limit: usize,
    ) -> Result<Vec<(u64, T)>, StoreError> {
        let entries = self.store.scan(Table::Tasks, &prefix(name), &key(name, from), limit)?;
        entries.iter().map(|(key, bytes)| Ok((number(key)?, decode(key, bytes)?))).collect()
    }

    /// Makes all changes or none; they are on disk afterwards.
    ///
    /// # Errors
    /// The disk; then nothing has changed.
    pub fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.store.commit(writes)
    }
}

/// `name` and a number, such that keys of one name are ordered by it.
pub fn key(name: &str, number: u64) -> Vec<u8> {
    let mut key = prefix(name);
    key.extend(number.to_be_bytes());
    key
}

/// A change that stores a value.
///
/// # Errors
/// None in practice: the types stored have no failing encoding.
pub fn put<T: Serialize>(key: impl AsRef<[u8]>, value: &T) -> Result<Write, StoreError> {
    let bytes = postcard::to_stdvec(value)
        .map_err(|error| StoreError::Io { operation: "encoding a record", reason: error.to_string() })?;
    Ok(put_bytes(key, bytes))
}

/// A change that stores bytes as they are.
pub fn put_bytes(key: impl AsRef<[u8]>, bytes: Vec<u8>) -> Write {
    Write::put(Table::Tasks, key, bytes)
}

/// A change that removes a key.
pub fn remove(key: impl AsRef<[u8]>) -> Write {
    Write::remove(Table::Tasks, key)
}

fn prefix(name: &str) -> Vec<u8> {
    [name.as_bytes(), b"/"].concat()
}

fn decode<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|_| StoreError::damaged(Table::Tasks, key))
}

fn number(key: &[u8]) -> Result<u64, StoreError> {
    let bytes = key.last_chunk::<8>().ok_or_else(|| StoreError::damaged(Table::Tasks, key))?;
    Ok(u64::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;

    #[test]
    fn values_of_a_name_come_in_order() {
        let records = Records::new(Arc::new(MemoryStore::default()));
        let writes = (0..300u64).map(|n| put(key("a", n), &n).unwrap()).collect();
        records.commit(writes).unwrap();
        records.commit(vec![put(key("b", 7), &300u16).unwrap(), put("single", &true).unwrap()]).unwrap();
        assert_eq!(records.load::<u64>(&key("a", 255)).unwrap(), Some(255));
        assert_eq!(records.load_from::<u64>("a", 298, 10).unwrap(), [(298, 298), (299, 299)]);
        assert_eq!(records.load_from::<u64>("a", 0, 2).unwrap(), [(0, 0), (1, 1)]);
        records.commit(vec![remove(key("a", 299))]).unwrap();
        assert_eq!(records.load_from::<u64>("a", 298, 10).unwrap(), [(298, 298)]);
        assert_eq!(records.load::<bool>(b"single").unwrap(), Some(true));
        // A number of more than a byte is no truth value.
        assert!(matches!(records.load::<bool>(&key("b", 7)), Err(StoreError::Damaged { .. })));
    }
}
