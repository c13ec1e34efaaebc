//! COPY_ALIGNED proves MEMCPY and MEMSET of whole dwords, `LANES` dwords a row, at well under half of COPY's cells.
//!
//! | columns | number | vouched for by |
//! |---|---|---|
//! | ts | 1 | PRE, COPY |
//! | first, next, more, set | 4 | constraints; set: PRE, COPY |
//! | to: key; from: key, or MEMSET's byte | 2 | PRE, COPY |
//! | left: dwords | 1 | PRE, COPY |
//! | to's high limb, a1's limbs | 3 | PRE |
//! | f_1 … f_3: the row has more dwords than so many | 3 | constraints |
//! | four reads: value, previous time, distance | 24 | MEM; MEMSET: constraints |
//! | four writes: old value, previous time, distance | 24 | MEM |
//!
//! f_0 = first + next. The value read is the value written. Constraints (degree):
//! - first, next, f_0, more, set, f_i ∈ {0, 1} (2); f_(i+1)·(1 − f_i) = 0, more·(1 − f_3) = 0 (2): rows before the last are full
//! - (f_0 − more)·(left − Σ f_i) = 0 (2): the last row has what is left
//! - first·(1 − set)·(from − a1 low/8 − 2^13·a1 high) = 0 (3)
//! - first·set·(from − a1 low) = first·set·a1 high = 0 (3)
//! - set·f_i·(value_il − 257·from) = 0 (3): every byte is MEMSET's
//!
//! Interactions: PRE.receive(MEMCPY + set, ts, to, a1, 8·left, 0) where first; to's low limb/8 in 16 bits where first, a1's
//! where first and not set, a1 in 8 bits where first and set; COPY.receive(ts, set, 0, to, from, left, 0 …) where next,
//! COPY.send(ts, set, 0, to + 4, from + 4·(1 − set), left − 4, 0 …) where more; reads at from + i, ts + 7, where f_i and not
//! set; writes at to + i, ts + 8, where f_i.
//!
//! # Soundness
//! - Rows of a call are one path as in COPY. The shift 0 keeps their tokens from COPY's rows, whose shift is 1 to 8.
//! - left is the number of dwords that the rows of the path have: an integer, so len = 8·left is a multiple of 8. It is one
//!   limb: the high one is 0 in PRE.
//! - Values are read, so in range, or 257 times a byte.

use vellum_executor::{Access, COPY_ALIGNED_DWORDS, Call, Table, Touch};
use vellum_isa::Precompile;
use vellum_stark::{Algebra, Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::precompile::{FIRST_SLOT, PrecompileChip, argument, code, receive_call};
use crate::{COPY, MEM, RANGE8, RANGE16, Read, access::inverse_2_16, tables::send_bytes};

const LANES: usize = COPY_ALIGNED_DWORDS as usize;

/// The columns.
#[derive(Clone, Default)]
pub struct CopyAlignedRow<T> {
    ts: T,
    /// The row receives the call.
    first: T,
    /// The row follows another.
    next: T,
    /// Another follows.
    more: T,
    /// The call is MEMSET.
    set: T,
    /// Key of the first destination dword.
    to: T,
    /// Key of the first source dword, or MEMSET's byte.
    from: T,
    /// Dwords from here on.
    left: T,
    /// First row: the high limb of a0.
    to_high: T,
    /// First row: the limbs of a1.
    a1: [T; 2],
    /// Lane i + 1 is in use.
    flags: [T; LANES - 1],
    /// What is read, and written.
    reads: [Read<T>; LANES],
    /// What is overwritten.
    writes: [Read<T>; LANES],
}

impl<T: Default> Columns<T> for CopyAlignedRow<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        f(&mut self.ts);
        f(&mut self.first);
        f(&mut self.next);
        f(&mut self.more);
        f(&mut self.set);
        f(&mut self.to);
        f(&mut self.from);
        f(&mut self.left);
        f(&mut self.to_high);
        self.a1.visit(f);
        self.flags.visit(f);
        for access in self.reads.iter_mut().chain(&mut self.writes) {
            access.visit(f);
        }
    }
}

/// Slots of the reads and the writes.
const READ: u32 = FIRST_SLOT;
const WRITE: u32 = FIRST_SLOT + 1;

