//! Executes an Ethereum block and publishes what it did.
//!
//! Input: a block file (`vellum_block::BlockInput`). Output: `vellum_block::PublicValues`, 152 bytes.
//! A block that is not valid panics with the reason, so it has no successful proof. Marks: one per
//! `vellum_block::Phase`, so that cycles can be told apart by transaction.
#![no_std]
#![no_main]

use vellum_block::{BlockInput, execute_observed};
use vellum_guest_rt::{commit, entry, input, mark};

entry!(main);

fn main() {
    vellum_guest_evm::install();
    let input = match BlockInput::parse(input()) {
        Ok(input) => input,
        Err(error) => panic!("{error}"),
    };
    match execute_observed(&input, |phase| mark(phase.label())) {
        Ok(outcome) => commit(&outcome.public.encode()),
        Err(error) => panic!("{error}"),
    }
}
