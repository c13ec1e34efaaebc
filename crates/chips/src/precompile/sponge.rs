//! The SPONGE chip absorbs: one row takes up to 48 bytes of a message from memory, pads them, and adds them to six lanes
//! of a Keccak state. Three rows are a block of 136 bytes: 48, 48 and 40, the last with one lane that absorbs nothing.
//!
//! Given parts 0, 1 and 2 of the state after round 24 of one block, three rows prove those before round 0 of the next.
//! Rows of a call follow each other over SPONGE(ts, block, row of the block, key, offset, more, remaining): the data's
//! next byte is byte `offset` of dword `key`, `remaining` bytes of it are left, and `more` says that the message, its
//! padding included, has not ended. KECCAK sends the first token and receives the last.
//!
//! | columns | number | vouched for by |
//! |---|---|---|
//! | ts, block, key, remaining, more | 5 | SPONGE |
//! | p_0, p_1, p_2: row of the block, one-hot | 3 | constraints, SPONGE |
//! | f_0 … f_7: offset, one-hot | 8 | constraints, SPONGE |
//! | full: whether the row takes all bytes it can | 1 | constraint |
//! | m_0 … m_47: byte j is the message's | 48 | constraints, Σ m_j by SPONGE |
//! | a_1 … a_6: dword q holds a byte of the row | 6 | constraints |
//! | seven dwords read: value, previous time, distance | 42 | MEM |
//! | low bytes of their limbs | 28 | BYTE (pairs) |
//! | d_0 … d_47: what is absorbed | 48 | constraints, BYTE |
//! | s_0 … s_47: bytes of the lanes before | 48 | KSTATE, BYTE |
//! | t_0 … t_47: bytes of the lanes after | 48 | BYTE |
//!
//! r = p_0 + p_1 + p_2, w_j = Σ_o f_o·byte_(j+o) of the dwords, m_(−1) = more, e_j = m_(j−1) − m_j: the message ends
//! before byte j. Constraints (degree):
//! - p_i, r, f_o, m_j, a_q ∈ {0, 1} (2), Σ f_o = r (1)
//! - m_j·(1 − m_(j−1)) = 0 (2), m_0·(1 − r) = 0 (2), p_2·m_40 = 0 (2), p_0·(1 − more) = 0 (2)
//! - full = m_47 + p_2·m_39 (2)
//! - a_q = Σ_o f_o·m_(8q−o) (2); a_0 = m_0
//! - d_j = m_j·w_j + e_j + 0x80·\[j = 39\]·p_2·(1 − full) (3), but e_40 counts only where p_2 = 0
//!
//! Interactions: SPONGE received and sent (r); KSTATE received and sent (r); dword q at key + q (a_q); the pairs of its
//! bytes (a_q); t_j = s_j ⊕ d_j by BYTE (r).
//!
//! # Soundness
//! - Order: tokens of a call are (block, row) in order, each row passes on (block, row + 1) or (block + 1, 0); `key`,
//!   `offset` and `remaining` follow from it. KECCAK's last token says how many blocks there were, that no byte remains,
//!   and whether the message ended. A call has no other tokens, since ts is its own, so no row can start in the middle,
//!   be left out or join another call.
//! - Bytes: m is 1 up to some byte and 0 from there on, and 0 at once if the message has ended before. A byte that counts
//!   is in a dword that is read: byte_(j+o) with m_j = 1 lies in dword q = (j + o)/8, and m_(8q−o) = 1 as 8q − o ≤ j. The
//!   two bytes of a limb are checked to be bytes, so they are its only decomposition.
//! - Padding: `full` = 0 means that the message ends in this row or has ended before, and is passed on as `more`. The
//!   message ends at most once, as `more` = 0 leaves m and e zero, and 0x01 is added where it ends: e_j = 1 for exactly
//!   one j, but for the end of a full third row (e_40), where the next block begins with it. No block begins after the
//!   end (p_0·(1 − more) = 0), so `full` = 0 in the third row says that this is the last block, and 0x80 is added to it.
//! - Bytes s_j are the received limbs' only decomposition, being bytes (BYTE). So are t_j of what is sent.
//! - Time: a dword is read in slot 8, but in slot 7 by the row that ends in it, because the next one may begin in it.
//! - Addresses: key starts below 2^29 (KECCAK) and grows by at most 17 a block, so it stays far below the registers.

use std::array::from_fn;

