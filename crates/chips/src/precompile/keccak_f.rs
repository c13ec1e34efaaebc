//! The KECCAKF chip: one row is one round of the Keccak-f permutation of 1600 bits, 24 rows are a permutation.
//!
//! Given a permutation's token at round n, the row proves the token at round n + 1. The state travels over KSTATE in
//! four parts (lanes 0–5, 6–11, 12–17, 18–24), a lane as three limbs of 24, 24 and 16 bits, in tokens
//! - (ts + part, block, n, limbs of six lanes, 0, 0, 0) for parts 0 to 2, the rate and one lane more;
//! - (ts + 3, 24·block + n, 0, limbs of seven lanes) for part 3: its token after round 24 of one block is the one before
//!   round 0 of the next, so the part that absorbs nothing needs no row of SPONGE.
//!
//! | columns | number | vouched for by |
//! |---|---|---|
//! | ts, block | 2 | KSTATE |
//! | round = 6·i + j: one-hot i, one-hot j | 10 | constraints and KSTATE |
//! | keep: whether parts 1 to 3 are sent on | 1 | free, see below |
//! | input lanes A, three limbs each | 75 | KSTATE |
//! | C\[x\]: parities of A's columns | 320 | constraints |
//! | C'\[x\]: parities of A's columns after θ | 320 | constraints |
//! | A': lanes after θ, in bits | 1600 | constraints |
//! | bits 0, 1, 3, 7, 15, 31, 63 of lane (0, 0) after χ | 7 | constraints |
//! | output lanes, three limbs each | 75 | constraints |
//!
//! With D\[x\]\[z\] = C\[x − 1\]\[z\] ⊕ C\[x + 1\]\[z − 1\] and ⊕, ¬, ∧ as polynomials over bits, constraints (degree):
//! - the flags of i, of j and Σ i ∈ {0, 1}, Σ j = Σ i =: r (2)
//! - keep ∈ {0, 1}, keep·(1 − r) = 0 (2)
//! - C, A' ∈ {0, 1} (2)
//! - C'\[x\]\[z\] = C\[x\]\[z\] ⊕ D\[x\]\[z\] (3)
//! - d·(d − 2)·(d − 4) = 0 with d = Σ_y A'\[x, y\]\[z\] − C'\[x\]\[z\] (3)
//! - input limb = Σ 2^i·(A'\[x, y\]\[z_i\] ⊕ D\[x\]\[z_i\]) (3)
//! - with B = π(ρ(A')), output limb = Σ 2^i·(B\[x, y\]\[z_i\] ⊕ (¬B\[x + 1, y\]\[z_i\] ∧ B\[x + 2, y\]\[z_i\])) (3), but in
//!   lane (0, 0), where ι may flip a bit, that bit is t = the χ expression (3) and what counts is t ⊕ the round
//!   constant's bit, which is a sum of products of the two flags (3)
//!
//! Interactions: the four parts received (r); part 0 sent (r), parts 1 to 3 sent (keep).
//!
//! # Soundness
//! - θ: A' and C are bits, so D is one and every input limb is the sum of the bits of A' ⊕ D: A = A' ⊕ D, exactly, and
//!   limbs are below 2^24 (no sum wraps). C' is a bit, and d is an integer in −1..=5, so it is 0, 2 or 4: C' is the parity
//!   of A' over y. Five D's are one D, hence the parity of A is C' ⊕ D = C. So C is what θ defines, and A' follows.
//! - ρ, π, χ, ι are functions of A' and of the round number, which the flags encode uniquely: i < 4, j < 6.
//! - Output limbs are sums of bits, so a lane's limbs are below 2^24, 2^24 and 2^16: receivers rely on it.
//! - No row without a round: r = 0 leaves all multiplicities zero.
//! - A row passes on what it received under the same ts and block, one round later. A chain of rows for (ts, part) starts
//!   at the one token that KECCAK (or one of its state rows) or SPONGE sends, so a round can neither be left out nor taken
//!   from another call. Parts 1 to 3 of a row go with its part 0: they share the row's ts, block and round.
//! - `keep` is the prover's choice: 0 drops the parts that nobody wants after a digest. Dropping what somebody wants leaves
//!   a token that is received and never sent.
//!
//! Reference: FIPS 202, section 3.2; the arithmetic of θ (A' and C' as witnesses) is that of Plonky3's keccak-air.

