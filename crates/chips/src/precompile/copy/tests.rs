use expect_test::expect_file;
use vellum_stark::{
    PrimeField32,
    check::Cells,
    testing::{ChipTest, Lie, columns_complete, indices, lie, shape},
};

use super::*;
use crate::testing::{Bytes, Operands, call_rows, calls, in_table, open, shown};

const TO: u32 = 0x1234_5678;
const FROM: u32 = 0x89ab_cde8;

fn rows(to: u32, from: u32, len: u32) -> Vec<Cells> {
    call_rows(&CopyChip, &Bytes::copy(to, from, len, None))
}

fn set(to: u32, byte: u8, len: u32) -> Vec<Cells> {
    call_rows(&CopyChip, &Bytes::copy(to, 0, len, Some(byte)))
}

/// Set-up wants every multiplicity's flag to be stated.
const ALLOWED: &[(&str, &str)] = &[
    ("first boolean", "next and r are, and a row that is next and not active cannot write"),
    ("next boolean", "first and r are, and a row that is not active cannot write"),
    ("first or next", "a row that is both must write, where r = 1"),
    ("writes only where active", "no bytes: with r = 0 rest would be 0, and the run ends after 0"),
    ("reads boolean", "with reads = -1 there is a MEMSET without a source"),
];

fn kit() -> ChipTest<'static, CopyChip> {
    // shift 3 after a row that only reads: 5 bytes at to + 1, 8, 6
    let ahead = rows(TO + 3, FROM + 6, 19);
    // shift 6, the first dword needs none before; the last needs no further one
    let behind = rows(TO + 7, FROM + 5, 13);
    let inside = rows(TO + 3, FROM + 3, 2);
    let set = set(TO + 1, 0xa5, 16);
    let empty = rows(TO + 1, FROM, 0);
    let rows = vec![
        ("head", ahead[0].clone()),
        ("first after a head", ahead[1].clone()),
        ("middle", ahead[2].clone()),
        ("last", ahead[3].clone()),
        ("first", behind[0].clone()),
        ("last without a read", behind[2].clone()),
        ("the only one", inside[0].clone()),
        ("MEMSET, first", set[0].clone()),
        ("MEMSET, last", set[2].clone()),
        ("no bytes", empty[0].clone()),
    ];
    // Whether another row follows is the prover's choice: the path that goes on too far does not end.
    let inputs = vec![indices::<CopyRow<usize>>().more];
    ChipTest {
        rows,
        inputs,
        lookup: in_table,
        ordered: &[(MEM, 1)],
        allowed_mutes: ALLOWED,
        ..ChipTest::new(&CopyChip)
    }
}

#[test]
fn no_lie_is_accepted() {
    ChipTest { lies: lies(), ..kit() }.run();
}

