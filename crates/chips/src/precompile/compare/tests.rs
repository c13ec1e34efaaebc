use expect_test::expect_file;
use vellum_stark::{
    check::Cells,
    testing::{ChipTest, Lie, columns_complete, indices, lie, shape},
};

use super::*;
use crate::MEM;
use crate::testing::{Bytes, Operands, TS, call_rows, calls, in_table, open, shown};

mod lies;

const OUT_AT: u32 = 0x7654_3210;
const X: u32 = 0x1234_5678;
const Y: u32 = 0x89ab_cde8;

/// A call on runs that are equal up to byte `at` (if there is one), which is greater by `by` modulo 256 in a.
fn call([out, a, b, len]: [u32; 4], at: u32, by: u8) -> Call {
    let mut bytes = Bytes::new();
    let copied: Vec<u8> = (0..len).map(|i| bytes.byte(a + i)).collect();
    // What the memory was before is no part of the call.
    bytes.touch(1, b, len, |i, byte| {
        *byte = if i == at { copied[i as usize].wrapping_sub(by) } else { copied[i as usize] };
    });
    let run = |bytes: &mut Bytes, from: u32| -> Vec<u8> { (0..len).map(|i| bytes.byte(from + i)).collect() };
    // The runs may overlap: whatever is in memory now is compared.
    let [x, y] = [a, b].map(|from| run(&mut bytes, from));
    let seen = x.iter().zip(&y).position(|(x, y)| x != y).map_or(len, |at| at as u32 + 1);
    let result = x.cmp(&y) as i64;
    let mut touches = bytes.touch(A, a, seen, |_, _| ());
    touches.extend(bytes.touch(B, b, seen, |_, _| ()));
    touches.extend(bytes.touch(OUT, out, 8, |i, byte| *byte = result.to_le_bytes()[i as usize]));
    Call { ts: TS, code: Precompile::Memcmp.code(), args: [out, a, b, len], touches }
}

fn rows(a: u32, b: u32, len: u32, at: u32, by: u8) -> Vec<Cells> {
    call_rows(&CompareChip, &call([OUT_AT, a, b, len], at, by))
}

fn kit() -> ChipTest<'static, CompareChip> {
    // shift 5: bytes 6, 7, then 8, then 3
    let equal = rows(X + 6, Y + 3, 13, 13, 0);
    let swapped = rows(X + 1, Y + 7, 20, 11, 3);
    let less = rows(X + 2, Y + 2, 9, 3, 251);
    let empty = rows(X + 3, Y + 5, 0, 0, 0);
    let rows = vec![
        ("first", equal[0].clone()),
        ("middle", equal[1].clone()),
        ("last", equal[2].clone()),
        ("swapped, first", swapped[0].clone()),
        ("swapped, different", swapped[2 - usize::from(swapped.len() < 3)].clone()),
        ("the only one", less[0].clone()),
        ("no bytes", empty[0].clone()),
    ];
    // Whether another row follows is the prover's choice: the path that goes on too far does not end. So is a needless read.
    let columns = indices::<CompareRow<usize>>();
    let inputs = vec![columns.more, columns.reads];
    ChipTest {
        rows,
        inputs,
        lookup: in_table,
        ordered: &[(MEM, 1)],
        allowed_mutes: lies::ALLOWED_MUTES,
        ..ChipTest::new(&CompareChip)
    }
}

#[test]
fn no_lie_is_accepted() {
    let one_statement_each = lies::lies();
    // The rows that they distort are made up as well; the chip accepts them.
    let rows = one_statement_each.iter().map(|lie| (lie.name, lie.honest.clone())).collect();
    assert_eq!(ChipTest { rows, ..kit() }.honest(), [""; 0]);
    ChipTest { lies: [lies(), one_statement_each].concat(), ..kit() }.run();
}

