//! CMPBR proves slt, sltu, their immediate forms and all branches: given register rs1 and register rs2 or an immediate,
//! either rd becomes 1 or 0 as the first is less or not, or control goes to the branch's target or to the next row.
//!
//! # Columns (43)
//! | cells | what | vouched for by |
//! |---|---|---|
//! | pc, ts | place and time of the row | STATE |
//! | slt, sltu, beq, bne, blt, bge | the operation, one-hot (blt and bge stand for bltu and bgeu too) | PROG through the code, 1, 2 |
//! | imm, unsigned | the second operand is the immediate; the branch is bltu or bgeu | PROG through the code, 3 |
//! | rd, rs1, rs2, npc, i0, i1 | decoded cells; immediate and its sign limb, or i0 the target | PROG |
//! | next | pc cell of the row executed next | constraint 12 |
//! | a\[4\], prev_ts, dlo | register read | MEM, RANGE (access) |
//! | b\[4\], prev_ts, dlo | register read, or the immediate's limbs and two idle cells | MEM, RANGE, or constraint 4 |
//! | old\[4\], prev_ts, dlo | what the register write replaces; idle in branches | MEM, RANGE (access) |
//! | sa, sb | sign bits of a and b in signed comparisons, else 0 | constraint 5, RANGE16 |
//! | d_3, d_2, d_1, d_0 | one-hot: the highest limb in which a and b differ; all 0 if a = b | constraints 6 to 8, RANGE16 |
//! | lt | a < b | constraints 9 to 11, RANGE16 |
//! | D | absolute difference of the limbs marked by d | constraint 11 |
//!
//! # Constraints
//! r = the sum of the six flags, w = slt + sltu, signed = slt + blt + bge − unsigned, ne = d_0 + d_1 + d_2 + d_3.
//! 1. each flag is boolean, degree 2
//! 2. r is boolean, degree 2
//! 3. imm, w − imm, unsigned, blt + bge − unsigned are boolean, degree 2
//! 4. imm·(b_0 − i0) = 0, imm·(b_i − i1) = 0 for i = 1, 2, 3, degree 2
//! 5. sa and sb are boolean, sa·(1 − signed) = 0, sb·(1 − signed) = 0, degree 2
//! 6. each d_i is boolean, degree 2
//! 7. ne is boolean, degree 2
//! 8. (r − d_3 − … − d_i)·(a_i − b_i) = 0 for i = 0 … 3, degree 2
//! 9. lt is boolean, degree 2
//! 10. lt·(1 − ne) = 0, degree 2
//! 11. D = (2·lt − 1)·Σ d_i·(b_i − a_i), with b_3 − 2^16·sb and a_3 − 2^16·sa in place of b_3 and a_3, degree 3
//! 12. next − npc = (beq·(1 − ne) + bne·ne + blt·lt + bge·(1 − lt))·(i0 − npc), degree 3
//!
//! # Interactions (18)
//! The frame: PROG 1, STATE 2. Two reads (the second where r − imm = 1) and a write of (lt, 0, 0, 0) where w = 1: MEM 6,
//! RANGE16 3, RANGE8 3. RANGE16 of D − 1 where ne = 1, and of 2·a_3 − 2^16·sa and 2·b_3 − 2^16·sb where signed = 1.
//!
//! # Soundness
//! 1 to 3 and the code's place in PROG make flags and forms the ROM's (26·slt + 27·sltu + 30·beq + 31·bne + 32·blt +
//! 33·bge + 2·imm + 2·unsigned: ten codes, each reached in one way). With r = 0 the accesses and the frame are idle.
//! By 8, every limb above the one marked is equal, and with none marked all are. By RANGE16 of D − 1, a marked limb does
//! differ, and lt tells its order: both lie in a range of 2^16 integers, so their difference lies within ±2^16, and of
//! it and its negative only the positive one is in 1 … 2^16. So d and lt are determined, without an inverse. In signed
//! comparisons the top limbs are taken as signed, with the sign bits checked; 5 keeps sa and sb out of the others,
//! where they would make equal limbs differ. next is a column because tuples are linear.

