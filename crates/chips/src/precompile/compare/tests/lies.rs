//! For each statement about flags and bytes a row that it alone rejects.
//!
//! A lie sets flags, the pointers' keys and bytes as it likes; `follow` computes from them all that another statement
//! determines, so that no other one is broken.

use vellum_stark::{Field, testing::Lie};

use super::*;

type Row = CompareRow<F>;

/// Statements that no row can show to be needed: it would break another one as well, or prove nothing false.
///
/// d is the number of bytes that differ, r = first + next.
pub(super) const ALLOWED_MUTES: &[(&str, &str)] = &[
    (
        "first boolean",
        "next and r being boolean, first is -1 and next is 1, so r is 0: \"later rows look\" wants looks to be 1, \
         \"looks only where active\" wants it to be 0",
    ),
    (
        "next boolean",
        "first and r being boolean, next is -1 and first is 1, so r is 0: \"later rows look\" wants looks to be 1, \
         \"looks only where active\" wants it to be 0",
    ),
    (
        "first or next",
        "first and next are 1, so r is 2: \"later rows look\" wants looks to be 1, \"looks only where active\" wants \
         it to be 0",
    ),
    (
        "more boolean",
        "r and r - more being boolean, more is -1 and r is 0: \"run goes on\" wants byte 7 in the mask, but nothing \
         looks where r is 0, so \"one run\" wants no byte there",
    ),
    (
        "last boolean",
        "r and more being boolean, more is 1 and r is 0: \"run goes on\" wants byte 7 in the mask, but nothing looks \
         where r is 0, so \"one run\" wants no byte there",
    ),
    (
        "one difference",
        "the terms of \"nothing after the difference\" are from 0 to 2, so each is 0, and of the flags that are 1 only \
         that of the run's last byte makes none",
    ),
    (
        "less boolean",
        "d and d - less being boolean, less is -1 and d is 0, so \"difference\" wants gap to be -1: no byte, so the \
         row does not write, and nothing but the write tells anyone of less",
    ),
    (
        "less or greater",
        "d and less being boolean, less is 1 and d is 0, so \"difference\" wants gap to be -1: no byte, so the row \
         does not write, and nothing but the write tells anyone of less",
    ),
    (
        "nothing after the difference",
        "in a row that writes, gap is not -1, so the one byte with a flag does differ, is in the mask, as those \
         outside with a flag are equal, and follows equal bytes: the row whose mask ends there has the same tokens",
    ),
];

/// Byte `j` of y, counted as those of x.
fn y_byte(row: &Row, j: usize) -> F {
    let bytes = [&row.before[..], &row.y_bytes].concat();
    row.shifts().into_iter().enumerate().map(|(i, flag)| flag * bytes[i + j]).sum()
}

/// Computes what follows from the flags, skip, the high limbs of a and b, x_low/8, y_low/8 and the bytes.
fn follow(row: &mut Row) {
    follow_pointers(row);
    for j in 0..8 {
        if row.mask[j] != row.differs[j] {
            row.x_bytes[j] = y_byte(row, j);
        }
    }
    if row.last() == F::ONE && row.different() == F::ZERO {
        row.rest = row.skip + row.mask.iter().copied().sum::<F>();
    }
    let apart: F = (0..8).map(|j| row.differs[j] * (row.x_bytes[j] - y_byte(row, j))).sum();
    let sign = (row.different() - row.less.double()) * (F::ONE - row.swap.double());
    if let Some(inverse) = sign.try_inverse() {
        row.gap = apart * inverse - F::ONE;
    }
    // The last access is one tick before.
    let before = |slot: u32| row.ts + F::from_u32(slot) - F::ONE;
    row.times = [[before(A) + row.swap, F::ZERO], [before(B) - row.swap, F::ZERO]];
    (row.old.prev_ts, row.old.dlo) = (before(OUT), F::ZERO);
}

/// Computes the low limbs of a and b and the keys in a row that receives a call.
fn follow_pointers(row: &mut Row) {
    if row.first == F::ZERO {
        return;
    }
    let [_, _, a_high, _, b_high, x_low, y_low] = row.before;
    let eight = F::from_u8(8);
    let x = x_low * eight + row.skip;
    let y = y_low * eight + row.skip + row.shift() - eight;
    // [x, y] = [a, b] mixed by swap, solved for a and b; swap is not 1/2.
    let mixed = |one: F, other: F| one + row.swap * (other - one);
    let scale = (F::ONE - row.swap.double()).inverse();
    let limbs = [mixed(x, -y), mixed(y, -x)].map(|limb| limb * scale);
    let high = F::from_u16(1 << 13);
    let keys = [x_low + high * mixed(a_high, b_high), y_low + high * mixed(b_high, a_high)];
    [row.before[1], row.before[3]] = limbs;
    [row.x, row.y] = keys;
}

/// Row `i` of an equal call, with bytes 0.
fn honest(a: u32, b: u32, len: u32, i: usize) -> Row {
    let mut row = CompareChip.rows(&call([OUT_AT, a, b, len], len, 0)).swap_remove(i);
    [row.x_bytes, row.y_bytes] = [[F::ZERO; 8]; 2];
    if row.first == F::ZERO {
        row.before = [F::ZERO; 7];
    }
    row
}

