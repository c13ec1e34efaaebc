//! Follows L1: keeps its headers and the portal's deposits in the records, from where the sequencer takes them.
//!
//! Only blocks with enough confirmations are taken in. When L1 replaces one that was taken in all the same, L2's blocks
//! that have it as origin are taken back first, then the records; L2 transactions wait again, deposits come back with the
//! new L1 blocks.

use std::sync::Arc;

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, Log, TxKind, U256};
use alloy_rlp::Decodable;
use alloy_sol_types::SolEvent;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use vellum_block::l2;

use crate::contracts::Portal;
use crate::l1::{L1, L1Error, L1Header};
use crate::l2::{L2, L2Error};
use crate::node::L1View;
use crate::records::{Records, key, put, put_bytes, remove};
use crate::step::Step;
use crate::store::{StoreError, Write};

/// Blocks taken in by one step at most.
const BLOCKS_PER_STEP: u64 = 64;
/// Records removed by one step at most.
const REMOVED_PER_STEP: usize = 4096;

const CURSOR: &[u8] = b"l1.cursor";
const HEADER: &str = "l1.header";
const DEPOSIT: &str = "l1.deposit";

/// Why L1 cannot be followed.
#[derive(Debug, Error)]
pub enum WatchError {
    /// L1.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// L2.
    #[error(transparent)]
    L2(#[from] L2Error),
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// L1 contradicts itself; it may be in the middle of a reorg.
    #[error("L1's answers about block {0} do not fit together")]
    Inconsistent(u64),
    /// An event that the portal cannot have emitted.
    #[error("L1 block {block} has a deposit event that does not decode")]
    BadDeposit {
        /// Block.
        block: u64,
    },
    /// The reorg goes below what was there when the contracts were deployed.
    #[error("L1 replaced block {0}, before which the rollup did not exist")]
    TooDeep(u64),
}

/// Where the records stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Number of the last L1 block taken in.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Deposits up to and including it.
    pub deposit_count: u64,
}

/// A deposit as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    from: Address,
    to: Option<Address>,
    mint: u128,
    value: U256,
    gas_limit: u64,
    data: Bytes,
    queue_hash: B256,
    l1_block: u64,
    l1_transaction: B256,
}

/// A deposit and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L1Deposit {
    /// The deposit, its number and the queue's hash after it.
    pub queued: l2::QueuedDeposit,
    /// L1 block.
    pub l1_block: u64,
    /// L1 transaction.
    pub l1_transaction: B256,
}

impl L1Deposit {
    fn from_record(number: u64, record: Record) -> Self {
        let deposit = l2::Deposit {
            from: record.from,
            to: record.to.map_or(TxKind::Create, TxKind::Call),
            mint: record.mint,
            value: record.value,
            gas_limit: record.gas_limit,
            data: record.data,
        };
        let queued = l2::QueuedDeposit { deposit, number, queue_hash: record.queue_hash };
        Self { queued, l1_block: record.l1_block, l1_transaction: record.l1_transaction }
    }

    fn write(&self) -> Result<Write, StoreError> {
        let l2::QueuedDeposit { deposit, number, queue_hash } = &self.queued;
        let record = Record {
            from: deposit.from,
            to: deposit.to.to().copied(),
            mint: deposit.mint,
            value: deposit.value,
            gas_limit: deposit.gas_limit,
            data: deposit.data.clone(),
            queue_hash: *queue_hash,
            l1_block: self.l1_block,
            l1_transaction: self.l1_transaction,
        };
        put(key(DEPOSIT, *number), &record)
    }
}

/// What was taken in from L1, for the sequencer and the batcher.
#[derive(Clone, Debug)]
pub struct Inbox {
    records: Records,
}

impl Inbox {
    /// Over the watcher's records.
    pub fn new(records: Records) -> Self {
        Self { records }
    }

    /// The last block taken in; none before the first.
    ///
    /// # Errors
    /// The disk.
    pub fn cursor(&self) -> Result<Option<Cursor>, StoreError> {
        self.records.load(CURSOR)
    }

    /// A header that was taken in.
    ///
    /// # Errors
    /// The disk.
    pub fn header(&self, number: u64) -> Result<Option<L1Header>, StoreError> {
        let key = key(HEADER, number);
        let Some(bytes) = self.records.bytes(&key)? else { return Ok(None) };
        let header = Header::decode(&mut &bytes[..])
            .map_err(|_| StoreError::damaged(crate::store::Table::Tasks, &key))?;
        Ok(Some(L1Header { hash: header.hash_slow(), header }))
    }

