//! COMPARE proves the result of MEMCMP: one row per dword of one run up to the first byte that differs, any alignment.
//!
//! | columns | number | vouched for by |
//! |---|---|---|
//! | ts | 1 | PRE, COMPARE |
//! | first, next, more, looks, reads, swap | 6 | constraints; swap: COMPARE, first row: pointers |
//! | f_1 … f_7 | 7 | COMPARE; first row: pointers |
//! | x, y, out: keys; rest; skip | 5 | PRE, COMPARE |
//! | b_1 … b_7: bytes of y's dword before | 7 | COMPARE; first row: PRE (limbs of out, a, b; x/8, y/8: RANGE16) |
//! | b_8 … b_15: bytes of y's dword | 8 | MEM, BYTE |
//! | c_0 … c_7: bytes of x's dword | 8 | MEM, BYTE |
//! | reads of x and y: previous time, distance | 4 | MEM |
//! | u_0 … u_7: byte j is looked at | 8 | skip, rest |
//! | d_0 … d_7: byte j is the one that differs | 8 | constraints |
//! | less, gap | 2 | constraints, BYTE |
//! | write: old value, previous time, distance | 6 | MEM |
//!
//! x is the run that starts later in its dword: a, or b where swap = 1. Byte j of x's dword is compared with byte f + j of
//! the 16 bytes b_0 … b_15 of y, with one shift f = 8 + y mod 8 − x mod 8 from 1 to 8 for the whole call: the number of
//! f's flag. (b_0 is never needed.) So each row needs one dword of y and the one that its predecessor had, the first row
//! none before, and no dword is read twice. The last row writes the result. A call of no bytes is one row that reads nothing.
//!
//! Let r = first + next, last = r − more, d = Σ d_j, f_8 = r − f_1 − … − f_7, f = Σ s·f_s, w_j = Σ_s f_s·b_(s+j),
//! rise_j = u_j·(1 − u_(j−1)) with u_(−1) = u_8 = 0, left = rest − skip − Σ u_j. Constraints (degree):
//! - first, next, r, more, last, looks, reads, swap, f_s, u_j, d_j, d, less, d − less ∈ {0, 1} (2)
//! - looks·(1 − r) = reads·(1 − r) = 0 (2), next·(1 − looks) = next·skip = 0 (2)
//! - Σ rise_j = looks (2): the bytes looked at are one run; looks·(Σ j·rise_j − skip) = 0 (3): it starts at skip
//! - more·(1 − u_7) = 0, more·d = 0 (2): nothing differs before the last row
//! - last·(1 − d)·left = 0 (3): if nothing differs at all, all bytes were looked at
//! - Σ d_j·(1 − u_j + u_(j+1)) = 0 (2): the byte that differs is the last one looked at
//! - (u_j − d_j)·(c_j − w_j) = 0 (3): the others are equal
//! - Σ d_j·(c_j − w_j) = (d − 2·less)·(1 − 2·swap)·(gap + 1) (3)
//! - (r − reads)·Σ_s f_s·Σ_(j ≥ 8−s) u_j = 0 (3): y's dword is there if a byte is compared with one of it
//! - first·Σ_s f_s·Σ_(j < 8−s) u_j = 0 (3): a first row needs no dword before
//! - first·(x_low − 8·(x/8) − skip) = first·(y_low − 8·(y/8) − skip − f + 8) = 0 (3), first·(x − x/8 − 2^13·x_high) = 0 (3),
//!   y likewise, with the limbs of x those of a + swap·(b − a), of y those of b + swap·(a − b)
//!
//! Interactions: PRE.receive(MEMCMP, ts, out, a, b, rest − skip, 0) where first, with out/8, x/8 and y/8 in 16 bits;
//! COMPARE.receive(ts, swap, f, x, y, rest, out, b_1 … b_7) where next, COMPARE.send(ts, swap, f, x + 1, y + 1, rest − 8,
//! out, b_9 … b_15) where more; the read at x, ts + 7 + swap, where looks; the read at y, ts + 8 − swap, where reads; the
//! write of d − less + less·(2^64 − 1) at out, ts + 9, where last; left in 16 bits where d; c and b_8 … b_15 and gap are bytes.
//!
//! # Soundness
//! - Only `first` rows come without a predecessor, ts is the call's own, and a row passes its token on once. So a call's rows
//!   are one path, x and y advance by one, and rest falls by 8. It ends with left = 0 or, where a byte differs, left in 16
//!   bits, and rest cannot pass 0 and come round: that would take nearly p/8 rows. So no byte beyond the run is looked at.
//!   len is one limb: the high one is 0 in PRE.
//! - All rows but the first start at byte 0, all but the last go on to byte 7 and have only equal bytes. So the byte that
//!   differs is the run's first, its difference is not 0 and below 256 in absolute value, so one sign fits.
//! - x_low = 8·a + skip with a in 16 bits and skip < 8, where a byte is looked at, so a = ⌊x_low/8⌋. y likewise, where
//!   f + skip − 8 ≥ 0 because u_j = 0 for all j < 8 − f. A prover who swaps otherwise finds no such f.
//! - b_1 … b_7 are bytes that the predecessor read: it looked at byte 7, which needs y's dword at every shift.
//! - A last row that reads a dword of y without need leaves it as it is.
//! - The new limbs are 0, 1 or 2^16 − 1.

