//! The lies that each guard of SPONGE is there for. Honest calls are proven in the tests of KECCAK.

use expect_test::expect_file;
use vellum_stark::{
    check::Cells,
    testing::{ChipTest, columns_complete, shape},
};

use super::*;
use crate::{MEM, keccak::tests::scene, testing::in_table};

/// The rows of a call.
fn rows(data: u32, len: u32, flags: u32) -> Vec<Cells> {
    let [_, rows, _] = scene([0x2_0000, data, len, flags]).rows();
    rows
}

fn kit() -> ChipTest<'static, SpongeChip> {
    let mut rows_of = Vec::new();
    rows_of.extend(["full first", "full second", "full third"].into_iter().zip(rows(0x1003, 136, 1)));
    rows_of.extend(["end", "after the end", "third after the end"].into_iter().zip(rows(0x1005, 20, 3)));
    rows_of.push(("0x81", rows(0x1008, 135, 3).swap_remove(2)));
    ChipTest {
        rows: rows_of,
        lookup: in_table,
        ordered: &[(MEM, 1)],
        budget: 4,
        ..ChipTest::new(&SpongeChip)
    }
}

#[test]
fn no_lie_is_accepted() {
    kit().run();
}

#[test]
fn shape_is_pinned() {
    expect_file!["../../snapshots/sponge.txt"].assert_eq(&shape(&SpongeChip));
    columns_complete::<Row<u8>>();
}
