//! The chips of a machine, and the layout of their columns in the commitments of one proof.

use crate::air::{Chip, Direction, Widths};
use crate::check::{BusBalance, Row};
use crate::config::{PackedEF, PackedF};
use crate::folder::Folder;
use crate::logup::{FractionBuilder, LookupBuilder};
use crate::symbolic::{Description, describe};
use crate::{Bus, EF, F, Scope};

/// Smallest log-height of a table: above the final polynomial's length, and whole packed rows in each half of the LDE.
pub const LOG_HEIGHT_MIN: usize = 5;
/// Largest log-height of a table: what the security parameters are computed for.
pub const LOG_HEIGHT_MAX: usize = 22;
/// Largest number of base-field columns that one proof opens.
pub const COLUMNS_MAX: usize = 10_000;

/// A [`Chip`] behind a pointer: `eval` once per kind of builder.
pub trait AnyChip: Send + Sync {
    /// See [`Chip::name`].
    fn name(&self) -> &'static str;
    /// See [`Chip::widths`].
    fn widths(&self) -> Widths;
    /// The chip's constraints and interactions as text and degrees.
    fn describe(&self) -> Description;
    /// Adds rows to a check of a whole machine's rows.
    fn check_rows(&self, check: &mut BusBalance, rows: &mut dyn Iterator<Item = Row<'_>>, publics: &[F]);
    #[doc(hidden)]
    fn eval_packed(&self, builder: &mut Folder<'_, PackedF, PackedEF>);
    #[doc(hidden)]
    fn eval_extension(&self, builder: &mut Folder<'_, EF, EF>);
    #[doc(hidden)]
    fn eval_fractions(&self, builder: &mut FractionBuilder<'_>);
    #[doc(hidden)]
    fn eval_lookups(&self, builder: &mut LookupBuilder<'_>);
}

impl<C: Chip> AnyChip for C {
    fn name(&self) -> &'static str {
        Chip::name(self)
    }
    fn widths(&self) -> Widths {
        Chip::widths(self)
    }
    fn describe(&self) -> Description {
        describe(self)
    }
    fn check_rows(&self, check: &mut BusBalance, rows: &mut dyn Iterator<Item = Row<'_>>, publics: &[F]) {
        check.add_rows(self, rows, publics);
    }
    fn eval_packed(&self, builder: &mut Folder<'_, PackedF, PackedEF>) {
        self.eval(builder);
    }
    fn eval_extension(&self, builder: &mut Folder<'_, EF, EF>) {
        self.eval(builder);
    }
    fn eval_fractions(&self, builder: &mut FractionBuilder<'_>) {
        self.eval(builder);
    }
    fn eval_lookups(&self, builder: &mut LookupBuilder<'_>) {
        self.eval(builder);
    }
}

/// One chip and what set-up counted in it.
pub struct Entry {
    /// The chip.
    pub chip: Box<dyn AnyChip>,
    /// Its numbers of columns.
    pub widths: Widths,
    /// Number of `assert_zero` constraints.
    pub constraints: usize,
    /// Number of interactions on local buses.
    pub local: usize,
    /// Number of interactions on global buses.
    pub global: usize,
    /// Where each pair of interactions, in the order in which pairs complete, keeps its fraction.
    pub(crate) slots: Vec<Slot>,
}

/// Where the fraction of a pair of interactions lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// Auxiliary extension column.
    Aux(usize),
    /// Increment of a running sum: 0 the first scope the chip has, 1 the second.
    Sum(usize),
}

impl Entry {
    /// Sets a chip up.
    pub(crate) fn new(chip: Box<dyn AnyChip>) -> Self {
        let description = chip.describe();
        let widths = chip.widths();
        let scopes: Vec<Scope> = description.interactions.iter().map(|i| i.bus.scope).collect();
        let count = |scope| scopes.iter().filter(|s| **s == scope).count();
        let (local, global) = (count(Scope::Local), count(Scope::Global));
        let mut entry =
            Self { chip, widths, constraints: description.constraints.len(), local, global, slots: vec![] };
        entry.slots = entry.assign_slots(&scopes);
        entry
    }

    /// Number of auxiliary extension columns.
    pub fn aux_columns(&self) -> usize {
        pairs(self.local).saturating_sub(1) + pairs(self.global).saturating_sub(1)
    }

    /// Number of running-sum extension columns: one per scope in use.
    pub fn sums(&self) -> usize {
        usize::from(self.local > 0) + usize::from(self.global > 0)
    }

    /// Number of constraints in the quotient: the chip's own and one per pair of interactions.
    pub(crate) fn folded_constraints(&self) -> usize {
        self.constraints + pairs(self.local) + pairs(self.global)
    }

    /// Base-field columns committed per row outside the preprocessed ones.
    pub fn committed_columns(&self) -> usize {
        self.widths.phase0 + self.widths.main
    }

    fn assign_slots(&self, scopes: &[Scope]) -> Vec<Slot> {
        let mut slots = Vec::new();
        let mut seen = [0, 0];
        let totals = [self.local, self.global];
        let first_aux = [0, pairs(self.local).saturating_sub(1)];
        let sum = [0, usize::from(self.local > 0)];
        for scope in scopes {
            let s = scope_index(*scope);
            seen[s] += 1;
            if seen[s] == totals[s] {
                slots.push(Slot::Sum(sum[s]));
            } else if seen[s].is_multiple_of(2) {
                slots.push(Slot::Aux(first_aux[s] + seen[s] / 2 - 1));
            }
        }
        slots
    }
}

/// 0 for local, 1 for global.
pub(crate) fn scope_index(scope: Scope) -> usize {
    match scope {
        Scope::Local => 0,
        Scope::Global => 1,
    }
}

pub(crate) fn pairs(interactions: usize) -> usize {
    interactions.div_ceil(2)
}

/// Which tables a proof has, and how tall: `log_heights[i]` for chip i, `None` when absent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Shape {
    /// Log-height of each chip's table.
    pub log_heights: Vec<Option<u8>>,
}

/// One chip's place in the matrices of its height.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) chip: usize,
    pub(crate) phase0_at: usize,
    pub(crate) main_at: usize,
    /// In extension columns.
    pub(crate) aux_at: usize,
    /// In extension columns.
    pub(crate) sums_at: usize,
    /// Index of the chip's first constraint among the group's.
    pub(crate) power_at: usize,
}

/// All tables of one height: they share one matrix per commitment round and one quotient.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) log_height: usize,
    pub(crate) members: Vec<Member>,
    pub(crate) phase0_width: usize,
    pub(crate) main_width: usize,
    /// In extension columns.
    pub(crate) aux_width: usize,
    /// In extension columns.
    pub(crate) sums_width: usize,
    pub(crate) constraints: usize,
}

