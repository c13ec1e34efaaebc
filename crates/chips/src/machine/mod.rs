//! The machine: the one list of chips, the keys, shards in and a machine proof out.
//!
//! Read `key` (what a verifying key binds), `verify` (what a machine proof must satisfy; the trusted part), then `trace`
//! and `prove` (outside the trusted base).

mod key;
mod prove;
mod trace;
mod verify;

pub use key::{ProgramKey, VK_BYTES, VerifyingKey, canonical, digest_bytes};
pub use prove::{
    Chain, Fill, GlobalChallenge, PUBLIC_SHARD, Public, ShardProof, chain_next, chain_start, phase0_root,
    prove_shard,
};
pub use trace::{ShardRows, check_execution, check_shard, shard_shape};
pub use verify::{
    Exit, GLOBAL_INTERACTIONS_MAX, MachineError, MachineHeader, MachineVerifier, SHARDS_MAX,
    global_interactions,
};

use vellum_executor::TABLES;
use vellum_stark::security::{Grinding, Parameters};
use vellum_stark::{AnyChip, ChipSet, Digest, Entry, F, Preprocessed, Profile, RowMajorMatrix, hash_bytes};

use crate::precompile::precompiles;
use crate::{
    AddChip, AddiChip, BoundaryChip, ByteChip, CmpBrChip, CodeChip, DivRemChip, EcallChip, ImageChip,
    InitChip, JalrChip, LiChip, LogicChip, Mem64Chip, MemSubChip, MulChip, ProgramChip, RangeChip, ShiftChip,
};

/// Index of a chip in the machine's list. Before them come those whose rows are what was executed: the families in the
/// order of `Family`, then the precompiles' in the order of `vellum_executor::Table`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Table {
    Boundary = TABLES,
    Init,
    Code,
    Program,
    Image,
    Range,
    Byte,
}

/// The chips, in the order that shapes and keys refer to.
fn chips() -> Vec<Box<dyn AnyChip>> {
    let families: [Box<dyn AnyChip>; 12] = [
        Box::new(AddChip),
        Box::new(AddiChip),
        Box::new(LiChip),
        Box::new(LogicChip),
        Box::new(ShiftChip),
        Box::new(CmpBrChip),
        Box::new(JalrChip),
        Box::new(Mem64Chip),
        Box::new(MemSubChip),
        Box::new(MulChip),
        Box::new(DivRemChip),
        Box::new(EcallChip),
    ];
    let precompiles = precompiles().into_iter().map(|chip| chip as Box<dyn AnyChip>);
    let others: [Box<dyn AnyChip>; 7] = [
        Box::new(BoundaryChip),
        Box::new(InitChip),
        Box::new(CodeChip),
        Box::new(ProgramChip),
        Box::new(ImageChip),
        Box::new(RangeChip),
        Box::new(ByteChip),
    ];
    families.into_iter().chain(precompiles).chain(others).collect()
}

/// The circuits under one profile, with the tables that no program changes.
pub struct Machine {
    pub(crate) set: ChipSet,
    pub(crate) fixed: Preprocessed,
    digest: Digest,
}

impl Machine {
    /// Sets the circuits up.
    ///
    /// # Panics
    /// Never: the chips are fixed, and tests set them up.
    pub fn new(profile: Profile) -> Self {
        let set = ChipSet::new(chips(), profile).expect("a test sets these chips up");
        let fixed = Preprocessed::commit(
            &set,
            vec![
                (Table::Range as usize, table(&crate::tables::range_rows())),
                (Table::Byte as usize, table(&crate::tables::byte_rows())),
            ],
        );
        let digest = machine_digest(&set, &fixed);
        Self { set, fixed, digest }
    }

    /// The profile of this machine's proofs.
    pub fn profile(&self) -> Profile {
        self.set.profile
    }

    /// Binds profile, every chip's columns, constraints and interactions, height bounds, and the fixed tables.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Names of all chips, in order.
    pub fn chip_names(&self) -> Vec<&'static str> {
        self.set.chips.iter().map(|e| e.chip.name()).collect()
    }

    /// Committed phase-0 and main cells of one row of each chip, in order.
    pub fn cells_per_row(&self) -> Vec<usize> {
        self.set.chips.iter().map(Entry::committed_columns).collect()
    }

    /// The chips' set-up.
    pub fn chip_set(&self) -> &ChipSet {
        &self.set
    }
}

fn machine_digest(set: &ChipSet, fixed: &Preprocessed) -> Digest {
    let mut bytes = Vec::new();
    // The profile by its numbers: other parameters under the same name are another machine.
    let Parameters { log_blowup, queries, max_log_arity, log_final_poly_len, grinding } =
        set.profile.parameters();
    let Grinding { lookup, global, zeta, fold, batch, query } = grinding;
    bytes.extend_from_slice(format!("{:?}", set.profile).as_bytes());
    let numbers =
        [log_blowup, queries, max_log_arity, log_final_poly_len, lookup, global, zeta, fold, batch, query];
    numbers.iter().for_each(|number| bytes.extend_from_slice(&(*number as u64).to_le_bytes()));
    for bound in [vellum_stark::LOG_HEIGHT_MIN, vellum_stark::LOG_HEIGHT_MAX, vellum_stark::COLUMNS_MAX] {
        bytes.extend_from_slice(&(bound as u64).to_le_bytes());
    }
    for entry in &set.chips {
        let description = entry.chip.describe().encode();
        bytes.extend_from_slice(&(description.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&description);
    }
    for element in fixed.root().root {
        bytes.extend_from_slice(&word(element).to_le_bytes());
    }
    hash_bytes(MACHINE_TAG, &bytes)
}

/// Preprocessed rows, padded with rows of zeros to a power of two.
pub(crate) fn table<const N: usize>(rows: &[[F; N]]) -> RowMajorMatrix<F> {
    let height = rows.len().next_power_of_two().max(1 << vellum_stark::LOG_HEIGHT_MIN);
    let mut values = rows.as_flattened().to_vec();
    values.resize(height * N, F::default());
    RowMajorMatrix::new(values, N)
}

/// Time cannot wrap: every row of every family advances it by 16, and the last access reaches less than 2^24 further.
const _: () =
    assert!(16 * (12u64 << vellum_stark::LOG_HEIGHT_MAX) + (1 << 24) < (1 << 31) - (1 << 24), "time wraps");

/// The canonical integer of a field element.
pub(crate) fn word(element: F) -> u32 {
    vellum_stark::PrimeField32::as_canonical_u32(&element)
}

/// Domain separation; the low byte is the version of the machine's format.
const MACHINE_TAG: u32 = 0x56_4d01;
