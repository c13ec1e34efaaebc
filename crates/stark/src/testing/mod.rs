//! The test kit of chips: rows go in, and every way found to lie with them comes out.
//!
//! A chip's tests are one [`ChipTest`] and one snapshot of [`shape`]:
//!
//! ```ignore
//! fn kit(chip: &AddChip) -> ChipTest<'_, AddChip> {
//!     let columns = indices::<Row<usize>>();
//!     let honest = row(&event(OP_ADD, 7, 5));
//!     ChipTest {
//!         rows: vec![("7 + 5", honest.clone()), ("carry", row(&event(OP_ADD, u64::MAX, 1)))],
//!         lookup: in_table,
//!         held: &[PROG],
//!         ordered: &[(MEM, 1)],
//!         lies: vec![lie("output + 2^16", &honest, |cells| cells.main[columns.out.new[0]] += F::from_u32(1 << 16))],
//!         ..ChipTest::new(chip)
//!     }
//! }
//!
//! #[test]
//! fn no_lie_is_accepted() {
//!     kit(&AddChip).run();
//! }
//!
//! #[test]
//! fn shape_is_pinned() {
//!     expect_file!["../snapshots/add.txt"].assert_eq(&shape(&AddChip));
//!     columns_complete::<Row<u8>>();
//! }
//! ```
//!
//! # What counts as a lie
//! A row takes what it receives on permutation buses, and the lookups on `held` buses (the ROM's line), as given. Then
//! everything it sends on permutation buses must be determined. [`ChipTest::run`] checks
//! - *honest*: the rows given satisfy every constraint and lookup; the padding row does too and interacts with nothing;
//! - *lies*: each hand-drawn lie is rejected;
//! - *forge*: starting from each row and from padding, no search finds a satisfying row that (1) sends something else,
//!   (2) receives a token that is not earlier than the one it sends (`ordered` buses), or (3) has a multiplicity other
//!   than 0 and 1;
//! - *mute*: with any one constraint or interaction deleted, forge or a drawn lie succeeds, unless `allowed_mutes` says
//!   why it may stay undetected. Interactions with permutation buses are what is observed: the loss of one shows in the
//!   shape and unbalances its bus. A table's receiving side is preprocessed and free.
//!
//! Searches are deterministic.

mod forge;

use std::{
    collections::BTreeSet,
    fmt::{self, Write},
};

use p3_maybe_rayon::prelude::*;

pub use forge::Forgery;
use forge::{Goal, Model, Problem};

use crate::{
    Bus, BusKind, Chip, Columns, Direction, F, PrimeCharacteristicRing,
    check::{Cells, RowInteraction, interactions, violated, violations},
    symbolic::{Description, Expr, Tape, describe},
};

/// A chip and the rows its tests start from. Columns are numbered phase-0 first, then main.
pub struct ChipTest<'a, C> {
    /// The chip.
    pub chip: &'a C,
    /// Honest rows with a label each.
    pub rows: Vec<(&'static str, Cells)>,
    /// A padding row; all zero if not given.
    pub padding: Cells,
    /// The shard's public values.
    pub public: Vec<F>,
    /// Whether a tuple is in the table of a lookup bus.
    pub lookup: fn(Bus, &[F]) -> bool,
    /// Lookup buses whose tuple is given with the row, such as the ROM's line.
    pub held: &'a [Bus],
    /// (bus, entry): the n-th token received on `bus` is earlier, by `entry`, than the n-th one sent.
    pub ordered: &'a [(Bus, usize)],
    /// Further columns that are given, such as values the prover may choose.
    pub inputs: Vec<usize>,
    /// Further columns that must be determined.
    pub outputs: Vec<usize>,
    /// Hand-drawn lies.
    pub lies: Vec<Lie>,
    /// (constraint or interaction as named in reports, reason why no row can show its need).
    pub allowed_mutes: &'a [(&'a str, &'a str)],
    /// Steps of repair per changed cell.
    pub budget: usize,
}

