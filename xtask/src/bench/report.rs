//! Figures → Markdown.

use std::fmt::{Error, Write};

use crate::bench::Figures;
use crate::bench::blocks;
use crate::bench::measure::Run;
use crate::bench::precompiles;

/// Stages as `vellum prove --json` names them, in order, and what they do. The first is the rest of the process.
pub(crate) const STAGES: [(&str, &str); 13] = [
    ("set-up", "load the program, commit to fixed tables, ROM and image"),
    ("plan", "execute, find the cuts"),
    ("commit boundaries", "execute again, commit to phase-0 columns, grind for the global challenge"),
    ("execute", "execute once more, record events"),
    ("rows", "events → rows, count lookups"),
    ("commit trace", "low-degree extension and Merkle tree of phase-0 and main columns"),
    ("grind", "local lookup challenges, ζ"),
    ("auxiliary columns", "LogUp fractions and running sums"),
    ("commit auxiliary", "their extension and tree"),
    ("quotient", "constraints on the extended domain, and its extension"),
    ("commit quotient", "tree"),
    ("open", "openings and FRI, with its grinding"),
    ("write", "the proof file"),
];

const COMMIT_TRACE: usize = 5;

pub(crate) fn markdown(figures: &Figures) -> Result<String, Error> {
    let mut text = String::new();
    machine(&mut text, figures)?;
    targets(&mut text, figures)?;
    lengths(&mut text, figures)?;
    time(&mut text, figures)?;
    programs(&mut text, figures)?;
    blocks::report(&mut text, &figures.blocks)?;
    precompiles::report(&mut text, &figures.comparisons)?;
    Ok(text)
}

/// Time of a cycle in permutation times.
fn permutations(figures: &Figures, run: &Run) -> f64 {
    1e9 / run.rate() / figures.host.permutation_nanoseconds
}

fn machine(text: &mut String, figures: &Figures) -> Result<(), Error> {
    let host = &figures.host;
    writeln!(text, "## The machine\n")?;
    writeln!(text, "{}, {} hardware threads; {}.", host.model, host.threads, host.date)?;
    writeln!(
        text,
        "Load average before the run: {}, at its end: {}, of which the run itself is about 2. One Poseidon2 permutation per lane: {:.1} ns. Release profile, `target-cpu=native`, \
         profile `standard`.\n",
        host.load_before, host.load_after, host.permutation_nanoseconds
    )
}

fn targets(text: &mut String, figures: &Figures) -> Result<(), Error> {
    let [short, long, ..] = &figures.lengths[..] else { return Err(Error) };
    let [slowest, .., fastest] = &figures.short_rates[..] else { return Err(Error) };
    let [transfers, ..] = &figures.blocks[..] else { return Err(Error) };
    let [keccak, ..] = &figures.comparisons[..] else { return Err(Error) };
    let scale = 49.0 / figures.host.permutation_nanoseconds;
    let largest = figures.lengths.iter().chain(&figures.programs).chain([&figures.block]);
    let largest = largest.map(|run| run.peak_bytes).fold(0.0, f64::max);
    let rows = [
        (
            "prove, ALU loop of 1.5 M cycles, shard proofs: cycles per CPU-second",
            "150,000",
            "210,000",
            format!(
                "{} ({} at 49 ns); median of {} runs, {} to {}",
                thousands(short.rate()),
                thousands(short.rate() / scale),
                figures.short_rates.len(),
                thousands(*slowest),
                thousands(*fastest)
            ),
        ),
        (
            "the same in permutation times per cycle",
            "136",
            "97",
            format!("{:.0}", permutations(figures, short)),
        ),
        (
            "peak memory, any program length",
            "at most `--memory`, default 4 GiB, works with 1 GiB",
            "2 GiB by default",
            format!(
                "{} MiB by default, {} MiB with 1 GiB",
                mib(largest),
                mib(figures.small_memory.peak_bytes)
            ),
        ),
        (
            "verify one shard proof",
            "60 ms",
            "40 ms",
            format!(
                "{:.0} ms ({:.0} shards, start included)",
                1e3 * long.verify_seconds / long.shards,
                long.shards
            ),
        ),
        (
            "fast execution, instructions per second",
            "100 M",
            "300 M",
            format!("{:.0} M", figures.instructions_per_second / 1e6),
        ),
        (
            "program start to first proven row (1.5 M cycles)",
            "2 s",
            "1 s",
            format!("{:.2} s", short.start_seconds()),
        ),
        (
            "ERC-20 transfer over 1 M accounts: instructions, with its share of the block",
            "130,000",
            "100,000",
            thousands(transfers.cycles_per_transaction()),
        ),
        (
            "block of 100 of them, shard proofs: CPU-seconds",
            "120",
            "90",
            format!("{:.0} ({:.0} at 49 ns)", transfers.run.cpu_seconds, transfers.run.cpu_seconds * scale),
        ),
        (
            "keccak-f in a program, per CPU-second",
            "300",
            "400",
            format!("{:.0} ({:.0} at 49 ns)", keccak.rate(), keccak.rate() / scale),
        ),
    ];
    writeln!(text, "## Targets\n\n| what | must | aim | measured |\n|---|---|---|---|")?;
    for (what, must, aim, measured) in rows {
        writeln!(text, "| {what} | {must} | {aim} | {measured} |")?;
    }
    writeln!(text)
}

