//! COPY proves that a call wrote the bytes that MEMCPY or MEMSET write: one row per destination dword, any alignment.
//!
//! | columns | number | vouched for by |
//! |---|---|---|
//! | ts | 1 | PRE, COPY |
//! | first, next, more, writes, reads, set | 6 | constraints; which is set: PRE, COPY |
//! | f_1 … f_7 | 7 | COPY; first row: pointers |
//! | to, from: keys; rest; skip | 4 | PRE, COPY |
//! | skip of the next row | 1 | the next row |
//! | b_1 … b_7: bytes of the source dword before | 7 | COPY; first row: PRE (out's high limb, a1's limbs, from/8) |
//! | b_8 … b_15: bytes of the source dword | 8 | MEM, BYTE |
//! | read: previous time, distance | 2 | MEM |
//! | write: old value, previous time, distance, new value | 10 | MEM, constraints |
//! | m_0 … m_7: byte j is written | 8 | skip, rest |
//! | the limbs split by the run's start and its end: bytes | 4 | BYTE, constraints |
//!
//! Byte j of the destination dword is byte f + j of the 16 source bytes b_0 … b_15, with one shift f from 1 to 8 for the whole
//! call: the number of f's flag. (b_0 is never needed.) So each row needs one source dword and the one that its predecessor
//! had, and no dword is read twice. A call with from mod 8 > to mod 8 starts with a row that only reads; any other first row
//! needs no dword before. A call of no bytes is one row that does neither. MEMSET has shift 8 and the byte in b_8 … b_15, read
//! nowhere.
//!
//! Let r = first + next, head = more·(1 − writes), f_8 = r − f_1 − … − f_7, f = Σ s·f_s, rise_j = m_j·(1 − m_(j−1)),
//! fall_j = m_j·(1 − m_(j+1)) with m_(−1) = m_8 = 0. Constraints (degree):
//! - first, next, r, more, writes, reads, reads + set, set, f_s, m_j ∈ {0, 1} (2)
//! - more·(1 − r) = writes·(1 − r) = 0 (2), next·(1 − writes) = 0 (2): later rows write
//! - Σ rise_j = writes (2): the bytes written are one run; Σ j·rise_j = skip (2); writes·(next skip) = 0 (2)
//! - writes·more·(1 − m_7) = 0 (3), writes·(1 − more)·(rest − skip − Σ m_j) = 0 (3): where the run ends
//! - (r − writes)·(1 − more)·(rest − next skip) = 0 (3): a call that does nothing has no bytes
//! - reads + set·writes − head = Σ_s f_s·Σ_(j ≥ 8−s) fall_j (3): the source dword is there if the last byte comes from it
//! - first·Σ_s f_s·Σ_(j < 8−s) m_j = 0 (3): a first row needs no dword before
//! - first·reads·(a1 − 8·(from/8) − f − skip − next skip + 8·writes) = 0, first·reads·(from − from/8 − 2^13·a1 high) = 0 (3)
//! - first·(1 − reads)·from = 0 (3)
//! - set·(1 − f_8) = 0, set·(b_j − b_8) = 0 (2); set·first·(b_8 − a1) = set·first·a1 high = 0,
//!   set·(1 − first)·(b_8 − b_7) = 0 (3)
//! - the split limbs: Σ_l (1 − m_2l)·m_(2l+1)·(old_l − start) = 0, Σ_l m_2l·(1 − m_(2l+1))·(old_l − end) = 0 (3)
//! - new_l = what is kept of old_l + what is written of it (3)
//!
//! Interactions: PRE.receive(MEMCPY + set, ts, to, a1, rest − skip − next skip, 0) where first, with to/8 in 16 bits, and
//! from/8 too; COPY.receive(ts, set, f, to, from, rest, skip, b_1 … b_7) where next, COPY.send(ts, set, f, to + writes,
//! from + 1, rest − 8·writes, next skip, b_9 … b_15) where more; the read at from, ts + 7, where reads; the write at to,
//! ts + 8, where writes; b_8 … b_15 are bytes where reads + set.
//!
//! # Soundness
//! - Only `first` rows come without a predecessor, ts is the call's own, and a row passes its token on once. So a call's rows
//!   are one path, to and from advance by one, and rest falls by 8. The path ends with rest = skip + Σ m_j ≤ 8, and rest cannot
//!   pass 0 and come round: that would take p/8 rows.
//! - The first row that writes begins at skip = to mod 8, later ones at 0; all but the last write to byte 7. So exactly the
//!   bytes from `to` to to + len are written. len is one limb: the high one is 0 in PRE.
//! - to = 8·a + skip with skip < 8 and a in 16 bits, so a = ⌊to/8⌋ of the low limb. a1 likewise, where f + skip − 8 ≥ 0 because
//!   m_j = 0 for all j < 8 − f. In a head f + skip may be 8 or more: then the call starts to read a dword early and copies the
//!   same bytes.
//! - b_1 … b_7 are the bytes that the predecessor read, or are not used. b_8 … b_15 are read, a MEMSET's byte, or not used.
//! - At most one limb is split by the run's start and one by its end, so the sums name these. Of the first the low byte is
//!   kept, of the second the high one, both in 8 bits together with the other half: no other split is possible.
//! - New limbs are sums of bytes or old limbs, so in range.

