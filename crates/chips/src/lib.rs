//! The circuits of the machine: one chip, one file. Shards of events in, a machine proof out.
//!
//! Read `buses`, then `access` (how a row touches registers and memory), then `add` as the model of a chip.

mod access;
mod add;
mod addi;
mod address;
mod boundary;
mod buses;
mod cmpbr;
mod code;
mod divrem;
mod ecall;
mod family;
#[cfg(test)]
mod honest;
mod image;
mod init;
mod jalr;
mod li;
mod logic;
mod machine;
mod mem64;
mod memsub;
mod mul;
mod precompile;
mod program;
mod shift;
mod tables;
#[cfg(test)]
mod testing;

pub use access::{Cpu, Read, Write, limbs};
pub use add::AddChip;
pub use addi::AddiChip;
pub use boundary::BoundaryChip;
pub use buses::*;
pub use cmpbr::CmpBrChip;
pub use code::CodeChip;
pub use divrem::{DivRemChip, product};
pub use ecall::EcallChip;
pub use family::{FamilyChip, prog_tuple};
pub use image::{ImageChip, image_rows};
pub use init::InitChip;
pub use jalr::JalrChip;
pub use li::LiChip;
pub use logic::LogicChip;
pub use machine::*;
pub use mem64::Mem64Chip;
pub use memsub::MemSubChip;
pub use mul::{MulChip, Product};
pub use precompile::*;
pub use program::{ProgramChip, program_rows};
pub use shift::ShiftChip;
pub use tables::{ByteChip, RangeChip, TABLE_ROWS, byte_rows, range_rows};
