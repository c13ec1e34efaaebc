//! Sends transactions to L1, each exactly once.
//!
//! A transaction is asked for under a name ([`Sender::submit`]); asking again under the same name changes nothing. The signed
//! transaction is recorded before it is sent, and every later version of it (with higher fees) has the same nonce, so that L1
//! includes at most one of them, whatever moment the process dies at. After a restart the sender looks: a version in a block
//! is the outcome, a nonce that somebody else used makes it sign anew, anything else is sent again, which L1 takes as a
//! repetition.
//!
//! One sender per key, and no other process may use the key. Blob transactions get a key of their own, because clients do not
//! take both kinds from one account at a time.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEip4844, TxEip4844WithSidecar};
use alloy_eips::eip2718::Encodable2718;
use alloy_eips::eip4844::{Blob, BlobTransactionSidecar, DATA_GAS_PER_BLOB};
use alloy_primitives::{Address, B256, Bytes, Log, TxKind, U256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use thiserror::Error;

use super::{L1, L1Call, L1Error, L1Fees, L1Receipt};
use crate::records::{Records, key, put, put_bytes, remove};
use crate::step::Step;
use crate::store::StoreError;

/// Transactions signed and not yet in a block, at most.
const IN_FLIGHT_MAX: usize = 8;
/// Gas of a transfer to an account.
const TRANSFER_GAS: u64 = 21_000;
/// Gas on top of the estimate, in percent: state moves between estimate and inclusion.
const GAS_MARGIN_PERCENT: u64 = 25;
/// Clients replace a blob transaction only if every fee doubles, others from 10 % on.
const BUMP_FACTOR: u128 = 2;

/// How a sender behaves.
#[derive(Clone, Copy, Debug)]
pub struct SenderOptions {
    /// Blocks on top of a transaction's before its outcome counts.
    pub confirmations: u64,
    /// Milliseconds without inclusion after which it is sent again.
    pub resend_ms: u64,
    /// Milliseconds without inclusion after which its fees are raised.
    pub bump_ms: u64,
    /// Highest fee per gas, in wei; also per blob gas.
    pub fee_max: u128,
}

impl Default for SenderOptions {
    fn default() -> Self {
        Self { confirmations: 0, resend_ms: 12_000, bump_ms: 60_000, fee_max: 500_000_000_000 }
    }
}

/// A transaction to be sent.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Target; none creates a contract.
    pub to: Option<Address>,
    /// Wei.
    pub value: U256,
    /// Calldata.
    pub data: Bytes,
    /// Gas limit; none to have it estimated.
    pub gas: Option<u64>,
    /// Blobs.
    pub blobs: Vec<Box<Blob>>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// In a block and confirmed.
    Included {
        /// Transaction hash.
        transaction: B256,
        /// Block number.
        block: u64,
        /// Block hash.
        block_hash: B256,
        /// False if it reverted.
        success: bool,
        /// Gas.
        gas_used: u64,
        /// Blob gas.
        blob_gas_used: u64,
        /// Address of a created contract.
        created: Option<Address>,
        /// Events.
        logs: Vec<Log>,
    },
    /// Not sent, because it would revert.
    Reverts {
        /// L1's words.
        reason: String,
        /// What the call returned.
        data: Bytes,
    },
}

/// Why sending stopped.
#[derive(Debug, Error)]
pub enum SenderError {
    /// L1 does not answer, or not properly.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A blob with an element beyond the field.
    #[error("a blob of {name} cannot be committed to")]
    Blob {
        /// Of which transaction.
        name: String,
    },
    /// The key does not sign.
    #[error("cannot sign {name}: {reason}")]
    Sign {
        /// Which transaction.
        name: String,
        /// Why.
        reason: String,
    },
    /// L1 asks for more than configured.
    #[error("L1 asks {asked} wei per gas for {name}, the highest allowed is {max}")]
    FeeTooHigh {
        /// Which transaction.
        name: String,
        /// Needed.
        asked: u128,
        /// Configured.
        max: u128,
    },
}

/// What is on disk of a transaction, its blobs and signed bytes aside.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    name: String,
    to: Option<Address>,
    value: U256,
    data: Bytes,
    gas: Option<u64>,
    blobs: usize,
    nonce: Option<u64>,
    versions: Vec<Version>,
    outcome: Option<Outcome>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Version {
    hash: B256,
    fee: u128,
    tip: u128,
    blob_fee: u128,
    /// When it was signed, in milliseconds.
    at_ms: u64,
}

