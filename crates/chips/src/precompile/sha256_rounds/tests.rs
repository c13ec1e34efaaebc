use expect_test::expect_file;
use vellum_stark::testing::{ChipTest, columns_complete, indices, lie, shape};

use super::*;
use crate::testing::{Bytes, call_rows, in_table};

#[test]
fn no_lie_is_accepted() {
    let c = indices::<Sha256RoundsRow<usize>>();
    let rows = call_rows(&Sha256RoundsChip, &Bytes::sha256(0x1234_5678, 0x89ab_cde8));
    let middle = &rows[3];
    let zero = |x: &vellum_stark::check::Cells, bits: &[usize]| {
        *bits.iter().find(|cell| x.main[**cell] == F::ZERO).expect("a word has a bit 0")
    };
    let lies = vec![
        lie("another e", middle, |x| {
            let cell = zero(x, &c.e[10]);
            x.main[cell] = F::ONE;
        }),
        lie("another a", middle, |x| {
            let cell = zero(x, &c.a[10]);
            x.main[cell] = F::ONE;
        }),
        lie("another word", middle, |x| {
            let cell = zero(x, &c.high[3]);
            x.main[cell] = F::ONE;
        }),
        // W_23, limbs: low + 2^16, carry − 1
        lie("word limb + 2^16", middle, |x| {
            x.main[c.last[1][0]] += F::from_u32(1 << 16);
            x.main[c.word_carries[7][0]] -= F::ONE;
            x.main[c.word_carries[7][1]] -= F::ONE * (F::ONE.div_2exp_u64(16));
        }),
        lie("another round's constant", middle, |x| x.main.swap(c.flags[3], c.flags[4])),
        lie("half of two rows", middle, |x| {
            (x.main[c.flags[2]], x.main[c.flags[3]]) = (F::ONE, F::ONE);
        }),
    ];
    let rows = vec![("first", rows[0].clone()), ("last", rows[7].clone())];
    let test = ChipTest { rows, lies, lookup: in_table, ..ChipTest::new(&Sha256RoundsChip) };
    let findings = [test.honest(), test.rejected_lies()].concat();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    // From any cell of any row: 1,277 columns take too long to mute each constraint.
    let findings = ChipTest { budget: 4, ..test }.forge();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn shape_is_pinned() {
    expect_file!["../../../snapshots/sha256_rounds.txt"].assert_eq(&shape(&Sha256RoundsChip));
    columns_complete::<Sha256RoundsRow<u8>>();
}
