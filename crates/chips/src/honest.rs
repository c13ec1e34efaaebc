//! Honest rows of register instructions against an independent account of what they must send and receive.

use vellum_executor::{Access, Event};
use vellum_isa::{Op, RomRow, map::REGISTER_KEY};
use vellum_stark::{
    Bus, Direction, F, PrimeCharacteristicRing,
    check::{Cells, interactions, violations},
};

use crate::testing::{EDGES, Operands, TS, in_table};
use crate::{FamilyChip, MEM, PROG, STATE, limbs, prog_tuple};

/// rd, rs1 and rs2 of the instructions tested: distinct, each way of being equal, x0 and the write sink.
const REGISTERS: [[u8; 3]; 9] = [
    [12, 10, 11],
    [12, 10, 10],
    [10, 10, 11],
    [11, 10, 11],
    [10, 10, 10],
    [32, 10, 11],
    [32, 0, 10],
    [31, 0, 0],
    [34, 34, 35],
];

/// Why no row shows the need for receiving what a write replaces.
pub(crate) const CONSUMED: &str =
    "the old value is consumed, not used: without the token MEM does not balance";

/// What an instruction does: the value it writes and where control goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// Value written to rd.
    pub(crate) value: Option<u64>,
    /// pc cell of the row executed next.
    pub(crate) next_pc: u32,
}

/// The event of `rom` at time `ts` on operands a and b (of which it reads b if it has a register for it), last accessed
/// the given numbers of ticks before `ts`; a register that the instruction itself has accessed counts from there.
pub(crate) fn event(rom: &RomRow, ts: u32, [a, b]: [u64; 2], ages: [u32; 3], outcome: Outcome) -> Event {
    let before = |old, age| Access { old, prev_ts: ts - age };
    let idle = Access::default();
    let (reads_1, reads_2) = reads(rom.op);
    let same = reads_2 && rom.rs2 == rom.rs1.into();
    let rs1 = if reads_1 { before(a, ages[0]) } else { idle };
    let rs2 = match (reads_2, same) {
        (false, _) => idle,
        (true, false) => before(b, ages[1]),
        (true, true) => Access { old: a, prev_ts: ts + 1 },
    };
    let rd = if outcome.value.is_none() {
        idle
    } else if reads_2 && rom.rs2 == rom.rd.into() {
        Access { old: rs2.old, prev_ts: ts + 2 }
    } else if reads_1 && rom.rs1 == rom.rd {
        Access { old: a, prev_ts: ts + 1 }
    } else {
        before(!a ^ b, ages[2])
    };
    let rd_new = outcome.value.unwrap_or_default();
    Event { ts, next_pc: outcome.next_pc, rs1, rs2, rd, rd_new, ..Event::default() }
}

/// Whether an operation reads rs1, and rs2.
fn reads(op: Op) -> (bool, bool) {
    use Op::*;
    match op {
        Li => (false, false),
        Add | Sub | Addw | Subw | And | Or | Xor | Sll | Srl | Sra | Sllw | Srlw | Sraw | Slt | Sltu
        | Beq | Bne | Blt | Bge | Bltu | Bgeu => (true, true),
        _ => (true, false),
    }
}

/// The row of an event.
fn row(chip: &impl FamilyChip, rom: &RomRow, event: &Event) -> Cells {
    let mut cells = Cells::zero(chip.widths());
    chip.write_row(rom, event, &mut cells.main);
    cells
}

/// What rejects the row of an event: constraints, lookups, or something received or sent that is not what the event
/// says.
fn objections(chip: &impl FamilyChip, rom: &RomRow, event: &Event, outcome: Outcome) -> Vec<String> {
    let cells = row(chip, rom, event);
    let broken = violations(chip, cells.as_row(), &[]);
    let mut objections: Vec<String> = broken.into_iter().map(str::to_owned).collect();
    let mut tokens = Vec::new();
    for i in interactions(chip, cells.as_row(), &[]) {
        if i.multiplicity == F::ZERO {
            continue;
        }
        assert_eq!(i.multiplicity, F::ONE, "an active row interacts once");
        match i.bus {
            STATE | MEM | PROG => tokens.push((i.direction == Direction::Send, i.bus.id, i.tuple)),
            bus if in_table(bus, &i.tuple) => {}
            bus => objections.push(format!("{} has no {:?}", bus.name, i.tuple)),
        }
    }
    let mut expected = expected(rom, event, outcome);
    tokens.sort();
    expected.sort();
    if tokens != expected {
        objections.push(format!("the row's tokens are {tokens:?}, not {expected:?}"));
    }
    objections
}

