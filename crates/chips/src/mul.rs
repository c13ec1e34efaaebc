//! MUL proves `mul mulh mulhu mulhsu mulw`, and the 128-bit products that DIVREM needs.
//!
//! | columns | number | vouched for by |
//! |---|---|---|
//! | pc, ts | 2 | STATE |
//! | mul, mulh, mulhu, mulhsu, mulw, service | 6 | constraints; which is set: PROG through op, or PRODUCT |
//! | rd, rs1, rs2, npc | 4 | PROG |
//! | rs1 access, rs2 access | 12 | MEM; in a service row the values a and b, by PRODUCT |
//! | rd access, new limbs | 10 | MEM; constraints |
//! | low bytes of a, of b | 8 | BYTE (pairs) |
//! | sign of a, of b | 2 | RANGE16, or PRODUCT |
//! | product | 8 | RANGE16 |
//! | carries, two parts each | 16 | BYTE (pairs) |
//! | sign of the word | 1 | RANGE16 |
//!
//! x = mul + mulh + mulhu + mulhsu + mulw (an instruction), r = x + service. Bytes a_0 … a_7 are the low byte and
//! (limb − low byte)/2^8 of each limb of rs1, a_8 … a_15 = 255·sign of a; likewise b. Constraints (degree):
//! - every flag, r, both signs and the sign of the word ∈ {0, 1} (2)
//! - (mul + mulhu + mulw)·sign_a = 0, (mul + mulhu + mulhsu + mulw)·sign_b = 0 (2)
//! - for m = 0 … 7: Σ_(i+j=2m) a_i·b_j + 2^8·Σ_(i+j=2m+1) a_i·b_j + c_(m−1) = product_m + 2^16·c_m (2), where
//!   c_m = low part + 16·high part, both bytes
//! - rd'_i = (mul + \[i < 2\]·mulw)·product_i + (mulh + mulhu + mulhsu)·product_(4+i) + \[i ≥ 2\]·mulw·0xffff·sign_w (2)
//!
//! Interactions: PROG, STATE, three register accesses (multiplicity x); eight pairs of operand bytes, eight product limbs,
//! eight carries (r); the sign of a (mulh + mulhsu), of b (mulh), of the word (mulw); PRODUCT received (service).
//!
//! # Soundness
//! - Both bytes of each limb are checked, so the operands' bytes are the limbs' only decomposition, and a service row needs
//!   no promise from its sender: its limbs are in range because they are two bytes.
//! - u16·u16 overflows the field, hence bytes. A column's sum is at most 15·255² + 2^8·16·255² + 4335 < 2^28, and
//!   c_m ≤ 255 + 16·255 = 4335, so both sides of the product's equations are below 2^28.1 < p and the equations hold over
//!   the integers: no product off by a multiple of p. Carries need no unique decomposition, only that bound. Completeness:
//!   no honest carry reaches 4096.
//! - Together the eight equations say a·b ≡ product (mod 2^128) for a and b extended to 128 bits by their signs: the last
//!   carry is dropped, and is checked so that product_7 is exact.
//! - Signs of an instruction: 2·top limb − 2^16·sign in 16 bits exactly if `sign` is the top bit, where the operation takes
//!   the operand as signed; 0 elsewhere. In a service row the *sender* chooses the signs; DIVREM says what it does with it.
//! - rd' consists of product limbs and 0xffff·sign_w, all in range.
//! - An instruction row cannot serve, and a service row touches no register: the six flags are exclusive.

