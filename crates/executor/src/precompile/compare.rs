//! MEMCMP: which of two runs of bytes comes first, at any alignment. Dwords beyond the first byte that differs are not
//! read, and the result is written last, so it may lie in either run.

use std::cmp::Ordering;

use super::{
    Dwords, aligned,
    copy::{BYTES_MAX, keys},
    in_range,
};
use crate::Fault;

/// Most dwords that a call touches: both runs straddle.
pub(crate) const DWORDS_MAX: u32 = 2 * (BYTES_MAX / 8 + 1) + 1;
/// Most rows of a call: one per dword of one run.
pub(crate) const ROWS_MAX: u32 = BYTES_MAX / 8 + 1;
const A: u32 = 7;
const B: u32 = 8;
const OUT: u32 = 9;

/// (out, a, b, len).
pub(crate) fn run([out, a, b, len]: [u32; 4], dwords: &mut impl Dwords) -> Result<(), Fault> {
    if len > BYTES_MAX {
        return Err(Fault::Precompile { precompile: "MEMCMP", reason: "more than 32768 bytes" });
    }
    let out = aligned(out)?;
    in_range(a, len.into())?;
    in_range(b, len.into())?;
    let byte = |address: u32| Ok(dwords.peek(address / 8)?.to_le_bytes()[address as usize % 8]);
    let mut order = Ordering::Equal;
    let mut seen = 0;
    while seen < len && order.is_eq() {
        order = byte(a + seen)?.cmp(&byte(b + seen)?);
        seen += 1;
    }
    for (slot, run) in [(A, a), (B, b)] {
        for key in keys(run, seen) {
            dwords.read(slot, key)?;
        }
    }
    dwords.write(OUT, out, i64::from(order as i8) as u64)?;
    Ok(())
}

/// Most rows of a call, and most dwords that it touches: those of runs that are equal.
pub(crate) fn demand(a: u32, b: u32, len: u32) -> (u32, u32) {
    let len = len.min(BYTES_MAX);
    let count = |address: u32| keys(address, len).len() as u32;
    // The later a run starts in its dword, the more dwords it needs.
    (count(a).max(count(b)).max(1), count(a) + count(b) + 1)
}

#[cfg(test)]
mod tests {
    use super::{super::testing::Flat, *};

    fn memory() -> Flat {
        // Bytes repeat every 40, so runs 40 bytes apart are equal.
        let byte = |at: u32| (at % 40 * 7 + 1) as u8;
        let dword = |key: u32| u64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|j| byte(8 * key + j)));
        Flat { dwords: (0..400).map(|key| (key, dword(key))).collect(), ..Flat::default() }
    }

    fn flip(memory: &mut Flat, address: u32, bits: u8) {
        *memory.dwords.entry(address / 8).or_default() ^= u64::from(bits) << (8 * (address % 8));
    }

    #[test]
    fn compares_like_slices() {
        for (a, b) in (0..64).map(|i| (i / 8, 400 + i % 8)) {
            // The runs start at equal bytes, b shifted against a.
            let b = b + (40 + a % 40 - b % 40) % 40;
            for len in 0..40u32 {
                for at in [len, 0, len / 2, len.saturating_sub(1)] {
                    let mut memory = memory();
                    if at < len {
                        flip(&mut memory, b + at, 0x80);
                        // What follows does not count.
                        flip(&mut memory, b + at + 1, 0x81);
                    }
                    let bytes = |from: u32| -> Vec<u8> {
                        let byte = |at: u32| memory.dwords[&(at / 8)].to_le_bytes()[at as usize % 8];
                        (from..from + len).map(byte).collect()
                    };
                    let expected = bytes(a).cmp(&bytes(b)) as i64;
                    assert_eq!(expected == 0, at >= len);
                    assert_eq!(run([2400, a, b, len], &mut memory), Ok(()));
                    assert_eq!(memory.dwords[&300] as i64, expected, "{a} {b} {len} {at}");
                    let (rows, dwords) = demand(a, b, len);
                    assert!(memory.slots.is_sorted() && memory.slots.len() <= dwords as usize);
                    assert!(at < len || memory.slots.len() == dwords as usize);
                    assert!(rows <= ROWS_MAX && dwords <= DWORDS_MAX);
                }
            }
        }
    }

    #[test]
    fn refuses_what_the_circuit_does_not_prove() {
        let mut memory = Flat::default();
        let reason = |result: Result<(), Fault>| match result {
            Err(Fault::Precompile { reason, .. }) => reason,
            Err(Fault::OutOfRange { .. }) => "out of range",
            Err(Fault::Misaligned { .. }) => "misaligned",
            other => panic!("{other:?}"),
        };
        assert_eq!(reason(run([0, 8, 16, BYTES_MAX + 1], &mut memory)), "more than 32768 bytes");
        assert_eq!(reason(run([0, 8, 16, u32::MAX], &mut memory)), "more than 32768 bytes");
        assert_eq!(reason(run([4, 8, 16, 1], &mut memory)), "misaligned");
        assert_eq!(reason(run([0, u32::MAX - 3, 16, 5], &mut memory)), "out of range");
        assert_eq!(reason(run([0, 8, u32::MAX - 3, 5], &mut memory)), "out of range");
        assert_eq!(memory.slots, []);
        // Nothing is read, whatever the pointers.
        assert_eq!(run([0, u32::MAX, 3, 0], &mut memory), Ok(()));
        assert_eq!(memory.slots, [OUT]);
        assert_eq!(run([0, u32::MAX - 32767, u32::MAX - 32767, BYTES_MAX], &mut memory), Ok(()));
        assert_eq!(demand(7, 3, BYTES_MAX), (ROWS_MAX, DWORDS_MAX));
    }
}
