//! Rounds against another implementation, and for every constraint the lie that it alone rejects.

use expect_test::expect_file;
use vellum_stark::{
    check::Cells,
    testing::{ChipTest, Lie, columns_complete, indices, shape},
};

use super::*;
use crate::testing::{Operands, TS};

fn cells(row: Row<F>) -> Cells {
    let mut cells = Cells::zero(KeccakFChip.widths());
    row.write(&mut cells.main);
    cells
}

fn random_round(number: usize) -> Round {
    let mut operands = Operands(number as u64);
    Round::permutation(TS, 3, true, from_fn(|_| operands.bits())).0[number]
}

fn bit<const N: usize>(lanes: &mut [Bits<F>; N], lane: usize, z: usize) -> &mut F {
    &mut lanes[lane % N][z % 64 / 16][z % 16]
}

/// D\[x\]\[z\].
fn effect(row: &mut Row<F>, x: usize, z: usize) -> F {
    let [left, right] = [(x + 4, z), (x + 1, z + 63)].map(|(x, z)| *bit(&mut row.parity, x, z));
    left.xor(&right)
}

fn flip(bit: &mut F) {
    *bit = F::ONE - *bit;
}

/// Makes the column (x, z) of A' what suits C'\[x\]\[z\], be it a bit, 2 or −1: the sum over y is even and less by 0 to 4.
fn suit(row: &mut Row<F>, x: usize, z: usize) {
    let parity = *bit(&mut row.parity_after, x, z);
    let ones = if parity == F::ZERO { 0 } else { 1 + usize::from(parity == F::TWO) };
    (0..5).for_each(|y| *bit(&mut row.mixed, x % 5 + 5 * y, z) = F::from_bool(y < ones));
}

/// Computes what the row says goes in and comes out from C, A' and the flags, be they bits or not.
fn recompute(row: &mut Row<F>) {
    let limbs = |bits: [F; 64]| -> Lane<F> { from_fn(|k| number(LIMBS[k]..LIMBS[k + 1], |z| bits[z])) };
    let mut moved = [[F::ZERO; 64]; 25];
    for y in 0..5 {
        for x in 0..5 {
            let before = from_fn(|z| {
                let d = effect(row, x, z);
                let after = *bit(&mut row.mixed, x + 5 * y, z);
                moved[y + 5 * ((2 * x + 3 * y) % 5)][(z + ROTATIONS[x + 5 * y]) % 64] = after;
                after.xor(&d)
            });
            row.input[x + 5 * y] = limbs(before);
        }
    }
    for i in 0..25 {
        let lane = |x: usize| moved[(i + x) % 5 + i / 5 * 5];
        let mut after: [F; 64] = from_fn(|z| lane(1)[z].andn(&lane(2)[z]).xor(&lane(0)[z]));
        if i == 0 {
            row.before_iota = IOTA_BITS.map(|z| after[z]);
            IOTA_BITS.iter().for_each(|z| after[*z] = after[*z].xor(&row.constant_bit(*z)));
        }
        row.output[i] = limbs(after);
    }
}

/// A lie: a row whose input and output follow from the rest as edited.
fn lie(name: &'static str, edit: impl FnOnce(&mut Row<F>)) -> Lie {
    let honest = random_round(7).row();
    let mut forged = honest.clone();
    edit(&mut forged);
    recompute(&mut forged);
    Lie { name, honest: cells(honest), forged: cells(forged) }
}

/// Lies about one bit of C.
///
/// ```text
/// C[x][z]   C'[x][z]   C'[x + 1][z]   C'[x − 1][z + 1]
/// 2         2 or −1    2 or −1        2 or −1            A' with sums that are 0, 2 or 4 more
/// other     kept       other          other              A' to suit: only C'[x][z] is not C ⊕ D
/// ```
fn lies_about_parity(x: usize, z: usize) -> [Lie; 2] {
    let places = [(x, z), (x + 1, z), (x + 4, z + 1)];
    let update = |row: &mut Row<F>, (x, z): (usize, usize)| {
        let d = effect(row, x, z);
        *bit(&mut row.parity_after, x, z) = bit(&mut row.parity, x, z).xor(&d);
        suit(row, x, z);
    };
    [
        lie("a parity of 2", |row| {
            *bit(&mut row.parity, x, z) = F::TWO;
            places.into_iter().for_each(|place| update(row, place));
        }),
        lie("another parity", |row| {
            flip(bit(&mut row.parity, x, z));
            places[1..].iter().for_each(|place| update(row, *place));
        }),
    ]
}

/// Lies about the column (x, z) of A'.
///
/// ```text
/// A'[x, 0] … A'[x, 4]        sum − C'[x][z]
/// 2 beside C' ones           2
/// one of them flipped        odd
/// ```
fn lies_about_column(x: usize, z: usize) -> Vec<Lie> {
    let bits = (0..5).map(|y| {
        lie("a bit of 2", |row| {
            let ones = usize::from(*bit(&mut row.parity_after, x, z) == F::ONE);
            (1..5).for_each(|i| *bit(&mut row.mixed, x + 5 * ((y + i) % 5), z) = F::from_bool(i <= ones));
            *bit(&mut row.mixed, x + 5 * y, z) = F::TWO;
        })
    });
    let flipped = lie("another bit", |row| flip(bit(&mut row.mixed, x + 5 * (z % 5), z)));
    bits.chain([flipped]).collect()
}

