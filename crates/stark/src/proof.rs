//! What a prover sends for one batch of tables, and what both sides know beforehand.

use serde::{Deserialize, Serialize};

use crate::chipset::{AnyChip, BoundaryTerm, Entry, Shape};
use crate::config::{Commitment, Digest, Pcs, Profile};
use crate::folder::ARITY_MAX;
use crate::security::MachineShape;
use crate::symbolic::{Description, SetupError, validate_machine};
use crate::transcript::Transcript;
use crate::{EF, F};

pub(crate) type PcsProof = <Pcs as p3_commit::Pcs<EF, Transcript>>::Proof;

/// A proof that the tables of a [`Shape`] satisfy their constraints and balance the local buses.
#[derive(Clone, Serialize, Deserialize)]
pub struct TableProof {
    /// Which tables, how tall.
    pub shape: Shape,
    /// Root of the phase-0 columns.
    pub(crate) phase0: Commitment,
    /// Root of the main columns.
    pub(crate) main: Commitment,
    /// Root of the auxiliary columns and running sums.
    pub(crate) aux: Commitment,
    /// Root of the quotients.
    pub(crate) quotient: Commitment,
    /// Grinding witness before the local lookup challenges.
    pub(crate) lookup_witness: F,
    /// Grinding witness before ζ.
    pub(crate) zeta_witness: F,
    /// Terminals of every present chip's running sums, in chip order, local before global.
    pub(crate) terminals: Vec<EF>,
    /// Opened values: by commitment, matrix, point, column. The order is the layout's.
    pub(crate) opened: Vec<Vec<Vec<Vec<EF>>>>,
    /// The opening proof.
    pub(crate) opening: PcsProof,
}

impl TableProof {
    /// The root of the phase-0 columns as elements.
    pub fn phase0_root(&self) -> Digest {
        root_digest(&self.phase0)
    }

    /// Whether the phase-0 commitment has the one root that it must have.
    pub(crate) fn single_roots(&self) -> bool {
        [&self.phase0, &self.main, &self.aux, &self.quotient].iter().all(|c| c.roots().len() == 1)
    }
}

pub(crate) fn root_digest(commitment: &Commitment) -> Digest {
    commitment.roots().first().copied().unwrap_or_default()
}

/// Root of a commitment of preprocessed tables, and which chips' tables it holds.
#[derive(Clone, Debug)]
pub struct PreprocessedRoot {
    /// Chips by index, in the order of their matrices, with their log-heights.
    pub chips: Vec<(usize, u8)>,
    /// The root.
    pub root: Digest,
}

/// The chips of a machine and the profile its proofs use.
pub struct ChipSet {
    /// The chips, in the fixed order that shapes refer to.
    pub chips: Vec<Entry>,
    /// The profile.
    pub profile: Profile,
}

impl ChipSet {
    /// Sets the chips up.
    ///
    /// # Errors
    /// A chip or a combination of chips that the soundness argument does not cover: degrees, arities, free multiplicities,
    /// clashing buses, tuples of a global bus with cells that are committed too late, more constraints in all than the
    /// security parameters allow for.
    pub fn new(chips: Vec<Box<dyn AnyChip>>, profile: Profile) -> Result<Self, SetupError> {
        let descriptions: Vec<Description> = chips.iter().map(|chip| chip.describe()).collect();
        validate_machine(&descriptions)?;
        // A longer tuple's tail would be missing from its fingerprint.
        for interaction in descriptions.iter().flat_map(|d| &d.interactions) {
            let bus = interaction.bus;
            if bus.arity > ARITY_MAX {
                return Err(SetupError::TupleTooLong { bus: bus.name, got: bus.arity, max: ARITY_MAX });
            }
        }
        let chips: Vec<Entry> = chips.into_iter().map(Entry::new).collect();
        let constraints: usize = chips.iter().map(Entry::folded_constraints).sum();
        if constraints > MachineShape::LIMITS.constraints {
            return Err(SetupError::TooManyConstraints {
                got: constraints,
                max: MachineShape::LIMITS.constraints,
            });
        }
        Ok(Self { chips, profile })
    }
}

/// What a proof is about, known to both sides.
#[derive(Clone, Debug)]
pub struct Statement<'a> {
    /// The verifying key's digest.
    pub vk: Digest,
    /// All public values, absorbed before anything else; constraints may refer to them by index.
    pub publics: &'a [F],
    /// Challenges (γ, β) of the global buses.
    pub global: (EF, EF),
    /// The verifier's own interactions on local buses.
    pub boundary: &'a [BoundaryTerm],
}

impl Statement<'_> {
    /// The transcript after steps 1 and 2 of the protocol: tag, profile, key, shape, public values.
    pub(crate) fn transcript(
        &self,
        profile: Profile,
        shape: &Shape,
        mut transcript: Transcript,
    ) -> Transcript {
        transcript.absorb_u32(TAG);
        transcript.absorb_u32(profile.tag());
        transcript.absorb_slice(&self.vk);
        transcript.absorb_u32(shape.log_heights.len() as u32);
        for height in &shape.log_heights {
            transcript.absorb_u32(height.map_or(0, |h| u32::from(h) + 1));
        }
        transcript.absorb_u32(self.publics.len() as u32);
        transcript.absorb_slice(self.publics);
        transcript
    }
}

/// Domain separation of table proofs, with the protocol's version in the low byte.
const TAG: u32 = 0x5654_4201;
