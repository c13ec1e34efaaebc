use std::collections::BTreeSet;

use expect_test::expect_file;
use vellum_stark::{
    Direction,
    check::Cells,
    testing::{ChipTest, columns_complete, indices, lie, shape},
};

use super::*;
use crate::testing::{Bytes, call_rows, in_table, open, shown};
use crate::{MEM, PRE, Sha256RoundsChip};

const STATE: u32 = 0x1234_5678;
const BLOCK: u32 = 0x89ab_cde8;

#[test]
fn no_lie_is_accepted() {
    let c = indices::<Row<usize>>();
    let row = call_rows(&Sha256Chip, &Bytes::sha256(STATE, BLOCK))[0].clone();
    let new = |word: usize, limb: usize| c.writes[word / 2].new[word % 2 * 2 + limb];
    let lies = vec![
        lie("the state is no multiple of 8", &row, |x| x.main[c.state[0]] += F::from_u8(4)),
        lie("the block is no multiple of 8", &row, |x| x.main[c.block[0]] += F::from_u8(4)),
        lie("a low limb + 2^16", &row, |x| {
            x.main[new(3, 0)] += F::from_u32(1 << 16);
            x.main[new(3, 1)] += F::ONE;
        }),
        lie("limbs of the sum traded", &row, |x| {
            x.main[new(7, 0)] += F::from_u32(1 << 16);
            x.main[new(7, 1)] -= F::ONE;
        }),
        lie("two rows", &row, |x| x.main[c.active] = F::TWO),
        lie("bytes traded", &row, |x| {
            x.main[c.bytes[7][6]] += F::from_u16(256);
            x.main[c.bytes[7][7]] -= F::ONE;
        }),
    ];
    let rows = vec![("a block", row)];
    ChipTest { rows, lies, lookup: in_table, ordered: &[(MEM, 1)], ..ChipTest::new(&Sha256Chip) }.run();
}

/// With the rounds' rows, PRE and MEM show what the reference computes; the state before, inside and after the block.
#[test]
fn rows_show_what_the_calls_do() {
    for (state, block) in
        [(STATE, BLOCK), (0, 0xffff_ff80), (0xfff8, 0xfff8), (0x1_0010, 0xfff8), (0xfff0, 0x1_0000)]
    {
        let call = Bytes::sha256(state, block);
        let mut expected = shown(&call);
        let rows = call_rows(&Sha256Chip, &call);
        let rounds = call_rows(&Sha256RoundsChip, &call);
        assert_eq!((rows.len(), rounds.len()), (1, 8));
        honest(&Sha256Chip, &rows);
        honest(&Sha256RoundsChip, &rounds);
        let mut tokens = open(&Sha256Chip, &rows);
        for token in open(&Sha256RoundsChip, &rounds) {
            let other = |i: &vellum_stark::check::RowInteraction| {
                (i.bus, &i.tuple) == (token.bus, &token.tuple) && i.direction != token.direction
            };
            let at = tokens.iter().position(other).expect("the call's row sends or receives it");
            tokens.swap_remove(at);
        }
        for token in tokens {
            let at = expected.iter().position(|e| *e == (token.bus, token.direction, token.tuple.clone()));
            expected.swap_remove(at.unwrap_or_else(|| panic!("not expected: {token:?}")));
        }
        assert!(expected.is_empty(), "not shown: {expected:?}");
    }
}

fn honest(chip: &impl PrecompileChip, rows: &[Cells]) {
    let rows = rows.iter().map(|cells| ("row of a call", cells.clone())).collect();
    assert_eq!(ChipTest { rows, lookup: in_table, ..ChipTest::new(chip) }.honest(), [""; 0]);
}

/// Case 11: a row of rounds is missing, stands twice, or is another call's.
#[test]
fn rounds_of_calls_do_not_mix() {
    let rounds = |call: &Call| call_rows(&Sha256RoundsChip, call);
    let call = Bytes::sha256(STATE, BLOCK);
    let one = rounds(&call);
    let other = rounds(&Bytes::sha256(STATE, BLOCK + 64));
    // What whole calls leave open: the first and the last state and the call's words.
    let tokens = |rows: &[Cells]| {
        let open = open(&Sha256RoundsChip, rows).into_iter();
        open.map(|i| format!("{} {:?} {:?}", i.bus.name, i.direction, i.tuple)).collect::<BTreeSet<_>>()
    };
    assert_eq!(tokens(&one).len(), 5);
    for at in 0..one.len() {
        let mut rows = one.clone();
        rows.remove(at);
        assert_ne!(tokens(&rows), tokens(&one), "row {at} is missing");
        assert_ne!(tokens(&[&one[..], &one[at..=at]].concat()), tokens(&one), "row {at} stands twice");
        let mut rows = one.clone();
        rows[at].clone_from(&other[at]);
        assert_ne!(tokens(&rows), tokens(&one), "row {at} is another call's");
    }
    let sent = open(&Sha256Chip, &call_rows(&Sha256Chip, &call));
    assert_eq!(sent.iter().filter(|i| i.bus == PRE && i.direction == Direction::Receive).count(), 1);
}

#[test]
fn shape_is_pinned() {
    expect_file!["../../../snapshots/sha256.txt"].assert_eq(&shape(&Sha256Chip));
    columns_complete::<Row<u8>>();
}