use vellum_executor::Event;
use vellum_isa::{Family, Op, RomRow};
use vellum_stark::{Algebra, Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::RANGE16;
use crate::access::{Cpu, Read, Write, check_sign, limbs, slot};
use crate::family::{FamilyChip, exclusive, immediate, op_code};

/// The columns of CMPBR.
#[derive(Clone, Default)]
struct Row<T> {
    /// Place and time.
    cpu: Cpu<T>,
    /// One-hot: slt, sltu, beq, bne, blt or bltu, bge or bgeu.
    flags: [T; 6],
    /// 1 in slti and sltiu.
    is_imm: T,
    /// 1 in bltu and bgeu.
    unsigned: T,
    /// Destination register index, 0 in branches.
    rd: T,
    /// First source register index.
    rs1: T,
    /// Second source register index, 0 in the immediate forms.
    rs2: T,
    /// pc cell of the following instruction.
    npc: T,
    /// The immediate: limb 0 and the limb that all others equal; or the branch's target and 0.
    imm: [T; 2],
    /// pc cell of the instruction executed next.
    next: T,
    /// First operand, read from rs1.
    a: Read<T>,
    /// Second operand, read from rs2 or equal to the immediate.
    b: Read<T>,
    /// rd before the write; idle in branches.
    old: Read<T>,
    /// Signs of a and b in signed comparisons.
    signs: [T; 2],
    /// One-hot: the highest limb in which a and b differ.
    differs: [T; 4],
    /// Whether a < b.
    less: T,
    /// How far a and b are apart in that limb.
    distance: T,
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.cpu.visit(f);
        self.flags.visit(f);
        f(&mut self.is_imm);
        f(&mut self.unsigned);
        f(&mut self.rd);
        f(&mut self.rs1);
        f(&mut self.rs2);
        f(&mut self.npc);
        self.imm.visit(f);
        f(&mut self.next);
        self.a.visit(f);
        self.b.visit(f);
        self.old.visit(f);
        self.signs.visit(f);
        self.differs.visit(f);
        f(&mut self.less);
        f(&mut self.distance);
    }
}

/// The operations that the flags stand for with `is_imm` and `unsigned` unset.
const OPS: [Op; 6] = [Op::Slt, Op::Sltu, Op::Beq, Op::Bne, Op::Blt, Op::Bge];
/// Names of the constraints on the marks.
const MARKS: [&str; 4] = ["mark 0 is boolean", "mark 1 is boolean", "mark 2 is boolean", "mark 3 is boolean"];
/// Distance of the code of an immediate form from the register form's, and of an unsigned branch from the signed one's.
const TO_VARIANT: u32 = 2;
/// Names of the constraints on the flags.
const FLAGS: [&str; 6] = [
    "slt is boolean",
    "sltu is boolean",
    "beq is boolean",
    "bne is boolean",
    "blt is boolean",
    "bge is boolean",
];

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct CmpBrChip;

impl Chip for CmpBrChip {
    fn name(&self) -> &'static str {
        self.family().name()
    }

    fn widths(&self) -> Widths {
        Widths { preprocessed: 0, phase0: 0, main: Row::<F>::width() }
    }

    fn eval<B: Builder>(&self, builder: &mut B) {
        let row = Row::<B::Expr>::read(builder.main());
        let r = exclusive(builder, &row.flags, FLAGS);
        row.forms(builder);
        row.frame(builder, &r);
        row.signs(builder);
        let ne = row.compare(builder, &r);

        // next − npc = (beq·(1 − ne) + bne·ne + blt·lt + bge·(1 − lt))·(i0 − npc)
        let Row { flags: [_, _, beq, bne, blt, bge], npc, imm: [target, _], next, less, .. } = row;
        let one = B::Expr::ONE;
        let taken = beq * (one.clone() - ne.clone()) + bne * ne + blt * less.clone() + bge * (one - less);
        builder.assert_eq(
            "control goes where the comparison says",
            next - npc.clone(),
            taken * (target - npc),
        );
    }
}

impl<E: Algebra<F>> Row<E> {
    /// slt or sltu: the row writes rd.
    fn writes(&self) -> E {
        self.flags[0].clone() + self.flags[1].clone()
    }

    /// The comparison is signed.
    fn signed(&self) -> E {
        let [slt, _, _, _, blt, bge] = self.flags.clone();
        slt + blt + bge - self.unsigned.clone()
    }

