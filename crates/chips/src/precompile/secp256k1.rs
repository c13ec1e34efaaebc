//! SECP256K1 proves SECP256K1_ADD (p ← p + q) and SECP256K1_DOUBLE (p ← 2p): a call is a row.
//!
//! A point is x, y: 32 bytes each, little-endian, both below the field's prime P = 2^256 − 2^32 − 977. With
//! slope = (y2 − y1)/(x2 − x1) or 3·x1²/(2·y1), x3 = slope² − x1 − x2 (x2 = x1 in a double) and
//! y3 = slope·(x1 − x3) − y1, modulo P.
//!
//! What is proven: all coordinates are below P, the divisor is not 0, and (x3, y3) is what the formulas give. So equal
//! and opposite points cannot be added, a point with y = 0 cannot be doubled, and nothing here is the point at infinity:
//! the guest handles these cases. That a point is on the curve is *not* proven; elsewhere the formulas hold all the same,
//! and give one result. q may overlap p: it is read before p is written.
//!
//! | columns | number | vouched for by |
//! |---|---|---|
//! | ts | 1 | PRE |
//! | add, double | 2 | constraints; which is set: PRE through the code |
//! | pointers p, q: limbs | 4 | PRE, alignment by RANGE16 |
//! | x1, x2 (bytes), y1 (bytes), y2 (limbs) | 112 | MEM; bytes: BYTE (pairs) |
//! | slope (bytes) | 32 | BYTE (pairs); constraints |
//! | x3 (bytes), y3 (limbs) | 48 | BYTE (pairs), RANGE16; constraints |
//! | accesses of q, of p: previous time, distance | 32 | MEM, RANGE16, BYTE |
//! | quotients of the three identities | 51 | RANGE16; the top limb: the last equation |
//! | carries of the three identities | 192 | BYTE (pairs) |
//! | why x1, y1, x2, y2, x3, y3 are below P: two flags and an inverse each | 18 | constraints |
//! | why the divisor is not 0 | 11 | constraint |
//!
//! r = add + double. In a double x2 = y2 = 0 in the columns, and x2 stands for x1 in the second identity. Constraints
//! (degree):
//! - add, double, r ∈ {0, 1} (2); double·(limbs of the pointer q) = 0 (2)
//! - add·(slope·(x2 − x1) − (y2 − y1)) + double·(2·y1·slope − 3·x1²) = quotient_1·P (3)
//! - slope² − x1 − add·x2 − double·x1 − x3 = quotient_2·P (2)
//! - slope·(x1 − x3) − y1 − y3 = quotient_3·P (2)
//!
//!   each over the integers, by 33 equations: see `bigint`
//! - Σ_g w_g·(add·(x2 − x1)_g + double·(y1)_g) = r (3), where v_g are the digits of v in base 2^24
//! - below P, for each of six values: see [`Canonical`] (3)
//!
//! Interactions: PRE; p at ts + 8, eight dwords replaced; q at ts + 7, eight dwords read where add; the range checks (r).
//!
//! # Soundness
//! - The identities hold over the integers (bounds below), so they hold modulo P. quotient_i = Σ_(j≤16) u_j·2^(16·j), 16
//!   bits each but the last, a signed number that the last equation makes as small as a carry: it says
//!   u_16 = carry_31 (less the top limb of 3·J²/4, at most 3).
//! - The divisor x2 − x1 or 2·y1 is not 0 modulo P: some digit of x2 − x1 (or of y1) is not 0 in the field, digits are
//!   smaller than 2^24 in absolute value, so x2 ≠ x1 (y1 ≠ 0) as bytes, and both are below P. So modulo P there is exactly
//!   one slope, one x3 and one y3, and x3, y3 < P are unique as integers.
//! - Bytes of x1, y1, x2 are each the only decomposition of the limbs in memory. y1 stays a number below P in the double's
//!   divisor, so 2·y1 is not P either: P is odd.
//!
//! Bounds, |P_k| of `bigint`. A product of bytes is below 534.8 M. The first identity of a double would reach
//! (2 + 3)·534.8 M, too much. So its factors are centred: with x' = x1 − 128 and y' = y1 − 128 in each byte and
//! J = 2^8 + 2^16 + … + 2^256, that is 2·128·Σ_(i<32) 2^(8i), 2·y1 = 2·y' + J and 3·x1² = x'·(3·x' + 3·J) + 3·J²/4. J adds
//! 1 to a digit of 2·y', 3 to one of 3·x'. That leaves at most 33·255·256·257 + 33·128·387·257 < 975 M by a rough count. A
//! quotient adds 977·65535 + 2·65535 < 64.2 M. The exact sum, 1002.8 M, is in the test `limbs_stay_in_bounds`.
//!
//! Completeness: slope < P, so the quotients are in (−4·P, 3·P); every coordinate below P has a witness.