fn cells(mut row: Row) -> Cells {
    follow(&mut row);
    let mut cells = Cells::zero(CompareChip.widths());
    row.write(&mut cells.main);
    cells
}

fn lie(name: &'static str, honest: &Row, edit: impl FnOnce(&mut Row)) -> Lie {
    let mut forged = honest.clone();
    edit(&mut forged);
    Lie { name, honest: cells(honest.clone()), forged: cells(forged) }
}

pub(super) fn lies() -> Vec<Lie> {
    [lies_about_shifts(), lies_about_masks(), lies_about_differences(), lies_about_rows(), lies_about_bytes()]
        .concat()
}

/// A shift's flag is -1, and two others are 1: a byte is compared with one elsewhere.
fn lies_about_shifts() -> Vec<Lie> {
    // Byte 7 needs nothing before at any shift.
    let honest = honest(X + 7, Y + 7, 1, 0);
    let shift = |s: usize| {
        lie(SHIFTS[s], &honest, |row| {
            if s == 7 {
                [row.shift[0], row.shift[1]] = [F::ONE; 2];
            } else {
                (row.shift[s], row.shift[(s + 1) % 7]) = (F::NEG_ONE, F::ONE);
            }
        })
    };
    (0..8).map(shift).collect()
}

/// A byte counts twice, another once: two bytes for three.
fn lies_about_masks() -> Vec<Lie> {
    let honest = honest(X, Y, 8, 0);
    let mask = |j: usize| {
        lie(MASK[j], &honest, |row| {
            let once = if j == 0 { 1 } else { j - 1 };
            row.mask = [F::ZERO; 8];
            (row.mask[j], row.mask[once]) = (F::TWO, F::ONE);
            // At byte 0 the run starts with 0·2 + 1·(1 − 2).
            row.skip = if j == 0 { F::NEG_ONE } else { F::from_usize(once) };
        })
    };
    (0..8).map(mask).collect()
}

/// An earlier byte and the last one differ; what is one too many is taken off at a byte that is equal. The sum of the
/// differences is negative though the first one is not.
fn lies_about_differences() -> Vec<Lie> {
    let honest = honest(X, Y, 8, 0);
    let differs = |j: usize| {
        lie(DIFFERS[j], &honest, |row| {
            let earlier = usize::from(j == 0);
            let last = if j == 7 { 6 } else { 7 };
            row.mask[last + 1..].fill(F::ZERO);
            row.differs[j] = F::NEG_ONE;
            [row.differs[earlier], row.differs[last]] = [F::ONE; 2];
            [row.x_bytes[earlier], row.y_bytes[last]] = [F::ONE, F::from_u8(10)];
            row.less = F::ONE;
        })
    };
    (0..8).map(differs).collect()
}

/// Lies about what a row does.
fn lies_about_rows() -> Vec<Lie> {
    let first = honest(X, Y, 8, 0);
    let later = honest(X, Y, 16, 1);
    let empty = honest(X, Y, 0, 0);
    vec![
        lie("other pointers than the call's", &first, |row| row.swap = F::TWO),
        lie("a read sent twice", &empty, |row| row.reads = F::TWO),
        lie("a look without a call", &later, |row| (row.next, row.reads) = (F::ZERO, F::ZERO)),
        lie("a later row without a byte", &later, |row| {
            (row.looks, row.mask) = (F::ZERO, [F::ZERO; 8]);
        }),
        lie("a later row leaves out three bytes", &later, |row| {
            row.skip = F::from_u8(3);
            row.mask[..3].fill(F::ZERO);
            row.x_bytes[0] = F::ONE;
        }),
        lie("x's bytes are not read", &first, |row| row.looks = F::ZERO),
        lie("the run goes on after byte 4", &first, |row| {
            row.mask[5..].fill(F::ZERO);
            row.more = F::ONE;
        }),
        lie("y's key is a byte of y", &first, |row| {
            row.mask[1..].fill(F::ZERO);
            row.shift[6] = F::ONE;
            row.before[6] = F::from_u8(5);
        }),
    ]
}

/// A byte is 256 and the next one less by one: the same limb, another order.
fn lies_about_bytes() -> Vec<Lie> {
    let honest = honest(X, Y, 8, 0);
    let differs = |row: &mut Row, j: usize| {
        row.mask[j + 1..].fill(F::ZERO);
        row.differs[j] = F::ONE;
    };
    let pair = |j: usize| {
        let x = lie("a byte of x is 256", &honest, |row| {
            differs(row, j);
            (row.x_bytes[j], row.y_bytes[j]) = (F::from_u16(256), F::from_u8(9));
        });
        let y = lie("a byte of y is 256", &honest, |row| {
            differs(row, j);
            (row.x_bytes[j], row.y_bytes[j], row.less) = (F::from_u8(9), F::from_u16(256), F::ONE);
        });
        [x, y]
    };
    [0, 2, 4, 6].into_iter().flat_map(pair).collect()
}
