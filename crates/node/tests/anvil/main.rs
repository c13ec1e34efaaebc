//! The node's L1 side against anvil. It comes with the contracts' packages: `npm ci` in contracts/, or name the binary in
//! `VELLUM_ANVIL`.

#![allow(clippy::unwrap_used)]

mod deploy;
mod harness;
mod sender;
mod watcher;
