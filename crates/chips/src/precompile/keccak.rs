//! The KECCAK chip: a row per call KECCAK(out, data, len, flags), which sets the sponge going and writes the digest, and
//! further rows that load a state from memory or store one.
//!
//! With FIRST (1) among the flags the state starts at zero, otherwise it is what `out` points to; with LAST (2) the data
//! is padded and the digest is written there, otherwise the state. KECCAKF says what the four parts of a state are; a row
//! stores or loads one part, and the call's own row stores part 0, or of it the digest.
//!
//! | columns | number | vouched for by |
//! |---|---|---|
//! | kind of row, one-hot: call with the four settings of the flags, load part 0 to 3, store part 1 to 3 | 11 | constraints |
//! | ts | 1 | PRE; SPONGE |
//! | out/8 as (low limb/8, high limb) | 2 | PRE, RANGE16; their sum by SPONGE |
//! | data/8 as (low limb/8, high limb), data mod 8 | 3 | PRE, RANGE16, SPONGE |
//! | len | 1 | PRE, RANGE16 |
//! | number of blocks | 1 | SPONGE |
//! | seven writes: old value, previous time, distance, new value | 70 | MEM; new value: constraint, KSTATE |
//! | low bytes of the second limb of each new value | 7 | BYTE (pairs) |
//!
//! With call, load, store the sums of their flags, r = call + load + store. Constraints (degree):
//! - every flag, r ∈ {0, 1} (2)
//! - load·(new limb − old limb) = 0 for all seven dwords (2)
//!
//! Interactions of a call's row:
//! - PRE received: (KECCAK, ts, out, data, len with high limb 0, flags); low limbs of pointers are 8·(limb/8), for `data`
//!   plus data mod 8. RANGE16: both limbs/8, 64·136 − last − len, len − 1 + last.
//! - SPONGE sent (ts, 0, 0, data/8, data mod 8, 1, len), received (ts, blocks, 0, data/8 + 17·blocks, data mod 8, 1 − last,
//!   0): all that SPONGE makes of the call.
//! - with FIRST the four parts of a zero state sent to KSTATE, without it SPONGE sent (ts, 0, LOAD, out/8, 0, 0, 0);
//!   without LAST SPONGE sent (ts, blocks, STORE + 1, out/8, 0, 0, 0).
//!
//! Interactions of other rows: SPONGE received (ts, blocks, LOAD + part or STORE + part, out/8, 0, 0, 0), and sent with the
//! next part, if there is one.
//! Of all rows: the lanes of the part written at out/8 + 6·part + lane (lanes 0 to 3: r, 4 and 5: not for a digest, 6: part
//! 3), in slot 9 to load, 10 to store, their first and third limb in 16 bits and the bytes of their second one; KSTATE: a
//! loaded part sent as the one before round 0 of block 0, a stored one received as the one after the last block.
//!
//! # Soundness
//! - A call's row receives PRE, so there is one per call, and what it sends carries the call's own ts. SPONGE's tokens
//!   with a third entry of LOAD or more only go to this chip's rows, others to none of them.
//! - out and data: see `precompile`. data mod 8 is below 8 because SPONGE, whose first row receives it, decodes it.
//! - len: the high limb is 0. With LAST len ≤ 64·136 − 1. Without, 1 ≤ len ≤ 64·136, and a multiple of 136 because SPONGE
//!   ends with all rows full. At least one block follows: with LAST the first token is not the last (1, then 0), without
//!   it `remaining` has to change.
//! - Loaded values are in range, being old; a stored lane is what KECCAKF sent, three limbs of 24, 24 and 16 bits:
//!   new_0 + 2^16·low_1, high_1 + 2^8·new_2, new_3 with high_1 = (new_1 − low_1)/2^8. As new_0 and new_2 have 16 bits and
//!   low_1 and high_1 eight, there is only this one way, and new_1 has 16 bits.
//! - A loaded lane is the memory's: new = old, and its limbs for KSTATE follow uniquely from its bytes.
//! - The state goes in before block 0 and comes out after the last block: both tokens name the block, and KECCAKF's and
//!   SPONGE's rows lead from one to the other, round by round.
//! - All of the call's data is read in slots 7 and 8, before any of this.

use std::array::from_fn;

