use expect_test::expect_file;
use vellum_stark::{
    check::Cells,
    testing::{ChipTest, columns_complete, indices, lie, shape},
};

use super::*;
use crate::testing::{Bytes, Operands, call_rows, calls, in_table, open, shown};

const TO: u32 = 0x1234_5678;
const FROM: u32 = 0x89ab_cde8;

fn rows(to: u32, from: u32, len: u32) -> Vec<Cells> {
    call_rows(&CopyAlignedChip, &Bytes::copy(to, from, len, None))
}

fn set(byte: u8, len: u32) -> Vec<Cells> {
    call_rows(&CopyAlignedChip, &Bytes::copy(TO, 0, len, Some(byte)))
}

#[test]
fn no_lie_is_accepted() {
    let c = indices::<CopyAlignedRow<usize>>();
    let eighth = F::ONE.div_2exp_u64(3);
    let [two, four, six] = [16, 32, 48].map(|len| rows(TO, FROM, len));
    let set = set(0xa5, 56);
    let clear = Bytes::copy(TO, 0, 16, Some(0));
    // Moves what lane `i` does to the lane after it.
    let swap = |x: &mut Cells, i: usize| {
        x.main.swap(c.flags[i - 1], c.flags[i]);
        for accesses in [&c.reads, &c.writes] {
            let [from, to] = [&accesses[i], &accesses[i + 1]];
            from.value.iter().zip(to.value).for_each(|(from, to)| x.main.swap(*from, to));
            x.main.swap(from.prev_ts, to.prev_ts);
            x.main.swap(from.dlo, to.dlo);
        }
    };
    let lies = vec![
        lie("to is no multiple of 8", &two[0], |x| x.main[c.to] += eighth),
        lie("a1 is no multiple of 8", &two[0], |x| {
            x.main[c.from] += eighth;
            x.main[c.a1[0]] += F::ONE;
        }),
        lie("from + 8", &two[0], |x| x.main[c.from] += F::ONE),
        // f: 1 1 0 0 → 1 0 1 0
        lie("dword 1 is skipped", &two[0], |x| swap(x, 1)),
        // f: 1 1 1 0 → 1 1 0 1
        lie("dword 2 is skipped", &rows(TO, FROM, 24)[0], |x| swap(x, 2)),
        lie("a dword without a call", &two[0], |x| x.main[c.first] = F::ZERO),
        lie("dword 3 counts twice", &four[0], |x| {
            x.main[c.flags[2]] = F::TWO;
            x.main[c.left] += F::ONE;
        }),
        lie("the next row is sent twice", &four[0], |x| x.main[c.more] = F::TWO),
        lie("the call goes on after three dwords", &six[0], |x| x.main[c.flags[2]] = F::ZERO),
        // from is a MEMSET's byte in 32 bits
        lie("a byte of 17 bits", &set[0], |x| x.main[c.a1[1]] = F::ONE),
        lie("a byte above 255", &set[0], |x| {
            [c.from, c.a1[0]].iter().for_each(|cell| x.main[*cell] = F::from_u16(256));
            let values = c.reads.iter().flat_map(|read| read.value);
            values.for_each(|cell| x.main[cell] = F::from_u32(256 * 257));
        }),
        lie("another byte", &set[0], |x| {
            x.main[c.from] += F::ONE;
            let values = c.reads.iter().flat_map(|read| read.value);
            values.for_each(|cell| x.main[cell] += F::from_u16(257));
        }),
        lie("one dword less", &four[0], |x| x.main[c.flags[2]] = F::ZERO),
        lie("first and next", &two[0], |x| x.main[c.next] = F::ONE),
        // The code before MEMCPY's is U256_SUB's; a1 = 0 is a byte and a pointer.
        lie("U256_SUB passed for MEMCPY", &call_rows(&CopyAlignedChip, &clear)[0], |x| {
            x.main[c.set] = F::NEG_ONE;
        }),
    ];
    let rows = vec![
        ("one dword", rows(TO, FROM, 40)[1].clone()),
        ("two dwords", two[0].clone()),
        ("four dwords", four[0].clone()),
        ("first of six", six[0].clone()),
        ("last of six", six[1].clone()),
        ("MEMSET, first", set[0].clone()),
        ("MEMSET, last", set[1].clone()),
    ];
    // Whether another row follows is the prover's choice: the path that goes on too far does not end.
    let inputs = vec![c.more];
    let chip = &CopyAlignedChip;
    ChipTest { rows, lies, inputs, lookup: in_table, ordered: &[(MEM, 1)], ..ChipTest::new(chip) }.run();
}

/// Cases 11 and 14: rows that are each in order and together no call.
#[test]
fn rows_of_calls_do_not_mix() {
    let one = rows(TO, FROM, 96);
    let closed = |rows: &[Cells]| open(&CopyAlignedChip, rows).iter().all(|i| i.bus != COPY);
    assert!(closed(&one));
    for at in 0..one.len() {
        let mut rows = one.clone();
        rows.remove(at);
        assert!(!closed(&rows), "row {at} is missing");
        assert!(!closed(&[&one[..], &one[at..=at]].concat()), "row {at} stands twice");
    }
    assert!(!closed(&one[1..]) && !closed(&one[..2]));
    let elsewhere = rows(TO, FROM + 0x1000, 96);
    assert!(!closed(&[&one[..1], &elsewhere[1..]].concat()));
}

/// Against bytes copied one by one; the source before, after, overlapping and in the same place.
#[test]
fn rows_show_what_the_calls_do() {
    let mut random = Operands(12);
    for dwords in (2..40).chain([200]) {
        let distance = [0, 8, 16, 80, 0x1000_0000][random.bits() as usize % 5];
        for base in [0, 0xfff8, 0x7fff_fff8, 0xdfff_f000] {
            for (to, from) in [(base, base + distance), (base + distance, base)] {
                for byte in [None, Some(random.bits() as u8)] {
                    agrees(&Bytes::copy(to, from, 8 * dwords, byte));
                }
            }
        }
    }
    for (to, from, len) in [(0, 0, 0), (1, 8, 8), (8, 4, 8), (8, 8, 7), (8, 8, 8)] {
        assert!(rows(to, from, len).is_empty());
    }
}

fn agrees(call: &Call) {
    let rows = call_rows(&CopyAlignedChip, call);
    let mut expected = shown(call);
    for token in calls(&CopyAlignedChip, &rows) {
        let at = expected.iter().position(|e| *e == (token.bus, token.direction, token.tuple.clone()));
        expected.swap_remove(at.unwrap_or_else(|| panic!("{:x?}: not expected: {token:?}", call.args)));
    }
    assert!(expected.is_empty(), "{:x?}: not shown: {expected:?}", call.args);
}

#[test]
fn shape_is_pinned() {
    expect_file!["../../../snapshots/copy_aligned.txt"].assert_eq(&shape(&CopyAlignedChip));
    columns_complete::<CopyAlignedRow<u8>>();
}
