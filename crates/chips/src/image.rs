//! IMAGE gives the memory image of the program and the 64 registers, at zero, their first tokens, and takes their last
//! ones. It stands in the last shard only.
//!
//! | columns | kind | number | vouched for by |
//! |---|---|---|---|
//! | key, first value, multiplicity | preprocessed | 6 | the verifying key |
//! | last shard, last value | phase-0 | 5 | GMEM |
//!
//! No constraints. Interactions, × multiplicity (1, or 0 in padding rows): GMEM.send(key, 0, first value),
//! GMEM.receive(key, last shard, last value).
//!
//! # Soundness
//! The initial tokens are the program's, one per key: [`image_rows`] takes its keys from disjoint segments below the
//! registers' keys, and set-up refuses a duplicate. What is received only empties the bus: a row that is never touched
//! takes its own token back (last shard 0). The phase-0 columns are fixed before the global challenge.

use vellum_executor::FinalRow;
use vellum_isa::{
    Program,
    map::{REGISTER_KEY, REGISTERS},
};
use vellum_stark::{Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::{GMEM, limbs};

/// The preprocessed columns.
#[derive(Clone, Default)]
struct Fixed<T> {
    /// Memory key.
    key: T,
    /// Value at the start of the execution.
    first: [T; 4],
    /// 1, or 0 in a padding row.
    multiplicity: T,
}

impl<T: Default> Columns<T> for Fixed<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        f(&mut self.key);
        self.first.visit(f);
        f(&mut self.multiplicity);
    }
}

/// The phase-0 columns.
#[derive(Clone, Default)]
struct Row<T> {
    /// The last shard that touched the key, 0 if none did.
    last_shard: T,
    /// Value at the end of the execution.
    last: [T; 4],
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        f(&mut self.last_shard);
        self.last.visit(f);
    }
}

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImageChip;

impl Chip for ImageChip {
    fn name(&self) -> &'static str {
        "IMAGE"
    }

    fn widths(&self) -> Widths {
        Widths { preprocessed: Fixed::<F>::width(), phase0: Row::<F>::width(), main: 0 }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let Fixed { key, first, multiplicity } = Fixed::<B::Expr>::read(b.preprocessed());
        let Row { last_shard, last } = Row::<B::Expr>::read(b.phase0());
        let token = |shard: B::Expr, [v0, v1, v2, v3]: [B::Expr; 4]| [key.clone(), shard, v0, v1, v2, v3];
        b.send(GMEM, multiplicity.clone(), token(B::Expr::ZERO, first));
        b.receive(GMEM, multiplicity, token(last_shard, last));
    }
}

impl ImageChip {
    /// Writes the phase-0 cells of an image row.
    pub fn write_row(&self, end: &FinalRow, row: &mut [F]) {
        Row { last_shard: F::from_u32(end.last_shard), last: limbs(end.last) }.write(row);
    }
}

/// The preprocessed rows of a program: its segments' dwords by ascending key, then the registers. Padding rows are zero.
pub fn image_rows(program: &Program) -> Vec<[F; 6]> {
    let dwords =
        program.segments.iter().flat_map(|segment| (segment.key..).zip(segment.dwords.iter().copied()));
    let registers = (REGISTER_KEY..).zip([0; REGISTERS]);
    dwords
        .chain(registers)
        .map(|(key, value)| {
            let mut row = [F::ZERO; 6];
            Fixed { key: F::from_u32(key), first: limbs(value), multiplicity: F::ONE }.write(&mut row);
            row
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;
    use vellum_isa::Segment;
    use vellum_stark::{
        PrimeField32,
        check::{Cells, interactions},
        testing::{ChipTest, columns_complete, shape},
    };

    use super::*;

    fn program(segments: Vec<Segment>) -> Program {
        Program { rom: Vec::new(), entry: 0, segments, image_end: 100, symbols: Vec::new(), signature: None }
    }

    #[test]
    fn every_dword_and_register_has_one_token() {
        let segments = vec![
            Segment { key: 16, dwords: vec![0x1122_3344_5566_7788, 0] },
            Segment { key: 40, dwords: vec![u64::MAX] },
        ];
        let rows = image_rows(&program(segments));
        let keys: Vec<u32> = rows.iter().map(|row| row[0].as_canonical_u32()).collect();
        assert_eq!(keys, [vec![16, 17, 40], (REGISTER_KEY..REGISTER_KEY + 64).collect()].concat());
        assert_eq!(rows[0][1..5], limbs(0x1122_3344_5566_7788));
        assert_eq!(rows[2][1..5], limbs(u64::MAX));
        assert!(rows[3..].iter().all(|row| row[1..5] == [F::ZERO; 4]));
        assert!(rows.iter().all(|row| row[5] == F::ONE));
    }

    #[test]
    fn a_row_gives_the_first_token_and_takes_the_last() {
        let image = image_rows(&program(vec![Segment { key: 16, dwords: vec![7] }]));
        let mut cells = Cells { preprocessed: image[0].to_vec(), ..Cells::zero(ImageChip.widths()) };
        ImageChip.write_row(&FinalRow { last: 1 << 48, last_shard: 3 }, &mut cells.phase0);
        let token =
            |shard, value| [[F::from_u32(16), F::from_u32(shard)].to_vec(), limbs(value).to_vec()].concat();
        let tuples: Vec<_> = interactions(&ImageChip, cells.as_row(), &[])
            .into_iter()
            .map(|i| (i.multiplicity, i.tuple))
            .collect();
        assert_eq!(tuples, [(F::ONE, token(0, 7)), (F::ONE, token(3, 1 << 48))]);
        ChipTest { rows: vec![("image", cells)], ..ChipTest::new(&ImageChip) }.run();
    }

    #[test]
    fn shape_is_pinned() {
        expect_file!["../snapshots/image.txt"].assert_eq(&shape(&ImageChip));
        columns_complete::<Fixed<u8>>();
        columns_complete::<Row<u8>>();
    }
}