/// The sender of one key.
pub struct Sender {
    l1: Arc<dyn L1>,
    records: Records,
    signer: PrivateKeySigner,
    chain_id: u64,
    options: SenderOptions,
    /// Of this account's records.
    names: Names,
    /// When each transaction was handed over by this process, in milliseconds: not on disk, because a repetition is free.
    sent: Mutex<BTreeMap<u64, u64>>,
    /// One at a time takes numbers.
    submitting: Mutex<()>,
}

struct Names {
    count: String,
    entry: String,
    blobs: String,
    raw: String,
    open: String,
    name: String,
}

impl Sender {
    /// The sender of `signer`'s account; what it did before is in `records`.
    pub fn new(
        l1: Arc<dyn L1>,
        records: Records,
        signer: PrivateKeySigner,
        chain_id: u64,
        options: SenderOptions,
    ) -> Self {
        let account = signer.address();
        let name = |what: &str| format!("send.{what}.{account:x}");
        let names = Names {
            count: name("count"),
            entry: name("entry"),
            blobs: name("blobs"),
            raw: name("raw"),
            open: name("open"),
            name: name("name"),
        };
        let (sent, submitting) = Default::default();
        Self { l1, records, signer, chain_id, options, names, sent, submitting }
    }

    /// The account.
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// Asks for a transaction under a name of the caller's; nothing changes if that was done before.
    ///
    /// # Errors
    /// The disk.
    pub fn submit(&self, name: &str, request: &Request) -> Result<(), SenderError> {
        let _one = self.submitting.lock();
        let by_name = self.by_name(name);
        if self.records.load::<u64>(&by_name)?.is_some() {
            return Ok(());
        }
        let number = self.records.load::<u64>(self.names.count.as_bytes())?.unwrap_or_default();
        let entry = Entry {
            name: name.to_owned(),
            to: request.to,
            value: request.value,
            data: request.data.clone(),
            gas: request.gas,
            blobs: request.blobs.len(),
            nonce: None,
            versions: Vec::new(),
            outcome: None,
        };
        let mut writes = vec![
            put(self.entry(number), &entry)?,
            put(by_name, &number)?,
            put(&self.names.count, &(number + 1))?,
            put(key(&self.names.open, number), &())?,
        ];
        if !request.blobs.is_empty() {
            let bytes = request.blobs.iter().flat_map(|blob| blob.to_vec()).collect();
            writes.push(put_bytes(key(&self.names.blobs, number), bytes));
        }
        Ok(self.records.commit(writes)?)
    }

    /// True if a transaction of that name was asked for.
    ///
    /// # Errors
    /// The disk.
    pub fn knows(&self, name: &str) -> Result<bool, SenderError> {
        Ok(self.records.bytes(&self.by_name(name))?.is_some())
    }

    /// What became of the transaction of that name: nothing yet, or its outcome.
    ///
    /// # Errors
    /// The disk.
    pub fn outcome(&self, name: &str) -> Result<Option<Outcome>, SenderError> {
        let Some(number) = self.records.load::<u64>(&self.by_name(name))? else { return Ok(None) };
        Ok(self.records.load::<Entry>(&self.entry(number))?.and_then(|entry| entry.outcome))
    }

    /// Forgets a transaction that has an outcome, so that its name can be used again.
    ///
    /// # Errors
    /// The disk.
    pub fn forget(&self, name: &str) -> Result<(), SenderError> {
        let by_name = self.by_name(name);
        let Some(number) = self.records.load::<u64>(&by_name)? else { return Ok(()) };
        let has_outcome =
            self.records.load::<Entry>(&self.entry(number))?.is_some_and(|entry| entry.outcome.is_some());
        if has_outcome {
            self.records.commit(vec![remove(by_name)])?;
        }
        Ok(())
    }