    /// Which variant of the operation the row is, and what the immediate forms compare with.
    fn forms<B: Builder<Expr = E>>(&self, b: &mut B) {
        let [_, _, _, _, blt, bge] = self.flags.clone();
        // imm·(imm − 1) = 0, (w − imm)·(w − imm − 1) = 0
        b.assert_bool("the immediate flag is boolean", self.is_imm.clone());
        b.assert_bool("the immediate flag is set in slt and sltu only", self.writes() - self.is_imm.clone());
        // u·(u − 1) = 0, (blt + bge − u)·(blt + bge − u − 1) = 0
        b.assert_bool("the unsigned flag is boolean", self.unsigned.clone());
        b.assert_bool("the unsigned flag is set in blt and bge only", blt + bge - self.unsigned.clone());
        // imm·(b_0 − i0) = 0, imm·(b_i − i1) = 0
        let [i0, i1] = &self.imm;
        for (y, i) in self.b.value.iter().zip([i0, i1, i1, i1]) {
            b.assert_zero(
                "immediate form: b is the immediate",
                self.is_imm.clone() * (y.clone() - i.clone()),
            );
        }
    }

    /// The frame and the three accesses.
    fn frame<B: Builder<Expr = E>>(&self, b: &mut B, r: &E) {
        let Self { cpu, rd, rs1, rs2, npc, imm: [i0, i1], .. } = self.clone();
        let variant = self.is_imm.clone() + self.unsigned.clone();
        let op = op_code(&self.flags, OPS) + variant * F::from_u32(TO_VARIANT);
        let decoded = [op, rd.clone(), rs1.clone(), rs2.clone(), i0, i1, npc];
        cpu.eval(b, r, decoded, self.next.clone());
        self.a.register(b, r, rs1, cpu.time(slot::RS1));
        self.b.register(b, &(r.clone() - self.is_imm.clone()), rs2, cpu.time(slot::RS2));
        let new = [self.less.clone(), E::ZERO, E::ZERO, E::ZERO];
        Write { old: self.old.clone(), new }.register(b, &self.writes(), rd, cpu.time(slot::RD));
    }

    /// The signs of both operands, zero in unsigned comparisons.
    fn signs<B: Builder<Expr = E>>(&self, b: &mut B) {
        let signed = self.signed();
        for (value, sign) in [&self.a.value, &self.b.value].into_iter().zip(&self.signs) {
            // s·(s − 1) = 0
            b.assert_bool("each sign is boolean", sign.clone());
            // s·(1 − signed) = 0
            b.assert_zero("unsigned operands have no sign", sign.clone() * (E::ONE - signed.clone()));
            check_sign(b, &signed, &value[3], sign);
        }
    }

    /// Determines `differs` and `less`. Returns ne: whether a ≠ b.
    fn compare<B: Builder<Expr = E>>(&self, b: &mut B, r: &E) -> E {
        let Self { differs, less, signs: [sa, sb], .. } = self;
        let ne: E = differs.iter().cloned().sum();
        // d_i·(d_i − 1) = 0
        for (d, name) in differs.iter().zip(MARKS) {
            b.assert_bool(name, d.clone());
        }
        // ne·(ne − 1) = 0
        b.assert_bool("at most one limb is marked", ne.clone());
        // (r − d_3 − … − d_i)·(a_i − b_i) = 0
        let difference: [E; 4] = std::array::from_fn(|i| self.b.value[i].clone() - self.a.value[i].clone());
        let mut equal_so_far = r.clone();
        for (d, difference) in differs.iter().zip(&difference).rev() {
            equal_so_far -= d.clone();
            b.assert_zero("limbs above the mark are equal", equal_so_far.clone() * difference.clone());
        }
        // lt·(lt − 1) = 0
        b.assert_bool("less is boolean", less.clone());
        // lt·(1 − ne) = 0
        b.assert_zero("equal is not less", less.clone() * (E::ONE - ne.clone()));
        // D = (2·lt − 1)·Σ d_i·(b_i − a_i)
        let [y0, y1, y2, y3] = difference;
        let top = y3 - (sb.clone() - sa.clone()) * F::from_u32(1 << 16);
        let marked: E = differs.iter().zip([y0, y1, y2, top]).map(|(d, y)| d.clone() * y).sum();
        let distance = (less.double() - E::ONE) * marked;
        b.assert_eq("the distance is that of the marked limbs", self.distance.clone(), distance);
        b.send(RANGE16, ne.clone(), [self.distance.clone() - E::ONE]);
        ne
    }
}

impl FamilyChip for CmpBrChip {
    fn family(&self) -> Family {
        Family::CmpBr
    }

