//! `cargo xtask bench`: speed and memory of the release binary, measured on whole processes.
//!
//! Prints tables in Markdown and writes them into docs/benchmarks.md between its markers. How the figures are meant is
//! said there.

mod blocks;
mod host;
mod measure;
mod precompiles;
mod report;

use std::fs;

use anyhow::{Context, Result};

use crate::bench::blocks::BlockRun;
use crate::bench::host::Host;
use crate::bench::measure::{Bench, Run};
use crate::bench::precompiles::Comparison;
use crate::{setup, shell};

/// Rounds of the `alu` guest, ten instructions each: about 1.5, 15 and 60 million cycles.
const ALU_ROUNDS: [u64; 3] = [150_000, 1_500_000, 6_000_000];
/// Runs of the shortest: a process of seconds varies by what else the machine does.
const SHORT_RUNS: usize = 5;
const DOCUMENT: &str = "docs/benchmarks.md";
const BEGIN: &str = "<!-- bench:begin -->\n";
const END: &str = "<!-- bench:end -->\n";

/// All that is measured.
struct Figures {
    host: Host,
    /// The `alu` guest, ever longer; of the first, the median of several runs.
    lengths: Vec<Run>,
    /// The rates of all runs of the first, ascending.
    short_rates: Vec<f64>,
    /// The second of them in shards for 1 GiB.
    small_memory: Run,
    programs: Vec<Run>,
    block: Run,
    /// The first is a hundred transfers of an ERC-20 over a million accounts.
    blocks: Vec<BlockRun>,
    comparisons: Vec<Comparison>,
    /// Executed instructions per second, without proving.
    instructions_per_second: f64,
}

pub(crate) fn run(full: bool) -> Result<()> {
    setup::guest_target()?;
    shell::build_vellum()?;
    let figures = measure(full)?;
    let text = report::markdown(&figures)?;
    println!("{text}");
    let path = shell::root().join(DOCUMENT);
    let document = fs::read_to_string(&path).with_context(|| format!("cannot read {DOCUMENT}"))?;
    fs::write(&path, replace(&document, &text)?).with_context(|| format!("cannot write {DOCUMENT}"))
}

fn measure(full: bool) -> Result<Figures> {
    let mut host = Host::measure()?;
    let bench = Bench::new()?;
    let [short, long, longest] = ALU_ROUNDS.map(u64::to_le_bytes);
    let runs: Result<Vec<_>> = (0..SHORT_RUNS).map(|_| bench.guest("alu", &short, "4GiB")).collect();
    let mut runs = runs?;
    runs.sort_by(|a, b| a.rate().total_cmp(&b.rate()));
    let short_rates = runs.iter().map(Run::rate).collect();
    let mut lengths = vec![runs.swap_remove(SHORT_RUNS / 2), bench.guest("alu", &long, "4GiB")?];
    if full {
        lengths.push(bench.guest("alu", &longest, "4GiB")?);
    }
    let text: Vec<u8> = (0..20_000u32).map(|i| (i.wrapping_mul(0x9e37_79b1) >> 24) as u8).collect();
    let small_memory = bench.guest("alu", &long, "1GiB")?;
    let programs = vec![
        bench.guest("fibonacci", &100_000u64.to_le_bytes(), "4GiB")?,
        bench.guest("keccak256", &text, "4GiB")?,
        bench.guest("sort", &text, "4GiB")?,
        bench.guest("ecrecover", &hex::decode(measure::SIGNATURE)?, "4GiB")?,
    ];
    let block = bench.block("block", "crates/block/testdata/demo.block")?;
    let blocks = blocks::measure(&bench)?;
    let comparisons = precompiles::measure(&bench)?;
    let instructions_per_second = bench.execution_speed("alu", &longest)?;
    host.load_after = host::load();
    Ok(Figures {
        host,
        lengths,
        short_rates,
        small_memory,
        programs,
        block,
        blocks,
        comparisons,
        instructions_per_second,
    })
}

/// The document with the text between its markers replaced.
fn replace(document: &str, text: &str) -> Result<String> {
    let (before, rest) = document.split_once(BEGIN).with_context(|| format!("{DOCUMENT} lacks {BEGIN}"))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("{DOCUMENT} lacks {END}"))?;
    Ok(format!("{before}{BEGIN}\n{}\n\n{END}{after}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, replace};

    #[test]
    fn only_the_text_between_the_markers_changes() {
        let document = format!("head\n{BEGIN}old\n{END}tail\n");
        let expected = format!("head\n{BEGIN}\nnew\n\n{END}tail\n");
        assert_eq!(replace(&document, "new\n").expect("has markers"), expected);
        assert!(replace("no markers", "new").is_err());
    }
}
