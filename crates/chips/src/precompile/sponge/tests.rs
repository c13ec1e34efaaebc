//! The lies that each guard of SPONGE is there for. Honest calls are proven in the tests of KECCAK.

use expect_test::expect_file;
use vellum_stark::{
    PrimeField32,
    check::Cells,
    testing::{ChipTest, Lie, columns_complete, indices, shape},
};

use super::*;
use crate::{MEM, precompile::keccak::tests::scene, testing::in_table};

/// Column of the call's time.
pub(crate) const TS_COLUMN: usize = 0;

/// Row `at` of a call.
fn row(data: u32, len: u32, flags: u32, at: usize) -> Row<F> {
    SpongeChip.rows(&scene([0x2_0000, data, len, flags]).calls[0])[at].row()
}

fn cells(row: Row<F>) -> Cells {
    let mut cells = Cells::zero(SpongeChip.widths());
    row.write(&mut cells.main);
    cells
}

/// Computes what follows from mask, flags, dwords and lanes before.
fn recompute(row: &mut Row<F>) {
    let mask: Vec<F> = row.mask.as_flattened().to_vec();
    let third = row.parts[2];
    row.full = mask[47] + third * mask[39];
    for q in 1..7 {
        let sum = (0..8).filter(|o| 8 * q - o < 48).map(|o| row.offset[o] * mask[8 * q - o]).sum();
        row.active[q - 1] = sum;
    }
    for j in 0..48 {
        let data: F = (0..8).map(|o| row.offset[o] * row.byte(j + o)).sum();
        let end = if j == 0 { row.more } else { mask[j - 1] } - mask[j];
        row.absorbed[j / 8][j % 8] = mask[j] * data
            + match j {
                39 => end + third * (F::ONE - row.full) * F::from_u8(0x80),
                40 => end * (F::ONE - third),
                _ => end,
            };
        let xor = row.before[j / 8][j % 8].as_canonical_u32() ^ row.absorbed[j / 8][j % 8].as_canonical_u32();
        row.after[j / 8][j % 8] = F::from_u32(xor);
    }
}

/// A lie: a row whose sums and lanes after it follow from the rest as edited.
fn lie(name: &'static str, honest: &Row<F>, edit: impl FnOnce(&mut Row<F>)) -> Lie {
    let mut forged = honest.clone();
    edit(&mut forged);
    recompute(&mut forged);
    Lie { name, honest: cells(honest.clone()), forged: cells(forged) }
}

/// The first row of a message whose last byte, byte j of the row, is in 1..=127 and not the first one of a dword.
fn ending_at(j: usize) -> Row<F> {
    let offset = if (j + 3) % 8 > 1 { 3 } else { 5 };
    let rows = (0..100).map(|i| row(0x1000 + 8 * i + offset, j as u32 + 1, 3, 0));
    let mut suitable =
        rows.filter(|row| (1..128).contains(&row.byte(j + offset as usize).as_canonical_u32()));
    suitable.next().expect("one of a hundred places suits")
}

/// Lies about byte j of a row.
///
/// ```text
/// m_(j−1)  m_j  m_(j+1)
/// 1        2    0         absorbed: 2·byte − 1, then 2
/// 0        1    0         absorbed: 1, byte − 1, 1
/// ```
fn lies_about_byte(j: usize) -> Vec<Lie> {
    let honest = ending_at(j);
    let twice = lie("a byte twice", &honest, |row| row.mask.as_flattened_mut()[j] = F::TWO);
    let gap = (j > 0).then(|| lie("a gap", &honest, |row| row.mask.as_flattened_mut()[j - 1] = F::ZERO));
    gap.into_iter().chain([twice]).collect()
}

/// A message that ends in the middle of limb k of dword q, in another way of two bytes: the low one is absorbed.
fn low_byte_of_end(q: usize, k: usize) -> Lie {
    let end = 8 * q + 2 * k + 1;
    let offset = if q == 0 { 0 } else { 7 };
    let honest = row(0x1000 + offset, end as u32 - offset, 3, 0);
    lie("limb of another low byte", &honest, |row| {
        let low = &mut row.low[q][k];
        *low += if *low == F::from_u8(255) { F::NEG_ONE } else { F::ONE };
    })
}

