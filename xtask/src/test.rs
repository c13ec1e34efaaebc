//! `cargo xtask test`: every check, the fast ones first.
//!
//! Everything is compiled in the release profile, which `cargo xtask demo` uses too. `tidy` runs as a test of this
//! crate.

use std::process::Command;

use anyhow::Result;

use crate::conformance::{self, Part};
use crate::shell::{self, GUEST_TARGET};
use crate::{contracts, guests, setup};

/// Read by the tests that sweep: set, they sweep completely.
const FULL: &str = "VELLUM_TEST_FULL";

/// Whether the environment asks for complete sweeps.
pub(crate) fn full() -> bool {
    std::env::var_os(FULL).is_some()
}

pub(crate) fn run(full: bool) -> Result<()> {
    setup::guest_target()?;
    setup::components()?;
    setup::npm_packages()?;
    shell::run("cargo", &["fmt", "--all", "--check"])?;
    shell::run("cargo", &["clippy", "--release", "--all-targets", "--", "-Dwarnings"])?;
    on_guests("clippy", &["--", "-Dwarnings"])?;
    contracts::run(false)?;
    tests(full)?;
    contracts::clients()?;
    let documents = ["doc", "--release", "--no-deps", "--document-private-items"];
    shell::run_command(strict(shell::command("cargo", &documents)))?;
    on_guests("doc", &["--no-deps", "--document-private-items"])?;
    guests::run(true)?;
    if full { every_conformance_test() } else { Ok(()) }
}

/// What lies beside the repository; somebody who has only the repository has nothing to run here.
fn every_conformance_test() -> Result<()> {
    for part in [Part::Signatures, Part::Proofs, Part::Blocks] {
        if part.folder().is_dir() {
            conformance::run(part, true)?;
        }
    }
    Ok(())
}

/// A subcommand of cargo for the guest packages, which only compile for their own target.
fn on_guests(subcommand: &str, arguments: &[&str]) -> Result<()> {
    let mut cargo = shell::command("cargo", &[subcommand, "--release", "--target", GUEST_TARGET]);
    cargo.args(guests::packages()?.iter().flat_map(|package| ["--package", package]));
    cargo.args(arguments);
    shell::run_command(strict(cargo))
}

/// Documents without dead links; those to private items are alive, because private items are documented.
fn strict(mut cargo: Command) -> Command {
    cargo.env("RUSTDOCFLAGS", "-Dwarnings -Arustdoc::private-intra-doc-links");
    cargo
}

fn tests(full: bool) -> Result<()> {
    let nextest = shell::succeeds("cargo", &["nextest", "--version"]);
    let runs: &[&[&str]] = if nextest {
        &[&["nextest", "run", "--release", "--no-fail-fast"], &["test", "--release", "--doc"]]
    } else {
        &[&["test", "--release", "--no-fail-fast"]]
    };
    for arguments in runs {
        let mut tests = shell::command("cargo", arguments);
        if full {
            tests.env(FULL, "1");
        }
        shell::run_command(tests)?;
    }
    Ok(())
}