const FLAGS: [&str; LANES - 1] = ["lane 1 boolean", "lane 2 boolean", "lane 3 boolean"];
const ORDER: [&str; LANES - 1] = ["lane 1 after 0", "lane 2 after 1", "lane 3 after 2"];
const BYTES: [[&str; 4]; LANES] = [
    ["set: lane 0 limb 0", "set: lane 0 limb 1", "set: lane 0 limb 2", "set: lane 0 limb 3"],
    ["set: lane 1 limb 0", "set: lane 1 limb 1", "set: lane 1 limb 2", "set: lane 1 limb 3"],
    ["set: lane 2 limb 0", "set: lane 2 limb 1", "set: lane 2 limb 2", "set: lane 2 limb 3"],
    ["set: lane 3 limb 0", "set: lane 3 limb 1", "set: lane 3 limb 2", "set: lane 3 limb 3"],
];

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct CopyAlignedChip;

impl Chip for CopyAlignedChip {
    fn name(&self) -> &'static str {
        "COPY_ALIGNED"
    }

    fn widths(&self) -> Widths {
        Widths { main: CopyAlignedRow::<F>::width(), ..Widths::default() }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let row = CopyAlignedRow::<B::Expr>::read(b.main());
        row.kinds(b);
        row.arguments(b);
        for i in 0..LANES {
            row.lane(b, i);
        }
        row.chain(b);
    }
}

impl<E: Algebra<F>> CopyAlignedRow<E> {
    /// Which lanes are in use.
    fn lanes(&self) -> [E; LANES] {
        let mut flags =
            [self.first.clone() + self.next.clone()].into_iter().chain(self.flags.iter().cloned());
        std::array::from_fn(|_| flags.next().unwrap_or_default())
    }

    fn kinds<B: Builder<Expr = E>>(&self, b: &mut B) {
        let lanes = self.lanes();
        let [active, .., full] = lanes.clone();
        b.assert_bool("first boolean", self.first.clone());
        b.assert_bool("next boolean", self.next.clone());
        b.assert_bool("first or next", active.clone());
        b.assert_bool("more boolean", self.more.clone());
        b.assert_bool("set boolean", self.set.clone());
        for ((name, order), pair) in FLAGS.into_iter().zip(ORDER).zip(lanes.windows(2)) {
            b.assert_bool(name, pair[1].clone());
            // f_(i+1)·(1 − f_i) = 0
            b.assert_zero(order, pair[1].clone() * (E::ONE - pair[0].clone()));
        }
        b.assert_zero("more after full rows", self.more.clone() * (E::ONE - full));
        // (f_0 − more)·(left − Σ f_i) = 0
        let rest = self.left.clone() - lanes.iter().cloned().sum::<E>();
        b.assert_zero("last row", (active - self.more.clone()) * rest);
    }

    fn arguments<B: Builder<Expr = E>>(&self, b: &mut B) {
        let first = self.first.clone();
        let [low, high] = self.a1.clone();
        let eighth = F::ONE.div_2exp_u64(3);
        let scaled = |limb: &E| limb.clone() * E::from_u16(1 << 13);
        let set = first.clone() * self.set.clone();
        let copy = first.clone() - set.clone();
        let low_key = low.clone() * eighth;
        // first·(1 − set)·(from − a1 low/8 − 2^13·a1 high) = 0
        let key = low_key.clone() + scaled(&high);
        b.assert_zero("from", copy.clone() * (self.from.clone() - key));
        b.assert_zero("set: the byte", set.clone() * (self.from.clone() - low.clone()));
        b.assert_zero("set: a1 has one limb", set.clone() * high.clone());
        let to_low = self.to.clone() - scaled(&self.to_high);
        b.send(RANGE16, first.clone(), [to_low.clone()]);
        b.send(RANGE16, copy, [low_key]);
        b.send(RANGE8, set, [low.clone()]);
        let to = [to_low * E::from_u8(8), self.to_high.clone()];
        let len = [self.left.clone() * E::from_u8(8), E::ZERO];
        let arguments = [to, [low, high], len, [E::ZERO, E::ZERO]];
        receive_call(b, first, code::<E>(Precompile::Memcpy) + self.set.clone(), self.ts.clone(), arguments);
    }

