//! What the chips of precompiles have in common: a call comes in over PRE and becomes rows.
//!
//! # The call
//! ECALL sends PRE(code, ts, two limbs of each argument) once per call, with limbs of registers, so of 16 bits, and a ts
//! that no other call of the shard has. A chip receives it in one row, and that row's multiplicity is boolean. A call of
//! several rows passes what it needs from row to row over a bus of its own, keyed by ts.
//!
//! # Pointers
//! ptr = lo + 2^16·hi. `lo`/8 in 16 bits says that lo, an integer below 2^16, is a multiple of 8 (half of an odd number is
//! above p/2). Then the key is lo/8 + 2^13·hi < 2^29, and a key a little above it has no token if it is not below 2^29:
//! nothing wraps, and no register can be reached.

mod bigint;
mod compare;
mod copy;
mod copy_aligned;
mod dwords;
mod hint;
mod keccak;
mod keccak_f;
mod secp256k1;
mod sha256;
mod sha256_rounds;
mod sponge;
mod u256;

pub use compare::{CompareChip, CompareRow};
pub use copy::{CopyChip, CopyRow};
pub use copy_aligned::{CopyAlignedChip, CopyAlignedRow};
pub use hint::HintChip;
pub use keccak::{KeccakChip, KeccakRow};
pub use keccak_f::{KeccakFChip, ROUNDS, Round, State};
pub use secp256k1::Secp256k1Chip;
pub use sha256::Sha256Chip;
pub use sha256_rounds::{Sha256RoundsChip, Sha256RoundsRow};
pub use sponge::{AbsorbRow, SpongeChip};
pub use u256::U256Chip;

use vellum_executor::{Call, PRECOMPILE_TABLES, Table};
use vellum_isa::Precompile;
use vellum_stark::{Algebra, AnyChip, Builder, Chip, ChipSet, F, PrimeCharacteristicRing, Traces};

use crate::{PRE, RANGE16};

/// First time slot of a precompile's memory accesses: a7 and a0 to a3 come before.
pub(crate) const FIRST_SLOT: u32 = 7;

/// A chip whose rows come from precompile calls.
pub trait PrecompileChip: Chip {
    /// What a row is written from.
    type Row: Send + Sync;

    /// The chip's table.
    fn table(&self) -> Table;

    /// The rows of a call, in order; none for a call that this chip has no part in.
    fn rows(&self, call: &Call) -> Vec<Self::Row>;

    /// Writes one of them.
    fn write_row(&self, from: &Self::Row, row: &mut [F]);
}

/// The chips of the precompiles, in the order of `Table`.
pub(crate) fn precompiles() -> [Box<dyn CallTable>; PRECOMPILE_TABLES] {
    [
        Box::new(HintChip),
        Box::new(KeccakChip),
        Box::new(SpongeChip),
        Box::new(KeccakFChip),
        Box::new(Secp256k1Chip),
        Box::new(U256Chip),
        Box::new(CopyChip),
        Box::new(CopyAlignedChip),
        Box::new(Sha256Chip),
        Box::new(Sha256RoundsChip),
        Box::new(CompareChip),
    ]
}

/// The object-safe part of [`PrecompileChip`].
pub(crate) trait CallTable: AnyChip {
    /// Writes the rows of a shard's calls.
    fn fill(&self, set: &ChipSet, traces: &mut Traces, calls: &[Call]);
}

impl<C: PrecompileChip> CallTable for C {
    fn fill(&self, set: &ChipSet, traces: &mut Traces, calls: &[Call]) {
        let rows: Vec<C::Row> = calls.iter().flat_map(|call| self.rows(call)).collect();
        if !rows.is_empty() {
            traces.fill(set, self.table() as usize, vellum_stark::Round::Main, rows.len(), |i, row| {
                self.write_row(&rows[i], row);
            });
        }
    }
}

/// The limbs of an argument below 2^32.
pub(crate) fn argument(value: u32) -> [F; 2] {
    [F::from_u32(value & 0xffff), F::from_u32(value >> 16)]
}

/// Receives a call of `precompile` where `active` is 1.
pub(crate) fn receive_call<B: Builder>(
    b: &mut B,
    active: B::Expr,
    precompile: B::Expr,
    ts: B::Expr,
    arguments: [[B::Expr; 2]; 4],
) {
    let mut entries = [precompile, ts].into_iter().chain(arguments.into_iter().flatten());
    let tuple: [B::Expr; 10] = std::array::from_fn(|_| entries.next().unwrap_or_default());
    b.receive(PRE, active, tuple);
}

/// The code of a precompile.
pub(crate) fn code<E: PrimeCharacteristicRing>(precompile: Precompile) -> E {
    E::from_u64(precompile.code())
}

/// The key of the dword at a pointer, which must be a multiple of 8 where `active` is 1.
pub(crate) fn aligned_key<B: Builder>(b: &mut B, active: &B::Expr, [low, high]: &[B::Expr; 2]) -> B::Expr
where
    B::Expr: Algebra<F>,
{
    let low = low.clone() * F::ONE.div_2exp_u64(3);
    b.send(RANGE16, active.clone(), [low.clone()]);
    low + high.clone() * F::from_u16(1 << 13)
}
