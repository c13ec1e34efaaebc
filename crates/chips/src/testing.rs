//! What the chips' tests share: the fixed tables as a predicate, operands, events.

use vellum_executor::{Access, Event};
use vellum_isa::{Op, RomRow};
use vellum_stark::{Bus, F, PrimeField32, Widths, check::Cells, testing::ChipTest};

use crate::{BYTE, FamilyChip, MEM, PROG, RANGE8, RANGE16, ROM};

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
