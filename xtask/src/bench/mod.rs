//! `cargo xtask bench`: speed and memory of the release binary, measured on whole processes.
//!
//! Prints a table in Markdown. A rate is cycles per CPU-second: user + system of the whole `vellum prove` process.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{setup, shell};

/// Rounds of the `alu` guest, ten instructions each: about 1.5, 15 and 60 million cycles.
const ALU_ROUNDS: [u64; 3] = [150_000, 1_500_000, 6_000_000];

pub(crate) fn run() -> Result<()> {
    setup::guest_target()?;
    shell::run("cargo", &["build", "--release", "--bin", "vellum"])?;
    let folder = tempfile::tempdir().context("no temporary folder")?;
    println!(
        "| program | cycles | shards | seconds | cycles per CPU-second | peak MiB | proof bytes | verify s |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for rounds in ALU_ROUNDS {
        prove(folder.path(), "alu", &rounds.to_le_bytes())?;
    }
    Ok(())
}

/// Proves and verifies one bundled program and prints its line of the table.
fn prove(folder: &Path, guest: &str, input: &[u8]) -> Result<()> {
    let (input_file, proof_file) = (folder.join("input"), folder.join("proof"));
    fs::write(&input_file, input)?;
    let input_file = input_file.to_str().context("the temporary folder is not UTF-8")?;
    let proof_file = proof_file.to_str().context("the temporary folder is not UTF-8")?;
    let proven = vellum(&["prove", guest, "--input", input_file, "--proof", proof_file])?;
    let verified = vellum(&["verify", "--proof", proof_file, "--program", guest])?;
    let number = |report: &Value, key: &str| report[key].as_f64().with_context(|| format!("no number {key}"));
    let cycles = number(&proven, "cycles")?;
    println!(
        "| {guest} | {cycles} | {} | {:.1} | {:.0} | {:.0} | {} | {:.2} |",
        number(&proven, "shards")?,
        number(&proven, "seconds")?,
        cycles / number(&proven, "cpu_seconds")?,
        number(&proven, "peak_rss_bytes")? / f64::from(1 << 20),
        number(&proven, "proof_bytes")?,
        number(&verified, "seconds")?,
    );
    Ok(())
}

fn vellum(arguments: &[&str]) -> Result<Value> {
    let binary = shell::root().join("target/release/vellum");
    let binary = binary.to_str().context("the workspace's path is not UTF-8")?;
    let text = shell::output(binary, &[arguments, &["--json"]].concat())?;
    serde_json::from_str(&text).with_context(|| format!("`vellum {}` did not print JSON", arguments[0]))
}
