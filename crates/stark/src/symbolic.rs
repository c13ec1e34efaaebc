//! A chip's constraints as symbols: a chip goes in, its [`Description`] comes out.
//!
//! Set-up validates descriptions (degrees, buses, phases), the verifying key hashes their encoding, and the test kit
//! searches them for forgeries. Constants are folded as expressions are built (c ∘ c', x + 0, x − 0, x·0, x·1), the
//! same way every time, so equal `eval`s give equal descriptions.

mod boolean;
mod validate;

pub use validate::{SetupError, validate_machine};

use std::{
    collections::HashMap,
    fmt,
    iter::{Product, Sum},
    ops::{Add, AddAssign, Mul, MulAssign, Neg, Sub, SubAssign},
    sync::Arc,
};

use p3_field::Dup;

use crate::{
    Algebra, Builder, Bus, BusKind, Chip, Direction, F, PrimeCharacteristicRing, PrimeField32, Scope, Widths,
};

/// Largest degree of a constraint: the quotient then has as many pieces as the blow-up holds.
pub const MAX_CONSTRAINT_DEGREE: usize = 3;
/// Largest degree of a multiplicity: (multiplicity)·(the other fingerprint) keeps degree 3 when two interactions share
/// an auxiliary column.
pub const MAX_MULTIPLICITY_DEGREE: usize = 2;
/// Largest degree of a tuple's entry.
pub const MAX_TUPLE_DEGREE: usize = 1;

/// A value an expression can refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// A preprocessed column.
    Preprocessed(usize),
    /// A phase-0 column.
    Phase0(usize),
    /// A main column.
    Main(usize),
    /// A public value of the shard: a constant.
    Public(usize),
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preprocessed(i) => write!(f, "p{i}"),
            Self::Phase0(i) => write!(f, "z{i}"),
            Self::Main(i) => write!(f, "m{i}"),
            Self::Public(i) => write!(f, "public{i}"),
        }
    }
}

/// An operation of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// left + right.
    Add,
    /// left − right.
    Sub,
    /// left · right.
    Mul,
}

/// An expression in cells. Clones share their operands.
#[derive(Clone)]
pub enum Expr {
    /// A field element.
    Constant(F),
    /// A cell.
    Cell(Cell),
    /// An operation.
    Node(Arc<Node>),
}

/// An inner node of an expression.
pub struct Node {
    /// The operation.
    pub op: Op,
    /// Left operand.
    pub left: Expr,
    /// Right operand.
    pub right: Expr,
    degree: usize,
}

impl Expr {
    /// Degree in the row's cells (an upper bound: cancellation is not looked for).
    pub fn degree(&self) -> usize {
        match self {
            Self::Constant(_) | Self::Cell(Cell::Public(_)) => 0,
            Self::Cell(_) => 1,
            Self::Node(node) => node.degree,
        }
    }

    fn node(op: Op, left: Self, right: Self) -> Self {
        let degree = match op {
            Op::Add | Op::Sub => left.degree().max(right.degree()),
            Op::Mul => left.degree() + right.degree(),
        };
        Self::Node(Arc::new(Node { op, left, right, degree }))
    }

    const fn constant(&self) -> Option<F> {
        match self {
            Self::Constant(value) => Some(*value),
            _ => None,
        }
    }
}

impl Default for Expr {
    fn default() -> Self {
        Self::ZERO
    }
}

impl From<F> for Expr {
    fn from(value: F) -> Self {
        Self::Constant(value)
    }
}

impl Dup for Expr {
    fn dup(&self) -> Self {
        self.clone()
    }
}

impl Add for Expr {
    type Output = Self;
    fn add(self, right: Self) -> Self {
        match (self.constant(), right.constant()) {
            (Some(a), Some(b)) => Self::Constant(a + b),
            (Some(F::ZERO), None) => right,
            (None, Some(F::ZERO)) => self,
            _ => Self::node(Op::Add, self, right),
        }
    }
}

impl Sub for Expr {
    type Output = Self;
    fn sub(self, right: Self) -> Self {
        match (self.constant(), right.constant()) {
            (Some(a), Some(b)) => Self::Constant(a - b),
            (None, Some(F::ZERO)) => self,
            _ => Self::node(Op::Sub, self, right),
        }
    }
}