use std::array::from_fn;

use vellum_executor::{Call, Table};
use vellum_stark::{Algebra, Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::{KSTATE, family::exclusive, precompile::PrecompileChip, precompile::sponge::Sponge};

/// Rounds of a permutation.
pub const ROUNDS: usize = 24;
/// Lanes of a state; lane (x, y) stands at x + 5·y.
pub type State = [u64; 25];

/// A lane in bits, bit z at \[z / 16\]\[z % 16\].
type Bits<T> = [[T; 16]; 4];
/// A lane in limbs of 24, 24 and 16 bits.
pub(crate) type Lane<T> = [T; 3];

/// Where a lane's limbs begin, and where the last one ends.
const LIMBS: [usize; 4] = [0, 24, 48, 64];

/// The bits of lane (0, 0) that ι may flip.
const IOTA_BITS: [usize; 7] = [0, 1, 3, 7, 15, 31, 63];

/// ρ's rotation of each lane to the left.
const ROTATIONS: [usize; 25] =
    [0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14];

/// ι's constant of each round.
const ROUND_CONSTANTS: [u64; ROUNDS] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

const ROUND_HIGH: [&str; 4] = ["round / 6 = 0", "round / 6 = 1", "round / 6 = 2", "round / 6 = 3"];
const ROUND_LOW: [&str; 6] = [
    "round mod 6 = 0",
    "round mod 6 = 1",
    "round mod 6 = 2",
    "round mod 6 = 3",
    "round mod 6 = 4",
    "round mod 6 = 5",
];

/// The columns.
#[derive(Clone)]
struct Row<T> {
    /// Start time of the call.
    ts: T,
    /// Number of the block whose permutation this is, from 0.
    block: T,
    /// One-hot: round / 6.
    round_high: [T; 4],
    /// One-hot: round mod 6.
    round_low: [T; 6],
    /// Whether parts 1 to 3 are sent on.
    keep: T,
    /// A.
    input: [Lane<T>; 25],
    /// C\[x\] = ⊕_y A\[x, y\].
    parity: [Bits<T>; 5],
    /// C'\[x\] = ⊕_y A'\[x, y\].
    parity_after: [Bits<T>; 5],
    /// A'\[x, y\] = A\[x, y\] ⊕ C\[x − 1\] ⊕ rot(C\[x + 1\], 1).
    mixed: [Bits<T>; 25],
    /// The bits of lane (0, 0) that ι may flip, before it.
    before_iota: [T; 7],
    /// The state after the round.
    output: [Lane<T>; 25],
}

impl<T: Default> Default for Row<T> {
    fn default() -> Self {
        Self {
            ts: T::default(),
            block: T::default(),
            round_high: Default::default(),
            round_low: Default::default(),
            keep: T::default(),
            input: Default::default(),
            parity: Default::default(),
            parity_after: Default::default(),
            mixed: Default::default(),
            before_iota: Default::default(),
            output: Default::default(),
        }
    }
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        f(&mut self.ts);
        f(&mut self.block);
        self.round_high.visit(f);
        self.round_low.visit(f);
        f(&mut self.keep);
        self.input.as_flattened_mut().iter_mut().for_each(&mut *f);
        for bits in [
            self.parity.as_flattened_mut(),
            self.parity_after.as_flattened_mut(),
            self.mixed.as_flattened_mut(),
        ] {
            bits.as_flattened_mut().iter_mut().for_each(&mut *f);
        }
        self.before_iota.visit(f);
        self.output.as_flattened_mut().iter_mut().for_each(&mut *f);
    }
}

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeccakFChip;