    fn lane<B: Builder<Expr = E>>(&self, b: &mut B, i: usize) {
        let Self { reads, writes, .. } = self;
        let (read, write) = (&reads[i], &writes[i]);
        let active = self.lanes()[i].clone();
        let set = self.set.clone() * active.clone();
        let copy = active.clone() - set.clone();
        for (name, limb) in BYTES[i].iter().zip(&read.value) {
            // set·f_i·(value − 257·from) = 0
            b.assert_zero(name, set.clone() * (limb.clone() - self.from.clone() * E::from_u16(257)));
        }
        let time = |slot: u32| self.ts.clone() + E::from_u32(slot);
        let key = |from: &E| from.clone() + E::from_usize(i);
        let [v0, v1, v2, v3] = read.value.clone();
        let token = [key(&self.from), read.prev_ts.clone(), v0.clone(), v1.clone(), v2.clone(), v3.clone()];
        b.replace(MEM, copy.clone(), token, 1, time(READ));
        b.send(RANGE16, copy, [read.dlo.clone()]);
        let [o0, o1, o2, o3] = write.value.clone();
        b.receive(MEM, active.clone(), [key(&self.to), write.prev_ts.clone(), o0, o1, o2, o3]);
        b.send(MEM, active.clone(), [key(&self.to), time(WRITE), v0, v1, v2, v3]);
        b.send(RANGE16, active.clone(), [write.dlo.clone()]);
        let [read, write] = [(read, READ), (write, WRITE)].map(|(access, slot)| {
            let distance = time(slot) - access.prev_ts.clone() - E::ONE - access.dlo.clone();
            distance * inverse_2_16()
        });
        send_bytes(b, active, read, write);
    }

    fn chain<B: Builder<Expr = E>>(&self, b: &mut B) {
        let token = |to, from, left| {
            let mut entries = [self.ts.clone(), self.set.clone(), E::ZERO, to, from, left].into_iter();
            std::array::from_fn::<_, 14, _>(|_| entries.next().unwrap_or_default())
        };
        let [to, from, left] = [&self.to, &self.from, &self.left].map(Clone::clone);
        b.receive(COPY, self.next.clone(), token(to.clone(), from.clone(), left.clone()));
        let lanes = E::from_usize(LANES);
        let from = from + lanes.clone() - self.set.clone() * lanes.clone();
        b.send(COPY, self.more.clone(), token(to + lanes.clone(), from, left - lanes));
    }
}

impl PrecompileChip for CopyAlignedChip {
    type Row = CopyAlignedRow<F>;

    fn table(&self) -> Table {
        Table::CopyAligned
    }

    fn rows(&self, call: &Call) -> Vec<CopyAlignedRow<F>> {
        let count = call.demand().rows[Table::CopyAligned as usize];
        (0..count).map(|i| row(call, i, i + 1 < count)).collect()
    }

    fn write_row(&self, from: &CopyAlignedRow<F>, row: &mut [F]) {
        from.clone().write(row);
    }
}

/// Row `i` of a call.
fn row(call: &Call, i: u32, more: bool) -> CopyAlignedRow<F> {
    let Call { ts, args: [to, from, len, _], .. } = *call;
    let set = call.code == Precompile::Memset.code();
    let first = i == 0;
    let before = i * COPY_ALIGNED_DWORDS;
    let used = (len / 8 - before).min(COPY_ALIGNED_DWORDS) as usize;
    let (reads, writes) = call.touches.split_at(call.touches.partition_point(|touch| touch.slot == READ));
    let touch =
        |touches: &[Touch], lane: usize| touches.get(before as usize + lane).map(|touch| touch.access);
    let idle = |slot| Access { old: 0, prev_ts: ts + slot - 1 };
    let only_first = |limb: F| if first { limb } else { F::ZERO };
    CopyAlignedRow {
        ts: F::from_u32(ts),
        first: F::from_bool(first),
        next: F::from_bool(!first),
        more: F::from_bool(more),
        set: F::from_bool(set),
        to: F::from_u32(to / 8 + before),
        from: F::from_u32(if set { from } else { from / 8 + before }),
        left: F::from_u32(len / 8 - before),
        to_high: only_first(argument(to)[1]),
        a1: argument(from).map(only_first),
        flags: std::array::from_fn(|lane| F::from_bool(lane + 1 < used)),
        reads: std::array::from_fn(|lane| {
            let byte = Access { old: u64::from_le_bytes([from as u8; 8]), ..idle(READ) };
            let access = if set && lane < used { Some(byte) } else { touch(reads, lane) };
            access.map(|access| Read::new(access, ts, READ)).unwrap_or_default()
        }),
        writes: std::array::from_fn(|lane| {
            touch(writes, lane).map(|access| Read::new(access, ts, WRITE)).unwrap_or_default()
        }),
    }
}

#[cfg(test)]
mod tests;