use vellum_executor::Event;
use vellum_isa::{Family, Op, RomRow};
use vellum_stark::{Algebra, Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::{
    Cpu, FamilyChip, PRODUCT, RANGE16, Read, Write,
    access::{check_sign, inverse_2_8, slot},
    family::{exclusive, op_code},
    limbs,
    tables::send_bytes,
};

const FLAGS: [&str; 6] =
    ["mul boolean", "mulh boolean", "mulhu boolean", "mulhsu boolean", "mulw boolean", "service boolean"];
const PRODUCTS: [&str; 8] =
    ["product 0", "product 1", "product 2", "product 3", "product 4", "product 5", "product 6", "product 7"];
const RESULTS: [&str; 4] = ["result 0", "result 1", "result 2", "result 3"];

/// The columns.
#[derive(Clone, Default)]
struct Row<T> {
    /// pc and time.
    cpu: Cpu<T>,
    /// One-hot: mul, mulh, mulhu, mulhsu, mulw.
    flags: [T; 5],
    /// Whether the row is no instruction but a product for DIVREM.
    service: T,
    /// Destination register.
    rd: T,
    /// First source register.
    rs1: T,
    /// Second source register.
    rs2: T,
    /// pc cell of the next instruction.
    npc: T,
    /// Access of rs1; its value is the factor a.
    a: Read<T>,
    /// Access of rs2; its value is the factor b.
    b: Read<T>,
    /// Access of rd.
    result: Write<T>,
    /// Low bytes of the limbs of a.
    a_low: [T; 4],
    /// Low bytes of the limbs of b.
    b_low: [T; 4],
    /// Whether a is negative.
    a_sign: T,
    /// Whether b is negative.
    b_sign: T,
    /// The product modulo 2^128.
    product: [T; 8],
    /// Carry out of each limb: the part below 16.
    carry_low: [T; 8],
    /// Carry out of each limb divided by 16.
    carry_high: [T; 8],
    /// Sign of the low word of the product, in `mulw`.
    word_sign: T,
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.cpu.visit(f);
        self.flags.visit(f);
        f(&mut self.service);
        f(&mut self.rd);
        f(&mut self.rs1);
        f(&mut self.rs2);
        f(&mut self.npc);
        self.a.visit(f);
        self.b.visit(f);
        self.result.visit(f);
        self.a_low.visit(f);
        self.b_low.visit(f);
        f(&mut self.a_sign);
        f(&mut self.b_sign);
        self.product.visit(f);
        self.carry_low.visit(f);
        self.carry_high.visit(f);
        f(&mut self.word_sign);
    }
}

/// The operations in the order of the flags.
const OPS: [Op; 5] = [Op::Mul, Op::Mulh, Op::Mulhu, Op::Mulhsu, Op::Mulw];

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct MulChip;

impl Chip for MulChip {
    fn name(&self) -> &'static str {
        Family::Mul.name()
    }

    fn widths(&self) -> Widths {
        Widths { main: Row::<F>::width(), ..Widths::default() }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let row = Row::<B::Expr>::read(b.main());
        // the flags, service and their sum ∈ {0, 1}
        let [mul, mulh, mulhu, mulhsu, mulw] = row.flags.clone();
        let r = exclusive(b, &[mul, mulh, mulhu, mulhsu, mulw, row.service.clone()], FLAGS);
        let instruction = r.clone() - row.service.clone();

        row.signs(b);
        row.multiplication(b, &r);
        row.selection(b);

        let (a, c, p) = (row.a.value.clone(), row.b.value.clone(), row.product.clone());
        b.receive(
            PRODUCT,
            row.service.clone(),
            product_tuple(a, c, p, row.a_sign.clone(), row.b_sign.clone()),
        );

        let op = op_code(&row.flags, OPS);
        let x = &instruction;
        row.a.register(b, x, row.rs1.clone(), row.cpu.time(slot::RS1));
        row.b.register(b, x, row.rs2.clone(), row.cpu.time(slot::RS2));
        row.result.register(b, x, row.rd.clone(), row.cpu.time(slot::RD));
        let zero = B::Expr::ZERO;
        row.cpu.eval(b, x, [op, row.rd, row.rs1, row.rs2, zero.clone(), zero, row.npc.clone()], row.npc);
    }
}

/// A product as it goes over the PRODUCT bus.
pub(crate) fn product_tuple<E>(a: [E; 4], b: [E; 4], product: [E; 8], a_sign: E, b_sign: E) -> [E; 18] {
    let [a0, a1, a2, a3] = a;
    let [b0, b1, b2, b3] = b;
    let [p0, p1, p2, p3, p4, p5, p6, p7] = product;
    [a0, a1, a2, a3, b0, b1, b2, b3, p0, p1, p2, p3, p4, p5, p6, p7, a_sign, b_sign]
}

