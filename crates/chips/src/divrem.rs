//! DIVREM proves `div divu rem remu` and their word forms: dividend = quotient·divisor + remainder with the remainder
//! that RISC-V wants.
//!
//! | columns | number | vouched for by |
//! |---|---|---|
//! | pc, ts | 2 | STATE |
//! | active, unsigned, rem, word | 4 | constraints; which are set: PROG through op |
//! | rd, rs1, rs2, npc | 4 | PROG |
//! | rs1 access, rs2 access | 12 | MEM |
//! | rd access, new limbs | 10 | MEM; constraints |
//! | upper limbs of a and b, their tops and signs | 8 | constraints, RANGE16 |
//! | quotient q | 4 | PRODUCT |
//! | sign of q | 1 | PRODUCT (boolean there) |
//! | remainder t | 4 | RANGE16 |
//! | sign of t | 1 | constraints |
//! | carries of low product + remainder | 4 | constraints |
//! | slack, its borrows | 7 | RANGE16, BYTE (pairs) |
//! | nonzero | 1 | constraints |
//! | sign of the word | 1 | RANGE16 |
//!
//! The operands: a and b are rs1 and rs2, in a word form their low words extended to 64 bits (by the sign, or by zero if
//! unsigned). With their signs, a number below is x = Σ 2^16i·x_i − 2^64·sign_x. Constraints (degree):
//! - active ∈ {0, 1}; unsigned, rem, word ∈ {0, active} (2); op = 53·active + unsigned + 2·rem + 4·word
//! - for i = 2, 3 and x = a, b: x_i = (active − word)·rs_i + word·0xffff·sign_x (2), top_x = (active − word)·rs_3 + word·rs_1
//!   (2); unsigned·sign_x = 0 (2); 2·top_x − 2^16·sign_x in 16 bits where the form is signed
//! - sign_a, sign_t ∈ {0, 1}, (sign_a − sign_t)·Σ t_i = 0 (2)
//! - carry_i ∈ {0, 1} (2); low_i = a_i − t_i − carry_(i−1) + 2^16·carry_i; high_i = 0xffff·(carry_3 + sign_a − sign_t);
//!   PRODUCT.send(q, b, low, high, sign_q, sign_b): low + 2^64·high ≡ q·b (mod 2^128)
//! - Σ b_i·(active − nonzero) = 0 (2)
//! - where nonzero is not active: (active − nonzero)·(q_i − 0xffff) = 0 (2)
//! - where nonzero is not 0, |b| − |t| − 1 = slack ≥ 0: with σ_x = 1 − 2·sign_x and borrow_3 = sign_t − sign_b,
//!   nonzero·(σ_b·b_i − σ_t·t_i − \[i = 0\] + borrow_(i−1) − slack_i − 2^16·borrow_i) = 0 (3), borrow_i + 2 a byte
//! - rd'_i = rem·t_i + (active − rem)·q_i for i = 0, 1 (2); for i = 2, 3 the same times (1 − word), plus
//!   word·0xffff·sign_w (3); sign_w ∈ {0, 1}, 2·rd'_1 − 2^16·sign_w in 16 bits where word
//!
//! # Soundness
//! - *The equation holds over the integers.* The MUL row that receives the product checks that q, b, low and high are
//!   limbs and that the signs are boolean, and proves q·b ≡ low + 2^64·high (mod 2^128). high is −(carry_3 + sign_a −
//!   sign_t) mod 2^64 (a value other than 0 or 1 of the bracket is no limb), low is a − t + 2^64·(carry_3 + sign_a − sign_t),
//!   so q·b + t ≡ a (mod 2^128). Signed: |q·b| ≤ 2^64·2^63 and |t|, |a| ≤ 2^64; unsigned: −2^128 + 2^64 ≤ q·b ≤
//!   (2^64 − 1)², 0 ≤ t, a < 2^64. In both cases |q·b + t − a| < 2^128, so q·b + t = a.
//! - *The remainder.* The sums of limbs are below 2^18, so they are 0 only if all limbs are. If b ≠ 0, nonzero = 1, the
//!   slack's equations hold over the integers (every term is below 2^25) and give
//!   |b| − |t| − 1 = Σ 2^16i·slack_i ≥ 0: |t| < |b|. sign_t is sign_a unless all t_i are 0, and then it
//!   is 0 (|t| would be 2^64): the pair (q, t) is the one of truncating division.
//! - *The quotient's sign is free*, bounded only by MUL: q is unique as an integer, so the sign is too. It lets overflow be
//!   no special case: −2^63 / −1 has q = 2^63 = (limbs of 2^63, sign 0), whose low 64 bits are RISC-V's result, and t = 0.
//!   The word form −2^31 / −1 gives q = 2^31, of which sign_w makes −2^31.
//! - *Division by zero.* |b| = 0 leaves no slack ≥ 0, so nonzero is 0 and q = 2^64 − 1 is pinned, whose low word extends
//!   to −1 in the word forms; q·0 + t = a gives t = a (with sign_t = 1 and t_i = 0, a would be −2^64).
//! - rd' is in range: limbs of q (checked by MUL), limbs of t, or 0xffff·sign_w.

