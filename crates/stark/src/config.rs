//! The one instance of every building block: field, hash, commitment scheme, profile.

use p3_challenger::DuplexChallenger;
use p3_commit::ExtensionMmcs;
use p3_field::Field;
use p3_fri::{FriParameters, TwoAdicFriPcs};
use p3_koala_bear::{Poseidon2KoalaBear, default_koalabear_poseidon2_16};
use p3_merkle_tree::MerkleTreeMmcs;
use p3_symmetric::{CryptographicHasher, MerkleCap, PaddingFreeSponge, TruncatedPermutation};

use crate::security::Parameters;
use crate::{EF, F};

/// Number of field elements of a digest.
pub const DIGEST: usize = 8;
/// A Poseidon2 digest.
pub type Digest = [F; DIGEST];

pub(crate) type PackedF = <F as Field>::Packing;
pub(crate) type PackedEF = <EF as p3_field::ExtensionField<F>>::ExtensionPacking;
pub(crate) type Perm = Poseidon2KoalaBear<16>;
pub(crate) type RowHash = PaddingFreeSponge<Perm, 16, 8, 8>;
pub(crate) type Compress = TruncatedPermutation<Perm, 2, 8, 16>;
pub(crate) type ValMmcs = MerkleTreeMmcs<PackedF, PackedF, RowHash, Compress, 2, 8>;
pub(crate) type ChallengeMmcs = ExtensionMmcs<F, EF, ValMmcs>;
pub(crate) type Dft = p3_dft::Radix2DFTSmallBatch<F>;
pub(crate) type Sponge = DuplexChallenger<F, Perm, 16, 8>;
pub(crate) type Pcs = TwoAdicFriPcs<F, Dft, ValMmcs, ChallengeMmcs>;
/// A Merkle root.
pub(crate) type Commitment = MerkleCap<F, Digest>;
pub(crate) type ProverData = p3_merkle_tree::MerkleTree<F, F, p3_matrix::dense::RowMajorMatrix<F>, 2, DIGEST>;

/// Which security parameters a proof was made with. The profile is absorbed first and is part of the verifying key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// At least 100 bits of proven security.
    Standard,
    /// Few queries, no security: unit tests only.
    TestInsecure,
}

impl Profile {
    /// The parameters the profile stands for.
    pub const fn parameters(self) -> Parameters {
        match self {
            Self::Standard => Parameters::STANDARD,
            Self::TestInsecure => Parameters::TEST_INSECURE,
        }
    }

    /// The number absorbed into transcripts and keys.
    pub(crate) const fn tag(self) -> u32 {
        match self {
            Self::Standard => 1,
            Self::TestInsecure => 2,
        }
    }
}

pub(crate) fn sponge() -> Sponge {
    Sponge::new(default_koalabear_poseidon2_16())
}

pub(crate) fn dft() -> Dft {
    Dft::default()
}

pub(crate) fn val_mmcs() -> ValMmcs {
    let perm = default_koalabear_poseidon2_16();
    ValMmcs::new(RowHash::new(perm.clone()), Compress::new(perm), 0)
}

pub(crate) fn fri_parameters(parameters: &Parameters) -> FriParameters<ChallengeMmcs> {
    FriParameters {
        log_blowup: parameters.log_blowup,
        log_final_poly_len: parameters.log_final_poly_len,
        max_log_arity: parameters.max_log_arity,
        num_queries: parameters.queries,
        batch_proof_of_work_bits: parameters.grinding.batch,
        commit_proof_of_work_bits: parameters.grinding.fold,
        query_proof_of_work_bits: parameters.grinding.query,
        mmcs: ChallengeMmcs::new(val_mmcs()),
    }
}

pub(crate) fn pcs(profile: Profile) -> Pcs {
    Pcs::new(dft(), val_mmcs(), fri_parameters(&profile.parameters()))
}

/// Poseidon2 sponge over field elements whose number is fixed by the context.
pub fn hash_elements(elements: impl IntoIterator<Item = F>) -> Digest {
    RowHash::new(default_koalabear_poseidon2_16()).hash_iter(elements)
}

/// Poseidon2 digest of a byte string: its length, then three bytes per field element.
pub fn hash_bytes(tag: u32, bytes: &[u8]) -> Digest {
    use p3_field::PrimeCharacteristicRing;
    let length = bytes.len() as u64;
    let head = [tag, (length & 0xff_ffff) as u32, ((length >> 24) & 0xff_ffff) as u32];
    let body = bytes.chunks(3).map(|c| c.iter().rev().fold(0, |word, byte| (word << 8) | u32::from(*byte)));
    hash_elements(head.into_iter().chain(body).map(F::from_u32))
}
