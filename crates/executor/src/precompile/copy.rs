//! MEMCPY and MEMSET: runs of bytes at any alignment. All reads come before all writes, so source and destination may
//! overlap. Dwords of which no byte is needed are not touched.

use super::{Dwords, Table, in_range};
use crate::Fault;

/// Most bytes of a call.
pub(super) const BYTES_MAX: u32 = 1 << 15;
/// Most dwords that a call touches: both runs straddle.
pub(crate) const DWORDS_MAX: u32 = 2 * (BYTES_MAX / 8 + 1);
/// Most rows of a call in COPY: one per dword, and one that only reads.
pub(crate) const ROWS_MAX: u32 = BYTES_MAX / 8 + 2;
/// Dwords of a row of COPY_ALIGNED.
pub const COPY_ALIGNED_DWORDS: u32 = 4;
/// Most rows of a call in COPY_ALIGNED.
pub(crate) const ALIGNED_ROWS_MAX: u32 = BYTES_MAX / 8 / COPY_ALIGNED_DWORDS;
const READ: u32 = 7;
const WRITE: u32 = 8;

/// (to, from, len).
pub(crate) fn memcpy(arguments: [u32; 4], dwords: &mut impl Dwords) -> Result<(), Fault> {
    check("MEMCPY", arguments)?;
    let [to, from, len, _] = arguments;
    in_range(from, len.into())?;
    let source: Vec<u64> = keys(from, len).map(|key| dwords.read(READ, key)).collect::<Result<_, _>>()?;
    let dword = |at: i64| usize::try_from(at).ok().and_then(|at| source.get(at)).copied().unwrap_or_default();
    // Where byte 0 of the first destination dword comes from, counted from byte 0 of the first source dword.
    let shift = i64::from(from % 8) - i64::from(to % 8);
    let (first, bits) = (shift.div_euclid(8), 8 * shift.rem_euclid(8) as u32);
    write(to, len, dwords, |i| {
        let at = first + i64::from(i);
        let high = if bits == 0 { 0 } else { dword(at + 1) << (64 - bits) };
        dword(at) >> bits | high
    })
}

/// (to, byte, len).
pub(crate) fn memset(arguments: [u32; 4], dwords: &mut impl Dwords) -> Result<(), Fault> {
    check("MEMSET", arguments)?;
    let [to, byte, len, _] = arguments;
    let byte = u8::try_from(byte)
        .map_err(|_| Fault::Precompile { precompile: "MEMSET", reason: "the byte is above 255" })?;
    write(to, len, dwords, |_| u64::from_le_bytes([byte; 8]))
}

/// Rows of a call, and dwords that it touches. `from` is none for MEMSET.
pub(crate) fn demand(to: u32, from: Option<u32>, len: u32) -> (Table, u32, u32) {
    let len = len.min(BYTES_MAX);
    let count = |address: u32| keys(address, len).len() as u32;
    let dwords = count(to) + from.map_or(0, count);
    // A single dword is cheaper in COPY.
    if len > 8 && (to | from.unwrap_or(0) | len).is_multiple_of(8) {
        return (Table::CopyAligned, (len / 8).div_ceil(COPY_ALIGNED_DWORDS), dwords);
    }
    let head = len == 0 || from.is_some_and(|from| from % 8 > to % 8);
    (Table::Copy, count(to) + u32::from(head), dwords)
}

fn check(precompile: &'static str, [to, _, len, unused]: [u32; 4]) -> Result<(), Fault> {
    let fault = |reason| Err(Fault::Precompile { precompile, reason });
    if len > BYTES_MAX {
        return fault("more than 32768 bytes");
    }
    if unused != 0 {
        return fault("a3 is not zero");
    }
    in_range(to, len.into())
}

/// Keys of the dwords that `len` bytes at `address` lie in.
pub(super) fn keys(address: u32, len: u32) -> core::ops::Range<u32> {
    let end = (u64::from(address) + u64::from(len)).div_ceil(8) as u32;
    if len == 0 { 0..0 } else { address / 8..end }
}