/// ```text
/// flags: −1 1 1 0 …, which are one in sum
/// ```
fn three(flags: &mut [F], at: usize) {
    let n = flags.len();
    flags.fill(F::ZERO);
    flags[at] = F::NEG_ONE;
    (flags[(at + 1) % n], flags[(at + 2) % n]) = (F::ONE, F::ONE);
}

fn lies() -> Vec<Lie> {
    let empty = row(0x1002, 0, 3, 0);
    let full = row(0x1003, 136, 1, 0);
    let third = row(0x1003, 136, 1, 2);
    let after_end = row(0x1003, 20, 3, 1);
    let mut lies = vec![
        lie("two rows of a block", &empty, |row| {
            row.parts = [F::ONE, F::ONE, F::ZERO];
            row.offset = from_fn(|o| F::from_bool(o < 2));
        }),
        lie("no offset", &empty, |row| row.offset = [F::ZERO; 8]),
        lie("a block after the end", &empty, |row| row.more = F::ZERO),
        lie("41 bytes in a third row", &third, |row| row.mask[5][0] = F::ONE),
        // m_0 = 1 after the end: absorbed: byte − 1, then 1
        lie("a byte after the end", &after_end, |row| {
            (row.mask[0][0], row.offset) = (F::ONE, full.offset);
            (row.dwords[0], row.low[0]) = (full.dwords[0].clone(), full.low[0]);
            (row.ts, row.key) = (full.ts, full.key);
        }),
        // A row of no call that reads a dword
        Lie {
            name: "a byte of no row",
            honest: Cells::zero(SpongeChip.widths()),
            forged: {
                let mut row = full.clone();
                (row.parts, row.offset, row.mask) = Default::default();
                row.mask[0][0] = F::ONE;
                recompute(&mut row);
                cells(row)
            },
        },
    ];
    lies.extend((0..2).map(|at| lie("three rows of a block", &empty, |row| three(&mut row.parts, at))));
    lies.extend((0..8).map(|at| lie("three offsets", &empty, |row| three(&mut row.offset, at))));
    lies.extend((0..48).flat_map(lies_about_byte));
    lies.extend((0..7).flat_map(|q| (0..4).map(move |k| low_byte_of_end(q, k))));
    lies.extend((0..6).map(|q| {
        let mut lie = lie("a dword that is not read", &full, |row| {
            (row.dwords[q + 1].value[1], row.low[q + 1][1]) = (F::ZERO, F::ZERO);
        });
        lie.forged.main[indices::<Row<usize>>().active[q]] = F::ZERO;
        lie
    }));
    lies
}

/// How many bytes a row takes is given: only KECCAK's last token says that all bytes were taken.
fn kit() -> ChipTest<'static, SpongeChip> {
    let c = indices::<Row<usize>>();
    let mut rows = vec![("0x81", cells(row(0x1008, 135, 3, 2)))];
    let full = ["full first", "full second", "full third"].into_iter().enumerate();
    rows.extend(full.map(|(at, label)| (label, cells(row(0x1003, 136, 1, at)))));
    let end = ["end", "after the end", "third after the end"].into_iter().enumerate();
    rows.extend(end.map(|(at, label)| (label, cells(row(0x1005, 20, 3, at)))));
    ChipTest {
        rows,
        lies: lies(),
        lookup: in_table,
        ordered: &[(MEM, 1)],
        inputs: c.mask.as_flattened().to_vec(),
        allowed_mutes: &[
            ("third row of a block", "it is 0, 1, or -1 beside two others, and then byte 39 is none"),
            ("dword read boolean#0", BOOLEAN),
            ("dword read boolean#1", BOOLEAN),
            ("dword read boolean#2", BOOLEAN),
            ("dword read boolean#3", BOOLEAN),
            ("dword read boolean#4", BOOLEAN),
            ("dword read boolean#5", BOOLEAN),
        ],
        budget: 4,
        ..ChipTest::new(&SpongeChip)
    }
}

const BOOLEAN: &str = "a sum of one of the mask's bits; set-up wants it said of a multiplicity";

#[test]
fn no_lie_is_accepted() {
    kit().run();
}

#[test]
fn shape_is_pinned() {
    expect_file!["../../../snapshots/sponge.txt"].assert_eq(&shape(&SpongeChip));
    columns_complete::<Row<u8>>();
}
