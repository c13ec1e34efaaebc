//! The part of Vellum's `isa` crate that a program needs: call numbers and the memory map.
#![no_std]

pub mod ecall;
pub mod map;

pub use ecall::{HintKind, Precompile};