use ruint::{Uint, aliases::U256};
use vellum_executor::{Call, Table, Touch};
use vellum_isa::Precompile;
use vellum_stark::{
    Algebra, Builder, Chip, Columns, F, Field, PrimeCharacteristicRing, PrimeField32, Widths,
};

use crate::{
    RANGE16,
    family::exclusive,
    precompile::bigint::{Carries, Identity, Int, Number, bytes, check_bytes, limbs_of, merged, write_cells},
    precompile::dwords::Times,
    precompile::{FIRST_SLOT, PrecompileChip, aligned_key, code, receive_call},
};

/// The prime of the coordinates, in dwords.
const PRIME: [u64; 4] = [0xffff_fffe_ffff_fc2f, u64::MAX, u64::MAX, u64::MAX];
/// 2^256 − prime − 2^32.
const PRIME_LOW: i64 = 977;
/// Slot of the reads of q.
const Q_SLOT: u32 = FIRST_SLOT;
/// Slot of the accesses of p.
const P_SLOT: u32 = FIRST_SLOT + 1;
/// Bytes per digit when two numbers are told apart: less than 31 bits.
const DIGIT_BYTES: usize = 3;

const IDENTITIES: [&str; 3] = ["slope", "x3", "y3"];

/// The columns.
#[derive(Clone, Default)]
struct Row<T> {
    /// Time at which the call starts.
    ts: T,
    /// One-hot: add, double.
    flags: [T; 2],
    /// Pointer p: limbs.
    p: [T; 2],
    /// Pointer q: limbs, zero in a double.
    q: [T; 2],
    /// p before: x, bytes.
    x1: [T; 32],
    /// p before: y, bytes.
    y1: [T; 32],
    /// q: x, bytes; zero in a double.
    x2: [T; 32],
    /// q: y, limbs; zero in a double.
    y2: [T; 16],
    /// p after: x, bytes.
    x3: [T; 32],
    /// p after: y, limbs.
    y3: [T; 16],
    /// The slope modulo the prime, bytes.
    slope: [T; 32],
    /// Accesses of p.
    p_times: Times<T, 8>,
    /// Accesses of q.
    q_times: Times<T, 8>,
    /// Quotients, limbs; the top one is signed.
    quotients: [[T; 17]; 3],
    /// Carries.
    carries: [Carries<T, 32>; 3],
    /// Why x1, y1, x2, y2, x3, y3 are below the prime.
    canonical: [Canonical<T>; 6],
    /// w: why the divisor is not 0.
    divisor_inverse: [T; 11],
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        f(&mut self.ts);
        self.flags.visit(f);
        self.p.visit(f);
        self.q.visit(f);
        self.x1.visit(f);
        self.y1.visit(f);
        self.x2.visit(f);
        self.y2.visit(f);
        self.x3.visit(f);
        self.y3.visit(f);
        self.slope.visit(f);
        self.p_times.visit(f);
        self.q_times.visit(f);
        self.quotients.iter_mut().for_each(|limbs| limbs.visit(f));
        self.carries.iter_mut().for_each(|carries| carries.visit(f));
        self.canonical.iter_mut().for_each(|canonical| canonical.visit(f));
        self.divisor_inverse.visit(f);
    }
}

/// Why a number of 16-bit limbs l_0 … l_15 is below the prime, whose limbs are 0xfc2f, 0xffff, 0xfffe, 0xffff ….
///
/// n = Σ_(i≥3) 2·(0xffff − l_i) + (0xfffe − l_2) is −1 or more, positive if the upper limbs are below the prime's, 0 if they are
/// equal, −1 if they are above. u = 0xffff − l_1. Constraints (degree), a number being below the prime in each case:
/// - n·(n + 1)·inverse = upper (3): upper = 1 says that n is neither 0 nor −1
/// - (r − upper)·n = 0 (2): otherwise n = 0 (so upper, too, is 0 or r), and
/// - (r − upper)·(u·inverse − second) = 0 (3): second = 1 says that l_1 < 0xffff
/// - 0xfc2e − l_0 in 16 bits where neither = r − upper − second ∈ {0, 1} (2) is 1
#[derive(Clone, Default)]
struct Canonical<T> {
    /// The limbs above the second decide.
    upper: T,
    /// The second limb decides.
    second: T,
    /// An inverse in the field.
    inverse: T,
}

