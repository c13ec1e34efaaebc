//! Whole calls against another implementation of keccak256, and the lies that each guard of KECCAK is there for.

use std::collections::BTreeMap;

use expect_test::expect_file;
use tiny_keccak::{Hasher, Keccak};
use vellum_executor::Access;
use vellum_stark::{
    BusKind, Direction,
    check::{BusBalance, Cells, Lookups, interactions},
    testing::{ChipTest, columns_complete, indices, lie, shape},
};

use super::*;
use crate::{
    KeccakFChip, MEM, PRE, SpongeChip, limbs,
    precompile::argument,
    testing::{Operands, TS, in_table},
};

const FIRST: u32 = 1;
const LAST: u32 = 2;
const OUT: u32 = 0x2_0000;
const DATA: u32 = 0x1_fff3;

/// A dword of memory: its first value, its value and the time of the last access.
struct Dword {
    first: u64,
    value: u64,
    time: u32,
}

/// Calls on a memory of random content.
#[derive(Default)]
pub(crate) struct Scene {
    memory: BTreeMap<u32, Dword>,
    pub(crate) calls: Vec<Call>,
}

/// A call under way.
struct Caller<'a> {
    scene: &'a mut Scene,
    call: Call,
}

impl Caller<'_> {
    /// The dword, replaced if there is something to replace it with.
    fn touch(&mut self, slot: u32, key: u32, new: Option<u64>) -> u64 {
        let dword = self.scene.dword(key);
        let access = Access { old: dword.value, prev_ts: dword.time };
        dword.value = new.unwrap_or(dword.value);
        dword.time = self.call.ts + slot;
        let new = dword.value;
        self.call.touches.push(Touch { key, slot, access, new });
        access.old
    }
}

impl Scene {
    fn dword(&mut self, key: u32) -> &mut Dword {
        self.memory.entry(key).or_insert_with(|| {
            let value = Operands(key.into()).bits();
            Dword { first: value, value, time: 0 }
        })
    }

    /// The byte at an address.
    fn byte(&mut self, address: u32) -> u8 {
        self.dword(address / 8).value.to_le_bytes()[(address % 8) as usize]
    }

    /// Carries a call out, as docs say and not as the executor does it. Whatever its arguments.
    pub(crate) fn call(&mut self, ts: u32, args: [u32; 4]) {
        let [out, data, len, flags] = args;
        let mut bytes: Vec<u8> = (0..len).map(|i| self.byte(data + i)).collect();
        let call = Call { ts, code: Precompile::Keccak.code(), args, touches: Vec::new() };
        let mut caller = Caller { scene: self, call };
        let mut at = 0;
        for most in [48, 48, 40].into_iter().cycle() {
            let taken = most.min(len - at);
            if taken == 0 {
                break;
            }
            let keys = (data + at) / 8..=(data + at + taken - 1) / 8;
            let whole = (data + at) / 8 + most / 8;
            for key in keys {
                caller.touch(if key == whole { 7 } else { 8 }, key, None);
            }
            at += taken;
        }
        if flags & LAST != 0 {
            bytes.push(1);
            bytes.resize(bytes.len().next_multiple_of(RATE), 0);
            *bytes.last_mut().expect("a block of padding at least") |= 0x80;
        }
        let mut state = [0; 25];
        if flags & FIRST == 0 {
            state = from_fn(|i| caller.touch(9, out / 8 + i as u32, None));
        }
        for block in bytes.chunks(RATE) {
            for (i, byte) in block.iter().enumerate() {
                state[i / 8] ^= u64::from(*byte) << (8 * (i % 8));
            }
            tiny_keccak::keccakf(&mut state);
        }
        let stored = if flags & LAST == 0 { 25 } else { 4 };
        for (i, lane) in state.into_iter().take(stored).enumerate() {
            caller.touch(10, out / 8 + i as u32, Some(lane));
        }
        let call = caller.call;
        self.calls.push(call);
    }

    /// The rows of KECCAK, SPONGE and KECCAKF.
    pub(crate) fn rows(&self) -> [Vec<Cells>; 3] {
        [rows(&KeccakChip, &self.calls), rows(&SpongeChip, &self.calls), rows(&KeccakFChip, &self.calls)]
    }

