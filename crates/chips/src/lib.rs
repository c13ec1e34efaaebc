//! The circuits of the machine: one chip, one file. Shards of events in, a machine proof out.
//!
//! Read `buses`, then `access` (how a row touches registers and memory), then `add` as the model of a chip.

mod access;
mod add;
mod addi;
mod buses;
mod cmpbr;
mod family;
#[cfg(test)]
mod honest;
mod jalr;
mod li;
mod logic;
mod shift;
#[cfg(test)]
mod testing;

pub use access::{Cpu, Read, Write, limbs};
pub use add::AddChip;
pub use addi::AddiChip;
pub use buses::*;
pub use cmpbr::CmpBrChip;
pub use family::{FamilyChip, prog_tuple};
pub use jalr::JalrChip;
pub use li::LiChip;
pub use logic::LogicChip;
pub use shift::ShiftChip;
