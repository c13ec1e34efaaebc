//! One process per measurement; what it reports of itself.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::bench::report::STAGES;
use crate::shell;

/// Hash, r, s and parity of a signature whose signer is 0x7156526fbd7a3c72969b54f64e42c10fbb768c8a.
pub(crate) const SIGNATURE: &str = concat!(
    "456e9aea5e197a1f1af7a3e85a3212fa4049a3ba34c2289b4c860fc0b0c64ef3",
    "9242685bf161793cc25603c231bc2f568eb630ea16aa137d2664ac8038825608",
    "4f8ae3bd7535248d0bd448298cc2e2071e56992d0774dc340c368ae950852ada",
    "01"
);

/// A proof that was made and verified.
pub(crate) struct Run {
    pub(crate) name: String,
    pub(crate) cycles: f64,
    pub(crate) shards: f64,
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_bytes: f64,
    pub(crate) proof_bytes: f64,
    pub(crate) cells: f64,
    pub(crate) fill: f64,
    pub(crate) verify_seconds: f64,
    /// Seconds by stage, in [`STAGES`]' order, set-up first: whatever no other stage accounts for.
    pub(crate) stages: Vec<f64>,
}

impl Run {
    pub(crate) fn rate(&self) -> f64 {
        self.cycles / self.cpu_seconds
    }

    /// From the program's start until the first shard's rows are written.
    pub(crate) fn start_seconds(&self) -> f64 {
        self.stages[..3].iter().sum()
    }

    fn read(name: &str, proven: &Value, verified: &Value) -> Result<Self> {
        let number = |report: &Value, key: &str| {
            report[key].as_f64().with_context(|| format!("{name}: no number {key}"))
        };
        let seconds = number(proven, "seconds")?;
        Ok(Self {
            name: name.to_owned(),
            cycles: number(proven, "cycles")?,
            shards: number(proven, "shards")?,
            seconds,
            cpu_seconds: number(proven, "cpu_seconds")?,
            peak_bytes: number(proven, "peak_rss_bytes")?,
            proof_bytes: number(proven, "proof_bytes")?,
            cells: number(proven, "cells_committed")?,
            fill: number(proven, "fill")?,
            verify_seconds: number(verified, "seconds")?,
            stages: stages(&proven["phases"], seconds)?,
        })
    }
}

fn stages(phases: &Value, seconds: f64) -> Result<Vec<f64>> {
    let phases = phases.as_object().context("no phases")?;
    let unknown = phases.keys().find(|name| STAGES.iter().all(|(stage, _)| stage != name));
    ensure!(unknown.is_none(), "the bench does not know the stage {unknown:?}");
    let mut stages: Vec<f64> =
        STAGES.iter().map(|(stage, _)| phases.get(*stage).and_then(Value::as_f64).unwrap_or(0.0)).collect();
    stages[0] = seconds - stages.iter().sum::<f64>();
    Ok(stages)
}

/// Runs the command line in a folder of its own.
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { folder: tempfile::tempdir().context("no temporary folder")? })
    }

    /// Proves and verifies a bundled program.
    pub(crate) fn guest(&self, guest: &str, input: &[u8], memory: &str) -> Result<Run> {
        let (input, proof) = (self.write(input)?, self.path("proof")?);
        let proven =
            shell::vellum(&["prove", guest, "--input", &input, "--proof", &proof, "--memory", memory])?;
        ensure!(proven["exit_status"] == 0, "{guest} failed");
        // By key: verifying does not need the program.
        let vk = proven["vk"].as_str().context("no key")?;
        Run::read(guest, &proven, &shell::vellum(&["verify", "--proof", &proof, "--vk", vk])?)
    }

    /// Proves and verifies a block file; a relative path starts at the workspace's root.
    pub(crate) fn block(&self, name: &str, file: &str) -> Result<Run> {
        let proof = self.path("proof")?;
        let proven = shell::vellum(&["block", "prove", file, "--proof", &proof])?;
        Run::read(name, &proven, &shell::vellum(&["block", "verify", "--proof", &proof])?)
    }

    /// Instructions per second of an execution without proof.
    pub(crate) fn execution_speed(&self, guest: &str, input: &[u8]) -> Result<f64> {
        let executed = shell::vellum(&["execute", guest, "--input", &self.write(input)?])?;
        let number = |key: &str| executed[key].as_f64().with_context(|| format!("no number {key}"));
        Ok(number("cycles")? / number("seconds")?)
    }

    fn write(&self, input: &[u8]) -> Result<String> {
        fs::write(self.folder.path().join("input"), input)?;
        self.path("input")
    }

    pub(crate) fn path(&self, name: &str) -> Result<String> {
        let path: PathBuf = self.folder.path().join(name);
        path.to_str().map(str::to_owned).context("the temporary folder is not UTF-8")
    }
}
