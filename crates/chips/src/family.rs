//! What the chips of the instruction families have in common: one event is one row.

use vellum_executor::Event;
use vellum_isa::{Family, Op, RomRow};
use vellum_stark::{Algebra, Builder, Chip, F, PrimeCharacteristicRing};

/// A chip that proves one instruction family.
pub trait FamilyChip: Chip {
    /// The family whose events are this chip's rows. Its name is the chip's.
    fn family(&self) -> Family;

    /// Writes all main cells of the row that proves `event`, an execution of the instruction `rom`.
    fn write_row(&self, rom: &RomRow, event: &Event, row: &mut [F]);
}

/// A decoded instruction as the tuple of PROG.
pub fn prog_tuple(rom: &RomRow) -> [F; 8] {
    let RomRow { pc, op, rd, rs1, rs2, i0, i1, npc } = *rom;
    [pc, op as u32, rd.into(), rs1.into(), rs2.into(), i0, i1.into(), npc].map(F::from_u32)
}

/// States that every flag and their sum are 0 or 1, so that at most one is 1. Returns the sum: the row's activity r.
pub(crate) fn exclusive<B: Builder, const N: usize>(
    b: &mut B,
    flags: &[B::Expr; N],
    names: [&'static str; N],
) -> B::Expr {
    for (flag, name) in flags.iter().zip(names) {
        b.assert_bool(name, flag.clone());
    }
    let r: B::Expr = flags.iter().cloned().sum();
    b.assert_bool("at most one flag is set", r.clone());
    r
}

/// The operation code Σ flag·code.
pub(crate) fn op_code<E: Algebra<F>, const N: usize>(flags: &[E; N], ops: [Op; N]) -> E {
    flags.iter().zip(ops).map(|(flag, op)| flag.clone() * F::from_u32(op as u32)).sum()
}

/// The sign-extended immediate of a row that keeps its limb 0 in i0 and its sign limb in i1.
pub(crate) fn immediate(rom: &RomRow) -> u64 {
    let sign = u64::from(rom.i1);
    u64::from(rom.i0) | sign << 16 | sign << 32 | sign << 48
}

/// The low byte of each limb.
pub(crate) fn low_bytes(value: u64) -> [F; 4] {
    std::array::from_fn(|i| F::from_u8((value >> (16 * i)) as u8))
}
