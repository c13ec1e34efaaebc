//! JALR proves jalr: control goes to (rs1 + immediate) with the lowest bit cleared, which must be below 2^30, and the
//! byte address of the following instruction is written to rd.
//!
//! # Columns (24)
//! | cells | what | vouched for by |
//! |---|---|---|
//! | pc, ts | place and time of the row | STATE |
//! | r | the row's activity | constraint 1; PROG (the code r·JALR) |
//! | rd, rs1, i0, i1, l_0, l_1 | decoded cells; the immediate's limb 0 and sign limb, the link address's limbs | PROG |
//! | a\[4\], prev_ts, dlo | register read | MEM, RANGE (access) |
//! | odd, h, t_1 | the sum a + immediate is odd + 2·h + 2^16·t_1 | constraints 2 and 3, RANGE16 |
//! | old\[4\], prev_ts, dlo | what the register write replaces | MEM, RANGE (access) |
//!
//! # Constraints
//! k_i is the carry out of limb i of a + (i0, i1, i1, i1) = (odd + 2·h, t_1, 0, 0), a linear expression.
//! 1. r is boolean, degree 2
//! 2. odd is boolean, degree 2
//! 3. k_i·(k_i − 1) = 0 for i = 0 … 3, degree 2
//!
//! # Interactions (14)
//! The frame: PROG 1, STATE 2; the pc cell sent is h + 2^15·t_1. A read and a write: MEM 4, RANGE16 2, RANGE8 2.
//! RANGE16 of h, 2·h and 4·t_1.
//!
//! # Soundness
//! h has 16 bits and 2·h has, so h < 2^15 and odd + 2·h < 2^16. By k_0 and k_1 boolean, t_1 is an integer between −2^16 and
//! 2^17, so that 4·t_1 has 16 bits means 0 ≤ t_1 < 2^14. All limbs being in range, boolean carries mean that the
//! sum modulo 2^64 is odd + 2·h + 2^16·t_1 < 2^30: the target is below 2^30, its pc cell below 2^29. So neither a virtual
//! pc nor HALT can be reached, and an address beyond the text, or inside an instruction, has no row in PROG. Without
//! the range of 2·h, h + 2^15 with t_1 = 2^14 − 1 would give a virtual pc; without that of h, a half-integer.
//! The link value's limbs are the ROM's.

use vellum_executor::Event;
use vellum_isa::{Family, Op, RomRow};
use vellum_stark::{Algebra, Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::RANGE16;
use crate::access::{Cpu, Read, Write, carries, slot};
use crate::family::FamilyChip;

/// The columns of JALR.
#[derive(Clone, Default)]
struct Row<T> {
    /// Place and time.
    cpu: Cpu<T>,
    /// 1 on an active row.
    r: T,
    /// Destination register index.
    rd: T,
    /// Source register index.
    rs1: T,
    /// The immediate: limb 0, and the limb that all others equal.
    imm: [T; 2],
    /// Byte address of the following instruction: limbs 0 and 1.
    link: [T; 2],
    /// Base, read from rs1.
    a: Read<T>,
    /// Lowest bit of the sum, which the target drops.
    odd: T,
    /// Bits 1 to 15 of the sum.
    half: T,
    /// Bits 16 to 29 of the sum.
    high: T,
    /// rd before the write.
    old: Read<T>,
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.cpu.visit(f);
        f(&mut self.r);
        f(&mut self.rd);
        f(&mut self.rs1);
        self.imm.visit(f);
        self.link.visit(f);
        self.a.visit(f);
        f(&mut self.odd);
        f(&mut self.half);
        f(&mut self.high);
        self.old.visit(f);
    }
}

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct JalrChip;

impl Chip for JalrChip {
    fn name(&self) -> &'static str {
        self.family().name()
    }

    fn widths(&self) -> Widths {
        Widths { preprocessed: 0, phase0: 0, main: Row::<F>::width() }
    }

    fn eval<B: Builder>(&self, builder: &mut B) {
        let row = Row::<B::Expr>::read(builder.main());
        // r·(r − 1) = 0
        builder.assert_bool("the activity is boolean", row.r.clone());
        row.frame(builder);

        let Row { r, imm: [i0, i1], a, odd, half, high, .. } = row;
        // odd·(odd − 1) = 0
        builder.assert_bool("the dropped bit is boolean", odd.clone());
        // k_i·(k_i − 1) = 0
        let zero = B::Expr::ZERO;
        let sum = [odd + half.double(), high.clone(), zero.clone(), zero];
        for k in carries(&a.value, &[i0, i1.clone(), i1.clone(), i1], &sum) {
            builder.assert_bool("each carry is boolean", k);
        }
        builder.send(RANGE16, r.clone(), [half.clone()]);
        builder.send(RANGE16, r.clone(), [half.double()]);
        builder.send(RANGE16, r, [high.double().double()]);
    }
}

