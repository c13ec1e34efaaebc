//! Stateless execution of an Ethereum block.
//!
//! In comes a [`BlockInput`]: the block, its parent header with as many ancestors as the block asks for,
//! and a witness (the trie nodes and codes that the block touches). Out comes an [`Outcome`] with the
//! [`PublicValues`] that a proof of this execution commits to, or a named [`BlockError`]. Nothing of the
//! input is believed: hashes bind headers to each other, the witness to the parent's state root, codes to
//! accounts, and the block to its own header.
//!
//! The same code runs natively and in the zkVM: no files, network, clock or threads. With the feature
//! `fetch`, the module `fetch` collects the input of a block from any node's JSON-RPC.
//!
//! Read on in `input` (file format), `execute` (the steps), `state` (what the EVM sees) and `trie`.

#![cfg_attr(not(feature = "fetch"), no_std)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

extern crate alloc;

mod body;
mod builder;
mod error;
mod execute;
#[cfg(feature = "fetch")]
pub mod fetch;
pub mod genesis;
mod header;
mod input;
#[cfg(feature = "l2")]
pub mod l2;
mod public;
mod receipts;
mod rules;
mod sender;
mod state;
pub mod trie;
mod witness;

pub use body::Transaction;
pub use builder::{
    BlockAttributes, BlockBuilder, BuiltBlock, InvalidReason, TransactionError, encode_block, environment,
};
pub use error::BlockError;
pub use execute::{
    Completed, Outcome, Phase, TransactionOutcome, complete, execute, execute_observed, execute_with_changes,
    transaction_hashes,
};
pub use input::{BlockInput, InputError};
pub use public::{PublicValues, PublicValuesError};
pub use rules::Fork;
pub use state::{State, StateChanges, StateError};
pub use witness::NodeSet;