impl Chip for KeccakFChip {
    fn name(&self) -> &'static str {
        "KECCAKF"
    }

    fn widths(&self) -> Widths {
        Widths { main: Row::<u8>::width(), ..Widths::default() }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let row = Row::<B::Expr>::read(b.main());
        let r = row.round(b);
        row.theta(b);
        row.chi(b);
        row.chain(b, r);
    }
}

impl<E: Algebra<F>> Row<E> {
    /// Which round, and what goes on. Returns r.
    fn round<B: Builder<Expr = E>>(&self, b: &mut B) -> E {
        let r = exclusive(b, &self.round_high, ROUND_HIGH);
        for (flag, name) in self.round_low.iter().zip(ROUND_LOW) {
            b.assert_bool(name, flag.clone());
        }
        // Σ j = r
        b.assert_eq("both parts of the round or none", self.round_low.iter().cloned().sum(), r.clone());
        // keep ∈ {0, 1}, keep·(1 − r) = 0
        b.assert_bool("keep boolean", self.keep.clone());
        b.assert_zero("keep only in a round", self.keep.clone() * (r.clone() - E::ONE));
        r
    }

    /// A' = A ⊕ D.
    fn theta<B: Builder<Expr = E>>(&self, b: &mut B) {
        for x in 0..5 {
            let [before, own, after] = [x + 4, x, x + 1].map(|x| self.parity[x % 5].as_flattened());
            let own_after = self.parity_after[x].as_flattened();
            let planes: [&[E]; 5] = from_fn(|y| self.mixed[x + 5 * y].as_flattened());
            let effect: [E; 64] = from_fn(|z| before[z].xor(&after[(z + 63) % 64]));
            for z in 0..64 {
                // C ∈ {0, 1}
                b.assert_bool("parity boolean", own[z].clone());
                // C' = C ⊕ D
                b.assert_eq("parity after theta", own[z].xor(&effect[z]), own_after[z].clone());
                // d·(d − 2)·(d − 4) = 0
                let sum = planes.iter().map(|lane| lane[z].clone()).sum::<E>();
                let d = sum - own_after[z].clone();
                let two_or_four = (d.clone() - E::TWO) * (d.clone() - E::from_u8(4));
                b.assert_zero("parity of the lanes after theta", d * two_or_four);
            }
            for (y, lane) in planes.into_iter().enumerate() {
                for bit in lane {
                    // A' ∈ {0, 1}
                    b.assert_bool("bit after theta boolean", bit.clone());
                }
                for (limb, range) in self.input[x + 5 * y].iter().zip(LIMBS.windows(2)) {
                    // A = Σ 2^i·(A' ⊕ D)
                    let sum = number(range[0]..range[1], |z| lane[z].xor(&effect[z]));
                    b.assert_eq("input limb", sum, limb.clone());
                }
            }
        }
    }