use vellum_executor::Event;
use vellum_isa::{Family, Op, RomRow};
use vellum_stark::{Algebra, Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::{
    Cpu, FamilyChip, PRODUCT, Read, Write,
    access::{check_sign, range_check, slot},
    limbs,
    mul::{Product, product_tuple},
    tables::send_bytes,
};

const DIVIDEND: [&str; 4] = ["a, limb 2", "a, limb 3", "top limb of a", "no sign in an unsigned a"];
const DIVISOR: [&str; 4] = ["b, limb 2", "b, limb 3", "top limb of b", "no sign in an unsigned b"];
const CARRIES: [&str; 4] = ["carry 0 boolean", "carry 1 boolean", "carry 2 boolean", "carry 3 boolean"];
const BY_ZERO: [&str; 4] = ["x / 0, limb 0", "x / 0, limb 1", "x / 0, limb 2", "x / 0, limb 3"];
const SMALLER: [&str; 4] = [
    "remainder small, limb 0",
    "remainder small, limb 1",
    "remainder small, limb 2",
    "remainder small, limb 3",
];
const RESULTS: [&str; 4] = ["result 0", "result 1", "result 2", "result 3"];

/// An operand as it enters the division.
#[derive(Clone, Default)]
struct Operand<T> {
    /// Limbs 2 and 3: the register's, or the extension of its low word.
    upper: [T; 2],
    /// The limb that holds the sign: the register's limb 3, or limb 1 in a word form.
    top: T,
    /// Whether the operand is negative.
    sign: T,
}

impl<T: Default> Columns<T> for Operand<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.upper.visit(f);
        f(&mut self.top);
        f(&mut self.sign);
    }
}

/// The columns.
#[derive(Clone, Default)]
struct Row<T> {
    /// pc and time.
    cpu: Cpu<T>,
    /// Whether the row is an instruction.
    active: T,
    /// Whether the operands are unsigned.
    unsigned: T,
    /// Whether the result is the remainder.
    rem: T,
    /// Whether the low words are divided.
    word: T,
    /// Destination register.
    rd: T,
    /// Register of the dividend.
    rs1: T,
    /// Register of the divisor.
    rs2: T,
    /// pc cell of the next instruction.
    npc: T,
    /// Access of rs1.
    rs1_access: Read<T>,
    /// Access of rs2.
    rs2_access: Read<T>,
    /// Access of rd.
    result: Write<T>,
    /// The dividend a.
    a: Operand<T>,
    /// The divisor b.
    b: Operand<T>,
    /// The quotient q, low 64 bits.
    quotient: [T; 4],
    /// Whether 2^64 is taken from the quotient.
    quotient_sign: T,
    /// The remainder t, low 64 bits.
    remainder: [T; 4],
    /// Whether the remainder is negative.
    remainder_sign: T,
    /// Carries of low(q·b) + t.
    carry: [T; 4],
    /// |b| − |t| − 1, where b is not 0.
    slack: [T; 4],
    /// What limbs 0, 1, 2 of the slack hand to the next one, plus 2.
    borrow: [T; 3],
    /// Whether the divisor is not 0.
    nonzero: T,
    /// Whether the result of a word form is negative.
    word_sign: T,
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.cpu.visit(f);
        f(&mut self.active);
        f(&mut self.unsigned);
        f(&mut self.rem);
        f(&mut self.word);
        f(&mut self.rd);
        f(&mut self.rs1);
        f(&mut self.rs2);
        f(&mut self.npc);
        self.rs1_access.visit(f);
        self.rs2_access.visit(f);
        self.result.visit(f);
        self.a.visit(f);
        self.b.visit(f);
        self.quotient.visit(f);
        f(&mut self.quotient_sign);
        self.remainder.visit(f);
        f(&mut self.remainder_sign);
        self.carry.visit(f);
        self.slack.visit(f);
        self.borrow.visit(f);
        f(&mut self.nonzero);
        f(&mut self.word_sign);
    }
}

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct DivRemChip;

