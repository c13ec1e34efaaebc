//! The example chips under the test kit: what every chip's tests look like, and a check that the kit finds what it is
//! for.

use expect_test::expect;
use vellum_stark::{
    Builder, Bus, Chip, Direction, F, PrimeCharacteristicRing, PrimeField32, Widths,
    check::{BusBalance, Cells, Lookups},
    examples::{
        BYTE, Bytes, RECURRENCE, Recurrence, RecurrenceRow, SELECT, Select, SelectRow, byte_rows,
        recurrence_rows, select_rows,
    },
    symbolic::{describe, validate_machine},
    testing::{ChipTest, columns_complete, indices, lie, shape},
};

fn in_table(bus: Bus, tuple: &[F]) -> bool {
    bus == BYTE && tuple[0].as_canonical_u32() < 1 << 8
}

fn recurrence_test<C: Chip>(chip: &C) -> ChipTest<'_, C> {
    let (rows, _) = recurrence_rows(F::from_u8(3), F::from_u8(4), 2);
    let columns: RecurrenceRow<usize> = indices();
    ChipTest {
        rows: vec![("first", rows[0].clone()), ("second", rows[1].clone())],
        lies: vec![
            // | active | step | a | b | c       |
            // | 1      | 0    | 3 | 4 | 18 + 1 ← |
            lie("c + 1", &rows[0], |cells| cells.main[columns.c] += F::ONE),
            // | active | step | a | b | c  |
            // | 2 ←    | 0    | 3 | 4 | 23 ← |   two tokens of one
            lie("a row counted twice", &rows[0], |cells| {
                cells.main[columns.active] = F::TWO;
                cells.main[columns.c] = F::from_u8(23);
            }),
        ],
        ..ChipTest::new(chip)
    }
}

fn select_test<C: Chip>(chip: &C) -> ChipTest<'_, C> {
    let (rows, _) = select_rows(F::from_u8(3), &[7, 8, 511]);
    let columns: SelectRow<usize> = indices();
    ChipTest {
        rows: vec![("odd", rows[0].clone()), ("even", rows[1].clone()), ("largest", rows[2].clone())],
        lookup: in_table,
        inputs: vec![columns.choice],
        lies: vec![
            // | x | choice | odd | y     |
            // | 3 | 7      | 0 ← | 9 ←   |   half of 7 is no byte
            lie("7 is even", &rows[0], |cells| {
                cells.main[columns.odd] = F::ZERO;
                cells.main[columns.y] = F::from_u8(9);
            }),
            // | x | choice | odd | y     |
            // | 3 | 7      | 3 ← | 0 ←   |   3·6 − 2·9: neither sum nor product, but (7 − 3)/2 is a byte
            lie("three times the sum minus twice the product", &rows[0], |cells| {
                cells.main[columns.odd] = F::from_u8(3);
                cells.main[columns.y] = F::ZERO;
            }),
        ],
        ..ChipTest::new(chip)
    }
}

#[test]
fn no_lie_about_the_recurrence_is_accepted() {
    recurrence_test(&Recurrence).run();
}

#[test]
fn no_lie_about_the_selection_is_accepted() {
    select_test(&Select).run();
}