fn lengths(text: &mut String, figures: &Figures) -> Result<(), Error> {
    writeln!(text, "## Cost against length\n")?;
    writeln!(text, "The same loop, longer; the last line with `--memory 1GiB`.\n")?;
    table(text, figures, figures.lengths.iter().chain([&figures.small_memory]))
}

fn programs(text: &mut String, figures: &Figures) -> Result<(), Error> {
    writeln!(text, "## Programs\n")?;
    writeln!(
        text,
        "`block` is the demo's: a real block of 54 transactions; its verification computes the guest's key first, the others are given \
         the key.\n"
    )?;
    table(text, figures, figures.programs.iter().chain([&figures.block]))
}

fn table<'a>(text: &mut String, figures: &Figures, runs: impl Iterator<Item = &'a Run>) -> Result<(), Error> {
    writeln!(
        text,
        "| program | cycles | shards | seconds | CPU-seconds | cycles per CPU-second | permutation times per cycle | \
         peak MiB | cells per cycle | fill | proof bytes | verify, seconds |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
    )?;
    for run in runs {
        writeln!(
            text,
            "| {} | {} | {} | {:.1} | {:.1} | {} | {:.0} | {} | {:.0} | {:.2} | {} | {:.2} |",
            run.name,
            thousands(run.cycles),
            run.shards,
            run.seconds,
            run.cpu_seconds,
            thousands(run.rate()),
            permutations(figures, run),
            mib(run.peak_bytes),
            run.cells / run.cycles,
            run.fill,
            thousands(run.proof_bytes),
            run.verify_seconds,
        )?;
    }
    writeln!(text)
}

fn time(text: &mut String, figures: &Figures) -> Result<(), Error> {
    let [short, long, ..] = &figures.lengths[..] else { return Err(Error) };
    writeln!(text, "## Where the time goes\n")?;
    writeln!(
        text,
        "ALU loop, percent of the seconds of the process; stages are `phases` of `vellum prove --json`. Permutation times take a \
         stage's share of the CPU-seconds to be its share of the seconds.\n"
    )?;
    writeln!(
        text,
        "| stage | what it does | 1.5 M cycles | permutation times per cycle | 15 M cycles | permutation times per cycle |"
    )?;
    writeln!(text, "|---|---|---|---|---|---|")?;
    for (at, (stage, what)) in STAGES.iter().enumerate() {
        write!(text, "| {stage} | {what} |")?;
        for run in [short, long] {
            let share = run.stages[at] / run.seconds;
            write!(text, " {:.1} % | {:.1} |", 100.0 * share, share * permutations(figures, run))?;
        }
        writeln!(text)?;
    }
    let commit = long.rate() * long.seconds / long.stages[COMMIT_TRACE];
    writeln!(
        text,
        "\nCells, constraints, interactions and hashes of each chip: [snapshots/chips.txt](../snapshots/chips.txt). Extension \
         and hashing of the trace alone would run at {} cycles per CPU-second on 15 M cycles: proving takes {:.1} times as \
         long. The limit to compare with, main columns only, is about 1.7 M.\n",
        thousands(commit),
        commit / long.rate()
    )
}

pub(crate) fn mib(bytes: f64) -> String {
    format!("{:.0}", bytes / f64::from(1 << 20))
}

/// A whole number with commas.
pub(crate) fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let groups: Vec<&str> = {
        let first = digits.len() % 3;
        let (head, tail) = digits.split_at(first);
        let tail = (0..tail.len()).step_by(3).map(|at| &tail[at..at + 3]);
        [head].into_iter().filter(|head| !head.is_empty()).chain(tail).collect()
    };
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn numbers_have_commas() {
        let shown = [0.0, 999.4, 1000.0, 123_456.0, 1_234_567.0].map(thousands);
        assert_eq!(shown, ["0", "999", "1,000", "123,456", "1,234,567"]);
    }
}
