//! Identities between big integers: Σ ± products ± … = 0 over the integers, in columns of small numbers.
//!
//! # How
//! A factor is a polynomial at 2^8: its coefficients are bytes, or sums of a few bytes and constants. So an identity is
//! a polynomial whose value at 2^8 must be 0. Its coefficients c_0, c_1 … are merged in pairs to *limbs*
//! P_k = c_(2k) + 2^8·c_(2k+1), polynomials at 2^16; terms that are no products can be added as limbs at once. The value
//! is 0 exactly if there are integers carry_0, carry_1 … with
//!
//! P_k + carry_(k−1) − 2^16·carry_k = 0, carry_(−1) = 0, the last carry = 0.
//!
//! # Carries
//! carry = low + 128·high − 2^14 with bytes low and high (one lookup), so −16384 ≤ carry ≤ 16511. Where no lookup is
//! made (padding), the offset is 0 as well.
//!
//! # Soundness
//! The equations hold in the field. They hold over the integers if their left sides are smaller in absolute value than
//! p = 2^31 − 2^24 + 1: with |P_k| ≤ [`LIMB_MAX`] for all values that the range checks admit,
//! |P_k + carry − 2^16·carry'| ≤ LIMB_MAX + 16511 + 2^16·16511 < p (asserted below). A product of two 32-byte numbers alone
//! has P_k ≤ (31 + 2^8·32)·255² = 534,700,575. Each chip's tests compute the range of its P_k by interval arithmetic on the very
//! function that states the identity, and compare with LIMB_MAX.
//!
//! Completeness: if the equations hold with |P_k| ≤ LIMB_MAX, |carry| ≤ LIMB_MAX/(2^16 − 1) ≤ 16383, which is in range.
//!
//! Bytes that come from memory are b0 + 2^8·b1 = limb with both bytes checked, so they are the limb's only decomposition.

use std::ops::{Add, AddAssign, Mul, Sub};

use vellum_stark::{Algebra, Builder, Columns, F, PrimeCharacteristicRing, PrimeField32};

use crate::tables::send_bytes;

/// Largest admissible |P_k|.
pub(crate) const LIMB_MAX: i64 = 1_048_000_000;
/// Weight of a carry's high byte.
const HIGH: i64 = 128;
/// What is taken from a carry's bytes.
const OFFSET: i64 = 1 << 14;

const _: () = {
    let largest_carry = 255 + 255 * HIGH - OFFSET;
    assert!(OFFSET <= largest_carry);
    assert!(LIMB_MAX + largest_carry + (largest_carry << 16) < F::ORDER_U32 as i64);
    assert!(LIMB_MAX / ((1 << 16) - 1) < OFFSET);
};

/// What an identity is stated over: a field's expressions in `eval`, integers when a row is made, intervals in tests.
pub(crate) trait Number:
    Clone + Default + Add<Output = Self> + AddAssign + Sub<Output = Self> + Mul<Output = Self>
{
    /// The number `value`.
    fn constant(value: i64) -> Self;

    /// The number times `factor`.
    fn times(self, factor: i64) -> Self;
}

impl<E: Algebra<F>> Number for E {
    fn constant(value: i64) -> Self {
        F::from_i64(value).into()
    }

    fn times(self, factor: i64) -> Self {
        self * F::from_i64(factor)
    }
}

/// An integer, as which a row's cells are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Int(pub(crate) i64);

impl Add for Int {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Int {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for Int {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Mul for Int {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self(self.0 * other.0)
    }
}

impl Number for Int {
    fn constant(value: i64) -> Self {
        Self(value)
    }

