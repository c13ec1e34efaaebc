//! A deterministic simulation of the rollup: its real tasks over a real L1 chain with the real contracts, in one thread, with
//! crashes around every commit and every message to L1, calls to L1 without an answer, and L1 reorgs that are deeper than the
//! node waits for, in half of which L1 loses the transactions as well. Beside it, scenarios: one situation each.
//!
//! What happens follows from a seed. `VELLUM_SIM_SEED=7 cargo nextest run --release -p vellum-node --test sim` (or `just sim 7`)
//! runs one; without it the seeds from 0 are run, as many as `VELLUM_SIM_SEEDS` says or thirty. What is not simulated yet: the
//! disk itself, the mempool's gossip, several nodes, and proofs (the guest program runs natively, attesters sign its output).
//!
//! Invariants, checked once the faults have stopped:
//! - the chain moves again: everything sealed is committed, proven and final on L1;
//! - no transaction that was sealed or resubmitted is lost, and none is there twice;
//! - every deposit that L1 has arrives once;
//! - each root on L1 is the one that the node has and the one that is derived from L1 alone.

#![allow(clippy::unwrap_used)]

mod faults;
mod parts;
mod world;

use rayon::prelude::*;

const SEEDS: u64 = 30;

#[test]
fn invariants_hold_whatever_the_seed() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match number("VELLUM_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("VELLUM_SIM_SEEDS").unwrap_or(SEEDS),
    };
    let run = |seed| world::World::new(seed).run();
    let summaries: Vec<_> = seeds.into_par_iter().map(run).collect();
    let total = |of: fn(&world::Summary) -> u64| summaries.iter().map(of).sum::<u64>();
    println!(
        "{} seeds: {} effects, {} crashes, {} reorgs, {} deposits, {} transactions, {} batches",
        summaries.len(),
        total(|summary| summary.effects),
        total(|summary| summary.crashes),
        total(|summary| summary.reorgs),
        total(|summary| summary.deposits),
        total(|summary| summary.transactions),
        total(|summary| summary.batches),
    );
    // A simulation in which nothing happens finds nothing.
    let each = summaries.len() as u64;
    assert!(total(|summary| summary.crashes) > 3 * each && total(|summary| summary.reorgs) > each);
    assert!(total(|summary| summary.batches) > 2 * each);
}
