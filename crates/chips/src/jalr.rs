//! JALR proves jalr: control goes to (rs1 + immediate) with the lowest bit cleared, which must be below 2^30, and the
//! byte address of the following instruction is written to rd.
//!
//! # Columns (24)
//! | cells | what | vouched for by |
//! |---|---|---|
//! | pc, ts | place and time of the row | STATE |
//! | r | the row's activity | constraint 1; PROG (the code r·JALR) |
//! | rd, rs1, i0, i1, l_0, l_1 | decoded cells; the immediate's limb 0 and sign limb, the link address's limbs | PROG |
//! | a[4], prev_ts, dlo | register read | MEM, RANGE (access) |
//! | odd, h, t_1 | the sum a + immediate is odd + 2·h + 2^16·t_1 | constraints 2 and 3, RANGE16 |
//! | old[4], prev_ts, dlo | what the register write replaces | MEM, RANGE (access) |
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
