//! What a guest program stands on: the input region comes in, committed bytes and an exit status go out.
//!
//! A guest is a `no_std` binary for `riscv64imac-unknown-none-elf`:
//!
//! ```text
//! #![no_std]
//! #![no_main]
//! vellum_guest_rt::entry!(main);
//!
//! fn main() {
//!     let input = vellum_guest_rt::input();
//!     vellum_guest_rt::commit(&vellum_guest_rt::keccak256(input));
//! }
//! ```
//!
//! No linker script and no link argument is needed: the linker's default layout for this target has separate
//! read-only, executable and writable segments from 0x10000 up, and the heap starts where they end.
//! Environment calls and the memory map have their one home in `vellum_isa::{ecall, map}`.
//! Read next: `input`, `output`, `heap`.
#![no_std]
#![allow(unsafe_code, reason = "the boundary between a program and the machine")]

mod c_api;
mod call;
mod compare;
mod debug;
pub mod ecdsa;
mod heap;
mod input;
mod keccak;
mod memory;
mod output;
mod precompile;
mod secp256k1;
mod sha256;
mod start;

pub use call::mark;
pub use debug::Console;
pub use input::input;
pub use keccak::{Keccak256, keccak256};
pub use output::{commit, exit};
pub use precompile::{hint, secp256k1_add, secp256k1_double, u256_mul_add, u256_mul_mod, u256_sub};
pub use secp256k1::recover;
pub use sha256::{Sha256, sha256};
pub use vellum_isa::HintKind;
