//! `cargo xtask demo`: from a fresh clone to a verified proof, and to a rollup whose withdrawal is final on L1.

use anyhow::Result;

use crate::{setup, shell};

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    setup::guest_target()?;
    // The same profile as the tests: whoever runs both compiles once.
    let mut demo = shell::command("cargo", &["run", "--release", "--bin", "vellum", "--", "demo"]);
    demo.args(arguments);
    shell::run_command(demo)?;
    // A rollup from the first deposit to a withdrawal that L1 pays out, with real proofs.
    shell::run("target/release/vellum", &["devnet", "--demo", "--l1-port", "0", "--l2-port", "0"])
}
