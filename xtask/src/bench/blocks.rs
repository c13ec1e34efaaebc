//! Blocks that differ in what their cost comes from: what the cost meter says of each against what proving it takes.

use std::fmt::{Error, Write};
use std::fs;

use anyhow::{Context, Result};

use crate::bench::measure::{Bench, Run};
use crate::bench::report::{mib, thousands};
use crate::shell;

/// Names in crates/block/examples/blocks. The first is what the targets are about.
const BLOCKS: [&str; 10] = [
    "erc20",
    "ether-small-state",
    "deployments",
    "storage",
    "hashing",
    "arithmetic",
    "signatures",
    "copies-and-logs",
    "calls",
    "mixed",
];

/// A block that was executed, proven and verified.
pub(crate) struct BlockRun {
    pub(crate) run: Run,
    pub(crate) transactions: f64,
    /// What `vellum block execute` says the block costs.
    predicted_cells: f64,
}

impl BlockRun {
    /// Instructions per transaction, with a share of everything that is done once per block.
    pub(crate) fn cycles_per_transaction(&self) -> f64 {
        self.run.cycles / self.transactions
    }

    fn seconds_per_cell(&self) -> f64 {
        self.run.cpu_seconds / self.predicted_cells
    }
}

pub(crate) fn measure(bench: &Bench) -> Result<Vec<BlockRun>> {
    let folder = bench.path("blocks")?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {folder}"))?;
    let example = ["run", "--release", "--package", "vellum-block", "--example", "blocks", "--", &folder];
    shell::run("cargo", &[&example[..], &BLOCKS].concat())?;
    let runs = BLOCKS.iter().map(|name| {
        let file = format!("{folder}/{name}.block");
        let executed = shell::vellum(&["block", "execute", &file])?;
        let predicted_cells = executed["cells"].as_f64().with_context(|| format!("{name}: no cells"))?;
        let transactions = executed["transactions"].as_array().context("no transactions")?.len() as f64;
        Ok(BlockRun { run: bench.block(name, &file)?, transactions, predicted_cells })
    });
    runs.collect()
}

pub(crate) fn report(text: &mut String, blocks: &[BlockRun]) -> Result<(), Error> {
    writeln!(text, "## Blocks, and the cost meter\n")?;
    writeln!(
        text,
        "Made by `cargo run --example blocks`: each has transactions of another kind over a state of another size. Cells are those that \
         `vellum block execute` reports without proving.\n"
    )?;
    writeln!(
        text,
        "| block | transactions | cycles | cycles per transaction | cells by the meter | cells committed | CPU-seconds | \
         CPU-nanoseconds per cell of the meter | peak MiB |\n|---|---|---|---|---|---|---|---|---|"
    )?;
    for block in blocks {
        let run = &block.run;
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {:.1} | {:.1} | {} |",
            run.name,
            block.transactions,
            thousands(run.cycles),
            thousands(block.cycles_per_transaction()),
            thousands(block.predicted_cells),
            thousands(run.cells),
            run.cpu_seconds,
            1e9 * block.seconds_per_cell(),
            mib(run.peak_bytes),
        )?;
    }
    let points: Vec<_> = blocks.iter().map(|block| (block.predicted_cells, block.run.cpu_seconds)).collect();
    let ratios: Vec<_> = blocks.iter().map(BlockRun::seconds_per_cell).collect();
    writeln!(
        text,
        "\nCorrelation of the meter's cells with CPU-seconds: {:.4}. The block that the meter is most wrong about takes {:.2} times as long \
         as the median's rate says, or is as much faster.\n",
        correlation(&points),
        worst_ratio(ratios)
    )
}

/// Pearson's coefficient.
fn correlation(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean_x = points.iter().map(|point| point.0).sum::<f64>() / count;
    let mean_y = points.iter().map(|point| point.1).sum::<f64>() / count;
    let sum = |f: fn(f64, f64) -> f64| points.iter().map(|(x, y)| f(x - mean_x, y - mean_y)).sum::<f64>();
    sum(|x, y| x * y) / (sum(|x, _| x * x) * sum(|_, y| y * y)).sqrt()
}

/// The largest factor between a value and the median.
fn worst_ratio(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let median = values[values.len() / 2];
    values.iter().map(|value| (value / median).max(median / value)).fold(1.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::{correlation, worst_ratio};

    #[test]
    fn statistics_of_known_points() {
        assert!((correlation(&[(1.0, 3.0), (2.0, 5.0), (4.0, 9.0)]) - 1.0).abs() < 1e-12);
        assert!((correlation(&[(1.0, 1.0), (2.0, -1.0), (3.0, 1.0)])).abs() < 1e-12);
        assert!((worst_ratio(vec![1.0, 0.5, 1.2]) - 2.0).abs() < 1e-12);
    }
}
