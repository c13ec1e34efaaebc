//! The built binary as scripts see it: exit codes, JSON keys, files left behind.
#![allow(clippy::unwrap_used)]

mod bad_input;
mod block;
mod commands;
mod failures;
mod harness;
mod interrupt;
mod project;
mod rollup;