impl Mul for Expr {
    type Output = Self;
    fn mul(self, right: Self) -> Self {
        match (self.constant(), right.constant()) {
            (Some(a), Some(b)) => Self::Constant(a * b),
            (Some(F::ZERO), None) | (None, Some(F::ZERO)) => Self::ZERO,
            (Some(F::ONE), None) => right,
            (None, Some(F::ONE)) => self,
            _ => Self::node(Op::Mul, self, right),
        }
    }
}

impl Neg for Expr {
    type Output = Self;
    fn neg(self) -> Self {
        Self::ZERO - self
    }
}

impl Add<F> for Expr {
    type Output = Self;
    fn add(self, right: F) -> Self {
        self + Self::Constant(right)
    }
}

impl Sub<F> for Expr {
    type Output = Self;
    fn sub(self, right: F) -> Self {
        self - Self::Constant(right)
    }
}

impl Mul<F> for Expr {
    type Output = Self;
    fn mul(self, right: F) -> Self {
        self * Self::Constant(right)
    }
}

impl<T> AddAssign<T> for Expr
where
    Self: Add<T, Output = Self>,
{
    fn add_assign(&mut self, right: T) {
        *self = std::mem::take(self) + right;
    }
}

impl<T> SubAssign<T> for Expr
where
    Self: Sub<T, Output = Self>,
{
    fn sub_assign(&mut self, right: T) {
        *self = std::mem::take(self) - right;
    }
}

impl<T> MulAssign<T> for Expr
where
    Self: Mul<T, Output = Self>,
{
    fn mul_assign(&mut self, right: T) {
        *self = std::mem::take(self) * right;
    }
}

impl Sum for Expr {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, |a, b| a + b)
    }
}

impl Product for Expr {
    fn product<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ONE, |a, b| a * b)
    }
}

impl PrimeCharacteristicRing for Expr {
    type PrimeSubfield = F;
    const ZERO: Self = Self::Constant(F::ZERO);
    const ONE: Self = Self::Constant(F::ONE);
    const TWO: Self = Self::Constant(F::TWO);
    const NEG_ONE: Self = Self::Constant(F::NEG_ONE);

    fn from_prime_subfield(value: F) -> Self {
        Self::Constant(value)
    }

    // Not x + x: the printed formula stays short.
    fn double(&self) -> Self {
        self.clone() * F::TWO
    }
}

impl Algebra<F> for Expr {}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_expr(self, 0, f)
    }
}

/// Writes `expr` with parentheses where it binds weaker than `strength` (0 sum, 1 subtrahend, 2 factor).
fn write_expr(expr: &Expr, strength: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let node = match expr {
        Expr::Constant(value) => return write_constant(*value, f),
        Expr::Cell(cell) => return write!(f, "{cell}"),
        Expr::Node(node) => node,
    };
    let (own, symbol, right) = match node.op {
        Op::Add => (0, " + ", 0),
        Op::Sub => (0, " - ", 1),
        Op::Mul => (2, "*", 2),
    };
    let parentheses = own < strength;
    if parentheses {
        f.write_str("(")?;
    }
    if node.op == Op::Sub && matches!(node.left.constant(), Some(F::ZERO)) {
        f.write_str("-")?;
        write_expr(&node.right, 2, f)?;
    } else {
        write_expr(&node.left, own, f)?;
        f.write_str(symbol)?;
        write_expr(&node.right, right, f)?;
    }
    if parentheses { f.write_str(")") } else { Ok(()) }
}

/// Writes a constant as a person would: −1, 1/2^16, 2^30, or the canonical number.
fn write_constant(value: F, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const SMALL: u32 = 1 << 20;
    let number = value.as_canonical_u32();
    let negative = (-value).as_canonical_u32();
    for shift in 1..32 {
        let inverse = F::ONE.div_2exp_u64(shift);
        if value == inverse {
            return write!(f, "1/2^{shift}");
        }
        if value == -inverse {
            return write!(f, "-1/2^{shift}");
        }
    }
    match (number, negative) {
        (0..=SMALL, _) => write!(f, "{number}"),
        (_, 0..=SMALL) => write!(f, "-{negative}"),
        _ if number.is_power_of_two() => write!(f, "2^{}", number.trailing_zeros()),
        _ => write!(f, "{number}"),
    }
}

/// An operation of a [`Tape`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A field element.
    Constant(F),
    /// A cell.
    Cell(Cell),
    /// An operation on the results of two earlier steps.
    Op(Op, u32, u32),
}

