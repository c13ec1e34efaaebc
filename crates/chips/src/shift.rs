//! SHIFT proves sll, srl, sra, their W and immediate forms: given register rs1 and an amount from register rs2 or the
//! ROM, the value written to rd is rs1 shifted by the amount modulo 64, or the sign-extended low 32 bits of rs1's low 32
//! bits shifted by the amount modulo 32.
//!
//! # How
//! The amount is m + 8·β, m < 8. Every byte a_k of rs1 is cut into low and high bits at the same place: at bit m to
//! shift right, at bit 8 − m to shift left. With T = 2^cut and W = 2^8/T, W·x_k for x_k = low_k + (a_(k−1) − low_(k−1))/256
//! is byte k of a·W (the high bits of one byte under the low bits of the next). A shift by whole bytes picks which x_k go
//! where; the pick and the factor W are one set of columns w_B, W at B = β and 0 elsewhere. Arithmetic shifts continue
//! a with bytes 255·g.
//!
//! # Columns (64)
//! | cells | what | vouched for by |
//! |---|---|---|
//! | pc, ts | place and time of the row | STATE |
//! | sll, sllw, right, rightw | the operation, one-hot | PROG through the code, constraints 1 and 2 |
//! | arith, imm | sra or sraw; the amount is the immediate | PROG through the code, constraint 3 |
//! | rd, rs1, rs2, npc, i0 | decoded cells; the immediate amount | PROG |
//! | a\[4\], prev_ts, dlo | register read | MEM, RANGE (access) |
//! | b\[4\], prev_ts, dlo | register read, or the amount and five idle cells | MEM, RANGE, or constraint 4 |
//! | c\[4\], old\[4\], prev_ts, dlo | register write | constraints 14 to 18; MEM, RANGE (access) |
//! | m_0, m_1, m_2, β, q | the amount's bits, its bytes, what is above it in b_0 | constraints 5 to 8 and 19, RANGE16 |
//! | w_0 … w_7 | W at β, 0 elsewhere | constraints 6 to 9 |
//! | mask | T − 1 | constraints 8 and 9 |
//! | a'\[4\] | low byte of each limb of a | BYTE |
//! | low_0 … low_7 | low bits of each byte of a | BYTE |
//! | g, f | the sign that fills from the left, and g·T | constraints 10 to 13, RANGE16 |
//! | s | what shows that a sign is right | constraint 13 |
//!
//! # Constraints
//! r = the sum of the four flags, word = sllw + rightw, m = m_0 + 2·m_1 + 4·m_2, W = w_0 + … + w_7.
//! 1. each flag is boolean, degree 2
//! 2. r is boolean, degree 2
//! 3. arith, right + rightw − arith, imm, r − imm are boolean, degree 2
//! 4. imm·(b_0 − i0) = 0, degree 2
//! 5. each m_i is boolean, degree 2
//! 6. w_B·(β − B) = 0 for B = 0 … 7, degree 2
//! 7. word·(w_4 + … + w_7) = 0, degree 2
//! 8. (mask + 1)·W = 256·r, degree 2
//! 9. (sll + sllw)·W + (right + rightw)·(mask + 1) = 2^m − 1 + r, 2^m = (1 + m_0)·(1 + 3·m_1)·(1 + 15·m_2), degree 3
//! 10. g is boolean, degree 2
//! 11. g·(1 − arith) = 0, degree 2
//! 12. f = g·(mask + 1), degree 2
//! 13. s = right·arith·(2·a_3 − 2^16·g) + rightw·arith·(2·a_1 − 2^16·g) + (sllw + rightw·(1 − arith))·(2·c_1 − c_2), where
//!     the product sllw·arith is zero by 3, degree 3
//! 14. limbs 0, 1: (sll + sllw)·(c_j − left_j) + right·(c_j − right_j) + rightw·(c_j − rightw_j) = 0, degree 3
//! 15. limbs 2, 3: sll·(c_j − left_j) + right·(c_j − right_j) = 0, degree 3
//! 16. word·c_2·(c_2 − 0xffff) = 0, degree 3
//! 17. word·(c_3 − c_2) = 0, degree 2
//! 18. rightw·arith·(c_2 − 0xffff·g) = 0, degree 3
//! 19. b_0 − m − 8·β = (64 − 32·word)·q, degree 2
//!
//! where left_j = Σ w_B·(x_(2j−B) + 256·x_(2j+1−B)) and right_j = Σ w_B·(x_(2j+1+B) + 256·x_(2j+2+B)); x_k is 0 below 0,
//! x_8 = f − g + (a_7 − low_7)/256 and x_k = f·255/256 above; rightw_j is right_j with 4 bytes in place of 8.
//!
//! # Interactions (24)
//! The frame: PROG 1, STATE 2. Two reads (the second where r − imm = 1) and a write: MEM 6, RANGE16 3, RANGE8 1, BYTE 1.
//! BYTE (and) of a_k, mask and low_k for k = 0 … 7. RANGE16 of q and of s.
//!
//! # Soundness
//! - Operation: 1 to 3 and the code's place in PROG (14·sll + 15·right + 17·sllw + 18·rightw + arith + 6·imm, each code
//!   reached in one way). With r = 0 all multiplicities are zero.
//! - Amount: 8 makes W nonzero, so 6 puts β in 0 … 7, by 7 in 0 … 3 for words; m < 8 by 5. q has 16 bits, so 19 holds over the
//!   integers and m + 8·β is the remainder. Upper limbs of b do not matter. An immediate amount is below 64 (32) by the
//!   decoder, and q is zero.
//! - Cut: 8 and 9 fix mask and W for m and the direction; 6 puts W in w_β. BYTE puts a'_j, (a_j − a'_j)/256 and low_k in
//!   8 bits and fixes low_k. So W·x_k is a byte exactly, and c's limbs need no other range check.
//! - Sign: g is zero unless arithmetic; 2·limb − 2^16·g in 16 bits makes it bit 15 of a_3 or a_1. A word's c_2 is 0 or
//!   0xffff: g for sraw, else as 2·c_1 − c_2 has 16 bits, bit 15 of c_1 (see `sign_extended_word`).
//!
//! No field product wraps: x_k·256 is an integer below 2^16, and w_B at most 256.