impl Chip for DivRemChip {
    fn name(&self) -> &'static str {
        Family::DivRem.name()
    }

    fn widths(&self) -> Widths {
        Widths { main: Row::<F>::width(), ..Widths::default() }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let row = Row::<B::Expr>::read(b.main());
        let r = row.active.clone();

        row.flags(b);
        row.operand(b, DIVIDEND, &row.rs1_access.value, &row.a);
        row.operand(b, DIVISOR, &row.rs2_access.value, &row.b);
        row.equation(b);
        row.by_zero(b);
        row.remainder_is_small(b);
        row.selection(b);

        let op = r.clone() * F::from_u8(Op::Div as u8)
            + row.unsigned.clone()
            + row.rem.double()
            + row.word.double().double();
        row.rs1_access.register(b, &r, row.rs1.clone(), row.cpu.time(slot::RS1));
        row.rs2_access.register(b, &r, row.rs2.clone(), row.cpu.time(slot::RS2));
        row.result.register(b, &r, row.rd.clone(), row.cpu.time(slot::RD));
        let zero = B::Expr::ZERO;
        row.cpu.eval(b, &r, [op, row.rd, row.rs1, row.rs2, zero.clone(), zero, row.npc.clone()], row.npc);
    }
}

impl<E: Algebra<F>> Row<E> {
    /// The limbs of a.
    fn dividend(&self) -> [E; 4] {
        let [x0, x1, ..] = self.rs1_access.value.clone();
        let [x2, x3] = self.a.upper.clone();
        [x0, x1, x2, x3]
    }

    /// The limbs of b.
    fn divisor(&self) -> [E; 4] {
        let [x0, x1, ..] = self.rs2_access.value.clone();
        let [x2, x3] = self.b.upper.clone();
        [x0, x1, x2, x3]
    }

    /// Flags are boolean and set in active rows only.
    fn flags<B: Builder<Expr = E>>(&self, b: &mut B) {
        let r = &self.active;
        // active ∈ {0, 1}; unsigned, rem, word ∈ {0, active}
        b.assert_bool("active boolean", r.clone());
        b.assert_zero("unsigned boolean", self.unsigned.clone() * (self.unsigned.clone() - r.clone()));
        b.assert_zero("rem boolean", self.rem.clone() * (self.rem.clone() - r.clone()));
        b.assert_zero("word boolean", self.word.clone() * (self.word.clone() - r.clone()));
    }

