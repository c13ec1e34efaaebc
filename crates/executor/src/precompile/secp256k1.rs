//! SECP256K1_ADD and SECP256K1_DOUBLE: affine points, eight dwords x ‖ y, little-endian. Whether they are on the curve is not
//! asked.

use ruint::aliases::U256;

use super::{Dwords, aligned};
use crate::Fault;

/// Most dwords of a call.
pub(crate) const DWORDS_MAX: u32 = 16;
const Q_SLOT: u32 = 7;
const P_SLOT: u32 = 8;

/// The prime of the coordinates.
const PRIME: U256 = U256::from_limbs([0xffff_fffe_ffff_fc2f, u64::MAX, u64::MAX, u64::MAX]);

/// p ← p + q.
pub(crate) fn add([p, q, unused @ ..]: [u32; 4], dwords: &mut impl Dwords) -> Result<(), Fault> {
    let fault = |reason| Fault::Precompile { precompile: "SECP256K1_ADD", reason };
    if unused != [0; 2] {
        return Err(fault("arguments beyond the second are not zero"));
    }
    let [p, q] = [aligned(p)?, aligned(q)?];
    let mut words = [0; 8];
    for (word, key) in words.iter_mut().zip(q..) {
        *word = dwords.read(Q_SLOT, key)?;
    }
    let [x2, y2] =
        point(words).ok_or(fault("a coordinate of the second point is not below the field's prime"))?;
    let [x1, y1] = point(peek(p, dwords)?)
        .ok_or(fault("a coordinate of the first point is not below the field's prime"))?;
    let slope = divide(minus(y2, y1), minus(x2, x1)).ok_or(fault("the points have the same x"))?;
    replace(p, [x1, y1], x2, slope, dwords)
}

/// p ← 2p.
pub(crate) fn double([p, unused @ ..]: [u32; 4], dwords: &mut impl Dwords) -> Result<(), Fault> {
    let fault = |reason| Fault::Precompile { precompile: "SECP256K1_DOUBLE", reason };
    if unused != [0; 3] {
        return Err(fault("arguments beyond the first are not zero"));
    }
    let p = aligned(p)?;
    let [x, y] = point(peek(p, dwords)?).ok_or(fault("a coordinate is not below the field's prime"))?;
    let square = x.mul_mod(x, PRIME);
    let rise = square.add_mod(square, PRIME).add_mod(square, PRIME);
    let slope = divide(rise, y.add_mod(y, PRIME)).ok_or(fault("y is 0"))?;
    replace(p, [x, y], x, slope, dwords)
}

/// The dwords that a write will replace.
fn peek(p: u32, dwords: &impl Dwords) -> Result<[u64; 8], Fault> {
    let mut words = [0; 8];
    for (word, key) in words.iter_mut().zip(p..) {
        *word = dwords.peek(key)?;
    }
    Ok(words)
}

/// Coordinates below the prime.
fn point([a, b, c, d, e, f, g, h]: [u64; 8]) -> Option<[U256; 2]> {
    let coordinates = [U256::from_limbs([a, b, c, d]), U256::from_limbs([e, f, g, h])];
    coordinates.iter().all(|x| *x < PRIME).then_some(coordinates)
}

/// Writes the third point of the line through (x1, y1) and x2, reflected.
fn replace(
    p: u32,
    [x1, y1]: [U256; 2],
    x2: U256,
    slope: U256,
    dwords: &mut impl Dwords,
) -> Result<(), Fault> {
    let x3 = minus(minus(slope.mul_mod(slope, PRIME), x1), x2);
    let y3 = minus(slope.mul_mod(minus(x1, x3), PRIME), y1);
    for (key, word) in (p..).zip(x3.into_limbs().into_iter().chain(y3.into_limbs())) {
        dwords.write(P_SLOT, key, word)?;
    }
    Ok(())
}

fn minus(a: U256, b: U256) -> U256 {
    if a >= b { a - b } else { a + (PRIME - b) }
}

fn divide(a: U256, b: U256) -> Option<U256> {
    b.inv_mod(PRIME).map(|inverse| a.mul_mod(inverse, PRIME))
}