    fn times(self, factor: i64) -> Self {
        Self(self.0 * factor)
    }
}

impl Int {
    /// The number of a small cell.
    pub(crate) fn cell(value: u32) -> Self {
        Self(value.into())
    }
}

/// Writes columns made as integers to a row.
pub(crate) fn write_cells(mut columns: impl Columns<Int>, row: &mut [F]) {
    let mut next = row.iter_mut();
    columns.visit(&mut |cell| {
        if let Some(place) = next.next() {
            *place = F::from_i64(cell.0);
        }
    });
}

/// The bytes of dwords, little-endian.
pub(crate) fn bytes<const N: usize>(dwords: &[u64]) -> [Int; N] {
    std::array::from_fn(|i| Int((dwords[i / 8] >> (8 * (i % 8)) & 0xff) as i64))
}

/// The 16-bit limbs of dwords, little-endian.
pub(crate) fn limbs_of<const N: usize>(dwords: &[u64]) -> [Int; N] {
    std::array::from_fn(|i| Int((dwords[i / 4] >> (16 * (i % 4)) & 0xffff) as i64))
}

/// Bytes merged to 16-bit limbs.
pub(crate) fn merged<T: Number>(bytes: &[T]) -> Vec<T> {
    bytes.chunks_exact(2).map(|pair| pair[0].clone() + pair[1].clone().times(256)).collect()
}

/// States that all of an even number of cells are bytes where the flag `r` is 1.
pub(crate) fn check_bytes<B: Builder>(b: &mut B, r: &B::Expr, bytes: &[B::Expr]) {
    for pair in bytes.chunks_exact(2) {
        send_bytes(b, r.clone(), pair[0].clone(), pair[1].clone());
    }
}

/// One side of an identity, as limbs.
#[derive(Clone)]
pub(crate) struct Identity<T> {
    /// P_0, P_1 …
    pub(crate) limbs: Vec<T>,
}

impl<T: Number> Identity<T> {
    /// Zero, with `length` limbs.
    pub(crate) fn new(length: usize) -> Self {
        Self { limbs: vec![T::default(); length] }
    }

    /// Adds `sign` times the product of two polynomials at 2^8.
    pub(crate) fn add_product(&mut self, sign: i64, a: &[T], b: &[T]) {
        for k in 0..a.len() + b.len() - 1 {
            let mut sum = T::default();
            for i in (k + 1).saturating_sub(b.len())..a.len().min(k + 1) {
                sum += a[i].clone() * b[k - i].clone();
            }
            let weight = if k % 2 == 0 { sign } else { 256 * sign };
            self.limbs[k / 2] += if weight == 1 { sum } else { sum.times(weight) };
        }
    }

    /// Adds `factor`·2^(16·shift) times a number given by limbs.
    pub(crate) fn add_limbs(&mut self, factor: i64, shift: usize, limbs: &[T]) {
        for (sum, limb) in self.limbs[shift..].iter_mut().zip(limbs) {
            *sum += limb.clone().times(factor);
        }
    }
}

impl<E: Algebra<F>> Identity<E> {
    /// States that the value is 0 where the flag `r` is 1. Limbs beyond the carries must be 0 each, which says the same
    /// where they cannot cancel.
    pub(crate) fn check<B: Builder<Expr = E>, const N: usize>(
        self,
        b: &mut B,
        r: &E,
        name: &'static str,
        carries: &Carries<E, N>,
    ) {
        let mut carry_in = E::ZERO;
        for (k, limb) in self.limbs.into_iter().enumerate() {
            let carry = if k < N { carries.value(b, r, k) } else { E::ZERO };
            // P_k + carry_(k−1) − 2^16·carry_k = 0
            b.assert_eq(name, limb + carry_in, carry.clone() * F::from_u32(1 << 16));
            carry_in = carry;
        }
    }
}

/// The carries out of the first `N` limbs of an identity, two bytes each.
#[derive(Clone)]
pub(crate) struct Carries<T, const N: usize> {
    /// Low bytes.
    pub(crate) low: [T; N],
    /// High bytes, of weight 128.
    pub(crate) high: [T; N],
}

impl<T: Default, const N: usize> Default for Carries<T, N> {
    fn default() -> Self {
        Self { low: std::array::from_fn(|_| T::default()), high: std::array::from_fn(|_| T::default()) }
    }
}

impl<T: Default, const N: usize> Columns<T> for Carries<T, N> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.low.iter_mut().for_each(&mut *f);
        self.high.iter_mut().for_each(f);
    }
}

