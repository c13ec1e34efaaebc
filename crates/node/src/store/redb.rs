//! A store in one file, by redb: copy on write with checksums, so that a process that is killed at any moment leaves
//! the last commit behind.

use std::{collections::BTreeMap, fs, path::Path};

use redb::{
    CommitError, Database, DatabaseError, ReadTransaction, ReadableDatabase, StorageError, TableDefinition,
    TableError, TransactionError,
};

use super::{Entries, Store, StoreError, Table, Write};

/// Name of the file in a data directory.
const FILE: &str = "chain.redb";
/// Memory for pages of the file.
const CACHE_BYTES: usize = 256 << 20;

/// A store in a file.
#[derive(Debug)]
pub struct RedbStore(Database);

impl RedbStore {
    /// Opens the store in the directory, which is made if it is not there. One process at a time can have it open.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let failed = |reason: String| StoreError::Open { path: directory.into(), reason };
        fs::create_dir_all(directory).map_err(|error| failed(error.to_string()))?;
        let database = Database::builder().set_cache_size(CACHE_BYTES).create(directory.join(FILE));
        let database = database.map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path: directory.into() },
            error => failed(error.to_string()),
        })?;
        // A reader expects every table to be there.
        let transaction = database.begin_write().map_err(|error| failed(error.to_string()))?;
        for table in Table::ALL {
            transaction.open_table(definition(table)).map_err(|error| failed(error.to_string()))?;
        }
        transaction.commit().map_err(|error| failed(error.to_string()))?;
        Ok(Self(database))
    }

    fn read(&self) -> Result<ReadTransaction, Failure> {
        Ok(self.0.begin_read()?)
    }

    fn write(&self, writes: Vec<Write>) -> Result<(), Failure> {
        // Keys in their order touch each page once.
        let mut changes = BTreeMap::new();
        for Write { table, key, value } in writes {
            changes.insert((table, key), value);
        }
        let transaction = self.0.begin_write()?;
        for table in Table::ALL {
            let mut changes =
                changes.range((table, vec![])..).take_while(|((t, _), _)| *t == table).peekable();
            if changes.peek().is_none() {
                continue;
            }
            let mut entries = transaction.open_table(definition(table))?;
            for ((_, key), value) in changes {
                match value {
                    Some(value) => entries.insert(key.as_slice(), value.as_slice())?,
                    None => entries.remove(key.as_slice())?,
                };
            }
        }
        Ok(transaction.commit()?)
    }
}

impl Store for RedbStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let get = || -> Result<_, Failure> {
            let entries = self.read()?.open_table(definition(table))?;
            Ok(entries.get(key)?.map(|value| value.value().to_vec()))
        };
        get().map_err(|failure| failure.of("reading from the store"))
    }

    fn scan(&self, table: Table, prefix: &[u8], from: &[u8], limit: usize) -> Result<Entries, StoreError> {
        let scan = || -> Result<_, Failure> {
            let entries = self.read()?.open_table(definition(table))?;
            let start = if from > prefix { from } else { prefix };
            let mut found = vec![];
            for entry in entries.range(start..)?.take(limit) {
                let (key, value) = entry?;
                if !key.value().starts_with(prefix) {
                    break;
                }
                found.push((key.value().to_vec(), value.value().to_vec()));
            }
            Ok(found)
        };
        scan().map_err(|failure| failure.of("reading from the store"))
    }

    fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.write(writes).map_err(|failure| failure.of("writing to the store"))
    }
}

const fn definition(table: Table) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(table.name())
}

/// Any of redb's errors.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl Failure {
    fn of(self, operation: &'static str) -> StoreError {
        StoreError::Io { operation, reason: self.to_string() }
    }
}
