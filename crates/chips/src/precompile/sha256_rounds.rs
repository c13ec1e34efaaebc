//! SHA256_ROUNDS proves eight rounds of a compression, and eight words of its message schedule (FIPS 180-4, section 6.2.2).
//! Row n of a call (from 0) has the rounds t = 8n … 8n + 7.
//!
//! | columns | number | vouched for by |
//! |---|---|---|
//! | ts | 1 | SHA_STATE |
//! | f_0 … f_7: the row is row n | 8 | constraints; which is set: SHA_STATE |
//! | d, h: limbs | 4 | SHA_STATE |
//! | c, b, a and g, f, e: bits | 192 | SHA_STATE, constraints |
//! | a and e after each round: bits | 512 | constraints |
//! | their carries | 32 | BYTE |
//! | words 1 … 8, 14 … 21 from 8n on: bits | 512 | SHA_WORDS; constraints |
//! | words 0, 9 … 13: limbs | 12 | SHA_WORDS |
//! | words 22, 23: limbs | 4 | constraints, RANGE16 |
//! | carries of words 16 … 23 | 16 | BYTE |
//!
//! With A_(-4) … A_(-1) = d, c, b, a and E_(-4) … E_(-1) = h, g, f, e, round i makes A_i and E_i. All sums are of 32 bits,
//! limb by limb with carries; K is Σ f_n·K_(8n+i). Constraints (degree):
//! - f_n, Σ f_n and every bit ∈ {0, 1} (2)
//! - E_i = A_(i-4) + E_(i-4) + Σ1(E_(i-1)) + Ch(E_(i-1), E_(i-2), E_(i-3)) + K + W_i (3)
//! - A_i = E_i − A_(i-4) + Σ0(A_(i-1)) + Maj(A_(i-1), A_(i-2), A_(i-3)) (3)
//! - W_(16+i) = σ1(W_(14+i)) + W_(9+i) + σ0(W_(1+i)) + W_i (3), in the last two rows of no consequence
//!
//! Interactions: SHA_STATE.receive(ts, n, A, E), SHA_STATE.send(ts, n + 1, A, E); SHA_WORDS.receive words 0 … 7 (tag 2n), 8 … 15
//! (tag 2n + 1, n ≤ 6), SHA_WORDS.send words 16 … 23 (tags 2n + 3 and 2n + 4, n ≤ 5); carries in 8 bits, words 22 and 23 in 16.
//!
//! # Soundness
//! - A state has its call's ts and a number, and each row raises the number: eight rows, with each f_n set once, lead from 0
//!   to 8. The words of a row have tags that name the row and what they are for, so each group is made once and received by
//!   the two rows that need it. (One token passed on by the row that receives it would vouch for nothing.)
//! - Received limbs are in range and are sums of bits, so the bits are theirs.
//! - A sum of limbs is below 7·2^16, and with a carry of 8 bits the other side below 2^24 + 2^16: the equations hold over the
//!   integers, and a limb of bits or 16 bits fixes its carry. The carry of A's equation is stored plus one, as it may be −1.

use vellum_executor::{Call, SHA256_CONSTANTS, Table};
use vellum_isa::Precompile;
use vellum_stark::{Algebra, Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::precompile::{PrecompileChip, argument};
use crate::{RANGE16, SHA_STATE, SHA_WORDS, tables::send_bytes};

/// Rounds of a row.
const ROUNDS: usize = 8;
/// Rows of a call.
const ROWS: usize = 8;

type Bits<T> = [T; 32];

/// The columns.
#[derive(Clone)]
pub struct Sha256RoundsRow<T> {
    ts: T,
    /// One-hot: which row of the call.
    flags: [T; ROWS],
    d: [T; 2],
    h: [T; 2],
    /// c, b, a, then a after each round.
    a: [Bits<T>; 3 + ROUNDS],
    /// g, f, e, then e after each round.
    e: [Bits<T>; 3 + ROUNDS],
    /// Carries of each round's e: low, high limb.
    e_carries: [[T; 2]; ROUNDS],
    /// Those of a, plus one.
    a_carries: [[T; 2]; ROUNDS],
    /// Word 0.
    word0: [T; 2],
    /// Words 1 to 8.
    low: [Bits<T>; 8],
    /// Words 9 to 13.
    middle: [[T; 2]; 5],
    /// Words 14 to 21.
    high: [Bits<T>; 8],
    /// Words 22 and 23.
    last: [[T; 2]; 2],
    /// Carries of words 16 to 23.
    word_carries: [[T; 2]; 8],
}

impl<T: Default> Default for Sha256RoundsRow<T> {
    fn default() -> Self {
        Self {
            ts: T::default(),
            flags: Default::default(),
            d: Default::default(),
            h: Default::default(),
            a: Default::default(),
            e: Default::default(),
            e_carries: Default::default(),
            a_carries: Default::default(),
            word0: Default::default(),
            low: Default::default(),
            middle: Default::default(),
            high: Default::default(),
            last: Default::default(),
            word_carries: Default::default(),
        }
    }
}

impl<T: Default> Columns<T> for Sha256RoundsRow<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        f(&mut self.ts);
        self.flags.visit(f);
        self.d.visit(f);
        self.h.visit(f);
        self.a.iter_mut().chain(&mut self.e).for_each(|bits| bits.visit(f));
        self.e_carries.iter_mut().chain(&mut self.a_carries).for_each(|carries| carries.visit(f));
        self.word0.visit(f);
        self.low.iter_mut().for_each(|bits| bits.visit(f));
        self.middle.iter_mut().for_each(|limbs| limbs.visit(f));
        self.high.iter_mut().for_each(|bits| bits.visit(f));
        self.last.iter_mut().chain(&mut self.word_carries).for_each(|limbs| limbs.visit(f));
    }
}

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sha256RoundsChip;

