//! The value of a blob's polynomial at a point, over the scalar field of BLS12-381.
//!
//! A blob holds the values of a polynomial of degree below 4096 at the roots of unity in bit-reversed order, so the
//! values at w and −w stand side by side. With p(x) = e(x²) + x·o(x²) they give e(w²) and o(w²), and
//! q(x) = e(x) + z·o(x) has half the degree and q(z²) = p(z): twelve such foldings leave one value. No inversion is
//! needed, and the work follows the part of the blob that is not zero.

use alloc::vec::Vec;
use alloy_primitives::{U256, uint};

/// Number of values in a blob.
pub const BLOB_VALUES: usize = 4096;

/// The field's prime.
pub const MODULUS: U256 = uint!(0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001_U256);

/// 1/4096.
const INVERSE_OF_LENGTH: U256 =
    uint!(0x73e66878b46ae3705eb6a46a89213de7d3686828bfce5c19400fffff00100001_U256);

/// Inverses of the primitive roots of unity of order 4, 8, …, 4096. For the pair i, the root w is the product of those
/// at i's bits.
const INVERSE_ROOTS: [U256; 11] = [
    uint!(0x73eda753299d7d47a5e80b39939ed33467baa40089fb5bfefffeffff00000001_U256),
    uint!(0x60b9f524ccbc6d03787d7d083f1b189fc54913cc6b4e0c269fc8017d5166afd3_U256),
    uint!(0x3b25b475ab91194b687a73c92f188612fc010d53ccb225425e544cdf4c887948_U256),
    uint!(0x5e73ed8c432405d0ae25b21df6c52b2a6c7876bf0928e68fae34a81e1cfca2ec_U256),
    uint!(0x640d097461a2eeaf4e84b3cd7dc75b61db872ef3dce28e788d28c143168bba2c_U256),
    uint!(0x60c7efec34093e9a725ce48f79bf9cd60081066e578d78bf6207cd2f20df9d12_U256),
    uint!(0x18ba7658084c71a467e701a945e9b713df7b4ee66e4caccb7d01866add958780_U256),
    uint!(0x6a61dbd781fc6d1c881dab49e15d37277dd34dc48b542a7916654b4e3193f385_U256),
    uint!(0x5164ca4cf7456c9b942c20e45c3ad14d9ce862487904d0ab1b561347c6a47727_U256),
    uint!(0x55612c879036d62fae65b5bdd485b39aa954d02ff707ac89dc982deab639eb06_U256),
    uint!(0x391b2856c609b4784ae25ffab9dc59865046d17864183203961a252dd8543362_U256),
];

/// a·b mod m for numbers of four 64-bit limbs, low ones first.
pub type MulMod = fn(&[u64; 4], &[u64; 4], &[u64; 4]) -> [u64; 4];

/// [`MulMod`] in software.
pub fn mul_mod(a: &[u64; 4], b: &[u64; 4], m: &[u64; 4]) -> [u64; 4] {
    *U256::from_limbs(*a).mul_mod(U256::from_limbs(*b), U256::from_limbs(*m)).as_limbs()
}

/// The polynomial's value at `z`, from its first values; those that are not given are zero. All numbers are below
/// [`MODULUS`], and there are at most [`BLOB_VALUES`].
pub fn evaluate(mut values: Vec<U256>, z: U256, mul_mod: MulMod) -> U256 {
    let mul = |a: &U256, b: &U256| U256::from_limbs(mul_mod(a.as_limbs(), b.as_limbs(), MODULUS.as_limbs()));
    let mut factors = factors(z, values.len().div_ceil(2), mul);
    for _ in 0..BLOB_VALUES.ilog2() {
        let pairs = values.len().div_ceil(2);
        for pair in 0..pairs {
            let at = |index: usize| values.get(index).copied().unwrap_or_default();
            let (even, odd) = (at(2 * pair), at(2 * pair + 1));
            values[pair] = add(add(even, odd), mul(&subtract(even, odd), &factors[pair]));
        }
        values.truncate(pairs);
        // z and w are squared.
        for pair in 0..pairs.div_ceil(2) {
            factors[pair] = mul(&factors[2 * pair], &factors[2 * pair]);
        }
    }
    // Each folding left out a division by two.
    mul(&values.first().copied().unwrap_or_default(), &INVERSE_OF_LENGTH)
}

/// z/w for the first pairs.
fn factors(z: U256, pairs: usize, mul: impl Fn(&U256, &U256) -> U256) -> Vec<U256> {
    let mut factors = Vec::with_capacity(pairs);
    factors.push(z);
    for root in &INVERSE_ROOTS {
        for index in 0..factors.len().min(pairs.saturating_sub(factors.len())) {
            factors.push(mul(&factors[index], root));
        }
    }
    factors
}

fn add(a: U256, b: U256) -> U256 {
    // Both are below the modulus, which is below 2^255.
    let sum = a.wrapping_add(b);
    if sum >= MODULUS { sum.wrapping_sub(MODULUS) } else { sum }
}

fn subtract(a: U256, b: U256) -> U256 {
    if a >= b { a.wrapping_sub(b) } else { a.wrapping_add(MODULUS).wrapping_sub(b) }
}