    /// Does one thing: signs one transaction, sends one, or takes note of one outcome. `now_ms` is the time.
    ///
    /// # Errors
    /// L1 or the disk; the next step tries again.
    pub fn step(&self, now_ms: u64) -> Result<Step, SenderError> {
        let open: Vec<(u64, ())> = self.records.load_from(&self.names.open, 0, IN_FLIGHT_MAX)?;
        if open.is_empty() {
            return Ok(Step::Idle);
        }
        // Before any receipt: whatever used a nonce below it is in a block that the receipts are asked of.
        let used = self.l1.nonce(self.address())?;
        let mut entries = Vec::new();
        for (number, ()) in open {
            entries.extend(self.records.load::<Entry>(&self.entry(number))?.map(|entry| (number, entry)));
        }
        if let Some(nonce) = gap(used, entries.iter().filter_map(|(_, entry)| entry.nonce)) {
            return self.fill(nonce);
        }
        let mut next = used;
        for (number, entry) in entries {
            let step = match entry.nonce {
                None => return self.sign(number, entry, next, now_ms),
                Some(nonce) => {
                    next = next.max(nonce + 1);
                    self.follow(number, entry, used, now_ms)?
                }
            };
            if step == Step::Done {
                return Ok(step);
            }
        }
        Ok(Step::Idle)
    }

    /// A reorg took a transaction that was thought to be firm: later ones wait for its nonce, so it is used for nothing.
    /// What the lost one was for is asked for again by whoever wants it.
    fn fill(&self, nonce: u64) -> Result<Step, SenderError> {
        let _one = self.submitting.lock();
        let number = self.records.load::<u64>(self.names.count.as_bytes())?.unwrap_or_default();
        let entry = Entry {
            name: format!("fill/{nonce}/{number}"),
            to: Some(self.address()),
            value: U256::ZERO,
            data: Bytes::new(),
            gas: Some(TRANSFER_GAS),
            blobs: 0,
            nonce: Some(nonce),
            versions: Vec::new(),
            outcome: None,
        };
        tracing::warn!(nonce, "a transaction is gone from L1, its nonce is used for nothing");
        self.records.commit(vec![
            put(self.entry(number), &entry)?,
            put(&self.names.count, &(number + 1))?,
            put(key(&self.names.open, number), &())?,
        ])?;
        Ok(Step::Done)
    }

    /// A transaction with a nonce: looks for it, sends it (again), raises its fees.
    fn follow(&self, number: u64, mut entry: Entry, used: u64, now_ms: u64) -> Result<Step, SenderError> {
        let Some(nonce) = entry.nonce else { return Ok(Step::Idle) };
        for version in entry.versions.iter().rev() {
            let Some(receipt) = self.l1.receipt(version.hash)? else { continue };
            if self.l1.head()?.number() < receipt.block + self.options.confirmations {
                return Ok(Step::Idle);
            }
            entry.outcome = Some(included(receipt));
            return self.close(number, &entry);
        }
        if used > nonce {
            // Somebody else used the nonce. Its outcome has to be as firm as that of our own would have to be.
            tracing::warn!(name = entry.name, nonce, "nonce used by another transaction, signing anew");
            entry.nonce = None;
            entry.versions.clear();
            self.records.commit(vec![put(self.entry(number), &entry)?])?;
            return Ok(Step::Done);
        }
        let signed_ms = entry.versions.last().map_or(0, |version| version.at_ms);
        if now_ms >= signed_ms + self.options.bump_ms {
            return self.bump(number, entry, nonce, now_ms);
        }
        let sent_ms = self.sent.lock().get(&number).copied();
        if sent_ms.is_some_and(|sent_ms| now_ms < sent_ms + self.options.resend_ms) {
            return Ok(Step::Idle);
        }
        let raw = self.records.bytes(&key(&self.names.raw, number))?.unwrap_or_default();
        self.sent.lock().insert(number, now_ms);
        match self.l1.send(&raw) {
            Ok(()) => Ok(Step::Done),
            // The nonce is used: the next step finds out by which transaction.
            Err(L1Error::Refused { message, .. }) if message.to_lowercase().contains("nonce too low") => {
                Ok(Step::Done)
            }
            // The previous version is in L1's pool; it waits until this one's fees are raised enough.
            Err(L1Error::Refused { message, .. }) if message.to_lowercase().contains("underpriced") => {
                Ok(Step::Idle)
            }
            Err(error) => {
                self.sent.lock().remove(&number);
                Err(error.into())
            }
        }
    }

