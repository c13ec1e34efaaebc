//! The precompiles: what each does to memory, and how many rows of which tables prove it.
//!
//! A precompile is a function over [`Dwords`], so that it serves the fast and the traced mode. Its accesses are in
//! *slots*, the time inside the call: a slot touches a key at most once, and of one key lower slots come first. The slots
//! are those of the chip that proves the call.

use vellum_isa::{Family, HintKind, Precompile, map::ADDRESS_END};

use crate::{Call, Fault};

mod compare;
mod copy;
mod hint;
mod keccak;
mod secp256k1;
mod sha256;
mod u256;

pub use copy::COPY_ALIGNED_DWORDS;
pub use sha256::{SHA256_CONSTANTS, sha256_compress};

/// A table whose rows precompile calls fill. Tables are numbered after the families.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Table {
    /// A row per call.
    Hint = Family::ALL.len(),
    /// A row per call of KECCAK, and rows that load and store states.
    Keccak,
    /// Three rows per block of KECCAK.
    Sponge,
    /// 24 rows per block of KECCAK.
    KeccakF,
    /// A row per point addition or doubling.
    Secp256k1,
    /// A row per call.
    U256,
    /// A row per dword written by MEMCPY or MEMSET, and one that only reads where the source's bytes come early.
    Copy,
    /// A row per four dwords of a MEMCPY or MEMSET of whole dwords.
    CopyAligned,
    /// A row per call of SHA256.
    Sha256,
    /// A row per eight rounds of SHA256.
    Sha256Rounds,
    /// A row per dword of one run of a MEMCMP, up to the first byte that differs.
    Compare,
}

/// Number of tables that only precompile calls fill.
pub const PRECOMPILE_TABLES: usize = 11;

/// Number of tables that executed instructions fill: one per family, then [`Table`].
pub const TABLES: usize = Family::ALL.len() + PRECOMPILE_TABLES;

/// Rows by table: families first, then by `Table as usize`.
pub type Rows = [u32; TABLES];

/// What a call needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Most rows of every table; one of ECALL.
    pub rows: Rows,
    /// Most dwords that it touches.
    pub dwords: u32,
}

/// The most rows and dwords of a call of each kind.
const MOST: [(&[(Table, u32)], u32); 7] = [
    (&[(Table::Hint, 1)], hint::DWORDS_MAX),
    (&keccak::ROWS_MAX, keccak::DWORDS_MAX),
    (&[(Table::Secp256k1, 1)], secp256k1::DWORDS_MAX),
    (&[(Table::U256, 1)], u256::DWORDS_MAX),
    (&[(Table::Copy, copy::ROWS_MAX), (Table::CopyAligned, copy::ALIGNED_ROWS_MAX)], copy::DWORDS_MAX),
    (&sha256::ROWS, sha256::DWORDS_MAX),
    (&[(Table::Compare, compare::ROWS_MAX)], compare::DWORDS_MAX),
];

/// The most that a call of any precompile needs.
pub const DEMAND_MAX: Demand = {
    let mut most = Demand { rows: [0; TABLES], dwords: 0 };
    most.rows[Family::Ecall as usize] = 1;
    let mut kind = 0;
    while kind < MOST.len() {
        let (tables, dwords) = MOST[kind];
        let mut i = 0;
        while i < tables.len() {
            most.rows[tables[i].0 as usize] = tables[i].1;
            i += 1;
        }
        if dwords > most.dwords {
            most.dwords = dwords;
        }
        kind += 1;
    }
    most
};

/// Guest memory as a precompile sees it.
pub(crate) trait Dwords {
    /// The dword `key` without an access.
    fn peek(&self, key: u32) -> Result<u64, Fault>;
    /// The dword `key` in slot `slot`.
    fn read(&mut self, slot: u32, key: u32) -> Result<u64, Fault>;
    /// Called with the answer to a hint, which may change it.
    fn answer(&mut self, _kind: HintKind, _answer: &mut [u64]) {}
    /// Replaces the dword `key` in slot `slot`; returns what it was.
    fn write(&mut self, slot: u32, key: u32, value: u64) -> Result<u64, Fault>;
}

/// The arguments a0..a3 as the circuits take them.
pub(crate) fn arguments(precompile: Precompile, registers: [u64; 4]) -> Result<[u32; 4], Fault> {
    let mut arguments = [0; 4];
    for (index, (argument, register)) in arguments.iter_mut().zip(registers).enumerate() {
        *argument = u32::try_from(register).map_err(|_| Fault::PrecompileArgument {
            precompile: precompile.name(),
            index,
            got: register,
        })?;
    }
    Ok(arguments)
}

