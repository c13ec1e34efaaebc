//! The two gadgets every instruction chip is made of: the access (a register or dword is read or written at a time) and
//! the frame (the row is the ROM's instruction at pc, and control goes on).
//!
//! # Access
//! A key's history inside a shard is a chain of MEM tokens: each access receives the token (key, prev_ts, old) and sends
//! (key, ts + slot, new). With d = ts + slot − prev_ts − 1:
//! - d = dlo + 2^16·dhi, dlo in 16 bits (RANGE16), dhi = (d − dlo)/2^16 in 8 bits (RANGE8, or BYTE for two accesses at
//!   once), so 0 ≤ d < 2^24: the previous access is strictly earlier. BOUNDARY funds one token per key and shard at time 0, so the tokens of a key form one
//!   path (docs/protocol.md, section "One memory").
//! - old limbs are in range by induction: BOUNDARY's first values are some earlier access's new ones or checked initial
//!   values. New limbs are checked by the chip that produces them.
//!
//! # Frame
//! - PROG.send(pc, op, rd, rs1, rs2, i0, i1, npc): every decoded cell is the ROM's.
//! - STATE.receive(pc, ts), STATE.send(next pc, ts + 16): the row sits where control arrived and passes it on.

use vellum_executor::{Access, Event};
use vellum_isa::{RomRow, map::REGISTER_KEY};
use vellum_stark::{Algebra, Builder, Columns, F, PrimeCharacteristicRing};

use crate::{BYTE, MEM, PROG, RANGE8, RANGE16, STATE};

/// Time slots of the accesses of one instruction.
pub(crate) mod slot {
    /// First source register; a7 of an ecall.
    pub(crate) const RS1: u32 = 1;
    /// Second source register; a0 of an ecall.
    pub(crate) const RS2: u32 = 2;
    /// Memory.
    pub(crate) const MEMORY: u32 = 3;
    /// Destination register.
    pub(crate) const RD: u32 = 4;
}

/// The four 16-bit limbs of a value as field elements.
pub fn limbs(value: u64) -> [F; 4] {
    std::array::from_fn(|i| F::from_u16((value >> (16 * i)) as u16))
}

/// A value read: six cells.
#[derive(Clone, Default)]
pub struct Read<T> {
    /// The value's limbs.
    pub value: [T; 4],
    /// Time of the previous access of the key.
    pub prev_ts: T,
    /// Low 16 bits of the time distance minus one.
    pub dlo: T,
}

impl<T: Default> Columns<T> for Read<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.value.visit(f);
        f(&mut self.prev_ts);
        f(&mut self.dlo);
    }
}

impl Read<F> {
    /// The cells of an access at time `ts + slot`.
    pub fn new(access: Access, ts: u32, slot: u32) -> Self {
        let distance = (ts + slot).wrapping_sub(access.prev_ts).wrapping_sub(1);
        Self {
            value: limbs(access.old),
            prev_ts: F::from_u32(access.prev_ts),
            dlo: F::from_u16(distance as u16),
        }
    }
}

impl<E: PrimeCharacteristicRing> Read<E> {
    /// The access of `key` at time `time` (ts + slot) where the row is active (`r` = 1): value unchanged.
    pub fn eval<B: Builder<Expr = E>>(&self, b: &mut B, r: &E, key: E, time: E) {
        let dhi = self.eval_open(b, r, key, time);
        b.send(RANGE8, r.clone(), [dhi]);
    }

    /// As [`Self::eval`], but returns dhi, which the caller must put in 8 bits.
    pub(crate) fn eval_open<B: Builder<Expr = E>>(&self, b: &mut B, r: &E, key: E, time: E) -> E {
        let [v0, v1, v2, v3] = self.value.clone();
        b.replace(MEM, r.clone(), [key, self.prev_ts.clone(), v0, v1, v2, v3], 1, time.clone());
        distance(b, r, &self.prev_ts, &self.dlo, time)
    }

