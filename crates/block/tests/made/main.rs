//! Blocks made for cases that captured ones do not have. Their state roots come from an independent trie
//! over the state that the block should lead to, stated account by account.

#![allow(clippy::unwrap_used, missing_docs)]

mod blocks;
#[cfg(feature = "fetch")]
mod fetch;
mod world;

use alloy_primitives::address;
use vellum_block::BlockError;
use world::Made;

fn leads_to_the_stated_state(made: &Made) {
    let outcome = made.execute().unwrap();
    assert!(outcome.transactions.iter().all(|transaction| transaction.success));
    assert_eq!(outcome.public.post_state_root, made.after.root());
    assert_ne!(outcome.public.post_state_root, outcome.public.pre_state_root);
}

#[test]
fn deleted_slots_collapse_branches() {
    leads_to_the_stated_state(&blocks::deletions());
}

#[test]
fn removed_accounts_and_withdrawals() {
    leads_to_the_stated_state(&blocks::removals());
}

#[test]
fn only_a_development_chain_may_lack_the_system_contracts() {
    let made = blocks::empty();
    let outcome = made.execute().unwrap();
    assert_eq!(outcome.public.post_state_root, outcome.public.pre_state_root);
    let result = made.execute_on(1);
    let missing = address!("0x00000961Ef480Eb55e80D19ad83579A64c007002");
    assert!(
        matches!(result, Err(BlockError::NoSystemContract { address }) if address == missing),
        "{result:?}"
    );
}