impl Chip for Sha256RoundsChip {
    fn name(&self) -> &'static str {
        "SHA256_ROUNDS"
    }

    fn widths(&self) -> Widths {
        Widths { main: Sha256RoundsRow::<F>::width(), ..Widths::default() }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let row = Sha256RoundsRow::<B::Expr>::read(b.main());
        for flag in &row.flags {
            b.assert_bool("row flag", flag.clone());
        }
        b.assert_bool("one row", row.active());
        for bits in row.a.iter().chain(&row.e).chain(&row.low).chain(&row.high) {
            for bit in bits {
                b.assert_bool("bit", bit.clone());
            }
        }
        for i in 0..ROUNDS {
            row.round(b, i);
        }
        for i in 0..8 {
            row.word(b, i);
        }
        row.state(b);
        row.words(b);
    }
}

impl<E: Algebra<F>> Sha256RoundsRow<E> {
    fn active(&self) -> E {
        self.flags.iter().cloned().sum()
    }

    /// Limbs of A_(i-4) or E_(i-4).
    fn old(first: &[E; 2], bits: &[Bits<E>], i: usize) -> [E; 2] {
        if i == 0 { first.clone() } else { limbs(&bits[i - 1]) }
    }

    fn round<B: Builder<Expr = E>>(&self, b: &mut B, i: usize) {
        let old_a = Self::old(&self.d, &self.a, i);
        let old_e = Self::old(&self.h, &self.e, i);
        // E_(i-3), E_(i-2), E_(i-1), E_i
        let [g, f, e, new_e] = [0, 1, 2, 3].map(|k| &self.e[i + k]);
        let choice = |j: usize| e[j].clone() * (f[j].clone() - g[j].clone()) + g[j].clone();
        let constant = |n: usize| argument(SHA256_CONSTANTS[ROUNDS * n + i]);
        let constant = |limb: usize| (0..ROWS).map(|n| self.flags[n].clone() * constant(n)[limb]).sum::<E>();
        let [sum1, choice] = [limbs(&xor3(e, [6, 11, 25], 32)), limbs(&std::array::from_fn(choice))];
        let word = self.word_limbs(i);
        let addend = |limb: usize| {
            [&old_a, &old_e, &sum1, &choice, &word].iter().map(|x| x[limb].clone()).sum::<E>()
                + constant(limb)
        };
        let sum = [addend(0), addend(1)];
        add(b, self.active(), "e", sum, limbs(new_e), &self.e_carries[i], E::ZERO);

        let [c, bb, a, new_a] = [0, 1, 2, 3].map(|k| &self.a[i + k]);
        let majority = |j: usize| {
            let both = a[j].clone() * bb[j].clone();
            let one = a[j].clone() + bb[j].clone() - both.double();
            both + one * c[j].clone()
        };
        let [sum0, majority] = [limbs(&xor3(a, [2, 13, 22], 32)), limbs(&std::array::from_fn(majority))];
        let new_e = limbs(new_e);
        let addend = |limb: usize| {
            new_e[limb].clone() - old_a[limb].clone() + sum0[limb].clone() + majority[limb].clone()
        };
        let sum = [addend(0), addend(1)];
        add(b, self.active(), "a", sum, limbs(new_a), &self.a_carries[i], E::ONE);
    }

