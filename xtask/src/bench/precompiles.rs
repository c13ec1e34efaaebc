//! What a precompile costs against the same work in software, inside the same machine: differences of two runs of guest/bench.

use std::fmt::{Error, Write};

use anyhow::{Context, Result};

use crate::bench::measure::Bench;
use crate::bench::report::thousands;
use crate::shell::{self, GUEST_TARGET};

/// What guest/bench does: name, repetitions by precompile, in software.
const WORK: [(&str, u64, u64); 5] = [
    ("keccak256 of 100 bytes (one permutation)", 16_000, 100),
    ("ecrecover", 40, 1),
    ("SHA-256 of 55 bytes (one block)", 1000, 200),
    ("copy of 1 KiB, aligned", 4000, 2000),
    ("multiplication modulo a 256-bit number", 20_000, 500),
];

/// The cost of doing something once.
struct Cost {
    cycles: f64,
    cells: f64,
    cpu_seconds: f64,
}

/// By precompile and in software.
pub(crate) struct Comparison {
    name: &'static str,
    precompile: Cost,
    software: Cost,
}

impl Comparison {
    /// How often a CPU-second does it by the precompile.
    pub(crate) fn rate(&self) -> f64 {
        1.0 / self.precompile.cpu_seconds
    }
}

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Comparison>> {
    let folder = "target/guest-bench";
    let package = ["build", "--package", "vellum-guest-bench", "--profile", "guest"];
    shell::run("cargo", &[&package[..], &["--target", GUEST_TARGET, "--target-dir", folder]].concat())?;
    let elf = format!("{folder}/{GUEST_TARGET}/guest/vellum-guest-bench");
    let comparisons = (0..).zip(WORK).map(|(what, (name, few, more))| {
        let precompile = cost(bench, &elf, [what, 0], few)?;
        Ok(Comparison { name, precompile, software: cost(bench, &elf, [what, 1], more)? })
    });
    comparisons.collect()
}

/// The difference between n times and not at all, over n.
fn cost(bench: &Bench, elf: &str, choice: [u8; 2], n: u64) -> Result<Cost> {
    let run = |n: u64| -> Result<Cost> {
        let input = [&choice[..], &n.to_le_bytes()].concat();
        let run = bench.guest(elf, &input, "4GiB")?;
        let profile = shell::vellum(&["profile", elf, "--input", &bench.path("input")?])?;
        let functions = profile["functions"].as_array().context("no functions")?;
        let cells = functions.iter().filter_map(|function| function["cells"].as_f64()).sum();
        Ok(Cost { cycles: run.cycles, cells, cpu_seconds: run.cpu_seconds })
    };
    let (none, all) = (run(0)?, run(n)?);
    let each = |all: f64, none: f64| (all - none) / n as f64;
    Ok(Cost {
        cycles: each(all.cycles, none.cycles),
        cells: each(all.cells, none.cells),
        cpu_seconds: each(all.cpu_seconds, none.cpu_seconds),
    })
}

pub(crate) fn report(text: &mut String, comparisons: &[Comparison]) -> Result<(), Error> {
    writeln!(text, "## Precompiles against software\n")?;
    writeln!(
        text,
        "[guest/bench](../guest/bench/src/main.rs) does one thing many times; figures are for once, the loop around it included. Software is \
         sha3, k256, sha2, a loop over dwords, and ruint, compiled for the machine. Cells are by the meter.\n"
    )?;
    writeln!(
        text,
        "| once | instructions | cells | per CPU-second | in software: instructions | cells | per CPU-second | ratio of CPU-seconds |\n\
         |---|---|---|---|---|---|---|---|"
    )?;
    for comparison in comparisons {
        let Comparison { name, precompile, software } = comparison;
        writeln!(
            text,
            "| {name} | {} | {} | {} | {} | {} | {} | {:.1} |",
            thousands(precompile.cycles),
            thousands(precompile.cells),
            thousands(comparison.rate()),
            thousands(software.cycles),
            thousands(software.cells),
            thousands(1.0 / software.cpu_seconds),
            software.cpu_seconds / precompile.cpu_seconds,
        )?;
    }
    writeln!(text)
}
