//! The store survives what a store has to, and the chain comes back from it.

use std::{
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use alloy_primitives::{B256, U256};
use parking_lot::Mutex;
use vellum_block::Fork;
use vellum_node::{
    chain::{Chain, ChainError, Rules},
    clock::ManualClock,
    node::Node,
    store::{Entries, Store, StoreError, Table, Write, memory::MemoryStore, redb::RedbStore},
};

use crate::harness::{CHAIN_ID, GENESIS_TIME, Tx, chain, config, ethereum, genesis, node};

fn on(store: Arc<dyn Store>) -> Node {
    let clock = Arc::new(ManualClock::new(Duration::from_secs(GENESIS_TIME)));
    Node::new(Arc::new(chain(store)), clock, config()).unwrap()
}

#[test]
fn a_chain_comes_back_from_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    let hash = {
        let node = on(Arc::new(RedbStore::open(directory.path()).unwrap()));
        for nonce in 0..3 {
            node.submit(&Tx { nonce, ..Tx::new(0) }.sign()).unwrap();
            node.seal().unwrap();
        }
        node.chain().set_finalized(1).unwrap();
        node.chain().set_safe(2).unwrap();
        node.chain().head().hash()
    };
    let node = on(Arc::new(RedbStore::open(directory.path()).unwrap()));
    assert_eq!(node.chain().head().hash(), hash);
    assert_eq!((node.chain().safe(), node.chain().finalized()), (2, 1));
    node.submit(&Tx { nonce: 3, ..Tx::new(0) }.sign()).unwrap();
    assert_eq!(node.seal().unwrap().transactions.len(), 1);
}

#[test]
fn another_chains_directory_and_a_second_user_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(RedbStore::open(directory.path()).unwrap());
    chain(store.clone());
    assert!(matches!(RedbStore::open(directory.path()), Err(StoreError::InUse { .. })));
    let other = Rules::Ethereum { chain_id: CHAIN_ID + 1, fork: Fork::Prague };
    let refused = Chain::open(store.clone(), other, &genesis());
    assert!(matches!(refused, Err(ChainError::Store(StoreError::OtherChain { got: CHAIN_ID, .. }))));
    let mut richer = genesis();
    richer.header.timestamp += 1;
    let refused = Chain::open(store.clone(), ethereum(), &richer);
    assert!(matches!(refused, Err(ChainError::Store(StoreError::OtherChain { .. }))));
    store.commit(vec![Write::put(Table::Meta, "version", 99_u64.to_be_bytes())]).unwrap();
    let refused = Chain::open(store, ethereum(), &genesis());
    assert!(matches!(refused, Err(ChainError::Store(StoreError::Version { got: 99, .. }))));
    let file = directory.path().join("file");
    std::fs::write(&file, b"not a directory").unwrap();
    assert!(matches!(RedbStore::open(&file), Err(StoreError::Open { .. })));
}

#[test]
fn a_damaged_file_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("chain.redb"), vec![0xaa; 100_000]).unwrap();
    assert!(matches!(RedbStore::open(directory.path()), Err(StoreError::Open { .. })));
}

/// A store that fails every commit from the n-th on, as a full disk does.
#[derive(Debug)]
struct Failing {
    inner: MemoryStore,
    left: Mutex<usize>,
}

impl Store for Failing {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.get(table, key)
    }

    fn scan(&self, table: Table, prefix: &[u8], from: &[u8], limit: usize) -> Result<Entries, StoreError> {
        self.inner.scan(table, prefix, from, limit)
    }

    fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let mut left = self.left.lock();
        if *left == 0 {
            return Err(StoreError::Io { operation: "writing to the store", reason: "no space".into() });
        }
        *left -= 1;
        self.inner.commit(writes)
    }
}

#[test]
fn a_full_disk_halts_the_chain_with_the_last_block_intact() {
    let store = Arc::new(Failing { inner: MemoryStore::default(), left: Mutex::new(2) });
    let node = on(store.clone());
    node.submit(&Tx::new(0).sign()).unwrap();
    let sealed = node.seal().unwrap();
    node.submit(&Tx { nonce: 1, ..Tx::new(0) }.sign()).unwrap();
    let error = node.seal().unwrap_err().to_string();
    assert!(error.contains("no space"), "{error}");
    assert_eq!(node.chain().head().hash(), sealed.hash());
    // It stays halted, and says why, until it is started again.
    assert!(node.seal().unwrap_err().to_string().contains("halted"));
    assert!(node.submit(&Tx::new(1).sign()).unwrap_err().to_string().contains("no space"));
    *store.left.lock() = 100;
    let again = on(store);
    assert_eq!(again.chain().head().hash(), sealed.hash());
    again.seal().unwrap();
}

