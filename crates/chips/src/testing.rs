//! What the chips' tests share: the fixed tables as a predicate, operands, events.

use std::collections::HashMap;

use vellum_executor::{Access, Call, Event, Touch, sha256_compress};
use vellum_isa::{Op, Precompile, RomRow};
use vellum_stark::{
    Bus, BusKind, Direction, F, PrimeCharacteristicRing, PrimeField32, Widths,
    check::{Cells, RowInteraction, interactions},
    testing::ChipTest,
};

use crate::{BYTE, FamilyChip, MEM, PRE, PROG, PrecompileChip, RANGE8, RANGE16, ROM, limbs};

/// Time of the instructions under test.
pub(crate) const TS: u32 = 16 * 5000;

/// Operands at which arithmetic turns.
pub(crate) const EDGES: [u64; 22] = [
    0,
    1,
    2,
    3,
    7,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x0123_4567_89ab_cdef,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_8000_0000,
    0xffff_ffff_ffff_fff9,
    u64::MAX,
];

/// Whether a tuple is in a fixed table. PROG stands for a ROM that has every instruction asked for.
pub(crate) fn in_table(bus: Bus, tuple: &[F]) -> bool {
    let value = |i: usize| tuple[i].as_canonical_u32();
    match bus {
        RANGE16 => value(0) < 1 << 16,
        RANGE8 => value(0) < 1 << 8,
        BYTE => {
            let [op, a, b, c] = [0, 1, 2, 3].map(value);
            let results = [a & b, a | b, a ^ b, 0];
            a < 256 && b < 256 && results.get(op as usize) == Some(&c)
        }
        PROG | ROM => value(1) != 0,
        _ => panic!("{} is no lookup bus", bus.name),
    }
}

/// Pseudorandom operands, the same every time (SplitMix64); many are short or nearly all ones.
pub(crate) struct Operands(pub(crate) u64);

impl Operands {
    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// An operand of random length and sign.
    pub(crate) fn next(&mut self) -> u64 {
        let shift = self.bits() % 64;
        let value = self.bits() >> shift;
        if self.bits().is_multiple_of(3) { !value } else { value }
    }
}

/// An access of a value `age` ticks before `TS`.
pub(crate) fn access(old: u64, age: u32) -> Access {
    Access { old, prev_ts: TS - age }
}

/// rd = rs1 op rs2 with result `rd_new`, on distinct registers.
pub(crate) fn register_event(op: Op, a: u64, b: u64, rd_new: u64) -> (RomRow, Event) {
    let rom = RomRow { pc: 0x800, op, rd: 12, rs1: 10, rs2: 11, i0: 0, i1: 0, npc: 0x802 };
    let event = Event {
        ts: TS,
        next_pc: rom.npc,
        rs1: access(a, 15),
        rs2: access(b, 70_000),
        rd: access(0x1111_2222_3333_4444, 12),
        rd_new,
        ..Event::default()
    };
    (rom, event)
}

/// The row of an event.
pub(crate) fn row(chip: &impl FamilyChip, (rom, event): (RomRow, Event)) -> Cells {
    let Widths { main, .. } = chip.widths();
    let mut cells = vec![F::default(); main];
    chip.write_row(&rom, &event, &mut cells);
    Cells::main(cells)
}

/// The kit for a chip of instructions.
pub(crate) fn family_test<'a, C: FamilyChip>(
    chip: &'a C,
    rows: Vec<(&'static str, Cells)>,
) -> ChipTest<'a, C> {
    ChipTest { rows, lookup: in_table, held: &[PROG], ordered: &[(MEM, 1)], ..ChipTest::new(chip) }
}

/// A memory of random bytes, for calls that read and write runs of them.
pub(crate) struct Bytes(HashMap<u32, Access>);

impl Bytes {
    pub(crate) fn new() -> Self {
        Self(HashMap::new())
    }

    /// The last access of a dword, at first one of random age that left random bytes.
    fn last(&mut self, key: u32) -> &mut Access {
        self.0.entry(key).or_insert_with(|| {
            let mut random = Operands(key.into());
            access(random.bits(), 1 + random.bits() as u32 % TS)
        })
    }

    pub(crate) fn byte(&mut self, address: u32) -> u8 {
        self.last(address / 8).old.to_le_bytes()[address as usize % 8]
    }

    /// The accesses in `slot` of the dwords of a run, which `change` may edit.
    pub(crate) fn touch(
        &mut self,
        slot: u32,
        address: u32,
        len: u32,
        mut change: impl FnMut(u32, &mut u8),
    ) -> Vec<Touch> {
        let keys = if len == 0 { 0..0 } else { address / 8..(address + len).div_ceil(8) };
        let touch = |key: u32| {
            let access = *self.last(key);
            let mut bytes = access.old.to_le_bytes();
            for (at, byte) in (8 * key..).zip(&mut bytes) {
                if (address..address + len).contains(&at) {
                    change(at - address, byte);
                }
            }
            let new = u64::from_le_bytes(bytes);
            *self.last(key) = Access { old: new, prev_ts: TS + slot };
            Touch { key, slot, access, new }
        };
        keys.map(touch).collect()
    }

