//! The fixed tables: RANGE says what is below 2^16 or 2^8, BYTE holds the bitwise operations on bytes.
//!
//! Both have 2^16 rows, fixed at set-up, and free multiplicities: the columns count how often the other chips looked a
//! row up.
//!
//! | table | preprocessed | main | receives |
//! |---|---|---|---|
//! | RANGE | value, is8 | m16, m8 | RANGE16(value) × m16; RANGE8(value) × m8·is8 |
//! | BYTE | a, b, a∧b, a∨b, a⊕b | m_0 … m_3 | BYTE(0, a, b, a∧b), (1, a, b, a∨b), (2, a, b, a⊕b), (3, a, b, 0) |
//!
//! Operation 3 checks two bytes with one interaction.
//!
//! # Soundness
//! No constraints. The tuples are preprocessed, so a lookup bus balances only if every tuple sent stands in the table;
//! the multiplicities only have to be what was sent. is8 = 1 exactly for values below 2^8, so m8 counts nothing elsewhere.

use vellum_stark::{Builder, Chip, F, PrimeCharacteristicRing, Widths};

use crate::{BYTE, RANGE8, RANGE16};

/// Rows of each of the two tables.
pub const TABLE_ROWS: usize = 1 << 16;
/// The operation of BYTE that says only that its operands are bytes.
const PAIR: u8 = 3;

/// States that `low` and `high` are bytes where `multiplicity` is 1.
pub(crate) fn send_bytes<B: Builder>(b: &mut B, multiplicity: B::Expr, low: B::Expr, high: B::Expr) {
    b.send(BYTE, multiplicity, [B::Expr::from_u8(PAIR), low, high, B::Expr::ZERO]);
}

/// The table of values below 2^16. Row i holds value i.
#[derive(Clone, Copy, Debug, Default)]
pub struct RangeChip;

impl Chip for RangeChip {
    fn name(&self) -> &'static str {
        "RANGE"
    }

    fn widths(&self) -> Widths {
        Widths { preprocessed: 2, phase0: 0, main: 2 }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let [value, is8] = [0, 1].map(|i| b.preprocessed()[i].clone());
        let [m16, m8] = [0, 1].map(|i| b.main()[i].clone());
        b.receive(RANGE16, m16, [value.clone()]);
        b.receive(RANGE8, m8 * is8, [value]);
    }
}

/// The preprocessed rows of RANGE: value, is8.
pub fn range_rows() -> Vec<[F; 2]> {
    (0..=u16::MAX).map(|value| [F::from_u16(value), F::from_bool(value < 256)]).collect()
}

/// The table of bitwise operations. Row 256·a + b holds the results on a and b.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByteChip;

impl Chip for ByteChip {
    fn name(&self) -> &'static str {
        "BYTE"
    }

    fn widths(&self) -> Widths {
        Widths { preprocessed: 5, phase0: 0, main: 4 }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let [x, y, and, or, xor] = [0, 1, 2, 3, 4].map(|i| b.preprocessed()[i].clone());
        for (op, result) in [and, or, xor, B::Expr::ZERO].into_iter().enumerate() {
            let multiplicity = b.main()[op].clone();
            b.receive(BYTE, multiplicity, [B::Expr::from_usize(op), x.clone(), y.clone(), result]);
        }
    }
}

/// The preprocessed rows of BYTE: a, b, a∧b, a∨b, a⊕b.
pub fn byte_rows() -> Vec<[F; 5]> {
    (0..=u16::MAX)
        .map(|i| {
            let [b, a] = i.to_le_bytes();
            [a, b, a & b, a | b, a ^ b].map(F::from_u8)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;
    use vellum_stark::{
        Direction, PrimeField32,
        check::{Cells, RowInteraction, interactions},
        testing::shape,
    };

    use super::*;
    use crate::testing::in_table;

    /// What the rows of a table receive with every count at 1.
    fn received(chip: &impl Chip, rows: impl IntoIterator<Item = Vec<F>>) -> Vec<RowInteraction> {
        let row = |preprocessed| {
            let cells = Cells { preprocessed, main: vec![F::ONE; chip.widths().main], ..Cells::default() };
            interactions(chip, cells.as_row(), &[])
        };
        rows.into_iter().flat_map(row).filter(|i| i.multiplicity != F::ZERO).collect()
    }

    /// The tables hold true tuples only, each once, and all of them.
    #[test]
    fn tables_are_complete() {
        let range = received(&RangeChip, range_rows().into_iter().map(Vec::from));
        assert_eq!(range.len(), TABLE_ROWS + 256);
        let byte = received(&ByteChip, byte_rows().into_iter().map(Vec::from));
        assert_eq!(byte.len(), 4 * TABLE_ROWS);
        let mut tuples = Vec::new();
        for RowInteraction { direction, bus, multiplicity, tuple } in range.into_iter().chain(byte) {
            assert_eq!((direction, multiplicity), (Direction::Receive, F::ONE));
            assert!(in_table(bus, &tuple), "{} {tuple:?}", bus.name);
            tuples.push((bus.id, tuple.iter().map(F::as_canonical_u32).collect::<Vec<_>>()));
        }
        tuples.sort();
        assert!(tuples.windows(2).all(|pair| pair[0] != pair[1]));
    }

    /// Row i of RANGE is value i and row 256·a + b of BYTE is (a, b): the counters of multiplicities rely on it.
    #[test]
    fn rows_are_where_they_are_looked_for() {
        for (i, [value, ..]) in range_rows().into_iter().enumerate() {
            assert_eq!(value, F::from_usize(i));
        }
        for (i, [a, b, ..]) in byte_rows().into_iter().enumerate() {
            assert_eq!(a * F::from_u16(256) + b, F::from_usize(i));
        }
    }

    #[test]
    fn shape_is_pinned() {
        expect_file!["../snapshots/tables.txt"].assert_eq(&(shape(&RangeChip) + &shape(&ByteChip)));
    }
}
