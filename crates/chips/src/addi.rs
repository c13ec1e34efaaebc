//! ADDI proves addi and addiw: given register rs1, the value written to rd is its sum with a 12-bit immediate modulo
//! 2^64, or the sign-extended low 32 bits of it.
//!
//! # Columns (25)
//! | cells | what | vouched for by |
//! |---|---|---|
//! | pc, ts | place and time of the row | STATE |
//! | addi, addiw | the operation, one-hot | PROG through the code, constraints 1 and 2 |
//! | rd, rs1, npc, i0, i1 | decoded cells; the immediate's limb 0 and its sign limb (0 or 0xffff) | PROG |
//! | a[4], prev_ts, dlo | register read | MEM, RANGE (access) |
//! | c[4], old[4], prev_ts, dlo | register write | constraints 3 to 6, RANGE16; MEM, RANGE (access) |
//!
//! # Constraints
//! r = addi + addiw; k_i is the carry out of limb i of a + (i0, i1, i1, i1) = c, a linear expression.
//! 1. each flag is boolean, degree 2
//! 2. r is boolean, degree 2
//! 3. k_i·(k_i − 1)·r = 0 for i = 0, 1, degree 3
//! 4. addi·k_i·(k_i − 1) = 0 for i = 2, 3, degree 3
//! 5. addiw·c_2·(c_2 − 0xffff) = 0, degree 3
//! 6. addiw·(c_3 − c_2) = 0, degree 2
//!
//! # Interactions (16)
//! The frame: PROG 1, STATE 2. A read and a write: MEM 4, RANGE16 2, RANGE8 2. RANGE16 of c[4], and of 2·c_1 − c_2 for
//! addiw.
//!
//! # Soundness
//! As for ADD: one-hot flags and the code make the operation the ROM's, limbs of 16 bits make boolean carries mean the
//! sum over the integers, and addiw's upper limbs follow bit 15 of c_1 (`sign_extended_word`). The immediate's limbs
//! need no check here: the decoder writes 16-bit cells, and the ROM is part of the verifying key.

use vellum_executor::Event;
use vellum_isa::{Family, Op, RomRow};
use vellum_stark::{Algebra, Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::access::{Cpu, Read, Write, carries, range_check, sign_extended_word, slot};
use crate::family::{FamilyChip, exclusive, op_code};

/// The columns of ADDI.
#[derive(Clone, Default)]
struct Row<T> {
    /// Place and time.
    cpu: Cpu<T>,
    /// One-hot: addi, addiw.
    flags: [T; 2],
    /// Destination register index.
    rd: T,
    /// Source register index.
    rs1: T,
    /// pc cell of the next instruction.
    npc: T,
    /// The immediate: limb 0, and the limb that all others equal.
    imm: [T; 2],
    /// Operand, read from rs1.
    a: Read<T>,
    /// Result, written to rd.
    c: Write<T>,
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.cpu.visit(f);
        self.flags.visit(f);
        f(&mut self.rd);
        f(&mut self.rs1);
        f(&mut self.npc);
        self.imm.visit(f);
        self.a.visit(f);
        self.c.visit(f);
    }
}

/// The operations in the order of the flags.
const OPS: [Op; 2] = [Op::Addi, Op::Addiw];

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct AddiChip;

impl Chip for AddiChip {
    fn name(&self) -> &'static str {
        self.family().name()
    }

    fn widths(&self) -> Widths {
        Widths { preprocessed: 0, phase0: 0, main: Row::<F>::width() }
    }

    fn eval<B: Builder>(&self, builder: &mut B) {
        let row = Row::<B::Expr>::read(builder.main());
        let r = exclusive(builder, &row.flags);
        row.frame(builder, &r);

        range_check(builder, &r, &row.c.new);
        let [addi, addiw] = &row.flags;
        let [i0, i1] = row.imm.clone();
        let immediate = [i0, i1.clone(), i1.clone(), i1];
        // r·k_i·(k_i − 1) = 0, in limbs 2 and 3 addi·k_i·(k_i − 1) = 0
        for (i, k) in carries(&row.a.value, &immediate, &row.c.new).into_iter().enumerate() {
            let flag = if i < 2 { &r } else { addi };
            builder.assert_zero("each carry is boolean", flag.clone() * k.bool_check());
        }
        sign_extended_word(builder, addiw, &row.c.new);
    }
}

impl<E: Algebra<F>> Row<E> {
    /// The frame and the two accesses.
    fn frame<B: Builder<Expr = E>>(&self, b: &mut B, r: &E) {
        let op = op_code(&self.flags, OPS);
        let [rd, rs1, npc] = [&self.rd, &self.rs1, &self.npc].map(E::clone);
        let [i0, i1] = self.imm.clone();
        self.cpu.eval(b, r, [op, rd.clone(), rs1.clone(), E::ZERO, i0, i1, npc.clone()], npc);
        self.a.register(b, r, rs1, self.cpu.time(slot::RS1));
        self.c.register(b, r, rd, self.cpu.time(slot::RD));
    }
}

impl FamilyChip for AddiChip {
    fn family(&self) -> Family {
        Family::Addi
    }

    fn write_row(&self, rom: &RomRow, event: &Event, row: &mut [F]) {
        let Event { ts, rs1, rd, rd_new, .. } = *event;
        Row {
            cpu: Cpu::new(rom, event),
            flags: OPS.map(|op| F::from_bool(op == rom.op)),
            rd: F::from_u8(rom.rd),
            rs1: F::from_u8(rom.rs1),
            npc: F::from_u32(rom.npc),
            imm: [F::from_u32(rom.i0), F::from_u16(rom.i1)],
            a: Read::new(rs1, ts, slot::RS1),
            c: Write::new(rd, rd_new, ts, slot::RD),
        }
        .write(row);
    }
}
