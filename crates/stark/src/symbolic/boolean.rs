//! Which multiplicities are 0 or 1 on every row that satisfies the chip's constraints.
//!
//! LogUp counts copies in the field: a prover who may choose a multiplicity can send half a tuple twice, or p − 1 copies.
//! So set-up accepts a multiplicity only if it follows, by the rules below, from constraints of the form x² − x = 0:
//! 1. a constant 0 or 1, or an expression in preprocessed cells, which set-up knows;
//! 2. x or 1 − x where x² − x = 0 is a constraint;
//! 3. an expression in a few *flags* that is 0 or 1 for every setting of them to 0 and 1 that the constraints on flags
//!    alone allow. A cell x is a flag if x² − x = 0 is a constraint, or x² − x·y = 0 with a flag y.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cell, Description, Expr, Op, Step, Tape};
use crate::{F, Field, PrimeCharacteristicRing};

/// Longer polynomials are not looked at: no flag's constraint comes near.
const MAX_TERMS: usize = 1 << 14;
/// Flags whose settings are gone through.
const MAX_FLAGS: usize = 12;

/// A product of cells, in order.
type Monomial = Vec<Cell>;

/// A polynomial: coefficients that are not zero.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Polynomial(BTreeMap<Monomial, F>);

impl Polynomial {
    /// `expr` multiplied out, if that is short.
    fn of(expr: &Expr) -> Option<Self> {
        let mut values: Vec<Option<Self>> = Vec::new();
        for step in Tape::of(expr).steps() {
            values.push(match *step {
                Step::Constant(value) => Some(Self::from_terms([(Vec::new(), value)])),
                Step::Cell(cell) => Some(Self::from_terms([(vec![cell], F::ONE)])),
                Step::Op(op, left, right) => match (&values[left as usize], &values[right as usize]) {
                    (Some(left), Some(right)) => match op {
                        Op::Add => left.add(right, F::ONE),
                        Op::Sub => left.add(right, F::NEG_ONE),
                        Op::Mul => left.mul(right),
                    },
                    _ => None,
                },
            });
        }
        values.pop().flatten()
    }

    fn from_terms(terms: impl IntoIterator<Item = (Monomial, F)>) -> Self {
        let mut sums = BTreeMap::new();
        for (monomial, coefficient) in terms {
            *sums.entry(monomial).or_insert(F::ZERO) += coefficient;
        }
        sums.retain(|_, coefficient| *coefficient != F::ZERO);
        Self(sums)
    }

    fn terms(&self) -> impl Iterator<Item = (Monomial, F)> {
        self.0.iter().map(|(monomial, coefficient)| (monomial.clone(), *coefficient))
    }

    fn add(&self, other: &Self, factor: F) -> Option<Self> {
        let scaled = other.terms().map(|(monomial, coefficient)| (monomial, coefficient * factor));
        Some(Self::from_terms(self.terms().chain(scaled))).filter(|sum| sum.0.len() <= MAX_TERMS)
    }

    fn mul(&self, other: &Self) -> Option<Self> {
        if self.0.len() * other.0.len() > MAX_TERMS {
            return None;
        }
        Some(Self::from_terms(self.0.iter().flat_map(|(a, x)| {
            other.0.iter().map(move |(b, y)| {
                let mut monomial = [a.as_slice(), b].concat();
                monomial.sort_unstable();
                (monomial, *x * *y)
            })
        })))
    }

    /// The multiple whose first coefficient is 1: equal for equations that say the same.
    fn normalized(&self) -> Self {
        let scale = self.0.values().next().map_or(F::ONE, |first| first.inverse());
        Self::from_terms(self.terms().map(|(monomial, coefficient)| (monomial, coefficient * scale)))
    }

    fn cells(&self) -> BTreeSet<Cell> {
        self.0.keys().flatten().copied().collect()
    }