#[test]
fn shapes_are_pinned() {
    columns_complete::<RecurrenceRow<u8>>();
    columns_complete::<SelectRow<u8>>();
    expect![[r#"
        chip RECURRENCE
        columns: preprocessed 0, phase 0 0, main 5
        constraints: 2
          active is boolean (degree 2): m0*(m0 - 1)
          c = a^2 + b + 5 (degree 2): m4 - (m2*m2 + m3 + m0*5)
        interactions: 2
          receive RECURRENCE (m1, m2, m3) times m0 (degree 1)
          send RECURRENCE (m1 + 1, m3, m4) times m0 (degree 1)
    "#]]
    .assert_eq(&shape(&Recurrence));
    expect![[r#"
        chip SELECT
        columns: preprocessed 0, phase 0 0, main 6
        constraints: 3
          active is boolean (degree 2): m0*(m0 - 1)
          odd is boolean (degree 2): m4*(m4 - 1)
          y = odd ? x + x : x * x (degree 3): m4*m2*2 + (1 - m4)*m2*m2 - m5
        interactions: 3
          send BYTE ((m3 - m4)*1/2^1) times m0 (degree 1)
          receive SELECT (m1, m2) times m0 (degree 1)
          send SELECT (m1 + 1, m5) times m0 (degree 1)
    "#]]
    .assert_eq(&shape(&Select));
    expect![[r#"
        chip BYTES
        columns: preprocessed 1, phase 0 0, main 1
        constraints: 0
        interactions: 1
          receive BYTE (p0) times m0 (degree 1)
    "#]]
    .assert_eq(&shape(&Bytes));
}

#[test]
fn the_examples_are_a_machine() {
    validate_machine(&[describe(&Recurrence), describe(&Select), describe(&Bytes)]).expect("a valid machine");
}

/// The buses of two chains, with the verifier's boundary terms; `edit` may change the rows of `Select`.
fn balance(lookups: Lookups, edit: impl FnOnce(&mut [Cells])) -> BusBalance {
    let choices = [7, 8, 511, 0];
    let (a, b, x) = (F::from_u8(3), F::from_u8(4), F::from_u8(9));
    let (recurrence, [a_end, b_end]) = recurrence_rows(a, b, 8);
    let (mut select, x_end) = select_rows(x, &choices);
    edit(&mut select);
    let mut balance = BusBalance::new(lookups);
    balance.add_rows(&Recurrence, recurrence.iter().map(Cells::as_row), &[]);
    balance.add_rows(&Select, select.iter().map(Cells::as_row), &[]);
    balance.add_rows(&Bytes, byte_rows(&choices).iter().map(Cells::as_row), &[]);
    let verifier = ("verifier", 0);
    balance.add(Direction::Send, RECURRENCE, F::ONE, &[F::ZERO, a, b], verifier);
    balance.add(Direction::Receive, RECURRENCE, F::ONE, &[F::from_u8(8), a_end, b_end], verifier);
    balance.add(Direction::Send, SELECT, F::ONE, &[F::ZERO, x], verifier);
    balance.add(Direction::Receive, SELECT, F::ONE, &[F::from_u8(4), x_end], verifier);
    balance
}

#[test]
fn honest_rows_balance() {
    for lookups in [Lookups::Counted, Lookups::Free] {
        let balance = balance(lookups, |_| {});
        assert_eq!(balance.unbalanced(), []);
        assert_eq!(balance.violations(), []);
    }
}

#[test]
fn an_unbalanced_tuple_is_named_with_its_rows() {
    let balance = balance(Lookups::Free, |select| select[1].main[5] += F::ONE);
    assert_eq!(balance.violations(), [("SELECT", 1, "y = odd ? x + x : x * x")]);
    let report: Vec<String> = balance.unbalanced().iter().map(ToString::to_string).collect();
    expect![[r#"
        SELECT [2, 325], sent by SELECT row 1, received by none
        SELECT [2, 324], sent by none, received by SELECT row 2"#]]
    .assert_eq(&report.join("\n"));
}

#[test]
fn multiplicities_are_counted_or_free() {
    let other_choice = |select: &mut [Cells]| select[0].main[3] = F::from_u8(9);
    assert_eq!(balance(Lookups::Free, other_choice).unbalanced(), []);
    assert_eq!(balance(Lookups::Counted, other_choice).unbalanced().len(), 2);
    let not_a_byte = |select: &mut [Cells]| select[0].main[3] = F::from_u16(1025);
    assert_eq!(balance(Lookups::Free, not_a_byte).unbalanced().len(), 1);
}

/// [`Select`] with one statement left out: the kit must notice each.
struct Broken(&'static str);

impl Chip for Broken {
    fn name(&self) -> &'static str {
        "BROKEN"
    }

    fn widths(&self) -> Widths {
        Select.widths()
    }

    fn eval<B: Builder>(&self, builder: &mut B) {
        Select.eval(&mut Without { builder, name: self.0 });
    }
}

/// A builder that drops the constraints or lookups of one name.
struct Without<'a, B> {
    builder: &'a mut B,
    name: &'static str,
}

impl<B: Builder> Builder for Without<'_, B> {
    type Expr = B::Expr;

    fn preprocessed(&self) -> &[B::Expr] {
        self.builder.preprocessed()
    }

    fn phase0(&self) -> &[B::Expr] {
        self.builder.phase0()
    }

    fn main(&self) -> &[B::Expr] {
        self.builder.main()
    }

    fn public(&self, index: usize) -> B::Expr {
        self.builder.public(index)
    }

    fn assert_zero(&mut self, name: &'static str, value: B::Expr) {
        if name != self.name {
            self.builder.assert_zero(name, value);
        }
    }

    fn interact<const N: usize>(
        &mut self,
        direction: Direction,
        bus: Bus,
        multiplicity: B::Expr,
        tuple: [B::Expr; N],
    ) {
        if bus.name != self.name {
            self.builder.interact(direction, bus, multiplicity, tuple);
        }
    }
}

#[test]
fn forge_finds_what_each_lost_statement_lets_through() {
    for name in ["active is boolean", "odd is boolean", "BYTE", "y = odd ? x + x : x * x"] {
        let chip = Broken(name);
        let test = ChipTest { lies: Vec::new(), ..select_test(&chip) };
        assert!(!test.forge().is_empty(), "without {name:?} nothing is forged");
    }
    let chip = Broken("");
    assert_eq!(select_test(&chip).forge(), Vec::<String>::new());
}

#[test]
fn mute_reports_statements_that_nothing_needs() {
    let test = ChipTest {
        // Without rows and lies nothing can show a need.
        rows: Vec::new(),
        lies: Vec::new(),
        allowed_mutes: &[("BYTE", "to show that exceptions count"), ("BYTE#1", "no such lookup")],
        ..select_test(&Select)
    };
    expect![[r#"
        nothing notices the loss of "odd is boolean"
        nothing notices the loss of "y = odd ? x + x : x * x"
        allowed_mutes names "BYTE#1", which the chip does not have"#]]
    .assert_eq(&test.mute().join("\n"));
}
