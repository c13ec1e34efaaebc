//! The search for forgeries: change a cell of a valid row, then repair what broke, cell by cell.

use std::{collections::BTreeSet, fmt};

use crate::{
    Bus, BusKind, Direction, F, Field, PrimeCharacteristicRing, PrimeField32,
    check::Cells,
    symbolic::{Cell, Description, Interaction, MAX_CONSTRAINT_DEGREE, Step, Tape},
};

/// Repairs in a row before a line of search is given up.
const MAX_DEPTH: usize = 10;
/// Repairs tried per broken check, those that break the least first.
const MAX_OPTIONS: usize = 8;

/// A row that satisfies everything and proves something false.
#[derive(Clone, Debug)]
pub struct Forgery {
    /// The row.
    pub cells: Cells,
    /// What is false about it.
    pub claim: String,
    /// The cells changed: which, honest value, forged value.
    pub changed: Vec<(Cell, F, F)>,
}

impl fmt::Display for Forgery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with", self.claim)?;
        for (cell, honest, forged) in &self.changed {
            write!(f, " {cell}: {honest} -> {forged}")?;
        }
        Ok(())
    }
}

/// A chip's expressions, ready for evaluation.
pub(super) struct Model {
    constraints: Vec<(&'static str, Tape)>,
    interactions: Vec<Parts>,
    phase0: usize,
}

/// An interaction's expressions.
struct Parts {
    direction: Direction,
    bus: Bus,
    multiplicity: Tape,
    tuple: Vec<Tape>,
}

/// What the caller says of the chip's surroundings.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) public: &'a [F],
    pub(super) lookup: fn(Bus, &[F]) -> bool,
    pub(super) held: &'a [Bus],
    pub(super) inputs: &'a [usize],
    pub(super) outputs: &'a [usize],
    pub(super) budget: usize,
}

/// What would be a forgery.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// From the same received tokens, something else is sent.
    OtherSends,
    /// Entry `entry` of received token `interaction` becomes `value`.
    Receive { interaction: usize, entry: usize, value: F },
    /// The multiplicity of `interaction` becomes `value`.
    Multiplicity { interaction: usize, value: F },
}

/// Reads cells of a row.
pub(super) fn reader<'a>(cells: &'a Cells, public: &'a [F]) -> impl Fn(Cell) -> F + 'a {
    |cell| match cell {
        Cell::Preprocessed(i) => cells.preprocessed[i],
        Cell::Phase0(i) => cells.phase0[i],
        Cell::Main(i) => cells.main[i],
        Cell::Public(i) => public[i],
    }
}

impl Model {
    pub(super) fn new(description: &Description) -> Self {
        let parts = |Interaction { direction, bus, multiplicity, tuple }: &Interaction| Parts {
            direction: *direction,
            bus: *bus,
            multiplicity: Tape::of(multiplicity),
            tuple: tuple.iter().map(Tape::of).collect(),
        };
        Self {
            constraints: description.constraints.iter().map(|c| (c.name, Tape::of(&c.expr))).collect(),
            interactions: description.interactions.iter().map(parts).collect(),
            phase0: description.widths.phase0,
        }
    }

