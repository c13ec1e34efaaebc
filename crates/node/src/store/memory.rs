//! A store in memory, for tests and for development chains that need not outlive their process.

use std::collections::BTreeMap;

use parking_lot::RwLock;

use super::{Entries, Store, StoreError, Table, Write};

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(RwLock<BTreeMap<Table, TableEntries>>);

type TableEntries = BTreeMap<Vec<u8>, Vec<u8>>;

impl Store for MemoryStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.read().get(&table).and_then(|entries| entries.get(key)).cloned())
    }

    fn scan(&self, table: Table, prefix: &[u8], from: &[u8], limit: usize) -> Result<Entries, StoreError> {
        let tables = self.0.read();
        let start = if from > prefix { from } else { prefix };
        let entries = tables.get(&table).map(|entries| entries.range(start.to_vec()..)).into_iter().flatten();
        let found = entries.take_while(|(key, _)| key.starts_with(prefix)).take(limit);
        Ok(found.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let mut tables = self.0.write();
        for Write { table, key, value } in writes {
            let entries = tables.entry(table).or_default();
            match value {
                Some(value) => entries.insert(key, value),
                None => entries.remove(&key),
            };
        }
        Ok(())
    }
}