use vellum_executor::{Access, Call, Table, Touch};
use vellum_isa::Precompile;
use vellum_stark::{Algebra, Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::precompile::{FIRST_SLOT, PrecompileChip, argument, code, receive_call};
use crate::{COPY, MEM, RANGE16, Read, Write, access::inverse_2_16, tables::send_bytes};

/// The columns.
#[derive(Clone, Default)]
pub struct CopyRow<T> {
    ts: T,
    /// The row receives the call.
    first: T,
    /// The row follows another.
    next: T,
    /// Another follows.
    more: T,
    /// A destination dword is written.
    writes: T,
    /// A source dword is read.
    reads: T,
    /// The call is MEMSET.
    set: T,
    /// One-hot: shifts 1 to 7; none for 8.
    shift: [T; 7],
    /// Key of the destination dword.
    to: T,
    /// Key of the source dword.
    from: T,
    /// Bytes from the destination dword's start to the run's end.
    rest: T,
    /// Bytes of the destination dword before the run.
    skip: T,
    /// Those of the next row.
    next_skip: T,
    /// Bytes 1 to 7 of the source dword before; in a first row the arguments: to's high limb, the limbs of a1, from/8.
    before: [T; 7],
    /// Bytes of the source dword, or eight times MEMSET's.
    source: [T; 8],
    read_prev_ts: T,
    read_dlo: T,
    write: Write<T>,
    /// Which bytes are written.
    mask: [T; 8],
    /// Bytes of the old limb of which only the high byte is written.
    start: [T; 2],
    /// Bytes of the old limb of which only the low byte is written.
    end: [T; 2],
}

impl<T: Default> Columns<T> for CopyRow<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        f(&mut self.ts);
        f(&mut self.first);
        f(&mut self.next);
        f(&mut self.more);
        f(&mut self.writes);
        f(&mut self.reads);
        f(&mut self.set);
        self.shift.visit(f);
        f(&mut self.to);
        f(&mut self.from);
        f(&mut self.rest);
        f(&mut self.skip);
        f(&mut self.next_skip);
        self.before.visit(f);
        self.source.visit(f);
        f(&mut self.read_prev_ts);
        f(&mut self.read_dlo);
        self.write.visit(f);
        self.mask.visit(f);
        self.start.visit(f);
        self.end.visit(f);
    }
}

/// Slots of the read and the write.
const READ: u32 = FIRST_SLOT;
const WRITE: u32 = FIRST_SLOT + 1;

