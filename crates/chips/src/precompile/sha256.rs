//! SHA256 proves a compression: state and block in memory, FIPS 180-4 section 6.2.2. A row per call; the 64 rounds are rows
//! of SHA256_ROUNDS.
//!
//! | columns | number | vouched for by |
//! |---|---|---|
//! | r, ts | 2 | PRE |
//! | state, block: limbs | 4 | PRE, alignment by RANGE16 |
//! | block: bytes | 64 | MEM, BYTE |
//! | block: previous times, distances | 16 | MEM |
//! | state: old values, previous times, distances, new values | 40 | MEM; new values: constraints, RANGE16 |
//! | working variables after the rounds: limbs | 16 | SHA_STATE |
//!
//! Constraints (degree):
//! - r ∈ {0, 1} (2)
//! - new = old + working variable mod 2^32: the carries of both limbs of each word ∈ {0, 1} (2)
//!
//! Interactions: PRE.receive(SHA256, ts, state, block, 0, 0), reads of the block at ts + 7, writes of the state at ts + 8, all
//! bytes of the block in 8 bits and new limbs in 16; SHA_STATE.send(ts, 0, old), SHA_STATE.receive(ts, 8, working variables);
//! SHA_WORDS.send of words 0 … 7 (tag 0) and 8 … 15 (tags 1 and 2).
//!
//! # Soundness
//! ts is the call's own, so the state with number 8 is what eight rows of SHA256_ROUNDS made of the one with number 0 and of
//! these words. Limbs are 16 bits, so a carry is boolean for one new limb only.

use vellum_executor::{Call, Table};
use vellum_isa::Precompile;
use vellum_stark::{Algebra, Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::precompile::{FIRST_SLOT, PrecompileChip, aligned_key, argument, code, receive_call};
use crate::{
    Read, SHA_STATE, SHA_WORDS, Write,
    access::{inverse_2_16, range_check},
    tables::send_bytes,
};

/// The columns.
#[derive(Clone, Default)]
struct Row<T> {
    active: T,
    ts: T,
    state: [T; 2],
    block: [T; 2],
    bytes: [[T; 8]; 8],
    block_prev_ts: [T; 8],
    block_dlo: [T; 8],
    /// The state before and after.
    writes: [Write<T>; 4],
    /// a to h after the rounds, limbs.
    working: [T; 16],
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        f(&mut self.active);
        f(&mut self.ts);
        self.state.visit(f);
        self.block.visit(f);
        for dword in &mut self.bytes {
            dword.visit(f);
        }
        self.block_prev_ts.visit(f);
        self.block_dlo.visit(f);
        for write in &mut self.writes {
            write.visit(f);
        }
        self.working.visit(f);
    }
}

/// Slots of the block and of the state.
const READ: u32 = FIRST_SLOT;
const WRITE: u32 = FIRST_SLOT + 1;

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sha256Chip;

impl Chip for Sha256Chip {
    fn name(&self) -> &'static str {
        "SHA256"
    }

    fn widths(&self) -> Widths {
        Widths { main: Row::<F>::width(), ..Widths::default() }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let row = Row::<B::Expr>::read(b.main());
        b.assert_bool("active", row.active.clone());
        row.accesses(b);
        row.sums(b);
        row.rounds(b);
        let zero = [B::Expr::ZERO, B::Expr::ZERO];
        let arguments = [row.state, row.block, zero.clone(), zero];
        receive_call(b, row.active, code(Precompile::Sha256), row.ts, arguments);
    }
}