impl Call {
    /// What the call needs.
    pub fn demand(&self) -> Demand {
        Precompile::from_code(self.code)
            .map_or(Demand { rows: [0; TABLES], dwords: 0 }, |precompile| demand(precompile, self.args))
    }
}

/// The rows and dwords of a call. Arguments that the call refuses may give anything.
pub(crate) fn demand(precompile: Precompile, arguments: [u32; 4]) -> Demand {
    let mut demand = Demand { rows: [0; TABLES], dwords: 0 };
    demand.rows[Family::Ecall as usize] = 1;
    let mut needs = |tables: &[(Table, u32)], dwords| {
        tables.iter().for_each(|(table, rows)| demand.rows[*table as usize] = *rows);
        demand.dwords = dwords;
    };
    let [a0, a1, a2, a3] = arguments;
    match precompile {
        Precompile::Hint => needs(&[(Table::Hint, 1)], hint::DWORDS_MAX),
        Precompile::Keccak => needs(&keccak::rows(arguments), keccak::DWORDS_MAX),
        Precompile::Secp256k1Add | Precompile::Secp256k1Double => {
            needs(&[(Table::Secp256k1, 1)], secp256k1::DWORDS_MAX);
        }
        Precompile::U256MulMod | Precompile::U256MulAdd | Precompile::U256Sub => {
            needs(&[(Table::U256, 1)], u256::DWORDS_MAX);
        }
        Precompile::Memcpy | Precompile::Memset => {
            let from = (precompile == Precompile::Memcpy).then_some(a1);
            let (table, rows, dwords) = copy::demand(a0, from, a2);
            needs(&[(table, rows)], dwords);
        }
        Precompile::Sha256 => needs(&sha256::ROWS, sha256::DWORDS_MAX),
        Precompile::Memcmp => {
            let (rows, dwords) = compare::demand(a1, a2, a3);
            needs(&[(Table::Compare, rows)], dwords);
        }
    }
    demand
}

/// Carries a call out.
pub(crate) fn run(
    precompile: Precompile,
    arguments: [u32; 4],
    dwords: &mut impl Dwords,
) -> Result<(), Fault> {
    match precompile {
        Precompile::Hint => hint::run(arguments, dwords),
        Precompile::Keccak => keccak::run(arguments, dwords),
        Precompile::Secp256k1Add => secp256k1::add(arguments, dwords),
        Precompile::Secp256k1Double => secp256k1::double(arguments, dwords),
        Precompile::U256MulMod => u256::mul_mod(arguments, dwords),
        Precompile::U256MulAdd => u256::mul_add(arguments, dwords),
        Precompile::U256Sub => u256::sub(arguments, dwords),
        Precompile::Memcpy => copy::memcpy(arguments, dwords),
        Precompile::Memset => copy::memset(arguments, dwords),
        Precompile::Sha256 => sha256::run(arguments, dwords),
        Precompile::Memcmp => compare::run(arguments, dwords),
    }
}

/// The key of the dword at `address`, which must be aligned.
pub(crate) fn aligned(address: u32) -> Result<u32, Fault> {
    if address.is_multiple_of(8) {
        Ok(address / 8)
    } else {
        Err(Fault::Misaligned { address: address.into(), bytes: 8 })
    }
}

/// Refuses `bytes` bytes at `address` that go beyond the address space.
pub(crate) fn in_range(address: u32, bytes: u64) -> Result<(), Fault> {
    if u64::from(address) + bytes > ADDRESS_END {
        return Err(Fault::OutOfRange { address: address.into(), bytes });
    }
    Ok(())
}

#[cfg(test)]
mod testing {
    use std::collections::HashMap;

    use super::*;

    /// Memory that records the slots of its accesses.
    #[derive(Default)]
    pub(super) struct Flat {
        pub(super) dwords: HashMap<u32, u64>,
        pub(super) slots: Vec<u32>,
    }

    impl Dwords for Flat {
        fn peek(&self, key: u32) -> Result<u64, Fault> {
            Ok(self.dwords.get(&key).copied().unwrap_or_default())
        }

        fn read(&mut self, slot: u32, key: u32) -> Result<u64, Fault> {
            self.slots.push(slot);
            self.peek(key)
        }

        fn write(&mut self, slot: u32, key: u32, value: u64) -> Result<u64, Fault> {
            self.slots.push(slot);
            Ok(self.dwords.insert(key, value).unwrap_or_default())
        }
    }
}