/// A hand-drawn lie: a row that must be rejected, and the honest row it distorts.
#[derive(Clone, Debug)]
pub struct Lie {
    /// What it would prove.
    pub name: &'static str,
    /// The honest row.
    pub honest: Cells,
    /// The lie.
    pub forged: Cells,
}

/// The lie that `edit` makes of `honest`.
pub fn lie(name: &'static str, honest: &Cells, edit: impl FnOnce(&mut Cells)) -> Lie {
    let mut forged = honest.clone();
    edit(&mut forged);
    Lie { name, honest: honest.clone(), forged }
}

impl<'a, C: Chip> ChipTest<'a, C> {
    /// A test with no rows; fill in what the chip has.
    pub fn new(chip: &'a C) -> Self {
        Self {
            chip,
            rows: Vec::new(),
            padding: Cells::zero(chip.widths()),
            public: Vec::new(),
            lookup: |bus, tuple| panic!("no table is given for {} {tuple:?}", bus.name),
            held: &[],
            ordered: &[],
            inputs: Vec::new(),
            outputs: Vec::new(),
            lies: Vec::new(),
            allowed_mutes: &[],
            budget: 48,
        }
    }

    /// Everything.
    ///
    /// # Panics
    /// With all findings.
    pub fn run(&self) {
        if let Err(error) = describe(self.chip).validate() {
            panic!("{error}");
        }
        let findings = [self.honest(), self.rejected_lies(), self.forge(), self.mute()].concat();
        assert!(findings.is_empty(), "chip {}:\n{}", self.chip.name(), findings.join("\n"));
    }

    /// Findings about the honest rows and the padding row.
    pub fn honest(&self) -> Vec<String> {
        let mut findings = Vec::new();
        for (label, cells) in self.starts() {
            findings.extend(self.objections(cells).into_iter().map(|o| format!("honest row {label:?}: {o}")));
        }
        let live = self.interactions(&self.padding);
        let live = live.into_iter().filter(|i| i.multiplicity != F::ZERO);
        findings.extend(live.map(|i| format!("the padding row interacts with {}", i.bus.name)));
        findings
    }

    /// Findings about drawn lies: accepted ones, and ones that claim nothing.
    pub fn rejected_lies(&self) -> Vec<String> {
        let mut findings = Vec::new();
        for lie in &self.lies {
            if self.broken_by(lie).is_empty() {
                findings.push(format!("lie {:?} is accepted", lie.name));
            }
            if self.tokens(&lie.honest) == self.tokens(&lie.forged) {
                findings.push(format!("lie {:?} sends and receives what the honest row does", lie.name));
            }
        }
        findings
    }

    /// Forgeries found.
    pub fn forge(&self) -> Vec<String> {
        let description = describe(self.chip);
        let model = Model::new(&description);
        let starts: Vec<_> = self.starts().collect();
        let found = starts.par_iter().filter_map(|(label, cells)| {
            let forgery = self.forge_row(&model, cells, None, self.budget)?;
            Some(format!("forged from row {label:?}: {forgery}"))
        });
        found.collect()
    }

    /// Constraints and interactions whose loss no test notices, and exceptions that are not needed.
    pub fn mute(&self) -> Vec<String> {
        let description = describe(self.chip);
        let model = Model::new(&description);
        let names = names(&description);
        let observed = |item: usize| {
            let interaction = item.checked_sub(description.constraints.len());
            interaction.is_some_and(|i| {
                let interaction = &description.interactions[i];
                interaction.bus.kind == BusKind::Permutation || interaction.direction == Direction::Receive
            })
        };
        let items: Vec<usize> = (0..names.len()).filter(|item| !observed(*item)).collect();
        let only_objections = self.lies.par_iter().map(|lie| match self.broken_by(lie)[..] {
            [only] => Some(only),
            _ => None,
        });
        let only_objections: BTreeSet<usize> = only_objections.flatten().collect();
        let needed = items.par_iter().map(|&item| {
            let by_lie = only_objections.contains(&item);
            let by_forge = |budget| {
                self.starts().any(|(_, cells)| self.forge_row(&model, cells, Some(item), budget).is_some())
            };
            by_lie || by_forge(self.budget) || by_forge(self.budget * 16)
        });
        let needed: Vec<bool> = needed.collect();
        let mut findings = Vec::new();
        for (&item, needed) in items.iter().zip(needed) {
            let name = &names[item];
            if !needed && !self.allowed_mutes.iter().any(|(allowed, _)| allowed == name) {
                findings.push(format!("nothing notices the loss of {name:?}"));
            }
        }
        for (allowed, _) in self.allowed_mutes {
            if !names.iter().any(|name| name == allowed) {
                findings.push(format!("allowed_mutes names {allowed:?}, which the chip does not have"));
            }
        }
        findings
    }