/// Writes `len` bytes at `to`, where `dword` says what dword i would be if all of it were written.
fn write(to: u32, len: u32, dwords: &mut impl Dwords, dword: impl Fn(u32) -> u64) -> Result<(), Fault> {
    for (i, key) in (0..).zip(keys(to, len)) {
        let skipped = if i == 0 { to % 8 } else { 0 };
        let end = (to % 8 + len - 8 * i).min(8);
        let mask = u64::MAX << (8 * skipped) & u64::MAX >> (64 - 8 * end);
        let kept = if mask == u64::MAX { 0 } else { dwords.peek(key)? & !mask };
        dwords.write(WRITE, key, dword(i) & mask | kept)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const BASE: u32 = 0x1000;

    /// Memory of some dwords from `BASE` on, and what was done to it.
    #[derive(Default)]
    struct Model {
        bytes: Vec<u8>,
        touched: Vec<(u32, u32)>,
        times: BTreeMap<u32, u32>,
    }

    impl Model {
        fn new(dwords: u32) -> Self {
            Self { bytes: (0..8 * dwords).map(|i| (i * 7 + i / 256 + 1) as u8).collect(), ..Self::default() }
        }

        fn at(key: u32) -> usize {
            (8 * key - BASE) as usize
        }

        fn touch(&mut self, slot: u32, key: u32) {
            assert!(
                self.times.insert(key, slot).is_none_or(|before| before < slot),
                "{key:#x} in slot {slot}"
            );
            self.touched.push((slot, key));
        }
    }

    impl Dwords for Model {
        fn peek(&self, key: u32) -> Result<u64, Fault> {
            let dword = Self::at(key)..Self::at(key) + 8;
            Ok(u64::from_le_bytes(self.bytes[dword].try_into().expect("eight bytes")))
        }

        fn read(&mut self, slot: u32, key: u32) -> Result<u64, Fault> {
            self.touch(slot, key);
            self.peek(key)
        }

        fn write(&mut self, slot: u32, key: u32, value: u64) -> Result<u64, Fault> {
            self.touch(slot, key);
            let old = self.peek(key)?;
            self.bytes[Self::at(key)..Self::at(key) + 8].copy_from_slice(&value.to_le_bytes());
            Ok(old)
        }
    }

    fn check_call(to: u32, from: Option<u32>, len: u32, dwords: u32) {
        let mut model = Model::new(dwords);
        let mut expected = model.bytes.clone();
        let at = |address: u32| (address - BASE) as usize;
        let target = at(to)..at(to) + len as usize;
        let result = match from {
            Some(from) => {
                expected.copy_within(at(from)..at(from) + len as usize, target.start);
                memcpy([to, from, len, 0], &mut model)
            }
            None => {
                expected[target].fill(0xa5);
                memset([to, 0xa5, len, 0], &mut model)
            }
        };
        assert_eq!(result, Ok(()));
        assert!(model.bytes == expected, "to {to:#x}, from {from:x?}, {len} bytes");
        // Only dwords with a byte of one of the runs.
        let near = |address: u32, key: u32| len > 0 && (address / 8..=(address + len - 1) / 8).contains(&key);
        for (slot, key) in &model.touched {
            assert!(if *slot == READ { from.is_some_and(|from| near(from, *key)) } else { near(to, *key) });
        }
        let (_, rows, touched) = demand(to, from, len);
        assert_eq!(touched as usize, model.touched.len());
        assert!(touched <= DWORDS_MAX && rows <= ROWS_MAX);
    }

    #[test]
    fn copies_like_memmove_and_sets_like_memset() {
        for to in 0..8 {
            for len in 0..80 {
                check_call(BASE + 88 + to, None, len, 40);
                for from in 0..8 {
                    for distance in [0, 80, 96, 160] {
                        check_call(BASE + 88 + to, Some(BASE + distance + from), len, 40);
                    }
                }
            }
        }
        for len in [BYTES_MAX - 9, BYTES_MAX - 1, BYTES_MAX] {
            for (to, from) in [(0, 8), (8, 0), (3, 5), (7, 7), (1, 40_000), (40_001, 6)] {
                check_call(BASE + to, Some(BASE + from), len, 10_000);
                check_call(BASE + to, None, len, 10_000);
            }
        }
    }

    #[test]
    fn refuses_what_the_circuit_does_not_prove() {
        let mut model = Model::new(1);
        let reason = |result: Result<(), Fault>| match result {
            Err(Fault::Precompile { reason, .. }) => reason,
            Err(Fault::OutOfRange { .. }) => "out of range",
            other => panic!("{other:?}"),
        };
        let long = [BASE, BASE, BYTES_MAX + 1, 0];
        assert_eq!(reason(memcpy(long, &mut model)), "more than 32768 bytes");
        assert_eq!(reason(memset([BASE, 0, u32::MAX, 0], &mut model)), "more than 32768 bytes");
        assert_eq!(reason(memcpy([BASE, BASE, 1, 1], &mut model)), "a3 is not zero");
        assert_eq!(reason(memset([BASE, 256, 1, 0], &mut model)), "the byte is above 255");
        assert_eq!(reason(memcpy([u32::MAX - 3, BASE, 5, 0], &mut model)), "out of range");
        assert_eq!(reason(memcpy([BASE, u32::MAX - 3, 5, 0], &mut model)), "out of range");
        assert_eq!(reason(memset([u32::MAX, 0, 2, 0], &mut model)), "out of range");
        assert_eq!(model.touched, []);
        // Nothing is touched, whatever the pointers.
        assert_eq!(memcpy([u32::MAX, 3, 0, 0], &mut model), Ok(()));
        assert_eq!(model.touched, []);
    }
}