    /// The value where the cells of `ones` are 1 and all others 0.
    fn at(&self, ones: &BTreeSet<Cell>) -> F {
        let live = self.0.iter().filter(|(monomial, _)| monomial.iter().all(|cell| ones.contains(cell)));
        live.map(|(_, coefficient)| *coefficient).sum()
    }
}

/// What a chip's constraints say of flags.
pub(super) struct Flags {
    /// Constraints, normalized.
    equations: BTreeSet<Polynomial>,
    /// Cells that are 0 or 1.
    cells: BTreeSet<Cell>,
}

impl Flags {
    pub(super) fn of(description: &Description) -> Self {
        let polynomials = description.constraints.iter().filter_map(|c| Polynomial::of(&c.expr));
        let equations: BTreeSet<Polynomial> = polynomials.map(|p| p.normalized()).collect();
        let mut flags = Self { equations, cells: BTreeSet::new() };
        loop {
            let more: BTreeSet<Cell> = flags.equations.iter().filter_map(|e| flags.flag_of(e)).collect();
            if more.is_subset(&flags.cells) {
                return flags;
            }
            flags.cells.extend(more);
        }
    }

    /// The cell x if the equation says x² − x = 0, or x² − x·y = 0 with a flag y.
    fn flag_of(&self, equation: &Polynomial) -> Option<Cell> {
        let mut terms = equation.0.iter();
        let (Some((first, a)), Some((second, b)), None) = (terms.next(), terms.next(), terms.next()) else {
            return None;
        };
        let x = [first, second].into_iter().find_map(|monomial| match monomial.as_slice() {
            [x, y] if x == y => Some(*x),
            _ => None,
        })?;
        let bounded = [first, second].into_iter().any(|monomial| match monomial.as_slice() {
            [y] => *y == x,
            [y, z] if y != z => (*y == x && self.cells.contains(z)) || (*z == x && self.cells.contains(y)),
            _ => false,
        });
        (bounded && *a == -*b).then_some(x)
    }

    /// Whether `multiplicity` is 0 or 1 wherever the constraints hold.
    pub(super) fn boolean(&self, multiplicity: &Expr) -> bool {
        let Some(x) = Polynomial::of(multiplicity) else { return false };
        let cells = x.cells();
        let set_up = cells.iter().all(|cell| matches!(cell, Cell::Preprocessed(_)));
        if cells.is_empty() {
            x.0.values().all(|constant| *constant == F::ONE)
        } else {
            set_up || self.states(&x) || (cells.is_subset(&self.cells) && self.boolean_by_cases(&x))
        }
    }

    /// Whether it is a constraint that x is 0 or 1.
    fn states(&self, x: &Polynomial) -> bool {
        let equation = x.mul(x).and_then(|square| square.add(x, F::NEG_ONE));
        equation.is_some_and(|equation| self.equations.contains(&equation.normalized()))
    }

    /// Whether x, an expression in flags, is 0 or 1 for every setting that the constraints on them allow.
    fn boolean_by_cases(&self, x: &Polynomial) -> bool {
        let mut cells = x.cells();
        let on_flags = |equation: &&Polynomial| {
            let used = equation.cells();
            used.is_subset(&self.cells) && !used.is_disjoint(&cells)
        };
        let equations: Vec<&Polynomial> = self.equations.iter().filter(on_flags).collect();
        cells.extend(equations.iter().flat_map(|equation| equation.cells()));
        if cells.len() > MAX_FLAGS {
            return false;
        }
        (0..1u32 << cells.len()).all(|setting| {
            let set = cells.iter().enumerate().filter(|(i, _)| setting >> i & 1 == 1);
            let ones: BTreeSet<Cell> = set.map(|(_, cell)| *cell).collect();
            let allowed = equations.iter().all(|equation| equation.at(&ones) == F::ZERO);
            !allowed || [F::ZERO, F::ONE].contains(&x.at(&ones))
        })
    }
}
