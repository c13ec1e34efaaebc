//! The linear sweep: text bytes in, ROM rows out.
//!
//! Instructions are taken one after the other, 16 or 32 bits long by their two lowest bits. What does not decode gets no
//! row and is stepped over by its length: zero filler and data are harmless until control reaches them.

use alloc::vec::Vec;

use crate::{
    Instruction, RomRow, compressed, decode,
    map::{ROM_ROWS_MAX, VIRTUAL_PC},
};

/// More than [`ROM_ROWS_MAX`] rows.
#[derive(Debug)]
pub(crate) struct TooLarge;

/// Rows of the text swept so far.
#[derive(Default)]
pub(crate) struct Rom {
    text: Vec<RomRow>,
    /// Rows at virtual pcs, from [`VIRTUAL_PC`] without gaps.
    micro: Vec<RomRow>,
}

impl Rom {
    /// Sweeps text bytes at `address`. Texts must come by ascending address.
    pub(crate) fn sweep(&mut self, address: u64, bytes: &[u8]) -> Result<(), TooLarge> {
        let half = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
        let mut at = 0;
        while let Some(low) = half(at) {
            let cell = ((address + at as u64) / 2) as u32;
            let (word, cells) = match low & 3 {
                3 => (half(at + 2).map(|high| u32::from(high) << 16 | u32::from(low)), 2),
                _ => (compressed::expand(low), 1),
            };
            if let Some(instruction) = word.and_then(|word| decode(word, cell, cells)) {
                self.push(instruction)?;
            }
            at += 2 * cells as usize;
        }
        Ok(())
    }

    fn push(&mut self, instruction: Instruction) -> Result<(), TooLarge> {
        match instruction {
            Instruction::Row(row) => self.text.push(row),
            Instruction::Atomic(atomic) => {
                let rows = atomic.expand(VIRTUAL_PC + self.micro.len() as u32);
                self.text.extend(rows.first());
                self.micro.extend(rows.iter().skip(1));
            }
        }
        if self.text.len() + self.micro.len() > ROM_ROWS_MAX { Err(TooLarge) } else { Ok(()) }
    }

    /// All rows by ascending pc.
    pub(crate) fn finish(self) -> Vec<RomRow> {
        let mut rows = self.text;
        rows.extend(self.micro);
        rows
    }
}