impl<E: Algebra<F>> Row<E> {
    fn accesses<B: Builder<Expr = E>>(&self, b: &mut B) {
        let r = &self.active;
        let time = |slot: u32| self.ts.clone() + E::from_u32(slot);
        let block = aligned_key(b, r, &self.block);
        let state = aligned_key(b, r, &self.state);
        let mut open = Vec::new();
        for (i, bytes) in self.bytes.iter().enumerate() {
            let limb = |l: usize| bytes[2 * l].clone() + bytes[2 * l + 1].clone() * E::from_u16(256);
            let read = Read {
                value: std::array::from_fn(limb),
                prev_ts: self.block_prev_ts[i].clone(),
                dlo: self.block_dlo[i].clone(),
            };
            open.push(read.eval_open(b, r, block.clone() + E::from_usize(i), time(READ)));
            for pair in bytes.chunks_exact(2) {
                send_bytes(b, r.clone(), pair[0].clone(), pair[1].clone());
            }
        }
        for (i, write) in self.writes.iter().enumerate() {
            open.push(write.eval_open(b, r, state.clone() + E::from_usize(i), time(WRITE)));
            range_check(b, r, &write.new);
        }
        for pair in open.chunks_exact(2) {
            send_bytes(b, r.clone(), pair[0].clone(), pair[1].clone());
        }
    }

    /// The limbs of the state's words, a to h.
    fn words(&self, of: impl Fn(&Write<E>) -> &[E; 4]) -> Vec<E> {
        self.writes.iter().flat_map(|write| of(write).clone()).collect()
    }

    fn sums<B: Builder<Expr = E>>(&self, b: &mut B) {
        let [old, new] = [self.words(|write| &write.old.value), self.words(|write| &write.new)];
        for word in 0..8 {
            let mut carry = E::ZERO;
            for limb in [2 * word, 2 * word + 1] {
                let sum = old[limb].clone() + self.working[limb].clone() + carry;
                carry = (sum - new[limb].clone()) * inverse_2_16();
                b.assert_bool("carry of the sum", carry.clone());
            }
        }
    }

    fn rounds<B: Builder<Expr = E>>(&self, b: &mut B) {
        let token = |number: u32, limbs: &[E]| {
            let mut entries = [self.ts.clone(), E::from_u32(number)].into_iter().chain(limbs.iter().cloned());
            std::array::from_fn::<_, 18, _>(|_| entries.next().unwrap_or_default())
        };
        let r = &self.active;
        b.send(SHA_STATE, r.clone(), token(0, &self.words(|write| &write.old.value)));
        b.receive(SHA_STATE, r.clone(), token(8, &self.working));
        // Words are big-endian: of four bytes, the last two are the low limb.
        let words: Vec<E> = self
            .bytes
            .as_flattened()
            .chunks_exact(4)
            .flat_map(|bytes| [2, 0].map(|i| bytes[i].clone() * E::from_u16(256) + bytes[i + 1].clone()))
            .collect();
        b.send(SHA_WORDS, r.clone(), token(0, &words[..16]));
        b.send(SHA_WORDS, r.clone(), token(1, &words[16..]));
        b.send(SHA_WORDS, r.clone(), token(2, &words[16..]));
    }
}

impl PrecompileChip for Sha256Chip {
    type Row = Call;

    fn table(&self) -> Table {
        Table::Sha256
    }

    fn rows(&self, call: &Call) -> Vec<Call> {
        if call.code == Precompile::Sha256.code() { vec![call.clone()] } else { Vec::new() }
    }

    fn write_row(&self, call: &Call, row: &mut [F]) {
        let (block, state) = call.touches.split_at(8);
        let reads: [Read<F>; 8] = std::array::from_fn(|i| Read::new(block[i].access, call.ts, READ));
        // What the rounds add to each word.
        let half = |i: usize, value: u64| (value >> (32 * (i % 2))) as u32;
        let working = |i: usize| {
            let touch = &state[i / 2];
            half(i, touch.new).wrapping_sub(half(i, touch.access.old))
        };
        let limbs = (0..8).flat_map(|i| argument(working(i))).collect::<Vec<F>>();
        Row {
            active: F::ONE,
            ts: F::from_u32(call.ts),
            state: argument(call.args[0]),
            block: argument(call.args[1]),
            bytes: std::array::from_fn(|i| block[i].access.old.to_le_bytes().map(F::from_u8)),
            block_prev_ts: std::array::from_fn(|i| reads[i].prev_ts),
            block_dlo: std::array::from_fn(|i| reads[i].dlo),
            writes: std::array::from_fn(|i| Write::new(state[i].access, state[i].new, call.ts, WRITE)),
            working: std::array::from_fn(|i| limbs[i]),
        }
        .write(row);
    }
}

#[cfg(test)]
mod tests;