/// The groups of a shape, tallest first.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) groups: Vec<Group>,
}

impl Layout {
    pub(crate) fn new(chips: &[Entry], shape: &Shape) -> Self {
        let mut heights: Vec<usize> = shape.log_heights.iter().flatten().map(|h| usize::from(*h)).collect();
        heights.sort_unstable_by(|a, b| b.cmp(a));
        heights.dedup();
        let groups = heights
            .into_iter()
            .map(|log_height| {
                let mut group = Group {
                    log_height,
                    members: vec![],
                    phase0_width: 0,
                    main_width: 0,
                    aux_width: 0,
                    sums_width: 0,
                    constraints: 0,
                };
                for (chip, entry) in chips.iter().enumerate() {
                    if shape.log_heights[chip].map(usize::from) != Some(log_height) {
                        continue;
                    }
                    group.members.push(Member {
                        chip,
                        phase0_at: group.phase0_width,
                        main_at: group.main_width,
                        aux_at: group.aux_width,
                        sums_at: group.sums_width,
                        power_at: group.constraints,
                    });
                    group.phase0_width += entry.widths.phase0;
                    group.main_width += entry.widths.main;
                    group.aux_width += entry.aux_columns();
                    group.sums_width += entry.sums();
                    group.constraints += entry.folded_constraints();
                }
                group
            })
            .collect();
        Self { groups }
    }

    pub(crate) fn most_constraints(&self) -> usize {
        self.groups.iter().map(|g| g.constraints).max().unwrap_or(0)
    }
}

/// A boundary term: an interaction the verifier itself makes, from public values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundaryTerm {
    /// Which way it counts.
    pub direction: Direction,
    /// The bus (local).
    pub bus: Bus,
    /// The tuple.
    pub tuple: Vec<F>,
}