    /// Goals that are one equation each: tokens received too late, multiplicities other than 0 and 1.
    ///
    /// With an item muted, only multiplicities that share a cell with it: the others are as constrained as before.
    pub(super) fn goals(
        &self,
        ordered: &[(Bus, usize)],
        row: &Cells,
        public: &[F],
        muted: Option<usize>,
    ) -> Vec<Goal> {
        let read = reader(row, public);
        let mut values = Vec::new();
        let mut eval = |tape: &Tape| tape.eval(&mut values, &read);
        let mut goals = Vec::new();
        for &(bus, entry) in ordered {
            let mut on_bus = |direction| -> Vec<(usize, F)> {
                let on_bus = self.interactions.iter().enumerate();
                let on_bus = on_bus.filter(|(_, i)| i.bus == bus && i.direction == direction);
                on_bus
                    .filter(|(_, i)| eval(&i.multiplicity) != F::ZERO)
                    .map(|(n, _)| n)
                    .collect::<Vec<_>>()
                    .into_iter()
                    .map(|n| (n, eval(&self.interactions[n].tuple[entry])))
                    .collect()
            };
            for ((interaction, _), (_, time)) in
                on_bus(Direction::Receive).into_iter().zip(on_bus(Direction::Send))
            {
                let late = [0, 1, 1 << 16, 1 << 24];
                goals.extend(late.map(|late| Goal::Receive {
                    interaction,
                    entry,
                    value: time + F::from_u32(late),
                }));
            }
        }
        // Rows use few multiplicities many times.
        let mut seen: Vec<&[Step]> = Vec::new();
        for (interaction, parts) in self.interactions.iter().enumerate() {
            let counted = parts.bus.kind == BusKind::Permutation || parts.direction == Direction::Send;
            let steps = parts.multiplicity.steps();
            let near = muted.is_none_or(|item| {
                let columns = self.columns_of(item);
                let mut used = parts.multiplicity.cells().filter_map(|cell| self.column(cell));
                used.any(|column| columns.contains(&column))
            });
            if counted && near && !seen.contains(&steps) {
                seen.push(steps);
                let values = [F::TWO, F::NEG_ONE];
                goals.extend(values.map(|value| Goal::Multiplicity { interaction, value }));
            }
        }
        goals
    }

    /// A column's number, or none for what a forger cannot change.
    const fn column(&self, cell: Cell) -> Option<usize> {
        match cell {
            Cell::Phase0(i) => Some(i),
            Cell::Main(i) => Some(self.phase0 + i),
            Cell::Preprocessed(_) | Cell::Public(_) => None,
        }
    }

    const fn cell(&self, column: usize) -> Cell {
        if column < self.phase0 { Cell::Phase0(column) } else { Cell::Main(column - self.phase0) }
    }
}