    fn write_row(&self, rom: &RomRow, event: &Event, row: &mut [F]) {
        let Event { ts, next_pc, rs1, rs2, rd, .. } = *event;
        let is_imm = matches!(rom.op, Op::Slti | Op::Sltiu);
        let unsigned = matches!(rom.op, Op::Bltu | Op::Bgeu);
        let writes = matches!(rom.op, Op::Slt | Op::Sltu | Op::Slti | Op::Sltiu);
        let signed = matches!(rom.op, Op::Slt | Op::Slti | Op::Blt | Op::Bge);
        let variant = if is_imm || unsigned { TO_VARIANT } else { 0 };
        let b = if is_imm { immediate(rom) } else { rs2.old };
        let Comparison { differs, less, distance } = Comparison::new(rs1.old, b, signed);
        Row {
            cpu: Cpu::new(rom, event),
            flags: OPS.map(|op| F::from_bool(op as u32 + variant == rom.op as u32)),
            is_imm: F::from_bool(is_imm),
            unsigned: F::from_bool(unsigned),
            rd: F::from_u8(rom.rd),
            rs1: F::from_u8(rom.rs1),
            rs2: F::from_u16(rom.rs2),
            npc: F::from_u32(rom.npc),
            imm: [F::from_u32(rom.i0), F::from_u16(rom.i1)],
            next: F::from_u32(next_pc),
            a: Read::new(rs1, ts, slot::RS1),
            b: if is_imm {
                Read { value: limbs(b), ..Read::default() }
            } else {
                Read::new(rs2, ts, slot::RS2)
            },
            old: if writes { Read::new(rd, ts, slot::RD) } else { Read::default() },
            signs: [rs1.old, b].map(|value| F::from_bool(signed && value >> 63 == 1)),
            differs: std::array::from_fn(|i| F::from_bool(differs == Some(i))),
            less: F::from_bool(less),
            distance: F::from_u32(distance),
        }
        .write(row);
    }
}

/// How two values compare.
struct Comparison {
    /// The highest limb in which they differ.
    differs: Option<usize>,
    /// Whether the first is less.
    less: bool,
    /// How far they are apart in that limb, the top one taken as signed if they are.
    distance: u32,
}

