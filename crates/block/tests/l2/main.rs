//! The rollup's chain: blocks, codec, derivation and batches.

#![allow(clippy::unwrap_used, missing_docs)]

mod abi;
mod batches;
mod blobs;
mod blocks;
mod demo;
mod hostile;
mod payloads;
mod sizes;
mod world;
