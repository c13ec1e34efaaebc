//! Tables in, a proof out; a proof in, yes or no out.
//!
//! Field, extension, hash and commitment scheme are fixed once in `config`. A machine is a [`ChipSet`]; [`prove`] takes
//! the [`Traces`] of one shape, [`verify`] reads as the protocol. Start at `air` (how a chip is stated), then `verifier`,
//! then `prover`, `folder` and `logup`. This crate knows nothing of RISC-V.

mod air;
mod bus;
pub mod check;
mod chipset;
mod config;
pub mod examples;
mod folder;
mod logup;
mod proof;
mod prover;
pub mod security;
mod stages;
pub mod symbolic;
pub mod testing;
mod transcript;
mod verifier;

pub use air::{Builder, Chip, Columns, Direction, Widths};
pub use bus::{Bus, BusKind, Scope};
pub use chipset::{AnyChip, BoundaryTerm, COLUMNS_MAX, Entry, LOG_HEIGHT_MAX, LOG_HEIGHT_MIN, Shape};
pub use config::{DIGEST, Digest, Profile, hash_bytes, hash_elements};
pub use folder::ARITY_MAX;
pub use logup::LookupSink;
pub use proof::{ChipSet, PreprocessedRoot, Statement, TableProof};
pub use prover::{Preprocessed, Round, Traces, prove, prove_with};
pub use stages::Stages;
pub use transcript::Transcript;
pub use verifier::{VerifyError, verify, verify_with};

/// The field: KoalaBear, p = 2^31 - 2^24 + 1.
pub type F = p3_koala_bear::KoalaBear;
/// The extension of degree 4, from which challenges are drawn.
pub type EF = p3_field::extension::BinomialExtensionField<F, 4>;

pub use p3_field::{Algebra, BasedVectorSpace, Field, PrimeCharacteristicRing, PrimeField32};
pub use p3_matrix::dense::RowMajorMatrix;