impl<T: Default> Columns<T> for Canonical<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        f(&mut self.upper);
        f(&mut self.second);
        f(&mut self.inverse);
    }
}

/// n and u of a number.
fn distances<T: Number>(limbs: &[T]) -> [T; 2] {
    let mut n = T::constant(0xfffe) - limbs[2].clone();
    for limb in &limbs[3..] {
        n += (T::constant(0xffff) - limb.clone()).times(2);
    }
    [n, T::constant(0xffff) - limbs[1].clone()]
}

impl<E: Algebra<F>> Canonical<E> {
    fn eval<B: Builder<Expr = E>>(&self, b: &mut B, r: &E, limbs: &[E]) {
        let [n, u] = distances(limbs);
        let Self { upper, second, inverse } = self;
        let equal = r.clone() - upper.clone();
        let neither = equal.clone() - second.clone();
        b.assert_bool("upper or second", neither.clone());
        b.assert_eq("upper", n.clone() * (n.clone() + E::ONE) * inverse.clone(), upper.clone());
        b.assert_zero("not upper", equal.clone() * n);
        b.assert_zero("second", equal * (u * inverse.clone() - second.clone()));
        b.send(RANGE16, neither, [E::from_u16(0xfc2e) - limbs[0].clone()]);
    }
}

impl Canonical<Int> {
    fn new(limbs: &[Int]) -> Self {
        let [n, u] = distances(limbs).map(|Int(value)| F::from_i64(value));
        let upper = n * (n + F::ONE);
        let second = if upper == F::ZERO { u } else { F::ZERO };
        let inverse = upper.try_inverse().or_else(|| second.try_inverse()).unwrap_or_default();
        Self {
            upper: Int((upper != F::ZERO).into()),
            second: Int((second != F::ZERO).into()),
            inverse: field_cell(inverse),
        }
    }
}

/// A field element as a row's integer.
fn field_cell(value: F) -> Int {
    Int::cell(value.as_canonical_u32())
}

/// 3·J²/4 = 3·(128·Σ 2^(8i))², in limbs.
const CENTRE: [u16; 33] = {
    let mut limbs = [0; 33];
    let mut carry = 0u64;
    let mut k = 0;
    while k < 33 {
        // Coefficient c of (Σ_(i<32) 2^(8i))² is the number of pairs i + j = c.
        let mut half = 0;
        while half < 2 {
            let c = 2 * k as u64 + half;
            let pairs = if c < 32 { c + 1 } else { 63u64.saturating_sub(c) };
            carry += (3 * 128 * 128 * pairs) << (8 * half);
            half += 1;
        }
        limbs[k] = (carry & 0xffff) as u16;
        carry >>= 16;
        k += 1;
    }
    assert!(carry == 0);
    limbs
};

impl<T: Number> Row<T> {
    /// x1, y1, x2, y2, x3, y3 in limbs.
    fn coordinates(&self) -> [Vec<T>; 6] {
        let Self { x1, y1, x2, y2, x3, y3, .. } = self;
        [merged(x1), merged(y1), merged(x2), y2.to_vec(), merged(x3), y3.to_vec()]
    }

    /// The digits of the divisor (of half of it in a double) in base 2^24, by which it is told from 0.
    fn divisor_digits(&self) -> Vec<T> {
        let [add, double] = &self.flags;
        let byte = |i: usize| {
            add.clone() * (self.x2[i].clone() - self.x1[i].clone()) + double.clone() * self.y1[i].clone()
        };
        let digit = |first: usize| {
            let mut digit = T::default();
            for i in first..(first + DIGIT_BYTES).min(32) {
                digit += byte(i).times(1 << (8 * (i - first)));
            }
            digit
        };
        (0..32).step_by(DIGIT_BYTES).map(digit).collect()
    }