/// Expressions with every common part computed once: steps in the order of their first use.
#[derive(Default)]
pub struct Tape {
    steps: Vec<Step>,
    ids: HashMap<Step, u32>,
}

impl Tape {
    /// The steps that compute `expr` alone. The last one is its value.
    pub fn of(expr: &Expr) -> Self {
        let mut tape = Self::default();
        tape.append(expr, &mut HashMap::new());
        tape
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The cells used.
    pub fn cells(&self) -> impl Iterator<Item = Cell> {
        self.steps.iter().filter_map(|step| match step {
            Step::Cell(cell) => Some(*cell),
            _ => None,
        })
    }

    /// The last step's value, cells being read by `cell`; `values` is working space.
    pub fn eval(&self, values: &mut Vec<F>, cell: impl Fn(Cell) -> F) -> F {
        values.clear();
        for step in &self.steps {
            let value = match *step {
                Step::Constant(value) => value,
                Step::Cell(at) => cell(at),
                Step::Op(op, left, right) => {
                    let (left, right) = (values[left as usize], values[right as usize]);
                    match op {
                        Op::Add => left + right,
                        Op::Sub => left - right,
                        Op::Mul => left * right,
                    }
                }
            };
            values.push(value);
        }
        values.last().copied().unwrap_or_default()
    }

    /// Appends what `expr` needs; the number of its step. `known` maps shared nodes to their steps: equal nodes get
    /// equal steps with or without it, it only saves time.
    fn append(&mut self, expr: &Expr, known: &mut HashMap<*const Node, u32>) -> u32 {
        let step = match expr {
            Expr::Constant(value) => Step::Constant(*value),
            Expr::Cell(cell) => Step::Cell(*cell),
            Expr::Node(node) => {
                if let Some(id) = known.get(&Arc::as_ptr(node)) {
                    return *id;
                }
                let left = self.append(&node.left, known);
                let right = self.append(&node.right, known);
                Step::Op(node.op, left, right)
            }
        };
        let next = self.steps.len() as u32;
        let id = *self.ids.entry(step).or_insert(next);
        if id == next {
            self.steps.push(step);
        }
        if let Expr::Node(node) = expr {
            known.insert(Arc::as_ptr(node), id);
        }
        id
    }
}

/// A constraint: `expr` is zero on every row.
#[derive(Clone, Debug)]
pub struct Constraint {
    /// Name in reports.
    pub name: &'static str,
    /// Degree of `expr`.
    pub degree: usize,
    /// The polynomial.
    pub expr: Expr,
}

/// An interaction of a row with a bus.
#[derive(Clone, Debug)]
pub struct Interaction {
    /// Adds or removes.
    pub direction: Direction,
    /// Where.
    pub bus: Bus,
    /// How many copies.
    pub multiplicity: Expr,
    /// Of what.
    pub tuple: Vec<Expr>,
}

/// All that a chip's `eval` states.
#[derive(Clone, Debug)]
pub struct Description {
    /// The chip's name.
    pub name: &'static str,
    /// The chip's numbers of columns.
    pub widths: Widths,
    /// Constraints in the order stated.
    pub constraints: Vec<Constraint>,
    /// Interactions in the order stated.
    pub interactions: Vec<Interaction>,
}

/// The description of `chip`.
pub fn describe(chip: &impl Chip) -> Description {
    let widths = chip.widths();
    let cells = |width, cell: fn(usize) -> Cell| (0..width).map(|i| Expr::Cell(cell(i))).collect();
    let mut builder = SymbolicBuilder {
        preprocessed: cells(widths.preprocessed, Cell::Preprocessed),
        phase0: cells(widths.phase0, Cell::Phase0),
        main: cells(widths.main, Cell::Main),
        constraints: Vec::new(),
        interactions: Vec::new(),
    };
    chip.eval(&mut builder);
    Description {
        name: chip.name(),
        widths,
        constraints: builder.constraints,
        interactions: builder.interactions,
    }
}

/// The builder that records.
struct SymbolicBuilder {
    preprocessed: Vec<Expr>,
    phase0: Vec<Expr>,
    main: Vec<Expr>,
    constraints: Vec<Constraint>,
    interactions: Vec<Interaction>,
}

impl Builder for SymbolicBuilder {
    type Expr = Expr;

    fn preprocessed(&self) -> &[Expr] {
        &self.preprocessed
    }

    fn phase0(&self) -> &[Expr] {
        &self.phase0
    }

