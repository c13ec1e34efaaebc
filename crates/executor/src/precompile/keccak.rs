//! KECCAK(out, data, len, flags): the sponge of keccak256 over whole blocks, one call for up to 64 of them.
//!
//! With FIRST the state starts at zero, otherwise it is the 200 bytes at `out`. With LAST the data is padded and the
//! 32 bytes of the digest are written, otherwise all 200 bytes of the state.
//!
//! A row of the chip SPONGE absorbs up to six lanes, three rows a block, and reads the dwords that hold their bytes. The
//! dword in which two rows meet is read by both: by the one that ends there in slot 7, otherwise slot 8.

use std::cmp::min;

use vellum_isa::Precompile;

use super::{Dwords, Table, aligned, in_range};
use crate::Fault;

/// Flag: the state starts at zero.
const FIRST: u32 = 1;
/// Flag: pad the data, write the digest alone.
const LAST: u32 = 2;
/// Bytes of a block.
const RATE: u32 = 136;
/// Most blocks of a call.
const BLOCKS_MAX: u32 = 64;
/// Lanes of a state and of a digest.
const STATE_LANES: u32 = 25;
const DIGEST_LANES: u32 = 4;
/// Bytes that each of the rows of a block absorbs.
const ROW_BYTES: [u32; 3] = [48, 48, 40];

/// Slots of the accesses.
mod slot {
    pub(super) const END: u32 = 7;
    pub(super) const DATA: u32 = 8;
    pub(super) const LOAD: u32 = 9;
    pub(super) const STORE: u32 = 10;
}

/// Most dwords that a call touches.
pub(super) const DWORDS_MAX: u32 = BLOCKS_MAX * (RATE / 8) + 1 + STATE_LANES;
/// Most rows of each table that a call takes.
pub(super) const ROWS_MAX: [(Table, u32); 3] = rows([0, 0, RATE * BLOCKS_MAX, 0]);

/// Rows of each table for a call with these arguments.
pub(super) const fn rows([_, _, len, flags]: [u32; 4]) -> [(Table, u32); 3] {
    let blocks = blocks(len, flags);
    let blocks = if blocks < BLOCKS_MAX { blocks } else { BLOCKS_MAX };
    // The call's own row, four to load a state, three to store what of it is no digest.
    let calls = 1 + if flags & FIRST == 0 { 4 } else { 0 } + if flags & LAST == 0 { 3 } else { 0 };
    [(Table::Keccak, calls), (Table::Sponge, 3 * blocks), (Table::KeccakF, 24 * blocks)]
}

const fn blocks(len: u32, flags: u32) -> u32 {
    len / RATE + if flags & LAST == 0 { 0 } else { 1 }
}

pub(super) fn run([out, data, len, flags]: [u32; 4], dwords: &mut impl Dwords) -> Result<(), Fault> {
    let fault = |reason| Fault::Precompile { precompile: Precompile::Keccak.name(), reason };
    if flags > FIRST | LAST {
        return Err(fault("flags beyond FIRST and LAST"));
    }
    let (first, last) = (flags & FIRST != 0, flags & LAST != 0);
    if !last && (len == 0 || !len.is_multiple_of(RATE)) {
        return Err(fault("without LAST the length must be a positive multiple of 136"));
    }
    let blocks = blocks(len, flags);
    if blocks > BLOCKS_MAX {
        return Err(fault("more than 64 blocks"));
    }
    let out_key = aligned(out)?;
    let whole = if first && last { DIGEST_LANES } else { STATE_LANES };
    in_range(out, u64::from(8 * whole))?;
    in_range(data, len.into())?;

    let mut message = read(data, len, dwords)?;
    if last {
        message.resize((blocks * RATE) as usize, 0);
        message[len as usize] = 0x01;
        *message.last_mut().expect("there is a block") |= 0x80;
    }
    let mut state = [0; STATE_LANES as usize];
    if !first {
        for (lane, key) in state.iter_mut().zip(out_key..) {
            *lane = dwords.read(slot::LOAD, key)?;
        }
    }
    for block in message.chunks_exact(RATE as usize) {
        for (lane, bytes) in state.iter_mut().zip(block.as_chunks().0) {
            *lane ^= u64::from_le_bytes(*bytes);
        }
        tiny_keccak::keccakf(&mut state);
    }
    let written = if last { DIGEST_LANES } else { STATE_LANES };
    for (lane, key) in state.into_iter().zip(out_key..out_key + written) {
        dwords.write(slot::STORE, key, lane)?;
    }
    Ok(())
}

