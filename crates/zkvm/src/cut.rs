//! Where to cut an execution so that the tables are full.
//!
//! A table's height is a power of two, so a shard whose tables are just full costs up to half of one that is a row longer.
//! The execution is counted in blocks; a dynamic programme over block ends finds the cuts with the least cost in committed
//! cells.

use vellum_chips::{Machine, ProgramKey};
use vellum_executor::{INSTRUCTIONS_MAX, Rows, TABLES};
use vellum_isa::Family;
use vellum_stark::LOG_HEIGHT_MIN;

/// Blocks of a shard of the largest size.
const BLOCKS_PER_SHARD: u32 = 256;

/// What tables cost, in committed base-field cells.
pub(crate) struct Costs {
    /// Per row of each table that instructions fill, auxiliary columns included.
    tables: [u64; TABLES],
    /// Per row of the tallest table: Merkle nodes, folds and narrow matrices, measured at about 50 cells.
    tallest: u64,
    /// Per shard: fixed tables, CODE, grinding.
    shard: u64,
}

/// A shard executes up to about this many different instructions.
const CODE_LOG_ROWS: u8 = 15;

impl Costs {
    pub(crate) fn new(machine: &Machine, key: &ProgramKey) -> Self {
        let width: Vec<u64> = machine
            .chip_set()
            .chips
            .iter()
            .map(|e| {
                (e.widths.preprocessed + e.committed_columns() + 4 * e.aux_columns() + 8 * e.sums()) as u64
            })
            .collect();
        let fixed =
            |name: &str| machine.chip_names().iter().position(|n| *n == name).map_or(0, |chip| width[chip]);
        let tables = (fixed("RANGE") + fixed("BYTE")) << 16;
        // How much of a program a shard executes is not known here. The whole of it stands in the last shard only, wherever
        // the cuts are.
        let code = fixed("CODE") << key.vk.program_log_height.min(CODE_LOG_ROWS);
        Self { tables: std::array::from_fn(|f| width[f]), tallest: 50, shard: tables + code + (3 << 20) }
    }

    /// The cost of a shard with these rows.
    pub(crate) fn of(&self, rows: &Rows) -> u64 {
        let mut cost = self.shard;
        let mut tallest = 1 << LOG_HEIGHT_MIN;
        for (f, width) in self.tables.iter().enumerate() {
            // Every DIVREM row takes one of MUL too.
            let extra = if f == Family::Mul as usize { rows[Family::DivRem as usize] } else { 0 };
            let count = rows[f] + extra;
            if count > 0 {
                let height = u64::from(count.next_power_of_two()).max(1 << LOG_HEIGHT_MIN);
                cost += width * height;
                tallest = tallest.max(height);
            }
        }
        cost + self.tallest * tallest
    }
}

/// Rows per block for shards of up to 2^`log_instructions` rows.
pub(crate) fn block_rows(log_instructions: u32) -> u32 {
    (1u32 << log_instructions).min(INSTRUCTIONS_MAX) / BLOCKS_PER_SHARD
}

/// The numbers of executed rows after which to cut.
pub(crate) fn cuts(costs: &Costs, blocks: &[Rows], block_rows: u32) -> Vec<u64> {
    // best[i]: least cost of the first i blocks; from[i]: where their last shard starts.
    let mut best = vec![u64::MAX; blocks.len() + 1];
    let mut from = vec![0usize; blocks.len() + 1];
    best[0] = 0;
    for start in 0..blocks.len() {
        let mut rows = [0u32; TABLES];
        for end in start + 1..=blocks.len().min(start + BLOCKS_PER_SHARD as usize) {
            rows.iter_mut().zip(&blocks[end - 1]).for_each(|(sum, block)| *sum += block);
            let cost = best[start] + costs.of(&rows);
            if cost < best[end] {
                best[end] = cost;
                from[end] = start;
            }
        }
    }
    let mut cuts = vec![];
    let mut at = from[blocks.len()];
    while at > 0 {
        cuts.push(at as u64 * u64::from(block_rows));
        at = from[at];
    }
    cuts.reverse();
    cuts
}