    fn starts(&self) -> impl Iterator<Item = (&'static str, &Cells)> {
        let rows = self.rows.iter().map(|(label, cells)| (*label, cells));
        rows.chain(std::iter::once(("padding", &self.padding)))
    }

    /// Tries every goal from one row, with one constraint or interaction left out.
    fn forge_row(&self, model: &Model, row: &Cells, muted: Option<usize>, budget: usize) -> Option<Forgery> {
        let problem = |goal| Problem::new(model, self.rules(budget), row, muted, goal);
        let sent = problem(Goal::OtherSends).change_cells();
        sent.or_else(|| {
            let goals = model.goals(self.ordered, row, &self.public, muted);
            goals.into_iter().find_map(|goal| problem(goal).solve())
        })
    }

    fn rules(&self, budget: usize) -> forge::Rules<'_> {
        forge::Rules {
            public: &self.public,
            lookup: self.lookup,
            held: self.held,
            inputs: &self.inputs,
            outputs: &self.outputs,
            budget,
        }
    }

    fn interactions(&self, cells: &Cells) -> Vec<RowInteraction> {
        interactions(self.chip, cells.as_row(), &self.public)
    }

    /// What a row claims: its live interactions on permutation buses.
    fn tokens(&self, cells: &Cells) -> Vec<RowInteraction> {
        let mut tokens = self.interactions(cells);
        tokens.retain(|i| i.bus.kind == BusKind::Permutation && i.multiplicity != F::ZERO);
        tokens
    }

    /// Constraints violated and lookups that miss.
    fn objections(&self, cells: &Cells) -> Vec<String> {
        let mut objections: Vec<String> = violations(self.chip, cells.as_row(), &self.public)
            .iter()
            .map(|name| format!("violates {name:?}"))
            .collect();
        let live = self.interactions(cells);
        let missed = live.iter().filter(|i| self.misses(i));
        objections.extend(missed.map(|i| format!("{} has no {:?}", i.bus.name, i.tuple)));
        objections
    }

    fn misses(&self, interaction: &RowInteraction) -> bool {
        interaction.bus.kind == BusKind::Lookup
            && interaction.direction == Direction::Send
            && interaction.multiplicity != F::ZERO
            && !(self.lookup)(interaction.bus, &interaction.tuple)
    }

    /// What rejects a lie: numbers of constraints, then of interactions.
    fn broken_by(&self, lie: &Lie) -> Vec<usize> {
        let (constraints, mut broken) = violated(self.chip, lie.forged.as_row(), &self.public);
        let honest = self.interactions(&lie.honest);
        for (i, (forged, honest)) in self.interactions(&lie.forged).iter().zip(&honest).enumerate() {
            let held = self.held.contains(&forged.bus) && forged != honest;
            if held || self.misses(forged) {
                broken.push(constraints + i);
            }
        }
        broken
    }
}

