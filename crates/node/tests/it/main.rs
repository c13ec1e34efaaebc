//! Tests of the node from outside: its chain, its pool, and its server over real connections.

#![allow(clippy::unwrap_used)]

mod blobs;
mod debug;
mod eth;
mod fees_logs;
mod harness;
mod l2;
mod pool;
mod server;
mod store_chain;
mod vectors;
mod websocket;
