//! The one Fiat–Shamir transcript: a Poseidon2 duplex sponge that can record what it absorbs.
//!
//! It implements p3's challenger traits, so that the same object is handed to p3-fri.

use p3_challenger::{CanObserve, CanSample, CanSampleBits, FieldChallenger, GrindingChallenger};
use p3_field::{BasedVectorSpace, PrimeCharacteristicRing};

use crate::config::{Commitment, Sponge, sponge};
use crate::{EF, F};

/// The transcript of one proof.
#[derive(Clone)]
pub struct Transcript {
    sponge: Sponge,
    record: Option<Vec<F>>,
}

impl Transcript {
    /// An empty transcript.
    pub fn new() -> Self {
        Self { sponge: sponge(), record: None }
    }

    /// An empty transcript that remembers every absorbed element, for tests.
    pub fn recording() -> Self {
        Self { sponge: sponge(), record: Some(Vec::new()) }
    }

    /// What was absorbed so far, if this transcript records.
    pub fn recorded(&self) -> Option<&[F]> {
        self.record.as_deref()
    }

    /// Absorbs one element.
    pub fn absorb(&mut self, value: F) {
        if let Some(record) = &mut self.record {
            record.push(value);
        }
        self.sponge.observe(value);
    }

    /// Absorbs elements whose number the protocol fixes.
    pub fn absorb_slice(&mut self, values: &[F]) {
        values.iter().for_each(|value| self.absorb(*value));
    }

    /// Absorbs a small number.
    pub fn absorb_u32(&mut self, value: u32) {
        self.absorb(F::from_u32(value & 0xffff));
        self.absorb(F::from_u32(value >> 16));
    }

    /// Absorbs extension elements, coefficient by coefficient.
    pub fn absorb_extension(&mut self, values: &[EF]) {
        for value in values {
            let coefficients: &[F] = value.as_basis_coefficients_slice();
            self.absorb_slice(coefficients);
        }
    }

    /// Finds and absorbs a witness after which `bits` drawn bits are zero.
    pub fn grind_bits(&mut self, bits: usize) -> F {
        self.grind(bits)
    }

    /// Absorbs a witness and tells whether `bits` drawn bits are zero.
    pub fn check_bits(&mut self, bits: usize, witness: F) -> bool {
        self.check_witness(bits, witness)
    }

    /// Absorbs a Merkle root.
    pub(crate) fn absorb_root(&mut self, root: &Commitment) {
        root.roots().iter().for_each(|digest| self.absorb_slice(digest));
    }

    /// Draws a challenge.
    pub fn challenge(&mut self) -> EF {
        self.sponge.sample_algebra_element()
    }
}

impl Default for Transcript {
    fn default() -> Self {
        Self::new()
    }
}

impl CanObserve<F> for Transcript {
    fn observe(&mut self, value: F) {
        self.absorb(value);
    }
}

impl CanObserve<Commitment> for Transcript {
    fn observe(&mut self, value: Commitment) {
        self.absorb_root(&value);
    }
}

impl CanSample<F> for Transcript {
    fn sample(&mut self) -> F {
        self.sponge.sample()
    }
}

impl CanSampleBits<usize> for Transcript {
    fn sample_bits(&mut self, bits: usize) -> usize {
        self.sponge.sample_bits(bits)
    }
}

impl FieldChallenger<F> for Transcript {}

impl GrindingChallenger for Transcript {
    type Witness = F;

    fn grind(&mut self, bits: usize) -> F {
        let witness = self.sponge.grind(bits);
        if let Some(record) = &mut self.record
            && bits > 0
        {
            record.push(witness);
        }
        witness
    }
    // `check_witness` is the trait's own: it absorbs the witness and samples the bits.
}