/// Rows that prove something false.
fn lies() -> Vec<Lie> {
    let c = indices::<CompareRow<usize>>();
    let eighth = F::ONE.div_2exp_u64(3);
    let equal = rows(X + 6, Y + 3, 21, 21, 0);
    let [first, middle, last] = [&equal[0], &equal[1], &equal[3]];
    let greater = &rows(X, Y, 8, 3, 1)[0];
    let empty = &rows(X + 3, Y + 5, 0, 0, 0)[0];
    let byte = F::from_u16(256);
    let mut lies = vec![
        lie("another a", greater, |x| x.main[c.before[1]] += F::from_u8(8)),
        lie("another b", greater, |x| x.main[c.before[3]] += F::from_u8(8)),
        lie("out is no multiple of 8", greater, |x| x.main[c.out] += eighth),
        lie("x is no multiple of 8", greater, |x| {
            x.main[c.before[1]] += F::ONE;
            [c.before[5], c.x].iter().for_each(|cell| x.main[*cell] += eighth);
        }),
        lie("y is no multiple of 8", greater, |x| {
            x.main[c.before[3]] += F::ONE;
            [c.before[6], c.y].iter().for_each(|cell| x.main[*cell] += eighth);
        }),
        lie("x + 8", greater, |x| x.main[c.x] += F::ONE),
        lie("y + 8", greater, |x| x.main[c.y] += F::ONE),
        lie("less instead of greater", greater, |x| x.main[c.less] = F::ONE),
        lie("less, and the gap below zero", greater, |x| {
            x.main[c.less] = F::ONE;
            x.main[c.gap] = -F::ONE - x.main[c.gap] - F::ONE;
        }),
        lie("swapped alone", greater, |x| {
            x.main[c.swap] = F::ONE;
            x.main[c.less] = F::ONE;
        }),
        lie("equal, though a byte differs", greater, |x| x.main[c.differs[3]] = F::ZERO),
        lie("equal, and not to the end", greater, |x| {
            c.mask[3..].iter().for_each(|cell| x.main[*cell] = F::ZERO);
            x.main[c.differs[3]] = F::ZERO;
            x.main[c.gap] = F::ZERO;
        }),
        lie("a later byte decides", &rows(X, Y, 8, 3, 1)[0], |x| {
            x.main[c.differs[3]] = F::ZERO;
            (x.main[c.differs[5]], x.main[c.less]) = (F::ONE, F::ONE);
            (x.main[c.mask[4]], x.main[c.mask[5]]) = (F::ONE, F::ONE);
            let [x5, y5] = [c.x_bytes[5], c.y_bytes[5]];
            x.main[x5] = F::ZERO;
            x.main[y5] = F::from_u8(9);
            x.main[c.gap] = F::from_u8(8);
        }),
        lie("a byte before the run decides", &rows(X + 3, Y + 3, 5, 0, 1)[0], |x| {
            x.main[c.differs[3]] = F::ZERO;
            x.main[c.mask[3]] = F::ZERO;
            (x.main[c.differs[1]], x.main[c.mask[1]]) = (F::ONE, F::ONE);
            x.main[c.x_bytes[1]] = F::from_u8(9);
            (x.main[c.y_bytes[1]], x.main[c.gap]) = (F::ONE, F::from_u8(7));
        }),
        lie("a byte after the run decides", last, |x| {
            let at = (0..8).find(|j| x.main[c.mask[*j]] == F::ZERO).expect("the run ends in the dword");
            (x.main[c.differs[at]], x.main[c.mask[at]]) = (F::ONE, F::ONE);
            // shift 5
            let y = if at >= 3 { c.y_bytes[at - 3] } else { c.before[at + 4] };
            x.main[c.x_bytes[at]] = F::from_u8(9);
            (x.main[y], x.main[c.gap]) = (F::ONE, F::from_u8(7));
            x.main[c.reads] = F::ONE;
        }),
        lie("no byte instead of five", empty, |x| x.main[c.rest] += F::from_u8(5)),
        lie("greater without a byte", empty, |x| x.main[c.differs[0]] = F::ONE),
        lie("less without a byte", empty, |x| x.main[c.less] = F::ONE),
        lie("a run of two pieces", &rows(X + 6, Y + 6, 20, 20, 0)[0], |x| {
            [c.mask[0], c.mask[1]].iter().for_each(|cell| x.main[*cell] = F::ONE);
            x.main[c.looks] = F::TWO;
        }),
        lie("the next row is sent twice", middle, |x| x.main[c.more] = F::TWO),
        lie("a row goes on after the difference", &rows(X, Y, 16, 7, 1)[0], |x| x.main[c.more] = F::ONE),
        lie("a byte of y that is not read", middle, |x| x.main[c.reads] = F::ZERO),
        lie("a read without a call", last, |x| {
            c.mask.iter().chain(&c.shift).for_each(|cell| x.main[*cell] = F::ZERO);
            (x.main[c.next], x.main[c.reads]) = (F::ZERO, F::ONE);
            (x.main[c.looks], x.main[c.rest]) = (F::ZERO, F::ZERO);
        }),
        lie("first and next", first, |x| x.main[c.next] = F::ONE),
        lie("the first bytes are made up", middle, |x| {
            (x.main[c.first], x.main[c.next]) = (F::ONE, F::ZERO);
        }),
        lie("written from the future", greater, |x| {
            x.main[c.old.prev_ts] = x.main[c.ts] + F::from_u32(OUT);
            x.main[c.old.dlo] = F::NEG_ONE;
        }),
        lie("x read from the future", greater, |x| {
            x.main[c.times[0][0]] = x.main[c.ts] + F::from_u32(A);
            x.main[c.times[0][1]] = F::NEG_ONE;
        }),
        // The byte that differs is raised by 256 and the next one lowered: the same limb, another order.
        lie("a byte above 255", &rows(X, Y, 8, 2, 255)[0], |x| {
            x.main[c.x_bytes[2]] += byte;
            x.main[c.x_bytes[3]] -= F::ONE;
            x.main[c.less] = F::ONE - x.main[c.less];
        }),
    ];
    for (name, cell) in EQUAL.into_iter().zip(c.x_bytes) {
        lies.push(lie(name, middle, |x| {
            x.main[cell] = F::from_bool(x.main[cell] == F::ZERO);
        }));
    }
    lies
}