const SHIFTS: [&str; 8] = [
    "shift 1 boolean",
    "shift 2 boolean",
    "shift 3 boolean",
    "shift 4 boolean",
    "shift 5 boolean",
    "shift 6 boolean",
    "shift 7 boolean",
    "shift 8 boolean",
];
const MASK: [&str; 8] = [
    "mask 0 boolean",
    "mask 1 boolean",
    "mask 2 boolean",
    "mask 3 boolean",
    "mask 4 boolean",
    "mask 5 boolean",
    "mask 6 boolean",
    "mask 7 boolean",
];
const SET: [&str; 7] = [
    "set: byte 1 is byte 0",
    "set: byte 2 is byte 0",
    "set: byte 3 is byte 0",
    "set: byte 4 is byte 0",
    "set: byte 5 is byte 0",
    "set: byte 6 is byte 0",
    "set: byte 7 is byte 0",
];
const NEW: [&str; 4] = ["new limb 0", "new limb 1", "new limb 2", "new limb 3"];

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct CopyChip;

impl Chip for CopyChip {
    fn name(&self) -> &'static str {
        "COPY"
    }

    fn widths(&self) -> Widths {
        Widths { main: CopyRow::<F>::width(), ..Widths::default() }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let row = CopyRow::<B::Expr>::read(b.main());
        row.kinds(b);
        row.run(b);
        row.arguments(b);
        row.memset(b);
        row.new_value(b);
        row.accesses(b);
        row.chain(b);
    }
}

impl<E: Algebra<F>> CopyRow<E> {
    fn active(&self) -> E {
        self.first.clone() + self.next.clone()
    }

    /// The shifts' flags, 1 to 8.
    fn shifts(&self) -> [E; 8] {
        let eighth = self.active() - self.shift.iter().cloned().sum::<E>();
        let mut flags = self.shift.iter().cloned().chain([eighth]);
        std::array::from_fn(|_| flags.next().unwrap_or_default())
    }

    /// The shift.
    fn shift(&self) -> E {
        self.shifts().into_iter().enumerate().map(|(i, flag)| flag * E::from_usize(i + 1)).sum()
    }

    /// Whether byte `j` is written; no other than 0 to 7 is.
    fn mask(&self, j: Option<usize>) -> E {
        j.and_then(|j| self.mask.get(j)).cloned().unwrap_or_default()
    }

    /// Whether the run ends with byte `j`.
    fn fall(&self, j: usize) -> E {
        self.mask(Some(j)) * (E::ONE - self.mask(Some(j + 1)))
    }

    /// What a row does.
    fn kinds<B: Builder<Expr = E>>(&self, b: &mut B) {
        let r = self.active();
        let idle = E::ONE - r.clone();
        b.assert_bool("first boolean", self.first.clone());
        b.assert_bool("next boolean", self.next.clone());
        b.assert_bool("first or next", r);
        b.assert_bool("more boolean", self.more.clone());
        b.assert_bool("writes boolean", self.writes.clone());
        b.assert_bool("reads boolean", self.reads.clone());
        b.assert_bool("set boolean", self.set.clone());
        b.assert_bool("reads or set", self.reads.clone() + self.set.clone());
        for (name, flag) in SHIFTS.into_iter().zip(self.shifts()) {
            b.assert_bool(name, flag);
        }
        b.assert_zero("more only where active", self.more.clone() * idle.clone());
        b.assert_zero("writes only where active", self.writes.clone() * idle);
        b.assert_zero("later rows write", self.next.clone() * (E::ONE - self.writes.clone()));
    }

