//! What the rollup's tasks remember: a small ordered map from keys to bytes, committed atomically.
//!
//! Every task is a function of these records and L1. A commit is on disk when [`Records::commit`] returns, so that a task
//! may act on what it wrote. Keys are built by [`key`]: a name, then big-endian numbers, so that a scan is in order.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;

use parking_lot::Mutex;
use redb::{Database, ReadableDatabase, TableDefinition};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Where.
    pub key: Vec<u8>,
    /// New bytes; none removes the key.
    pub value: Option<Vec<u8>>,
}

/// Why records cannot be used.
#[derive(Debug, Error)]
pub enum RecordsError {
    /// Another process has the file open.
    #[error("{path} is in use by another process")]
    InUse {
        /// The file.
        path: String,
    },
    /// The database reports a fault: disk full, no rights, damaged file.
    #[error("records cannot be read or written: {0}")]
    Database(String),
    /// Bytes that this version did not write.
    #[error("record {key} is damaged or of another version")]
    Damaged {
        /// Its key, printable part.
        key: String,
    },
}

/// A key with its bytes.
pub type Entry = (Vec<u8>, Vec<u8>);

/// The map.
pub trait Records: Send + Sync {
    /// The bytes at a key.
    ///
    /// # Errors
    /// A fault of the disk.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RecordsError>;

    /// At most `limit` entries whose key starts with `prefix` and is not below `from`, in order.
    ///
    /// # Errors
    /// A fault of the disk.
    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Entry>, RecordsError>;

    /// The last entry whose key starts with `prefix`.
    ///
    /// # Errors
    /// A fault of the disk.
    fn last(&self, prefix: &[u8]) -> Result<Option<Entry>, RecordsError>;

    /// Makes all changes or none; they are on disk afterwards.
    ///
    /// # Errors
    /// A fault of the disk; then nothing has changed.
    fn commit(&self, writes: Vec<Write>) -> Result<(), RecordsError>;
}

/// `name` and a number, such that keys of one name are ordered by it.
pub fn key(name: &str, number: u64) -> Vec<u8> {
    let mut key = prefix(name);
    key.extend(number.to_be_bytes());
    key
}

/// What all keys of `name` start with.
pub fn prefix(name: &str) -> Vec<u8> {
    let mut key = name.as_bytes().to_vec();
    key.push(b'/');
    key
}

/// The number that ends a key.
pub fn number(key: &[u8]) -> Option<u64> {
    key.last_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes))
}

/// A change that stores a value.
///
/// # Errors
/// None in practice: the types stored have no failing encoding.
pub fn put<T: Serialize>(key: Vec<u8>, value: &T) -> Result<Write, RecordsError> {
    let bytes = postcard::to_stdvec(value).map_err(|_| damaged(&key))?;
    Ok(Write { key, value: Some(bytes) })
}

/// A change that removes a key.
pub fn remove(key: Vec<u8>) -> Write {
    Write { key, value: None }
}

/// The value at a key.
///
/// # Errors
/// A fault of the disk, or bytes that do not decode.
pub fn load<T: DeserializeOwned>(records: &dyn Records, key: &[u8]) -> Result<Option<T>, RecordsError> {
    records.get(key)?.map(|bytes| decode(key, &bytes)).transpose()
}

/// The values of one name from number `from` on, with their numbers.
///
/// # Errors
/// As [`load`].
pub fn load_from<T: DeserializeOwned>(
    records: &dyn Records,
    name: &str,
    from: u64,
    limit: usize,
) -> Result<Vec<(u64, T)>, RecordsError> {
    let entries = records.scan(&prefix(name), &key(name, from), limit)?;
    entries.iter().map(|(key, bytes)| Ok((numbered(key)?, decode(key, bytes)?))).collect()
}

/// The value of one name with the highest number.
///
/// # Errors
/// As [`load`].
pub fn load_last<T: DeserializeOwned>(
    records: &dyn Records,
    name: &str,
) -> Result<Option<(u64, T)>, RecordsError> {
    let last = records.last(&prefix(name))?;
    last.map(|(key, bytes)| Ok((numbered(&key)?, decode(&key, &bytes)?))).transpose()
}

/// Bytes of a record as a value.
///
/// # Errors
/// Bytes that do not decode.
pub fn decode<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, RecordsError> {
    postcard::from_bytes(bytes).map_err(|_| damaged(key))
}

fn numbered(key: &[u8]) -> Result<u64, RecordsError> {
    number(key).ok_or_else(|| damaged(key))
}

fn damaged(key: &[u8]) -> RecordsError {
    let end = key.iter().position(|byte| *byte == b'/').unwrap_or(key.len());
    let name = String::from_utf8_lossy(&key[..end]).into_owned();
    let number = number(key).filter(|_| key.len() == end + 9);
    RecordsError::Damaged { key: number.map_or(name.clone(), |number| format!("{name}/{number}")) }
}

/// Records in a file.
pub struct FileRecords {
    database: Database,
}

const TABLE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");

