//! A proof with all its parts in the open, by way of its encoding: what a prover may send.

use p3_commit::ExtensionMmcs;
use p3_field::Field;
use p3_fri::{BatchMultiOpening, FriProof};
use p3_koala_bear::Poseidon2KoalaBear;
use p3_merkle_tree::MerkleTreeMmcs;
use p3_symmetric::{MerkleCap, PaddingFreeSponge, TruncatedPermutation};
use serde::{Deserialize, Serialize};
use vellum_stark::{EF, F, Shape, TableProof};

pub(crate) type Root = MerkleCap<F, [F; 8]>;
type Packed = <F as Field>::Packing;
type Perm = Poseidon2KoalaBear<16>;
type ValMmcs = MerkleTreeMmcs<
    Packed,
    Packed,
    PaddingFreeSponge<Perm, 16, 8, 8>,
    TruncatedPermutation<Perm, 2, 8, 16>,
    2,
    8,
>;

type Opening = FriProof<EF, ExtensionMmcs<F, EF, ValMmcs>, F, Vec<BatchMultiOpening<F, ValMmcs>>>;

/// [`TableProof`], field by field.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Mirror {
    pub(crate) shape: Shape,
    pub(crate) phase0: Root,
    pub(crate) main: Root,
    pub(crate) aux: Root,
    pub(crate) quotient: Root,
    pub(crate) lookup_witness: F,
    pub(crate) zeta_witness: F,
    pub(crate) terminals: Vec<EF>,
    pub(crate) opened: Vec<Vec<Vec<Vec<EF>>>>,
    pub(crate) opening: Opening,
}

impl Mirror {
    pub(crate) fn of(proof: &TableProof) -> Self {
        postcard::from_bytes(&postcard::to_stdvec(proof).unwrap()).unwrap()
    }

    pub(crate) fn proof(&self) -> TableProof {
        postcard::from_bytes(&postcard::to_stdvec(self).unwrap()).unwrap()
    }
}

/// A root with one element changed.
pub(crate) fn other_root(root: &Root, element: usize) -> Root {
    let mut digest = root.roots()[0];
    digest[element] += F::new(1);
    Root::from(vec![digest])
}