use vellum_executor::{Call, Table, Touch};
use vellum_isa::Precompile;
use vellum_stark::{Algebra, Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::{
    BYTE, KSTATE, Read, SPONGE,
    access::inverse_2_8,
    family::{exclusive, low_bytes},
    precompile::PrecompileChip,
    precompile::keccak_f::{ROUNDS, Round, State, rate_token},
    tables::send_bytes,
};

/// Bytes of a block.
pub(crate) const RATE: usize = 136;
/// Bytes of a row.
const BYTES: usize = 48;
/// Bytes of a block's third row.
const LAST_BYTES: usize = 40;
/// Dwords that a row reads at most.
const DWORDS: usize = 7;
/// Slot in which a row reads the dword that its bytes end in, if the next row may begin in it.
const END: u32 = 7;
/// Slot in which a row reads any other dword.
pub(crate) const DATA: u32 = 8;
/// The operation ⊕ of BYTE.
const XOR: u8 = 2;

const PARTS: [&str; 3] = ["first row of a block", "second row of a block", "third row of a block"];
const OFFSETS: [&str; 8] =
    ["offset 0", "offset 1", "offset 2", "offset 3", "offset 4", "offset 5", "offset 6", "offset 7"];

/// The columns.
#[derive(Clone)]
struct Row<T> {
    /// Start time of the call.
    ts: T,
    /// Number of the block.
    block: T,
    /// Key of the dword in which the row's first byte is.
    key: T,
    /// Bytes left of the call's data before the row.
    remaining: T,
    /// Whether the message has not ended before the row.
    more: T,
    /// One-hot: row of the block.
    parts: [T; 3],
    /// One-hot: place of the first byte in its dword.
    offset: [T; 8],
    /// Whether the row takes as many bytes as it can.
    full: T,
    /// Whether byte j is one of the message's.
    mask: [[T; 8]; 6],
    /// Whether dword q + 1 is read.
    active: [T; 6],
    /// The dwords.
    dwords: [Read<T>; DWORDS],
    /// Low bytes of their limbs.
    low: [[T; 4]; DWORDS],
    /// What is absorbed: message and padding.
    absorbed: [[T; 8]; 6],
    /// The lanes before.
    before: [[T; 8]; 6],
    /// The lanes after.
    after: [[T; 8]; 6],
}

impl<T: Default> Default for Row<T> {
    fn default() -> Self {
        Self {
            ts: T::default(),
            block: T::default(),
            key: T::default(),
            remaining: T::default(),
            more: T::default(),
            parts: Default::default(),
            offset: Default::default(),
            full: T::default(),
            mask: Default::default(),
            active: Default::default(),
            dwords: Default::default(),
            low: Default::default(),
            absorbed: Default::default(),
            before: Default::default(),
            after: Default::default(),
        }
    }
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        for cell in [&mut self.ts, &mut self.block, &mut self.key, &mut self.remaining, &mut self.more] {
            f(cell);
        }
        self.parts.visit(f);
        self.offset.visit(f);
        f(&mut self.full);
        self.mask.as_flattened_mut().iter_mut().for_each(&mut *f);
        self.active.visit(f);
        for dword in &mut self.dwords {
            dword.visit(f);
        }
        self.low.as_flattened_mut().iter_mut().for_each(&mut *f);
        for lanes in [&mut self.absorbed, &mut self.before, &mut self.after] {
            lanes.as_flattened_mut().iter_mut().for_each(&mut *f);
        }
    }
}

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct SpongeChip;

impl Chip for SpongeChip {
    fn name(&self) -> &'static str {
        "SPONGE"
    }

    fn widths(&self) -> Widths {
        Widths { main: Row::<F>::width(), ..Widths::default() }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let row = Row::<B::Expr>::read(b.main());
        let r = exclusive(b, &row.parts, PARTS);
        row.masks(b, &r);
        row.read_dwords(b);
        row.absorb(b, &r);
        row.chain(b, r);
    }
}