    /// An operand is its register, or the register's low word extended.
    fn operand<B: Builder<Expr = E>>(&self, b: &mut B, names: [&'static str; 4], x: &[E; 4], y: &Operand<E>) {
        let whole = self.active.clone() - self.word.clone();
        let ones = self.word.clone() * y.sign.clone() * F::from_u16(0xffff);
        for i in 0..2 {
            // x_i = (active − word)·rs_i + word·0xffff·sign
            b.assert_eq(names[i], y.upper[i].clone(), whole.clone() * x[2 + i].clone() + ones.clone());
        }
        // top = (active − word)·rs_3 + word·rs_1
        let top = whole * x[3].clone() + self.word.clone() * x[1].clone();
        b.assert_eq(names[2], y.top.clone(), top);
        // unsigned·sign = 0, 2·top − 2^16·sign in 16 bits where signed
        b.assert_zero(names[3], self.unsigned.clone() * y.sign.clone());
        check_sign(b, &(self.active.clone() - self.unsigned.clone()), &y.top, &y.sign);
    }

    /// q·b + t = a, and the sign of t.
    fn equation<B: Builder<Expr = E>>(&self, b: &mut B) {
        let [a_sign, t_sign] = [&self.a.sign, &self.remainder_sign];
        let t = &self.remainder;
        // sign_a, sign_t ∈ {0, 1}
        b.assert_bool("sign of a boolean", a_sign.clone());
        b.assert_bool("remainder's sign boolean", t_sign.clone());
        // (sign_a − sign_t)·Σ t_i = 0
        let sum = t.iter().cloned().sum::<E>();
        b.assert_zero("remainder's sign is the dividend's", (a_sign.clone() - t_sign.clone()) * sum);

        let a = self.dividend();
        let mut carry_in = E::ZERO;
        let mut low = [E::ZERO, E::ZERO, E::ZERO, E::ZERO];
        for i in 0..4 {
            // low_i = a_i − t_i − carry_(i−1) + 2^16·carry_i
            b.assert_bool(CARRIES[i], self.carry[i].clone());
            low[i] = a[i].clone() - t[i].clone() - carry_in + self.carry[i].clone() * F::from_u32(1 << 16);
            carry_in = self.carry[i].clone();
        }
        // high_i = 0xffff·(carry_3 + sign_a − sign_t)
        let high = (carry_in + a_sign.clone() - t_sign.clone()) * F::from_u16(0xffff);
        let [p0, p1, p2, p3] = low;
        let product = [p0, p1, p2, p3, high.clone(), high.clone(), high.clone(), high];
        let (q, q_sign) = (self.quotient.clone(), self.quotient_sign.clone());
        let tuple = product_tuple(q, self.divisor(), product, q_sign, self.b.sign.clone());
        b.send(PRODUCT, self.active.clone(), tuple);
        range_check(b, &self.active, t);
    }

    /// Whether b is 0, and then q.
    fn by_zero<B: Builder<Expr = E>>(&self, b: &mut B) {
        let sum = self.divisor().into_iter().sum::<E>();
        let zero = self.active.clone() - self.nonzero.clone();
        // Σ b_i·(active − nonzero) = 0
        b.assert_zero("nonzero where b is not 0", sum * zero.clone());
        for (name, q) in BY_ZERO.into_iter().zip(&self.quotient) {
            // (active − nonzero)·(q_i − 0xffff) = 0
            b.assert_zero(name, zero.clone() * (q.clone() - E::from_u16(0xffff)));
        }
    }

    /// |t| < |b| unless b is 0.
    fn remainder_is_small<B: Builder<Expr = E>>(&self, b: &mut B) {
        let [b_sigma, t_sigma] = [&self.b.sign, &self.remainder_sign].map(|sign| E::ONE - sign.double());
        let divisor = self.divisor();
        let mut borrow_in = -E::ONE;
        for i in 0..4 {
            let borrow = match self.borrow.get(i) {
                Some(shifted) => shifted.clone() - E::TWO,
                None => self.remainder_sign.clone() - self.b.sign.clone(),
            };
            // nonzero·(σ_b·b_i − σ_t·t_i + borrow_(i−1) − slack_i − 2^16·borrow_i) = 0, borrow_(−1) = −1
            let difference =
                b_sigma.clone() * divisor[i].clone() - t_sigma.clone() * self.remainder[i].clone();
            let limb = self.slack[i].clone() + borrow.clone() * F::from_u32(1 << 16);
            b.assert_zero(SMALLER[i], self.nonzero.clone() * (difference + borrow_in - limb));
            borrow_in = borrow;
        }
        range_check(b, &self.active, &self.slack);
        let [w0, w1, w2] = self.borrow.clone();
        send_bytes(b, self.active.clone(), w0, w1);
        send_bytes(b, self.active.clone(), w2, E::ZERO);
    }

    /// What goes to rd.
    fn selection<B: Builder<Expr = E>>(&self, b: &mut B) {
        let Self { active, rem, word, word_sign, .. } = self;
        let new = &self.result.new;
        for i in 0..4 {
            let whole = rem.clone() * self.remainder[i].clone()
                + (active.clone() - rem.clone()) * self.quotient[i].clone();
            let selected = match i {
                // rd'_i = rem·t_i + (active − rem)·q_i
                0 | 1 => whole,
                // rd'_i = (1 − word)·(rem·t_i + (active − rem)·q_i) + word·0xffff·sign_w
                _ => (E::ONE - word.clone()) * whole + word.clone() * word_sign.clone() * F::from_u16(0xffff),
            };
            b.assert_eq(RESULTS[i], new[i].clone(), selected);
        }
        b.assert_bool("sign of the word boolean", word_sign.clone());
        check_sign(b, word, &new[1], word_sign);
    }
}

/// A division with its operands extended to integers.
struct Division {
    a: i128,
    b: i128,
    /// RISC-V's quotient as an integer: −1 (signed) or 2^64 − 1 for a division by zero.
    q: i128,
    t: i128,
}

impl Division {
    fn new(op: Op, rs1: u64, rs2: u64) -> Self {
        let extend: fn(u64) -> i128 = match op {
            Op::Div | Op::Rem => |x| i128::from(x as i64),
            Op::Divu | Op::Remu => i128::from,
            Op::Divw | Op::Remw => |x| i128::from(x as i32),
            _ => |x| i128::from(x as u32),
        };
        let [a, b] = [extend(rs1), extend(rs2)];
        match b {
            0 => Self { a, b, q: i128::from(u64::MAX), t: a },
            _ => Self { a, b, q: a / b, t: a % b },
        }
    }