impl FileRecords {
    /// Opens or creates the file, which one process at a time may have open.
    ///
    /// # Errors
    /// In use, or not readable as records.
    pub fn open(path: &Path) -> Result<Self, RecordsError> {
        let database = Database::create(path).map_err(|error| match error {
            redb::DatabaseError::DatabaseAlreadyOpen => {
                RecordsError::InUse { path: path.display().to_string() }
            }
            error => RecordsError::Database(error.to_string()),
        })?;
        let records = Self { database };
        // The table exists from now on, so that reading needs no special case.
        records.commit(Vec::new())?;
        Ok(records)
    }
}

fn fault(error: impl Into<redb::Error>) -> RecordsError {
    RecordsError::Database(error.into().to_string())
}

impl Records for FileRecords {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RecordsError> {
        let read = self.database.begin_read().map_err(fault)?;
        let table = read.open_table(TABLE).map_err(fault)?;
        Ok(table.get(key).map_err(fault)?.map(|value| value.value().to_vec()))
    }

    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Entry>, RecordsError> {
        let read = self.database.begin_read().map_err(fault)?;
        let table = read.open_table(TABLE).map_err(fault)?;
        let mut entries = Vec::new();
        for entry in table.range(prefix.max(from)..).map_err(fault)?.take(limit) {
            let (key, value) = entry.map_err(fault)?;
            if !key.value().starts_with(prefix) {
                break;
            }
            entries.push((key.value().to_vec(), value.value().to_vec()));
        }
        Ok(entries)
    }

    fn last(&self, prefix: &[u8]) -> Result<Option<Entry>, RecordsError> {
        let read = self.database.begin_read().map_err(fault)?;
        let table = read.open_table(TABLE).map_err(fault)?;
        let end = after(prefix);
        let range = (Bound::Included(prefix), Bound::Excluded(&end[..]));
        let last = table.range::<&[u8]>(range).map_err(fault)?.next_back().transpose().map_err(fault)?;
        Ok(last.map(|(key, value)| (key.value().to_vec(), value.value().to_vec())))
    }

    fn commit(&self, writes: Vec<Write>) -> Result<(), RecordsError> {
        let transaction = self.database.begin_write().map_err(fault)?;
        {
            let mut table = transaction.open_table(TABLE).map_err(fault)?;
            for Write { key, value } in writes {
                match value {
                    Some(value) => drop(table.insert(&key[..], &value[..]).map_err(fault)?),
                    None => drop(table.remove(&key[..]).map_err(fault)?),
                }
            }
        }
        transaction.commit().map_err(fault)
    }
}

/// The first key behind all that start with `prefix` (which ends with a slash).
fn after(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end
}

/// Records in memory, for simulations and tests.
#[derive(Default)]
pub struct MemoryRecords {
    entries: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl Records for MemoryRecords {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RecordsError> {
        Ok(self.entries.lock().get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Entry>, RecordsError> {
        let entries = self.entries.lock();
        let range = entries.range::<[u8], _>((Bound::Included(prefix.max(from)), Bound::Unbounded));
        let with_prefix = range.take_while(|(key, _)| key.starts_with(prefix));
        Ok(with_prefix.take(limit).map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn last(&self, prefix: &[u8]) -> Result<Option<Entry>, RecordsError> {
        let entries = self.entries.lock();
        let end = after(prefix);
        let mut range = entries.range::<[u8], _>((Bound::Included(prefix), Bound::Excluded(&end[..])));
        Ok(range.next_back().map(|(key, value)| (key.clone(), value.clone())))
    }

    fn commit(&self, writes: Vec<Write>) -> Result<(), RecordsError> {
        let mut entries = self.entries.lock();
        for Write { key, value } in writes {
            match value {
                Some(value) => drop(entries.insert(key, value)),
                None => drop(entries.remove(&key)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behave(records: &dyn Records) {
        let writes = (0..300u64).map(|n| put(key("a", n), &n).unwrap()).collect();
        records.commit(writes).unwrap();
        records.commit(vec![put(key("b", 7), &"seven").unwrap()]).unwrap();
        assert_eq!(load::<u64>(records, &key("a", 255)).unwrap(), Some(255));
        assert_eq!(load_last::<u64>(records, "a").unwrap(), Some((299, 299)));
        assert_eq!(load_from::<u64>(records, "a", 298, 10).unwrap(), [(298, 298), (299, 299)]);
        assert_eq!(load_from::<u64>(records, "a", 0, 2).unwrap(), [(0, 0), (1, 1)]);
        records.commit(vec![remove(key("a", 299))]).unwrap();
        assert_eq!(load_last::<u64>(records, "a").unwrap(), Some((298, 298)));
        assert_eq!(load_last::<u64>(records, "c").unwrap(), None);
        let error = load::<u64>(records, &key("b", 7)).map(|_| ());
        assert!(matches!(error, Ok(()) | Err(RecordsError::Damaged { .. })));
    }

    #[test]
    fn memory_and_file_behave_alike() {
        behave(&MemoryRecords::default());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records");
        behave(&FileRecords::open(&path).unwrap());
        // What was committed is there after opening again, and only one process may.
        let records = FileRecords::open(&path).unwrap();
        assert_eq!(load::<u64>(&records, &key("a", 3)).unwrap(), Some(3));
        assert!(matches!(FileRecords::open(&path), Err(RecordsError::InUse { .. })));
    }
}