/// Rows that prove something false.
fn lies() -> Vec<Lie> {
    let c = indices::<CopyRow<usize>>();
    let eighth = F::ONE.div_2exp_u64(3);
    let [head, middle] = [0, 2].map(|i| rows(TO + 3, FROM + 6, 27)[i].clone());
    let only = &rows(TO + 3, FROM + 3, 2)[0];
    let set = |len, i: usize| set(TO, 0x10, len)[i].clone();
    // What is written becomes eight bytes of this value, or stays.
    let fill = |x: &mut Cells, byte: F| {
        c.write.new.iter().for_each(|limb| x.main[*limb] = byte * F::from_u16(257));
    };
    let keep = |x: &mut Cells| {
        c.write.new.iter().zip(c.write.old.value).for_each(|(new, old)| x.main[*new] = x.main[old]);
        c.mask.iter().for_each(|cell| x.main[*cell] = F::ZERO);
    };
    // set = ±1 in a row that reads eight times MEMSET's byte: a1 = 0x10 = 8·1 + shift 8.
    let reading_set = |x: &mut Cells, value: F| {
        x.main[c.set] = value;
        (x.main[c.reads], x.main[c.writes], x.main[c.more]) = (F::ONE, F::ZERO, F::ONE);
        (x.main[c.from], x.main[c.before[3]]) = (F::ONE, F::ONE);
        keep(x);
    };
    let mut lies = vec![
        lie("to is no multiple of 8", only, |x| x.main[c.to] += eighth),
        lie("from is no multiple of 8", only, |x| {
            x.main[c.before[1]] += F::ONE;
            [c.before[3], c.from].iter().for_each(|cell| x.main[*cell] += eighth);
        }),
        lie("from + 8", only, |x| x.main[c.from] += F::ONE),
        // m: 0 0 0 0 0 0 1 1 → 1 1 0 0 0 0 1 1, two runs, written twice; a1 = 8·(a + 1) + 8 + 6 − 8·2
        lie("a hole in the mask", &rows(TO + 6, FROM + 6, 20)[0], |x| {
            [c.mask[0], c.mask[1]].iter().for_each(|cell| x.main[*cell] = F::ONE);
            x.main[c.writes] = F::TWO;
            [c.from, c.before[3]].iter().for_each(|cell| x.main[*cell] += F::ONE);
            x.main[c.write.new[0]] = x.main[c.source[0]] + x.main[c.source[1]] * F::from_u16(256);
        }),
        // m: 0 0 0 0 0 1 1 1 → 0 0 0 0 0 0 2 1: skip = 2·6 − 7
        lie("a byte written twice", &rows(TO + 5, FROM + 5, 3)[0], |x| {
            (x.main[c.mask[5]], x.main[c.mask[6]]) = (F::ZERO, F::TWO);
            let [low, high] = split(x.main[c.write.old.value[3]]);
            (x.main[c.start[0]], x.main[c.start[1]]) = (low, high);
            x.main[c.write.new[2]] = x.main[c.write.old.value[2]];
            let written = x.main[c.source[6]].double() + x.main[c.source[7]] * F::from_u16(256);
            x.main[c.write.new[3]] = written - low;
        }),
        lie("the next row is sent twice", &rows(TO + 3, FROM + 6, 13)[2], |x| x.main[c.more] = F::TWO),
        lie("a token without a call", &middle, |x| {
            [c.next, c.shift[2], c.writes].iter().for_each(|cell| x.main[*cell] = F::ZERO);
            keep(x);
        }),
        lie("no bytes instead of five", &rows(TO + 1, FROM, 0)[0], |x| x.main[c.rest] += F::from_u8(5)),
        lie("a byte that is not read", &middle, |x| {
            x.main[c.reads] = F::ZERO;
            x.main[c.source[7]] += F::ONE;
        }),
        // from = 8·(a + 1) − 2: bytes 6 and 7 of no dword
        lie("the first bytes are made up", &rows(TO, FROM + 6, 16)[1], |x| {
            let head = &rows(TO, FROM + 6, 16)[0];
            (x.main[c.first], x.main[c.next]) = (F::ONE, F::ZERO);
            c.before.iter().for_each(|cell| x.main[*cell] = head.main[*cell]);
            x.main[c.before[3]] += F::ONE;
            x.main[c.write.new[0]] = F::ZERO;
        }),
        lie("MEMSET that reads", &set(3, 0), |x| reading_set(x, F::ONE)),
        // The code before MEMCPY's is U256_SUB's.
        lie("U256_SUB passed for MEMCPY", &set(3, 0), |x| reading_set(x, F::NEG_ONE)),
        lie("another byte", &set(17, 0), |x| {
            c.source.iter().for_each(|cell| x.main[*cell] += F::ONE);
            fill(x, F::from_u8(0x11));
        }),
        lie("another byte in a later row", &set(17, 1), |x| {
            c.source.iter().for_each(|cell| x.main[*cell] += F::ONE);
            fill(x, F::from_u8(0x11));
        }),
        lie("a byte of 17 bits", &set(17, 0), |x| x.main[c.before[2]] = F::ONE),
        // first = next = 0: nothing vouches for `to` and ts, and no shift is set, so zeros are written
        lie("a write without a call", &rows(TO + 3, FROM + 6, 21)[3], |x| {
            [c.next, c.reads, c.skip, c.shift[2]].iter().for_each(|cell| x.main[*cell] = F::ZERO);
            c.mask.iter().for_each(|cell| x.main[*cell] = F::ONE);
            x.main[c.rest] = F::from_u8(8);
            fill(x, F::ZERO);
        }),
        lie("a later row that only reads", &middle, |x| {
            x.main[c.writes] = F::ZERO;
            keep(x);
        }),
        lie("first and next", &head, |x| x.main[c.next] = F::ONE),
        lie("written from the future", only, |x| {
            x.main[c.write.old.prev_ts] = x.main[c.ts] + F::from_u32(WRITE);
            x.main[c.write.old.dlo] = F::NEG_ONE;
        }),
        lie("a limb of 17 bits", &middle, |x| {
            x.main[c.source[1]] += F::from_u16(256);
            x.main[c.source[2]] -= F::ONE;
        }),
    ];
    // Shift 3 as a + b − s: bytes a + j and b + j added, s + j subtracted.
    for (name, s, a, b) in [
        ("shift 3 of -1", 3, 1, 5),
        ("shift 4 of -1", 4, 1, 6),
        ("shift 7 of -1", 7, 4, 6),
        ("shift 8 of -1", 8, 4, 7),
    ] {
        lies.push(lie(name, &middle, |x| {
            let flag = |at: usize| F::from_bool(at == a) + F::from_bool(at == b) - F::from_bool(at == s);
            c.shift.iter().enumerate().for_each(|(i, cell)| x.main[*cell] = flag(i + 1));
            let bytes: Vec<F> = c.before.iter().chain(&c.source).map(|cell| x.main[*cell]).collect();
            let byte = |j: usize| (1..=8).map(|s| flag(s) * bytes[s - 1 + j]).sum::<F>();
            for (l, cell) in c.write.new.iter().enumerate() {
                x.main[*cell] = byte(2 * l) + byte(2 * l + 1) * F::from_u16(256);
            }
        }));
    }
    lies
}