impl Comparison {
    fn new(a: u64, b: u64, signed: bool) -> Self {
        let differs = (0..4).rev().find(|i| (a ^ b) >> (16 * i) & 0xffff != 0);
        // Flipping the sign bits turns the signed order into the unsigned one and keeps distances.
        let flip = if signed { 1 << 63 } else { 0 };
        let limb = |value: u64, i: usize| ((value ^ flip) >> (16 * i)) as u16;
        let distance = differs.map_or(0, |i| limb(a, i).abs_diff(limb(b, i)).into());
        Self { differs, less: a ^ flip < b ^ flip, distance }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;
    use vellum_stark::{
        check::Cells,
        testing::{ChipTest, columns_complete, indices, lie, shape},
    };

    use super::*;
    use crate::honest::{CONSUMED, Outcome, check_operation, immediate_row, register_row, row_of, short};
    use crate::testing::{TS, family_test};

    const TARGET: u32 = 0x1fff_fff0;

    /// The manual's definition; in immediate forms `b` is the sign-extended immediate.
    fn reference(rom: &RomRow, a: u64, b: u64) -> Outcome {
        let (sa, sb) = (a as i64, b as i64);
        let set = |value: bool| Outcome { value: Some(value.into()), next_pc: rom.npc };
        let go = |taken: bool| Outcome { value: None, next_pc: if taken { TARGET } else { rom.npc } };
        match rom.op {
            Op::Slt | Op::Slti => set(sa < sb),
            Op::Sltu | Op::Sltiu => set(a < b),
            Op::Beq => go(a == b),
            Op::Bne => go(a != b),
            Op::Blt => go(sa < sb),
            Op::Bge => go(sa >= sb),
            Op::Bltu => go(a < b),
            _ => go(a >= b),
        }
    }

    fn branch(op: Op, [_, rs1, rs2]: [u8; 3]) -> RomRow {
        RomRow { i0: TARGET, ..register_row(op, [0, rs1, rs2]) }
    }

    #[test]
    fn comparisons_are_proven_and_nothing_else() {
        for op in [Op::Slt, Op::Sltu] {
            check_operation(&CmpBrChip, |registers, b| (register_row(op, registers), b), reference);
        }
        for op in [Op::Slti, Op::Sltiu] {
            let rom = |registers, b| (immediate_row(op, registers, short(b)), short(b));
            check_operation(&CmpBrChip, rom, reference);
        }
        for op in [Op::Beq, Op::Bne, Op::Blt, Op::Bge, Op::Bltu, Op::Bgeu] {
            check_operation(&CmpBrChip, |registers, b| (branch(op, registers), b), reference);
        }
    }

    fn honest(op: Op, a: u64, b: u64) -> Cells {
        let rom = match op {
            Op::Slti | Op::Sltiu => immediate_row(op, [12, 10, 0], b),
            Op::Slt | Op::Sltu => register_row(op, [12, 10, 11]),
            _ => branch(op, [0, 10, 11]),
        };
        row_of(&CmpBrChip, &rom, [a, b], reference(&rom, a, b))
    }

    fn kit() -> ChipTest<'static, CmpBrChip> {
        let i = indices::<Row<usize>>();
        let slt = honest(Op::Slt, 0x8000_0000_0000_0000, 1);
        let slt_b = honest(Op::Slt, 1, 0x8000_0000_0000_0000);
        let sltu = honest(Op::Sltu, 0x0001_0002_0003_0004, 0x0001_0003_0002_0004);
        let slti = honest(Op::Slti, 5, u64::MAX);
        let sltiu = honest(Op::Sltiu, 5, u64::MAX);
        let beq = honest(Op::Beq, 0x0001_0002_0003_0004, 0x0001_0002_0003_0004);
        let bne = honest(Op::Bne, 0x0001_0002_0003_0004, 0x0001_0002_0003_0005);
        let blt = honest(Op::Blt, u64::MAX, 0);
        let bge = honest(Op::Bge, 7, 7);
        let bltu = honest(Op::Bltu, u64::MAX, 0);
        let bgeu = honest(Op::Bgeu, 0x8000_0000_0000_0000, 0x7fff_ffff_ffff_ffff);
        let flip = |row: &mut Cells, cell: usize| row.main[cell] = F::ONE - row.main[cell];
        let mark = |row: &mut Cells, marks: [u32; 4]| {
            marks.iter().zip(i.differs).for_each(|(mark, cell)| row.main[cell] = F::from_u32(*mark));
        };
        let set = |row: &mut Cells, flags: [i32; 6]| {
            flags.iter().zip(i.flags).for_each(|(flag, cell)| {
                row.main[cell] = F::from_i32(*flag);
            });
        };
        let padding = Cells::zero(CmpBrChip.widths());
        let slt_positive = honest(Op::Slt, 5, 9);
        let sltiu_positive = honest(Op::Sltiu, 5, 7);
        let slti_small = honest(Op::Slti, 5, 3);
        let blt_not = honest(Op::Blt, 7, 5);
        let bne_top = honest(Op::Bne, 0x0005_0002_0003_0004, 0x0004_0002_0003_0004);
        let sltu_top = honest(Op::Sltu, 0x0002_0000_0000_0001, 0x0001_0000_0000_0002);
        let sltu_low = honest(Op::Sltu, 0x0002_0001, 0x0001_0002);
        let mut two = beq.clone();
        set(&mut two, [0, 0, 1, 1, 0, 0]);
        two.main[i.next] = two.main[i.npc];
        let unmark = |row: &mut Cells, limb: usize| {
            row.main[i.differs[limb]] = F::NEG_ONE;
            row.main[i.next] = row.main[i.npc];
        };
        let lies = vec![
            lie("less than what is less", &sltu, |row| {
                flip(row, i.less);
                row.main[i.distance] = -row.main[i.distance];
            }),
            // a = 1 2 3 4, b = 1 3 2 4 from the top: limb 2 decides (less); limb 1 says the opposite
            lie("a lower limb decides", &sltu, |row| {
                mark(row, [0, 1, 0, 0]);
                row.main[i.less] = F::ZERO;
                row.main[i.distance] = F::ONE;
            }),
            // d_1 = d_2 = 1: D = 1 − 1, no order at all
            lie("two limbs decide", &sltu, |row| {
                mark(row, [0, 1, 1, 0]);
                flip(row, i.less);
                row.main[i.distance] = F::ZERO;
            }),
            lie("different values are equal", &sltu, |row| {
                mark(row, [0; 4]);
                row.main[i.less] = F::ZERO;
                row.main[i.distance] = F::ZERO;
            }),
            lie("a branch on equality of different values", &bne, |row| {
                mark(row, [0; 4]);
                row.main[i.less] = F::ZERO;
                row.main[i.distance] = F::ZERO;
                row.main[i.next] = row.main[i.npc];
            }),
            // d_0 marked, D = 0: RANGE16 of −1
            lie("equal values differ", &beq, |row| {
                mark(row, [1, 0, 0, 0]);
                row.main[i.next] = row.main[i.npc];
            }),
            // sa = 1 in an unsigned operation: D = 2^16
            lie("equal values differ in a sign they do not have", &beq, |row| {
                mark(row, [0, 0, 0, 1]);
                row.main[i.signs[0]] = F::ONE;
                row.main[i.less] = F::ONE;
                row.main[i.distance] = F::from_u32(1 << 16);
                row.main[i.next] = row.main[i.npc];
            }),
            lie("equal values differ in the other's sign", &beq, |row| {
                mark(row, [0, 0, 0, 1]);
                row.main[i.signs[1]] = F::ONE;
                row.main[i.distance] = F::from_u32(1 << 16);
                row.main[i.next] = row.main[i.npc];
            }),
            lie("less though equal", &bge, |row| {
                row.main[i.less] = F::ONE;
                row.main[i.next] = row.main[i.npc];
            }),
            // a = −2^63, b = 1: unsigned, a is greater by 2^15 in limb 3
            lie("the sign of a lost", &slt, |row| {
                row.main[i.signs[0]] = F::ZERO;
                row.main[i.less] = F::ZERO;
                row.main[i.distance] = F::from_u32(1 << 15);
            }),
            lie("a sign of b made up", &slt, |row| {
                row.main[i.signs[1]] = F::ONE;
                row.main[i.less] = F::ZERO;
                row.main[i.distance] = F::from_u32(1 << 15);
            }),
            // sa = 1 − (2^15 + 1)/2^16: 2·a_3 − 2^16·sa = 2^15 + 1 has 16 bits, a_3 − 2^16·sa = 1
            lie("a sign between 0 and 1", &slt, |row| {
                row.main[i.signs[0]] = F::from_u32(0x7fff).div_2exp_u64(16);
                row.main[i.less] = F::ZERO;
                row.main[i.distance] = F::ONE;
            }),
            lie("a sign of b between 0 and 1", &slt_b, |row| {
                row.main[i.signs[1]] = F::from_u32(0x7fff).div_2exp_u64(16);
                row.main[i.less] = F::ONE;
                row.main[i.distance] = F::ONE;
            }),
            // slt with imm = 1 and u = −1: the register form's code, b = (0, 0, 0, 0) as i0 and i1 are
            lie("slt compared with the immediate 0", &slt_positive, |row| {
                row.main[i.is_imm] = F::ONE;
                row.main[i.unsigned] = F::NEG_ONE;
                row.main[i.b.value[0]] = F::ZERO;
                row.main[i.less] = F::ZERO;
                row.main[i.distance] = F::from_u8(5);
            }),
            lie("less by two", &sltu, |row| row.main[i.less] = F::TWO),
            lie("a branch to elsewhere", &blt, |row| row.main[i.next] += F::ONE),
            lie("a branch not taken", &blt, |row| row.main[i.next] = row.main[i.npc]),
            lie("slt jumps", &slt, |row| row.main[i.next] += F::ONE),
            lie("bltu for blt", &bltu, |row| {
                row.main[i.unsigned] = F::ZERO;
                row.main[i.signs[0]] = F::ONE;
                row.main[i.less] = F::ONE;
                row.main[i.distance] = F::ONE;
                row.main[i.next] = row.main[i.imm[0]];
            }),
            // slt sltu beq bne blt bge | Σ flag·code | r
            //  0   0    1   0   0   0  | 30          | 1
            //  0   0    0   2  −1   0  | 30          | 1     taken = 2·ne − lt
            lie("bne and blt with the code of beq", &beq, |row| {
                set(row, [0, 0, 0, 2, -1, 0]);
                row.main[i.next] = row.main[i.npc];
            }),
            //  1  −1    1   0   0   0  | 29, sltiu   | 1     w = 0
            lie("sltiu writes nothing", &sltiu_positive, |row| {
                set(row, [1, -1, 1, 0, 0, 0]);
                row.main[i.is_imm] = F::ZERO;
                row.main[i.b.prev_ts] = F::from_u32(TS);
                row.main[i.b.dlo] = F::ONE;
            }),
            //  1   0   −1   1   0   0  | 27, sltu    | 1     taken = 2·ne − 1, i0 = 0
            lie("sltu jumps to 0", &sltu, |row| {
                set(row, [1, 0, -1, 1, 0, 0]);
                row.main[i.next] = F::ZERO;
            }),
            //  0   0    0   1  −1   1  | 32, blt     | 1     taken = ne + 1 − 2·lt
            lie("blt jumps beyond its target", &blt_not, |row| {
                set(row, [0, 0, 0, 1, -1, 1]);
                row.main[i.next] = row.main[i.imm[0]].double() - row.main[i.npc];
            }),
            //  0   0    0   1   1  −1  | 30, beq     | 1     taken = ne + 2·lt − 1
            lie("beq jumps backwards", &beq, |row| {
                set(row, [0, 0, 0, 1, 1, -1]);
                row.main[i.next] = row.main[i.npc].double() - row.main[i.imm[0]];
            }),
            //  0   0    1   1   0   0  | 61          | 2
            lie("two instructions at once", &two, |row| row.main[i.next] = row.main[i.imm[0]]),
            // a and b differ in limb 3 only; d_3 = 1 and d_i = −1: ne = 0
            lie("equal but for limb 3, marks 3 and 0", &bne_top, |row| {
                unmark(row, 0);
            }),
            lie("equal but for limb 3, marks 3 and 1", &bne_top, |row| {
                unmark(row, 1);
            }),
            lie("equal but for limb 3, marks 3 and 2", &bne_top, |row| {
                unmark(row, 2);
            }),
            // d_3 = d_0 = 1: ne = 2
            lie("bne jumps beyond its target", &bne_top, |row| {
                mark(row, [1, 0, 0, 1]);
                row.main[i.next] = row.main[i.imm[0]].double() - row.main[i.npc];
            }),
            // a = 0002 0000 0000 0001, b = 0001 0000 0000 0002
            lie("limb 0 decides against limb 3", &sltu_top, |row| {
                mark(row, [1, 0, 0, 0]);
                row.main[i.less] = F::ONE;
                row.main[i.distance] = F::ONE;
            }),
            // a = 0000 0000 0002 0001, b = 0000 0000 0001 0002
            lie("limb 0 decides against limb 1", &sltu_low, |row| {
                mark(row, [1, 0, 0, 0]);
                row.main[i.less] = F::ONE;
                row.main[i.distance] = F::ONE;
            }),
            lie("a row that counts twice", &beq, |row| set(row, [0, 0, 2, 0, 0, 0])),
            // r = 0, imm = 1: the row takes and gives −1 token of register rs2
            lie("rs2 read −1 times", &padding, |row| row.main[i.is_imm] = F::ONE),
        ];
        let mut lies = lies;
        // 5 < 3 with 9 or 3 + 2^(16·limb) for 3
        let names = ["immediate limb 0", "immediate limb 1", "immediate limb 2", "immediate limb 3"];
        for (limb, name) in names.into_iter().enumerate() {
            lies.push(lie(name, &slti_small, |row| {
                let value = if limb == 0 { 9 } else { 1 };
                row.main[i.b.value[limb]] = F::from_u8(value);
                (0..4).for_each(|mark| row.main[i.differs[mark]] = F::from_bool(mark == limb));
                row.main[i.less] = F::ONE;
                row.main[i.distance] = F::from_u8(if limb == 0 { 4 } else { 1 });
            }));
        }
        let rows = vec![
            ("slt", slt),
            ("slt, b negative", slt_b),
            ("sltu", sltu),
            ("slti", slti),
            ("sltiu", sltiu),
            ("beq", beq),
            ("bne", bne),
            ("blt", blt),
            ("bge", bge),
            ("bltu", bltu),
            ("bgeu", bgeu),
        ];
        let allowed_mutes = &[
            ("MEM#4", CONSUMED),
            ("mark 3 is boolean", "with d_3 < 0 constraint 8 makes all limbs equal down to the lowest mark"),
        ];
        ChipTest { lies, allowed_mutes, ..family_test(&CmpBrChip, rows) }
    }

    #[test]
    fn no_lie_is_accepted() {
        kit().run();
    }

    #[test]
    fn shape_is_pinned() {
        expect_file!["../snapshots/cmpbr.txt"].assert_eq(&shape(&CmpBrChip));
        columns_complete::<Row<u8>>();
    }
}