    /// ρ, π, χ and ι.
    fn chi<B: Builder<Expr = E>>(&self, b: &mut B) {
        for y in 0..5 {
            let plane: [Moved<'_, E>; 5] = from_fn(|x| Moved::new(&self.mixed, x, y));
            for x in 0..5 {
                // B ⊕ (¬B₁ ∧ B₂)
                let bit = |z| {
                    let [b0, b1, b2] = [x, (x + 1) % 5, (x + 2) % 5].map(|x| plane[x].bit(z));
                    b1.andn(b2).xor(b0)
                };
                let limbs = self.output[x + 5 * y].iter().zip(LIMBS.windows(2));
                if x + y > 0 {
                    for (limb, range) in limbs {
                        b.assert_eq("output limb", number(range[0]..range[1], bit), limb.clone());
                    }
                    continue;
                }
                for (k, z) in IOTA_BITS.into_iter().enumerate() {
                    // t = χ(B)
                    b.assert_eq("bit before iota", bit(z), self.before_iota[k].clone());
                }
                let after_iota = |z| match IOTA_BITS.iter().position(|bit| *bit == z) {
                    Some(k) => self.before_iota[k].xor(&self.constant_bit(z)),
                    None => bit(z),
                };
                for (limb, range) in limbs {
                    b.assert_eq("output limb", number(range[0]..range[1], after_iota), limb.clone());
                }
            }
        }
    }

    /// Bit z of the round's constant: Σ i·(Σ j) over the rounds (i, j) that have it.
    fn constant_bit(&self, z: usize) -> E {
        let rows = self.round_high.iter().zip(ROUND_CONSTANTS.chunks(6));
        let products = rows.map(|(high, constants)| {
            let live = self.round_low.iter().zip(constants).filter(|(_, constant)| *constant >> z & 1 == 1);
            high.clone() * live.map(|(low, _)| low.clone()).sum::<E>()
        });
        products.sum()
    }

    /// The four parts of the state in and out.
    fn chain<B: Builder<Expr = E>>(&self, b: &mut B, r: E) {
        let high = self.round_high.iter().enumerate().map(|(i, flag)| flag.clone() * F::from_usize(6 * i));
        let low = self.round_low.iter().enumerate().map(|(j, flag)| flag.clone() * F::from_usize(j));
        let round = high.chain(low).sum::<E>();
        let next = round.clone() + E::ONE;
        for part in 0..3 {
            let token = |round: &E, state: &[Lane<E>; 25]| {
                rate_token(part, self.ts.clone(), self.block.clone(), round.clone(), |i, limb| {
                    state[6 * part + i][limb].clone()
                })
            };
            b.receive(KSTATE, r.clone(), token(&round, &self.input));
            let live = if part == 0 { r.clone() } else { self.keep.clone() };
            b.send(KSTATE, live, token(&next, &self.output));
        }
        let permuted = self.block.clone() * F::from_usize(ROUNDS);
        let token = |round: E, state: &[Lane<E>; 25]| {
            capacity_token(self.ts.clone(), permuted.clone() + round, |i, limb| state[18 + i][limb].clone())
        };
        b.receive(KSTATE, r, token(round, &self.input));
        b.send(KSTATE, self.keep.clone(), token(next, &self.output));
    }
}

/// A lane after ρ and π.
struct Moved<'a, E> {
    /// The lane before, in bits.
    lane: &'a [E],
    /// 64 less ρ's rotation.
    back: usize,
}

impl<'a, E> Moved<'a, E> {
    /// What comes to (x, y): π moves lane (x', y') to (y', 2x' + 3y').
    fn new(lanes: &'a [Bits<E>; 25], x: usize, y: usize) -> Self {
        let from = (x + 3 * y) % 5 + 5 * x;
        Self { lane: lanes[from].as_flattened(), back: 64 - ROTATIONS[from] }
    }

    #[inline(always)]
    fn bit(&self, z: usize) -> &'a E {
        &self.lane[(z + self.back) % 64]
    }
}

/// Σ 2^i·bit over a range of bits.
#[inline(always)]
fn number<E: PrimeCharacteristicRing>(bits: std::ops::Range<usize>, bit: impl Fn(usize) -> E) -> E {
    let top = bits.end - 1;
    (bits.start..top).rev().fold(bit(top), |sum, z| sum.double() + bit(z))
}

/// Part 0, 1 or 2 of the state of a block after `round` rounds; `limb(i, k)` is limb k of the part's lane i.
pub(crate) fn rate_token<E: Algebra<F>>(
    part: usize,
    ts: E,
    block: E,
    round: E,
    limb: impl Fn(usize, usize) -> E,
) -> [E; 24] {
    let mut header = [ts + E::from_usize(part), block, round].into_iter();
    from_fn(|i| match i {
        0..3 => header.next().unwrap_or(E::ZERO),
        3..21 => limb((i - 3) / 3, i % 3),
        _ => E::ZERO,
    })
}

/// Part 3 of the state of a call after `rounds` rounds of all its blocks; `limb(i, k)` is limb k of lane 18 + i.
pub(crate) fn capacity_token<E: Algebra<F>>(ts: E, rounds: E, limb: impl Fn(usize, usize) -> E) -> [E; 24] {
    let mut header = [ts + E::from_usize(3), rounds, E::ZERO].into_iter();
    from_fn(|i| match i {
        0..3 => header.next().unwrap_or(E::ZERO),
        _ => limb((i - 3) / 3, i % 3),
    })
}

