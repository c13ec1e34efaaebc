//! HINT: numbers that are hard to find and easy to check. The host computes them, the guest checks them; the circuit only
//! sees that dwords are written.
//!
//! The question is peeked at outside the circuit: it is no access.

use ruint::{Uint, aliases::U256};
use vellum_isa::HintKind;

use super::{Dwords, aligned};
use crate::Fault;

/// Most dwords of an answer: what the chip's row writes.
pub(crate) const DWORDS_MAX: u32 = 8;
const SLOT: u32 = 7;

pub(crate) fn run([kind, question, out, count]: [u32; 4], dwords: &mut impl Dwords) -> Result<(), Fault> {
    let fault = |reason| Fault::Precompile { precompile: "HINT", reason };
    let kind = HintKind::from_number(kind).ok_or(fault("no such kind"))?;
    let [asked, answered] = kind.dwords();
    if count != answered {
        return Err(fault("the answer has another length"));
    }
    let from = aligned(question)?;
    let mut words = [0; 8];
    for (word, key) in words.iter_mut().zip(from..from + asked) {
        *word = dwords.peek(key)?;
    }
    let [x, m] = [0, 4].map(|at| U256::from_limbs([words[at], words[at + 1], words[at + 2], words[at + 3]]));
    let mut answer = match kind {
        HintKind::Inverse => inverse(x, m).into_limbs().to_vec(),
        HintKind::SquareRoot => square_root(x, m).into_limbs().to_vec(),
        HintKind::Glv => split(x).to_vec(),
    };
    dwords.answer(kind, &mut answer);
    let to = aligned(out)?;
    for (key, word) in (to..).zip(answer) {
        dwords.write(SLOT, key, word)?;
    }
    Ok(())
}

fn inverse(x: U256, m: U256) -> U256 {
    if m.is_zero() { U256::ZERO } else { (x % m).inv_mod(m).unwrap_or_default() }
}

/// The power (m + 1)/4 of x is a root of x or, where x is no square, of −x.
fn square_root(x: U256, m: U256) -> U256 {
    if m.is_zero() { U256::ZERO } else { x.pow_mod((m >> 2) + U256::ONE, m) }
}

/// Order of secp256k1.
const N: U256 =
    U256::from_limbs([0xbfd2_5e8c_d036_4141, 0xbaae_dce6_af48_a03b, 0xffff_ffff_ffff_fffe, u64::MAX]);
/// A short basis of the lattice of (k1, k2) with k1 + k2·λ = 0 mod n: (A1, −B1) and (A2, A1). Source: Gallant, Lambert,
/// Vanstone 2001, for this curve.
const A1: u128 = 0x3086_d221_a7d4_6bcd_e86c_90e4_9284_eb15;
const B1: u128 = 0xe443_7ed6_010e_8828_6f54_7fa9_0abf_e4c3;
const A2: U256 = U256::from_limbs([0x57c1_108d_9d44_cfd8, 0x14ca_50f7_a8e2_f3f6, 1, 0]);

/// k1 = k − c1·A1 − c2·A2 and k2 = c1·B1 − c2·A1 with c1 = ⌊k·A1/n⌉, c2 = ⌊k·B1/n⌉.
fn split(k: U256) -> [u64; 5] {
    type Wide = Uint<512, 8>;
    let wide = |x: U256| Wide::from(x);
    let k = k % N;
    let rounded = |factor: u128| (wide(k) * Wide::from(factor) + wide(N >> 1)) / wide(N);
    let (c1, c2) = (rounded(A1), rounded(B1));
    // Differences that may be negative: their absolute values and signs.
    let signed = |a: Wide, b: Wide| if a >= b { (a - b, 0) } else { (b - a, 1) };
    let (k1, negative1) = signed(wide(k), c1 * Wide::from(A1) + c2 * wide(A2));
    let (k2, negative2) = signed(c1 * Wide::from(B1), c2 * Wide::from(A1));
    let ([a, b, ..], [c, d, ..]) = (*k1.as_limbs(), *k2.as_limbs());
    [a, b, c, d, negative1 | negative2 << 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: U256 = U256::from_limbs([0xffff_fffe_ffff_fc2f, u64::MAX, u64::MAX, u64::MAX]);
    /// λ, a cube root of unity modulo n.
    const LAMBDA: U256 = U256::from_limbs([
        0xdf02_967c_1b23_bd72,
        0x122e_22ea_2081_6678,
        0xa526_1c02_8812_645a,
        0x5363_ad4c_c05c_30e0,
    ]);

    /// Numbers of all sizes.
    fn numbers() -> impl Iterator<Item = U256> {
        let random = (1..2000u64).scan(U256::from(7), |x, i| {
            *x = x.wrapping_mul(*x).wrapping_add(U256::from(i.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
            Some(*x >> (i as usize % 256))
        });
        random.chain([U256::ZERO, U256::ONE, N - U256::ONE, N, P - U256::ONE, U256::MAX])
    }

    #[test]
    fn halves_are_short_and_make_the_whole() {
        assert_eq!(LAMBDA.pow_mod(U256::from(3), N), U256::ONE);
        for k in numbers() {
            let [a, b, c, d, signs] = split(k);
            let value = |low, high, negative| {
                let value = U256::from_limbs([low, high, 0, 0]);
                if negative { (N - value) % N } else { value }
            };
            let (k1, k2) = (value(a, b, signs & 1 == 1), value(c, d, signs & 2 == 2));
            assert_eq!(k1.add_mod(k2.mul_mod(LAMBDA, N), N), k % N, "{k:#x}");
        }
    }

    #[test]
    fn inverses_and_roots_are_what_they_say() {
        for x in numbers() {
            for m in [P, N] {
                let expected = if (x % m).is_zero() { U256::ZERO } else { U256::ONE };
                assert_eq!(inverse(x, m).mul_mod(x, m), expected);
            }
            let root = square_root(x, P);
            let square = root.mul_mod(root, P);
            assert!(square == x % P || square.add_mod(x, P).is_zero(), "{x:#x}");
        }
        assert_eq!(inverse(U256::from(2), U256::from(4)), U256::ZERO);
        assert_eq!((inverse(U256::ONE, U256::ZERO), square_root(U256::ONE, U256::ZERO)), Default::default());
    }
}