    /// Reads register number `index`.
    pub fn register<B: Builder<Expr = E>>(&self, b: &mut B, r: &E, index: E, time: E) {
        self.eval(b, r, index + E::from_u32(REGISTER_KEY), time);
    }
}

/// A value replaced: the old one's access and the new limbs, ten cells. The chip must range-check `new`.
#[derive(Clone, Default)]
pub struct Write<T> {
    /// The access; its value is the one overwritten.
    pub old: Read<T>,
    /// The limbs written.
    pub new: [T; 4],
}

impl<T: Default> Columns<T> for Write<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.old.visit(f);
        self.new.visit(f);
    }
}

impl Write<F> {
    /// The cells of a write of `new` at time `ts + slot`.
    pub fn new(access: Access, new: u64, ts: u32, slot: u32) -> Self {
        Self { old: Read::new(access, ts, slot), new: limbs(new) }
    }
}

impl<E: PrimeCharacteristicRing> Write<E> {
    /// The access of `key` at time `time` (ts + slot) where the row is active (`r` = 1).
    pub fn eval<B: Builder<Expr = E>>(&self, b: &mut B, r: &E, key: E, time: E) {
        let dhi = self.eval_open(b, r, key, time);
        b.send(RANGE8, r.clone(), [dhi]);
    }

    /// As [`Self::eval`], but returns dhi, which the caller must put in 8 bits.
    pub(crate) fn eval_open<B: Builder<Expr = E>>(&self, b: &mut B, r: &E, key: E, time: E) -> E {
        let [o0, o1, o2, o3] = self.old.value.clone();
        let [n0, n1, n2, n3] = self.new.clone();
        b.receive(MEM, r.clone(), [key.clone(), self.old.prev_ts.clone(), o0, o1, o2, o3]);
        b.send(MEM, r.clone(), [key, time.clone(), n0, n1, n2, n3]);
        distance(b, r, &self.old.prev_ts, &self.old.dlo, time)
    }

    /// Writes register number `index`.
    pub fn register<B: Builder<Expr = E>>(&self, b: &mut B, r: &E, index: E, time: E) {
        self.eval(b, r, index + E::from_u32(REGISTER_KEY), time);
    }
}

/// States that dlo has 16 bits, and returns dhi = (time − prev_ts − 1 − dlo)/2^16. If that has 8 bits, prev_ts < time.
fn distance<B: Builder>(b: &mut B, r: &B::Expr, prev_ts: &B::Expr, dlo: &B::Expr, time: B::Expr) -> B::Expr {
    b.send(RANGE16, r.clone(), [dlo.clone()]);
    (time - prev_ts.clone() - B::Expr::ONE - dlo.clone()) * inverse_2_16()
}

/// Reads rs1 and writes rd, registers `index` of a row at `cpu`, where the row is active: [`Read::register`] and
/// [`Write::register`] with one BYTE lookup for both distances.
pub(crate) fn read_and_write<B: Builder>(
    b: &mut B,
    r: &B::Expr,
    cpu: &Cpu<B::Expr>,
    (rs1, read): (&B::Expr, &Read<B::Expr>),
    (rd, write): (&B::Expr, &Write<B::Expr>),
) {
    let key = |index: &B::Expr| index.clone() + B::Expr::from_u32(REGISTER_KEY);
    let read = read.eval_open(b, r, key(rs1), cpu.time(slot::RS1));
    let write = write.eval_open(b, r, key(rd), cpu.time(slot::RD));
    let both_bytes = B::Expr::from_u8(3);
    b.send(BYTE, r.clone(), [both_bytes, read, write, B::Expr::ZERO]);
}

/// 2^-16 in the field.
pub(crate) fn inverse_2_16() -> F {
    F::ONE.div_2exp_u64(16)
}

/// 2^-8 in the field.
pub(crate) fn inverse_2_8() -> F {
    F::ONE.div_2exp_u64(8)
}

