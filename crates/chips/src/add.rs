//! ADD proves add, sub, addw and subw: given the registers rs1 and rs2, the value written to rd is their sum or
//! difference modulo 2^64, or the sign-extended low 32 bits of it.
//!
//! # Columns (32)
//! | cells | what | vouched for by |
//! |---|---|---|
//! | pc, ts | place and time of the row | STATE |
//! | add, sub, addw, subw | the operation, one-hot | PROG through the code, constraints 1 and 2 |
//! | rd, rs1, rs2, npc | decoded cells | PROG |
//! | a[4], b[4] + prev_ts, dlo each | register reads | MEM, RANGE (access) |
//! | c[4], old[4], prev_ts, dlo | register write | constraints 3 to 8, RANGE16; MEM, RANGE (access) |
//!
//! # Constraints
//! r = add + sub + addw + subw. No carry has a column: the carry out of limb i is a linear expression,
//! for a sum k_i = (a_i + b_i + k_(i−1) − c_i)/2^16, for a difference (the sum c + b = a) j_i = (c_i + b_i + j_(i−1) −
//! a_i)/2^16, k_(−1) = j_(−1) = 0.
//! 1. each flag is boolean, degree 2
//! 2. r is boolean, degree 2
//! 3. (add + addw)·k_i·(k_i − 1) = 0 for i = 0, 1, degree 3
//! 4. add·k_i·(k_i − 1) = 0 for i = 2, 3, degree 3
//! 5. (sub + subw)·j_i·(j_i − 1) = 0 for i = 0, 1, degree 3
//! 6. sub·j_i·(j_i − 1) = 0 for i = 2, 3, degree 3
//! 7. (addw + subw)·c_2·(c_2 − 0xffff) = 0, degree 3
//! 8. (addw + subw)·(c_3 − c_2) = 0, degree 2
//!
//! # Interactions (20)
//! The frame: PROG 1, STATE 2. Two reads and a write: MEM 6, RANGE16 3, RANGE8 3. RANGE16 of c[4], and of 2·c_1 − c_2 for
//! the W forms.
//!
//! # Soundness
//! 1, 2 and the code's place in PROG make the flags one-hot and the operation the ROM's; with r = 0 all multiplicities
//! are zero. a and b are 16-bit limbs by induction (see `access`), c by RANGE16. So a_i + b_i + k_(i−1) − c_i lies strictly
//! between −2^16 and 2^17: that it equals 0 or 2^16 in the field means that it does so as an integer, which fixes c_i and the
//! carry one after the other. Without the range of any c_i, 3 to 6 would accept c_i ± 2^16 with the carry moved.
//! The W forms state limbs 0 and 1 the same way and take limbs 2 and 3 from bit 15 of limb 1 (`sign_extended_word`).
//! rs1 = rs2 = rd needs no case: the three accesses have different times.

use vellum_executor::Event;
use vellum_isa::{Family, Op, RomRow};
use vellum_stark::{Algebra, Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::access::{Cpu, Read, Write, carries, range_check, sign_extended_word, slot};
use crate::family::{FamilyChip, exclusive, op_code};

/// The columns of ADD.
#[derive(Clone, Default)]
struct Row<T> {
    /// Place and time.
    cpu: Cpu<T>,
    /// One-hot: add, sub, addw, subw.
    flags: [T; 4],
    /// Destination register index.
    rd: T,
    /// First source register index.
    rs1: T,
    /// Second source register index.
    rs2: T,
    /// pc cell of the next instruction.
    npc: T,
    /// First operand, read from rs1.
    a: Read<T>,
    /// Second operand, read from rs2.
    b: Read<T>,
    /// Result, written to rd.
    c: Write<T>,
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.cpu.visit(f);
        self.flags.visit(f);
        f(&mut self.rd);
        f(&mut self.rs1);
        f(&mut self.rs2);
        f(&mut self.npc);
        self.a.visit(f);
        self.b.visit(f);
        self.c.visit(f);
    }
}

/// The operations in the order of the flags.
const OPS: [Op; 4] = [Op::Add, Op::Sub, Op::Addw, Op::Subw];

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct AddChip;

impl Chip for AddChip {
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
        let [add, sub, addw, subw] = &row.flags;
        let (a, b, c) = (&row.a.value, &row.b.value, &row.c.new);
        // (add + addw)·k_i·(k_i − 1) = 0, in limbs 2 and 3 add·k_i·(k_i − 1) = 0
        for (i, k) in carries(a, b, c).into_iter().enumerate() {
            let flag = if i < 2 { add.clone() + addw.clone() } else { add.clone() };
            builder.assert_zero("sum: each carry is boolean", flag * k.bool_check());
        }
        // (sub + subw)·j_i·(j_i − 1) = 0, in limbs 2 and 3 sub·j_i·(j_i − 1) = 0
        for (i, j) in carries(c, b, a).into_iter().enumerate() {
            let flag = if i < 2 { sub.clone() + subw.clone() } else { sub.clone() };
            builder.assert_zero("difference: each borrow is boolean", flag * j.bool_check());
        }
        sign_extended_word(builder, &(addw.clone() + subw.clone()), c);
    }
}

impl<E: Algebra<F>> Row<E> {
    /// The frame and the three accesses.
    fn frame<B: Builder<Expr = E>>(&self, b: &mut B, r: &E) {
        let op = op_code(&self.flags, OPS);
        let [rd, rs1, rs2, npc] = [&self.rd, &self.rs1, &self.rs2, &self.npc].map(E::clone);
        let decoded = [op, rd.clone(), rs1.clone(), rs2.clone(), E::ZERO, E::ZERO, npc.clone()];
        self.cpu.eval(b, r, decoded, npc);
        self.a.register(b, r, rs1, self.cpu.time(slot::RS1));
        self.b.register(b, r, rs2, self.cpu.time(slot::RS2));
        self.c.register(b, r, rd, self.cpu.time(slot::RD));
    }
}

impl FamilyChip for AddChip {
    fn family(&self) -> Family {
        Family::Add
    }

    fn write_row(&self, rom: &RomRow, event: &Event, row: &mut [F]) {
        let Event { ts, rs1, rs2, rd, rd_new, .. } = *event;
        Row {
            cpu: Cpu::new(rom, event),
            flags: OPS.map(|op| F::from_bool(op == rom.op)),
            rd: F::from_u8(rom.rd),
            rs1: F::from_u8(rom.rs1),
            rs2: F::from_u16(rom.rs2),
            npc: F::from_u32(rom.npc),
            a: Read::new(rs1, ts, slot::RS1),
            b: Read::new(rs2, ts, slot::RS2),
            c: Write::new(rd, rd_new, ts, slot::RD),
        }
        .write(row);
    }
}