impl<E: Algebra<F>> Row<E> {
    /// Which bytes are the message's.
    fn masks<B: Builder<Expr = E>>(&self, b: &mut B, r: &E) {
        let [first, _, third] = &self.parts;
        for (flag, name) in self.offset.iter().zip(OFFSETS) {
            b.assert_bool(name, flag.clone());
        }
        // Σ f_o = r
        b.assert_eq("one offset", self.offset.iter().cloned().sum(), r.clone());
        let mask = self.mask.as_flattened();
        for (j, bit) in mask.iter().enumerate() {
            b.assert_bool("mask boolean", bit.clone());
            // m_j·(1 − m_(j−1)) = 0
            let previous = if j == 0 { &self.more } else { &mask[j - 1] };
            b.assert_zero("bytes without a gap", bit.clone() * (E::ONE - previous.clone()));
        }
        // m_0·(1 − r) = 0
        b.assert_zero("bytes only in a row", mask[0].clone() * (E::ONE - r.clone()));
        // p_2·m_40 = 0
        b.assert_zero("third row: 40 bytes", third.clone() * mask[LAST_BYTES].clone());
        // p_0·(1 − more) = 0
        b.assert_zero("no block after the end", first.clone() * (E::ONE - self.more.clone()));
        // full = m_47 + p_2·m_39
        let full = mask[BYTES - 1].clone() + third.clone() * mask[LAST_BYTES - 1].clone();
        b.assert_eq("full", self.full.clone(), full);
        for (q, active) in (1..).zip(&self.active) {
            b.assert_bool("dword read boolean", active.clone());
            // a_q = Σ_o f_o·m_(8q−o)
            let flags = self.offset.iter().enumerate().filter(|(o, _)| 8 * q - o < BYTES);
            let sum = flags.map(|(o, flag)| flag.clone() * mask[8 * q - o].clone()).sum();
            b.assert_eq("dword read if a byte is in it", active.clone(), sum);
        }
    }

    /// Whether dword q is read.
    fn active(&self, q: usize) -> &E {
        if q == 0 { &self.mask[0][0] } else { &self.active[q - 1] }
    }

    /// The dwords and their bytes.
    fn read_dwords<B: Builder<Expr = E>>(&self, b: &mut B) {
        for (q, (dword, low)) in self.dwords.iter().zip(&self.low).enumerate() {
            let live = self.active(q);
            // Slot 8, or 7 where the row's bytes end: dword 6, in a third row dword 5.
            let slot = match q {
                6 => E::from_u32(END),
                5 => E::from_u32(DATA) - self.parts[2].clone() * F::from_u32(DATA - END),
                _ => E::from_u32(DATA),
            };
            dword.eval(b, live, self.key.clone() + E::from_usize(q), self.ts.clone() + slot);
            for (limb, low) in dword.value.iter().zip(low) {
                send_bytes(b, live.clone(), low.clone(), (limb.clone() - low.clone()) * inverse_2_8());
            }
        }
    }

    /// Byte i of the dwords.
    fn byte(&self, i: usize) -> E {
        let (q, limb) = (i / 8, i % 8 / 2);
        let low = &self.low[q][limb];
        match i % 2 {
            0 => low.clone(),
            _ => (self.dwords[q].value[limb].clone() - low.clone()) * inverse_2_8(),
        }
    }

    /// Message and padding, added to the lanes.
    fn absorb<B: Builder<Expr = E>>(&self, b: &mut B, r: &E) {
        let bytes: Vec<E> = (0..8 * DWORDS).map(|i| self.byte(i)).collect();
        let [.., third] = &self.parts;
        let mask = self.mask.as_flattened();
        let lanes = [&self.absorbed, &self.before, &self.after].map(|lanes| lanes.as_flattened());
        let mut previous = &self.more;
        for j in 0..BYTES {
            // w_j = Σ_o f_o·byte_(j+o)
            let data: E = self.offset.iter().zip(&bytes[j..]).map(|(f, byte)| f.clone() * byte.clone()).sum();
            let mut end = previous.clone() - mask[j].clone();
            if j == LAST_BYTES {
                end *= E::ONE - third.clone();
            }
            if j == LAST_BYTES - 1 {
                end += third.clone() * (E::ONE - self.full.clone()) * F::from_u8(0x80);
            }
            // d_j = m_j·w_j + e_j + 0x80·[j = 39]·p_2·(1 − full)
            b.assert_eq("absorbed byte", lanes[0][j].clone(), mask[j].clone() * data + end);
            let [absorbed, before, after] = [0, 1, 2].map(|i| lanes[i][j].clone());
            b.send(BYTE, r.clone(), [E::from_u8(XOR), before, absorbed, after]);
            previous = &mask[j];
        }
    }

