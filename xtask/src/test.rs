//! `cargo xtask test`: every check, the fast ones first.
//!
//! Everything is compiled in the release profile, which `cargo xtask demo` uses too. `tidy` runs as a test of this
//! crate.

use anyhow::Result;

use crate::shell::{self, GUEST_TARGET};
use crate::{guests, setup};

/// Read by the tests that sweep: set, they sweep completely.
const FULL: &str = "VELLUM_TEST_FULL";

pub(crate) fn run(full: bool) -> Result<()> {
    setup::guest_target()?;
    setup::components()?;
    setup::npm_packages()?;
    shell::run("cargo", &["fmt", "--all", "--check"])?;
    shell::run("cargo", &["clippy", "--release", "--all-targets", "--", "-Dwarnings"])?;
    let mut guest_lints = shell::command("cargo", &["clippy", "--release", "--target", GUEST_TARGET]);
    guest_lints.args(guests::packages()?.iter().flat_map(|package| ["--package", package]));
    guest_lints.args(["--", "-Dwarnings"]);
    shell::run_command(guest_lints)?;
    tests(full)?;
    let mut documents =
        shell::command("cargo", &["doc", "--release", "--no-deps", "--document-private-items"]);
    documents.env("RUSTDOCFLAGS", "-Dwarnings");
    shell::run_command(documents)?;
    guests::run(true)
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