    /// What must be multiples of the prime.
    fn identities(&self) -> [Identity<T>; 3] {
        let [add, double] = &self.flags;
        let [x1, y1, x2, y2, x3, y3] = self.coordinates();
        let centred = |byte: &T| byte.clone() - T::constant(128);
        // J's digit i, for digits 0 … 32.
        let j = |i: usize| T::constant(i64::from(i > 0));
        let times =
            |flag: &T, limbs: &[T]| -> Vec<T> { limbs.iter().map(|x| flag.clone() * x.clone()).collect() };

        // add·(slope·(x2 − x1) − (y2 − y1)) + double·(slope·(2·y' + J) − x'·(3·x' + 3·J) − 3·J²/4)
        let divisor: Vec<T> = (0..33)
            .map(|i| match i {
                0..32 => {
                    add.clone() * (self.x2[i].clone() - self.x1[i].clone())
                        + double.clone() * (centred(&self.y1[i]).times(2) + j(i))
                }
                _ => double.clone() * j(i),
            })
            .collect();
        let square: Vec<T> = (0..33)
            .map(|i| {
                let digit = if i < 32 { centred(&self.x1[i]) + j(i) } else { j(i) };
                double.clone() * digit.times(3)
            })
            .collect();
        let mut slope = Identity::new(33);
        slope.add_product(1, &self.slope, &divisor);
        slope.add_product(-1, &self.x1.each_ref().map(centred), &square);
        let centre = CENTRE.map(|limb| T::constant(limb.into()));
        slope.add_limbs(-1, 0, &times(double, &centre));
        slope.add_limbs(1, 0, &times(add, &y1));
        slope.add_limbs(-1, 0, &times(add, &y2));

        // slope² − x1 − add·x2 − double·x1 − x3
        let mut x = Identity::new(33);
        x.add_product(1, &self.slope, &self.slope);
        x.add_limbs(-1, 0, &x1);
        x.add_limbs(-1, 0, &times(add, &x2));
        x.add_limbs(-1, 0, &times(double, &x1));
        x.add_limbs(-1, 0, &x3);

        // slope·(x1 − x3) − y1 − y3
        let run: Vec<T> = self.x1.iter().zip(&self.x3).map(|(x1, x3)| x1.clone() - x3.clone()).collect();
        let mut y = Identity::new(33);
        y.add_product(1, &self.slope, &run);
        y.add_limbs(-1, 0, &y1);
        y.add_limbs(-1, 0, &y3);
        [slope, x, y]
    }

    /// The identities less quotient·prime: what must be 0.
    fn remainders(&self) -> [Identity<T>; 3] {
        let mut identities = self.identities();
        for (identity, quotient) in identities.iter_mut().zip(&self.quotients) {
            subtract(identity, quotient);
        }
        identities
    }
}

/// Takes quotient·prime away, where prime = 2^256 − 2^32 − 977.
fn subtract<T: Number>(identity: &mut Identity<T>, quotient: &[T; 17]) {
    identity.add_limbs(-1, 16, quotient);
    identity.add_limbs(1, 2, quotient);
    identity.add_limbs(PRIME_LOW, 0, quotient);
}

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct Secp256k1Chip;

impl Chip for Secp256k1Chip {
    fn name(&self) -> &'static str {
        "SECP256K1"
    }

    fn widths(&self) -> Widths {
        Widths { main: Row::<F>::width(), ..Widths::default() }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let row = Row::<B::Expr>::read(b.main());
        let r = &exclusive(b, &row.flags, ["add boolean", "double boolean"]);
        let [add, double] = &row.flags;
        for limb in &row.q {
            // double·q = 0
            b.assert_zero("a double has one argument", double.clone() * limb.clone());
        }

        for ((identity, name), carries) in row.remainders().into_iter().zip(IDENTITIES).zip(&row.carries) {
            identity.check(b, r, name, carries);
        }
        // Σ_g w_g·digit_g = r
        let digits = row.divisor_digits().into_iter().zip(&row.divisor_inverse);
        b.assert_eq("divisor", digits.map(|(digit, w)| digit * w.clone()).sum(), r.clone());
        let coordinates = row.coordinates();
        for (canonical, limbs) in row.canonical.iter().zip(&coordinates) {
            canonical.eval(b, r, limbs);
        }

        for bytes in [&row.x1, &row.y1, &row.x2, &row.x3, &row.slope] {
            check_bytes(b, r, bytes);
        }
        for limb in row.y3.iter().chain(row.quotients.iter().flat_map(|limbs| &limbs[..16])) {
            b.send(RANGE16, r.clone(), [limb.clone()]);
        }
        let [x1, y1, x2, y2, x3, y3] = coordinates;
        let p = aligned_key(b, r, &row.p);
        let q = aligned_key(b, add, &row.q);
        let time = |slot: u32| row.ts.clone() + B::Expr::from_u32(slot);
        row.q_times.reads(b, add, [q, time(Q_SLOT)], &[x2, y2].concat());
        row.p_times.writes(b, r, [p, time(P_SLOT)], [&[x1, y1].concat(), &[x3, y3].concat()]);
        let precompile = add.clone() * code::<F>(Precompile::Secp256k1Add)
            + double.clone() * code::<F>(Precompile::Secp256k1Double);
        let zero = || [B::Expr::ZERO, B::Expr::ZERO];
        receive_call(b, r.clone(), precompile, row.ts, [row.p, row.q, zero(), zero()]);
    }
}