    /// The state and the next row.
    fn chain<B: Builder<Expr = E>>(&self, b: &mut B, r: E) {
        let [first, second, third] = &self.parts;
        let part = second.clone() + third.double();
        let time = self.ts.clone() + part.clone();
        let previous = self.block.clone() - E::ONE;
        let limb = |lanes: &[[E; 8]; 6], i: usize, k: usize| from_bytes(&lanes[i][3 * k..8.min(3 * k + 3)]);
        let rounds = E::from_usize(ROUNDS);
        let before = rate_token(0, time.clone(), previous, rounds, |i, k| limb(&self.before, i, k));
        b.receive(KSTATE, r.clone(), before);
        let after = rate_token(0, time, self.block.clone(), E::ZERO, |i, k| limb(&self.after, i, k));
        b.send(KSTATE, r.clone(), after);

        let offset: E = self.offset.iter().enumerate().map(|(o, flag)| flag.clone() * F::from_usize(o)).sum();
        let taken: E = self.mask.as_flattened().iter().cloned().sum();
        let token = |block, part, key, more, remaining| {
            [self.ts.clone(), block, part, key, offset.clone(), more, remaining]
        };
        let [block, key, remaining] = [&self.block, &self.key, &self.remaining].map(E::clone);
        let here = token(block.clone(), part, key.clone(), self.more.clone(), remaining.clone());
        b.receive(SPONGE, r.clone(), here);
        let next = token(
            block + third.clone(),
            first.clone() + second.double(),
            key + E::from_u8(6) - third.clone(),
            self.full.clone(),
            remaining - taken,
        );
        b.send(SPONGE, r, next);
    }
}

/// Σ 2^8i·byte.
fn from_bytes<E: Algebra<F>>(bytes: &[E]) -> E {
    let mut bytes = bytes.iter().rev();
    let top = bytes.next().cloned().unwrap_or_default();
    bytes.fold(top, |sum, byte| sum * F::from_u16(1 << 8) + byte.clone())
}

/// A call of KECCAK taken apart.
pub(crate) struct Sponge<'a> {
    /// The call.
    pub(crate) call: &'a Call,
    /// Flag FIRST: the state starts at zero.
    pub(crate) first: bool,
    /// Flag LAST: the data is padded, and only a digest is written.
    pub(crate) last: bool,
    /// Accesses that read data, in the order of rows.
    data: &'a [Touch],
    /// Accesses that read the state, then those that write state or digest.
    pub(crate) state: &'a [Touch],
}

/// What is absorbed in a block, and the state around it.
struct Block {
    message: [u8; RATE],
    before: State,
    after: State,
}

impl<'a> Sponge<'a> {
    /// The call's parts, if it is one of KECCAK.
    pub(crate) fn new(call: &'a Call) -> Option<Self> {
        let data = call.touches.iter().take_while(|touch| touch.slot <= DATA).count();
        let (data, state) = call.touches.split_at(data);
        let [first, last] = [0, 1].map(|bit| call.args[3] >> bit & 1 == 1);
        (call.code == Precompile::Keccak.code()).then_some(Self { call, first, last, data, state })
    }

    /// Number of blocks.
    pub(crate) fn blocks(&self) -> usize {
        self.call.args[2] as usize / RATE + usize::from(self.last)
    }

    /// The state before the call.
    fn loaded(&self) -> State {
        from_fn(|i| if self.first { 0 } else { self.state[i].access.old })
    }

    /// Every block.
    fn absorb(&self) -> Vec<Block> {
        let [_, data, len, _] = self.call.args;
        let mut bytes = vec![0; RATE * self.blocks()];
        for touch in self.data {
            // The dword's first byte stands at 8·key − data in the message: negative for the first dword.
            let at = i64::from(touch.key) * 8 - i64::from(data);
            for (place, byte) in (at..).zip(touch.access.old.to_le_bytes()) {
                if (0..i64::from(len)).contains(&place) {
                    bytes[place as usize] = byte;
                }
            }
        }
        if self.last {
            bytes[len as usize] = 0x01;
            bytes[RATE * self.blocks() - 1] |= 0x80;
        }
        let mut state = self.loaded();
        let blocks = bytes.as_chunks::<RATE>().0.iter().zip(0..).map(|(message, block)| {
            let before = state;
            let mut after = before;
            for (lane, bytes) in after.iter_mut().zip(message.as_chunks().0) {
                *lane ^= u64::from_le_bytes(*bytes);
            }
            state = Round::permutation(self.call.ts, block, true, after).1;
            Block { message: *message, before, after }
        });
        blocks.collect()
    }