/// The 16 bytes of a factor extended by its sign, from its limbs and their low bytes.
fn bytes<E: Algebra<F>>(limbs: &[E; 4], low: &[E; 4], shift: impl Fn(E) -> E) -> [E; 8] {
    std::array::from_fn(|i| match i % 2 {
        0 => low[i / 2].clone(),
        _ => shift(limbs[i / 2].clone() - low[i / 2].clone()),
    })
}

impl<E: Algebra<F>> Row<E> {
    /// Which factor is negative, and the sign of a word.
    fn signs<B: Builder<Expr = E>>(&self, b: &mut B) {
        let Self { flags: [mul, mulh, mulhu, mulhsu, mulw], a_sign, b_sign, word_sign, .. } = self;
        let unsigned = mul.clone() + mulhu.clone() + mulw.clone();
        // sign_a, sign_b, sign_w ∈ {0, 1}
        b.assert_bool("sign of a boolean", a_sign.clone());
        b.assert_bool("sign of b boolean", b_sign.clone());
        b.assert_bool("sign of the word boolean", word_sign.clone());
        // (mul + mulhu + mulw)·sign_a = 0, (mul + mulhu + mulw + mulhsu)·sign_b = 0
        b.assert_zero("a unsigned", unsigned.clone() * a_sign.clone());
        b.assert_zero("b unsigned", (unsigned + mulhsu.clone()) * b_sign.clone());
        check_sign(b, &(mulh.clone() + mulhsu.clone()), &self.a.value[3], a_sign);
        check_sign(b, mulh, &self.b.value[3], b_sign);
        check_sign(b, mulw, &self.product[1], word_sign);
    }

    /// product ≡ a·b modulo 2^128.
    fn multiplication<B: Builder<Expr = E>>(&self, b: &mut B, r: &E) {
        let shift = |x: E| x * inverse_2_8();
        let [x, y] = [bytes(&self.a.value, &self.a_low, shift), bytes(&self.b.value, &self.b_low, shift)];
        let [x_sign, y_sign] = [&self.a_sign, &self.b_sign].map(|sign| sign.clone() * F::from_u8(255));
        // Σ_(i+j=k) a_i·b_j for k = 0 … 15; beyond byte 7 every byte of a factor is 255·sign.
        let [mut x_sum, mut y_sum] = [E::ZERO, E::ZERO];
        let sums: [E; 16] = std::array::from_fn(|k| {
            let mut sum = E::ZERO;
            for i in k.saturating_sub(7)..=k.min(7) {
                sum += x[i].clone() * y[k - i].clone();
            }
            if k >= 8 {
                x_sum += x[k - 8].clone();
                y_sum += y[k - 8].clone();
                sum += x_sign.clone() * y_sum.clone() + y_sign.clone() * x_sum.clone();
            }
            sum
        });

        let mut carry_in = E::ZERO;
        for m in 0..8 {
            // Σ_(i+j=2m) a_i·b_j + 2^8·Σ_(i+j=2m+1) a_i·b_j + c_(m−1) − product_m − 2^16·c_m = 0
            let carry = self.carry_low[m].clone() + self.carry_high[m].clone() * F::from_u8(16);
            let sum = sums[2 * m].clone() + sums[2 * m + 1].clone() * F::from_u16(256) + carry_in;
            let limb = self.product[m].clone() + carry.clone() * F::from_u32(1 << 16);
            b.assert_eq(PRODUCTS[m], sum, limb);
            carry_in = carry;
        }

        let mut pair = |low: &E, high: &E| send_bytes(b, r.clone(), low.clone(), high.clone());
        for i in 0..4 {
            pair(&x[2 * i], &x[2 * i + 1]);
            pair(&y[2 * i], &y[2 * i + 1]);
        }
        for m in 0..8 {
            pair(&self.carry_low[m], &self.carry_high[m]);
        }
        for limb in &self.product {
            b.send(RANGE16, r.clone(), [limb.clone()]);
        }
    }

