//! BOUNDARY joins a shard's memory to the execution's: one row per register and dword that the shard touches.
//!
//! | phase-0 columns | number | vouched for by |
//! |---|---|---|
//! | active | 1 | constraint |
//! | key, shard before, first value | 6 | GMEM |
//! | last value, last time | 5 | MEM |
//!
//! Constraints (degree): active ∈ {0, 1} (2). Interactions, all × active, with s the shard's number (a public value):
//! - MEM.send(key, 0, first), MEM.receive(key, last time, last)
//! - GMEM.receive(key, shard before, first), GMEM.send(key, s, last)
//! - s − 1 − shard before in 16 bits
//!
//! # Soundness
//! GMEM balances over the whole execution. IMAGE and INIT send one token per key, at shard 0, and receive one; all other
//! tokens come from here, where a row takes one and gives one with a strictly larger shard number. So the tokens of a key
//! form one path from its initial value to its final one: there are no cycles, a key without initial value has no
//! tokens, and a second row for the same key in the same shard finds no token (the path passes each number once). In
//! the shard, MEM then has one first token per key, at time 0, and every access takes a token and gives a strictly later
//! one: the accesses of a key form one path too, and what is left at its end is `last`.
//! The first value needs no range check: it is a last value, written limb by limb by a chip that checked it, or an
//! initial one. All columns are phase-0: a value chosen after the global challenge could forge GMEM's sum.

use vellum_executor::BoundaryRow;
use vellum_stark::{Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::{GMEM, MEM, PUBLIC_SHARD, RANGE16, limbs};

/// The columns, all phase-0.
#[derive(Clone, Default)]
struct Row<T> {
    /// Whether the row is in use.
    active: T,
    /// Memory key.
    key: T,
    /// Number of the last shard before this one that touched the key, 0 for none.
    prev_shard: T,
    /// Value at the shard's start.
    first: [T; 4],
    /// Value at the shard's end.
    last: [T; 4],
    /// Time of the last access.
    last_ts: T,
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        f(&mut self.active);
        f(&mut self.key);
        f(&mut self.prev_shard);
        self.first.visit(f);
        self.last.visit(f);
        f(&mut self.last_ts);
    }
}

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct BoundaryChip;

impl Chip for BoundaryChip {
    fn name(&self) -> &'static str {
        "BOUNDARY"
    }

    fn widths(&self) -> Widths {
        Widths { phase0: Row::<F>::width(), ..Widths::default() }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let Row { active: r, key, prev_shard, first, last, last_ts } = Row::<B::Expr>::read(b.phase0());
        let shard = b.public(PUBLIC_SHARD);
        let token = |time: B::Expr, [v0, v1, v2, v3]: [B::Expr; 4]| [key.clone(), time, v0, v1, v2, v3];

        // active ∈ {0, 1}
        b.assert_bool("active boolean", r.clone());
        b.send(MEM, r.clone(), token(B::Expr::ZERO, first.clone()));
        b.receive(MEM, r.clone(), token(last_ts, last.clone()));
        b.receive(GMEM, r.clone(), token(prev_shard.clone(), first));
        b.send(GMEM, r.clone(), token(shard.clone(), last));
        // prev_shard < shard
        b.send(RANGE16, r, [shard - B::Expr::ONE - prev_shard]);
    }
}

impl BoundaryChip {
    /// Writes the phase-0 cells of a touched key.
    pub fn write_row(&self, boundary: &BoundaryRow, row: &mut [F]) {
        Row {
            active: F::ONE,
            key: F::from_u32(boundary.key),
            prev_shard: F::from_u32(boundary.prev_shard),
            first: limbs(boundary.first),
            last: limbs(boundary.last),
            last_ts: F::from_u32(boundary.last_ts),
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

    /// Number of the shard under test.
    const SHARD: u32 = 9;

    fn row(key: u32, prev_shard: u32, last_ts: u32) -> Cells {
        let boundary = BoundaryRow { key, prev_shard, first: 0x1234_5678_9abc_def0, last: u64::MAX, last_ts };
        let mut cells = Cells::zero(BoundaryChip.widths());
        BoundaryChip.write_row(&boundary, &mut cells.phase0);
        cells
    }

    fn kit() -> ChipTest<'static, BoundaryChip> {
        let c = indices::<Row<usize>>();
        let dword = row(77, 3, 1600);
        let shard = |shard: u32| move |x: &mut Cells| x.phase0[c.prev_shard] = F::from_u32(shard);
        let lies = vec![
            lie("a token of this shard", &dword, shard(SHARD)),
            lie("a token of the next shard", &dword, shard(SHARD + 1)),
            lie("a token of a far shard", &dword, |x| x.phase0[c.prev_shard] = -F::from_u32(1 << 16)),
        ];
        ChipTest {
            rows: vec![
                ("dword", dword),
                ("first touched here", row(1 << 28, 0, 32)),
                ("register", row((1 << 30) + 5, SHARD - 1, 99)),
            ],
            public: vec![F::from_u32(SHARD)],
            lookup: in_table,
            ordered: &[(GMEM, 1)],
            lies,
            ..ChipTest::new(&BoundaryChip)
        }
    }

    #[test]
    fn no_lie_is_accepted() {
        kit().run();
    }

    #[test]
    fn shape_is_pinned() {
        expect_file!["../snapshots/boundary.txt"].assert_eq(&shape(&BoundaryChip));
        columns_complete::<Row<u8>>();
    }
}