/// Names in reports: a constraint's own, and an interaction's bus; with a number where the chip has several, "MEM#0".
fn names(description: &Description) -> Vec<String> {
    let constraints = description.constraints.iter().map(|constraint| constraint.name);
    let buses = description.interactions.iter().map(|interaction| interaction.bus.name);
    let plain: Vec<&str> = constraints.chain(buses).collect();
    let number = |(i, name): (usize, &&str)| {
        let count = |names: &[&str]| names.iter().filter(|other| *other == name).count();
        if count(&plain) == 1 { (*name).to_owned() } else { format!("{name}#{}", count(&plain[..i])) }
    };
    plain.iter().enumerate().map(number).collect()
}

/// The struct of columns with each column's number in its place.
pub fn indices<C: Columns<usize>>() -> C {
    let mut next = 0..;
    let mut columns = C::default();
    columns.visit(&mut |cell| *cell = next.next().unwrap_or_default());
    columns
}

/// Checks that `Columns::visit` names every cell of the struct once.
///
/// # Panics
/// If it does not.
pub fn columns_complete<C: Columns<u8>>() {
    let mut columns = C::default();
    let mut visited = 0;
    columns.visit(&mut |cell| {
        *cell += 1;
        visited += 1;
    });
    assert_eq!(visited, size_of::<C>(), "visit names {visited} cells, the struct has {}", size_of::<C>());
    columns.visit(&mut |cell| assert_eq!(*cell, 1, "visit names a cell {cell} times"));
}

/// The chip as text, for a snapshot: widths, constraints and interactions with degrees and formulas.
///
/// Cells are p0, p1 … (preprocessed), z0 … (phase 0), m0 … (main). Of very many constraints with one name, the first
/// stands for all.
pub fn shape(chip: &impl Chip) -> String {
    /// More constraints than this are shown by the first one.
    const FAMILY: usize = 40;
    let chip = describe(chip);
    let mut text = String::new();
    let write = |text: &mut String| -> fmt::Result {
        let widths = chip.widths;
        writeln!(text, "chip {}", chip.name)?;
        writeln!(
            text,
            "columns: preprocessed {}, phase 0 {}, main {}",
            widths.preprocessed, widths.phase0, widths.main
        )?;
        writeln!(text, "constraints: {}", chip.constraints.len())?;
        let mut families: Vec<&str> = Vec::new();
        for constraint in &chip.constraints {
            let name = constraint.name;
            if families.contains(&name) {
                continue;
            }
            let formula_of_first = formula(&constraint.expr);
            writeln!(text, "  {name} (degree {}): {formula_of_first}", constraint.degree)?;
            let family = chip.constraints.iter().filter(|other| other.name == name);
            if family.clone().count() > FAMILY {
                families.push(name);
                let formulas: String = family.clone().map(|other| formula(&other.expr)).collect();
                writeln!(text, "    and {} more, hash {:016x}", family.count() - 1, hash(&formulas))?;
            }
        }
        writeln!(text, "interactions: {}", chip.interactions.len())?;
        for interaction in &chip.interactions {
            let direction = match interaction.direction {
                Direction::Send => "send",
                Direction::Receive => "receive",
            };
            let tuple: Vec<String> = interaction.tuple.iter().map(formula).collect();
            let multiplicity = &interaction.multiplicity;
            writeln!(
                text,
                "  {direction} {} ({}) times {} (degree {})",
                interaction.bus.name,
                tuple.join(", "),
                formula(multiplicity),
                multiplicity.degree()
            )?;
        }
        Ok(())
    };
    write(&mut text).expect("writing to a string does not fail");
    text
}

/// The formula, or its size and hash where it is long.
fn formula(expr: &Expr) -> String {
    const LONGEST: usize = 300;
    /// Stops at `LONGEST` bytes: a shared expression may be exponentially long as text.
    struct Short(String);
    impl Write for Short {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.push_str(text);
            if self.0.len() > LONGEST { Err(fmt::Error) } else { Ok(()) }
        }
    }
    let mut text = Short(String::new());
    if write!(text, "{expr}").is_ok() {
        return text.0;
    }
    let tape = Tape::of(expr);
    let hash = hash(&format!("{:?}", tape.steps()));
    format!("formula of {} steps, hash {hash:016x}", tape.steps().len())
}

/// FNV-1a.
fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