/// Cases 11 and 14: rows that are each in order and together no call.
#[test]
fn rows_of_calls_do_not_mix() {
    let equal = |b: u32| call([OUT_AT, X + 6, b, 40], 40, 0);
    let one = call_rows(&CompareChip, &equal(Y + 3));
    let mut later = equal(Y + 3);
    later.ts += 16;
    later.touches.iter_mut().for_each(|touch| touch.access.prev_ts += 16);
    let other = call_rows(&CompareChip, &later);
    let closed = |rows: &[Cells]| open(&CompareChip, rows).iter().all(|i| i.bus != COMPARE);
    assert!(closed(&one) && closed(&[one.clone(), other.clone()].concat()));
    for at in 0..one.len() {
        // A row is missing; the call starts or ends there; a row is another call's; a row stands twice.
        let mut rows = one.clone();
        rows.remove(at);
        assert!(!closed(&rows), "row {at} is missing");
        if at > 0 {
            assert!(!closed(&one[at..]) && !closed(&one[..at]), "cut at {at}");
        }
        let mut mixed = one.clone();
        mixed[at].clone_from(&other[at]);
        assert!(!closed(&mixed), "row {at} is another call's");
        assert!(!closed(&[&one[..], &one[at..=at]].concat()), "row {at} stands twice");
    }
    // Two calls at one time with other pointers: the tail of one does not follow the other's.
    let elsewhere = call_rows(&CompareChip, &equal(Y + 0x1003));
    assert!(!closed(&[&one[..3], &elsewhere[3..]].concat()));
}

/// Against slices: all alignments, lengths and places of the difference; the result beside or inside the runs.
#[test]
fn rows_show_what_the_calls_do() {
    let mut random = Operands(12);
    for (a, b) in (0..64).map(|i| (i / 8, i % 8)) {
        for len in (0..=20u32).chain([31, 32, 40, 100]) {
            for at in [len, 0, len / 2, len.saturating_sub(1)] {
                let distance = [128, 136, 0x1000_0000][random.bits() as usize % 3];
                let base = [0, 0xfff8, 0x7fff_fff8, 0xdfff_f000][random.bits() as usize % 4];
                let (mut a, mut b) = (base + a, base + distance + b);
                if random.bits().is_multiple_of(2) {
                    (a, b) = (b, a);
                }
                let out = [OUT_AT, a / 8 * 8, (b + len / 2) / 8 * 8][random.bits() as usize % 3];
                agrees(&call([out, a, b, len], at, 1 + random.bits() as u8 % 255));
            }
        }
    }
    agrees(&call([OUT_AT, 7, 40_003, 3000], 3000, 0));
    agrees(&call([OUT_AT, 40_003, 7, 3000], 2999, 128));
    // A run and itself, and overlapping ones.
    agrees(&call([OUT_AT, X + 3, X + 3, 30], 30, 0));
    agrees(&call([OUT_AT, X + 3, X + 5, 30], 30, 0));
}

fn agrees(call: &Call) {
    let rows = call_rows(&CompareChip, call);
    assert!(rows.len() <= call.demand().rows[Table::Compare as usize] as usize);
    assert!(call.touches.len() <= call.demand().dwords as usize);
    let mut expected = shown(call);
    for token in calls(&CompareChip, &rows) {
        let at = expected.iter().position(|e| *e == (token.bus, token.direction, token.tuple.clone()));
        expected.swap_remove(at.unwrap_or_else(|| panic!("{:x?}: not expected: {token:?}", call.args)));
    }
    assert!(expected.is_empty(), "{:x?}: not shown: {expected:?}", call.args);
}

#[test]
fn shape_is_pinned() {
    expect_file!["../../../snapshots/compare.txt"].assert_eq(&shape(&CompareChip));
    columns_complete::<CompareRow<u8>>();
}
