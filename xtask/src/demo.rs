//! `cargo xtask demo`: from a fresh clone to a verified proof.

use anyhow::Result;

use crate::{setup, shell};

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    setup::guest_target()?;
    // The same profile as the tests: whoever runs both compiles once.
    let mut demo = shell::command("cargo", &["run", "--release", "--bin", "vellum", "--", "demo"]);
    demo.args(arguments);
    shell::run_command(demo)
}