/// Every token of an event: whether it is sent, the bus's id, the tuple.
fn expected(rom: &RomRow, event: &Event, outcome: Outcome) -> Vec<(bool, u32, Vec<F>)> {
    let mut tokens = Vec::new();
    let mut token = |send, bus: Bus, tuple: &[F]| tokens.push((send, bus.id, tuple.to_vec()));
    let cell = F::from_u32;
    token(true, PROG, &prog_tuple(rom));
    token(false, STATE, &[cell(rom.pc), cell(event.ts)]);
    token(true, STATE, &[cell(outcome.next_pc), cell(event.ts + 16)]);
    let mut access = |index: u32, slot: u32, access: Access, new: u64| {
        let key = cell(REGISTER_KEY + index);
        let tuple = |time, value| [vec![key, cell(time)], limbs(value).to_vec()].concat();
        token(false, MEM, &tuple(access.prev_ts, access.old));
        token(true, MEM, &tuple(event.ts + slot, new));
    };
    let (reads_1, reads_2) = reads(rom.op);
    if reads_1 {
        access(rom.rs1.into(), 1, event.rs1, event.rs1.old);
    }
    if reads_2 {
        access(rom.rs2.into(), 2, event.rs2, event.rs2.old);
    }
    if let Some(value) = outcome.value {
        access(rom.rd.into(), 4, event.rd, value);
    }
    tokens
}

/// A register form.
pub(crate) fn register_row(op: Op, [rd, rs1, rs2]: [u8; 3]) -> RomRow {
    RomRow { pc: 0x800, op, rd, rs1, rs2: rs2.into(), i0: 0, i1: 0, npc: 0x801 }
}

/// An immediate form with the sign-extended immediate `imm`.
pub(crate) fn immediate_row(op: Op, [rd, rs1, _]: [u8; 3], imm: u64) -> RomRow {
    RomRow { pc: 0x800, op, rd, rs1, rs2: 0, i0: (imm & 0xffff) as u32, i1: (imm >> 16) as u16, npc: 0x802 }
}

/// A 12-bit immediate, sign-extended, from the low bits of an operand.
pub(crate) fn short(value: u64) -> u64 {
    ((value as i64) << 52 >> 52) as u64
}

/// The row of an instruction on operands a and b, on registers last accessed a short and a long time ago.
pub(crate) fn row_of(chip: &impl FamilyChip, rom: &RomRow, operands: [u64; 2], outcome: Outcome) -> Cells {
    row(chip, rom, &event(rom, TS, operands, [15, 70_000, 12], outcome))
}

/// Checks an instruction on operands a and b: the row that proves `outcome` must be accepted, and for the same operands
/// the row for any other value or next pc rejected.
pub(crate) fn check_event(
    chip: &impl FamilyChip,
    rom: &RomRow,
    [a, b]: [u64; 2],
    random: &mut Operands,
    outcome: Outcome,
) {
    // Distances from the shortest to the longest, that of the last slot from time 0.
    let ts = 16 * (random.bits() % ((1 << 20) - 1) + 1) as u32;
    let ages = [(); 3].map(|()| match random.bits() % 4 {
        0 => ts,
        1 => 12,
        _ => random.bits() as u32 % ts + 1,
    });
    let found = objections(chip, rom, &event(rom, ts, [a, b], ages, outcome), outcome);
    assert!(found.is_empty(), "{:?} on {a:#x}, {b:#x}: {found:#?}", rom.op);
    let other_value = outcome.value.map(|value| value ^ 1 << (random.bits() % 64));
    let other_pc = outcome.next_pc ^ 1 << (random.bits() % 30);
    let other_value = other_value.map(|value| Outcome { value: Some(value), ..outcome });
    for lie in other_value.into_iter().chain([Outcome { next_pc: other_pc, ..outcome }]) {
        let found = objections(chip, rom, &event(rom, ts, [a, b], ages, lie), lie);
        assert!(!found.is_empty(), "{:?} on {a:#x}, {b:#x} may do {lie:x?}", rom.op);
    }
}

/// [`check_event`] on edges and random operands, in every arrangement of registers. `rom` makes the instruction for a
/// second operand and returns that operand as the instruction has it.
pub(crate) fn check_operation(
    chip: &impl FamilyChip,
    rom: impl Fn([u8; 3], u64) -> (RomRow, u64),
    reference: impl Fn(&RomRow, u64, u64) -> Outcome,
) {
    let mut random = Operands(0x7665_6c6c_756d);
    let mut check = |registers: [u8; 3], a: u64, b: u64| {
        let (rom, b) = rom(registers, b);
        let b = if reads(rom.op).1 && u16::from(rom.rs1) == rom.rs2 { a } else { b };
        check_event(chip, &rom, [a, b], &mut random, reference(&rom, a, b));
    };
    for a in EDGES {
        for b in EDGES {
            check(REGISTERS[0], a, b);
        }
    }
    let mut operands = Operands(1);
    for registers in REGISTERS.into_iter().cycle().take(1500) {
        check(registers, operands.next(), operands.next());
    }
}