/// Something a row must satisfy.
enum Check<'a> {
    /// The value is `target`.
    Equation { tape: &'a Tape, target: F },
    /// The tuple is in the bus's table if the multiplicity is not zero.
    Lookup { parts: &'a Parts, honest: Vec<F> },
}

/// A search: from `honest`, with one item muted, to a goal.
pub(super) struct Problem<'a> {
    model: &'a Model,
    rules: Rules<'a>,
    honest: &'a Cells,
    goal: Goal,
    checks: Vec<Check<'a>>,
    /// Per column the checks that read it.
    readers: Vec<Vec<usize>>,
    /// What must stay for the row to prove nothing else, with honest values.
    watched: Vec<(&'a Tape, F)>,
    /// Columns worth changing first.
    seeds: Vec<usize>,
}

impl<'a> Problem<'a> {
    pub(super) fn new(
        model: &'a Model,
        rules: Rules<'a>,
        honest: &'a Cells,
        muted: Option<usize>,
        goal: Goal,
    ) -> Self {
        let read = reader(honest, rules.public);
        let mut values = Vec::new();
        let mut eval = |tape: &Tape| tape.eval(&mut values, &read);
        let mut checks = Vec::new();
        let mut watched = Vec::new();
        for (i, (_, tape)) in model.constraints.iter().enumerate() {
            if muted != Some(i) {
                checks.push(Check::Equation { tape, target: F::ZERO });
            }
        }
        for (i, parts) in model.interactions.iter().enumerate() {
            if muted == Some(model.constraints.len() + i) {
                continue;
            }
            let multiplicity = eval(&parts.multiplicity);
            let tuple: Vec<F> = parts.tuple.iter().map(&mut eval).collect();
            let permutation = parts.bus.kind == BusKind::Permutation;
            let send = parts.direction == Direction::Send;
            let held = (permutation && !send) || (send && rules.held.contains(&parts.bus));
            // The tuple counts only where it is live.
            let live = if multiplicity == F::ZERO { 0 } else { tuple.len() };
            let entries = parts.tuple.iter().zip(&tuple).take(live);
            if held {
                if !matches!(goal, Goal::Multiplicity { .. }) {
                    checks.push(Check::Equation { tape: &parts.multiplicity, target: multiplicity });
                }
                for (entry, (tape, target)) in entries.enumerate() {
                    let replaced = matches!(goal, Goal::Receive { interaction, entry: at, .. } if (interaction, at) == (i, entry));
                    if !replaced {
                        checks.push(Check::Equation { tape, target: *target });
                    }
                }
            } else if permutation {
                watched.push((&parts.multiplicity, multiplicity));
                watched.extend(entries.map(|(tape, value)| (tape, *value)));
            }
            if !permutation && send {
                checks.push(Check::Lookup { parts, honest: tuple });
            }
        }
        match goal {
            Goal::OtherSends => {}
            Goal::Receive { interaction, entry, value } => checks
                .push(Check::Equation { tape: &model.interactions[interaction].tuple[entry], target: value }),
            Goal::Multiplicity { interaction, value } => checks
                .push(Check::Equation { tape: &model.interactions[interaction].multiplicity, target: value }),
        }

        let width = honest.phase0.len() + honest.main.len();
        let mut readers = vec![Vec::new(); width];
        for (i, check) in checks.iter().enumerate() {
            let columns: BTreeSet<usize> =
                check.tapes().flat_map(Tape::cells).filter_map(|cell| model.column(cell)).collect();
            columns.into_iter().for_each(|column| readers[column].push(i));
        }
        let seeds = match muted {
            None => (0..width).collect(),
            // A forgery that needs the loss of an item changes a cell of that item.
            Some(item) => model.columns_of(item),
        };
        Self { model, rules, honest, goal, checks, readers, watched, seeds }
    }

    /// Changes each cell in turn to telling values and repairs what breaks.
    pub(super) fn change_cells(&self) -> Option<Forgery> {
        let mut random = 0x5eed_u64;
        for &column in &self.seeds {
            if self.rules.inputs.contains(&column) {
                continue;
            }
            let mut search = Search::new(self);
            let honest = search.cells[column];
            for value in telling_values(honest, &mut random) {
                search.budget = self.rules.budget;
                if value != honest && search.try_assign(column, value, 0) {
                    return Some(search.forgery());
                }
            }
        }
        None
    }

    /// Repairs the goal's own equation.
    pub(super) fn solve(&self) -> Option<Forgery> {
        let mut search = Search::new(self);
        let all: Vec<usize> = (0..self.checks.len()).collect();
        search.judge(&all);
        search.repair(0).then(|| search.forgery())
    }
}

impl Model {
    /// The columns that a constraint or interaction reads.
    fn columns_of(&self, item: usize) -> Vec<usize> {
        let cells: BTreeSet<Cell> = match self.constraints.get(item) {
            Some((_, tape)) => tape.cells().collect(),
            None => {
                let parts = &self.interactions[item - self.constraints.len()];
                parts.tuple.iter().chain([&parts.multiplicity]).flat_map(Tape::cells).collect()
            }
        };
        cells.into_iter().filter_map(|cell| self.column(cell)).collect()
    }
}

impl Check<'_> {
    fn tapes(&self) -> impl Iterator<Item = &Tape> {
        let (first, rest): (&Tape, &[Tape]) = match self {
            Self::Equation { tape, .. } => (tape, &[]),
            Self::Lookup { parts, .. } => (&parts.multiplicity, &parts.tuple),
        };
        std::iter::once(first).chain(rest)
    }
}

/// Where a search stands.
struct Search<'a> {
    problem: &'a Problem<'a>,
    /// Phase-0 cells, then main cells.
    cells: Vec<F>,
    /// Cells that are given or were changed on the way here.
    fixed: Vec<bool>,
    broken: BTreeSet<usize>,
    budget: usize,
    values: Vec<F>,
}

impl<'a> Search<'a> {
    fn new(problem: &'a Problem<'a>) -> Self {
        let honest = problem.honest;
        let cells = [honest.phase0.as_slice(), &honest.main].concat();
        let mut fixed = vec![false; cells.len()];
        problem.rules.inputs.iter().for_each(|&column| fixed[column] = true);
        let budget = problem.rules.budget;
        Self { problem, cells, fixed, broken: BTreeSet::new(), budget, values: Vec::new() }
    }

