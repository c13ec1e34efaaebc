//! Rows against constraints and buses, without a proof: the debug mode, and the base of the test kit.
//!
//! [`violations`] and [`interactions`] look at one row. [`BusBalance`] collects the interactions of whole traces and
//! names the tuples that do not balance, with the rows that sent and received them.

use std::fmt;

use crate::{Builder, Bus, BusKind, Chip, Direction, F, PrimeCharacteristicRing, PrimeField32, Widths};

/// A row's cells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cells {
    /// Preprocessed cells.
    pub preprocessed: Vec<F>,
    /// Phase-0 cells.
    pub phase0: Vec<F>,
    /// Main cells.
    pub main: Vec<F>,
}

impl Cells {
    /// A row of zeros.
    pub fn zero(widths: Widths) -> Self {
        Self {
            preprocessed: vec![F::ZERO; widths.preprocessed],
            phase0: vec![F::ZERO; widths.phase0],
            main: vec![F::ZERO; widths.main],
        }
    }

    /// A row of a chip with only main columns.
    pub fn main(main: impl Into<Vec<F>>) -> Self {
        Self { main: main.into(), ..Self::default() }
    }

    /// The row, borrowed.
    pub fn as_row(&self) -> Row<'_> {
        Row { preprocessed: &self.preprocessed, phase0: &self.phase0, main: &self.main }
    }
}

/// A row inside its traces.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Preprocessed cells.
    pub preprocessed: &'a [F],
    /// Phase-0 cells.
    pub phase0: &'a [F],
    /// Main cells.
    pub main: &'a [F],
}

/// An interaction of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowInteraction {
    /// Adds or removes.
    pub direction: Direction,
    /// Where.
    pub bus: Bus,
    /// How many copies.
    pub multiplicity: F,
    /// Of what.
    pub tuple: Vec<F>,
}

/// Names of the constraints that `row` violates, in the order stated.
pub fn violations(chip: &impl Chip, row: Row<'_>, public: &[F]) -> Vec<&'static str> {
    RowBuilder::run(chip, row, public).violations.into_iter().map(|(_, name)| name).collect()
}

/// Number of constraints, and the numbers of those that `row` violates, in the order stated.
pub(crate) fn violated(chip: &impl Chip, row: Row<'_>, public: &[F]) -> (usize, Vec<usize>) {
    let builder = RowBuilder::run(chip, row, public);
    (builder.stated, builder.violations.into_iter().map(|(number, _)| number).collect())
}

/// The interactions of `row`, in the order stated, those of multiplicity zero included.
pub fn interactions(chip: &impl Chip, row: Row<'_>, public: &[F]) -> Vec<RowInteraction> {
    let builder = RowBuilder::run(chip, row, public);
    let mut entries = builder.entries.as_slice();
    let mut interactions = Vec::with_capacity(builder.interactions.len());
    for (direction, bus, multiplicity, arity) in builder.interactions {
        let (tuple, rest) = entries.split_at(arity);
        entries = rest;
        interactions.push(RowInteraction { direction, bus, multiplicity, tuple: tuple.to_vec() });
    }
    interactions
}

/// The builder over single field elements.
struct RowBuilder<'a> {
    row: Row<'a>,
    public: &'a [F],
    /// Constraints stated so far.
    stated: usize,
    /// Number and name.
    violations: Vec<(usize, &'static str)>,
    /// (direction, bus, multiplicity, arity).
    interactions: Vec<(Direction, Bus, F, usize)>,
    /// Entries of all tuples in turn.
    entries: Vec<F>,
}

impl<'a> RowBuilder<'a> {
    fn run(chip: &impl Chip, row: Row<'a>, public: &'a [F]) -> Self {
        let mut builder = RowBuilder {
            row,
            public,
            stated: 0,
            violations: Vec::new(),
            interactions: Vec::new(),
            entries: Vec::new(),
        };
        chip.eval(&mut builder);
        builder
    }
}

impl Builder for RowBuilder<'_> {
    type Expr = F;

    fn preprocessed(&self) -> &[F] {
        self.row.preprocessed
    }

    fn phase0(&self) -> &[F] {
        self.row.phase0
    }

    fn main(&self) -> &[F] {
        self.row.main
    }

    fn public(&self, index: usize) -> F {
        self.public[index]
    }

    fn assert_zero(&mut self, name: &'static str, value: F) {
        if value != F::ZERO {
            self.violations.push((self.stated, name));
        }
        self.stated += 1;
    }

    fn interact<const N: usize>(&mut self, direction: Direction, bus: Bus, multiplicity: F, tuple: [F; N]) {
        self.interactions.push((direction, bus, multiplicity, N));
        self.entries.extend_from_slice(&tuple);
    }
}

