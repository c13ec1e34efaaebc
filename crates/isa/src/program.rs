//! What an ELF file becomes.

use alloc::{string::String, vec::Vec};

use crate::RomRow;

/// A run of initialised memory dwords (text is readable, so it is among them).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Memory key (byte address / 8) of the first dword.
    pub key: u32,
    /// The dwords, little-endian.
    pub dwords: Vec<u64>,
}

/// A function's name and byte range, for messages and profiles only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// First byte address.
    pub address: u64,
    /// Size in bytes.
    pub size: u64,
    /// Name as in the file.
    pub name: String,
}

/// A decoded guest: the ROM, the memory image, the entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// ROM rows by ascending pc cell: first the text in address order, then micro-rows at virtual pcs. No pc twice.
    pub rom: Vec<RomRow>,
    /// pc cell of the first instruction.
    pub entry: u32,
    /// Memory image, ascending and disjoint.
    pub segments: Vec<Segment>,
    /// First memory key above the image: stack, heap and input lie at or above it.
    pub image_end: u32,
    /// Function symbols by ascending address (empty when stripped).
    pub symbols: Vec<Symbol>,
    /// Byte addresses of `begin_signature` and `end_signature`, where the file has both.
    pub signature: Option<(u64, u64)>,
}

impl Program {
    /// The function that the byte address `pc` belongs to. A symbol without a size reaches up to the next one.
    pub fn symbol_at(&self, pc: u64) -> Option<&Symbol> {
        let after = self.symbols.partition_point(|symbol| symbol.address <= pc);
        let symbol = self.symbols.get(after.checked_sub(1)?)?;
        (symbol.size == 0 || pc - symbol.address < symbol.size).then_some(symbol)
    }
}