    fn sign(&self, number: u64, mut entry: Entry, nonce: u64, now_ms: u64) -> Result<Step, SenderError> {
        let blobs = self.blobs(number, &entry)?;
        let gas = match entry.gas {
            Some(gas) => gas,
            None => match self.estimate(&entry, &blobs)? {
                Ok(gas) => gas,
                Err(outcome) => {
                    entry.outcome = Some(outcome);
                    return self.close(number, &entry);
                }
            },
        };
        entry.gas = Some(gas);
        entry.nonce = Some(nonce);
        let L1Fees { base, blob, tip } = self.l1.fees()?;
        // Twice the price of now lasts for six full blocks in a row.
        let version = Version {
            hash: B256::ZERO,
            fee: 2 * base + tip,
            tip,
            blob_fee: if blobs.is_empty() { 0 } else { 2 * blob.max(1) },
            at_ms: now_ms,
        };
        self.record(number, entry, &blobs, version)
    }

    fn bump(&self, number: u64, entry: Entry, nonce: u64, now_ms: u64) -> Result<Step, SenderError> {
        let Some(last) = entry.versions.last().copied() else {
            return self.sign(number, entry, nonce, now_ms);
        };
        let now = self.l1.fees()?;
        let tip = BUMP_FACTOR * last.tip.max(1);
        let version = Version {
            hash: B256::ZERO,
            fee: (BUMP_FACTOR * last.fee).max(2 * now.base + tip),
            tip,
            blob_fee: if entry.blobs == 0 { 0 } else { (BUMP_FACTOR * last.blob_fee).max(2 * now.blob) },
            at_ms: now_ms,
        };
        let blobs = self.blobs(number, &entry)?;
        tracing::info!(name = entry.name, fee = version.fee, "raising the fees of a transaction");
        self.record(number, entry, &blobs, version)
    }

    /// Signs a version and records it; it is sent by the next step.
    fn record(
        &self,
        number: u64,
        mut entry: Entry,
        blobs: &[Box<Blob>],
        mut version: Version,
    ) -> Result<Step, SenderError> {
        let max = self.options.fee_max;
        let asked = version.fee.max(version.blob_fee);
        if asked > max {
            return Err(SenderError::FeeTooHigh { name: entry.name, asked, max });
        }
        let (hash, raw) = self.signed(&entry, blobs, &version)?;
        version.hash = hash;
        entry.versions.push(version);
        self.sent.lock().remove(&number);
        self.records
            .commit(vec![put(self.entry(number), &entry)?, put_bytes(key(&self.names.raw, number), raw)])?;
        Ok(Step::Done)
    }

    fn signed(
        &self,
        entry: &Entry,
        blobs: &[Box<Blob>],
        version: &Version,
    ) -> Result<(B256, Vec<u8>), SenderError> {
        let (nonce, gas_limit) = (entry.nonce.unwrap_or_default(), entry.gas.unwrap_or_default());
        let kind = entry.to.map_or(TxKind::Create, TxKind::Call);
        if blobs.is_empty() {
            let transaction = TxEip1559 {
                chain_id: self.chain_id,
                nonce,
                gas_limit,
                max_fee_per_gas: version.fee,
                max_priority_fee_per_gas: version.tip,
                to: kind,
                value: entry.value,
                access_list: Default::default(),
                input: entry.data.clone(),
            };
            return self.sealed(entry, transaction);
        }
        let unusable = || SenderError::Blob { name: entry.name.clone() };
        let owned = blobs.iter().map(|blob| **blob).collect();
        let sidecar = BlobTransactionSidecar::try_from_blobs_with_settings(owned, crate::kzg::settings())
            .map_err(|_| unusable())?;
        let transaction = TxEip4844 {
            chain_id: self.chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas: version.fee,
            max_priority_fee_per_gas: version.tip,
            to: entry.to.ok_or_else(unusable)?,
            value: entry.value,
            access_list: Default::default(),
            blob_versioned_hashes: sidecar.versioned_hashes().collect(),
            max_fee_per_blob_gas: version.blob_fee,
            input: entry.data.clone(),
        };
        self.sealed(entry, TxEip4844WithSidecar::from_tx_and_sidecar(transaction, sidecar))
    }