impl<E: Algebra<F>> Row<E> {
    /// The frame and the two accesses.
    fn frame<B: Builder<Expr = E>>(&self, b: &mut B) {
        let Self { cpu, r, rd, rs1, imm: [i0, i1], link: [l0, l1], .. } = self.clone();
        let op = r.clone() * F::from_u32(Op::Jalr as u32);
        let target = self.half.clone() + self.high.clone() * F::from_u32(1 << 15);
        let decoded = [op, rd.clone(), rs1.clone(), l0.clone(), i0, i1, l1.clone()];
        cpu.eval(b, &r, decoded, target);
        self.a.register(b, &r, rs1, cpu.time(slot::RS1));
        let link = Write { old: self.old.clone(), new: [l0, l1, E::ZERO, E::ZERO] };
        link.register(b, &r, rd, cpu.time(slot::RD));
    }
}

impl FamilyChip for JalrChip {
    fn family(&self) -> Family {
        Family::Jalr
    }

    fn write_row(&self, rom: &RomRow, event: &Event, row: &mut [F]) {
        let Event { ts, rs1, rd, .. } = *event;
        // The target is below 2^30, so the low 32 bits of the sum are all of it.
        let sum = (rs1.old as u32).wrapping_add(rom.i0 | u32::from(rom.i1) << 16);
        Row {
            cpu: Cpu::new(rom, event),
            r: F::ONE,
            rd: F::from_u8(rom.rd),
            rs1: F::from_u8(rom.rs1),
            imm: [F::from_u32(rom.i0), F::from_u16(rom.i1)],
            link: [F::from_u16(rom.rs2), F::from_u32(rom.npc)],
            a: Read::new(rs1, ts, slot::RS1),
            odd: F::from_u32(sum & 1),
            half: F::from_u32((sum & 0xffff) >> 1),
            high: F::from_u32(sum >> 16),
            old: Read::new(rd, ts, slot::RD),
        }
        .write(row);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;
    use vellum_isa::map::{HALT, VIRTUAL_PC};
    use vellum_stark::{
        check::Cells,
        testing::{ChipTest, columns_complete, indices, lie, shape},
    };

    use super::*;
    use crate::honest::{CONSUMED, Outcome, check_event, row_of, short};
    use crate::testing::{Operands, family_test};

    const LINK: u64 = 0x3fff_0006;

    fn rom(registers: [u8; 3], imm: u64) -> RomRow {
        let [rd, rs1, _] = registers;
        let (pc, npc) = (0x1fff_8001, (LINK >> 16) as u32);
        let [i0, i1, rs2] = [imm, imm >> 16, LINK].map(|v| v as u16);
        RomRow { pc, op: Op::Jalr, rd, rs1, rs2, i0: i0.into(), i1, npc }
    }

    fn reference(a: u64, b: u64) -> Outcome {
        Outcome { value: Some(LINK), next_pc: (a.wrapping_add(b) >> 1) as u32 }
    }

    #[test]
    fn jumps_below_2_30_are_proven_and_nothing_else() {
        for imm in [0, 1, 2, 4, 0x7ff, 0x800, u64::MAX, 0_u64.wrapping_sub(0x800), 0x123] {
            // A target below 2^30, at its ends or anywhere.
            let target = |b: u64| match b % 5 {
                0 => b % 8,
                1 => (1 << 30) - 1 - b / 8 % 8,
                2 => b & 0x3fff_0000,
                _ => b & 0x3fff_ffff,
            };
            let imm = short(imm);
            let mut random = Operands(imm);
            for registers in [[12, 10, 0], [10, 10, 0], [32, 10, 0], [1, 0, 0]] {
                for _ in 0..300 {
                    let base = target(random.bits()).wrapping_sub(imm);
                    check_event(
                        &JalrChip,
                        &rom(registers, imm),
                        [base, 0],
                        &mut random,
                        reference(base, imm),
                    );
                }
            }
        }
    }

    fn honest(a: u64, imm: i64) -> Cells {
        row_of(&JalrChip, &rom([12, 10, 0], imm as u64), [a, 0], reference(a, imm as u64))
    }

    #[test]
    fn jumps_from_2_30_on_have_no_row() {
        let bases =
            [1_u64 << 30, 2 * u64::from(VIRTUAL_PC), 2 * u64::from(HALT), 2 * u64::from(HALT) + 4, 1 << 31];
        for base in
            bases.into_iter().chain([1 << 32, 1 << 48, 1 << 63, u64::MAX - 1, 0xffff_ffff, (1 << 32) + 0x800])
        {
            let rows = vec![("far", honest(base, 0))];
            assert_ne!(family_test(&JalrChip, rows).honest(), [""; 0], "a jump to {base:#x}");
        }
        let rows = vec![("wraps below 0", honest(2, -4))];
        assert_ne!(family_test(&JalrChip, rows).honest(), [""; 0]);
    }

    fn kit() -> ChipTest<'static, JalrChip> {
        let i = indices::<Row<usize>>();
        let plain = honest(0x0012_3456, 0x10);
        let odd = honest(0x0012_3457, 0);
        let back = honest(0x0001_0004, -8);
        let last = honest(0x3fff_fffe, 0);
        let wrap = honest(0xffff_ffff_ffff_fff8, 0x10);
        let bare = honest(0x0012_3456, 0);
        let carries = honest(0x0fff_ffff, 1);
        // Sets a, h and t_1.
        let set = |row: &mut Cells, base: [u32; 4], half: u32, high: F| {
            row.main[i.half] = F::from_u32(half);
            row.main[i.high] = high;
            base.iter().zip(i.a.value).for_each(|(limb, cell)| row.main[cell] = F::from_u32(*limb));
        };
        let lies = vec![
            // a = 0x123456 + 0x10: h + 1
            lie("the instruction after the target", &plain, |row| row.main[i.half] += F::ONE),
            lie("target + 2^16", &plain, |row| row.main[i.high] += F::ONE),
            // odd + 2·h = 1 + 2·h − 2^16·k: h = −1/2 + … is no integer
            lie("odd sum, dropped bit 0", &odd, |row| {
                row.main[i.odd] = F::ZERO;
                row.main[i.half] += F::ONE.halve();
            }),
            lie("dropped 2: the instruction before the target", &plain, |row| {
                row.main[i.odd] = F::TWO;
                row.main[i.half] -= F::ONE;
            }),
            lie("a negative immediate taken as positive", &back, |row| {
                row.main[i.imm[1]] = F::ZERO;
                row.main[i.high] += F::ONE;
            }),
            // 0x3fff_ffff + 1: h = 2^15, k_0 = 0, t_1 = 2^14 − 1: pc cell 2^29
            lie("a jump to a virtual pc by the low half", &carries, |row| {
                set(row, [0xffff, 0x3fff, 0, 0], 1 << 15, F::from_u32(0x3fff));
            }),
            lie("a jump to a virtual pc", &bare, |row| set(row, [0, 1 << 14, 0, 0], 0, F::from_u32(1 << 14))),
            lie("a jump to HALT", &bare, |row| set(row, [0, 1 << 15, 0, 0], 0, F::from_u32(1 << 15))),
            // limb  | 0        | 1             | 2      | 3
            // a     | 0x0fff   | 2^16 − 32512  | 0xffff | 0xffff
            // sum   | 0x1000 ← | 0             | 0      | 0           2^-16 = −32512
            // carry | 32512 ←  | 1             | 1      | 1
            lie("a jump to 0x1000 from a base near 2^64", &bare, |row| {
                set(row, [0x0fff, (1 << 16) - 32512, 0xffff, 0xffff], 0x800, F::ZERO);
            }),
            // 2^18·8128 = p·… − 1: t_1 = −2^16·8128 has 4·t_1 = 1, and 2^15·t_1 = 8192 as a pc cell
            // limb  | 0 | 1      | 2             | 3
            // a     | 0 | 0      | 2^16 − 8128   | 0xffff
            // carry | 0 | 8128 ← | 1             | 1
            lie("a jump to 0x4000 from a base near 2^64", &bare, |row| {
                set(row, [0, 0, (1 << 16) - 8128, 0xffff], 0, -F::from_u32(8128 << 16));
            }),
            // limb  | 2         | 3                    2^-16 = −(2^15 − 2^8)
            // a     | 1         | 2^15 − 2^8
            // carry | 2^-16 ←   | 0
            lie("limbs 2 and 3 of the base ignored", &plain, |row| {
                row.main[i.a.value[2]] = F::ONE;
                row.main[i.a.value[3]] = F::from_u32((1 << 15) - (1 << 8));
            }),
            lie("the top limb of the base ignored", &plain, |row| row.main[i.a.value[3]] += F::ONE),
            lie("another link address", &plain, |row| row.main[i.link[0]] += F::TWO),
            lie("a row that counts twice", &plain, |row| row.main[i.r] = F::TWO),
        ];
        let rows = vec![
            ("plain", plain),
            ("odd", odd),
            ("back", back),
            ("last", last),
            ("wrap", wrap),
            ("carries", carries),
        ];
        ChipTest { lies, allowed_mutes: &[("MEM#2", CONSUMED)], ..family_test(&JalrChip, rows) }
    }

    #[test]
    fn no_lie_is_accepted() {
        kit().run();
    }

    #[test]
    fn shape_is_pinned() {
        expect_file!["../snapshots/jalr.txt"].assert_eq(&shape(&JalrChip));
        columns_complete::<Row<u8>>();
    }
}
