//! RISC-V words and ELF files in, a decoded [`Program`] out.
//!
//! A `Program` is all the zkVM knows of a guest: the ROM (one [`RomRow`] per instruction or micro-row), the initial
//! memory image, the entry. Both the ROM and the image are committed in the verifying key. Nothing here knows field
//! arithmetic. Start reading at [`Op`] and [`RomRow`], then [`decode()`], [`compressed`], [`Atomic`] and [`Program::from_elf`].

#![no_std]

extern crate alloc;

mod atomic;
pub mod compressed;
mod decode;
mod disassemble;
pub mod ecall;
mod elf;
pub mod elf_file;
pub mod encode;
pub mod map;
mod program;
mod rom;
mod sweep;
mod symbols;

pub use atomic::{Atomic, AtomicOp};
pub use decode::{Instruction, decode};
pub use ecall::{HintKind, Precompile};
pub use elf::ElfError;
pub use program::{Program, Segment, Symbol};
pub use rom::{Family, Op, RomRow};
