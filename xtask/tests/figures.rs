//! Figures of the circuits that should not drift unseen: what a row of each chip costs, and how full the tables of some
//! executions are. `cargo xtask bless` rewrites them.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fmt::Write;
use std::fs;

use expect_test::expect_file;
use vellum_chips::{Machine, ProgramKey, ShardRows, shard_shape};
use vellum_executor::{Limits, Plan};
use vellum_isa::Program;
use vellum_stark::{Entry, Profile};
use vellum_zkvm::{Budget, Work};

/// Elements that one Poseidon2 permutation absorbs.
const RATE: usize = 8;
/// Base-field columns of a quotient.
const QUOTIENT: usize = 8;

fn machine() -> Machine {
    Machine::new(Profile::TestInsecure)
}

#[test]
fn chips_snapshot() {
    let mut table = String::from(
        "Per row: columns (aux and sums are extension columns of four), constraints, interactions, and permutations\n\
         that hash the row's leaves at blow-up 2, a chip alone (tables of one height share leaves).\n\n\
         chip        pre  phase0  main  aux  sums  constraints  local  global  permutations\n",
    );
    for entry in &machine().chip_set().chips {
        let Entry { chip, widths, constraints, local, global, .. } = entry;
        let leaves = [widths.phase0, widths.main, 4 * entry.aux_columns() + 4 * entry.sums(), QUOTIENT];
        let permutations: usize = leaves.iter().map(|columns| 2 * columns.div_ceil(RATE)).sum();
        writeln!(
            table,
            "{:10}{:5}{:8}{:6}{:5}{:6}{constraints:13}{local:7}{global:8}{permutations:14}",
            chip.name(),
            widths.preprocessed,
            widths.phase0,
            widths.main,
            entry.aux_columns(),
            entry.sums(),
        )
        .unwrap();
    }
    expect_file!["../../snapshots/chips.txt"].assert_eq(&table);
}

#[test]
fn cells_snapshot() {
    let machine = machine();
    let block =
        fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/block/testdata/demo.block")).unwrap();
    let rounds = |n: u64| n.to_le_bytes().to_vec();
    let mut table =
        String::from("Committed phase-0 and main cells, default memory; share of each chip in percent.\n");
    for (guest, what, input) in [
        ("alu", "n = 150,000", rounds(150_000)),
        ("fibonacci", "n = 100,000", rounds(100_000)),
        ("sort", "20,000 zeros", vec![0; 20_000]),
        ("keccak256", "20,000 zeros", vec![0; 20_000]),
        ("block", "the demo's", block),
    ] {
        let program = Program::from_elf(vellum_guests::find(guest).unwrap().elf).unwrap();
        let key = ProgramKey::new(&machine, program);
        let work = Work::plan(&machine, &key, &input, Limits::default(), Budget { bytes: 4 << 30 }).unwrap();
        let cells = cells(&machine, &key, work.execution());
        let (cycles, all) = (work.execution().cycles, cells.iter().sum::<u64>());
        let shards = work.execution().shards.len();
        writeln!(
            table,
            "\n{guest}, {what}: {cycles} cycles, {shards} shards, {all} cells, {} per cycle",
            all / cycles
        )
        .unwrap();
        for (entry, cells) in machine.chip_set().chips.iter().zip(&cells).filter(|(_, cells)| **cells > 0) {
            let percent = 100.0 * *cells as f64 / all as f64;
            writeln!(table, "  {:10}{cells:12}{percent:6.1}", entry.chip.name()).unwrap();
        }
    }
    expect_file!["../../snapshots/cells.txt"].assert_eq(&table);
}

/// Cells of each chip's tables in all shards.
fn cells(machine: &Machine, key: &ProgramKey, plan: &Plan) -> Vec<u64> {
    let per_row = machine.cells_per_row();
    let mut cells = vec![0; per_row.len()];
    for shard in &plan.shards {
        let rows = ShardRows {
            tables: shard.rows.map(|rows| rows as usize),
            boundary: shard.boundary as usize,
            init: shard.init.len(),
            code: shard.code as usize,
            is_last: shard.index as usize == plan.shards.len(),
        };
        for (at, height) in shard_shape(key, &rows).log_heights.iter().enumerate() {
            cells[at] += height.map_or(0, |height| (per_row[at] as u64) << height);
        }
    }
    cells
}
