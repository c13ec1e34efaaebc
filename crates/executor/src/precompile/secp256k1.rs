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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::precompile::testing::Flat;

    const P: u32 = 8 * 10;
    const Q: u32 = 8 * 100;
    /// G and 2·G of SEC 2, section 2.4.1, and 3·G.
    const MULTIPLES: [[&str; 2]; 3] = [
        [
            "0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
            "0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
        ],
        [
            "0xc6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5",
            "0x1ae168fea63dc339a3c58419466ceaeef7f632653266d0e1236431a950cfe52a",
        ],
        [
            "0xf9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9",
            "0x388f7b0f632de8140fe337e62a37f3566500a99934c2231b6cb9fd7584b8e672",
        ],
    ];

    fn multiple(k: usize) -> [U256; 2] {
        MULTIPLES[k - 1].map(|x| x.parse().expect("a number"))
    }

    fn memory(p: [U256; 2], q: [U256; 2]) -> Flat {
        let mut memory = Flat::default();
        for (at, point) in [(P / 8, p), (Q / 8, q)] {
            for (key, word) in (at..).zip(point.iter().flat_map(|x| x.into_limbs())) {
                memory.dwords.insert(key, word);
            }
        }
        memory
    }

    fn written(memory: &Flat, at: u32) -> [U256; 2] {
        let word = |i: u32| memory.dwords[&(at / 8 + i)];
        [0, 4].map(|i| U256::from_limbs([word(i), word(i + 1), word(i + 2), word(i + 3)]))
    }

    #[test]
    fn multiples_of_the_generator() {
        let mut sum = memory(multiple(1), multiple(2));
        add([P, Q, 0, 0], &mut sum).expect("different x");
        assert_eq!(written(&sum, P), multiple(3));
        assert_eq!(sum.slots, [[Q_SLOT; 8], [P_SLOT; 8]].concat());
        let mut double_of = memory(multiple(1), multiple(2));
        double([P, 0, 0, 0], &mut double_of).expect("y is not 0");
        assert_eq!(written(&double_of, P), multiple(2));
        assert_eq!(written(&double_of, Q), multiple(2));
        assert_eq!(double_of.slots, [P_SLOT; 8]);
    }

    /// q is what was there before p was written: here its y is p's x.
    #[test]
    fn points_may_overlap() {
        let [[x1, y1], [x2, _]] = [multiple(1), multiple(2)];
        let mut memory = memory([x1, y1], [U256::ZERO; 2]);
        for (key, word) in (P / 8 - 4..).zip(x2.into_limbs()) {
            memory.dwords.insert(key, word);
        }
        add([P, P - 32, 0, 0], &mut memory).expect("q is (x2, x1)");
        let slope = divide(minus(x1, y1), minus(x2, x1)).expect("different x");
        let x3 = minus(minus(slope.mul_mod(slope, PRIME), x1), x2);
        assert_eq!(written(&memory, P)[0], x3);
    }

    #[test]
    fn exceptional_points_are_faults() {
        let [[x, y], other] = [multiple(1), multiple(2)];
        let zero = U256::ZERO;
        for (p, q) in [
            ([x, y], [x, y]),
            ([x, y], [x, PRIME - y]),
            ([PRIME, y], other),
            ([x, PRIME], other),
            (other, [PRIME + U256::ONE, y]),
            (other, [x, U256::MAX]),
        ] {
            let result = add([P, Q, 0, 0], &mut memory(p, q));
            assert!(
                matches!(result, Err(Fault::Precompile { precompile: "SECP256K1_ADD", .. })),
                "{p:?} {q:?}"
            );
        }
        for p in [[x, zero], [PRIME, y], [x, PRIME + U256::ONE]] {
            let result = double([P, 0, 0, 0], &mut memory(p, other));
            assert!(matches!(result, Err(Fault::Precompile { precompile: "SECP256K1_DOUBLE", .. })), "{p:?}");
        }
        let mut memory = memory([x, y], other);
        assert!(matches!(add([P, Q + 4, 0, 0], &mut memory), Err(Fault::Misaligned { .. })));
        assert!(add([P, Q, 0, 1], &mut memory).is_err());
        assert!(double([P, 0, 1, 0], &mut memory).is_err());
    }
}