    /// Why rows do not prove the calls.
    pub(crate) fn objections(&self, [keccak, sponge, rounds]: &[Vec<Cells>; 3]) -> Vec<String> {
        let mut balance = BusBalance::new(Lookups::Counted);
        let mut missed = add_rows(&mut balance, &KeccakChip, keccak);
        missed.extend(add_rows(&mut balance, &SpongeChip, sponge));
        missed.extend(add_rows(&mut balance, &KeccakFChip, rounds));
        for call in &self.calls {
            let [a0, a1, a2, a3] = call.args.map(argument);
            let head = [F::from_u64(call.code), F::from_u32(call.ts)];
            let tuple = [&head[..], &a0, &a1, &a2, &a3].concat();
            balance.add(Direction::Send, PRE, F::ONE, &tuple, ("ECALL", 0));
        }
        for (key, dword) in &self.memory {
            let mut token = |direction, time, value| {
                let head = [*key, time].map(F::from_u32);
                balance.add(direction, MEM, F::ONE, &[&head[..], &limbs(value)].concat(), ("BOUNDARY", 0));
            };
            token(Direction::Send, 0, dword.first);
            token(Direction::Receive, dword.time, dword.value);
        }
        let violated = balance.violations().iter().map(|violation| format!("{violation:?}"));
        let unbalanced = balance.unbalanced();
        let unbalanced = unbalanced.iter().filter(|tuple| tuple.bus.kind == BusKind::Permutation);
        violated.chain(unbalanced.map(ToString::to_string)).chain(missed).collect()
    }
}

/// The rows of a chip for some calls.
fn rows<C: PrecompileChip>(chip: &C, calls: &[Call]) -> Vec<Cells> {
    let prepared = calls.iter().flat_map(|call| chip.rows(call));
    let write = |from| {
        let mut cells = Cells::zero(chip.widths());
        chip.write_row(&from, &mut cells.main);
        cells
    };
    prepared.map(write).collect()
}

/// Adds rows to a balance. Returns lookups that miss.
fn add_rows(balance: &mut BusBalance, chip: &impl Chip, rows: &[Cells]) -> Vec<String> {
    balance.add_rows(chip, rows.iter().map(Cells::as_row), &[]);
    let all = rows.iter().flat_map(|row| interactions(chip, row.as_row(), &[]));
    let lookups = all.filter(|i| i.bus.kind == BusKind::Lookup && i.multiplicity != F::ZERO);
    let missed = lookups.filter(|i| !in_table(i.bus, &i.tuple));
    missed.map(|i| format!("{} has no {:?}", i.bus.name, i.tuple)).collect()
}

/// One call.
pub(crate) fn scene(args: [u32; 4]) -> Scene {
    let mut scene = Scene::default();
    scene.call(TS, args);
    scene
}

#[test]
fn calls_are_proven() {
    let lengths = [0, 1, 7, 8, 47, 48, 49, 95, 96, 97, 134, 135, 136, 137, 184, 271, 272, 273, 1000];
    for len in lengths {
        for offset in 0..8 {
            let mut scene = Scene::default();
            let message: Vec<u8> = (0..len).map(|i| scene.byte(0x1_fff0 + offset + i)).collect();
            scene.call(TS, [OUT, 0x1_fff0 + offset, len, FIRST | LAST]);
            assert_eq!(scene.objections(&scene.rows()), [""; 0], "{len} bytes at {offset}");
            let mut digest = [0; 32];
            let mut hash = Keccak::v256();
            hash.update(&message);
            hash.finalize(&mut digest);
            let written: Vec<u8> = (0..32).map(|i| scene.byte(OUT + i)).collect();
            assert_eq!(written, digest, "{len} bytes at {offset}");
        }
    }
    // The longest.
    for (len, flags) in [(64 * 136 - 1, FIRST | LAST), (64 * 136, FIRST)] {
        let scene = scene([OUT, 0x3_0001, len, flags]);
        assert_eq!(scene.objections(&scene.rows()), [""; 0]);
    }
}

#[test]
fn states_are_loaded_and_stored() {
    for flags in [0, FIRST, LAST] {
        for data in [0x8000, 0x8003, 0x8007] {
            let scene = scene([OUT, data, 272, flags]);
            assert_eq!(scene.objections(&scene.rows()), [""; 0], "flags {flags}, data {data:#x}");
        }
    }
    // One message in three calls.
    let mut scene = Scene::default();
    let message: Vec<u8> = (0..500).map(|i| scene.byte(DATA + i)).collect();
    scene.call(TS, [0x9000, DATA, 136, FIRST]);
    scene.call(TS + 16, [0x9000, DATA + 136, 272, 0]);
    scene.call(TS + 64, [0x9000, DATA + 408, 92, LAST]);
    assert_eq!(scene.objections(&scene.rows()), [""; 0]);
    let mut digest = [0; 32];
    let mut hash = Keccak::v256();
    hash.update(&message);
    hash.finalize(&mut digest);
    assert_eq!((0..32).map(|i| scene.byte(0x9000 + i)).collect::<Vec<_>>(), digest);
}

#[test]
fn output_may_overlap_data() {
    for (out, data) in [(0x8000, 0x8000), (0x8008, 0x8003), (0x8060, 0x8001), (0x8088, 0x8005)] {
        for flags in 0..4 {
            let len = if flags & LAST == 0 { 136 } else { 137 };
            let scene = scene([out, data, len, flags]);
            assert_eq!(scene.objections(&scene.rows()), [""; 0], "flags {flags}, {data:#x} to {out:#x}");
        }
    }
}

