//! A node: a chain of blocks in a store, a mempool, a sequencer that builds blocks, and a JSON-RPC server.
//!
//! The same engine runs the embedded L1 of a development network and the L2; [`chain::Rules`] is the difference. What
//! comes in are requests ([`rpc`]) and time ([`clock`]); what goes out are answers and blocks in a [`store`]. Read on in
//! [`chain`], then [`mempool`] and [`sequencer`].

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod attest;
pub mod batch;
pub mod batcher;
pub mod block;
pub mod bridge;
pub mod chain;
pub mod clock;
pub mod config;
pub mod contracts;
pub mod coordinator;
pub mod deploy;
pub mod devnet;
pub mod evm;
pub mod finalizer;
pub mod genesis;
pub mod guest;
pub mod keys;
pub mod kzg;
pub mod l1;
pub mod l1_watcher;
pub mod l2;
pub mod l2_node;
pub mod l2_spec;
pub mod mempool;
pub mod metrics;
pub mod node;
pub mod primitives;
pub mod prover;
pub mod reconstruct;
pub mod records;
pub mod rollup;
pub mod rpc;
pub mod running;
pub mod sequencer;
mod siblings;
pub mod state;
pub mod step;
pub mod store;
pub mod tasks;