/// Lies about which round this is, and whether it is one.
///
/// ```text
/// i: −1 1 1 0 | 1 1 0 0, j: 1 1 0 0 0 0 | 0 1 0 0
/// j: −1 1 1 0 0 0 | 0 0 0 0 0 0
/// ```
fn lies_about_round() -> Vec<Lie> {
    fn three<const N: usize>(flags: &mut [F; N], at: usize) {
        *flags = [F::ZERO; N];
        flags[at] = F::NEG_ONE;
        (flags[(at + 1) % N], flags[(at + 2) % N]) = (F::ONE, F::ONE);
    }
    let high = (0..4).map(|at| lie("three rounds, i", |row| three(&mut row.round_high, at)));
    let low = (0..6).map(|at| lie("three rounds, j", |row| three(&mut row.round_low, at)));
    let padding = Cells::zero(KeccakFChip.widths());
    let mut kept = padding.clone();
    kept.main[indices::<Row<usize>>().keep] = F::ONE;
    let others = [
        lie("two rounds", |row| {
            row.round_high = [F::ONE, F::ONE, F::ZERO, F::ZERO];
            row.round_low = from_fn(|j| F::from_bool(j < 2));
            row.keep = F::ZERO;
        }),
        lie("no j", |row| row.round_low = Default::default()),
        lie("parts sent twice", |row| row.keep = F::TWO),
        Lie { name: "parts from nothing", honest: padding, forged: kept },
    ];
    high.chain(low).chain(others).collect()
}

/// Lies about limbs: one more than they are. And about the bits that ι may flip.
fn lies_about_limbs() -> Vec<Lie> {
    let honest = random_round(7).row();
    let forged = |name, edit: &dyn Fn(&mut Row<F>)| {
        let mut forged = honest.clone();
        edit(&mut forged);
        Lie { name, honest: cells(honest.clone()), forged: cells(forged) }
    };
    let limbs = (0..25).flat_map(|i| (0..3).map(move |k| (i, k)));
    let limbs = limbs.flat_map(|(i, k)| {
        [
            forged("input limb + 1", &|row| row.input[i][k] += F::ONE),
            forged("output limb + 1", &|row| row.output[i][k] += F::ONE),
        ]
    });
    let bits = IOTA_BITS.into_iter().enumerate().map(|(k, z)| {
        forged("a bit before iota", &|row| {
            let before = row.before_iota[k];
            flip(&mut row.before_iota[k]);
            let [old, new] = [before, row.before_iota[k]].map(|bit| bit.xor(&row.constant_bit(z)));
            row.output[0][z / 24] += (new - old) * F::from_u32(1 << (z % 24));
        })
    });
    limbs.chain(bits).collect()
}

/// Keep is the prover's choice. Rows of a few rounds.
fn kit() -> ChipTest<'static, KeccakFChip> {
    let inputs = vec![indices::<Row<usize>>().keep];
    let rows =
        [("first round", 0), ("last round", 23)].map(|(label, n)| (label, cells(random_round(n).row())));
    ChipTest { rows: rows.into(), inputs, budget: 1, ..ChipTest::new(&KeccakFChip) }
}

/// Every constraint is the only one to reject some lie, so none is missed by `mute`, and forgeries of a muted chip need
/// not be searched for.
#[test]
fn no_lie_is_accepted() {
    let columns = (0..5).flat_map(|x| (0..64).map(move |z| (x, z)));
    let lies = columns.flat_map(|(x, z)| lies_about_column(x, z).into_iter().chain(lies_about_parity(x, z)));
    let lies = lies.chain(lies_about_round()).chain(lies_about_limbs()).collect();
    let test = ChipTest { lies, ..kit() };
    let findings = [test.honest(), test.rejected_lies(), test.mute()].concat();
    assert_eq!(findings, [""; 0]);
}

#[test]
fn no_forgery_is_found() {
    assert_eq!(kit().forge(), [""; 0]);
}

#[test]
fn permutations_as_tiny_keccak_has_them() {
    let mut operands = Operands(7);
    let mut random = || from_fn(|_| operands.bits());
    for state in [[0; 25], [u64::MAX; 25], random(), random()] {
        let mut expected = state;
        tiny_keccak::keccakf(&mut expected);
        let (rounds, output) = Round::permutation(TS, 3, true, state);
        assert_eq!(output, expected);
        let rows = rounds.iter().map(|round| ("round", cells(round.row()))).collect();
        assert_eq!(ChipTest { rows, ..ChipTest::new(&KeccakFChip) }.honest(), [""; 0]);
    }
}

#[test]
fn shape_is_pinned() {
    expect_file!["../../../snapshots/keccak_f.txt"].assert_eq(&shape(&KeccakFChip));
    columns_complete::<Row<u8>>();
}