    /// The rounds of every block.
    pub(crate) fn rounds(&self) -> Vec<Round> {
        let blocks = self.absorb();
        let digest_at = if self.last { blocks.len() } else { 0 };
        let rounds = blocks.iter().zip(0..).flat_map(|(block, number)| {
            let keep = number as usize + 1 != digest_at;
            Round::permutation(self.call.ts, number, keep, block.after).0
        });
        rounds.collect()
    }

    /// The state after the call.
    pub(crate) fn result(&self) -> State {
        let blocks = self.absorb();
        blocks.last().map_or(self.loaded(), |block| Round::permutation(0, 0, true, block.after).1)
    }
}

/// A row about to be written.
#[derive(Clone, Debug)]
pub struct AbsorbRow {
    ts: u32,
    block: u32,
    part: usize,
    /// Address of the row's first byte.
    address: u64,
    /// Bytes left before the row.
    remaining: u32,
    more: bool,
    touches: Vec<Touch>,
    absorbed: [u8; BYTES],
    before: [u64; 6],
}

impl AbsorbRow {
    /// Bytes that the row takes at most.
    fn bytes_max(&self) -> usize {
        if self.part == 2 { LAST_BYTES } else { BYTES }
    }

    /// Bytes that the row takes.
    fn bytes(&self) -> usize {
        self.bytes_max().min(self.remaining as usize)
    }

    fn row(&self) -> Row<F> {
        let (taken, most) = (self.bytes(), self.bytes_max());
        let offset = (self.address % 8) as usize;
        let lanes = |lane: &dyn Fn(usize) -> u64| -> [[F; 8]; 6] {
            from_fn(|i| lane(i).to_le_bytes().map(F::from_u8))
        };
        let absorbed =
            |i: usize| self.absorbed.as_chunks().0.get(i).map_or(0, |bytes| u64::from_le_bytes(*bytes));
        Row {
            ts: F::from_u32(self.ts),
            block: F::from_u32(self.block),
            key: F::from_u32((self.address / 8) as u32),
            remaining: F::from_u32(self.remaining),
            more: F::from_bool(self.more),
            parts: from_fn(|i| F::from_bool(i == self.part)),
            offset: from_fn(|o| F::from_bool(o == offset)),
            full: F::from_bool(taken == most),
            mask: from_fn(|i| from_fn(|k| F::from_bool(8 * i + k < taken))),
            active: from_fn(|q| F::from_bool(q + 1 < self.touches.len())),
            dwords: from_fn(|q| {
                let touch = self.touches.get(q);
                touch.map_or(Read::default(), |touch| Read::new(touch.access, self.ts, touch.slot))
            }),
            low: from_fn(|q| {
                let value = self.touches.get(q).map_or(0, |touch| touch.access.old);
                low_bytes(value)
            }),
            absorbed: lanes(&absorbed),
            before: lanes(&|i| self.before[i]),
            after: lanes(&|i| self.before[i] ^ absorbed(i)),
        }
    }
}

impl PrecompileChip for SpongeChip {
    type Row = AbsorbRow;

    fn table(&self) -> Table {
        Table::Sponge
    }

    fn rows(&self, call: &Call) -> Vec<AbsorbRow> {
        let Some(sponge) = Sponge::new(call) else { return Vec::new() };
        let [_, data, len, _] = call.args;
        let (mut address, mut remaining, mut more) = (u64::from(data), len, true);
        let mut touches = sponge.data.iter().copied();
        let mut rows = Vec::with_capacity(3 * sponge.blocks());
        for (number, block) in sponge.absorb().into_iter().enumerate() {
            for part in 0..3 {
                let mut row = AbsorbRow {
                    ts: call.ts,
                    block: number as u32,
                    part,
                    address,
                    remaining,
                    more,
                    touches: Vec::new(),
                    absorbed: from_fn(|j| block.message.get(BYTES * part + j).copied().unwrap_or(0)),
                    before: from_fn(|i| block.before[6 * part + i]),
                };
                let (taken, most) = (row.bytes(), row.bytes_max());
                let dwords = if taken == 0 { 0 } else { (address as usize % 8 + taken).div_ceil(8) };
                row.touches.extend(touches.by_ref().take(dwords));
                rows.push(row);
                address += most as u64;
                remaining -= taken as u32;
                more = taken == most;
            }
        }
        rows
    }

    fn write_row(&self, from: &AbsorbRow, row: &mut [F]) {
        from.row().write(row);
    }
}

#[cfg(test)]
pub(crate) mod tests;