    /// Which bytes are written, and that their source is there.
    fn run<B: Builder<Expr = E>>(&self, b: &mut B) {
        for (name, flag) in MASK.iter().zip(&self.mask) {
            b.assert_bool(name, flag.clone());
        }
        let rise = |j: usize| self.mask(Some(j)) * (E::ONE - self.mask(j.checked_sub(1)));
        // Σ rise_j = writes
        b.assert_eq("one run", (0..8).map(rise).sum(), self.writes.clone());
        // Σ j·rise_j = skip
        b.assert_eq("run starts", (0..8).map(|j| rise(j) * E::from_usize(j)).sum(), self.skip.clone());
        b.assert_zero("only a head passes skip on", self.writes.clone() * self.next_skip.clone());
        let last = E::ONE - self.more.clone();
        // writes·more·(1 − m_7) = 0
        let short = E::ONE - self.mask[7].clone();
        b.assert_zero("run goes on", self.writes.clone() * self.more.clone() * short);
        // writes·(1 − more)·(rest − skip − Σ m_j) = 0
        let written = self.mask.iter().cloned().sum::<E>();
        let beyond = self.rest.clone() - self.skip.clone() - written;
        b.assert_zero("run ends", self.writes.clone() * last.clone() * beyond);
        // (r − writes)·(1 − more)·(rest − next skip) = 0
        let nothing = (self.active() - self.writes.clone()) * last;
        b.assert_zero("no bytes", nothing * (self.rest.clone() - self.next_skip.clone()));
        // reads + set·writes − head = Σ_s f_s·Σ_(j ≥ 8−s) fall_j
        let head = self.more.clone() * (E::ONE - self.writes.clone());
        let there = self.reads.clone() + self.set.clone() * self.writes.clone() - head;
        let needed = |(i, flag)| (7 - i..8).map(|j| self.fall(j)).sum::<E>() * flag;
        b.assert_eq("source is there", there, self.shifts().into_iter().enumerate().map(needed).sum());
        // first·Σ_s f_s·Σ_(j < 8−s) m_j = 0
        let missing = |(i, flag)| self.mask[..7 - i].iter().cloned().sum::<E>() * flag;
        let missing: E = self.shifts().into_iter().enumerate().map(missing).sum();
        b.assert_zero("first row needs nothing before", self.first.clone() * missing);
    }

    /// The call and its pointers.
    fn arguments<B: Builder<Expr = E>>(&self, b: &mut B) {
        let [to_high, a1_low, a1_high, from_low, ..] = self.before.clone();
        let first = self.first.clone();
        let skip = self.skip.clone() + self.next_skip.clone();
        let high = |limb: &E| limb.clone() * E::from_u16(1 << 13);
        // first·reads·(a1 − 8·(from/8) − f − skip − next skip + 8·writes) = 0
        let reads = first.clone() * self.reads.clone();
        let offset = self.shift() + skip.clone() - self.writes.clone() * E::from_u8(8);
        let from = from_low.clone() * E::from_u8(8) + offset;
        b.assert_zero("a1", reads.clone() * (a1_low.clone() - from));
        // first·reads·(from − from/8 − 2^13·a1 high) = 0
        let key = from_low.clone() + high(&a1_high);
        b.assert_zero("from", reads * (self.from.clone() - key));
        b.assert_zero("nothing to read", first.clone() * (E::ONE - self.reads.clone()) * self.from.clone());
        let to_low = self.to.clone() - high(&to_high);
        b.send(RANGE16, first.clone(), [to_low.clone()]);
        b.send(RANGE16, first.clone(), [from_low]);
        let to_low = to_low * E::from_u8(8) + skip.clone();
        let len = self.rest.clone() - skip;
        let arguments = [[to_low, to_high], [a1_low, a1_high], [len, E::ZERO], [E::ZERO, E::ZERO]];
        receive_call(b, first, code::<E>(Precompile::Memcpy) + self.set.clone(), self.ts.clone(), arguments);
    }

    /// The byte of a MEMSET.
    fn memset<B: Builder<Expr = E>>(&self, b: &mut B) {
        let [byte, others @ ..] = &self.source;
        let [_, a1_low, a1_high, ..] = &self.before;
        let [.., eighth] = self.shifts();
        b.assert_zero("set: shift 8", self.set.clone() * (E::ONE - eighth));
        for (name, other) in SET.iter().zip(others) {
            b.assert_zero(name, self.set.clone() * (other.clone() - byte.clone()));
        }
        let first = self.set.clone() * self.first.clone();
        b.assert_zero("set: the byte", first.clone() * (byte.clone() - a1_low.clone()));
        b.assert_zero("set: a1 has one limb", first * a1_high.clone());
        let later = self.set.clone() * (E::ONE - self.first.clone());
        b.assert_zero("set: the same byte", later * (byte.clone() - self.before[6].clone()));
    }

