//! Three small chips, written out: how a chip, its rows and its tests look. The crate's tests prove them.
//!
//! - [`Recurrence`]: c = a² + b + 5 on each row, chained over a permutation bus: a machine of one chip;
//! - [`Select`]: `if choice is odd { x + x } else { x·x }`, with a lookup that makes "odd" mean what it says;
//! - [`Bytes`]: the table it looks up.
//!
//! The verifier's boundary terms send the first token of each chain and receive the last one.

use crate::{Builder, Bus, Chip, Columns, F, PrimeCharacteristicRing, Widths, check::Cells};

/// (step, a, b): the state of the recurrence.
pub const RECURRENCE: Bus = Bus::permutation("RECURRENCE", 1, 3);
/// (step, x): the state of the selection.
pub const SELECT: Bus = Bus::permutation("SELECT", 2, 2);
/// (value): below 2^8.
pub const BYTE: Bus = Bus::lookup("BYTE", 3, 1);

/// Takes (step, a, b) to (step + 1, b, a² + b + 5).
pub struct Recurrence;

/// A row of [`Recurrence`].
#[derive(Clone, Debug, Default)]
pub struct RecurrenceRow<T> {
    /// 1 on active rows, 0 on padding.
    pub active: T,
    /// Number of the step.
    pub step: T,
    /// First number.
    pub a: T,
    /// Second number.
    pub b: T,
    /// The result.
    pub c: T,
}

impl<T: Default> Columns<T> for RecurrenceRow<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        let Self { active, step, a, b, c } = self;
        [active, step, a, b, c].into_iter().for_each(f);
    }
}

impl Chip for Recurrence {
    fn name(&self) -> &'static str {
        "RECURRENCE"
    }

    fn widths(&self) -> Widths {
        Widths { main: RecurrenceRow::<u8>::width(), ..Widths::default() }
    }

    fn eval<B: Builder>(&self, builder: &mut B) {
        let RecurrenceRow { active, step, a, b, c } = RecurrenceRow::read(builder.main());
        // active ∈ {0, 1}
        builder.assert_bool("active is boolean", active.clone());
        // c = a² + b + 5·active
        let five = active.clone() * B::Expr::from_u8(5);
        builder.assert_eq("c = a^2 + b + 5", c.clone(), a.square() + b.clone() + five);
        builder.receive(RECURRENCE, active.clone(), [step.clone(), a, b.clone()]);
        builder.send(RECURRENCE, active, [step + B::Expr::ONE, b, c]);
    }
}

/// `steps` rows of the recurrence from (a, b), and the numbers at its end.
pub fn recurrence_rows(a: F, b: F, steps: usize) -> (Vec<Cells>, [F; 2]) {
    let (mut a, mut b) = (a, b);
    let mut rows = Vec::with_capacity(steps);
    for step in 0..steps {
        let c = a.square() + b + F::from_u8(5);
        rows.push(Cells::main([F::ONE, F::from_usize(step), a, b, c]));
        (a, b) = (b, c);
    }
    (rows, [a, b])
}

/// Takes (step, x) to (step + 1, x + x) or (step + 1, x·x), as a byte of the prover's choice is odd or even.
pub struct Select;

/// A row of [`Select`].
#[derive(Clone, Debug, Default)]
pub struct SelectRow<T> {
    /// 1 on active rows, 0 on padding.
    pub active: T,
    /// Number of the step.
    pub step: T,
    /// The number taken.
    pub x: T,
    /// Which way: any number below 2^9.
    pub choice: T,
    /// choice mod 2.
    pub odd: T,
    /// The number given.
    pub y: T,
}

impl<T: Default> Columns<T> for SelectRow<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        let Self { active, step, x, choice, odd, y } = self;
        [active, step, x, choice, odd, y].into_iter().for_each(f);
    }
}

impl Chip for Select {
    fn name(&self) -> &'static str {
        "SELECT"
    }

    fn widths(&self) -> Widths {
        Widths { main: SelectRow::<u8>::width(), ..Widths::default() }
    }

    fn eval<B: Builder>(&self, builder: &mut B) {
        let SelectRow { active, step, x, choice, odd, y } = SelectRow::read(builder.main());
        builder.assert_bool("active is boolean", active.clone());
        // odd ∈ {0, 1}, (choice − odd)/2 < 2^8: odd is the low bit of choice, and no field element that is a "half" of
        // an odd number passes the lookup
        builder.assert_bool("odd is boolean", odd.clone());
        builder.send(BYTE, active.clone(), [(choice - odd.clone()).halve()]);
        // y = odd ? x + x : x·x
        let (sum, product) = (x.double(), x.square());
        builder.assert_zero(
            "y = odd ? x + x : x * x",
            odd.clone() * sum + (B::Expr::ONE - odd) * product - y.clone(),
        );
        builder.receive(SELECT, active.clone(), [step.clone(), x]);
        builder.send(SELECT, active, [step + B::Expr::ONE, y]);
    }
}

/// A row per choice, starting from x, and the number at the end.
pub fn select_rows(x: F, choices: &[u16]) -> (Vec<Cells>, F) {
    let mut x = x;
    let mut rows = Vec::with_capacity(choices.len());
    for (step, &choice) in choices.iter().enumerate() {
        let odd = choice % 2;
        let y = if odd == 1 { x.double() } else { x.square() };
        let row = [F::ONE, F::from_usize(step), x, F::from_u16(choice), F::from_u16(odd), y];
        rows.push(Cells::main(row));
        x = y;
    }
    (rows, x)
}

/// The table of bytes: preprocessed value, main multiplicity.
pub struct Bytes;

impl Chip for Bytes {
    fn name(&self) -> &'static str {
        "BYTES"
    }

    fn widths(&self) -> Widths {
        Widths { preprocessed: 1, main: 1, ..Widths::default() }
    }

    fn eval<B: Builder>(&self, builder: &mut B) {
        let (value, multiplicity) = (builder.preprocessed()[0].clone(), builder.main()[0].clone());
        builder.receive(BYTE, multiplicity, [value]);
    }
}

/// The table's 256 rows, with the multiplicities that serve `choices`.
pub fn byte_rows(choices: &[u16]) -> Vec<Cells> {
    let row = |value: u16| {
        let uses = choices.iter().filter(|choice| **choice / 2 == value).count();
        Cells { preprocessed: vec![F::from_u16(value)], main: vec![F::from_usize(uses)], ..Cells::default() }
    };
    (0..1 << 8).map(row).collect()
}
