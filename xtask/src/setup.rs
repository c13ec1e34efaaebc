//! What a fresh machine with rustup, a C compiler and Node lacks. Nothing is done where nothing is missing.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::shell::{GUEST_TARGET, output, root, run, succeeds};

const NODE_MAJOR: u32 = 20;

/// The guest target. rustup only installs by itself where it is allowed to.
pub(crate) fn guest_target() -> Result<()> {
    let libraries = output("rustc", &["--print", "target-libdir", "--target", GUEST_TARGET])?;
    if Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    run("rustup", &["target", "add", GUEST_TARGET])
}

/// clippy and rustfmt.
pub(crate) fn components() -> Result<()> {
    for (subcommand, component) in [("clippy", "clippy"), ("fmt", "rustfmt")] {
        if !succeeds("cargo", &[subcommand, "--version"]) {
            run("rustup", &["component", "add", component])?;
        }
    }
    Ok(())
}

/// The folder of the contracts, whose package.json names all npm packages.
pub(crate) const CONTRACTS: &str = "contracts";

/// The npm packages: the contracts' compiler and test runner, anvil, and the clients that the tests run.
///
/// Exact versions instead of a lock file: npm leaves out of a lock what the registry has no build of for this machine.
pub(crate) fn npm_packages() -> Result<()> {
    let modified =
        |path: &str| fs::metadata(root().join(CONTRACTS).join(path)).and_then(|file| file.modified());
    if let Ok(installed) = modified("node_modules/.package-lock.json")
        && installed >= modified("package.json")?
    {
        return Ok(());
    }
    let version = output("node", &["--version"]).context("the tests need Node 20 or newer")?;
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    let found = version.trim();
    ensure!(
        major.is_some_and(|major: u32| major >= NODE_MAJOR),
        "Node is {found}, the tests need 20 or newer"
    );
    run("npm", &["install", "--prefix", CONTRACTS])
}