use vellum_executor::{Call, Table, Touch};
use vellum_isa::Precompile;
use vellum_stark::{Algebra, Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::{
    KSTATE, RANGE16, SPONGE, Write,
    access::inverse_2_8,
    family::exclusive,
    precompile::keccak_f::{ROUNDS, capacity_token, rate_token},
    precompile::sponge::{RATE, Sponge},
    precompile::{PrecompileChip, code, receive_call},
    tables::send_bytes,
};

/// Lanes that a row stores or loads at most.
const LANES: usize = 7;
/// Lanes of parts 0 to 2.
const PART_LANES: usize = 6;
/// Most bytes of a call.
const BYTES_MAX: u32 = 64 * RATE as u32;
/// Slot in which a state is loaded.
const LOAD_SLOT: u32 = 9;
/// Slot in which a state or digest is stored.
const STORE_SLOT: u32 = 10;
/// Third entry of a SPONGE token that says what is to be loaded: this, plus the part.
const LOAD: usize = 3;
/// Third entry of a SPONGE token that says what is to be stored: this, plus the part.
const STORE: usize = 7;

const KINDS: [&str; 11] = [
    "call",
    "call, FIRST",
    "call, LAST",
    "call, FIRST and LAST",
    "load part 0",
    "load part 1",
    "load part 2",
    "load part 3",
    "store part 1",
    "store part 2",
    "store part 3",
];

/// The columns.
#[derive(Clone, Default)]
struct Row<T> {
    /// One-hot: a call with flags 0 to 3.
    call: [T; 4],
    /// One-hot: loads part 0 to 3.
    load: [T; 4],
    /// One-hot: stores part 1 to 3.
    store: [T; 3],
    /// Start time of the call.
    ts: T,
    /// out/8: eighth of the low limb, high limb.
    out: [T; 2],
    /// data/8: eighth of the low limb, high limb.
    data: [T; 2],
    /// data mod 8.
    offset: T,
    /// Bytes of data.
    len: T,
    /// Number of blocks.
    blocks: T,
    /// The lanes.
    lanes: [Write<T>; LANES],
    /// Low byte of each lane's second limb.
    low: [T; LANES],
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.call.visit(f);
        self.load.visit(f);
        self.store.visit(f);
        f(&mut self.ts);
        self.out.visit(f);
        self.data.visit(f);
        for cell in [&mut self.offset, &mut self.len, &mut self.blocks] {
            f(cell);
        }
        for lane in &mut self.lanes {
            lane.visit(f);
        }
        self.low.visit(f);
    }
}

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeccakChip;

impl Chip for KeccakChip {
    fn name(&self) -> &'static str {
        "KECCAK"
    }

    fn widths(&self) -> Widths {
        Widths { main: Row::<F>::width(), ..Widths::default() }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let row = Row::<B::Expr>::read(b.main());
        let r = exclusive(b, &row.kinds(), KINDS);
        row.receive_call(b);
        row.sponge(b);
        row.zero_state(b);
        row.memory(b, &r);
        row.state(b);
    }
}

/// Σ of some flags.
fn sum<'a, E: PrimeCharacteristicRing + 'a>(flags: impl IntoIterator<Item = &'a E>) -> E {
    flags.into_iter().cloned().sum()
}

/// eighth of the low limb + 2^13·high limb.
fn key<E: Algebra<F>>([low_eighth, high]: &[E; 2]) -> E {
    low_eighth.clone() + high.clone() * F::from_u16(1 << 13)
}

impl<E: Algebra<F>> Row<E> {
    fn kinds(&self) -> [E; 11] {
        let mut flags = self.call.iter().chain(&self.load).chain(&self.store).cloned();
        from_fn(|_| flags.next().unwrap_or_default())
    }

    /// call·last.
    fn last(&self) -> E {
        sum(&self.call[2..])
    }

    /// The call and its arguments.
    fn receive_call<B: Builder<Expr = E>>(&self, b: &mut B) {
        let call = sum(&self.call);
        let eight = F::from_u8(8);
        let pointer = |[low, high]: &[E; 2]| [low.clone() * eight, high.clone()];
        let [data_low, data_high] = pointer(&self.data);
        let flags = self.call[1].clone() + self.call[2].double() + self.call[3].clone() * F::from_u8(3);
        let arguments = [
            pointer(&self.out),
            [data_low + self.offset.clone(), data_high],
            [self.len.clone(), E::ZERO],
            [flags, E::ZERO],
        ];
        receive_call(b, call.clone(), code(Precompile::Keccak), self.ts.clone(), arguments);
        let most = E::from_u32(BYTES_MAX) - self.last() - self.len.clone();
        let least = self.len.clone() - E::ONE + self.last();
        for value in [self.out[0].clone(), self.data[0].clone(), most, least] {
            b.send(RANGE16, call.clone(), [value]);
        }
    }