    /// What is written.
    fn new_value<B: Builder<Expr = E>>(&self, b: &mut B) {
        let byte = E::from_u16(1 << 8);
        let value = |[low, high]: &[E; 2]| low.clone() + high.clone() * byte.clone();
        // Which of a limb's bytes are not written, which are.
        let kept = |j: usize| E::ONE - self.mask[j].clone();
        let start = |l: usize| kept(2 * l) * self.mask[2 * l + 1].clone();
        let end = |l: usize| self.mask[2 * l].clone() * kept(2 * l + 1);
        let old = &self.write.old.value;
        let split = |at: &dyn Fn(usize) -> E, bytes| {
            (0..4).map(|l| at(l) * (old[l].clone() - value(bytes))).sum::<E>()
        };
        b.assert_zero("limb split by the start", split(&start, &self.start));
        b.assert_zero("limb split by the end", split(&end, &self.end));
        // Bytes 1 to 15 of the two source dwords.
        let bytes: Vec<&E> = self.before.iter().chain(&self.source).collect();
        let copied = |j: usize| {
            let shifted = self.shifts().into_iter().enumerate().map(|(i, flag)| flag * bytes[i + j].clone());
            self.mask[j].clone() * shifted.sum::<E>()
        };
        for (l, name) in NEW.iter().enumerate() {
            let kept = kept(2 * l) * kept(2 * l + 1) * old[l].clone()
                + start(l) * self.start[0].clone()
                + end(l) * self.end[1].clone() * byte.clone();
            let written = copied(2 * l) + copied(2 * l + 1) * byte.clone();
            b.assert_eq(name, self.write.new[l].clone(), kept + written);
        }
    }

    fn accesses<B: Builder<Expr = E>>(&self, b: &mut B) {
        let byte = E::from_u16(1 << 8);
        let time = |slot: u32| self.ts.clone() + E::from_u32(slot);
        let [v0, v1, v2, v3] =
            [0, 2, 4, 6].map(|i| self.source[i].clone() + self.source[i + 1].clone() * byte.clone());
        let read = [self.from.clone(), self.read_prev_ts.clone(), v0, v1, v2, v3];
        b.replace(MEM, self.reads.clone(), read, 1, time(READ));
        b.send(RANGE16, self.reads.clone(), [self.read_dlo.clone()]);
        let distance = time(READ) - self.read_prev_ts.clone() - E::ONE - self.read_dlo.clone();
        let read_dhi = distance * inverse_2_16();
        let write_dhi = self.write.eval_open(b, &self.writes, self.to.clone(), time(WRITE));
        send_bytes(b, self.active(), read_dhi, write_dhi);
        let sourced = self.reads.clone() + self.set.clone();
        for pair in self.source.chunks_exact(2) {
            send_bytes(b, sourced.clone(), pair[0].clone(), pair[1].clone());
        }
        for [low, high] in [&self.start, &self.end] {
            send_bytes(b, self.writes.clone(), low.clone(), high.clone());
        }
    }

    /// From row to row.
    fn chain<B: Builder<Expr = E>>(&self, b: &mut B) {
        let token = |to: E, from: E, rest: E, skip: E, bytes: &[E]| {
            let state = [self.ts.clone(), self.set.clone(), self.shift(), to, from, rest, skip];
            let mut entries = state.into_iter().chain(bytes.iter().cloned());
            std::array::from_fn::<_, 14, _>(|_| entries.next().unwrap_or_default())
        };
        let [to, from, rest, skip] = [&self.to, &self.from, &self.rest, &self.skip].map(Clone::clone);
        let received = token(to.clone(), from.clone(), rest.clone(), skip, &self.before);
        b.receive(COPY, self.next.clone(), received);
        let writes = self.writes.clone();
        let rest = rest - writes.clone() * E::from_u8(8);
        let sent = token(to + writes, from + E::ONE, rest, self.next_skip.clone(), &self.source[1..]);
        b.send(COPY, self.more.clone(), sent);
    }
}

impl PrecompileChip for CopyChip {
    type Row = CopyRow<F>;

    fn table(&self) -> Table {
        Table::Copy
    }

    fn rows(&self, call: &Call) -> Vec<CopyRow<F>> {
        let count = call.demand().rows[Table::Copy as usize];
        let mut state = State::new(call);
        (0..count).map(|i| state.row(call, i, i + 1 < count)).collect()
    }

