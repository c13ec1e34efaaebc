//! U256 proves U256_MULMOD (out ← a·b mod m), U256_MULADD (out ← a·b + c, 512 bits) and U256_SUB (out ← a − b mod 2^256,
//! and the borrow in a fifth dword): a call is a row.
//!
//! Any pointers that are multiples of 8: a, b and m or c are read in slots of their own before out is written. m = 0
//! gives 0.
//!
//! | columns | number | vouched for by |
//! |---|---|---|
//! | ts | 1 | PRE |
//! | mulmod, zeromod, muladd, sub | 4 | constraints; which is set: PRE through the code |
//! | pointers out, a, b, c: limbs | 8 | PRE, alignment by RANGE16 |
//! | a, b, c (bytes; c is m in a MULMOD) | 96 | MEM, BYTE (pairs) |
//! | q (bytes): quotient of MULMOD, high half of MULADD's result, borrow of SUB | 64 | BYTE (pairs); constraints |
//! | low half of the result (limbs) | 16 | RANGE16; constraints |
//! | out before (limbs) | 32 | MEM |
//! | accesses: previous time, distance | 40 | MEM, RANGE16, BYTE and RANGE8 |
//! | carries | 62 | BYTE (pairs) |
//! | the first limb in which result and m differ, the difference | 17 | constraints, RANGE16 |
//!
//! r = mulmod + zeromod + muladd + sub; zeromod is a MULMOD by 0. Constraints (degree):
//! - the flags and r ∈ {0, 1} (2)
//! - (mulmod + muladd)·a·b + muladd·c + sub·(a − b) − mulmod·q·c − muladd·2^256·(q mod 2^256) + sub·2^256·(q mod 2^16) − low = 0
//!   over the integers, by 48 equations (3): see `bigint`
//! - zeromod·Σ c_i = 0 (2): m is 0
//! - sub·q_i = 0 for the limbs i = 1, 2, 3 of q (2): the borrow's dword
//! - sub·(limbs of the pointer c) = 0 (2)
//! - low < m in a mulmod: f_i ∈ {0, 1}, Σ f_i = mulmod (2), (mulmod − Σ_(j≥i) f_j)·(m_i − low_i) = 0 for limbs i > 0 (2),
//!   difference = Σ f_i·(m_i − low_i) (2)
//!
//! Interactions: PRE; a at ts + 7, b at ts + 8 (r), c at ts + 9 (r − sub), out at ts + 10: dwords 0 to 3 (r), 4 (muladd + sub),
//! 5 to 7 (muladd); difference − 1 in 16 bits (mulmod); the range checks (r).
//!
//! # Soundness
//! - The flags are exclusive, so each row states one identity. Its products are nonnegative and at most one is added and
//!   one taken away, so |P_k| < 535 M: `bigint`'s bound holds (test `limbs_stay_in_bounds`).
//! - Limbs 32 to 47 are only −q·c, sums of products of bytes that vanish only if every product does: then q·m is below
//!   2^512 as a polynomial, and limbs 0 to 31 say a·b = q·m + low. An honest q·m ≤ a·b < 2^512 has no such product.
//! - mulmod: the first differing limb from above is where f is set, m's is larger, so low < m, hence m ≠ 0, and quotient
//!   and remainder are unique. zeromod: m = 0 and the identity says low = 0. So m decides which of the two can be set.
//! - muladd: a·b + c < 2^512, so low and high are its only digits. sub: a − b + 2^256·borrow = low with 0 ≤ low < 2^256
//!   leaves 0 and 1 for the borrow, and one of them for a and b.

