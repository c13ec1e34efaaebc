//! Deposits are taken in once and in order, and given back when L1 has a reorg.

use std::sync::Arc;

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::SolCall;
use parking_lot::Mutex;
use serde_json::json;
use vellum_node::contracts::Portal;
use vellum_node::deploy::{Deployment, read};
use vellum_node::l1::http::HttpL1;
use vellum_node::l1::sender::{Outcome, Request};
use vellum_node::l1_watcher::{Inbox, Watcher};
use vellum_node::l2::{L2, L2Block, L2Error, SealedBatch};
use vellum_node::records::Records;
use vellum_node::step::Step;
use vellum_node::store::memory::MemoryStore;

use crate::deploy::deploy;
use crate::harness::{Anvil, drive};

/// Blocks that only have an origin.
#[derive(Default)]
struct Origins(Mutex<Vec<u64>>);

impl L2 for Origins {
    fn head(&self) -> u64 {
        self.0.lock().len() as u64
    }
    fn block(&self, number: u64) -> Result<L2Block, L2Error> {
        let l1_origin = *self.0.lock().get(number as usize - 1).ok_or(L2Error::NoBlock(number))?;
        Ok(L2Block {
            number,
            hash: Default::default(),
            timestamp: number,
            l1_origin,
            deposits: 0,
            deposit_count: 0,
            output_root: Default::default(),
            transactions: Vec::new(),
        })
    }
    fn encode(&self, _: u64, _: u64) -> Result<Vec<Bytes>, L2Error> {
        Ok(Vec::new())
    }
    fn input(&self, _: &[SealedBatch]) -> Result<Vec<u8>, L2Error> {
        Ok(Vec::new())
    }
    fn set_safe(&self, _: u64) -> Result<(), L2Error> {
        Ok(())
    }
    fn set_finalized(&self, _: u64) -> Result<(), L2Error> {
        Ok(())
    }
    fn halt(&self, _: &str) {}
    fn unwind(&self, number: u64) -> Result<(), L2Error> {
        self.0.lock().truncate(number as usize);
        Ok(())
    }
}

struct World {
    anvil: Anvil,
    l1: Arc<HttpL1>,
    l2: Arc<Origins>,
    deployment: Deployment,
    records: Records,
    count: u64,
}

impl World {
    fn new() -> Self {
        let anvil = Anvil::start(&[]);
        let deployment = deploy(&anvil, &records()).unwrap();
        Self { l1: anvil.l1(), anvil, l2: Arc::default(), deployment, records: records(), count: 0 }
    }

    /// A watcher as after a restart.
    fn watcher(&self, confirmations: u64) -> Watcher {
        let portal = self.deployment.contracts.portal;
        let start = self.deployment.l1_block;
        Watcher::new(self.l1.clone(), self.l2.clone(), self.records.clone(), portal, start, confirmations)
    }

    fn catch_up(&self) {
        // A restart after every step.
        for _ in 0..100 {
            if self.watcher(0).step().unwrap() == Step::Idle {
                return;
            }
        }
        panic!("the watcher does not come to an end");
    }

    fn deposit(&mut self, to: u8, data: &'static [u8], is_creation: bool) {
        let target = if is_creation { Address::ZERO } else { Address::repeat_byte(to) };
        let call = Portal::depositTransactionCall {
            to: target,
            value: U256::from(to),
            gasLimit: 200_000,
            isCreation: is_creation,
            data: data.into(),
        };
        // Each from an account of its own: after a reorg nonces start again.
        let sender = self.anvil.sender(1, &records(), Default::default());
        let request = Request {
            to: Some(self.deployment.contracts.portal),
            value: U256::from(to),
            data: call.abi_encode().into(),
            ..Default::default()
        };
        self.count += 1;
        let name = format!("deposit {}", self.count);
        sender.submit(&name, &request).unwrap();
        assert!(matches!(drive(&sender, &name), Outcome::Included { success: true, .. }));
    }

    /// The queue that the watcher has is the one that the portal has.
    fn agrees(&self, count: u64) {
        let inbox = Inbox::new(self.records.clone());
        assert_eq!(inbox.cursor().unwrap().unwrap().deposit_count, count);
        for count in 0..=count {
            let call = Portal::depositHashCall { count };
            let expected = read(&*self.l1, self.deployment.contracts.portal, &call).unwrap();
            assert_eq!(inbox.queue_hash(count).unwrap(), expected, "after {count} deposits");
        }
        assert_eq!(inbox.deposits(0, u64::MAX, 100).unwrap().len() as u64, count);
        assert_eq!(inbox.deposit(count).unwrap(), None);
    }
}

fn records() -> Records {
    Records::new(Arc::new(MemoryStore::default()))
}

#[test]
fn deposits_of_every_kind_are_taken_in_as_the_portal_queued_them() {
    let mut world = World::new();
    world.catch_up();
    world.agrees(0);
    world.deposit(1, b"", false);
    world.deposit(2, b"with data", false);
    world.deposit(3, b"\x60\x00", true);
    world.deposit(0, &[0xff; 1000], false);
    world.catch_up();
    world.agrees(4);
    let inbox = Inbox::new(world.records.clone());
    let last = inbox.deposit(3).unwrap().unwrap();
    assert_eq!(inbox.deposits(0, last.l1_block - 1, 100).unwrap().len(), 3);
    assert_eq!(inbox.deposits(1, u64::MAX, 2).unwrap().len(), 2);
}

#[test]
fn a_reorg_gives_deposits_and_blocks_back() {
    let mut world = World::new();
    world.deposit(1, b"", false);
    world.catch_up();
    world.agrees(1);
    let before = Inbox::new(world.records.clone()).cursor().unwrap().unwrap().number;
    let snapshot = world.anvil.rpc("evm_snapshot", json!([]));
    world.deposit(2, b"orphaned", false);
    world.deposit(3, b"", false);
    world.catch_up();
    world.agrees(3);
    let after = Inbox::new(world.records.clone()).cursor().unwrap().unwrap().number;
    *world.l2.0.lock() = vec![before, before, before + 1, after, after];

    world.anvil.rpc("evm_revert", json!([snapshot]));
    world.anvil.rpc("anvil_mine", json!(["0x1", "0x7"]));
    world.deposit(4, b"", false);
    world.catch_up();
    world.agrees(2);
    assert_eq!(*world.l2.0.lock(), [before, before], "blocks on the orphaned part are taken back");
}

#[test]
fn blocks_without_enough_confirmations_do_not_count() {
    let mut world = World::new();
    world.deposit(1, b"", false);
    let inbox = Inbox::new(world.records.clone());
    while world.watcher(2).step().unwrap() == Step::Done {}
    let seen = inbox.cursor().unwrap().unwrap();
    assert_eq!(seen.deposit_count, 0);
    world.anvil.rpc("anvil_mine", json!(["0x2"]));
    while world.watcher(2).step().unwrap() == Step::Done {}
    assert_eq!(inbox.cursor().unwrap().unwrap().deposit_count, 1);
}