    /// What SPONGE makes of the call, and what remains to be loaded or stored.
    fn sponge<B: Builder<Expr = E>>(&self, b: &mut B) {
        let call = sum(&self.call);
        let key_in = key(&self.data);
        let key_out = key_in.clone() + self.blocks.clone() * F::from_usize(RATE / 8);
        let token = |block, row, key, offset: &E, more, remaining| {
            [self.ts.clone(), block, row, key, offset.clone(), more, remaining]
        };
        let zero = E::ZERO;
        let begin = token(zero.clone(), zero.clone(), key_in, &self.offset, E::ONE, self.len.clone());
        b.send(SPONGE, call.clone(), begin);
        let blocks = self.blocks.clone();
        let more = E::ONE - self.last();
        let end = token(blocks.clone(), zero.clone(), key_out, &self.offset, more, zero.clone());
        b.receive(SPONGE, call, end);

        let numbered = |flags: &[E], number: usize| -> E {
            flags.iter().zip(number..).map(|(flag, number)| flag.clone() * F::from_usize(number)).sum()
        };
        let part =
            |block: &E, row| token(block.clone(), row, key(&self.out), &zero, zero.clone(), zero.clone());
        b.send(SPONGE, self.call[0].clone() + self.call[2].clone(), part(&zero, E::from_usize(LOAD)));
        let own = numbered(&self.load, LOAD) + numbered(&self.store, STORE + 1);
        b.receive(SPONGE, sum(self.load.iter().chain(&self.store)), part(&blocks, own));
        // Without LAST a call's row, which stores part 0, goes before part 1.
        let open = sum(&self.call[..2]);
        let next = numbered(&self.load[..3], LOAD + 1)
            + open.clone() * F::from_usize(STORE + 1)
            + numbered(&self.store[..2], STORE + 2);
        b.send(SPONGE, open + sum(self.load[..3].iter().chain(&self.store[..2])), part(&blocks, next));
    }

    /// With FIRST: the state before block 0 is zero.
    fn zero_state<B: Builder<Expr = E>>(&self, b: &mut B) {
        let first = self.call[1].clone() + self.call[3].clone();
        let (ts, rounds) = (&self.ts, E::from_usize(ROUNDS));
        for part in 0..3 {
            let token = rate_token(part, ts.clone(), E::NEG_ONE, rounds.clone(), |_, _| E::ZERO);
            b.send(KSTATE, first.clone(), token);
        }
        b.send(KSTATE, first, capacity_token(ts.clone(), E::ZERO, |_, _| E::ZERO));
    }

    /// The row's part, at `out`.
    fn memory<B: Builder<Expr = E>>(&self, b: &mut B, r: &E) {
        let load = sum(&self.load);
        let time =
            self.ts.clone() + E::from_u32(STORE_SLOT) - load.clone() * F::from_u32(STORE_SLOT - LOAD_SLOT);
        let parts = [
            self.load[1].clone() + self.store[0].clone(),
            self.load[2].clone() + self.store[1].clone(),
            self.load[3].clone() + self.store[2].clone(),
        ];
        let first_lane: E =
            parts.iter().zip(1..).map(|(flag, part)| flag.clone() * F::from_usize(PART_LANES * part)).sum();
        let key = key(&self.out) + first_lane;
        for (i, (lane, low)) in self.lanes.iter().zip(&self.low).enumerate() {
            let live = match i {
                0..4 => r.clone(),
                4..PART_LANES => r.clone() - self.last(),
                _ => parts[2].clone(),
            };
            lane.eval(b, &live, key.clone() + E::from_usize(i), time.clone());
            for (new, old) in lane.new.iter().zip(&lane.old.value) {
                // load·(new − old) = 0
                b.assert_zero("a load writes what it reads", load.clone() * (new.clone() - old.clone()));
            }
            for limb in [0, 2] {
                b.send(RANGE16, live.clone(), [lane.new[limb].clone()]);
            }
            send_bytes(b, live, low.clone(), self.high(i));
        }
    }

    /// High byte of a lane's second limb.
    fn high(&self, lane: usize) -> E {
        (self.lanes[lane].new[1].clone() - self.low[lane].clone()) * inverse_2_8()
    }

    /// Limb k of a lane, as KECCAKF has them.
    fn limb(&self, lane: usize, k: usize) -> E {
        let [new0, _, new2, new3] = &self.lanes[lane].new;
        match k {
            0 => new0.clone() + self.low[lane].clone() * F::from_u32(1 << 16),
            1 => self.high(lane) + new2.clone() * F::from_u16(1 << 8),
            _ => new3.clone(),
        }
    }

