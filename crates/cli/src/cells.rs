//! The proving cost of rows: the cost meter.

use vellum_zkvm::{Family, Machine, TABLES};

/// Committed cells of rows, counted by table. Tables that every shard has, and padding, are not in it.
pub(crate) fn cells(machine: &Machine, rows: &[u64; TABLES]) -> u64 {
    // The machine's list of chips begins with the tables that instructions fill.
    let per_row = machine.cells_per_row();
    let own: u64 = per_row.iter().zip(rows).map(|(cells, rows)| *cells as u64 * rows).sum();
    // A row of DIVREM takes one of MUL, which proves its product.
    own + per_row[Family::Mul as usize] as u64 * rows[Family::DivRem as usize]
}
