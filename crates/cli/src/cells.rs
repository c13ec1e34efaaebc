//! The proving cost of executed rows.

use vellum_zkvm::{Family, Machine};

/// Number of instruction families.
pub(crate) const FAMILIES: usize = Family::ALL.len();

/// Committed cells of executed rows, counted by `Family as usize`.
pub(crate) fn cells(machine: &Machine, rows: &[u64; FAMILIES]) -> u64 {
    // The machine's list of chips begins with the families.
    machine.cells_per_row().iter().zip(rows).map(|(cells, rows)| *cells as u64 * rows).sum()
}
