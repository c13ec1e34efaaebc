//! The proving cost of executed rows.

use vellum_zkvm::{Machine, TABLES};

/// Committed cells of rows, counted by table.
pub(crate) fn cells(machine: &Machine, rows: &[u64; TABLES]) -> u64 {
    // The machine's list of chips begins with the tables that instructions fill.
    machine.cells_per_row().iter().zip(rows).map(|(cells, rows)| *cells as u64 * rows).sum()
}
