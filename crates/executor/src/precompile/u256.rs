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