/// The bytes of a limb.
fn split(limb: F) -> [F; 2] {
    let [low, high, ..] = limb.as_canonical_u32().to_le_bytes();
    [low, high].map(F::from_u8)
}

/// Cases 11 and 14: rows that are each in order and together no call.
#[test]
fn rows_of_calls_do_not_mix() {
    let one = rows(TO + 3, FROM + 6, 40);
    let later = |mut call: Call, ts: u32| {
        call.ts += ts;
        call.touches.iter_mut().for_each(|touch| touch.access.prev_ts += ts);
        call_rows(&CopyChip, &call)
    };
    let other = later(Bytes::copy(TO + 3, FROM + 6, 40, None), 16);
    let closed = |rows: &[Cells]| open(&CopyChip, rows).iter().all(|i| i.bus != COPY);
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
        let twice = [&one[..], &one[at..=at]].concat();
        assert!(!closed(&twice), "row {at} stands twice");
    }
    // Two calls at one time with other bytes: the tail of one does not follow the other's.
    let elsewhere = rows(TO + 3, FROM + 0x1006, 40);
    assert!(!closed(&[&one[..3], &elsewhere[3..]].concat()));
}

/// Against bytes copied one by one: all alignments and lengths up to 40, then some of every size; the source before, after,
/// overlapping and in the same place.
#[test]
fn rows_show_what_the_calls_do() {
    let mut random = Operands(11);
    let mut lengths: Vec<u32> = (0..=40).collect();
    lengths.extend([63, 64, 65, 1000]);
    for (to, from) in (0..64).map(|i| (i / 8, i % 8)) {
        for len in &lengths {
            let distance = [0, 8, 16, 80, 0x1000_0000][random.bits() as usize % 5];
            let base = [0, 0xfff8, 0x7fff_fff8, 0xdfff_f000][random.bits() as usize % 4];
            let (mut to, mut from) = (base + to, base + distance + from);
            if random.bits().is_multiple_of(2) {
                (to, from) = (from, to);
            }
            let byte = random.bits().is_multiple_of(4).then_some(from as u8);
            agrees(&Bytes::copy(to, from, *len, byte));
        }
    }
    agrees(&Bytes::copy(1, 4002, 3000, None));
    agrees(&Bytes::copy(4001, 7, 4096, None));
}

fn agrees(call: &Call) {
    let rows = call_rows(&CopyChip, call);
    if call.demand().rows[Table::Copy as usize] == 0 {
        assert!(rows.is_empty());
        return;
    }
    let mut expected = shown(call);
    for token in calls(&CopyChip, &rows) {
        let at = expected.iter().position(|e| *e == (token.bus, token.direction, token.tuple.clone()));
        expected.swap_remove(at.unwrap_or_else(|| panic!("{:x?}: not expected: {token:?}", call.args)));
    }
    assert!(expected.is_empty(), "{:x?}: not shown: {expected:?}", call.args);
}

#[test]
fn shape_is_pinned() {
    expect_file!["../../../snapshots/copy.txt"].assert_eq(&shape(&CopyChip));
    columns_complete::<CopyRow<u8>>();
}