use vellum_executor::Event;
use vellum_isa::{Family, Op, RomRow};
use vellum_stark::{Algebra, Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::access::{Cpu, Read, Write, inverse_2_8, limbs, read_and_write, slot};
use crate::family::{FamilyChip, exclusive, low_bytes, op_code};
use crate::{BYTE, RANGE16};

/// The columns of SHIFT.
#[derive(Clone, Default)]
struct Row<T> {
    /// Place and time.
    cpu: Cpu<T>,
    /// One-hot: sll, sllw, srl or sra, srlw or sraw.
    flags: [T; 4],
    /// 1 in sra and sraw.
    arith: T,
    /// 1 in the immediate forms.
    is_imm: T,
    /// Destination register index.
    rd: T,
    /// First source register index.
    rs1: T,
    /// Second source register index, 0 in the immediate forms.
    rs2: T,
    /// pc cell of the next instruction.
    npc: T,
    /// The immediate amount.
    imm: T,
    /// Operand, read from rs1.
    a: Read<T>,
    /// Amount, read from rs2 or, in limb 0, equal to the immediate.
    b: Read<T>,
    /// Result, written to rd.
    c: Write<T>,
    /// The amount's lowest three bits.
    bits: [T; 3],
    /// The amount's whole bytes.
    bytes: T,
    /// What is above the amount in limb 0 of b.
    quotient: T,
    /// W = 2^(8 − cut) at the place of the amount's whole bytes, 0 elsewhere.
    weights: [T; 8],
    /// 2^cut − 1.
    mask: T,
    /// Low byte of each limb of a.
    a_low: [T; 4],
    /// Each byte of a AND mask.
    low: [T; 8],
    /// The sign in arithmetic shifts.
    sign: T,
    /// sign·2^cut.
    fill: T,
    /// In 16 bits if the sign that matters is right.
    sign_check: T,
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.cpu.visit(f);
        self.flags.visit(f);
        f(&mut self.arith);
        f(&mut self.is_imm);
        f(&mut self.rd);
        f(&mut self.rs1);
        f(&mut self.rs2);
        f(&mut self.npc);
        f(&mut self.imm);
        self.a.visit(f);
        self.b.visit(f);
        self.c.visit(f);
        self.bits.visit(f);
        f(&mut self.bytes);
        f(&mut self.quotient);
        self.weights.visit(f);
        f(&mut self.mask);
        self.a_low.visit(f);
        self.low.visit(f);
        f(&mut self.sign);
        f(&mut self.fill);
        f(&mut self.sign_check);
    }
}