use vellum_executor::{Access, Call, Table, Touch};
use vellum_isa::Precompile;
use vellum_stark::{Algebra, Builder, Bus, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::precompile::{FIRST_SLOT, PrecompileChip, argument, code, receive_call};
use crate::{RANGE16, Read, Write, tables::send_bytes};

/// (ts, swap, shift, x, y, rest, out, bytes 7): what a row leaves to the next.
const COMPARE: Bus = Bus::permutation("COMPARE", 17, 14);

/// The columns.
#[derive(Clone, Default)]
pub struct CompareRow<T> {
    ts: T,
    /// The row receives the call.
    first: T,
    /// The row follows another.
    next: T,
    /// Another follows.
    more: T,
    /// Bytes are compared.
    looks: T,
    /// A dword of y is read.
    reads: T,
    /// x is b.
    swap: T,
    /// One-hot: shifts 1 to 7; none for 8.
    shift: [T; 7],
    /// Key of x's dword.
    x: T,
    /// Key of y's dword.
    y: T,
    /// Key of the result.
    out: T,
    /// Bytes from the start of x's dword to the run's end.
    rest: T,
    /// Bytes of x's dword before the run.
    skip: T,
    /// Bytes 1 to 7 of y's dword before; in a first row out's high limb, the limbs of a and b, x_low/8, y_low/8.
    before: [T; 7],
    /// Bytes of y's dword.
    y_bytes: [T; 8],
    /// Bytes of x's dword.
    x_bytes: [T; 8],
    /// Previous time and low half of the distance: x, y.
    times: [[T; 2]; 2],
    /// Which bytes are compared.
    mask: [T; 8],
    /// One-hot: the byte that differs.
    differs: [T; 8],
    /// a comes before b.
    less: T,
    /// How far the bytes are apart, less one.
    gap: T,
    /// The access that writes the result.
    old: Read<T>,
}

impl<T: Default> Columns<T> for CompareRow<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        f(&mut self.ts);
        f(&mut self.first);
        f(&mut self.next);
        f(&mut self.more);
        f(&mut self.looks);
        f(&mut self.reads);
        f(&mut self.swap);
        self.shift.visit(f);
        f(&mut self.x);
        f(&mut self.y);
        f(&mut self.out);
        f(&mut self.rest);
        f(&mut self.skip);
        self.before.visit(f);
        self.y_bytes.visit(f);
        self.x_bytes.visit(f);
        self.times.iter_mut().for_each(|times| times.visit(f));
        self.mask.visit(f);
        self.differs.visit(f);
        f(&mut self.less);
        f(&mut self.gap);
        self.old.visit(f);
    }
}

