//! Executes a range of the rollup's batches and publishes where they lead.
//!
//! Input: a batch file (`vellum_block::l2::BatchInput`). Output: `vellum_block::l2::PublicOutput`, ABI-encoded.
//! A faulty input panics with the reason, so it has no successful proof; what a batch's blobs contain is no fault of the
//! input, because any bytes define a chain. Marks: one per `vellum_block::l2::BatchPhase`.
#![no_std]
#![no_main]

use vellum_block::l2::{BatchInput, execute_batches_observed};
use vellum_guest_rt::{commit, entry, input, mark, u256_mul_mod};

entry!(main);

fn main() {
    vellum_guest_evm::install();
    let input = match BatchInput::parse(input()) {
        Ok(input) => input,
        Err(error) => panic!("{error}"),
    };
    match execute_batches_observed(&input, u256_mul_mod, |phase| mark(phase.label())) {
        Ok(output) => commit(&output.encode()),
        Err(error) => panic!("{error}"),
    }
}
