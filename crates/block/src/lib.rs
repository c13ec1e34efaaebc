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
mod build;
mod error;
mod execute;
#[cfg(feature = "fetch")]
pub mod fetch;
mod header;
mod input;
mod public;
mod receipts;
mod rules;
mod sender;
mod state;
pub mod trie;
mod witness;

pub use build::{Attributes, BlockBuilder, BuildError, Built, encode_block, environment, next_header};
pub use error::BlockError;
pub use execute::{
    Outcome, Phase, TransactionOutcome, execute, execute_for_changes, execute_observed, execute_with_changes,
    transaction_hashes,
};
pub use input::{BlockInput, InputError};
pub use public::{PublicValues, PublicValuesError};
pub use rules::Fork;
pub use state::{Changes, StateError};
pub use witness::NodeSet;