/// Slots of the reads of a and b, and of the write.
const A: u32 = FIRST_SLOT;
const B: u32 = FIRST_SLOT + 1;
const OUT: u32 = FIRST_SLOT + 2;

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
const DIFFERS: [&str; 8] = [
    "differs 0 boolean",
    "differs 1 boolean",
    "differs 2 boolean",
    "differs 3 boolean",
    "differs 4 boolean",
    "differs 5 boolean",
    "differs 6 boolean",
    "differs 7 boolean",
];
const EQUAL: [&str; 8] = [
    "byte 0 equal",
    "byte 1 equal",
    "byte 2 equal",
    "byte 3 equal",
    "byte 4 equal",
    "byte 5 equal",
    "byte 6 equal",
    "byte 7 equal",
];

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct CompareChip;

impl Chip for CompareChip {
    fn name(&self) -> &'static str {
        "COMPARE"
    }

    fn widths(&self) -> Widths {
        Widths { main: CompareRow::<F>::width(), ..Widths::default() }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let row = CompareRow::<B::Expr>::read(b.main());
        row.kinds(b);
        row.run(b);
        row.compare(b);
        row.arguments(b);
        row.accesses(b);
        row.chain(b);
    }
}

impl<E: Algebra<F>> CompareRow<E> {
    fn active(&self) -> E {
        self.first.clone() + self.next.clone()
    }

    fn last(&self) -> E {
        self.active() - self.more.clone()
    }