    /// The product that MUL is asked for.
    fn product(&self) -> Product {
        let Self { b, q, .. } = *self;
        Product { a: q as u64, b: b as u64, a_sign: q < 0, b_sign: b < 0 }
    }

    /// The row of an event that is this division.
    fn row(&self, rom: &RomRow, event: &Event) -> Row<F> {
        let Self { a, b, q, t } = *self;
        let word = matches!(rom.op, Op::Divw | Op::Divuw | Op::Remw | Op::Remuw);
        let operand = |x: i128, register: u64| {
            let [.., x2, x3] = limbs(x as u64);
            let register = limbs(register);
            Operand {
                upper: [x2, x3],
                top: if word { register[1] } else { register[3] },
                sign: F::from_bool(x < 0),
            }
        };
        let low = self.product().value() as u64;
        let mask = |i: usize| u64::MAX >> (48 - 16 * i);
        let carry = std::array::from_fn(|i| {
            let sum = u128::from(low & mask(i)) + u128::from(t as u64 & mask(i));
            F::from_bool(sum >> (16 * i + 16) != 0)
        });
        let (slack, borrow) = if b == 0 { Default::default() } else { self.slack() };
        Row {
            cpu: Cpu::new(rom, event),
            active: F::ONE,
            unsigned: F::from_bool(matches!(rom.op, Op::Divu | Op::Remu | Op::Divuw | Op::Remuw)),
            rem: F::from_bool(matches!(rom.op, Op::Rem | Op::Remu | Op::Remw | Op::Remuw)),
            word: F::from_bool(word),
            rd: F::from_u8(rom.rd),
            rs1: F::from_u8(rom.rs1),
            rs2: F::from_u16(rom.rs2),
            npc: F::from_u32(rom.npc),
            rs1_access: Read::new(event.rs1, event.ts, slot::RS1),
            rs2_access: Read::new(event.rs2, event.ts, slot::RS2),
            result: Write::new(event.rd, event.rd_new, event.ts, slot::RD),
            a: operand(a, event.rs1.old),
            b: operand(b, event.rs2.old),
            quotient: limbs(q as u64),
            quotient_sign: F::from_bool(q < 0),
            remainder: limbs(t as u64),
            remainder_sign: F::from_bool(t < 0),
            carry,
            slack,
            borrow,
            nonzero: F::from_bool(b != 0),
            word_sign: F::from_bool(word && event.rd_new >> 31 & 1 == 1),
        }
    }

    /// |b| − |t| − 1 as limbs, with the borrows of its first three limbs plus 2.
    fn slack(&self) -> ([F; 4], [F; 3]) {
        let limb = |x: i128, i: usize| (x as u64 >> (16 * i) & 0xffff) as i64 * if x < 0 { -1 } else { 1 };
        let mut borrow = -1;
        let mut borrows = [0; 4];
        let slack = std::array::from_fn(|i| {
            let difference = limb(self.b, i) - limb(self.t, i) + borrow;
            borrow = difference >> 16;
            borrows[i] = borrow + 2;
            F::from_u16(difference as u16)
        });
        (slack, [0, 1, 2].map(|i| F::from_i64(borrows[i])))
    }
}

/// The product that the row of this event asks MUL for: MUL needs a service row for each DIVREM row.
pub fn product(rom: &RomRow, event: &Event) -> Product {
    Division::new(rom.op, event.rs1.old, event.rs2.old).product()
}

impl FamilyChip for DivRemChip {
    fn family(&self) -> Family {
        Family::DivRem
    }

    fn write_row(&self, rom: &RomRow, event: &Event, row: &mut [F]) {
        Division::new(rom.op, event.rs1.old, event.rs2.old).row(rom, event).write(row);
    }
}

#[cfg(test)]
mod tests;
