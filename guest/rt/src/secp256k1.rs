//! Which public key signed? ECDSA recovery over secp256k1 with precompiles and hints.
//!
//! The public key is Q = u1·G + u2·R with u1 = −z/r, u2 = s/r (SEC 1, section 4.1.6). The host gives the square root for R,
//! 1/r, and the short halves of u1 and u2; each is checked here, and a host that lies makes the program panic. Q is then the
//! sum of four points times numbers below 2^128, bit by bit: about 128 doublings and 131 additions.
//!
//! About 8,000 instructions, 260 point operations, 10 multiplications and 4 hints.

use vellum_isa::HintKind;

use crate::precompile::{hint, secp256k1_add, secp256k1_double, u256_mul_mod};

/// A number of 256 bits, little-endian.
pub(crate) type Number = [u64; 4];

/// Modulus of the field.
const P: Number = [0xffff_fffe_ffff_fc2f, u64::MAX, u64::MAX, u64::MAX];
/// Order of the group, a prime.
pub(crate) const N: Number = [0xbfd2_5e8c_d036_4141, 0xbaae_dce6_af48_a03b, 0xffff_ffff_ffff_fffe, u64::MAX];
/// A cube root of unity modulo N: λ·(x, y) = (β·x, y).
const LAMBDA: Number =
    [0xdf02_967c_1b23_bd72, 0x122e_22ea_2081_6678, 0xa526_1c02_8812_645a, 0x5363_ad4c_c05c_30e0];
/// The cube root of unity modulo P that goes with it.
const BETA: Number =
    [0xc139_6c28_7195_01ee, 0x9cf0_4975_12f5_8995, 0x6e64_479e_ac34_34e9, 0x7ae9_6a2b_657c_0710];
/// The generator.
const G: [u64; 8] = [
    0x59f2_815b_16f8_1798,
    0x029b_fcdb_2dce_28d9,
    0x55a0_6295_ce87_0b07,
    0x79be_667e_f9dc_bbac,
    0x9c47_d08f_fb10_d4b8,
    0xfd17_b448_a685_5419,
    0x5da4_fbfc_0e11_08a8,
    0x483a_da77_26a3_c465,
];

/// The public key (x ‖ y, big-endian) whose signature of `hash` is (r, s) with an R whose y has the given parity and whose
/// x is r. `None` if there is none: r or s is 0 or not below the order, r is no point's x, or the key would be infinity.
///
/// # Panics
/// If the host answers a hint falsely.
pub fn recover(hash: &[u8; 32], r: &[u8; 32], s: &[u8; 32], y_is_odd: bool) -> Option<[u8; 64]> {
    recover_with(hash, r, s, y_is_odd, false)
}

/// [`recover`], with an x of r + N where `x_is_reduced`.
pub(crate) fn recover_with(
    hash: &[u8; 32],
    r: &[u8; 32],
    s: &[u8; 32],
    y_is_odd: bool,
    x_is_reduced: bool,
) -> Option<[u8; 64]> {
    let [z, r, s] = [hash, r, s].map(number);
    let is_scalar = |x: &Number| *x != [0; 4] && less(x, &N);
    if !is_scalar(&r) || !is_scalar(&s) {
        return None;
    }
    let (x, beyond) = if x_is_reduced { add(&r, &N) } else { (r, false) };
    if beyond || !less(&x, &P) {
        return None;
    }
    let point = Point::lift(&x, y_is_odd)?;
    let inverse = inverse(&r);
    let u1 = negate(&u256_mul_mod(&z, &inverse, &N), &N);
    let u2 = u256_mul_mod(&s, &inverse, &N);
    let key = sum_of_products([&u1, &u2], [Point::new(G), point]);
    if key.infinite {
        return None;
    }
    let mut bytes = [0; 64];
    for (half, limbs) in bytes.chunks_exact_mut(32).zip(key.xy.chunks_exact(4)) {
        write_number(limbs, half);
    }
    Some(bytes)
}

/// A point of the curve, or infinity. Coordinates are below P.
#[derive(Clone, Copy)]
struct Point {
    xy: [u64; 8],
    infinite: bool,
}

impl Point {
    const INFINITE: Self = Self { xy: [0; 8], infinite: true };

    const fn new(xy: [u64; 8]) -> Self {
        Self { xy, infinite: false }
    }

    /// The point with this x, below P, and a y of this parity.
    fn lift(x: &Number, y_is_odd: bool) -> Option<Self> {
        let cube = u256_mul_mod(&u256_mul_mod(x, x, &P), x, &P);
        let (mut square, carry) = add(&cube, &[7, 0, 0, 0]);
        if carry || !less(&square, &P) {
            square = subtract(&square, &P);
        }
        let mut question = [0; 8];
        question[..4].copy_from_slice(&square);
        question[4..].copy_from_slice(&P);
        let mut y = [0; 4];
        hint(HintKind::SquareRoot, &question, &mut y);
        assert!(less(&y, &P), "hint: a root is below the modulus");
        let found = u256_mul_mod(&y, &y, &P);
        if found != square {
            // −1 is no square modulo P, so a root of −x shows that x has none. (No x³ + 7 is 0.)
            assert!(found == negate(&square, &P), "hint: a root of x or of −x");
            return None;
        }
        if (y[0] & 1 == 1) != y_is_odd {
            y = negate(&y, &P);
        }
        let mut xy = [0; 8];
        xy[..4].copy_from_slice(x);
        xy[4..].copy_from_slice(&y);
        Some(Self::new(xy))
    }