    fn main(&self) -> &[Expr] {
        &self.main
    }

    fn public(&self, index: usize) -> Expr {
        Expr::Cell(Cell::Public(index))
    }

    fn assert_zero(&mut self, name: &'static str, expr: Expr) {
        self.constraints.push(Constraint { name, degree: expr.degree(), expr });
    }

    fn interact<const N: usize>(
        &mut self,
        direction: Direction,
        bus: Bus,
        multiplicity: Expr,
        tuple: [Expr; N],
    ) {
        self.interactions.push(Interaction { direction, bus, multiplicity, tuple: tuple.into() });
    }
}

impl Interaction {
    /// The multiplicity, then the tuple's entries.
    pub fn exprs(&self) -> impl Iterator<Item = &Expr> {
        std::iter::once(&self.multiplicity).chain(&self.tuple)
    }
}

impl Description {
    /// All expressions: constraints, then interactions.
    fn exprs(&self) -> impl Iterator<Item = &Expr> {
        let constraints = self.constraints.iter().map(|c| &c.expr);
        constraints.chain(self.interactions.iter().flat_map(Interaction::exprs))
    }

    /// The description in bytes, for the verifying key: two descriptions have the same bytes only if they have the same
    /// name, widths, constraint polynomials and interactions, in the same order and form. Names of constraints and buses
    /// only serve reports and are left out.
    ///
    /// Numbers are 4 bytes, little-endian; every list is preceded by its length.
    pub fn encode(&self) -> Vec<u8> {
        let mut tape = Tape::default();
        let mut known = HashMap::new();
        let mut roots: Vec<u32> = self.exprs().map(|expr| tape.append(expr, &mut known)).collect();
        let mut roots = roots.drain(..);

        let mut out = Words::default();
        out.push(self.name.len());
        out.0.extend_from_slice(self.name.as_bytes());
        out.extend([self.widths.preprocessed, self.widths.phase0, self.widths.main]);
        out.push(tape.steps.len());
        for step in &tape.steps {
            match *step {
                Step::Constant(value) => out.extend([0, value.as_canonical_u32() as usize]),
                Step::Cell(Cell::Preprocessed(i)) => out.extend([1, i]),
                Step::Cell(Cell::Phase0(i)) => out.extend([2, i]),
                Step::Cell(Cell::Main(i)) => out.extend([3, i]),
                Step::Cell(Cell::Public(i)) => out.extend([4, i]),
                Step::Op(op, left, right) => {
                    let op = match op {
                        Op::Add => 5,
                        Op::Sub => 6,
                        Op::Mul => 7,
                    };
                    out.extend([op, left as usize, right as usize]);
                }
            }
        }
        out.push(self.constraints.len());
        out.extend(roots.by_ref().take(self.constraints.len()).map(|root| root as usize));
        out.push(self.interactions.len());
        for Interaction { direction, bus, tuple, .. } in &self.interactions {
            out.push(match direction {
                Direction::Send => 0,
                Direction::Receive => 1,
            });
            out.push(match (bus.kind, bus.scope) {
                (BusKind::Permutation, Scope::Local) => 0,
                (BusKind::Permutation, Scope::Global) => 1,
                (BusKind::Lookup, Scope::Local) => 2,
                (BusKind::Lookup, Scope::Global) => 3,
            });
            out.extend([bus.id as usize, bus.arity, tuple.len()]);
            out.extend(roots.by_ref().take(1 + tuple.len()).map(|root| root as usize));
        }
        out.0
    }
}

/// The cells of several expressions, each once per use in the shared steps.
fn cells_of<'a>(exprs: impl Iterator<Item = &'a Expr>) -> impl Iterator<Item = Cell> {
    let mut tape = Tape::default();
    let mut known = HashMap::new();
    exprs.for_each(|expr| {
        tape.append(expr, &mut known);
    });
    tape.cells().collect::<Vec<_>>().into_iter()
}

/// Numbers as little-endian 32-bit words.
#[derive(Default)]
struct Words(Vec<u8>);

impl Words {
    fn push(&mut self, number: usize) {
        let word = u32::try_from(number).expect("chips have far fewer than 2^32 columns and steps");
        self.0.extend_from_slice(&word.to_le_bytes());
    }

    fn extend(&mut self, numbers: impl IntoIterator<Item = usize>) {
        numbers.into_iter().for_each(|number| self.push(number));
    }
}