    /// A deposit by its number, from 0.
    ///
    /// # Errors
    /// The disk.
    pub fn deposit(&self, number: u64) -> Result<Option<L1Deposit>, StoreError> {
        let record: Option<Record> = self.records.load(&key(DEPOSIT, number))?;
        Ok(record.map(|record| L1Deposit::from_record(number, record)))
    }

    /// At most `limit` deposits from number `from` on that are in L1 blocks up to `l1_block`.
    ///
    /// # Errors
    /// The disk.
    pub fn deposits(&self, from: u64, l1_block: u64, limit: usize) -> Result<Vec<L1Deposit>, StoreError> {
        let records = self.records.load_from(DEPOSIT, from, limit)?;
        let deposits = records.into_iter().map(|(number, record)| L1Deposit::from_record(number, record));
        Ok(deposits.take_while(|deposit| deposit.l1_block <= l1_block).collect())
    }

    /// The queue's rolling hash after `count` deposits.
    ///
    /// # Errors
    /// The disk, or a deposit that is not there.
    pub fn queue_hash(&self, count: u64) -> Result<B256, StoreError> {
        let Some(last) = count.checked_sub(1) else { return Ok(B256::ZERO) };
        let deposit = self.deposit(last)?;
        let missing = || StoreError::damaged(crate::store::Table::Tasks, key(DEPOSIT, last));
        deposit.map(|deposit| deposit.queued.queue_hash).ok_or_else(missing)
    }
}

impl L1View for Inbox {
    fn newest(&self) -> Result<Option<l2::L1Origin>, String> {
        let text = |error: StoreError| error.to_string();
        let Some(cursor) = self.cursor().map_err(text)? else { return Ok(None) };
        let header = self.header(cursor.number).map_err(text)?;
        Ok(header.map(|header| l2::L1Origin::new(&header.header, header.hash)))
    }

    fn deposits(&self, from: u64, up_to_block: u64, limit: usize) -> Result<Vec<l2::QueuedDeposit>, String> {
        let deposits = Self::deposits(self, from, up_to_block, limit).map_err(|error| error.to_string())?;
        Ok(deposits.into_iter().map(|deposit| deposit.queued).collect())
    }
}

/// The task.
pub struct Watcher {
    l1: Arc<dyn L1>,
    l2: Arc<dyn L2>,
    records: Records,
    inbox: Inbox,
    portal: Address,
    /// The block to begin with.
    start: u64,
    confirmations: u64,
}

impl Watcher {
    /// Follows `portal` from block `start` on; blocks count with `confirmations` more on top of them.
    pub fn new(
        l1: Arc<dyn L1>,
        l2: Arc<dyn L2>,
        records: Records,
        portal: Address,
        start: u64,
        confirmations: u64,
    ) -> Self {
        let inbox = Inbox::new(records.clone());
        Self { l1, l2, records, inbox, portal, start, confirmations }
    }

    /// Takes in some blocks, or takes one back.
    ///
    /// # Errors
    /// L1, L2 or the disk; the next step tries again.
    pub fn step(&self) -> Result<Step, WatchError> {
        let target = self.l1.head()?.number().saturating_sub(self.confirmations);
        let Some(cursor) = self.inbox.cursor()? else {
            return if target < self.start { Ok(Step::Idle) } else { self.begin() };
        };
        match self.l1.header(cursor.number)? {
            Some(header) if header.hash == cursor.hash => {}
            // A node that is behind the one asked before; nothing is known to be replaced.
            None if target < cursor.number && self.l1.header(target)?.is_some_and(|h| self.knows(&h)) => {
                return Ok(Step::Idle);
            }
            _ => return self.take_back(&cursor),
        }
        if target <= cursor.number {
            return Ok(Step::Idle);
        }
        self.take_in(&cursor, target.min(cursor.number + BLOCKS_PER_STEP))
    }

    fn knows(&self, header: &L1Header) -> bool {
        self.inbox
            .header(header.number())
            .is_ok_and(|known| known.is_some_and(|known| known.hash == header.hash))
    }

    /// The first block. Nothing of the rollup is in it.
    fn begin(&self) -> Result<Step, WatchError> {
        let header = self.l1.header(self.start)?.ok_or(WatchError::Inconsistent(self.start))?;
        let cursor = Cursor { number: self.start, hash: header.hash, deposit_count: 0 };
        self.records.commit(vec![put(CURSOR, &cursor)?, header_write(&header)])?;
        Ok(Step::Done)
    }