    /// The chip adds points of different x only: everything else is decided here.
    #[inline]
    fn add(&mut self, other: &Self) {
        if other.infinite {
            return;
        }
        if self.infinite {
            *self = *other;
        } else if self.xy[0] != other.xy[0] || self.xy[1..4] != other.xy[1..4] {
            secp256k1_add(&mut self.xy, &other.xy);
        } else if self.xy[4..] == other.xy[4..] {
            self.double();
        } else {
            *self = Self::INFINITE;
        }
    }

    /// No point has order two, so y is not 0.
    #[inline]
    fn double(&mut self) {
        if !self.infinite {
            secp256k1_double(&mut self.xy);
        }
    }

    /// λ times the point.
    fn times_lambda(&self) -> Self {
        let mut product = *self;
        let x: Number = [self.xy[0], self.xy[1], self.xy[2], self.xy[3]];
        product.xy[..4].copy_from_slice(&u256_mul_mod(&x, &BETA, &P));
        product
    }

    fn negate_if(&mut self, negative: bool) {
        if negative {
            let y: Number = [self.xy[4], self.xy[5], self.xy[6], self.xy[7]];
            self.xy[4..].copy_from_slice(&negate(&y, &P));
        }
    }
}

/// u1·P1 + u2·P2 for scalars below N and points that are not infinite.
fn sum_of_products(scalars: [&Number; 2], points: [Point; 2]) -> Point {
    let mut halves = [[0; 2]; 4];
    // sums[i]: the sum of the points whose bits are set in i.
    let mut sums = [Point::INFINITE; 16];
    for (i, (scalar, point)) in scalars.into_iter().zip(points).enumerate() {
        let [(first, first_is_negative), (second, second_is_negative)] = split(scalar);
        (halves[2 * i], halves[2 * i + 1]) = (first, second);
        let mut other = point.times_lambda();
        other.negate_if(second_is_negative);
        let mut point = point;
        point.negate_if(first_is_negative);
        (sums[1 << (2 * i)], sums[2 << (2 * i)]) = (point, other);
    }
    for i in 3..16usize {
        let lowest = i & i.wrapping_neg();
        if lowest != i {
            let mut sum = sums[i ^ lowest];
            sum.add(&sums[lowest]);
            sums[i] = sum;
        }
    }
    let mut total = Point::INFINITE;
    for word in [1, 0] {
        let [mut a, mut b, mut c, mut d] = halves.map(|half| half[word]);
        for _ in 0..64 {
            total.double();
            let bits = (a >> 63) | (b >> 63) << 1 | (c >> 63) << 2 | (d >> 63) << 3;
            (a, b, c, d) = (a << 1, b << 1, c << 1, d << 1);
            if bits != 0 {
                total.add(&sums[bits as usize]);
            }
        }
    }
    total
}

/// Two numbers below 2^128 with signs (true for negative) that make k = k1 + λ·k2 modulo N.
fn split(k: &Number) -> [([u64; 2], bool); 2] {
    let mut answer = [0; 5];
    hint(HintKind::Glv, k, &mut answer);
    let [a, b, c, d, signs] = answer;
    let (first_is_negative, second_is_negative) = (signs & 1 == 1, signs & 2 == 2);
    let signed = |x: Number, negative| if negative { negate(&x, &N) } else { x };
    let first = signed([a, b, 0, 0], first_is_negative);
    let second = signed(u256_mul_mod(&[c, d, 0, 0], &LAMBDA, &N), second_is_negative);
    // Both are below N, as k is: the sum is k or k + N.
    let sum = add(&first, &second);
    assert!(sum == (*k, false) || sum == add(k, &N), "hint: halves make the whole");
    [([a, b], first_is_negative), ([c, d], second_is_negative)]
}

/// 1/x modulo N, for an x that is not 0 modulo N.
fn inverse(x: &Number) -> Number {
    let mut question = [0; 8];
    question[..4].copy_from_slice(x);
    question[4..].copy_from_slice(&N);
    let mut inverse = [0; 4];
    hint(HintKind::Inverse, &question, &mut inverse);
    assert!(u256_mul_mod(x, &inverse, &N) == [1, 0, 0, 0], "hint: an inverse");
    inverse
}

/// The number of 32 big-endian bytes.
pub(crate) fn number(bytes: &[u8; 32]) -> Number {
    let (words, _) = bytes.as_chunks::<8>();
    core::array::from_fn(|i| u64::from_be_bytes(words[3 - i]))
}

/// The 32 big-endian bytes of a number.
pub(crate) fn write_number(limbs: &[u64], bytes: &mut [u8]) {
    for (bytes, limb) in bytes.chunks_exact_mut(8).zip(limbs.iter().rev()) {
        bytes.copy_from_slice(&limb.to_be_bytes());
    }
}

/// a < b.
pub(crate) fn less(a: &Number, b: &Number) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

/// −x modulo m, for x below m.
fn negate(x: &Number, m: &Number) -> Number {
    if *x == [0; 4] { *x } else { subtract(m, x) }
}

/// a + b modulo 2^256, and whether it is less than the sum.
fn add(a: &Number, b: &Number) -> (Number, bool) {
    let mut carry = false;
    let sum = core::array::from_fn(|i| {
        let (sum, first) = a[i].overflowing_add(b[i]);
        let (sum, second) = sum.overflowing_add(carry.into());
        carry = first | second;
        sum
    });
    (sum, carry)
}

/// a − b modulo 2^256.
pub(crate) fn subtract(a: &Number, b: &Number) -> Number {
    let mut borrow = false;
    core::array::from_fn(|i| {
        let (difference, first) = a[i].overflowing_sub(b[i]);
        let (difference, second) = difference.overflowing_sub(borrow.into());
        borrow = first | second;
        difference
    })
}