/// The operations that the flags stand for with `arith` and `is_imm` unset.
const OPS: [Op; 4] = [Op::Sll, Op::Sllw, Op::Srl, Op::Srlw];
/// Distance of the code of an immediate form from the register form's.
const TO_IMMEDIATE: u32 = Op::Slli as u32 - Op::Sll as u32;
/// Names of the constraints on the flags.
const FLAGS: [&str; 4] = ["sll is boolean", "sllw is boolean", "right is boolean", "rightw is boolean"];

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct ShiftChip;

impl Chip for ShiftChip {
    fn name(&self) -> &'static str {
        self.family().name()
    }

    fn widths(&self) -> Widths {
        Widths { preprocessed: 0, phase0: 0, main: Row::<F>::width() }
    }

    fn eval<B: Builder>(&self, builder: &mut B) {
        let row = Row::<B::Expr>::read(builder.main());
        let r = exclusive(builder, &row.flags, FLAGS);
        row.forms(builder, &r);
        row.frame(builder, &r);
        row.amount(builder, &r);
        row.cut(builder, &r);
        row.sign(builder, &r);
        row.limbs(builder);
    }
}

impl<E: Algebra<F>> Row<E> {
    /// sllw or rightw.
    fn word(&self) -> E {
        self.flags[1].clone() + self.flags[3].clone()
    }

    /// The sum of the weights: 2^(8 − cut) on active rows.
    fn weight(&self) -> E {
        self.weights.iter().cloned().sum()
    }

    /// Which variant of the operation the row is, and where the amount comes from.
    fn forms<B: Builder<Expr = E>>(&self, b: &mut B, r: &E) {
        let Self { flags: [_, _, right, rightw], arith, is_imm, .. } = self;
        // arith·(arith − 1) = 0, (right + rightw − arith)·(right + rightw − arith − 1) = 0
        b.assert_bool("the arithmetic flag is boolean", arith.clone());
        b.assert_bool(
            "the arithmetic flag is set in right shifts only",
            right.clone() + rightw.clone() - arith.clone(),
        );
        // imm·(imm − 1) = 0, (r − imm)·(r − imm − 1) = 0
        b.assert_bool("the immediate flag is boolean", is_imm.clone());
        b.assert_bool("the immediate flag is set on active rows only", r.clone() - is_imm.clone());
        // imm·(b_0 − i0) = 0
        let off = self.b.value[0].clone() - self.imm.clone();
        b.assert_zero("immediate form: b is the immediate", is_imm.clone() * off);
    }