/// pc and time of a row.
#[derive(Clone, Default)]
pub struct Cpu<T> {
    /// pc cell.
    pub pc: T,
    /// Time at which the instruction starts.
    pub ts: T,
}

impl<T: Default> Columns<T> for Cpu<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        f(&mut self.pc);
        f(&mut self.ts);
    }
}

impl Cpu<F> {
    /// The cells of an event.
    pub fn new(rom: &RomRow, event: &Event) -> Self {
        Self { pc: F::from_u32(rom.pc), ts: F::from_u32(event.ts) }
    }
}

impl<E: PrimeCharacteristicRing> Cpu<E> {
    /// The frame of an active row: `decoded` is (op, rd, rs1, rs2, i0, i1, npc) as the ROM must have it, `next_pc` where
    /// control goes.
    pub fn eval<B: Builder<Expr = E>>(&self, b: &mut B, r: &E, decoded: [E; 7], next_pc: E) {
        let [op, rd, rs1, rs2, i0, i1, npc] = decoded;
        b.send(PROG, r.clone(), [self.pc.clone(), op, rd, rs1, rs2, i0, i1, npc]);
        b.receive(STATE, r.clone(), [self.pc.clone(), self.ts.clone()]);
        b.send(STATE, r.clone(), [next_pc, self.ts.clone() + E::from_u32(16)]);
    }

    /// Time of the access in slot `slot`.
    pub fn time(&self, slot: u32) -> E {
        self.ts.clone() + E::from_u32(slot)
    }
}

/// Range-checks four limbs to 16 bits where the row is active.
pub(crate) fn range_check<B: Builder>(b: &mut B, r: &B::Expr, limbs: &[B::Expr; 4]) {
    for limb in limbs {
        b.send(RANGE16, r.clone(), [limb.clone()]);
    }
}

/// Where the flag `word` is 1, the value is its low 32 bits sign-extended: limbs 2 and 3 are both 0 or both 0xffff, as
/// bit 15 of limb 1 is. The chip must check that limb 1 has 16 bits.
///
/// With v2 ∈ {0, 0xffff}, 2·v1 − v2 has 16 bits exactly if v2 is right: for v2 = 0 it says v1 < 2^15, for v2 = 2^16 − 1
/// it says 2·v1 ≥ 2^16 − 1. So the sign needs no column.
pub(crate) fn sign_extended_word<B: Builder>(b: &mut B, word: &B::Expr, value: &[B::Expr; 4]) {
    let [_, v1, v2, v3] = value;
    b.send(RANGE16, word.clone(), [v1.double() - v2.clone()]);
    // word·v2·(v2 − 0xffff) = 0
    let ones = B::Expr::from_u32(0xffff);
    b.assert_zero("word: limb 2 is 0 or 0xffff", word.clone() * v2.clone() * (v2.clone() - ones));
    // word·(v3 − v2) = 0
    b.assert_zero("word: limb 3 is limb 2", word.clone() * (v3.clone() - v2.clone()));
}

/// Where `r` is 1, the boolean `sign` is bit 15 of the 16-bit `limb`: 2·(limb − 2^15·sign) has 16 bits.
pub(crate) fn check_sign<B: Builder>(b: &mut B, r: &B::Expr, limb: &B::Expr, sign: &B::Expr) {
    b.send(RANGE16, r.clone(), [limb.double() - sign.clone() * F::from_u32(1 << 16)]);
}

/// The carries of x + y = z, limb by limb: k_i = (x_i + y_i + k_(i−1) − z_i)/2^16, linear in the limbs. Over limbs of 16
/// bits, z is the sum modulo 2^64 exactly if all four are boolean.
pub(crate) fn carries<E: Algebra<F>>(x: &[E; 4], y: &[E; 4], z: &[E; 4]) -> [E; 4] {
    let mut carry = E::ZERO;
    std::array::from_fn(|i| {
        carry = (x[i].clone() + y[i].clone() + carry.clone() - z[i].clone()) * inverse_2_16();
        carry.clone()
    })
}