    /// A call at `TS` of MEMCPY, or of MEMSET where there is a byte.
    pub(crate) fn copy(to: u32, from: u32, len: u32, byte: Option<u8>) -> Call {
        let mut bytes = Self::new();
        let copied: Vec<u8> = (0..len).map(|i| byte.unwrap_or_else(|| bytes.byte(from + i))).collect();
        let mut touches = match byte {
            Some(_) => Vec::new(),
            None => bytes.touch(7, from, len, |_, _| ()),
        };
        touches.extend(bytes.touch(8, to, len, |i, byte| *byte = copied[i as usize]));
        let (precompile, a1) =
            byte.map_or((Precompile::Memcpy, from), |byte| (Precompile::Memset, byte.into()));
        Call { ts: TS, code: precompile.code(), args: [to, a1, len, 0], touches }
    }
}

/// The rows of a call.
pub(crate) fn call_rows(chip: &impl PrecompileChip, call: &Call) -> Vec<Cells> {
    let cells = |from| {
        let mut cells = Cells::zero(chip.widths());
        chip.write_row(&from, &mut cells.main);
        cells
    };
    chip.rows(call).into_iter().map(cells).collect()
}

/// What rows send and receive on permutation buses, without what they send to each other.
pub(crate) fn open(chip: &impl PrecompileChip, rows: &[Cells]) -> Vec<RowInteraction> {
    let mut open: Vec<RowInteraction> = Vec::new();
    for cells in rows {
        let live = interactions(chip, cells.as_row(), &[]).into_iter();
        for live in live.filter(|i| i.bus.kind == BusKind::Permutation && i.multiplicity != F::ZERO) {
            let other = |i: &RowInteraction| {
                (i.bus, &i.tuple) == (live.bus, &live.tuple) && i.direction != live.direction
            };
            match open.iter().position(other) {
                Some(at) => drop(open.swap_remove(at)),
                None => open.push(live),
            }
        }
    }
    open
}

/// [`open`] for rows that must satisfy the chip and be whole calls: only PRE and MEM remain.
pub(crate) fn calls(chip: &impl PrecompileChip, rows: &[Cells]) -> Vec<RowInteraction> {
    for cells in rows {
        let rows = vec![("row of a call", cells.clone())];
        assert_eq!(ChipTest { rows, lookup: in_table, ..ChipTest::new(chip) }.honest(), [""; 0]);
    }
    let open = open(chip, rows);
    assert!(open.iter().all(|i| [PRE, MEM].contains(&i.bus)), "an open chain: {open:?}");
    open
}

/// What a call shows outside its chip: PRE received, and the tokens of every dword it touches before and after.
pub(crate) fn shown(call: &Call) -> Vec<(Bus, Direction, Vec<F>)> {
    let arguments = call.args.iter().flat_map(|argument| [argument & 0xffff, argument >> 16]);
    let pre = [call.code as u32, call.ts].into_iter().chain(arguments).map(F::from_u32).collect();
    let mut shown = vec![(PRE, Direction::Receive, pre)];
    let token = |key, time, value| [&[key, time].map(F::from_u32)[..], &limbs(value)].concat();
    for Touch { key, slot, access, new } in &call.touches {
        shown.push((MEM, Direction::Receive, token(*key, access.prev_ts, access.old)));
        shown.push((MEM, Direction::Send, token(*key, TS + slot, *new)));
    }
    // A dword that is read and then written: the token between is sent and received.
    let mut open: Vec<(Bus, Direction, Vec<F>)> = Vec::new();
    for token in shown {
        match open
            .iter()
            .position(|(bus, direction, tuple)| (*bus, tuple) == (token.0, &token.2) && *direction != token.1)
        {
            Some(at) => drop(open.swap_remove(at)),
            None => open.push(token),
        }
    }
    open
}

impl Bytes {
    /// A call at `TS` of SHA256.
    pub(crate) fn sha256(state: u32, block: u32) -> Call {
        let mut bytes = Self::new();
        let mut words = |at: u32, n: u32, from: fn([u8; 4]) -> u32| -> Vec<u32> {
            (0..n).map(|i| from([0, 1, 2, 3].map(|k| bytes.byte(at + 4 * i + k)))).collect()
        };
        let block_words = words(block, 16, u32::from_be_bytes);
        let before = words(state, 8, u32::from_le_bytes);
        let after = sha256_compress(
            before.try_into().expect("eight words"),
            block_words.try_into().expect("sixteen words"),
        );
        let mut touches = bytes.touch(7, block, 64, |_, _| ());
        let after = after.map(u32::to_le_bytes);
        touches.extend(bytes.touch(8, state, 32, |i, byte| *byte = after.as_flattened()[i as usize]));
        Call { ts: TS, code: Precompile::Sha256.code(), args: [state, block, 0, 0], touches }
    }
}