use ruint::aliases::U512;
use vellum_executor::{Call, Table, Touch};
use vellum_isa::Precompile;
use vellum_stark::{Algebra, Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::{
    RANGE16,
    family::exclusive,
    precompile::bigint::{Carries, Identity, Int, Number, bytes, check_bytes, limbs_of, merged, write_cells},
    precompile::dwords::Times,
    precompile::{FIRST_SLOT, PrecompileChip, aligned_key, code, receive_call},
};

const FLAGS: [&str; 4] = ["mulmod boolean", "zeromod boolean", "muladd boolean", "sub boolean"];
/// Slots of a, b and c.
const INPUT_SLOTS: [u32; 3] = [FIRST_SLOT, FIRST_SLOT + 1, FIRST_SLOT + 2];
/// Slot of the result.
const OUT_SLOT: u32 = FIRST_SLOT + 3;

/// The columns.
#[derive(Clone, Default)]
struct Row<T> {
    /// Time at which the call starts.
    ts: T,
    /// One-hot: mulmod, zeromod, muladd, sub.
    flags: [T; 4],
    /// Pointers out, a, b, c: limbs.
    pointers: [[T; 2]; 4],
    /// a, b, and c or m: bytes.
    inputs: [[T; 32]; 3],
    /// Quotient, high half or borrow: bytes.
    q: [[T; 32]; 2],
    /// Low half of the result: limbs.
    low: [T; 16],
    /// Eight dwords at out before: limbs.
    old: [T; 32],
    /// Accesses of a, b, c.
    input_times: [Times<T, 4>; 3],
    /// Accesses of the result's dwords 0 to 3.
    low_times: Times<T, 4>,
    /// Access of the result's dword 4.
    fifth_time: Times<T, 1>,
    /// Accesses of the result's dwords 5 to 7.
    high_times: Times<T, 3>,
    /// Carries.
    carries: Carries<T, 31>,
    /// One-hot: the highest limb in which result and m differ.
    first: [T; 16],
    /// m's limb less the result's there.
    difference: T,
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        f(&mut self.ts);
        self.flags.visit(f);
        self.pointers.iter_mut().for_each(|limbs| limbs.visit(f));
        self.inputs.iter_mut().for_each(|bytes| bytes.visit(f));
        self.q.iter_mut().for_each(|bytes| bytes.visit(f));
        self.low.visit(f);
        self.old.visit(f);
        self.input_times.iter_mut().for_each(|times| times.visit(f));
        self.low_times.visit(f);
        self.fifth_time.visit(f);
        self.high_times.visit(f);
        self.carries.visit(f);
        self.first.visit(f);
        f(&mut self.difference);
    }
}

impl<T: Number> Row<T> {
    /// What must be 0.
    fn identity(&self) -> Identity<T> {
        let [mulmod, _, muladd, sub] = &self.flags;
        let [a, b, c] = &self.inputs;
        let times = |flag: &T, numbers: &[T]| -> Vec<T> {
            numbers.iter().map(|x| flag.clone() * x.clone()).collect()
        };
        let multiplies = mulmod.clone() + muladd.clone();
        let high = merged(&self.q[0]);

        let mut identity = Identity::new(48);
        // (mulmod + muladd)·a·b − mulmod·q·c
        identity.add_product(1, &times(&multiplies, a), b);
        identity.add_product(-1, self.q.as_flattened(), &times(mulmod, c));
        // muladd·(c − 2^256·high)
        identity.add_limbs(1, 0, &times(muladd, &merged(c)));
        identity.add_limbs(-1, 16, &times(muladd, &high));
        // sub·(a − b + 2^256·borrow)
        identity.add_limbs(1, 0, &times(sub, &merged(a)));
        identity.add_limbs(-1, 0, &times(sub, &merged(b)));
        identity.add_limbs(1, 16, &times(sub, &high[..1]));
        // − low
        identity.add_limbs(-1, 0, &self.low);
        identity
    }
}

impl<E: Algebra<F>> Row<E> {
    /// The result is below m in a mulmod.
    fn reduced<B: Builder<Expr = E>>(&self, b: &mut B) {
        let mulmod = &self.flags[0];
        let m = merged(&self.inputs[2]);
        let mut above = E::ZERO;
        let mut difference = E::ZERO;
        for (i, first) in self.first.iter().enumerate().rev() {
            b.assert_bool("first boolean", first.clone());
            above += first.clone();
            let distance = m[i].clone() - self.low[i].clone();
            if i > 0 {
                // (mulmod − Σ_(j≥i) f_j)·(m_i − low_i) = 0
                b.assert_zero("limbs above the first", (mulmod.clone() - above.clone()) * distance.clone());
            }
            difference += first.clone() * distance;
        }
        b.assert_eq("one is first", above, mulmod.clone());
        b.assert_eq("difference", self.difference.clone(), difference);
        b.send(RANGE16, mulmod.clone(), [self.difference.clone() - E::ONE]);
    }
}

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct U256Chip;

