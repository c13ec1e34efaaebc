//! What the chips of the instruction families have in common: one event is one row.

use vellum_executor::Event;
use vellum_isa::{Family, RomRow};
use vellum_stark::{Chip, F};

/// A chip that proves one instruction family.
pub trait FamilyChip: Chip {
    /// The family whose events are this chip's rows. Its name is the chip's.
    fn family(&self) -> Family;

    /// Writes all main cells of the row that proves `event`, an execution of the instruction `rom`.
    fn write_row(&self, rom: &RomRow, event: &Event, row: &mut [F]);
}