    /// The frame and the three accesses.
    fn frame<B: Builder<Expr = E>>(&self, b: &mut B, r: &E) {
        let Self { cpu, rd, rs1, rs2, npc, imm, .. } = self.clone();
        let op = op_code(&self.flags, OPS)
            + self.arith.clone() * F::from_u32(Op::Sra as u32 - Op::Srl as u32)
            + self.is_imm.clone() * F::from_u32(TO_IMMEDIATE);
        cpu.eval(b, r, [op, rd.clone(), rs1.clone(), rs2.clone(), imm, E::ZERO, npc.clone()], npc);
        read_and_write(b, r, &cpu, (&rs1, &self.a), (&rd, &self.c));
        self.b.register(b, &(r.clone() - self.is_imm.clone()), rs2, cpu.time(slot::RS2));
    }

    /// The amount is b modulo 64, of a word modulo 32.
    fn amount<B: Builder<Expr = E>>(&self, b: &mut B, r: &E) {
        // m_i·(m_i − 1) = 0
        for bit in &self.bits {
            b.assert_bool("each bit of the amount is boolean", bit.clone());
        }
        let [m0, m1, m2] = self.bits.clone();
        let amount = m0 + m1.double() + m2.double().double() + self.bytes.clone() * F::from_u32(8);
        // b_0 − m − 8·β = (64 − 32·word)·q
        let modulus = E::from_u32(64) - self.word() * F::from_u32(32);
        let rest = self.b.value[0].clone() - amount - modulus * self.quotient.clone();
        b.assert_zero("the rest of b is a multiple of 64, for words of 32", rest);
        b.send(RANGE16, r.clone(), [self.quotient.clone()]);
    }

    /// The weights, the mask, and the low bits of each byte.
    fn cut<B: Builder<Expr = E>>(&self, b: &mut B, r: &E) {
        // w_B·(β − B) = 0
        for (place, weight) in self.weights.iter().enumerate() {
            let off = self.bytes.clone() - E::from_usize(place);
            b.assert_zero("only the weight at the amount's bytes is not zero", weight.clone() * off);
        }
        // word·(w_4 + … + w_7) = 0
        let beyond: E = self.weights[4..].iter().cloned().sum();
        b.assert_zero("a word shifts by less than 4 bytes", self.word() * beyond);
        // (mask + 1)·W = 256·r
        let (weight, power) = (self.weight(), self.mask.clone() + E::ONE);
        b.assert_eq(
            "weight and power make a byte",
            power.clone() * weight.clone(),
            r.clone() * F::from_u32(256),
        );
        // (sll + sllw)·W + (right + rightw)·(mask + 1) = 2^m − 1 + r
        let [sll, sllw, right, rightw] = self.flags.clone();
        let [m0, m1, m2] = self.bits.clone();
        let two_to_m = (m0 + E::ONE) * (m1 * F::from_u32(3) + E::ONE) * (m2 * F::from_u32(15) + E::ONE);
        b.assert_eq(
            "the amount's bits make the weight to the left, the power to the right",
            (sll + sllw) * weight + (right + rightw) * power,
            two_to_m - E::ONE + r.clone(),
        );
        // low_k = a_k AND mask
        for (k, low) in self.low.iter().enumerate() {
            b.send(BYTE, r.clone(), [E::ZERO, self.byte(k), self.mask.clone(), low.clone()]);
        }
    }

    /// Byte k of a: a' or (a − a')/256.
    fn byte(&self, k: usize) -> E {
        let low = self.a_low[k / 2].clone();
        if k.is_multiple_of(2) { low } else { (self.a.value[k / 2].clone() - low) * inverse_2_8() }
    }

