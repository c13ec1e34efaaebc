//! What set-up refuses: chips and machines that the soundness argument does not cover.

use std::collections::{HashMap, HashSet};

use super::{
    Cell, Constraint, Description, Expr, Interaction, MAX_CONSTRAINT_DEGREE, MAX_MULTIPLICITY_DEGREE,
    MAX_TUPLE_DEGREE, Op, boolean::Flags, cells_of,
};
use crate::{Bus, BusKind, Direction, Scope, Widths};

/// Why a chip or a machine cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// A bus wider than the fingerprint's challenge powers.
    #[error("bus {bus} has tuples of {got} entries, at most {max} are allowed")]
    TupleTooLong {
        /// Bus.
        bus: &'static str,
        /// Its arity.
        got: usize,
        /// Limit.
        max: usize,
    },
    /// More constraints than the security parameters allow for.
    #[error("{got} constraints in all chips, at most {max} are allowed")]
    TooManyConstraints {
        /// Constraints and pairs of interactions of all chips.
        got: usize,
        /// Limit.
        max: usize,
    },
    /// A constraint's degree exceeds what the quotient holds.
    #[error(
        "chip {chip}: constraint {constraint:?} has degree {degree}, at most {MAX_CONSTRAINT_DEGREE} is allowed"
    )]
    ConstraintDegree {
        /// Chip.
        chip: &'static str,
        /// Constraint.
        constraint: &'static str,
        /// Its degree.
        degree: usize,
    },
    /// A constraint without cells says nothing, or nothing that can hold.
    #[error("chip {chip}: constraint {constraint:?} is a constant")]
    ConstantConstraint {
        /// Chip.
        chip: &'static str,
        /// Constraint.
        constraint: &'static str,
    },
    /// A multiplicity's degree is too large.
    #[error(
        "chip {chip}: a multiplicity on {bus} has degree {degree}, at most {MAX_MULTIPLICITY_DEGREE} is allowed"
    )]
    MultiplicityDegree {
        /// Chip.
        chip: &'static str,
        /// Bus.
        bus: &'static str,
        /// Its degree.
        degree: usize,
    },
    /// A multiplicity that the prover could choose, outside a lookup table.
    #[error("chip {chip}: multiplicity {multiplicity} on {bus} is not constrained to 0 and 1")]
    FreeMultiplicity {
        /// Chip.
        chip: &'static str,
        /// Bus.
        bus: &'static str,
        /// The multiplicity's formula.
        multiplicity: String,
    },
    /// A tuple's entry is not linear.
    #[error(
        "chip {chip}: entry {entry} of a tuple on {bus} has degree {degree}, at most {MAX_TUPLE_DEGREE} is allowed"
    )]
    TupleDegree {
        /// Chip.
        chip: &'static str,
        /// Bus.
        bus: &'static str,
        /// Entry.
        entry: usize,
        /// Its degree.
        degree: usize,
    },
    /// A tuple is longer or shorter than its bus says.
    #[error("chip {chip}: a tuple on {bus} has {got} entries, expected {expected}")]
    Arity {
        /// Chip.
        chip: &'static str,
        /// Bus.
        bus: &'static str,
        /// The bus's arity.
        expected: usize,
        /// The tuple's length.
        got: usize,
    },
    /// An interaction on a global bus depends on a cell committed after the global challenge.
    #[error(
        "chip {chip}: an interaction on the global bus {bus} uses {cell}, which is committed after the challenge"
    )]
    GlobalCell {
        /// Chip.
        chip: &'static str,
        /// Bus.
        bus: &'static str,
        /// The cell.
        cell: Cell,
    },
    /// A column that nothing mentions.
    #[error("chip {chip}: column {column} is in no constraint and no interaction")]
    UnusedColumn {
        /// Chip.
        chip: &'static str,
        /// The column.
        column: Cell,
    },
    /// Bus id 0 is reserved.
    #[error("bus {bus} has id 0, ids start at 1")]
    BusId {
        /// Bus.
        bus: &'static str,
    },
    /// Two definitions share an id or a name.
    #[error("buses {first} and {second} have one id or one name but are not the same")]
    BusClash {
        /// First definition.
        first: &'static str,
        /// Second definition.
        second: &'static str,
    },
    /// Two chips of one name.
    #[error("two chips are named {chip}")]
    DuplicateChip {
        /// Name.
        chip: &'static str,
    },
    /// A lookup bus with several receiving chips.
    #[error("lookup bus {bus} is received by {first} and by {second}, one table is allowed")]
    LookupReceivers {
        /// Bus.
        bus: &'static str,
        /// First receiving chip.
        first: &'static str,
        /// Second receiving chip.
        second: &'static str,
    },
    /// A lookup table whose tuples the prover could choose.
    #[error(
        "chip {chip}: a tuple received on the lookup bus {bus} uses {cell}, which is not preprocessed and not looked up globally"
    )]
    LookupTable {
        /// Chip.
        chip: &'static str,
        /// Bus.
        bus: &'static str,
        /// The cell.
        cell: Cell,
    },
}