    /// Limbs of word `i`, counted from the row's first.
    fn word_limbs(&self, i: usize) -> [E; 2] {
        match i {
            0 => self.word0.clone(),
            1..9 => limbs(&self.low[i - 1]),
            9..14 => self.middle[i - 9].clone(),
            14..22 => limbs(&self.high[i - 14]),
            _ => self.last[i - 22].clone(),
        }
    }

    fn word<B: Builder<Expr = E>>(&self, b: &mut B, i: usize) {
        let [sigma0, sigma1] = [xor3(&self.low[i], [7, 18, 3], 29), xor3(&self.high[i], [17, 19, 10], 22)];
        let addends = [limbs(&sigma1), self.word_limbs(9 + i), limbs(&sigma0), self.word_limbs(i)];
        let sum = [0, 1].map(|limb| addends.iter().map(|x| x[limb].clone()).sum::<E>());
        add(b, self.active(), "word", sum, self.word_limbs(16 + i), &self.word_carries[i], E::ZERO);
    }

    fn token(&self, number: E, limbs: impl IntoIterator<Item = [E; 2]>) -> [E; 18] {
        let mut entries = [self.ts.clone(), number].into_iter().chain(limbs.into_iter().flatten());
        std::array::from_fn(|_| entries.next().unwrap_or_default())
    }

    /// Number of the row in its call.
    fn number(&self) -> E {
        self.flags.iter().enumerate().map(|(n, flag)| flag.clone() * E::from_usize(n)).sum()
    }

    fn state<B: Builder<Expr = E>>(&self, b: &mut B) {
        let four = |bits: &[Bits<E>], at: usize| [3, 2, 1, 0].map(|k| limbs(&bits[at + k]));
        let [c, bb, a] = [0, 1, 2].map(|k| limbs(&self.a[k]));
        let [g, f, e] = [0, 1, 2].map(|k| limbs(&self.e[k]));
        let before = [a, bb, c, self.d.clone(), e, f, g, self.h.clone()];
        let after = [four(&self.a, ROUNDS - 1), four(&self.e, ROUNDS - 1)].concat();
        b.receive(SHA_STATE, self.active(), self.token(self.number(), before));
        b.send(SHA_STATE, self.active(), self.token(self.number() + E::ONE, after));
    }

    fn words<B: Builder<Expr = E>>(&self, b: &mut B) {
        let group = |first: usize| (first..first + 8).map(|i| self.word_limbs(i));
        let rows = |count: usize| self.flags[..count].iter().cloned().sum::<E>();
        let tag = |offset: usize| self.number().double() + E::from_usize(offset);
        b.receive(SHA_WORDS, self.active(), self.token(tag(0), group(0)));
        b.receive(SHA_WORDS, rows(7), self.token(tag(1), group(8)));
        b.send(SHA_WORDS, rows(6), self.token(tag(3), group(16)));
        b.send(SHA_WORDS, rows(6), self.token(tag(4), group(16)));
        for limb in self.last.as_flattened() {
            b.send(RANGE16, self.active(), [limb.clone()]);
        }
    }
}

/// The limbs of a word of bits.
fn limbs<E: Algebra<F>>(bits: &Bits<E>) -> [E; 2] {
    let limb = |bits: &[E]| bits.iter().rev().fold(E::ZERO, |sum, bit| sum.double() + bit.clone());
    [limb(&bits[..16]), limb(&bits[16..])]
}

/// The exclusive or of three rotations to the right; of the third only the lowest `kept` bits.
fn xor3<E: Algebra<F>>(x: &Bits<E>, by: [usize; 3], kept: usize) -> Bits<E> {
    let xor = |a: E, b: E| a.clone() + b.clone() - (a * b).double();
    std::array::from_fn(|j| {
        let [a, b, c] = by.map(|by| x[(j + by) % 32].clone());
        let ab = xor(a, b);
        if j < kept { xor(ab, c) } else { ab }
    })
}

/// sum = result mod 2^32 with carries that are `stored` less `offset`.
fn add<B: Builder>(
    b: &mut B,
    active: B::Expr,
    name: &'static str,
    sum: [B::Expr; 2],
    result: [B::Expr; 2],
    stored: &[B::Expr; 2],
    offset: B::Expr,
) where
    B::Expr: Algebra<F>,
{
    let mut carry = B::Expr::ZERO;
    for ((sum, result), stored) in sum.into_iter().zip(result).zip(stored) {
        let next = stored.clone() - offset.clone() * active.clone();
        b.assert_zero(name, sum + carry - result - next.clone() * F::from_u32(1 << 16));
        carry = next;
    }
    send_bytes(b, active, stored[0].clone(), stored[1].clone());
}