impl Chip for U256Chip {
    fn name(&self) -> &'static str {
        "U256"
    }

    fn widths(&self) -> Widths {
        Widths { main: Row::<F>::width(), ..Widths::default() }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let row = Row::<B::Expr>::read(b.main());
        let r = &exclusive(b, &row.flags, FLAGS);
        let [mulmod, zeromod, muladd, sub] = &row.flags;
        let three = &(r.clone() - sub.clone());
        let wide = &(muladd.clone() + sub.clone());
        // Follows from the flags; set-up asks for it as it stands.
        b.assert_bool("three inputs", three.clone());

        row.identity().check(b, r, "identity", &row.carries);
        // zeromod·Σ m_i = 0
        let sum: B::Expr = row.inputs[2].iter().cloned().sum();
        b.assert_zero("modulus 0", zeromod.clone() * sum);
        row.reduced(b);
        let high = merged(&row.q[0]);
        for limb in &high[1..4] {
            b.assert_zero("upper limbs of the borrow", sub.clone() * limb.clone());
        }
        for limb in &row.pointers[3] {
            b.assert_zero("a difference has three arguments", sub.clone() * limb.clone());
        }

        for bytes in row.inputs.iter().chain(&row.q) {
            check_bytes(b, r, bytes);
        }
        for limb in &row.low {
            b.send(RANGE16, r.clone(), [limb.clone()]);
        }
        let time = |slot: u32| row.ts.clone() + B::Expr::from_u32(slot);
        let [out, pointers @ ..] = &row.pointers;
        for (i, active) in [r, r, three].into_iter().enumerate() {
            let key = aligned_key(b, active, &pointers[i]);
            row.input_times[i].reads(b, active, [key, time(INPUT_SLOTS[i])], &merged(&row.inputs[i]));
        }
        let out = aligned_key(b, r, out);
        let at = |dword: u32| [out.clone() + B::Expr::from_u32(dword), time(OUT_SLOT)];
        row.low_times.writes(b, r, at(0), [&row.old[..16], &row.low]);
        row.fifth_time.writes(b, wide, at(4), [&row.old[16..20], &high[..4]]);
        row.high_times.writes(b, muladd, at(5), [&row.old[20..], &high[4..]]);
        let precompile = (mulmod.clone() + zeromod.clone()) * code::<F>(Precompile::U256MulMod)
            + muladd.clone() * code::<F>(Precompile::U256MulAdd)
            + sub.clone() * code::<F>(Precompile::U256Sub);
        receive_call(b, r.clone(), precompile, row.ts, row.pointers);
    }
}

/// The touches from the `first` on.
fn from(touches: &[Touch], first: usize) -> &[Touch] {
    touches.get(first..).unwrap_or_default()
}

/// The row of a call as integers.
fn cells(call: &Call) -> Row<Int> {
    let sub = call.code == Precompile::U256Sub.code();
    let muladd = call.code == Precompile::U256MulAdd.code();
    let (inputs, outputs) = call.touches.split_at(if sub { 8 } else { 12 });
    let old = |touches: &[Touch], i: usize| touches.get(i).map_or(0, |touch| touch.access.old);
    let input = |n: usize| -> [u64; 4] { std::array::from_fn(|i| old(inputs, 4 * n + i)) };
    let new: [u64; 8] = std::array::from_fn(|i| outputs.get(i).map_or(0, |touch| touch.new));
    let [a, b, c] = [0, 1, 2].map(input);
    let zeromod = !sub && !muladd && c == [0; 4];
    let mulmod = !sub && !muladd && !zeromod;

    let mut q = [0; 8];
    if mulmod {
        let wide = U512::from_limbs_slice;
        q = (wide(&a) * wide(&b) / wide(&c)).into_limbs();
    } else {
        q[..4].copy_from_slice(&new[4..]);
    }
    let mut row = Row {
        ts: Int::cell(call.ts),
        flags: [mulmod, zeromod, muladd, sub].map(|flag| Int(flag.into())),
        pointers: call.args.map(|x| [Int::cell(x & 0xffff), Int::cell(x >> 16)]),
        inputs: [a, b, c].map(|dwords| bytes(&dwords)),
        q: [bytes(&q[..4]), bytes(&q[4..])],
        low: limbs_of(&new[..4]),
        old: limbs_of(&std::array::from_fn::<_, 8, _>(|i| old(outputs, i))),
        input_times: [0, 4, 8].map(|first| Times::new(from(inputs, first), call.ts, Int::cell)),
        low_times: Times::new(outputs, call.ts, Int::cell),
        fifth_time: Times::new(from(outputs, 4), call.ts, Int::cell),
        high_times: Times::new(from(outputs, 5), call.ts, Int::cell),
        ..Row::default()
    };
    row.complete();
    row
}

impl Row<Int> {
    /// Sets the columns that follow from values and quotient.
    fn complete(&mut self) {
        self.carries = Carries::new(&self.identity());
        self.first = Default::default();
        self.difference = Int(0);
        if self.flags[0] == Int(1) {
            let m = merged(&self.inputs[2]);
            let first = (0..16).rev().find(|i| m[*i] != self.low[*i]).unwrap_or(0);
            self.first[first] = Int(1);
            self.difference = m[first] - self.low[first];
        }
    }
}

impl PrecompileChip for U256Chip {
    type Row = Call;

    fn table(&self) -> Table {
        Table::U256
    }

    fn rows(&self, call: &Call) -> Vec<Call> {
        let codes =
            [Precompile::U256MulMod, Precompile::U256MulAdd, Precompile::U256Sub].map(Precompile::code);
        if codes.contains(&call.code) { vec![call.clone()] } else { Vec::new() }
    }

    fn write_row(&self, call: &Call, row: &mut [F]) {
        write_cells(cells(call), row);
    }
}

#[cfg(test)]
mod tests;