    /// Whether the runs differ in this row.
    fn different(&self) -> E {
        self.differs.iter().cloned().sum()
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

    /// Whether byte `j` is compared; no other than 0 to 7 is.
    fn mask(&self, j: Option<usize>) -> E {
        j.and_then(|j| self.mask.get(j)).cloned().unwrap_or_default()
    }

    /// Bytes of x after those compared.
    fn left(&self) -> E {
        self.rest.clone() - self.skip.clone() - self.mask.iter().cloned().sum::<E>()
    }

    /// What a row does.
    fn kinds<B: Builder<Expr = E>>(&self, b: &mut B) {
        let r = self.active();
        let idle = E::ONE - r.clone();
        b.assert_bool("first boolean", self.first.clone());
        b.assert_bool("next boolean", self.next.clone());
        b.assert_bool("first or next", r);
        b.assert_bool("more boolean", self.more.clone());
        b.assert_bool("last boolean", self.last());
        b.assert_bool("looks boolean", self.looks.clone());
        b.assert_bool("reads boolean", self.reads.clone());
        b.assert_bool("swap boolean", self.swap.clone());
        for (name, flag) in SHIFTS.into_iter().zip(self.shifts()) {
            b.assert_bool(name, flag);
        }
        for (name, flag) in MASK.iter().zip(&self.mask).chain(DIFFERS.iter().zip(&self.differs)) {
            b.assert_bool(name, flag.clone());
        }
        b.assert_bool("one difference", self.different());
        b.assert_bool("less boolean", self.less.clone());
        b.assert_bool("less or greater", self.different() - self.less.clone());
        b.assert_zero("looks only where active", self.looks.clone() * idle.clone());
        b.assert_zero("reads only where active", self.reads.clone() * idle);
        b.assert_zero("later rows look", self.next.clone() * (E::ONE - self.looks.clone()));
        b.assert_zero("later rows start at byte 0", self.next.clone() * self.skip.clone());
    }

    /// Which bytes are compared, and that y's are there.
    fn run<B: Builder<Expr = E>>(&self, b: &mut B) {
        let rise = |j: usize| self.mask(Some(j)) * (E::ONE - self.mask(j.checked_sub(1)));
        // Σ rise_j = looks
        b.assert_eq("one run", (0..8).map(rise).sum(), self.looks.clone());
        // looks·(Σ j·rise_j − skip) = 0
        let start = (0..8).map(|j| rise(j) * E::from_usize(j)).sum::<E>();
        b.assert_zero("run starts", self.looks.clone() * (start - self.skip.clone()));
        // more·(1 − u_7) = 0
        b.assert_zero("run goes on", self.more.clone() * (E::ONE - self.mask[7].clone()));
        b.assert_zero("run goes on after equal bytes", self.more.clone() * self.different());
        // last·(1 − d)·left = 0
        let equal = self.last() * (E::ONE - self.different());
        b.assert_zero("run ends", equal * self.left());
        b.send(RANGE16, self.different(), [self.left()]);
        // (r − reads)·Σ_s f_s·Σ_(j ≥ 8−s) u_j = 0
        let needed = |(i, flag)| self.mask[7 - i..].iter().cloned().sum::<E>() * flag;
        let needed: E = self.shifts().into_iter().enumerate().map(needed).sum();
        b.assert_zero("y is there", (self.active() - self.reads.clone()) * needed);
        // first·Σ_s f_s·Σ_(j < 8−s) u_j = 0
        let missing = |(i, flag)| self.mask[..7 - i].iter().cloned().sum::<E>() * flag;
        let missing: E = self.shifts().into_iter().enumerate().map(missing).sum();
        b.assert_zero("first row needs nothing before", self.first.clone() * missing);
    }

    /// Byte by byte.
    fn compare<B: Builder<Expr = E>>(&self, b: &mut B) {
        // Σ d_j·(1 − u_j + u_(j+1)) = 0
        let not_last = |j: usize| E::ONE - self.mask(Some(j)) + self.mask(Some(j + 1));
        let misplaced = (0..8).map(|j| self.differs[j].clone() * not_last(j)).sum::<E>();
        b.assert_zero("nothing after the difference", misplaced);
        // Bytes 1 to 15 of y's two dwords.
        let bytes: Vec<&E> = self.before.iter().chain(&self.y_bytes).collect();
        let difference = |j: usize| {
            let shifted = self.shifts().into_iter().enumerate().map(|(i, flag)| flag * bytes[i + j].clone());
            self.x_bytes[j].clone() - shifted.sum::<E>()
        };
        for (j, name) in EQUAL.iter().enumerate() {
            let equal = self.mask[j].clone() - self.differs[j].clone();
            b.assert_zero(name, equal * difference(j));
        }
        // Σ d_j·(c_j − w_j) = (d − 2·less)·(1 − 2·swap)·(gap + 1)
        let apart = (0..8).map(|j| self.differs[j].clone() * difference(j)).sum();
        let sign = (self.different() - self.less.double()) * (E::ONE - self.swap.double());
        b.assert_eq("difference", apart, sign * (self.gap.clone() + E::ONE));
    }

    /// The call and its pointers.
    fn arguments<B: Builder<Expr = E>>(&self, b: &mut B) {
        let [out_high, a_low, a_high, b_low, b_high, x_low, y_low] = self.before.clone();
        let first = self.first.clone();
        let high = |limb: E| limb * E::from_u16(1 << 13);
        let limb = |one: &E, other: &E| one.clone() + self.swap.clone() * (other.clone() - one.clone());
        let bytes = |low: &E| low.clone() * E::from_u8(8) + self.skip.clone();
        b.assert_zero("x", first.clone() * (limb(&a_low, &b_low) - bytes(&x_low)));
        let y_bytes = bytes(&y_low) + self.shift() - E::from_u8(8);
        b.assert_zero("y", first.clone() * (limb(&b_low, &a_low) - y_bytes));
        let key = x_low.clone() + high(limb(&a_high, &b_high));
        b.assert_zero("key of x", first.clone() * (self.x.clone() - key));
        let key = y_low.clone() + high(limb(&b_high, &a_high));
        b.assert_zero("key of y", first.clone() * (self.y.clone() - key));
        let out_low = self.out.clone() - high(out_high.clone());
        for low in [out_low.clone(), x_low, y_low] {
            b.send(RANGE16, first.clone(), [low]);
        }
        let len = self.rest.clone() - self.skip.clone();
        let out = [out_low * E::from_u8(8), out_high];
        let arguments = [out, [a_low, a_high], [b_low, b_high], [len, E::ZERO]];
        receive_call(b, first, code(Precompile::Memcmp), self.ts.clone(), arguments);
    }

    fn accesses<B: Builder<Expr = E>>(&self, b: &mut B) {
        let byte = E::from_u16(1 << 8);
        let time = |slot: u32| self.ts.clone() + E::from_u32(slot);
        let read = |bytes: &[E; 8], [prev_ts, dlo]: &[E; 2]| Read {
            value: [0, 2, 4, 6].map(|i| bytes[i].clone() + bytes[i + 1].clone() * byte.clone()),
            prev_ts: prev_ts.clone(),
            dlo: dlo.clone(),
        };
        let [x_times, y_times] = &self.times;
        let x = read(&self.x_bytes, x_times);
        let x = x.eval_open(b, &self.looks, self.x.clone(), time(A) + self.swap.clone());
        let y = read(&self.y_bytes, y_times);
        let y = y.eval_open(b, &self.reads, self.y.clone(), time(B) - self.swap.clone());
        send_bytes(b, self.active(), x, y);
        for (active, bytes) in [(&self.looks, &self.x_bytes), (&self.reads, &self.y_bytes)] {
            for pair in bytes.chunks_exact(2) {
                send_bytes(b, active.clone(), pair[0].clone(), pair[1].clone());
            }
        }
        // −1 is all ones.
        let ones = self.less.clone() * E::from_u16(u16::MAX);
        let low = self.different() - self.less.clone() + ones.clone();
        let write = Write { old: self.old.clone(), new: [low, ones.clone(), ones.clone(), ones] };
        let last = self.last();
        let write = write.eval_open(b, &last, self.out.clone(), time(OUT));
        send_bytes(b, last, write, self.gap.clone());
    }

    /// From row to row.
    fn chain<B: Builder<Expr = E>>(&self, b: &mut B) {
        let token = |x: E, y: E, rest: E, bytes: &[E]| {
            let state = [self.ts.clone(), self.swap.clone(), self.shift(), x, y, rest, self.out.clone()];
            let mut entries = state.into_iter().chain(bytes.iter().cloned());
            std::array::from_fn::<_, 14, _>(|_| entries.next().unwrap_or_default())
        };
        let [x, y, rest] = [&self.x, &self.y, &self.rest].map(Clone::clone);
        let received = token(x.clone(), y.clone(), rest.clone(), &self.before);
        b.receive(COMPARE, self.next.clone(), received);
        let sent = token(x + E::ONE, y + E::ONE, rest - E::from_u8(8), &self.y_bytes[1..]);
        b.send(COMPARE, self.more.clone(), sent);
    }
}

impl PrecompileChip for CompareChip {
    type Row = CompareRow<F>;

