//! INIT gives the dwords outside the image that were touched their first tokens, and takes their last ones: zero memory
//! below the input region, the prover's free choice (the input) inside it.
//!
//! | phase-0 columns | number | vouched for by |
//! |---|---|---|
//! | active, input | 2 | constraints |
//! | key: low and high part | 2 | RANGE16 |
//! | previous key | 1 | KEYS |
//! | low part of the gap | 1 | RANGE16 |
//! | first value | 4 | RANGE16, constraints |
//! | last shard, last value | 5 | GMEM |
//!
//! key = 2^28·input + low + 2^16·high. Constraints (degree):
//! - active, input ∈ {0, 1} (2)
//! - (1 − input)·first_i = 0 (2)
//!
//! Interactions, × active:
//! - low, high, 16·high in 16 bits
//! - KEYS.receive(previous key), KEYS.send(key); gap = key − previous key − 1, low part and (gap − low part)/2^13 in 16 bits
//! - first_i in 16 bits; GMEM.send(key, 0, first), GMEM.receive(key, last shard, last)
//!
//! # Soundness
//! - high < 2^12 because high and 16·high are below 2^16 (16·high does not wrap), so key < 2^29, and key ≥ 2^28 where input
//!   is set: only keys of the input region have values that are not zero.
//! - *No key twice, and none outside (key_in, key_out].* A row is an edge from its previous key to its key. A previous key
//!   is some row's key or key_in (the verifier sends key_in on KEYS and receives key_out), so it is below 2^29; the gap is
//!   below 2^29 + 2^16, so previous key + 1 + gap does not wrap and the edge leads to a strictly larger number. The bus
//!   balances, so every number has as many edges in as out, but for one more out at key_in and one more in at key_out:
//!   the edges form one path from key_in to key_out and cycles, and strictly increasing edges form no cycle. So the rows
//!   are one increasing path, whose keys are distinct and in (key_in, key_out]; with no rows key_out = key_in.
//! - The verifier chains the ranges over the shards, from the image's end on: keys are distinct over all shards and
//!   distinct from IMAGE's (the registers' keys are above 2^29).
//! - Last shard and last value only empty the bus. All columns are phase-0: chosen after the global challenge they could
//!   forge GMEM's sum.

use vellum_executor::InitRow;
use vellum_stark::{Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::{
    GMEM, KEYS, RANGE16,
    access::{inverse_2_16, range_check},
    limbs,
};

/// First memory key of the input region.
const INPUT_KEY: u32 = (vellum_isa::map::INPUT_BASE / 8) as u32;
const ZERO_MEMORY: [&str; 4] = ["zero memory 0", "zero memory 1", "zero memory 2", "zero memory 3"];

/// The columns, all phase-0.
#[derive(Clone, Default)]
struct Row<T> {
    /// Whether the row is in use.
    active: T,
    /// Whether the key is in the input region.
    input: T,
    /// Low 16 bits of the key.
    low: T,
    /// Bits 16 to 27 of the key.
    high: T,
    /// The key of the row before in ascending order, key_in for the first.
    prev_key: T,
    /// Low 13 bits of key − previous key − 1.
    gap_low: T,
    /// Value at the start of the execution.
    first: [T; 4],
    /// The last shard that touched the key.
    last_shard: T,
    /// Value at the end of the execution.
    last: [T; 4],
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        f(&mut self.active);
        f(&mut self.input);
        f(&mut self.low);
        f(&mut self.high);
        f(&mut self.prev_key);
        f(&mut self.gap_low);
        self.first.visit(f);
        f(&mut self.last_shard);
        self.last.visit(f);
    }
}

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct InitChip;

impl Chip for InitChip {
    fn name(&self) -> &'static str {
        "INIT"
    }

    fn widths(&self) -> Widths {
        Widths { phase0: Row::<F>::width(), ..Widths::default() }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let row = Row::<B::Expr>::read(b.phase0());
        let r = row.active;
        let key = row.input.clone() * F::from_u32(INPUT_KEY)
            + row.low.clone()
            + row.high.clone() * F::from_u32(1 << 16);

        // active, input ∈ {0, 1}
        b.assert_bool("active boolean", r.clone());
        b.assert_bool("input boolean", row.input.clone());
        for (name, limb) in ZERO_MEMORY.into_iter().zip(&row.first) {
            // (1 − input)·first_i = 0
            b.assert_zero(name, (B::Expr::ONE - row.input.clone()) * limb.clone());
        }

        // key < 2^29
        b.send(RANGE16, r.clone(), [row.low]);
        b.send(RANGE16, r.clone(), [row.high.clone()]);
        b.send(RANGE16, r.clone(), [row.high * F::from_u8(16)]);
        // previous key < key: gap = gap_low + 2^13·gap_high
        let gap = key.clone() - row.prev_key.clone() - B::Expr::ONE;
        let gap_high = (gap - row.gap_low.clone()) * inverse_2_16() * F::from_u8(8);
        b.send(RANGE16, r.clone(), [row.gap_low]);
        b.send(RANGE16, r.clone(), [gap_high]);
        b.receive(KEYS, r.clone(), [row.prev_key]);
        b.send(KEYS, r.clone(), [key.clone()]);

        range_check(b, &r, &row.first);
        let token = |shard: B::Expr, [v0, v1, v2, v3]: [B::Expr; 4]| [key, shard, v0, v1, v2, v3];
        b.send(GMEM, r.clone(), token.clone()(B::Expr::ZERO, row.first));
        b.receive(GMEM, r, token(row.last_shard, row.last));
    }
}

impl InitChip {
    /// Writes the phase-0 cells of a dword; `prev_key` is the row before's key, or the shard's `key_in`.
    pub fn write_row(&self, init: &InitRow, prev_key: u32, row: &mut [F]) {
        let gap = init.key.wrapping_sub(prev_key).wrapping_sub(1);
        Row {
            active: F::ONE,
            input: F::from_bool(init.key >= INPUT_KEY),
            low: F::from_u16(init.key as u16),
            high: F::from_u32((init.key % INPUT_KEY) >> 16),
            prev_key: F::from_u32(prev_key),
            gap_low: F::from_u32(gap % (1 << 13)),
            first: limbs(init.first),
            last_shard: F::from_u32(init.last_shard),
            last: limbs(init.last),
        }
        .write(row);
    }
}