impl PrecompileChip for Sha256RoundsChip {
    type Row = Sha256RoundsRow<F>;

    fn table(&self) -> Table {
        Table::Sha256Rounds
    }

    fn rows(&self, call: &Call) -> Vec<Sha256RoundsRow<F>> {
        if call.code != Precompile::Sha256.code() {
            return Vec::new();
        }
        let halves = |value: u64| [value as u32, (value >> 32) as u32];
        let (block, state) = call.touches.split_at(8);
        let mut words: Vec<u32> =
            block.iter().flat_map(|touch| halves(touch.access.old)).map(u32::swap_bytes).collect();
        let mut now: Vec<u32> = state.iter().flat_map(|touch| halves(touch.access.old)).collect();
        (0..ROWS).map(|n| row(call.ts, n, &mut words, &mut now)).collect()
    }

    fn write_row(&self, from: &Sha256RoundsRow<F>, row: &mut [F]) {
        from.clone().write(row);
    }
}

/// Row `n` of the call at `ts`; `words` has all up to 8n + 16, `now` the working variables.
fn row(ts: u32, n: usize, words: &mut Vec<u32>, now: &mut Vec<u32>) -> Sha256RoundsRow<F> {
    let bits = |word: u32| std::array::from_fn::<_, 32, _>(|j| F::from_bool(word >> j & 1 == 1));
    let mut row = Sha256RoundsRow { ts: F::from_u32(ts), ..Sha256RoundsRow::default() };
    row.flags[n] = F::ONE;
    for i in 0..8 {
        let t = 8 * n + i;
        let (x, y) = (words[t + 1], words[t + 14]);
        let sigma0 = x.rotate_right(7) ^ x.rotate_right(18) ^ x >> 3;
        let sigma1 = y.rotate_right(17) ^ y.rotate_right(19) ^ y >> 10;
        let (word, carries) = sum(&[sigma1, words[t + 9], sigma0, words[t]], None);
        words.push(word);
        row.word_carries[i] = carries.map(F::from_u32);
    }
    let word = |i: usize| words[8 * n + i];
    row.word0 = argument(word(0));
    row.low = std::array::from_fn(|i| bits(word(1 + i)));
    row.middle = std::array::from_fn(|i| argument(word(9 + i)));
    row.high = std::array::from_fn(|i| bits(word(14 + i)));
    row.last = std::array::from_fn(|i| argument(word(22 + i)));
    (row.d, row.h) = (argument(now[3]), argument(now[7]));
    for k in 0..3 {
        (row.a[k], row.e[k]) = (bits(now[2 - k]), bits(now[6 - k]));
    }
    for i in 0..ROUNDS {
        let [a, b, c, d, e, f, g, h] = std::array::from_fn(|k| now[k]);
        let sum1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let constant = SHA256_CONSTANTS[ROUNDS * n + i];
        let (new_e, carries) = sum(&[d, h, sum1, e & f ^ !e & g, constant, word(i)], None);
        row.e_carries[i] = carries.map(F::from_u32);
        let sum0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let (new_a, carries) = sum(&[new_e, sum0, a & b ^ a & c ^ b & c], Some(d));
        row.a_carries[i] = carries.map(F::from_u32);
        (row.e[3 + i], row.a[3 + i]) = (bits(new_e), bits(new_a));
        *now = vec![new_a, a, b, c, new_e, e, f, g];
    }
    row
}

/// The sum of `addends` less `minus` mod 2^32, and the carries of both limbs, plus one where there is a `minus`.
fn sum(addends: &[u32], minus: Option<u32>) -> (u32, [u32; 2]) {
    let (mut word, mut carry) = (0, 0);
    let carries = [0, 16].map(|shift| {
        let limb = |x: u32| i64::from(x >> shift & 0xffff);
        let total = addends.iter().map(|x| limb(*x)).sum::<i64>() - minus.map_or(0, limb) + carry;
        word |= ((total & 0xffff) as u32) << shift;
        carry = total >> 16;
        (carry + i64::from(minus.is_some())) as u32
    });
    (word, carries)
}

#[cfg(test)]
mod tests;