    /// What of the product goes to rd.
    fn selection<B: Builder<Expr = E>>(&self, b: &mut B) {
        let [mul, mulh, mulhu, mulhsu, mulw] = &self.flags;
        let high = mulh.clone() + mulhu.clone() + mulhsu.clone();
        let ones = self.word_sign.clone() * F::from_u16(0xffff);
        for (i, name) in RESULTS.into_iter().enumerate() {
            // rd'_i = mul·product_i + high·product_(4+i) + mulw·(i < 2 ? product_i : 0xffff·sign_w)
            let word = if i < 2 { self.product[i].clone() } else { ones.clone() };
            let selected = mul.clone() * self.product[i].clone()
                + high.clone() * self.product[4 + i].clone()
                + mulw.clone() * word;
            b.assert_eq(name, self.result.new[i].clone(), selected);
        }
    }
}

/// A product: factors with the signs that extend them to 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// First factor, low 64 bits.
    pub a: u64,
    /// Second factor, low 64 bits.
    pub b: u64,
    /// Whether 2^64 is taken from the first factor.
    pub a_sign: bool,
    /// Whether 2^64 is taken from the second factor.
    pub b_sign: bool,
}

impl Product {
    /// The product modulo 2^128.
    pub fn value(self) -> u128 {
        let factor = |x: u64, sign: bool| u128::from(x) | if sign { u128::MAX << 64 } else { 0 };
        factor(self.a, self.a_sign).wrapping_mul(factor(self.b, self.b_sign))
    }

    /// The cells that depend only on the product.
    fn row(self) -> Row<F> {
        let extended = |x: u64, sign: bool| -> [u64; 16] {
            std::array::from_fn(|i| match i {
                0..8 => x >> (8 * i) & 0xff,
                _ => u64::from(sign) * 255,
            })
        };
        let [x, y] = [extended(self.a, self.a_sign), extended(self.b, self.b_sign)];
        let sum = |k: usize| -> u64 { (0..=k).map(|i| x[i] * y[k - i]).sum() };
        let mut row =
            Row { a_sign: F::from_bool(self.a_sign), b_sign: F::from_bool(self.b_sign), ..Row::default() };
        row.a.value = limbs(self.a);
        row.b.value = limbs(self.b);
        let mut carry = 0;
        for m in 0..8 {
            let column = sum(2 * m) + 256 * sum(2 * m + 1) + carry;
            carry = column >> 16;
            row.product[m] = F::from_u16(column as u16);
            row.carry_low[m] = F::from_u64(carry % 16);
            row.carry_high[m] = F::from_u64(carry / 16);
        }
        row.a_low = std::array::from_fn(|i| F::from_u64(x[2 * i]));
        row.b_low = std::array::from_fn(|i| F::from_u64(y[2 * i]));
        row
    }

    /// Writes the service row that proves this product for DIVREM.
    pub fn write_row(self, row: &mut [F]) {
        Row { service: F::ONE, ..self.row() }.write(row);
    }
}

impl FamilyChip for MulChip {
    fn family(&self) -> Family {
        Family::Mul
    }

    fn write_row(&self, rom: &RomRow, event: &Event, row: &mut [F]) {
        let [a, b] = [event.rs1.old, event.rs2.old];
        let a_sign = matches!(rom.op, Op::Mulh | Op::Mulhsu) && a >> 63 == 1;
        let b_sign = rom.op == Op::Mulh && b >> 63 == 1;
        let word_sign = rom.op == Op::Mulw && a.wrapping_mul(b) >> 31 & 1 == 1;
        Row {
            cpu: Cpu::new(rom, event),
            flags: OPS.map(|op| F::from_bool(op == rom.op)),
            rd: F::from_u8(rom.rd),
            rs1: F::from_u8(rom.rs1),
            rs2: F::from_u16(rom.rs2),
            npc: F::from_u32(rom.npc),
            a: Read::new(event.rs1, event.ts, slot::RS1),
            b: Read::new(event.rs2, event.ts, slot::RS2),
            result: Write::new(event.rd, event.rd_new, event.ts, slot::RD),
            word_sign: F::from_bool(word_sign),
            ..Product { a, b, a_sign, b_sign }.row()
        }
        .write(row);
    }
}

#[cfg(test)]
mod tests;
