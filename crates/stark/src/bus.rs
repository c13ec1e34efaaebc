//! Buses: the typed multisets through which tables talk.
//!
//! Each interaction adds (send) or removes (receive) `multiplicity` copies of a tuple on its bus. A bus balances when
//! every tuple's copies sum to zero; LogUp proves that (docs/protocol.md, section "Buses").

/// What is allowed as a multiplicity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BusKind {
    /// Both sides use 0/1 multiplicities that are sums of boolean flags.
    Permutation,
    /// Senders use 0/1 multiplicities; one chip receives preprocessed tuples with a free multiplicity column. On a local
    /// bus that chip may instead relay: it looks the tuples up in turn, on a global bus, and its multiplicity is a product
    /// with what it sends there, so that it stands only for tuples of the global table.
    Lookup,
}

/// Over what the bus balances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Inside one shard proof, under that proof's own challenges.
    Local,
    /// Over all shards of an execution, under the global challenge. Every cell in its tuples and multiplicities is
    /// phase-0, preprocessed or public.
    Global,
}

/// A bus. Ids are distinct and at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bus {
    /// Name in reports and errors.
    pub name: &'static str,
    /// Separates this bus from all others inside the fingerprint.
    pub id: u32,
    /// Number of field elements of every tuple.
    pub arity: usize,
    /// What multiplicities may be.
    pub kind: BusKind,
    /// Over what it balances.
    pub scope: Scope,
}

impl Bus {
    /// A local permutation bus.
    pub const fn permutation(name: &'static str, id: u32, arity: usize) -> Self {
        Self { name, id, arity, kind: BusKind::Permutation, scope: Scope::Local }
    }

    /// A local lookup bus.
    pub const fn lookup(name: &'static str, id: u32, arity: usize) -> Self {
        Self { name, id, arity, kind: BusKind::Lookup, scope: Scope::Local }
    }

    /// A global lookup bus.
    pub const fn global_lookup(name: &'static str, id: u32, arity: usize) -> Self {
        Self { name, id, arity, kind: BusKind::Lookup, scope: Scope::Global }
    }

    /// A global permutation bus.
    pub const fn global(name: &'static str, id: u32, arity: usize) -> Self {
        Self { name, id, arity, kind: BusKind::Permutation, scope: Scope::Global }
    }
}