/// A round about to be proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// Start time of the call.
    pub ts: u32,
    /// Number of the block.
    pub block: u32,
    /// Number of the round, below 24.
    pub round: u8,
    /// Whether more than part 0 of the result is wanted.
    pub keep: bool,
    /// The state before the round.
    pub state: State,
}

impl Round {
    /// The 24 rounds of a block's permutation, and the state after them. `keep`: whether more than the first six lanes of
    /// that state will be received.
    pub fn permutation(ts: u32, block: u32, keep: bool, mut state: State) -> ([Self; ROUNDS], State) {
        let rounds = from_fn(|round| {
            let before = state;
            state = Steps::of(&before, round).output;
            let last = round + 1 == ROUNDS;
            Self { ts, block, round: round as u8, keep: keep || !last, state: before }
        });
        (rounds, state)
    }
}

/// The state between the steps of a round.
struct Steps {
    parity: [u64; 5],
    parity_after: [u64; 5],
    mixed: State,
    before_iota: u64,
    output: State,
}

impl Steps {
    fn of(state: &State, round: usize) -> Self {
        let parity_of = |lanes: &State| from_fn(|x| (0..5).fold(0, |parity, y| parity ^ lanes[x + 5 * y]));
        let parity: [u64; 5] = parity_of(state);
        let effect: [u64; 5] = from_fn(|x| parity[(x + 4) % 5] ^ parity[(x + 1) % 5].rotate_left(1));
        let mixed: State = from_fn(|i| state[i] ^ effect[i % 5]);
        let moved: State = from_fn(|i| {
            let from = (i % 5 + 3 * (i / 5)) % 5 + 5 * (i % 5);
            mixed[from].rotate_left(ROTATIONS[from] as u32)
        });
        let lane = |x: usize, y: usize| moved[x % 5 + 5 * y];
        let mut output: State = from_fn(|i| moved[i] ^ (!lane(i % 5 + 1, i / 5) & lane(i % 5 + 2, i / 5)));
        let before_iota = output[0];
        output[0] ^= ROUND_CONSTANTS[round];
        Self { parity, parity_after: parity_of(&mixed), mixed, before_iota, output }
    }
}

impl PrecompileChip for KeccakFChip {
    type Row = Round;

    fn table(&self) -> Table {
        Table::KeccakF
    }

    fn rows(&self, call: &Call) -> Vec<Round> {
        Sponge::new(call).map_or(Vec::new(), |sponge| sponge.rounds())
    }

    fn write_row(&self, from: &Round, row: &mut [F]) {
        from.row().write(row);
    }
}

/// A lane in limbs of 24, 24 and 16 bits.
fn lane_limbs(lane: u64) -> Lane<F> {
    [lane & 0xff_ffff, lane >> 24 & 0xff_ffff, lane >> 48].map(F::from_u64)
}

impl Round {
    fn row(&self) -> Row<F> {
        let number = usize::from(self.round);
        let steps = Steps::of(&self.state, number);
        let bit = |lane: u64, z: usize| F::from_bool(lane >> z & 1 == 1);
        let bits = |lane: u64| -> Bits<F> { from_fn(|i| from_fn(|j| bit(lane, 16 * i + j))) };
        Row {
            ts: F::from_u32(self.ts),
            block: F::from_u32(self.block),
            round_high: from_fn(|i| F::from_bool(i == number / 6)),
            round_low: from_fn(|j| F::from_bool(j == number % 6)),
            keep: F::from_bool(self.keep),
            input: self.state.map(lane_limbs),
            parity: steps.parity.map(bits),
            parity_after: steps.parity_after.map(bits),
            mixed: steps.mixed.map(bits),
            before_iota: IOTA_BITS.map(|z| bit(steps.before_iota, z)),
            output: steps.output.map(lane_limbs),
        }
    }
}

#[cfg(test)]
mod tests;
