//! `cargo xtask bless` and `check`: the deterministic figures (chip shapes, cycles, cells, proof bytes).
//!
//! A figure is written by the test that computes it, through expect-test; every such test has `snapshot` or `pinned` in its name.
//! Blessing is running these tests with UPDATE_EXPECT set, checking is running them without.

use anyhow::Result;

use crate::{setup, shell};

pub(crate) fn bless() -> Result<()> {
    snapshot_tests(true)?;
    shell::run("git", &["diff", "--stat"])
}

pub(crate) fn check() -> Result<()> {
    snapshot_tests(false)
}

fn snapshot_tests(update: bool) -> Result<()> {
    setup::guest_target()?;
    let mut tests = shell::command("cargo", &["test", "--release", "--tests", "--", "snapshot", "pinned"]);
    tests.env_remove("UPDATE_EXPECT");
    if update {
        tests.env("UPDATE_EXPECT", "1");
    }
    shell::run_command(tests)
}
