//! Collecting a block's input from a node, over JSON-RPC that every Ethereum node offers.
//!
//! The block is executed once on a state that asks the node for each account and slot, which tells what
//! the block touches and brings the proofs of it (`remote`). Deletions may need a sibling that no proof
//! contains; those are found afterwards (`siblings`). Nothing the node says is believed: the collected
//! input goes through [`execute`], which checks it against the headers' hashes and roots.

mod remote;
mod rpc;
mod siblings;

use alloy_consensus::{Block, BlockBody, Header};
use alloy_eips::{
    eip2718::Encodable2718,
    eip4895::{Withdrawal, Withdrawals},
};
use alloy_primitives::{B256, keccak256};
use alloy_rlp::Encodable;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    BlockError, BlockInput, Fork, InputError, Outcome, StateError, body,
    execute::{execute, run},
    rules::Chain,
    trie::TrieError,
};
use remote::Remote;
use rpc::{Rpc, malformed};

/// Why a block's input could not be collected.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The node does not answer.
    #[error("cannot reach {url}: {reason}")]
    Unreachable {
        /// The node's address.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The node answers with an error.
    #[error("{method} failed: {message}")]
    Rpc {
        /// The method called.
        method: &'static str,
        /// The node's message.
        message: String,
    },
    /// The node's answer does not have the form that it should have.
    #[error("malformed answer to {method}: {reason}")]
    Malformed {
        /// The method called.
        method: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The node does not have the block.
    #[error("block {0} does not exist")]
    NoBlock(u64),
    /// The first block has no parent whose state it could change.
    #[error("block 0 is the genesis block, which has no execution")]
    Genesis,
    /// The block is of a fork that cannot be executed.
    #[error("block {number} of chain {chain_id} is not a Prague block")]
    UnsupportedFork {
        /// The chain.
        chain_id: u64,
        /// The block.
        number: u64,
    },
    /// The node's proofs do not begin with the parent's state root. Anvil's block 0 is such a parent.
    #[error("the node's state of block {number} does not have the header's state root {state_root}")]
    ParentState {
        /// The parent.
        number: u64,
        /// State root in its header.
        state_root: B256,
    },
    /// The hash of a header or transaction is not the one that the node gives it.
    #[error("{what} has hash {got}, but the node says {expected}")]
    Hash {
        /// Of what.
        what: &'static str,
        /// The node's hash.
        expected: B256,
        /// The hash computed.
        got: B256,
    },
    /// A node beside a deleted entry is needed and could not be found.
    #[error("trie node {hash}, next to a deleted entry, cannot be derived from the node's proofs")]
    Sibling {
        /// Its hash.
        hash: B256,
    },
    /// The input is too large for a file.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The state root of a development chain's block is not that of its state.
    #[error(
        "the state root of block {number} is not that of the state after it: {error}; anvil keeps slots \
         that are zero and accounts that were only read in its tries, and then its blocks are not valid"
    )]
    DevelopmentState {
        /// The block.
        number: u64,
        /// The mismatch.
        error: Box<BlockError>,
    },
    /// The block is not valid with what the node says of the state.
    #[error("the block does not execute on the node's state: {0}")]
    Block(#[from] BlockError),
}

/// A block's input, which has been executed.
#[derive(Debug, Clone)]
pub struct FetchedBlock {
    /// The block file, for [`BlockInput::parse`].
    pub file: Vec<u8>,
    /// What the block does.
    pub outcome: Outcome,
    /// Bytes of trie nodes and codes in the file.
    pub witness_bytes: usize,
}