    fn table(&self) -> Table {
        Table::Compare
    }

    fn rows(&self, call: &Call) -> Vec<CompareRow<F>> {
        if call.code != Precompile::Memcmp.code() {
            return Vec::new();
        }
        let runs = Runs::new(call);
        let mut before = [0; 8];
        (0..runs.x.len().max(1)).map(|i| runs.row(call, i, &mut before)).collect()
    }

    fn write_row(&self, from: &CompareRow<F>, row: &mut [F]) {
        from.clone().write(row);
    }
}

/// A call, its runs in the chip's order.
struct Runs<'a> {
    swap: bool,
    /// Where the runs start.
    starts: [u32; 2],
    x: &'a [Touch],
    y: &'a [Touch],
    /// Bytes from the start of x's first dword to behind the last one compared.
    end: usize,
    out: Option<&'a Touch>,
}

impl<'a> Runs<'a> {
    fn new(call: &'a Call) -> Self {
        let [_, a, b, len] = call.args;
        let split = |touches: &'a [Touch], slot| {
            touches.split_at(touches.partition_point(|touch| touch.slot == slot))
        };
        let (a_touches, others) = split(&call.touches, A);
        let (b_touches, others) = split(others, B);
        let out = others.first();
        let swap = a % 8 < b % 8;
        let (starts, x, y) =
            if swap { ([b, a], b_touches, a_touches) } else { ([a, b], a_touches, b_touches) };
        let bytes = |touches: &[Touch], start: u32| {
            let bytes = touches.iter().flat_map(|touch| touch.access.old.to_le_bytes());
            bytes.skip(start as usize % 8).collect::<Vec<u8>>()
        };
        let pairs = bytes(x, starts[0]).into_iter().zip(bytes(y, starts[1]));
        let equal = pairs.take_while(|(x, y)| x == y).count();
        let seen = (equal + 1).min(len as usize);
        Self { swap, starts, x, y, end: starts[0] as usize % 8 + seen, out }
    }

    /// Row `i`; `before` is y's dword before, and becomes that of the next row.
    fn row(&self, call: &Call, i: usize, before: &mut [u8; 8]) -> CompareRow<F> {
        let Call { ts, args: [out, a, b, len], .. } = *call;
        let [x_start, y_start] = self.starts;
        let (first, more) = (i == 0, i + 1 < self.x.len());
        let start = x_start as usize % 8;
        let skip = if first { start } else { 0 };
        let run = skip..(self.end - 8 * i).min(8);
        let shift = 8 + y_start as usize % 8 - start;
        let (x, y) = (self.x.get(i), self.y.get(i));
        let value = |touch: Option<&Touch>| touch.map_or(0, |touch| touch.access.old);
        let [x_bytes, y_bytes] = [value(x), value(y)].map(u64::to_le_bytes);
        // Without an access the distance is zero.
        let times = |touch: Option<&Touch>, slot: u32| {
            let idle = Access { old: 0, prev_ts: ts + slot - 1 };
            let read = Read::new(touch.map_or(idle, |touch| touch.access), ts, slot);
            [read.prev_ts, read.dlo]
        };
        let result = self.out.map_or(0, |touch| touch.new as i64);
        let differs = if more || result == 0 { None } else { run.clone().last() };
        let shifted = |j: usize| if shift + j < 8 { before[shift + j] } else { y_bytes[shift + j - 8] };
        let gap = differs.map_or(0, |j| x_bytes[j].abs_diff(shifted(j)).saturating_sub(1));
        let low = |address: u32| F::from_u32(address % (1 << 16) / 8);
        let received = if first {
            let [[_, out_high], [a_low, a_high], [b_low, b_high]] = [out, a, b].map(argument);
            [out_high, a_low, a_high, b_low, b_high, low(x_start), low(y_start)]
        } else {
            std::array::from_fn(|k| F::from_u8(before[k + 1]))
        };
        let slots = if self.swap { [B, A] } else { [A, B] };
        let old = self.out.filter(|_| !more).map(|touch| Read::new(touch.access, ts, OUT));
        let row = CompareRow {
            ts: F::from_u32(ts),
            first: F::from_bool(first),
            next: F::from_bool(!first),
            more: F::from_bool(more),
            looks: F::from_bool(x.is_some()),
            reads: F::from_bool(y.is_some()),
            swap: F::from_bool(self.swap),
            shift: std::array::from_fn(|s| F::from_bool(shift == s + 1)),
            x: F::from_u32(x_start / 8 + i as u32),
            y: F::from_u32(y_start / 8 + i as u32),
            out: F::from_u32(out / 8),
            rest: F::from_usize(start + len as usize - 8 * i),
            skip: F::from_usize(skip),
            before: received,
            y_bytes: y_bytes.map(F::from_u8),
            x_bytes: x_bytes.map(F::from_u8),
            times: [times(x, slots[0]), times(y, slots[1])],
            mask: std::array::from_fn(|j| F::from_bool(run.contains(&j))),
            differs: std::array::from_fn(|j| F::from_bool(differs == Some(j))),
            less: F::from_bool(differs.is_some() && result < 0),
            gap: F::from_u8(gap),
            old: old.unwrap_or_default(),
        };
        *before = y_bytes;
        row
    }
}

#[cfg(test)]
mod tests;