/// Case 11 of soundness.md, and what a prover could do to a digest.
#[test]
fn rows_of_a_call_belong_together() {
    let mut scene = Scene::default();
    scene.call(TS, [OUT, DATA, 300, FIRST | LAST]);
    scene.call(TS + 16, [OUT + 64, DATA + 304, 300, FIRST | LAST]);
    let honest = scene.rows();
    assert_eq!(scene.objections(&honest), [""; 0]);
    let rejected = |what, edit: &dyn Fn(&mut [Vec<Cells>; 3])| {
        let mut rows = honest.clone();
        edit(&mut rows);
        assert_ne!(rows, honest, "{what} changes nothing");
        assert_ne!(scene.objections(&rows), [""; 0], "{what}");
    };
    rejected("no row of the call", &|[keccak, ..]| drop(keccak.remove(0)));
    rejected("a call twice", &|[keccak, ..]| keccak.push(keccak[0].clone()));
    rejected("absorbing starts at the second row", &|[_, sponge, _]| drop(sponge.remove(0)));
    rejected("absorbing ends early", &|[_, sponge, _]| drop(sponge.remove(8)));
    rejected("a block is left out", &|[_, sponge, rounds]| {
        sponge.drain(3..6);
        rounds.drain(24..48);
    });
    rejected("rounds start at the second one", &|[.., rounds]| drop(rounds.remove(0)));
    rejected("a round is left out", &|[.., rounds]| drop(rounds.remove(30)));
    rejected("a round twice", &|[.., rounds]| rounds.push(rounds[5].clone()));
    // Two calls of nine rows: they trade a row, all but the time.
    let time = crate::precompile::sponge::tests::TS_COLUMN;
    rejected("two calls interleaved", &|[_, sponge, _]| {
        sponge.swap(4, 13);
        let (a, b) = (sponge[4].main[time], sponge[13].main[time]);
        (sponge[4].main[time], sponge[13].main[time]) = (b, a);
    });
    // The digest of a state after one block of three.
    let c = indices::<Row<usize>>();
    rejected("the digest of a prefix", &|[keccak, sponge, rounds]| {
        keccak[0].main[c.blocks] = F::ONE;
        sponge.drain(3..9);
        rounds.drain(24..72);
    });
    rejected("another digest", &|[keccak, ..]| keccak[0].main[c.lanes[0].new[0]] += F::ONE);
}

fn kit() -> ChipTest<'static, KeccakChip> {
    let c = indices::<Row<usize>>();
    let [whole, ..] = scene([OUT, DATA, 100, FIRST | LAST]).rows();
    let [open, ..] = scene([OUT, DATA, 272, 0]).rows();
    let [resumed, ..] = scene([OUT, DATA, 7, LAST]).rows();
    let [begun, ..] = scene([OUT, DATA, 136, FIRST]).rows();
    let mut rows: Vec<_> = ["load 0", "load 1", "load 2", "load 3", "call", "store 1", "store 2", "store 3"]
        .into_iter()
        .zip(open)
        .collect();
    rows.push(("call, FIRST and LAST", whole[0].clone()));
    rows.push(("call, LAST", resumed[4].clone()));
    rows.push(("call, FIRST", begun[0].clone()));
    let longest = |flags| {
        let len = if flags & LAST == 0 { 64 * 136 } else { 64 * 136 - 1 };
        scene([OUT, DATA, len, flags]).rows()[0].swap_remove(0)
    };
    let mut lies = vec![
        // out + 4: a key with a half
        lie("a pointer that is no multiple of 8", &whole[0], |x| x.main[c.out[0]] += F::ONE.halve()),
        // data/8 + 1/8, data mod 8 − 1
        lie("data mod 8 of another pointer", &whole[0], |x| {
            x.main[c.data[0]] += F::ONE.div_2exp_u64(3);
            x.main[c.offset] -= F::ONE;
        }),
        lie("64 blocks and one of padding", &longest(FIRST | LAST), |x| x.main[c.len] += F::ONE),
        lie("65 blocks", &longest(FIRST), |x| x.main[c.len] += F::from_u8(136)),
        lie("no block", &begun[0], |x| {
            x.main[c.len] = F::ZERO;
            x.main[c.blocks] = F::ZERO;
        }),
    ];
    // new_1 − 2^8, new_2 + 2^-8: the state's second limb stays
    lies.extend((0..LANES).map(|i| {
        let (_, part_3) = &rows[7];
        lie("limbs of a lane traded", part_3, |x| {
            x.main[c.lanes[i].new[1]] -= F::from_u16(1 << 8);
            x.main[c.lanes[i].new[2]] += inverse_2_8();
        })
    }));
    ChipTest { rows, lies, lookup: in_table, ordered: &[(MEM, 1)], budget: 4, ..ChipTest::new(&KeccakChip) }
}

#[test]
fn no_lie_is_accepted() {
    kit().run();
}

#[test]
fn shape_is_pinned() {
    expect_file!["../../../snapshots/keccak.txt"].assert_eq(&shape(&KeccakChip));
    columns_complete::<Row<u8>>();
}