/// Collects the input of block `number` from the node at `url` and executes it.
pub fn fetch_block(url: &str, number: u64) -> Result<FetchedBlock, FetchError> {
    let rpc = Rpc::new(url);
    let parent_number = number.checked_sub(1).ok_or(FetchError::Genesis)?;
    let chain_id = quantity("eth_chainId", &rpc.call("eth_chainId", json!([]))?)?;
    let (header, answer) = header(&rpc, number, true)?;
    let fork = Fork::at(chain_id, header.timestamp)
        .filter(|_| header.requests_hash.is_some())
        .ok_or(FetchError::UnsupportedFork { chain_id, number })?;
    let block = block_rlp(header, &answer)?;
    let (parent, _) = self::header(&rpc, parent_number, false)?;
    let state_root = parent.state_root;

    let mut remote = Remote::new(&rpc, parent_number);
    let decoded = body::Block::decode(&block)?;
    discover(&decoded, Chain { fork, chain_id }, &mut remote)?;
    if remote.nodes.get(&state_root).is_none() {
        return Err(FetchError::ParentState { number: parent_number, state_root });
    }
    let headers = ancestors(&rpc, parent, remote.oldest_hash_read())?;
    let codes = remote.codes();
    loop {
        let nodes = remote.nodes.depth_first(state_root);
        let input =
            BlockInput { chain_id, fork, block: &block, headers: &headers, nodes: &nodes, codes: &codes };
        match execute(&input) {
            Ok(outcome) => {
                let witness_bytes = nodes.len() + codes.len();
                return Ok(FetchedBlock { file: input.encode()?, outcome, witness_bytes });
            }
            Err(BlockError::State(StateError::Account {
                error: TrieError::Missing { path, hash }, ..
            })) => siblings::find(&mut remote, None, *path, hash)?,
            Err(BlockError::State(StateError::Slot {
                address,
                error: TrieError::Missing { path, hash },
                ..
            })) => siblings::find(&mut remote, Some(address), *path, hash)?,
            Err(error @ BlockError::Header { field: "state root", .. })
                if (Chain { fork, chain_id }).is_development() =>
            {
                return Err(FetchError::DevelopmentState { number, error: error.into() });
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Executes the block on the remote state, so that `remote` knows all that it touches.
fn discover(block: &body::Block<'_>, chain: Chain, remote: &mut Remote<'_>) -> Result<(), FetchError> {
    let mut state = revm::database::State::builder().with_database(&mut *remote).build();
    let result = run(block, chain, &mut state, &mut |_| {});
    drop(state);
    match (remote.take_fault(), result) {
        (Some(fault), _) => Err(fault),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(_)) => Ok(()),
    }
}

/// RLP of the parent's header and those before it, back to block `oldest`.
fn ancestors(rpc: &Rpc, parent: Header, oldest: Option<u64>) -> Result<Vec<u8>, FetchError> {
    let mut rlp = Vec::new();
    parent.encode(&mut rlp);
    for number in (oldest.unwrap_or(parent.number)..parent.number).rev() {
        header(rpc, number, false)?.0.encode(&mut rlp);
    }
    Ok(rlp)
}

/// The header of block `number`, whose hash is checked, and the node's whole answer.
fn header(rpc: &Rpc, number: u64, full: bool) -> Result<(Header, Value), FetchError> {
    const METHOD: &str = "eth_getBlockByNumber";
    let answer = rpc.call(METHOD, json!([hex(number), full]))?;
    if answer.is_null() {
        return Err(FetchError::NoBlock(number));
    }
    let header: Header = parse(METHOD, &answer)?;
    if header.number != number {
        return Err(malformed(METHOD, "another block than asked for"));
    }
    let expected: B256 = parse(METHOD, &answer["hash"])?;
    same_hash("block header", expected, header.hash_slow())?;
    Ok((header, answer))
}

/// The block's RLP from its header and the node's answer with full transactions.
fn block_rlp(header: Header, answer: &Value) -> Result<Vec<u8>, FetchError> {
    const METHOD: &str = "eth_getBlockByNumber";
    let list = answer["transactions"].as_array().ok_or_else(|| malformed(METHOD, "no transactions"))?;
    let mut transactions = Vec::with_capacity(list.len());
    for item in list {
        let transaction: body::Transaction = parse(METHOD, item)?;
        let expected: B256 = parse(METHOD, &item["hash"])?;
        // The decoded transaction remembers the node's hash, so compute it from the bytes.
        same_hash("transaction", expected, keccak256(transaction.encoded_2718()))?;
        transactions.push(transaction);
    }
    let withdrawals: Vec<Withdrawal> = parse(METHOD, &answer["withdrawals"])?;
    let withdrawals = Some(Withdrawals::new(withdrawals));
    let mut rlp = Vec::new();
    Block { header, body: BlockBody { transactions, ommers: Vec::<Header>::new(), withdrawals } }
        .encode(&mut rlp);
    Ok(rlp)
}

fn same_hash(what: &'static str, expected: B256, got: B256) -> Result<(), FetchError> {
    if expected == got { Ok(()) } else { Err(FetchError::Hash { what, expected, got }) }
}

fn parse<T: DeserializeOwned>(method: &'static str, value: &Value) -> Result<T, FetchError> {
    T::deserialize(value).map_err(|error| malformed(method, &error.to_string()))
}

fn quantity(method: &'static str, value: &Value) -> Result<u64, FetchError> {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
    digits
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or_else(|| malformed(method, "not a quantity"))
}

fn hex(number: u64) -> String {
    format!("{number:#x}")
}
