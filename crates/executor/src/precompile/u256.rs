//! U256_MULMOD, U256_MULADD and U256_SUB: numbers of four dwords, little-endian.

use ruint::aliases::{U256, U512};

use super::{Dwords, aligned};
use crate::Fault;

/// Most dwords of a call.
pub(crate) const DWORDS_MAX: u32 = 20;
const A_SLOT: u32 = 7;
const B_SLOT: u32 = 8;
const C_SLOT: u32 = 9;
const OUT_SLOT: u32 = 10;

/// out ← a·b mod m, 0 for m = 0.
pub(crate) fn mul_mod([out, a, b, m]: [u32; 4], dwords: &mut impl Dwords) -> Result<(), Fault> {
    let [out, a, b, m] = [aligned(out)?, aligned(a)?, aligned(b)?, aligned(m)?];
    let [a, b, m] = [read(A_SLOT, a, dwords)?, read(B_SLOT, b, dwords)?, read(C_SLOT, m, dwords)?];
    write(out, a.mul_mod(b, m).as_limbs(), dwords)
}

/// out ← a·b + c, eight dwords.
pub(crate) fn mul_add([out, a, b, c]: [u32; 4], dwords: &mut impl Dwords) -> Result<(), Fault> {
    let [out, a, b, c] = [aligned(out)?, aligned(a)?, aligned(b)?, aligned(c)?];
    let [a, b, c] = [read(A_SLOT, a, dwords)?, read(B_SLOT, b, dwords)?, read(C_SLOT, c, dwords)?];
    let sum = a.widening_mul::<256, 4, 512, 8>(b) + U512::from(c);
    write(out, sum.as_limbs(), dwords)
}

/// out ← a − b mod 2^256 and, in a fifth dword, whether a < b.
pub(crate) fn sub([out, a, b, unused]: [u32; 4], dwords: &mut impl Dwords) -> Result<(), Fault> {
    if unused != 0 {
        return Err(Fault::Precompile { precompile: "U256_SUB", reason: "the fourth argument is not zero" });
    }
    let [out, a, b] = [aligned(out)?, aligned(a)?, aligned(b)?];
    let [a, b] = [read(A_SLOT, a, dwords)?, read(B_SLOT, b, dwords)?];
    let (difference, borrow) = a.overflowing_sub(b);
    let [x, y, z, w] = difference.into_limbs();
    write(out, &[x, y, z, w, borrow.into()], dwords)
}

fn read(slot: u32, key: u32, dwords: &mut impl Dwords) -> Result<U256, Fault> {
    let mut words = [0; 4];
    for (word, key) in words.iter_mut().zip(key..) {
        *word = dwords.read(slot, key)?;
    }
    Ok(U256::from_limbs(words))
}

fn write(key: u32, words: &[u64], dwords: &mut impl Dwords) -> Result<(), Fault> {
    for (key, word) in (key..).zip(words) {
        dwords.write(OUT_SLOT, key, *word)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::precompile::testing::Flat;

    const A: u32 = 8 * 10;
    const B: u32 = 8 * 20;
    const C: u32 = 8 * 30;
    const OUT: u32 = 8 * 40;
    const MAX: [u64; 4] = [u64::MAX; 4];

    fn memory(inputs: [[u64; 4]; 3]) -> Flat {
        let mut memory = Flat::default();
        for (at, input) in [A, B, C].into_iter().zip(inputs) {
            memory.dwords.extend((at / 8..).zip(input));
        }
        memory
    }

    fn written<const N: usize>(memory: &Flat, at: u32) -> [u64; N] {
        assert!(!memory.dwords.contains_key(&(at / 8 + N as u32)));
        std::array::from_fn(|i| memory.dwords[&(at / 8 + i as u32)])
    }

    #[test]
    fn products_modulo_anything() {
        for (a, b, m, expected) in [
            ([7, 0, 0, 0], [8, 0, 0, 0], [10, 0, 0, 0], [6, 0, 0, 0]),
            // (2^256 − 1)² = 1 mod 2^256 − 2 and 0 mod 2^256 − 1
            (MAX, MAX, [u64::MAX - 1, MAX[1], MAX[2], MAX[3]], [1, 0, 0, 0]),
            (MAX, MAX, MAX, [0; 4]),
            (MAX, MAX, [1, 0, 0, 0], [0; 4]),
            (MAX, MAX, [0; 4], [0; 4]),
        ] {
            let mut memory = memory([a, b, m]);
            mul_mod([OUT, A, B, C], &mut memory).expect("aligned");
            assert_eq!(written(&memory, OUT), expected);
            assert_eq!(memory.slots, [[A_SLOT; 4], [B_SLOT; 4], [C_SLOT; 4], [OUT_SLOT; 4]].concat());
        }
    }

    #[test]
    fn products_and_sums_of_512_bits() {
        // (2^256 − 1)² + 2^256 − 1 = 2^512 − 2^256
        let mut memory = memory([MAX; 3]);
        mul_add([OUT, A, B, C], &mut memory).expect("aligned");
        assert_eq!(written(&memory, OUT), [0, 0, 0, 0, u64::MAX, u64::MAX, u64::MAX, u64::MAX]);
    }

    #[test]
    fn differences_and_their_borrow() {
        for (a, b, expected) in [
            ([5, 1, 0, 0], [6, 0, 0, 0], [u64::MAX, 0, 0, 0, 0]),
            ([0; 4], [1, 0, 0, 0], [u64::MAX, u64::MAX, u64::MAX, u64::MAX, 1]),
            (MAX, MAX, [0; 5]),
        ] {
            let mut memory = memory([a, b, MAX]);
            sub([OUT, A, B, 0], &mut memory).expect("aligned");
            assert_eq!(written(&memory, OUT), expected);
        }
        assert!(sub([OUT, A, B, 8], &mut memory([MAX; 3])).is_err());
    }

    /// All inputs are read before the result is written.
    #[test]
    fn arguments_may_be_the_same() {
        let mut memory = memory([MAX; 3]);
        mul_mod([A, A, A, A], &mut memory).expect("aligned");
        assert_eq!(written(&memory, A), [0; 4]);
        for misaligned in 0..4 {
            let mut pointers = [OUT, A, B, C];
            pointers[misaligned] += 4;
            assert!(matches!(mul_add(pointers, &mut memory), Err(Fault::Misaligned { .. })));
        }
    }
}