/// How lookup buses are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookups {
    /// By the multiplicities in the tables' rows: what the proof will check.
    Counted,
    /// Every tuple sent must be in the table; its multiplicity is free: what a prover can reach.
    Free,
}

/// The interactions of many rows of many chips.
pub struct BusBalance {
    lookups: Lookups,
    buses: Vec<Bus>,
    chips: Vec<&'static str>,
    records: Vec<Record>,
    /// Entries of all tuples in turn.
    entries: Vec<F>,
    /// Violated constraints: (chip, row, constraint).
    violations: Vec<(&'static str, usize, &'static str)>,
}

/// An interaction in a [`BusBalance`].
struct Record {
    bus: u32,
    chip: u32,
    row: u32,
    direction: Direction,
    multiplicity: F,
    /// Start of the tuple in `entries`.
    start: usize,
}

/// A tuple that does not balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbalanced {
    /// Where.
    pub bus: Bus,
    /// What.
    pub tuple: Vec<F>,
    /// Copies sent minus copies received.
    pub sum: F,
    /// Who sent it: chip, row, multiplicity.
    pub sent: Vec<(&'static str, usize, F)>,
    /// Who received it: chip, row, multiplicity.
    pub received: Vec<(&'static str, usize, F)>,
}

impl BusBalance {
    /// An empty balance.
    pub const fn new(lookups: Lookups) -> Self {
        Self {
            lookups,
            buses: Vec::new(),
            chips: Vec::new(),
            records: Vec::new(),
            entries: Vec::new(),
            violations: Vec::new(),
        }
    }

    /// Adds all rows of a chip, numbered from 0 in the order given.
    pub fn add_rows<'a>(&mut self, chip: &impl Chip, rows: impl IntoIterator<Item = Row<'a>>, public: &[F]) {
        for (index, row) in rows.into_iter().enumerate() {
            let builder = RowBuilder::run(chip, row, public);
            self.violations.extend(builder.violations.iter().map(|(_, name)| (chip.name(), index, *name)));
            let mut entries = builder.entries.as_slice();
            for (direction, bus, multiplicity, arity) in builder.interactions {
                let (tuple, rest) = entries.split_at(arity);
                entries = rest;
                self.add(direction, bus, multiplicity, tuple, (chip.name(), index));
            }
        }
    }

    /// Adds one interaction: a boundary term, or one of another source.
    ///
    /// # Panics
    /// If the tuple's length is not the bus's arity (set-up refuses such chips).
    pub fn add(
        &mut self,
        direction: Direction,
        bus: Bus,
        multiplicity: F,
        tuple: &[F],
        (chip, row): (&'static str, usize),
    ) {
        assert_eq!(tuple.len(), bus.arity, "a tuple of {chip} on {}", bus.name);
        let in_table =
            self.lookups == Lookups::Free && bus.kind == BusKind::Lookup && direction == Direction::Receive;
        if multiplicity == F::ZERO && !in_table {
            return;
        }
        let record = Record {
            bus: position_or_push(&mut self.buses, bus),
            chip: position_or_push(&mut self.chips, chip),
            row: row as u32,
            direction,
            multiplicity,
            start: self.entries.len(),
        };
        self.records.push(record);
        self.entries.extend_from_slice(tuple);
    }

    /// Constraints violated by the rows added: (chip, row, constraint).
    pub fn violations(&self) -> &[(&'static str, usize, &'static str)] {
        &self.violations
    }

    /// The tuples that do not balance, in the order of buses and first use.
    pub fn unbalanced(&self) -> Vec<Unbalanced> {
        let mut order: Vec<(u64, usize)> =
            self.records.iter().enumerate().map(|(i, record)| (self.key(record), i)).collect();
        order.sort_unstable();
        let mut unbalanced = Vec::new();
        for group in order.chunk_by(|a, b| a.0 == b.0) {
            let mut group: Vec<usize> = group.iter().map(|(_, i)| *i).collect();
            // A key is a hash: set apart what only collides.
            while let Some(&first) = group.first() {
                let identity = |i: usize| (self.records[i].bus, self.tuple(&self.records[i]));
                let (same, other): (Vec<_>, Vec<_>) =
                    group.iter().partition(|i| identity(**i) == identity(first));
                if let Some(tuple) = self.judge(&same) {
                    unbalanced.push((self.records[first].bus, first, tuple));
                }
                group = other;
            }
        }
        unbalanced.sort_by_key(|(bus, first, _)| (*bus, *first));
        unbalanced.into_iter().map(|(_, _, tuple)| tuple).collect()
    }

    /// The records of one tuple, if they do not balance.
    fn judge(&self, records: &[usize]) -> Option<Unbalanced> {
        let of = |direction| {
            let records = records.iter().map(|i| &self.records[*i]);
            let records = records.filter(move |record| record.direction == direction);
            records.map(|record| (self.chips[record.chip as usize], record.row as usize, record.multiplicity))
        };
        let sum = of(Direction::Send).map(|(.., m)| m).sum::<F>()
            - of(Direction::Receive).map(|(.., m)| m).sum::<F>();
        let first = &self.records[records[0]];
        let bus = self.buses[first.bus as usize];
        let balanced = if bus.kind == BusKind::Lookup && self.lookups == Lookups::Free {
            of(Direction::Send).next().is_none() || of(Direction::Receive).next().is_some()
        } else {
            sum == F::ZERO
        };
        (!balanced).then(|| Unbalanced {
            bus,
            tuple: self.tuple(first).to_vec(),
            sum,
            sent: of(Direction::Send).collect(),
            received: of(Direction::Receive).collect(),
        })
    }

    fn tuple(&self, record: &Record) -> &[F] {
        &self.entries[record.start..][..self.buses[record.bus as usize].arity]
    }

    /// A hash of the record's bus and tuple: multiply and rotate, each entry once.
    fn key(&self, record: &Record) -> u64 {
        let mix = |hash: u64, word: u32| {
            (hash.rotate_left(23) ^ u64::from(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        };
        let tuple = self.tuple(record).iter().map(PrimeField32::as_canonical_u32);
        tuple.fold(mix(0, record.bus + 1), mix)
    }
}

/// The position of `item`, appended if it is new.
fn position_or_push<T: PartialEq>(items: &mut Vec<T>, item: T) -> u32 {
    // The last one is the likeliest by far for chips, and lists of buses are short.
    let position = items.iter().rposition(|other| *other == item).unwrap_or(items.len());
    if position == items.len() {
        items.push(item);
    }
    position as u32
}

impl fmt::Display for Unbalanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |f: &mut fmt::Formatter<'_>, verb, rows: &[(&'static str, usize, F)]| {
            const SHOWN: usize = 4;
            write!(f, ", {verb} by ")?;
            match rows.len() {
                0 => return f.write_str("none"),
                1..=SHOWN => {}
                many => write!(f, "{many} rows, first ")?,
            }
            for (i, (chip, row, multiplicity)) in rows.iter().take(SHOWN).enumerate() {
                let comma = if i == 0 { "" } else { ", " };
                write!(f, "{comma}{chip} row {row}")?;
                if *multiplicity != F::ONE {
                    write!(f, " times {multiplicity}")?;
                }
            }
            Ok(())
        };
        write!(f, "{} {:?}", self.bus.name, self.tuple.iter().map(F::as_canonical_u32).collect::<Vec<_>>())?;
        side(f, "sent", &self.sent)?;
        side(f, "received", &self.received)
    }
}