    /// The sign that fills arithmetic shifts, and the sign of a word's result.
    fn sign<B: Builder<Expr = E>>(&self, b: &mut B, r: &E) {
        let Self { flags: [_, sllw, right, rightw], arith, sign, .. } = self.clone();
        let (a, c, word) = (&self.a.value, &self.c.new, self.word());
        // g·(g − 1) = 0, g·(1 − arith) = 0
        b.assert_bool("the sign is boolean", sign.clone());
        b.assert_zero("only arithmetic shifts have a sign", sign.clone() * (E::ONE - arith.clone()));
        // f = g·(mask + 1)
        let fill = sign.clone() * (self.mask.clone() + E::ONE);
        b.assert_eq("the fill is the sign times the power", self.fill.clone(), fill);
        // word·c_2·(c_2 − 0xffff) = 0, word·(c_3 − c_2) = 0, rightw·arith·(c_2 − 0xffff·g) = 0
        let ones = E::from_u32(0xffff);
        b.assert_zero(
            "word: limb 2 is 0 or 0xffff",
            word.clone() * c[2].clone() * (c[2].clone() - ones.clone()),
        );
        b.assert_zero("word: limb 3 is limb 2", word * (c[3].clone() - c[2].clone()));
        let off = c[2].clone() - sign.clone() * ones;
        b.assert_zero("sraw: limb 2 is the sign's", rightw.clone() * arith.clone() * off);
        // s = right·arith·(2·a_3 − 2^16·g) + rightw·arith·(2·a_1 − 2^16·g) + (sllw + rightw·(1 − arith))·(2·c_1 − c_2)
        let operand = |limb: &E| limb.double() - sign.clone() * F::from_u32(1 << 16);
        let result = c[1].double() - c[2].clone();
        let check = right * arith.clone() * operand(&a[3])
            + rightw.clone() * arith.clone() * operand(&a[1])
            + (sllw + rightw * (E::ONE - arith)) * result;
        b.assert_eq("the sign check is of the sign that matters", self.sign_check.clone(), check);
        b.send(RANGE16, r.clone(), [self.sign_check.clone()]);
    }

    /// The result's limbs.
    fn limbs<B: Builder<Expr = E>>(&self, b: &mut B) {
        let [sll, sllw, right, rightw] = self.flags.clone();
        let doubleword: [E; 16] = std::array::from_fn(|k| self.digit(k, 8));
        let word: [E; 16] = std::array::from_fn(|k| self.digit(k, 4));
        for (j, c) in self.c.new.iter().enumerate() {
            // left_j = Σ w_B·(x_(2j−B) + 256·x_(2j+1−B))
            let at = |k: Option<usize>| k.map_or(E::ZERO, |k| doubleword[k].clone());
            let left =
                self.pick(|place| [at((2 * j).checked_sub(place)), at((2 * j + 1).checked_sub(place))]);
            // right_j = Σ w_B·(x_(2j+1+B) + 256·x_(2j+2+B))
            let from =
                |x: &[E; 16]| self.pick(|place| [x[2 * j + 1 + place].clone(), x[2 * j + 2 + place].clone()]);
            let off_left = c.clone() - left;
            let off_right = right.clone() * (c.clone() - from(&doubleword));
            if j < 2 {
                let off = (sll.clone() + sllw.clone()) * off_left
                    + off_right
                    + rightw.clone() * (c.clone() - from(&word));
                b.assert_zero("limbs 0 and 1 are those of the shifted value", off);
            } else {
                b.assert_zero(
                    "limbs 2 and 3 are those of the shifted value",
                    sll.clone() * off_left + off_right,
                );
            }
        }
    }

    /// Σ w_B·(low + 256·high), [low, high] as `bytes` gives them for place B.
    fn pick(&self, bytes: impl Fn(usize) -> [E; 2]) -> E {
        let place = |(place, weight): (usize, &E)| {
            let [low, high] = bytes(place);
            weight.clone() * (low + high * F::from_u32(256))
        };
        self.weights.iter().enumerate().map(place).sum()
    }

    /// x_k of a value of `length` bytes, continued with its sign: W·x_k is byte k of the value times W.
    fn digit(&self, k: usize, length: usize) -> E {
        // (a_(k−1) − low_(k−1))/256
        let below = |k: usize| match k.checked_sub(1) {
            Some(k) => (self.byte(k) - self.low[k].clone()) * inverse_2_8(),
            None => E::ZERO,
        };
        if k < length {
            self.low[k].clone() + below(k)
        } else if k == length {
            self.fill.clone() - self.sign.clone() + below(k)
        } else {
            self.fill.clone() * (F::from_u32(255) * inverse_2_8())
        }
    }
}

