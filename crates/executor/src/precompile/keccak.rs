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
    if !last && (len == 0 || len % RATE != 0) {
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