impl<E: Algebra<F>, const N: usize> Carries<E, N> {
    /// The range-checked carry out of limb `k`.
    fn value<B: Builder<Expr = E>>(&self, b: &mut B, r: &E, k: usize) -> E {
        let [low, high] = [&self.low[k], &self.high[k]].map(Clone::clone);
        send_bytes(b, r.clone(), low.clone(), high.clone());
        low + high * F::from_i64(HIGH) - r.clone() * F::from_i64(OFFSET)
    }
}

impl<const N: usize> Carries<Int, N> {
    /// The carries of an identity that holds. Where it does not, some cell is no byte or some equation fails.
    pub(crate) fn new(identity: &Identity<Int>) -> Self {
        let mut carries = Self::default();
        let mut carry = 0;
        for (k, Int(limb)) in identity.limbs.iter().take(N).enumerate() {
            carry = (limb + carry) >> 16;
            let shifted = carry + OFFSET;
            let high = (shifted / HIGH).clamp(0, 255);
            carries.low[k] = Int(shifted - HIGH * high);
            carries.high[k] = Int(high);
        }
        carries
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use vellum_stark::check::Cells;

    use super::*;

    /// All numbers from the first to the second.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Interval(pub(crate) i64, pub(crate) i64);

    impl Add for Interval {
        type Output = Self;
        fn add(self, other: Self) -> Self {
            Self(self.0 + other.0, self.1 + other.1)
        }
    }

    impl AddAssign for Interval {
        fn add_assign(&mut self, other: Self) {
            *self = *self + other;
        }
    }

    impl Sub for Interval {
        type Output = Self;
        fn sub(self, other: Self) -> Self {
            Self(self.0 - other.1, self.1 - other.0)
        }
    }

    impl Mul for Interval {
        type Output = Self;
        fn mul(self, other: Self) -> Self {
            let corners = [self.0 * other.0, self.0 * other.1, self.1 * other.0, self.1 * other.1];
            Self(*corners.iter().min().expect("four"), *corners.iter().max().expect("four"))
        }
    }

    impl Number for Interval {
        fn constant(value: i64) -> Self {
            Self(value, value)
        }

        fn times(self, factor: i64) -> Self {
            self * Self(factor, factor)
        }
    }

    /// Adds a multiple of 2^(16·limb) for each entry.
    pub(crate) fn inject(identity: &mut Identity<Int>, error: &[(usize, i64)]) {
        for (limb, value) in error {
            identity.limbs[*limb].0 += value;
        }
    }

    /// The row of some columns.
    pub(crate) fn to_cells<C: Columns<Int>>(columns: C) -> Cells {
        let mut cells = vec![F::default(); C::width()];
        write_cells(columns, &mut cells);
        Cells::main(cells)
    }

    /// The largest |P_k|.
    pub(crate) fn limb_bound(identity: &Identity<Interval>) -> i64 {
        identity.limbs.iter().map(|limb| limb.0.abs().max(limb.1.abs())).max().expect("there are limbs")
    }

    #[test]
    fn a_product_of_bytes_stays_far_below_the_bound() {
        let bytes = [Interval(0, 255); 32];
        let mut identity = Identity::new(32);
        identity.add_product(1, &bytes, &bytes);
        assert_eq!(limb_bound(&identity), (31 + 256 * 32) * 255 * 255);
        identity.add_product(-1, &bytes, &bytes);
        assert_eq!(limb_bound(&identity), (31 + 256 * 32) * 255 * 255);
    }

    #[test]
    fn carries_of_the_extreme_limbs_are_in_range() {
        for extreme in [LIMB_MAX, -LIMB_MAX] {
            let mut identity = Identity::new(33);
            identity.add_limbs(1, 0, &[Int(extreme); 32]);
            let carries = Carries::<Int, 32>::new(&identity);
            let mut bytes = carries.low.iter().chain(&carries.high);
            assert!(bytes.all(|byte| (0..256).contains(&byte.0)), "{extreme}");
        }
    }
}