impl FamilyChip for ShiftChip {
    fn family(&self) -> Family {
        Family::Shift
    }

    fn write_row(&self, rom: &RomRow, event: &Event, row: &mut [F]) {
        let Event { ts, rs1, rs2, rd, rd_new, .. } = *event;
        let form = Form::new(rom.op);
        let b = if form.is_imm { rom.i0.into() } else { rs2.old };
        let modulus = if form.word { 32 } else { 64 };
        let (amount, quotient) = (b as u32 % modulus, u32::from(b as u16) / modulus);
        let (m, place) = (amount % 8, amount / 8);
        let cut = if form.left { 8 - m } else { m };
        let mask = (1u32 << cut) - 1;
        let sign_bit = if form.word { 31 } else { 63 };
        let sign = u32::from(form.arith && rs1.old >> sign_bit & 1 == 1);
        let [a1, a3, c1, c2] = [rs1.old >> 16, rs1.old >> 48, rd_new >> 16, rd_new >> 32].map(|v| v as u16);
        let sign_check = match (form.word, form.arith) {
            (_, true) => 2 * u32::from(if form.word { a1 } else { a3 }) - (sign << 16),
            (true, false) => (2 * u32::from(c1)).wrapping_sub(c2.into()),
            (false, false) => 0,
        };
        Row {
            cpu: Cpu::new(rom, event),
            flags: OPS.map(|op| F::from_bool(op == form.base)),
            arith: F::from_bool(form.arith),
            is_imm: F::from_bool(form.is_imm),
            rd: F::from_u8(rom.rd),
            rs1: F::from_u8(rom.rs1),
            rs2: F::from_u16(rom.rs2),
            npc: F::from_u32(rom.npc),
            imm: F::from_u32(rom.i0),
            a: Read::new(rs1, ts, slot::RS1),
            b: if form.is_imm {
                Read { value: limbs(b), ..Read::default() }
            } else {
                Read::new(rs2, ts, slot::RS2)
            },
            c: Write::new(rd, rd_new, ts, slot::RD),
            bits: std::array::from_fn(|i| F::from_u32(m >> i & 1)),
            bytes: F::from_u32(place),
            quotient: F::from_u32(quotient),
            weights: std::array::from_fn(|i| F::from_u32(if i as u32 == place { 256 >> cut } else { 0 })),
            mask: F::from_u32(mask),
            a_low: low_bytes(rs1.old),
            low: rs1.old.to_le_bytes().map(|byte| F::from_u32(u32::from(byte) & mask)),
            sign: F::from_u32(sign),
            fill: F::from_u32(sign << cut),
            sign_check: F::from_u32(sign_check),
        }
        .write(row);
    }
}

/// What a shift operation is.
struct Form {
    /// The operation's flag: without sign and immediate.
    base: Op,
    left: bool,
    word: bool,
    arith: bool,
    is_imm: bool,
}

impl Form {
    fn new(op: Op) -> Self {
        let base = match op {
            Op::Sll | Op::Slli => Op::Sll,
            Op::Sllw | Op::Slliw => Op::Sllw,
            Op::Srlw | Op::Srliw | Op::Sraw | Op::Sraiw => Op::Srlw,
            _ => Op::Srl,
        };
        Self {
            base,
            left: matches!(base, Op::Sll | Op::Sllw),
            word: matches!(base, Op::Sllw | Op::Srlw),
            arith: matches!(op, Op::Sra | Op::Srai | Op::Sraw | Op::Sraiw),
            is_imm: op >= Op::Slli,
        }
    }
}

#[cfg(test)]
mod tests;
