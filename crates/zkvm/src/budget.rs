//! How large shards may be under a memory budget.

use std::ops::RangeInclusive;

use vellum_chips::Machine;
use vellum_executor::{DEMAND_MAX, INSTRUCTIONS_MAX, ShardLimits, TABLES};
use vellum_isa::Family;
use vellum_stark::Shape;

/// Smallest budget that proving works with.
pub const MEMORY_MIN_BYTES: u64 = 1 << 29;

/// A memory budget and what it leaves for a shard's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Most resident memory of the process.
    pub bytes: u64,
}

/// The process without tables: code, circuits, the executor's pages for a small program, thread stacks.
const BASE_BYTES: u64 = 96 << 20;

/// What an allocator that keeps freed memory adds: it does not always fit what is allocated next. Measured: up to 27.
const KEPT_PERCENT: u64 = 30;

/// log2 of a shard's instructions: the sizes that an execution is cut by. Times must stay below 2^24, so no budget allows
/// larger ones.
pub const LOG_INSTRUCTIONS: RangeInclusive<u32> = 14..=20;

/// Shards of up to 2^`log_instructions` instructions: every family's table may be as tall. The wide tables of precompiles
/// are held to about as many cells, but to no less than one call.
pub fn shard_limits(machine: &Machine, log_instructions: u32) -> ShardLimits {
    let most = 1u32 << log_instructions;
    let mut rows = [most; TABLES];
    for (table, width) in machine.cells_per_row().into_iter().enumerate().take(TABLES).skip(FAMILIES) {
        let same_cells = most as usize * CELLS_PER_INSTRUCTION / width;
        let same_cells = 1 << same_cells.max(1).ilog2();
        rows[table] = most.min(same_cells).max(DEMAND_MAX.rows[table].next_power_of_two());
    }
    ShardLimits { rows, boundary: most, init: most, instructions: most.min(INSTRUCTIONS_MAX) }
}

const FAMILIES: usize = Family::ALL.len();

/// Committed cells of an instruction on average.
const CELLS_PER_INSTRUCTION: usize = 64;

/// The sizes to try, largest first.
pub(crate) fn sizes() -> impl Iterator<Item = u32> {
    LOG_INSTRUCTIONS.rev()
}

/// Peak bytes of proving a shard of this shape, next to `touched_dwords` of guest memory and a program of `rom_rows`.
pub(crate) fn peak_bytes(machine: &Machine, shape: &Shape, touched_dwords: u64, rom_rows: u64) -> u64 {
    let mut columns_bytes = 0;
    let mut height_sum = 0u64;
    let mut tallest = 0u64;
    for (entry, height) in machine.chip_set().chips.iter().zip(&shape.log_heights) {
        let Some(height) = height else { continue };
        let rows = 1u64 << height;
        let committed = entry.committed_columns() as u64;
        let auxiliary = 4 * (entry.aux_columns() + entry.sums()) as u64;
        let set_up = entry.widths.preprocessed as u64;
        // The rows (4 bytes a cell) live until the auxiliary columns exist, the low-degree extensions (8 bytes a cell)
        // until the end. Auxiliary rows are consumed by their extension.
        columns_bytes += rows * (8 * committed + 12 * auxiliary + 12 * set_up).max(12 * committed);
        height_sum += rows;
        tallest = tallest.max(rows);
    }
    // Merkle nodes: 32 bytes a node, two a row of the extension, four commitments; quotient: 8 columns extended; openings
    // and folds: extension elements on the tallest domain.
    let trees = 4 * 2 * 2 * tallest * 32;
    let quotient = height_sum.min(2 * tallest) * (8 * 8 + 32);
    let openings = tallest * 2 * 16 * 4;
    // One event is about 96 bytes; guest pages and their times are kept twice in pass 2.
    let events = tallest * 96;
    let tables = columns_bytes + trees + quotient + openings + events;
    BASE_BYTES + tables + tables * KEPT_PERCENT / 100 + 32 * touched_dwords + 200 * rom_rows
}