    fn eval(&mut self, tape: &Tape) -> F {
        let Self { problem: Problem { model, rules, honest, .. }, cells, values, .. } = self;
        tape.eval(values, |cell| match cell {
            Cell::Preprocessed(i) => honest.preprocessed[i],
            Cell::Phase0(i) => cells[i],
            Cell::Main(i) => cells[model.phase0 + i],
            Cell::Public(i) => rules.public[i],
        })
    }

    fn holds(&mut self, check: &Check<'_>) -> bool {
        match check {
            Check::Equation { tape, target } => self.eval(tape) == *target,
            Check::Lookup { parts, .. } => {
                if self.eval(&parts.multiplicity) == F::ZERO {
                    return true;
                }
                let tuple: Vec<F> = parts.tuple.iter().map(|tape| self.eval(tape)).collect();
                (self.problem.rules.lookup)(parts.bus, &tuple)
            }
        }
    }

    /// Brings `broken` up to date for some checks.
    fn judge(&mut self, checks: &[usize]) {
        let problem = self.problem;
        for &check in checks {
            if self.holds(&problem.checks[check]) {
                self.broken.remove(&check);
            } else {
                self.broken.insert(check);
            }
        }
    }

    fn assign(&mut self, column: usize, value: F) {
        self.cells[column] = value;
        self.judge(&self.problem.readers[column]);
    }

    /// Whether a forgery follows from setting a cell. If not, the search is left as it was.
    fn try_assign(&mut self, column: usize, value: F, depth: usize) -> bool {
        let (before, broken) = (self.cells[column], self.broken.clone());
        self.assign(column, value);
        self.fixed[column] = true;
        if self.repair(depth + 1) {
            return true;
        }
        self.cells[column] = before;
        self.fixed[column] = false;
        self.broken = broken;
        false
    }

    /// Repairs broken checks depth first; whether that led to a forgery.
    fn repair(&mut self, depth: usize) -> bool {
        let problem = self.problem;
        let Some(&first) = self.broken.first() else {
            return problem.goal != Goal::OtherSends || self.sends_otherwise();
        };
        if depth > MAX_DEPTH || self.budget == 0 {
            return false;
        }
        self.budget -= 1;
        let mut options: Vec<(usize, usize, F)> = Vec::new();
        for (column, value) in self.options(&problem.checks[first]) {
            let (before, broken) = (self.cells[column], self.broken.clone());
            self.assign(column, value);
            options.push((self.broken.len(), column, value));
            self.cells[column] = before;
            self.broken = broken;
        }
        options.sort_by_key(|option| option.0);
        options.into_iter().take(MAX_OPTIONS).any(|(_, column, value)| self.try_assign(column, value, depth))
    }

    fn sends_otherwise(&mut self) -> bool {
        let Problem { watched, rules, honest, .. } = self.problem;
        let honest = [honest.phase0.as_slice(), &honest.main].concat();
        rules.outputs.iter().any(|&column| self.cells[column] != honest[column])
            || watched.iter().any(|(tape, value)| self.eval(tape) != *value)
    }

    /// Assignments of one cell that make a check hold.
    fn options(&mut self, check: &Check<'_>) -> Vec<(usize, F)> {
        match check {
            Check::Equation { tape, target } => self.roots(tape, *target),
            Check::Lookup { parts, honest } => {
                let mut tuple: Vec<F> = parts.tuple.iter().map(|tape| self.eval(tape)).collect();
                let mut options = Vec::new();
                for (entry, tape) in parts.tuple.iter().enumerate() {
                    let value = tuple[entry];
                    for target in table_values(value, honest[entry], tuple.len()) {
                        tuple[entry] = target;
                        if target != value && (self.problem.rules.lookup)(parts.bus, &tuple) {
                            options.extend(self.roots(tape, target));
                        }
                    }
                    tuple[entry] = value;
                }
                options.extend(self.roots(&parts.multiplicity, F::ZERO));
                options
            }
        }
    }

