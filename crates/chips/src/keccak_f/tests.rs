//! Rounds against another implementation, and the lies that each family of constraints is there for.

use expect_test::expect_file;
use vellum_stark::{
    check::Cells,
    testing::{ChipTest, Lie, columns_complete, indices, lie, shape},
};

use super::*;
use crate::testing::{Operands, TS, in_table};

fn row(round: &Round) -> Cells {
    let mut cells = Cells::zero(KeccakFChip.widths());
    KeccakFChip.write_row(round, &mut cells.main);
    cells
}

fn random_state(operands: &mut Operands) -> State {
    from_fn(|_| operands.bits())
}

#[test]
fn permutations_as_tiny_keccak_has_them() {
    let mut operands = Operands(7);
    for state in [[0; 25], [u64::MAX; 25], random_state(&mut operands), random_state(&mut operands)] {
        let mut expected = state;
        tiny_keccak::keccakf(&mut expected);
        let (rounds, output) = Round::permutation(TS, 3, true, state);
        assert_eq!(output, expected);
        let rows = rounds.iter().map(|round| ("round", row(round))).collect();
        assert_eq!(ChipTest { rows, ..ChipTest::new(&KeccakFChip) }.honest(), [""; 0]);
    }
}

#[test]
fn shape_is_pinned() {
    expect_file!["../../snapshots/keccak_f.txt"].assert_eq(&shape(&KeccakFChip));
    columns_complete::<Row<u8>>();
}
