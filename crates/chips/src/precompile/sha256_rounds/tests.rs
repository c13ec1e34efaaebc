//! For every constraint and lookup the lie that it alone rejects.
//!
//! A lie is one cell of a row, or one limb of a sum, that is not what it should be; `Way` says which cells then follow from
//! which, so that every other equation holds.

use expect_test::expect_file;
use vellum_stark::{
    PrimeField32,
    check::Cells,
    testing::{ChipTest, Lie, columns_complete, shape},
};

use super::*;
use crate::testing::{Bytes, call_rows, in_table};

type Row = Sha256RoundsRow<F>;

/// What follows from what.
#[derive(Clone, Copy, Default)]
struct Way {
    rounds: Rounds,
    /// Words 9 to 14 follow from those from 16 on.
    words_back: bool,
    /// A limb of a sum that is not the sum's.
    wrong: Option<(Sum, usize, usize)>,
}

#[derive(Clone, Copy, Default)]
enum Rounds {
    /// e from the words, a from e.
    #[default]
    Forward,
    /// Words and a from e.
    FromE,
    /// e from a, words from e.
    FromA,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sum {
    E,
    A,
    Word,
}

/// A cell that holds a small integer.
fn integer(cell: F) -> i64 {
    let value = i64::from(cell.as_canonical_u32());
    if value > i64::from(F::ORDER_U32 / 2) { value - i64::from(F::ORDER_U32) } else { value }
}

fn element(integer: i64) -> F {
    F::from_u32(integer.rem_euclid(F::ORDER_U32.into()) as u32)
}

/// Limbs, each the sum of the limbs of `addends`.
fn total(addends: &[[F; 2]]) -> [i64; 2] {
    [0, 1].map(|limb| addends.iter().map(|x| integer(x[limb])).sum())
}

/// The limbs and carries of a sum.
fn carried(sum: [i64; 2]) -> [[i64; 2]; 2] {
    let low = sum[0].div_euclid(1 << 16);
    let high = sum[1] + low;
    [[sum[0], high].map(|limb| limb.rem_euclid(1 << 16)), [low, high.div_euclid(1 << 16)]]
}

/// The limbs of what is missing to make `sum` into `result`, and the carries.
fn missing(result: [F; 2], sum: [i64; 2]) -> [[i64; 2]; 2] {
    let [limbs, carries] = carried([0, 1].map(|limb| integer(result[limb]) - sum[limb]));
    [limbs, carries.map(|carry| -carry)]
}

fn bits(limbs: [i64; 2]) -> Bits<F> {
    std::array::from_fn(|j| F::from_bool(limbs[j / 16] >> (j % 16) & 1 == 1))
}

fn set_word(row: &mut Row, i: usize, limbs: [i64; 2]) {
    match i {
        0 => row.word0 = limbs.map(element),
        1..9 => row.low[i - 1] = bits(limbs),
        9..14 => row.middle[i - 9] = limbs.map(element),
        14..22 => row.high[i - 14] = bits(limbs),
        _ => row.last[i - 22] = limbs.map(element),
    }
}

/// What round `i` adds to e and a besides the working variables of four rounds before and the word.
fn parts(row: &Row, i: usize) -> [[i64; 2]; 2] {
    let [g, f, e] = [0, 1, 2].map(|k| &row.e[i + k]);
    let [c, b, a] = [0, 1, 2].map(|k| &row.a[i + k]);
    let choice = std::array::from_fn(|j| e[j] * (f[j] - g[j]) + g[j]);
    let majority = std::array::from_fn(|j| a[j] * b[j] + (a[j] + b[j] - (a[j] * b[j]).double()) * c[j]);
    let mut constant = [F::ZERO; 2];
    for (flag, t) in row.flags.iter().zip((i..).step_by(ROUNDS)) {
        let limbs: [F; 2] = argument(SHA256_CONSTANTS[t]);
        constant = [0, 1].map(|limb| constant[limb] + *flag * limbs[limb]);
    }
    [
        total(&[limbs(&xor3(e, [6, 11, 25], 32)), limbs(&choice), constant]),
        total(&[limbs(&xor3(a, [2, 13, 22], 32)), limbs(&majority)]),
    ]
}

fn plus(a: [i64; 2], b: [i64; 2]) -> [i64; 2] {
    [a[0] + b[0], a[1] + b[1]]
}

/// Computes what follows from the rest. None if a carry is then out of range.
fn recompute(row: &mut Row, way: Way) -> Option<()> {
    let wrong = |sum: Sum, i: usize, mut limbs: [i64; 2]| {
        if let Some((at, number, limb)) = way.wrong
            && (at, number) == (sum, i)
        {
            limbs[limb] ^= 1;
        }
        limbs
    };
    let active = integer(row.active());
    for i in 0..ROUNDS {
        let old_a = Row::old(&row.d, &row.a, i);
        let old_e = Row::old(&row.h, &row.e, i);
        let [to_e, to_a] = parts(row, i);
        let to_e = plus(to_e, total(&[old_a, old_e]));
        let to_a = plus(to_a, total(&[old_a]).map(|limb| -limb));
        if let Rounds::FromA = way.rounds {
            let [e, carries] = missing(limbs(&row.a[3 + i]), to_a);
            row.e[3 + i] = bits(e);
            row.a_carries[i] = carries.map(|carry| element(carry + active));
        }
        if let Rounds::Forward = way.rounds {
            let [e, carries] = carried(plus(to_e, total(&[row.word_limbs(i)])));
            row.e[3 + i] = bits(wrong(Sum::E, i, e));
            row.e_carries[i] = carries.map(element);
        } else {
            let [word, carries] = missing(limbs(&row.e[3 + i]), to_e);
            set_word(row, i, word);
            row.e_carries[i] = carries.map(element);
        }
        if !matches!(way.rounds, Rounds::FromA) {
            let [a, carries] = carried(plus(to_a, total(&[limbs(&row.e[3 + i])])));
            row.a[3 + i] = bits(wrong(Sum::A, i, a));
            row.a_carries[i] = carries.map(|carry| element(carry + active));
        }
    }
    // Word 14 is needed for word 16.
    let order = if way.words_back { [5, 0, 1, 2, 3, 4, 6, 7] } else { [0, 1, 2, 3, 4, 5, 6, 7] };
    for i in order {
        let sigmas =
            [limbs(&xor3(&row.high[i], [17, 19, 10], 22)), limbs(&xor3(&row.low[i], [7, 18, 3], 29))];
        let known = total(&[sigmas[0], sigmas[1], row.word_limbs(i)]);
        let carries = if way.words_back && i < 6 {
            let [word, carries] = missing(row.word_limbs(16 + i), known);
            set_word(row, 9 + i, word);
            carries
        } else {
            let [word, carries] = carried(plus(known, total(&[row.word_limbs(9 + i)])));
            set_word(row, 16 + i, wrong(Sum::Word, i, word));
            carries
        };
        row.word_carries[i] = carries.map(element);
    }
    let carries = row.e_carries.iter().chain(&row.a_carries).chain(&row.word_carries).flatten();
    carries.into_iter().all(|carry| (0..256).contains(&integer(*carry))).then_some(())
}

fn cells(row: &Row) -> Cells {
    let mut cells = Cells::zero(Sha256RoundsChip.widths());
    row.clone().write(&mut cells.main);
    cells
}

/// Rows to lie about.
fn honest_rows() -> Vec<Row> {
    let calls = (0..3).map(|i| Bytes::sha256(0x1234_5678, 0x89ab_cd00 + 64 * i));
    calls.flat_map(|call| Sha256RoundsChip.rows(&call)).collect()
}

/// A lie about the first row that allows it: `edit` comes before all that follows, `finish` after it and may decline.
fn lie(
    honest: &[Row],
    name: &'static str,
    way: Way,
    edit: impl Fn(&mut Row),
    finish: impl Fn(&mut Row) -> Option<()>,
) -> Lie {
    let made = honest.iter().find_map(|honest| {
        let mut forged = honest.clone();
        edit(&mut forged);
        recompute(&mut forged, way)?;
        finish(&mut forged)?;
        Some(Lie { name, honest: cells(honest), forged: cells(&forged) })
    });
    made.unwrap_or_else(|| panic!("no row for {name:?}"))
}

/// Lies about one bit: it is 2.
fn lies_about_bits(honest: &[Row]) -> Vec<Lie> {
    let mut lies = Vec::new();
    let mut two = |name, way, bit: &dyn Fn(&mut Row) -> &mut F| {
        lies.push(lie(honest, name, way, |row| *bit(row) = F::TWO, |_| Some(())));
    };
    let rounds = |rounds| Way { rounds, ..Way::default() };
    for j in 0..32 {
        for k in 0..3 + ROUNDS {
            two("a bit of a", rounds(Rounds::FromA), &|row| &mut row.a[k][j]);
            two("a bit of e", rounds(Rounds::FromE), &|row| &mut row.e[k][j]);
        }
        for k in 0..8 {
            let words_back = k > 1;
            two("a bit of words 1 to 8", Way::default(), &|row| &mut row.low[k][j]);
            two("a bit of words 14 to 21", Way { words_back, ..Way::default() }, &|row| &mut row.high[k][j]);
        }
    }
    lies
}

/// Lies about which row this is: −1 + 1 + 1, or two rows at once.
fn lies_about_flags(honest: &[Row]) -> Vec<Lie> {
    let set = |ones: [usize; 2], minus: Option<usize>| {
        move |row: &mut Row| {
            row.flags = [F::ZERO; ROWS];
            ones.into_iter().for_each(|n| row.flags[n] = F::ONE);
            minus.into_iter().for_each(|n| row.flags[n] = F::NEG_ONE);
        }
    };
    let three = (0..ROWS).map(|n| {
        let ones = [(n + 1) % ROWS, (n + 2) % ROWS];
        lie(honest, "three rows", Way::default(), set(ones, Some(n)), |_| Some(()))
    });
    three.chain([lie(honest, "two rows", Way::default(), set([2, 3], None), |_| Some(()))]).collect()
}

/// Lies about sums: a limb is another, with the carries that it should have or with carries that make up for it. And words
/// 22 and 23 with a limb below 0.
fn lies_about_sums(honest: &[Row]) -> Vec<Lie> {
    let mut lies = Vec::new();
    for (sum, name) in [(Sum::E, "another e"), (Sum::A, "another a"), (Sum::Word, "another word")] {
        for i in 0..8 {
            for limb in 0..2 {
                let way = Way { wrong: Some((sum, i, limb)), ..Way::default() };
                lies.push(lie(honest, name, way, |_| (), |_| Some(())));
            }
            let way = Way { wrong: Some((sum, i, 1)), ..Way::default() };
            // The high limb is one more or one less than the sum's.
            let compensate = |row: &mut Row| {
                let (bit, carries) = match sum {
                    Sum::E => (limbs(&row.e[3 + i])[1], &mut row.e_carries[i]),
                    Sum::A => (limbs(&row.a[3 + i])[1], &mut row.a_carries[i]),
                    Sum::Word => (row.word_limbs(16 + i)[1], &mut row.word_carries[i]),
                };
                let more = if integer(bit) % 2 == 1 { F::ONE } else { F::NEG_ONE };
                carries[1] -= more.div_2exp_u64(16);
                Some(())
            };
            lies.push(lie(honest, name, way, |_| (), compensate));
        }
    }
    for i in 0..2 {
        lies.push(lie(
            honest,
            "a low limb below 0",
            Way::default(),
            |_| (),
            |row| {
                row.last[i][0] -= F::from_u32(1 << 16);
                row.word_carries[6 + i][0] += F::ONE;
                row.last[i][1] += F::ONE;
                (integer(row.last[i][1]) < 1 << 16).then_some(())
            },
        ));
        lies.push(lie(
            honest,
            "a high limb below 0",
            Way::default(),
            |_| (),
            |row| {
                row.last[i][1] -= F::from_u32(1 << 16);
                row.word_carries[6 + i][1] += F::ONE;
                Some(())
            },
        ));
    }
    lies
}

/// Every constraint and lookup is the only one to reject some lie, so none is missed by `mute`, and forgeries of a muted
/// chip need not be searched for.
#[test]
fn no_lie_is_accepted() {
    let honest = honest_rows();
    let lies = [lies_about_bits(&honest), lies_about_flags(&honest), lies_about_sums(&honest)].concat();
    let test = ChipTest { lies, ..kit() };
    let findings = [test.honest(), test.rejected_lies(), test.mute()].concat();
    assert_eq!(findings, [""; 0]);
}

/// From any cell of the first and the last row.
#[test]
fn no_forgery_is_found() {
    assert_eq!(ChipTest { budget: 4, ..kit() }.forge(), [""; 0]);
}

fn kit() -> ChipTest<'static, Sha256RoundsChip> {
    let rows = call_rows(&Sha256RoundsChip, &Bytes::sha256(0x1234_5678, 0x89ab_cde8));
    let rows = vec![("first", rows[0].clone()), ("last", rows[7].clone())];
    ChipTest { rows, lookup: in_table, budget: 1, ..ChipTest::new(&Sha256RoundsChip) }
}

#[test]
fn shape_is_pinned() {
    expect_file!["../../../snapshots/sha256_rounds.txt"].assert_eq(&shape(&Sha256RoundsChip));
    columns_complete::<Sha256RoundsRow<u8>>();
}
