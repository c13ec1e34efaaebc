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
        let input = init.key >= INPUT_KEY;
        let offset = if input { init.key - INPUT_KEY } else { init.key };
        Row {
            active: F::ONE,
            input: F::from_bool(input),
            low: F::from_u16(offset as u16),
            high: F::from_u32(offset >> 16),
            prev_key: F::from_u32(prev_key),
            gap_low: F::from_u32(gap % (1 << 13)),
            first: limbs(init.first),
            last_shard: F::from_u32(init.last_shard),
            last: limbs(init.last),
        }
        .write(row);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;
    use vellum_stark::{
        check::Cells,
        testing::{ChipTest, columns_complete, indices, lie, shape},
    };

    use super::*;
    use crate::testing::in_table;

    fn row(key: u32, prev_key: u32, first: u64) -> Cells {
        let init = InitRow { key, first, last: 0x1234_5678_9abc_def0, last_shard: 3 };
        let mut cells = Cells::zero(InitChip.widths());
        InitChip.write_row(&init, prev_key, &mut cells.phase0);
        cells
    }

    fn kit() -> ChipTest<'static, InitChip> {
        let c = indices::<Row<usize>>();
        let stack = row(0x0fff_fe00, 0x10_0000, 0);
        let input = row(INPUT_KEY + 5, 0x0fff_ff00, 0x1122_3344_5566_7788);
        let cell = |value: i64| F::from_i64(value);
        let mut lies = vec![
            // key = previous key:  gap = −1 as gap_low −1, or as gap_high −1/2^13
            lie("two rows with one key", &stack, |x| {
                x.phase0[c.prev_key] = F::from_u32(0x0fff_fe00);
                x.phase0[c.gap_low] = F::NEG_ONE;
            }),
            lie("two rows with one key, by the high part", &stack, |x| {
                x.phase0[c.prev_key] = F::from_u32(0x0fff_fe00);
                x.phase0[c.gap_low] = F::ZERO;
            }),
            // key = 2^28·input + low + 2^16·high
            lie("the prover's value at key 5", &input, |x| {
                x.phase0[c.low] = cell(5 - (1 << 28));
                x.phase0[c.prev_key] = F::ZERO;
                x.phase0[c.gap_low] = F::from_u8(4);
            }),
            lie("a key of 2^29 and more", &input, |x| {
                x.phase0[c.low] = F::from_u16(0xffff);
                x.phase0[c.high] = F::from_u16(0xffff) * inverse_2_16() * F::from_u16(1 << 12);
                x.phase0[c.prev_key] = F::from_u32((1 << 29) - 1);
                x.phase0[c.gap_low] = F::from_u16(0xffff - (1 << 12));
            }),
            lie("the prover's value in register x2", &input, |x| {
                x.phase0[c.low] = F::TWO;
                x.phase0[c.high] = F::from_u16((1 << 14) - (1 << 12));
                x.phase0[c.prev_key] = F::from_u32(1 << 30);
                x.phase0[c.gap_low] = F::ONE;
            }),
            lie("register x2 back at zero", &stack, |x| {
                x.phase0[c.input] = F::from_u8(4);
                x.phase0[c.low] = F::TWO;
                x.phase0[c.high] = F::ZERO;
                x.phase0[c.prev_key] = F::from_u32(1 << 30);
                x.phase0[c.gap_low] = F::ONE;
            }),
        ];
        for i in 0..4 {
            lies.push(lie("the stack begins with a value", &stack, |x| x.phase0[c.first[i]] = F::ONE));
            lies.push(lie("an input limb of 2^16", &input, |x| x.phase0[c.first[i]] = F::from_u32(1 << 16)));
        }
        ChipTest {
            rows: vec![
                ("stack", stack),
                ("input", input),
                ("last dword", row((1 << 29) - 1, 0, u64::MAX)),
                ("next dword", row(0x10_0001, 0x10_0000, 0)),
            ],
            lookup: in_table,
            ordered: &[(KEYS, 0)],
            // The prover chooses the input; `zero memory` is tested by lies.
            inputs: c.first.to_vec(),
            lies,
            ..ChipTest::new(&InitChip)
        }
    }

    #[test]
    fn no_lie_is_accepted() {
        kit().run();
    }

    #[test]
    fn keys_out_of_order_or_range_have_no_row() {
        let rows = [
            (5, 5),
            (5, 6),
            (5, (1 << 29) - 1),
            (1 << 29, 7),
            ((1 << 30) + 2, 1 << 30),
            (INPUT_KEY, INPUT_KEY),
        ];
        for (key, prev_key) in rows {
            let test = ChipTest { rows: vec![("bad key", row(key, prev_key, 0))], ..kit() };
            assert_ne!(test.honest(), [""; 0], "{prev_key:#x} {key:#x}");
        }
    }

    #[test]
    fn shape_is_pinned() {
        expect_file!["../snapshots/init.txt"].assert_eq(&shape(&InitChip));
        columns_complete::<Row<u8>>();
    }
}