    fn take_in(&self, cursor: &Cursor, to: u64) -> Result<Step, WatchError> {
        let from = cursor.number + 1;
        let mut writes = Vec::new();
        let mut headers = Vec::new();
        let mut parent = cursor.hash;
        for number in from..=to {
            let header = self.l1.header(number)?.ok_or(WatchError::Inconsistent(number))?;
            if header.header.parent_hash != parent || header.number() != number {
                return Err(WatchError::Inconsistent(number));
            }
            parent = header.hash;
            writes.push(header_write(&header));
            headers.push(header);
        }
        let hash = self.inbox.queue_hash(cursor.deposit_count)?;
        let mut queue = l2::DepositQueue { count: cursor.deposit_count, hash };
        for log in self.l1.logs(&[self.portal], from, to)? {
            // The headers were asked for before: an event of another block of that number is of another fork.
            let header = headers.get((log.block - from) as usize);
            if header.is_none_or(|header| header.hash != log.block_hash) {
                return Err(WatchError::Inconsistent(log.block));
            }
            if log.log.topics().first() != Some(&Portal::TransactionDeposited::SIGNATURE_HASH) {
                continue;
            }
            let deposit = decode(&log.log).ok_or(WatchError::BadDeposit { block: log.block })?;
            let queued = queue.push(deposit);
            let deposit = L1Deposit { queued, l1_block: log.block, l1_transaction: log.transaction };
            writes.push(deposit.write()?);
        }
        writes.push(put(CURSOR, &Cursor { number: to, hash: parent, deposit_count: queue.count })?);
        self.records.commit(writes)?;
        Ok(Step::Done)
    }

    /// L1 no longer has the last block taken in.
    fn take_back(&self, cursor: &Cursor) -> Result<Step, WatchError> {
        let below = cursor.number.checked_sub(1).filter(|below| *below >= self.start);
        let below = below.ok_or(WatchError::TooDeep(cursor.number))?;
        let header = self.inbox.header(below)?.ok_or(WatchError::Inconsistent(below))?;
        tracing::warn!(number = cursor.number, hash = %cursor.hash, "L1 replaced a block that was taken in");
        let head = self.l2.head();
        let mut last = head;
        while last > 0 && self.l2.block(last)?.l1_origin > below {
            last -= 1;
        }
        if last < head {
            tracing::warn!(head, last, "taking L2 blocks back whose origin is gone");
            self.l2.unwind(last)?;
            return Ok(Step::Done);
        }
        // All events of one block fit into one look: its gas bounds them.
        let mut count = cursor.deposit_count;
        let mut writes = vec![remove(key(HEADER, cursor.number))];
        while let Some(number) = count.checked_sub(1)
            && writes.len() < REMOVED_PER_STEP
            && self.inbox.deposit(number)?.is_some_and(|deposit| deposit.l1_block > below)
        {
            writes.push(remove(key(DEPOSIT, number)));
            count = number;
        }
        writes.push(put(CURSOR, &Cursor { number: below, hash: header.hash, deposit_count: count })?);
        self.records.commit(writes)?;
        Ok(Step::Done)
    }
}

fn header_write(header: &L1Header) -> Write {
    put_bytes(key(HEADER, header.number()), alloy_rlp::encode(&header.header))
}

/// The deposit of an event: `opaqueData` is mint, value, gas limit, creation flag and calldata without padding.
pub fn decode(log: &Log) -> Option<l2::Deposit> {
    let event = Portal::TransactionDeposited::decode_log(log).ok()?;
    let (mint, rest) = event.opaqueData.split_first_chunk::<32>()?;
    let (value, rest) = rest.split_first_chunk::<32>()?;
    let (gas_limit, rest) = rest.split_first_chunk::<8>()?;
    let (creation, data) = rest.split_first()?;
    let is_creation = match creation {
        0 => false,
        1 => true,
        _ => return None,
    };
    Some(l2::Deposit {
        from: event.from,
        to: if is_creation { TxKind::Create } else { TxKind::Call(event.to) },
        // The ether that exists fits.
        mint: U256::from_be_bytes(*mint).try_into().ok()?,
        value: U256::from_be_bytes(*value),
        gas_limit: u64::from_be_bytes(*gas_limit),
        data: Bytes::copy_from_slice(data),
    })
}
