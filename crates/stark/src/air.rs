//! How a chip states its constraints.
//!
//! A [`Chip`] is a table: preprocessed, phase-0 and main columns, constraints on one row at a time, and interactions on
//! buses. There is no access to the next row: whatever must relate two rows goes over a bus. `eval` is written once
//! over [`Builder`] and runs over packed field elements (prover), extension elements (verifier), symbols (set-up,
//! degrees, digest) and single field elements (debugger, test kit).

use p3_field::{Algebra, PrimeCharacteristicRing};

use crate::{Bus, F};

/// Numbers of columns of a chip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Widths {
    /// Columns fixed at set-up.
    pub preprocessed: usize,
    /// Columns committed before the global challenge.
    pub phase0: usize,
    /// Columns committed in the main round.
    pub main: usize,
}

/// Which way an interaction counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Adds copies of the tuple.
    Send,
    /// Removes copies of the tuple.
    Receive,
}

/// A struct of columns: `T` cells in a fixed order.
///
/// `visit` names every cell once, in column order. The test kit checks that no field is left out (it compares the
/// number of visited cells with the struct's size).
pub trait Columns<T>: Default {
    /// Calls `f` on every cell, in column order.
    fn visit(&mut self, f: &mut impl FnMut(&mut T));

    /// The struct filled from a row's cells.
    ///
    /// # Panics
    /// If `cells` is shorter than the struct.
    fn read(cells: &[T]) -> Self
    where
        T: Clone,
    {
        let mut columns = Self::default();
        let mut next = cells.iter();
        columns.visit(&mut |cell| *cell = next.next().expect("a row has the chip's width").clone());
        columns
    }

    /// Writes the struct's cells to a row.
    ///
    /// # Panics
    /// If `row` is shorter than the struct.
    fn write(mut self, row: &mut [T])
    where
        T: Clone,
    {
        let mut next = row.iter_mut();
        self.visit(&mut |cell| next.next().expect("a row has the chip's width").clone_from(cell));
    }

    /// Number of cells.
    fn width() -> usize {
        let mut width = 0;
        Self::default().visit(&mut |_| width += 1);
        width
    }
}

impl<T: Default, const N: usize> Columns<T> for [T; N]
where
    [T; N]: Default,
{
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.iter_mut().for_each(f);
    }
}

/// What `eval` sees of a row, and where it states what must hold of it.
pub trait Builder: Sized {
    /// A cell or an expression in cells.
    type Expr: Algebra<F> + PrimeCharacteristicRing;

    /// The row's preprocessed cells.
    fn preprocessed(&self) -> &[Self::Expr];
    /// The row's phase-0 cells.
    fn phase0(&self) -> &[Self::Expr];
    /// The row's main cells.
    fn main(&self) -> &[Self::Expr];
    /// Public value number `index` of the shard (a constant).
    fn public(&self, index: usize) -> Self::Expr;

    /// States that `value` is zero. Degree at most 3. `name` appears in reports.
    fn assert_zero(&mut self, name: &'static str, value: Self::Expr);

    /// An interaction. `multiplicity` has degree at most 2, the tuple's entries degree at most 1.
    fn interact<const N: usize>(
        &mut self,
        direction: Direction,
        bus: Bus,
        multiplicity: Self::Expr,
        tuple: [Self::Expr; N],
    );

    /// Sends `multiplicity` copies of `tuple`.
    fn send<const N: usize>(&mut self, bus: Bus, multiplicity: Self::Expr, tuple: [Self::Expr; N]) {
        self.interact(Direction::Send, bus, multiplicity, tuple);
    }

    /// Receives `multiplicity` copies of `tuple`.
    fn receive<const N: usize>(&mut self, bus: Bus, multiplicity: Self::Expr, tuple: [Self::Expr; N]) {
        self.interact(Direction::Receive, bus, multiplicity, tuple);
    }

    /// Receives `multiplicity` copies of `tuple` and sends as many with entry `at` replaced by `new`. The two share the
    /// rest of their fingerprint, so this is cheaper than the two calls it stands for.
    fn replace<const N: usize>(
        &mut self,
        bus: Bus,
        multiplicity: Self::Expr,
        tuple: [Self::Expr; N],
        at: usize,
        new: Self::Expr,
    ) {
        let mut sent = tuple.clone();
        sent[at] = new;
        self.receive(bus, multiplicity.clone(), tuple);
        self.send(bus, multiplicity, sent);
    }

    /// States that `left` equals `right`.
    fn assert_eq(&mut self, name: &'static str, left: Self::Expr, right: Self::Expr) {
        self.assert_zero(name, left - right);
    }

    /// States that `value` is 0 or 1.
    fn assert_bool(&mut self, name: &'static str, value: Self::Expr) {
        self.assert_zero(name, value.clone() * (value - Self::Expr::ONE));
    }
}

/// A table's circuit.
pub trait Chip: Send + Sync {
    /// Name, unique in its machine.
    fn name(&self) -> &'static str;
    /// Numbers of columns.
    fn widths(&self) -> Widths;
    /// Constraints and interactions of one row. A row of zeros (with the preprocessed cells of a padding row) satisfies
    /// them and interacts with nothing.
    fn eval<B: Builder>(&self, builder: &mut B);
}
