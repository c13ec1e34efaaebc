//! A node: a chain of blocks in a store, a mempool, a sequencer that builds blocks, and a JSON-RPC server.
//!
//! The same engine runs the embedded L1 of a development network and the L2; [`chain::Rules`] is the difference. What
//! comes in are requests ([`rpc`]) and time ([`clock`]); what goes out are answers and blocks in a [`store`]. Read on in
//! [`chain`], then [`mempool`] and [`sequencer`].

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod block;
pub mod chain;
pub mod clock;
pub mod evm;
pub mod genesis;
pub mod mempool;
pub mod node;
pub mod rpc;
pub mod sequencer;
pub mod state;
pub mod store;