/// A child process seals blocks and reports each; it is killed at any moment, and every reported block is there.
#[test]
fn what_was_reported_as_sealed_survives_a_kill() {
    const CHILD: &str = "VELLUM_TEST_SEALING_CHILD";
    if let Ok(directory) = std::env::var(CHILD) {
        seal_forever(directory.as_ref());
    }
    let directory = tempfile::tempdir().unwrap();
    let mut reported = 0;
    for round in 0..4_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store_chain::what_was_reported_as_sealed_survives_a_kill", "--nocapture"])
            .env(CHILD, directory.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut lines = std::io::BufRead::lines(output).map_while(Result::ok);
        for _ in 0..3 + round * 7 {
            let sealed = lines.find_map(|line| line.trim().strip_prefix("sealed ")?.parse::<u64>().ok());
            reported = reported.max(sealed.unwrap());
        }
        child.kill().unwrap();
        // What was written to the pipe before the kill was sealed too.
        let rest = lines.filter_map(|line| line.trim().strip_prefix("sealed ")?.parse::<u64>().ok());
        reported = rest.fold(reported, u64::max);
        child.wait().unwrap();
        let chain = chain(Arc::new(RedbStore::open(directory.path()).unwrap()));
        assert!(chain.head_number() >= reported, "{} < {reported}", chain.head_number());
        for number in 1..=chain.head_number() {
            let block = chain.block_by_number(number).unwrap().unwrap();
            assert_eq!(block.transactions.len(), 1);
            assert_eq!(block.receipts.len(), 1);
        }
        chain.witness(chain.head_number()).unwrap();
    }
}

fn seal_forever(directory: &std::path::Path) -> ! {
    let node = on(Arc::new(RedbStore::open(directory).unwrap()));
    loop {
        let nonce = node.chain().head_number();
        node.submit(&Tx { nonce, ..Tx::new(0) }.sign()).unwrap();
        println!("sealed {}", node.seal().unwrap().number());
    }
}

#[test]
fn a_reorg_brings_transactions_back_into_the_pool() {
    let (node, _) = node();
    let hashes: Vec<B256> = (0..3)
        .map(|nonce| {
            let hash = node.submit(&Tx { nonce, ..Tx::new(0) }.sign()).unwrap();
            node.seal().unwrap();
            hash
        })
        .collect();
    let old = node.chain().head().hash();
    node.chain().set_finalized(3).unwrap();
    let mut heads = node.chain().subscribe();
    node.set_head(1).unwrap();
    assert_eq!(node.chain().head_number(), 1);
    assert_eq!(heads.try_recv().unwrap().number(), 1);
    assert_eq!(node.chain().finalized(), 1);
    assert_eq!(node.pool().count(), (2, 0));
    assert!(node.chain().transaction_place(hashes[1]).unwrap().is_none());
    assert!(node.chain().block_at(old.into()).unwrap().is_none());
    // Another transaction with the same nonce, paying more, goes first now: the old one gets its reason.
    node.submit(
        &Tx { nonce: 1, max_fee: 9_000_000_000, tip: 9_000_000, value: U256::from(77), ..Tx::new(0) }.sign(),
    )
    .unwrap();
    let block = node.seal().unwrap();
    assert_eq!((block.number(), block.transactions.len()), (2, 2));
    assert!(node.chain().transaction_place(hashes[1]).unwrap().is_none());
    assert!(node.pool().status(&hashes[1]).is_some());
    assert_eq!(node.chain().transaction_place(hashes[2]).unwrap().unwrap().0.number(), 2);
    assert!(node.set_head(9).is_err());
}

#[test]
fn development_keys_are_refused_elsewhere() {
    let rules = Rules::Ethereum { chain_id: 1, fork: Fork::Prague };
    let chain = Chain::open(Arc::new(MemoryStore::default()), rules, &genesis()).unwrap();
    let clock = Arc::new(ManualClock::new(Duration::from_secs(GENESIS_TIME)));
    assert!(Node::new(Arc::new(chain), clock, config()).is_err());
}

#[test]
fn scans_keep_to_their_prefix_and_order() {
    let directory = tempfile::tempdir().unwrap();
    let stores: [Arc<dyn Store>; 2] =
        [Arc::new(MemoryStore::default()), Arc::new(RedbStore::open(directory.path()).unwrap())];
    for store in stores {
        let put = |key: &str| Write::put(Table::Tasks, key, key);
        store.commit(["b/2", "a/1", "b/1", "b/3", "c/1"].map(put).to_vec()).unwrap();
        store.commit(vec![Write::remove(Table::Tasks, "b/3"), put("b/4")]).unwrap();
        let keys = |from: &str, limit| -> Vec<String> {
            let found = store.scan(Table::Tasks, b"b/", from.as_bytes(), limit).unwrap();
            found.into_iter().map(|(key, _)| String::from_utf8(key).unwrap()).collect()
        };
        assert_eq!(keys("", 10), ["b/1", "b/2", "b/4"]);
        assert_eq!(keys("b/2", 10), ["b/2", "b/4"]);
        assert_eq!(keys("", 2), ["b/1", "b/2"]);
        assert_eq!(store.get(Table::Tasks, b"a/1").unwrap(), Some(b"a/1".to_vec()));
        assert_eq!(store.get(Table::Tasks, b"b/3").unwrap(), None);
        assert_eq!(store.get(Table::Meta, b"a/1").unwrap(), None);
    }
}

/// The clock may jump back: timestamps go on one second at a time, and the clock's time counts again once it is past them.
#[test]
fn a_clock_that_jumps_back_stops_nothing() {
    let (node, clock) = crate::harness::node();
    let now = std::time::Duration::from_secs(GENESIS_TIME + 1_000);
    clock.set(now);
    let timestamp = |node: &Node| node.seal().unwrap().header.timestamp;
    assert_eq!(timestamp(&node), GENESIS_TIME + 1_000);
    clock.set(now - std::time::Duration::from_secs(900));
    assert_eq!(timestamp(&node), GENESIS_TIME + 1_001);
    assert_eq!(timestamp(&node), GENESIS_TIME + 1_002);
    clock.set(now + std::time::Duration::from_secs(5));
    assert_eq!(timestamp(&node), GENESIS_TIME + 1_005);
}