    fn sealed<T>(&self, entry: &Entry, transaction: T) -> Result<(B256, Vec<u8>), SenderError>
    where
        T: SignableTransaction<alloy_primitives::Signature>,
        alloy_consensus::Signed<T>: Encodable2718,
    {
        let hash = transaction.signature_hash();
        let signature = self
            .signer
            .sign_hash_sync(&hash)
            .map_err(|error| SenderError::Sign { name: entry.name.clone(), reason: error.to_string() })?;
        let signed = transaction.into_signed(signature);
        Ok((signed.trie_hash(), signed.encoded_2718()))
    }

    /// The gas limit, or the outcome of a transaction that would revert.
    fn estimate(&self, entry: &Entry, blobs: &[Box<Blob>]) -> Result<Result<u64, Outcome>, SenderError> {
        let unusable = || SenderError::Blob { name: entry.name.clone() };
        let hashes = blobs.iter().map(|blob| crate::kzg::versioned_hash(blob).ok_or_else(unusable));
        let call = L1Call {
            from: self.address(),
            to: entry.to,
            value: entry.value,
            data: entry.data.clone(),
            blob_hashes: hashes.collect::<Result<_, _>>()?,
        };
        match self.l1.estimate_gas(&call) {
            Ok(gas) => Ok(Ok(gas + gas * GAS_MARGIN_PERCENT / 100)),
            Err(L1Error::Refused { message, data, .. }) if is_revert(&message, data.as_ref()) => {
                Ok(Err(Outcome::Reverts { reason: message, data: data.unwrap_or_default() }))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn close(&self, number: u64, entry: &Entry) -> Result<Step, SenderError> {
        self.sent.lock().remove(&number);
        self.records.commit(vec![
            put(self.entry(number), entry)?,
            remove(key(&self.names.open, number)),
            remove(key(&self.names.raw, number)),
            remove(key(&self.names.blobs, number)),
        ])?;
        Ok(Step::Done)
    }

    fn blobs(&self, number: u64, entry: &Entry) -> Result<Vec<Box<Blob>>, SenderError> {
        if entry.blobs == 0 {
            return Ok(Vec::new());
        }
        let bytes = self.records.bytes(&key(&self.names.blobs, number))?.unwrap_or_default();
        let blobs: Vec<_> =
            bytes.chunks_exact(size_of::<Blob>()).map(|chunk| Box::new(Blob::from_slice(chunk))).collect();
        if blobs.len() == entry.blobs {
            Ok(blobs)
        } else {
            Err(SenderError::Blob { name: entry.name.clone() })
        }
    }

    fn entry(&self, number: u64) -> Vec<u8> {
        key(&self.names.entry, number)
    }

    fn by_name(&self, name: &str) -> Vec<u8> {
        format!("{}/{name}", self.names.name).into_bytes()
    }
}

/// Wei that a transaction with these blobs may cost at most at the prices of now, its gas aside.
pub fn blob_cost(blobs: usize, fees: &L1Fees) -> u128 {
    blobs as u128 * u128::from(DATA_GAS_PER_BLOB) * 2 * fees.blob
}

fn is_revert(message: &str, data: Option<&Bytes>) -> bool {
    data.is_some() || message.to_lowercase().contains("revert")
}

/// The first nonce from `used` on that none of these transactions has and that one of them waits for.
fn gap(used: u64, nonces: impl Iterator<Item = u64>) -> Option<u64> {
    let waiting: BTreeSet<u64> = nonces.filter(|nonce| *nonce >= used).collect();
    (used..=*waiting.last()?).find(|nonce| !waiting.contains(nonce))
}

fn included(receipt: L1Receipt) -> Outcome {
    Outcome::Included {
        transaction: receipt.transaction,
        block: receipt.block,
        block_hash: receipt.block_hash,
        success: receipt.success,
        gas_used: receipt.gas_used,
        blob_gas_used: receipt.blob_gas_used,
        created: receipt.created,
        logs: receipt.logs,
    }
}

#[cfg(test)]
mod tests {
    use super::gap;

    #[test]
    fn the_first_nonce_that_nobody_has_is_the_gap() {
        let of = |nonces: &[u64]| gap(5, nonces.iter().copied());
        assert_eq!([of(&[]), of(&[5, 6]), of(&[3, 4])], [None; 3]);
        assert_eq!([of(&[6, 7]), of(&[7, 5]), of(&[4, 5, 8])], [Some(5), Some(6), Some(6)]);
    }
}