    fn write_row(&self, from: &CopyRow<F>, row: &mut [F]) {
        from.clone().write(row);
    }
}

/// Where a call stands between two of its rows.
struct State<'a> {
    set: bool,
    shift: u32,
    /// Key of the next destination dword.
    to: u32,
    /// Key of the next source dword; counts from 0 where there is none.
    from: u32,
    rest: u32,
    skip: u32,
    before: [u8; 8],
    reads: &'a [Touch],
    writes: &'a [Touch],
}

impl<'a> State<'a> {
    fn new(call: &'a Call) -> Self {
        let [to, from, len, _] = call.args;
        let set = call.code == Precompile::Memset.code();
        let (reads, writes) = call.touches.split_at(call.touches.partition_point(|touch| touch.slot == READ));
        let shift = (from % 8 + 8 - to % 8) % 8;
        Self {
            set,
            shift: if set || shift == 0 { 8 } else { shift },
            to: to / 8,
            from: if reads.is_empty() { 0 } else { from / 8 },
            rest: to % 8 + len,
            skip: to % 8,
            before: [0; 8],
            reads,
            writes,
        }
    }

    fn row(&mut self, call: &Call, i: u32, more: bool) -> CopyRow<F> {
        let Call { ts, args: [to, from, len, _], .. } = *call;
        let read = self.reads.split_off_first();
        // A head comes before the bytes are there.
        let head = !self.set && from % 8 > to % 8 && i == 0;
        let write = if head { None } else { self.writes.split_off_first() };
        let source = match read {
            Some(touch) => touch.access.old.to_le_bytes(),
            None if self.set => [from as u8; 8],
            None => [0; 8],
        };
        let (skip, next_skip) = if write.is_some() { (self.skip, 0) } else { (0, self.skip) };
        let run = if write.is_some() { skip..self.rest.min(8) } else { 0..0 };
        let old = write.map_or(0, |touch| touch.access.old).to_le_bytes().map(F::from_u8);
        let split = |at: u32| {
            let limb = at as usize / 2 * 2;
            if at % 2 == 1 { [old[limb], old[limb + 1]] } else { [F::ZERO; 2] }
        };
        let first = i == 0;
        let before = if first {
            let [[_, to_high], [a1_low, a1_high]] = [to, from].map(argument);
            let from_low = if read.is_some() { from % (1 << 16) / 8 } else { 0 };
            [to_high, a1_low, a1_high, F::from_u32(from_low), F::ZERO, F::ZERO, F::ZERO]
        } else {
            std::array::from_fn(|k| F::from_u8(self.before[k + 1]))
        };
        // Without an access the distance is zero.
        let idle = |slot| Access { old: 0, prev_ts: ts + slot - 1 };
        let read_access = Read::new(read.map_or(idle(READ), |touch| touch.access), ts, READ);
        let (access, new) = write.map_or((idle(WRITE), 0), |touch| (touch.access, touch.new));
        let row = CopyRow {
            ts: F::from_u32(ts),
            first: F::from_bool(first),
            next: F::from_bool(!first),
            more: F::from_bool(more),
            writes: F::from_bool(write.is_some()),
            reads: F::from_bool(read.is_some()),
            set: F::from_bool(self.set),
            shift: std::array::from_fn(|s| F::from_bool(self.shift == s as u32 + 1)),
            to: F::from_u32(self.to),
            from: F::from_u32(self.from),
            rest: F::from_u32(self.rest),
            skip: F::from_u32(skip),
            next_skip: F::from_u32(next_skip),
            before,
            source: source.map(F::from_u8),
            read_prev_ts: read_access.prev_ts,
            read_dlo: read_access.dlo,
            write: Write::new(access, new, ts, WRITE),
            mask: std::array::from_fn(|j| F::from_bool(run.contains(&(j as u32)))),
            start: if len > 0 { split(skip) } else { [F::ZERO; 2] },
            end: split(run.end),
        };
        self.from += 1;
        self.before = source;
        if write.is_some() {
            (self.to, self.rest, self.skip) = (self.to + 1, self.rest.saturating_sub(8), 0);
        }
        row
    }
}

#[cfg(test)]
mod tests;