impl Description {
    /// Checks what can be seen from the chip alone: degrees, arities, phases, multiplicities, unused columns.
    pub fn validate(&self) -> Result<(), SetupError> {
        let chip = self.name;
        for Constraint { name: constraint, degree, .. } in &self.constraints {
            match *degree {
                0 => return Err(SetupError::ConstantConstraint { chip, constraint }),
                1..=MAX_CONSTRAINT_DEGREE => {}
                degree => return Err(SetupError::ConstraintDegree { chip, constraint, degree }),
            }
        }
        for interaction in &self.interactions {
            self.validate_interaction(interaction)?;
        }
        self.validate_multiplicities()?;
        self.validate_use()
    }

    fn validate_interaction(&self, interaction: &Interaction) -> Result<(), SetupError> {
        let (chip, Bus { name: bus, arity: expected, .. }) = (self.name, interaction.bus);
        if interaction.bus.id == 0 {
            return Err(SetupError::BusId { bus });
        }
        let got = interaction.tuple.len();
        if got != expected {
            return Err(SetupError::Arity { chip, bus, expected, got });
        }
        let degree = interaction.multiplicity.degree();
        if degree > MAX_MULTIPLICITY_DEGREE {
            return Err(SetupError::MultiplicityDegree { chip, bus, degree });
        }
        for (entry, degree) in interaction.tuple.iter().map(Expr::degree).enumerate() {
            if degree > MAX_TUPLE_DEGREE {
                return Err(SetupError::TupleDegree { chip, bus, entry, degree });
            }
        }
        let late = |cell: &Cell| matches!(cell, Cell::Main(_));
        if interaction.bus.scope == Scope::Global
            && let Some(cell) = cells_of(interaction.exprs()).find(late)
        {
            return Err(SetupError::GlobalCell { chip, bus, cell });
        }
        let chosen = |cell: &Cell| !matches!(cell, Cell::Preprocessed(_));
        if interaction.bus.kind == BusKind::Lookup
            && interaction.direction == Direction::Receive
            && let Some(cell) = cells_of(interaction.tuple.iter()).find(chosen)
            && !self.relays(interaction)
        {
            return Err(SetupError::LookupTable { chip, bus, cell });
        }
        Ok(())
    }

    /// Whether the tuple received on a local lookup bus is looked up by the same chip on a global one, by a multiplicity
    /// that is a factor of the received one: where it is 0, nothing is received.
    fn relays(&self, received: &Interaction) -> bool {
        let Expr::Node(product) = &received.multiplicity else { return false };
        let factors = [&product.left, &product.right].map(Expr::to_string);
        let tuple =
            |interaction: &Interaction| interaction.tuple.iter().map(Expr::to_string).collect::<Vec<_>>();
        received.bus.scope == Scope::Local
            && product.op == Op::Mul
            && self.interactions.iter().any(|sent| {
                (sent.bus.kind, sent.bus.scope) == (BusKind::Lookup, Scope::Global)
                    && sent.direction == Direction::Send
                    && factors.contains(&sent.multiplicity.to_string())
                    && tuple(sent) == tuple(received)
            })
    }

    /// Every multiplicity is 0 or 1 by the chip's constraints, but for the count of a lookup table's row.
    fn validate_multiplicities(&self) -> Result<(), SetupError> {
        let flags = Flags::of(self);
        let counted = self.interactions.iter().filter(|interaction| {
            !(interaction.bus.kind == BusKind::Lookup && interaction.direction == Direction::Receive)
        });
        for Interaction { bus, multiplicity, .. } in counted {
            if !flags.boolean(multiplicity) {
                let multiplicity = multiplicity.to_string();
                return Err(SetupError::FreeMultiplicity { chip: self.name, bus: bus.name, multiplicity });
            }
        }
        Ok(())
    }

    fn validate_use(&self) -> Result<(), SetupError> {
        let used: HashSet<Cell> = cells_of(self.exprs()).collect();
        let Widths { preprocessed, phase0, main } = self.widths;
        let mut columns = (0..preprocessed)
            .map(Cell::Preprocessed)
            .chain((0..phase0).map(Cell::Phase0))
            .chain((0..main).map(Cell::Main));
        match columns.find(|column| !used.contains(column)) {
            Some(column) => Err(SetupError::UnusedColumn { chip: self.name, column }),
            None => Ok(()),
        }
    }
}

/// Checks a machine: each chip, and that all agree on the buses.
pub fn validate_machine(chips: &[Description]) -> Result<(), SetupError> {
    let mut buses: Vec<Bus> = Vec::new();
    let mut tables: HashMap<u32, &'static str> = HashMap::new();
    for (i, chip) in chips.iter().enumerate() {
        if chips[..i].iter().any(|other| other.name == chip.name) {
            return Err(SetupError::DuplicateChip { chip: chip.name });
        }
        chip.validate()?;
        for Interaction { bus, direction, .. } in &chip.interactions {
            match buses.iter().find(|other| other.id == bus.id || other.name == bus.name) {
                None => buses.push(*bus),
                Some(other) if other == bus => {}
                Some(other) => return Err(SetupError::BusClash { first: other.name, second: bus.name }),
            }
            if bus.kind == BusKind::Lookup && *direction == Direction::Receive {
                let first = *tables.entry(bus.id).or_insert(chip.name);
                if first != chip.name {
                    return Err(SetupError::LookupReceivers { bus: bus.name, first, second: chip.name });
                }
            }
        }
    }
    Ok(())
}