    /// Free cells and values at which `tape` is `target`, the other cells staying as they are.
    fn roots(&mut self, tape: &Tape, target: F) -> Vec<(usize, F)> {
        let model = self.problem.model;
        let columns: BTreeSet<usize> = tape.cells().filter_map(|cell| model.column(cell)).collect();
        let mut roots = Vec::new();
        for column in columns.into_iter().filter(|column| !self.fixed[*column]).collect::<Vec<_>>() {
            let before = self.cells[column];
            let samples = std::array::from_fn(|x| {
                self.cells[column] = F::from_usize(x);
                self.eval(tape) - target
            });
            self.cells[column] = before;
            roots.extend(roots_of(samples).into_iter().map(|root| (column, root)));
        }
        roots
    }

    fn forgery(&self) -> Forgery {
        let Problem { model, honest, goal, .. } = self.problem;
        let (phase0, main) = self.cells.split_at(model.phase0);
        let cells =
            Cells { preprocessed: honest.preprocessed.clone(), phase0: phase0.to_vec(), main: main.to_vec() };
        let before = honest.phase0.iter().chain(&honest.main);
        let changed = before.zip(&self.cells).enumerate().filter(|(_, (a, b))| a != b);
        let changed = changed.map(|(column, (a, b))| (model.cell(column), *a, *b)).collect();
        let bus = |interaction: usize| model.interactions[interaction].bus.name;
        let claim = match *goal {
            Goal::OtherSends => "sends something else".to_owned(),
            Goal::Receive { interaction, value, .. } => {
                format!("receives from {} at the later time {value}", bus(interaction))
            }
            Goal::Multiplicity { interaction, value } => {
                let value = if value == F::TWO { "2" } else { "-1" };
                format!("interacts with {} {value} times", bus(interaction))
            }
        };
        Forgery { cells, claim, changed }
    }
}

/// Values that tell something of a cell that holds `value`.
fn telling_values(value: F, random: &mut u64) -> Vec<F> {
    let (byte, limb) = (F::from_u32(1 << 8), F::from_u32(1 << 16));
    let mut values = vec![F::ZERO, F::ONE, F::NEG_ONE, F::TWO, value + F::ONE, value - F::ONE];
    values.extend([value + limb, value - limb, value + byte, value - byte]);
    for _ in 0..2 {
        // SplitMix64.
        *random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*random ^ (*random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        values.push(F::from_u64(mixed ^ (mixed >> 27)));
    }
    values
}

/// Values by which an entry of a missed lookup may be replaced: its honest value, its low bits, and for tables of
/// several entries any byte.
fn table_values(value: F, honest: F, arity: usize) -> BTreeSet<F> {
    let number = value.as_canonical_u32();
    let mut values = BTreeSet::from([honest, F::ZERO, F::ONE]);
    values.extend([F::from_u32(number & 0xffff), F::from_u32(number & 0xff)]);
    if arity > 1 {
        values.extend((0..=u8::MAX).map(F::from_u8));
    }
    values
}

/// Roots of the polynomial of degree ≤ 3 with the values `samples` at 0, 1, 2, 3; of a cubic only 0 and 1 are tried.
fn roots_of(samples: [F; MAX_CONSTRAINT_DEGREE + 1]) -> Vec<F> {
    let [y0, y1, y2, y3] = samples;
    // Newton's divided differences: y0 + d1·x + d2·x(x − 1)/2 + d3·x(x − 1)(x − 2)/6.
    let (d1, d2) = (y1 - y0, y2 - y1.double() + y0);
    let d3 = y3 - y2.double() + y1 - d2;
    if d3 != F::ZERO {
        return [(y0, F::ZERO), (y1, F::ONE)]
            .iter()
            .filter(|(y, _)| *y == F::ZERO)
            .map(|(_, x)| *x)
            .collect();
    }
    let a = d2.halve();
    let b = d1 - a;
    if a == F::ZERO {
        return b.try_inverse().map(|inverse| -y0 * inverse).into_iter().collect();
    }
    let Some(root) = (b.square() - (a * y0).double().double()).try_sqrt() else { return Vec::new() };
    let half = a.double().inverse();
    vec![(-b + root) * half, (-b - root) * half]
}