/// The `len` bytes at `data`, read as the rows of SPONGE read them.
fn read(data: u32, len: u32, dwords: &mut impl Dwords) -> Result<Vec<u8>, Fault> {
    let offset = data % 8;
    let mut bytes = Vec::with_capacity(len as usize);
    for row_bytes in ROW_BYTES.into_iter().cycle() {
        let at = bytes.len() as u32;
        let wanted = min(row_bytes, len - at);
        if wanted == 0 {
            break;
        }
        // Keys stay 32-bit: data + len does not go beyond the address space.
        let key = data / 8 + at / 8;
        let touched = (offset + wanted).div_ceil(8);
        let mut row = Vec::with_capacity(56);
        for i in 0..touched {
            let slot = if i == row_bytes / 8 { slot::END } else { slot::DATA };
            row.extend(dwords.read(slot, key + i)?.to_le_bytes());
        }
        bytes.extend(&row[offset as usize..][..wanted as usize]);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use tiny_keccak::{Hasher, Keccak};

    use super::*;

    /// Memory, and the accesses made: key and slot.
    #[derive(Default)]
    struct Memory {
        dwords: HashMap<u32, u64>,
        accesses: Vec<(u32, u32)>,
    }

    impl Memory {
        fn access(&mut self, slot: u32, key: u32) -> &mut u64 {
            self.accesses.push((key, slot));
            self.dwords.entry(key).or_insert(u64::from(key).wrapping_mul(0x9e37_79b9_7f4a_7c15))
        }

        fn bytes(&mut self, address: u32, len: u32) -> Vec<u8> {
            (address..address + len)
                .map(|at| self.access(0, at / 8).to_le_bytes()[(at % 8) as usize])
                .collect()
        }
    }

    impl Dwords for Memory {
        fn peek(&self, key: u32) -> Result<u64, Fault> {
            Ok(self.dwords[&key])
        }
        fn read(&mut self, slot: u32, key: u32) -> Result<u64, Fault> {
            Ok(*self.access(slot, key))
        }
        fn write(&mut self, slot: u32, key: u32, value: u64) -> Result<u64, Fault> {
            Ok(std::mem::replace(self.access(slot, key), value))
        }
    }

    fn digest(message: &[u8]) -> Vec<u8> {
        let mut digest = [0; 32];
        let mut keccak = Keccak::v256();
        keccak.update(message);
        keccak.finalize(&mut digest);
        digest.to_vec()
    }

    #[test]
    fn digests_agree_and_slots_are_in_order() {
        for len in (0..300).chain([64 * 136 - 1]) {
            let data = 0x1_0000 + len % 8;
            let mut memory = Memory::default();
            let message = memory.bytes(data, len);
            memory.accesses.clear();
            // The output takes the place of the data.
            run([0x1_0000, data, len, FIRST | LAST], &mut memory).expect("the arguments are good");
            let mut last_slots = HashMap::new();
            for (key, slot) in &memory.accesses {
                let before = last_slots.insert(*key, *slot);
                assert!(before < Some(*slot), "{len} bytes: slot {slot} after {before:?}");
            }
            let keys: HashSet<u32> = last_slots.into_keys().collect();
            assert!(keys.len() <= DWORDS_MAX as usize);
            assert_eq!(memory.bytes(0x1_0000, 32), digest(&message), "{len} bytes");
        }
    }

    #[test]
    fn a_message_may_take_several_calls() {
        let mut memory = Memory::default();
        let message = memory.bytes(0x1005, 500);
        for (at, len, flags) in [(0, 272, FIRST), (272, 136, 0), (408, 92, LAST)] {
            run([0x8000, 0x1005 + at, len, flags], &mut memory).expect("the arguments are good");
        }
        assert_eq!(memory.bytes(0x8000, 32), digest(&message));
    }

    #[test]
    fn bad_arguments_are_refused() {
        let refused = [
            [0x8000, 0x1000, 136, 4],
            [0x8000, 0x1000, 0, FIRST],
            [0x8000, 0x1000, 135, 0],
            [0x8000, 0x1000, 137, FIRST],
            [0x8000, 0x1000, 64 * 136, LAST],
            [0x8000, 0x1000, 65 * 136, FIRST],
            [0x8000, 0x1000, u32::MAX, FIRST | LAST],
            [0x8004, 0x1000, 136, FIRST | LAST],
            [0xffff_ffe8, 0x1000, 1, FIRST | LAST],
            [0xffff_ff40, 0x1000, 1, LAST],
            [0x8000, 0xffff_fff0, 17, FIRST | LAST],
        ];
        for arguments in refused {
            let mut memory = Memory::default();
            assert!(run(arguments, &mut memory).is_err(), "{arguments:x?}");
            assert_eq!(memory.accesses, []);
        }
        // At the end of the address space, but not beyond.
        run([0xffff_ffe0, 0xffff_fff0, 16, FIRST | LAST], &mut Memory::default())
            .expect("the arguments are good");
    }
}