/// An identity's value divided by the prime, rounded down.
fn quotient(identity: &Identity<Int>) -> [Int; 17] {
    type Wide = Uint<576, 9>;
    const OFFSET: u64 = 1 << 16;
    let prime = Wide::from_limbs_slice(&PRIME);
    // offset·2^256·prime makes the value positive. Limbs of the sum, carried into 16 bits.
    let offset: Wide = (prime * Wide::from(OFFSET)) << 256;
    let mut carry = 0;
    let mut dwords = [0u64; 9];
    for (k, limb) in limbs_of::<36>(offset.as_limbs()).into_iter().enumerate() {
        carry += limb.0 + identity.limbs.get(k).map_or(0, |limb| limb.0);
        dwords[k / 4] |= (carry as u64 & 0xffff) << (16 * (k % 4));
        carry >>= 16;
    }
    let dwords = (Wide::from_limbs(dwords) / prime).into_limbs();
    let mut limbs = limbs_of(&dwords);
    limbs[16] = Int(dwords[4] as i64 - OFFSET as i64);
    limbs
}

/// The slope of a call, 0 where the divisor is 0.
fn slope(double: bool, [x1, y1, x2, y2]: [U256; 4]) -> U256 {
    let prime = U256::from_limbs(PRIME);
    let minus = |a: U256, b: U256| a.add_mod(prime - b.reduce_mod(prime), prime);
    let (rise, run) = if double {
        let square = x1.mul_mod(x1, prime);
        (square.add_mod(square, prime).add_mod(square, prime), y1.add_mod(y1, prime))
    } else {
        (minus(y2, y1), minus(x2, x1))
    };
    rise.mul_mod(run.inv_mod(prime).unwrap_or_default(), prime)
}

/// The row of a call as integers.
fn cells(call: &Call) -> Row<Int> {
    let double = call.code == Precompile::Secp256k1Double.code();
    let (q, p) = call.touches.split_at(if double { 0 } else { 8 });
    let old = |touches: &[Touch]| -> [u64; 8] {
        std::array::from_fn(|i| touches.get(i).map_or(0, |touch| touch.access.old))
    };
    let new: [u64; 8] = std::array::from_fn(|i| p.get(i).map_or(0, |touch| touch.new));
    let [p_old, q_old] = [old(p), old(q)];
    let number = |dwords: &[u64]| U256::from_limbs_slice(dwords);
    let slope = slope(double, [&p_old[..4], &p_old[4..], &q_old[..4], &q_old[4..]].map(number));
    let argument = |i: usize| [Int::cell(call.args[i] & 0xffff), Int::cell(call.args[i] >> 16)];
    let mut row = Row {
        ts: Int::cell(call.ts),
        flags: [Int((!double).into()), Int(double.into())],
        p: argument(0),
        q: argument(1),
        x1: bytes(&p_old[..4]),
        y1: bytes(&p_old[4..]),
        x2: bytes(&q_old[..4]),
        y2: limbs_of(&q_old[4..]),
        x3: bytes(&new[..4]),
        y3: limbs_of(&new[4..]),
        slope: bytes(slope.as_limbs()),
        p_times: Times::new(p, call.ts, Int::cell),
        q_times: Times::new(q, call.ts, Int::cell),
        ..Row::default()
    };
    row.complete();
    row
}

impl Row<Int> {
    /// Sets the columns that follow from values and slope.
    fn complete(&mut self) {
        self.quotients = self.identities().each_ref().map(quotient);
        self.carries = self.remainders().each_ref().map(Carries::new);
        self.canonical = self.coordinates().each_ref().map(|limbs| Canonical::new(limbs));
        let digits = self.divisor_digits();
        self.divisor_inverse = Default::default();
        let first = digits.iter().zip(&mut self.divisor_inverse).find(|(digit, _)| digit.0 != 0);
        if let Some((digit, w)) = first {
            *w = field_cell(F::from_i64(digit.0).inverse());
        }
    }
}

impl PrecompileChip for Secp256k1Chip {
    type Row = Call;

    fn table(&self) -> Table {
        Table::Secp256k1
    }

    fn rows(&self, call: &Call) -> Vec<Call> {
        let codes = [Precompile::Secp256k1Add, Precompile::Secp256k1Double].map(Precompile::code);
        if codes.contains(&call.code) { vec![call.clone()] } else { Vec::new() }
    }

    fn write_row(&self, call: &Call, row: &mut [F]) {
        write_cells(cells(call), row);
    }
}

#[cfg(test)]
mod tests;
