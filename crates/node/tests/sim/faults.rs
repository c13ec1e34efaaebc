//! What goes wrong: a process that dies at an effect, and an L1 that does not answer.
//!
//! An *effect* is a commit of the store or a message to L1. A crash is planned for the n-th effect from now, before or after it
//! takes place. From then on everything that the process touches fails, until the simulator starts it anew: what was only in
//! memory is gone, what the store and L1 have stays.

use std::sync::Arc;

use alloy_eips::eip4844::Blob;
use alloy_primitives::{Address, B256, Bytes, U256};
use parking_lot::Mutex;
use vellum_node::l1::{At, L1, L1Call, L1Error, L1Fees, L1Header, L1Log, L1Receipt};
use vellum_node::store::{Entries, Store, StoreError, Table, Write};

/// Numbers from a seed (xorshift64*).
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 8
    }

    /// Below `bound`.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// True once in `n` times.
    pub(crate) const fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

#[derive(Debug)]
struct State {
    random: Random,
    /// Effects until the crash, and whether the last one takes place.
    crash: Option<(u64, bool)>,
    crashed: bool,
    /// One call to L1 in so many gets no answer; 0 for none.
    unreachable_once_in: u64,
    effects: u64,
}

/// The faults of one process.
#[derive(Clone, Debug)]
pub(crate) struct Faults(Arc<Mutex<State>>);

/// What an effect comes to.
enum Fate {
    Happens,
    HappensUnnoticed,
    DoesNotHappen,
}

impl Faults {
    /// None until some are planned.
    pub(crate) fn new(seed: u64) -> Self {
        let random = Random::new(seed);
        let state = State { random, crash: None, crashed: false, unreachable_once_in: 0, effects: 0 };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Dies at an effect among the next `within`, before or after it.
    pub(crate) fn plan_crash(&self, within: u64) {
        let mut state = self.0.lock();
        let crash = (state.random.below(within), state.random.once_in(2));
        state.crash = Some(crash);
    }

    /// L1 leaves one call in `n` without an answer.
    pub(crate) fn set_unreachable_once_in(&self, n: u64) {
        self.0.lock().unreachable_once_in = n;
    }

    /// No more faults.
    pub(crate) fn stop(&self) {
        let mut state = self.0.lock();
        (state.crash, state.unreachable_once_in) = (None, 0);
    }

    /// Whether the process has died; asking brings it back to life.
    pub(crate) fn take_crash(&self) -> bool {
        std::mem::take(&mut self.0.lock().crashed)
    }

    /// How many effects took place.
    pub(crate) fn effects(&self) -> u64 {
        self.0.lock().effects
    }

    fn is_dead(&self) -> bool {
        self.0.lock().crashed
    }

    fn fate(&self) -> Fate {
        let mut state = self.0.lock();
        if state.crashed {
            return Fate::DoesNotHappen;
        }
        match state.crash {
            Some((0, takes_place)) => {
                (state.crash, state.crashed) = (None, true);
                state.effects += u64::from(takes_place);
                if takes_place { Fate::HappensUnnoticed } else { Fate::DoesNotHappen }
            }
            Some((left, takes_place)) => {
                state.crash = Some((left - 1, takes_place));
                state.effects += 1;
                Fate::Happens
            }
            None => {
                state.effects += 1;
                Fate::Happens
            }
        }
    }

    fn effect<T, E>(&self, dead: E, act: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        match self.fate() {
            Fate::Happens => act(),
            Fate::HappensUnnoticed => {
                // Whatever came of it, nobody learns of it.
                let _ = act();
                Err(dead)
            }
            Fate::DoesNotHappen => Err(dead),
        }
    }

    fn answers(&self) -> Result<(), L1Error> {
        let mut state = self.0.lock();
        let n = state.unreachable_once_in;
        if state.crashed || n > 0 && state.random.once_in(n) {
            return Err(unreachable());
        }
        Ok(())
    }
}

fn unreachable() -> L1Error {
    L1Error::Unreachable { url: "the simulator".to_owned(), reason: "planned".to_owned() }
}

fn dead() -> StoreError {
    StoreError::Io { operation: "anything", reason: "the process is dead".to_owned() }
}

/// A store that a process may die over.
#[derive(Debug)]
pub(crate) struct FaultyStore<S> {
    pub(crate) store: Arc<S>,
    pub(crate) faults: Faults,
}

impl<S: Store> Store for FaultyStore<S> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if self.faults.is_dead() { Err(dead()) } else { self.store.get(table, key) }
    }

    fn scan(&self, table: Table, prefix: &[u8], from: &[u8], limit: usize) -> Result<Entries, StoreError> {
        if self.faults.is_dead() { Err(dead()) } else { self.store.scan(table, prefix, from, limit) }
    }

    fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.faults.effect(dead(), || self.store.commit(writes))
    }
}

/// An L1 that does not always answer, and over whose messages a process may die.
pub(crate) struct FaultyL1 {
    pub(crate) l1: Arc<dyn L1>,
    pub(crate) faults: Faults,
}

impl FaultyL1 {
    fn ask<T>(&self, ask: impl FnOnce(&dyn L1) -> Result<T, L1Error>) -> Result<T, L1Error> {
        self.faults.answers()?;
        ask(&*self.l1)
    }
}

impl L1 for FaultyL1 {
    fn chain_id(&self) -> Result<u64, L1Error> {
        self.ask(|l1| l1.chain_id())
    }

    fn head(&self) -> Result<L1Header, L1Error> {
        self.ask(|l1| l1.head())
    }

    fn header(&self, number: u64) -> Result<Option<L1Header>, L1Error> {
        self.ask(|l1| l1.header(number))
    }

    fn logs(&self, addresses: &[Address], from: u64, to: u64) -> Result<Vec<L1Log>, L1Error> {
        self.ask(|l1| l1.logs(addresses, from, to))
    }

    fn call(&self, call: &L1Call, at: At) -> Result<Bytes, L1Error> {
        self.ask(|l1| l1.call(call, at))
    }

    fn estimate_gas(&self, call: &L1Call) -> Result<u64, L1Error> {
        self.ask(|l1| l1.estimate_gas(call))
    }

    fn code(&self, address: Address) -> Result<Bytes, L1Error> {
        self.ask(|l1| l1.code(address))
    }

    fn balance(&self, address: Address) -> Result<U256, L1Error> {
        self.ask(|l1| l1.balance(address))
    }

    fn nonce(&self, address: Address) -> Result<u64, L1Error> {
        self.ask(|l1| l1.nonce(address))
    }

    fn fees(&self) -> Result<L1Fees, L1Error> {
        self.ask(|l1| l1.fees())
    }

    /// Its answer may be lost too: the message has arrived all the same.
    fn send(&self, raw: &[u8]) -> Result<(), L1Error> {
        self.faults.answers()?;
        self.faults.effect(unreachable(), || self.l1.send(raw))?;
        self.faults.answers()
    }

    fn receipt(&self, transaction: B256) -> Result<Option<L1Receipt>, L1Error> {
        self.ask(|l1| l1.receipt(transaction))
    }

    fn blobs(&self, block: u64, transaction: B256, hashes: &[B256]) -> Result<Vec<Box<Blob>>, L1Error> {
        self.ask(|l1| l1.blobs(block, transaction, hashes))
    }
}
