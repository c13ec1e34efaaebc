//! `cargo xtask contracts`: the Solidity contracts, and real clients against a devnet.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::setup::{self, CONTRACTS};
use crate::shell;

/// Compiles the contracts, runs their tests and compares the committed artifacts with them, or writes these.
pub(crate) fn run(write_artifacts: bool) -> Result<()> {
    setup::npm_packages()?;
    let script = if write_artifacts { "artifacts" } else { "test" };
    shell::run("npm", &["run", "--silent", "--prefix", CONTRACTS, script])
}

/// Compiles the devnet and runs real clients against it.
pub(crate) fn build_and_run_clients() -> Result<()> {
    setup::npm_packages()?;
    shell::build_vellum()?;
    clients()
}

/// forge, cast, viem and ethers against the compiled devnet; one file after the other, for each has a devnet of its own.
///
/// The tests of the command line have compiled it; a build by itself would choose other features and compile all anew.
pub(crate) fn clients() -> Result<()> {
    let folder = shell::root().join(CONTRACTS).join("clients");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let names: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut names = names?;
    names.retain(|name| name.to_string_lossy().ends_with(".test.mjs"));
    names.sort();
    ensure!(!names.is_empty(), "no tests in {}", folder.display());
    for name in &names {
        shell::run("node", &["--test", name.to_str().context("a path that is not UTF-8")?])?;
    }
    Ok(())
}
