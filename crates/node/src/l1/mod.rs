//! The node's view of L1: a narrow trait, so that tasks run as well over a simulated L1.
//!
//! Calls are synchronous and do one thing each; a caller that is interrupted between two of them finds out on L1 what
//! happened. [`http::HttpL1`] is the implementation over JSON-RPC.

pub mod http;
pub mod sender;

use alloy_consensus::Header;
use alloy_eips::eip4844::Blob;
use alloy_primitives::{Address, B256, Bytes, Log, U256};
use thiserror::Error;

/// Why L1 gave no answer.
#[derive(Clone, Debug, Error)]
pub enum L1Error {
    /// No connection, or none in time. Worth another try.
    #[error("L1 at {url} is unreachable: {reason}")]
    Unreachable {
        /// Where.
        url: String,
        /// What the network says.
        reason: String,
    },
    /// L1 answered with an error.
    #[error("L1 answers {method} with error {code}: {message}")]
    Refused {
        /// The call.
        method: &'static str,
        /// JSON-RPC error code.
        code: i64,
        /// L1's words, shortened.
        message: String,
        /// What a reverted call returned.
        data: Option<Bytes>,
    },
    /// An answer that is none.
    #[error("L1 answers {method} with something else: {reason}")]
    Malformed {
        /// The call.
        method: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// L1 does not have the blobs (any more), or serves others.
    #[error("blob {hash} is not to be had from L1: {reason}")]
    NoBlob {
        /// Versioned hash.
        hash: B256,
        /// Why.
        reason: String,
    },
}

impl L1Error {
    /// True if the same call may succeed later without anybody doing anything.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}

/// An L1 header with its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L1Header {
    /// Block hash, recomputed from the header.
    pub hash: B256,
    /// The header.
    pub header: Header,
}

impl L1Header {
    /// Block number.
    pub fn number(&self) -> u64 {
        self.header.number
    }
}

/// An event and where it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L1Log {
    /// Address, topics, data.
    pub log: Log,
    /// Block number.
    pub block: u64,
    /// Block hash.
    pub block_hash: B256,
    /// Transaction hash.
    pub transaction: B256,
    /// Index of the log in its block.
    pub index: u64,
}

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L1Receipt {
    /// Transaction hash.
    pub transaction: B256,
    /// Block number.
    pub block: u64,
    /// Block hash.
    pub block_hash: B256,
    /// False if it reverted.
    pub success: bool,
    /// Gas.
    pub gas_used: u64,
    /// Wei per gas, blob gas aside.
    pub gas_price: u128,
    /// Blob gas.
    pub blob_gas_used: u64,
    /// Address of a created contract.
    pub created: Option<Address>,
    /// Events.
    pub logs: Vec<Log>,
}

/// Prices of the next block, wei per unit of gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct L1Fees {
    /// Base fee.
    pub base: u128,
    /// Blob base fee.
    pub blob: u128,
    /// What L1 suggests as tip.
    pub tip: u128,
}

/// A call or transaction without signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct L1Call {
    /// Sender.
    pub from: Address,
    /// Target; none creates a contract.
    pub to: Option<Address>,
    /// Wei.
    pub value: U256,
    /// Calldata.
    pub data: Bytes,
    /// Versioned hashes, for calls that read them.
    pub blob_hashes: Vec<B256>,
}

/// Which state to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The newest block.
    Latest,
    /// A block by its number.
    Number(u64),
}

/// L1, as the tasks need it.
pub trait L1: Send + Sync {
    /// Chain id.
    ///
    /// # Errors
    /// All methods: no answer, or not a proper one.
    fn chain_id(&self) -> Result<u64, L1Error>;

    /// The newest block's header.
    ///
    /// # Errors
    /// As above.
    fn head(&self) -> Result<L1Header, L1Error>;

    /// The canonical header of that number, if there is one.
    ///
    /// # Errors
    /// As above.
    fn header(&self, number: u64) -> Result<Option<L1Header>, L1Error>;

    /// All events of these contracts in the blocks `from..=to`, in order.
    ///
    /// # Errors
    /// As above.
    fn logs(&self, addresses: &[Address], from: u64, to: u64) -> Result<Vec<L1Log>, L1Error>;

    /// Executes a call without a transaction.
    ///
    /// # Errors
    /// As above; a revert is [`L1Error::Refused`] with the data returned.
    fn call(&self, call: &L1Call, at: At) -> Result<Bytes, L1Error>;

    /// Gas that a transaction would take.
    ///
    /// # Errors
    /// As [`L1::call`].
    fn estimate_gas(&self, call: &L1Call) -> Result<u64, L1Error>;

    /// Code of an account.
    ///
    /// # Errors
    /// As above.
    fn code(&self, address: Address) -> Result<Bytes, L1Error>;

    /// Wei of an account.
    ///
    /// # Errors
    /// As above.
    fn balance(&self, address: Address) -> Result<U256, L1Error>;

    /// Number of transactions of an account in the newest block's state.
    ///
    /// # Errors
    /// As above.
    fn nonce(&self, address: Address) -> Result<u64, L1Error>;

    /// Prices for the next block.
    ///
    /// # Errors
    /// As above.
    fn fees(&self) -> Result<L1Fees, L1Error>;

    /// Hands over a signed transaction (with its blobs). One that L1 knows already counts as handed over.
    ///
    /// # Errors
    /// As above.
    fn send(&self, raw: &[u8]) -> Result<(), L1Error>;

    /// What became of a transaction, if it is in a block.
    ///
    /// # Errors
    /// As above.
    fn receipt(&self, transaction: B256) -> Result<Option<L1Receipt>, L1Error>;

    /// The blobs of these versioned hashes, which a transaction of the block of that number published; checked
    /// against the hashes.
    ///
    /// # Errors
    /// As above, and blobs that L1 no longer keeps.
    fn blobs(&self, block: u64, transaction: B256, hashes: &[B256]) -> Result<Vec<Box<Blob>>, L1Error>;
}
