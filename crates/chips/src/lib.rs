//! The circuits of the machine: one chip, one file. Shards of events in, a machine proof out.
//!
//! Read `buses`, then `access` (how a row touches registers and memory), then `add` as the model of a chip.

mod access;
mod add;
mod addi;
mod address;
mod bigint;
mod boundary;
mod buses;
mod cmpbr;
mod code;
mod copy;
mod copy_aligned;
mod divrem;
mod dwords;
mod ecall;
mod family;
mod hint;
#[cfg(test)]
mod honest;
mod image;
mod init;
mod jalr;
mod keccak;
mod keccak_f;
mod li;
mod logic;
mod machine;
mod mem64;
mod memsub;
mod mul;
mod precompile;
mod program;
mod secp256k1;
mod sha256;
mod sha256_rounds;
mod shift;
mod sponge;
mod tables;
#[cfg(test)]
mod testing;
mod u256;

pub use access::{Cpu, Read, Write, limbs};
pub use add::AddChip;
pub use addi::AddiChip;
pub use boundary::BoundaryChip;
pub use buses::*;
pub use cmpbr::CmpBrChip;
pub use code::CodeChip;
pub use copy::{CopyChip, CopyRow};
pub use copy_aligned::{CopyAlignedChip, CopyAlignedRow};
pub use divrem::{DivRemChip, product};
pub use ecall::EcallChip;
pub use family::{FamilyChip, prog_tuple};
pub use hint::HintChip;
pub use image::{ImageChip, image_rows};
pub use init::InitChip;
pub use jalr::JalrChip;
pub use keccak::{KeccakChip, KeccakRow};
pub use keccak_f::{KeccakFChip, ROUNDS, Round, State};
pub use li::LiChip;
pub use logic::LogicChip;
pub use machine::*;
pub use mem64::Mem64Chip;
pub use memsub::MemSubChip;
pub use mul::{MulChip, Product};
pub use precompile::PrecompileChip;
pub use program::{ProgramChip, program_rows};
pub use secp256k1::Secp256k1Chip;
pub use sha256::Sha256Chip;
pub use sha256_rounds::{Sha256RoundsChip, Sha256RoundsRow};
pub use shift::ShiftChip;
pub use sponge::{AbsorbRow, SpongeChip};
pub use tables::{ByteChip, RangeChip, TABLE_ROWS, byte_rows, range_rows};
pub use u256::U256Chip;