    /// The row's part, on KSTATE.
    fn state<B: Builder<Expr = E>>(&self, b: &mut B) {
        let part = |flags: &[E]| flags[0].clone() + flags[1].double();
        let rounds = E::from_usize(ROUNDS);
        let time = self.ts.clone() + part(&self.load[1..3]);
        let limb = |i: usize, k: usize| self.limb(i, k);
        b.send(KSTATE, sum(&self.load[..3]), rate_token(0, time, E::NEG_ONE, rounds.clone(), limb));
        b.send(KSTATE, self.load[3].clone(), capacity_token(self.ts.clone(), E::ZERO, limb));
        let time = self.ts.clone() + part(&self.store[..2]);
        let last_block = self.blocks.clone() - E::ONE;
        let stored = sum(self.call.iter().chain(&self.store[..2]));
        b.receive(KSTATE, stored, rate_token(0, time, last_block, rounds, limb));
        let permuted = self.blocks.clone() * F::from_usize(ROUNDS);
        b.receive(KSTATE, self.store[2].clone(), capacity_token(self.ts.clone(), permuted, limb));
    }
}

/// What a row does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Call,
    Load(usize),
    Store(usize),
}

/// A row about to be written.
#[derive(Clone, Debug)]
pub struct KeccakRow {
    kind: Kind,
    ts: u32,
    args: [u32; 4],
    blocks: u32,
    touches: Vec<Touch>,
    /// Values of the lanes, those not written included.
    lanes: [u64; LANES],
}

impl PrecompileChip for KeccakChip {
    type Row = KeccakRow;

    fn table(&self) -> Table {
        Table::Keccak
    }

    fn rows(&self, call: &Call) -> Vec<KeccakRow> {
        let Some(sponge) = Sponge::new(call) else { return Vec::new() };
        let result = sponge.result();
        let mut touches = sponge.state.iter().copied();
        let mut row = |kind, blocks| {
            let (part, count) = match kind {
                Kind::Call => (0, if sponge.last { 4 } else { PART_LANES }),
                Kind::Load(3) | Kind::Store(3) => (3, LANES),
                Kind::Load(part) | Kind::Store(part) => (part, PART_LANES),
            };
            let touches: Vec<Touch> = touches.by_ref().take(count).collect();
            let most = if part == 3 { LANES } else { PART_LANES };
            let lanes = from_fn(|i| match kind {
                Kind::Load(_) => touches.get(i).map_or(0, |touch| touch.new),
                _ => {
                    if i < most {
                        result[PART_LANES * part + i]
                    } else {
                        0
                    }
                }
            });
            KeccakRow { kind, ts: call.ts, args: call.args, blocks, touches, lanes }
        };
        let blocks = sponge.blocks() as u32;
        let loads = if sponge.first { 0 } else { 4 };
        let mut rows: Vec<KeccakRow> = (0..loads).map(|part| row(Kind::Load(part), 0)).collect();
        rows.push(row(Kind::Call, blocks));
        let stores = if sponge.last { 1 } else { 4 };
        rows.extend((1..stores).map(|part| row(Kind::Store(part), blocks)));
        rows
    }

    fn write_row(&self, from: &KeccakRow, row: &mut [F]) {
        let [out, data, len, flags] = from.args;
        let is_call = from.kind == Kind::Call;
        let eighths = |pointer: u32| [(pointer & 0xffff) / 8, pointer >> 16].map(F::from_u32);
        let of_call = |value: u32| if is_call { F::from_u32(value) } else { F::ZERO };
        Row {
            call: from_fn(|i| F::from_bool(is_call && i == flags as usize)),
            load: from_fn(|part| F::from_bool(from.kind == Kind::Load(part))),
            store: from_fn(|i| F::from_bool(from.kind == Kind::Store(i + 1))),
            ts: F::from_u32(from.ts),
            out: eighths(out),
            data: if is_call { eighths(data) } else { Default::default() },
            offset: of_call(data % 8),
            len: of_call(len),
            blocks: F::from_u32(from.blocks),
            lanes: from_fn(|i| {
                let touch = from.touches.get(i);
                let unwritten = || Write { new: crate::limbs(from.lanes[i]), ..Write::default() };
                touch.map_or_else(unwritten, |touch| {
                    Write::new(touch.access, from.lanes[i], from.ts, touch.slot)
                })
            }),
            low: from.lanes.map(|lane| F::from_u8((lane >> 16) as u8)),
        }
        .write(row);
    }
}

#[cfg(test)]
pub(crate) mod tests;
