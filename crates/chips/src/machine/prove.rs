//! Proving one shard, and what a shard proof says.

use serde::{Deserialize, Serialize};
use vellum_executor::Shard;
use vellum_stark::{
    BoundaryTerm, Digest, Direction, EF, F, PrimeCharacteristicRing, Shape, Stages, Statement, TableProof,
    Traces, Transcript, hash_elements, prove,
};

use super::{Machine, ProgramKey, trace};
use crate::access::limbs;
use crate::{EXIT, KEYS, STATE};

/// What a shard proof claims: its public values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Public {
    /// From 1.
    pub index: u32,
    /// Whether the execution ends in this shard.
    pub is_last: bool,
    /// pc cell at the start.
    pub pc_in: u32,
    /// pc cell at the end.
    pub pc_out: u32,
    /// Time at the end.
    pub ts_out: u32,
    /// Lower end (exclusive) of the keys initialised here.
    pub key_in: u32,
    /// Upper end (inclusive) of the keys initialised here.
    pub key_out: u32,
    /// Exit status; zero unless `is_last`.
    pub status: u64,
    /// Digest of the committed output; zero unless `is_last`.
    pub digest: [u8; 32],
}

/// Which public value is the shard's number: BOUNDARY reads it.
pub const PUBLIC_SHARD: usize = 0;

impl Public {
    pub(crate) fn of(shard: &Shard) -> Self {
        let exit = shard.exit.unwrap_or_default();
        Self {
            index: shard.index,
            is_last: shard.is_last,
            pc_in: shard.pc_in,
            pc_out: shard.pc_out,
            ts_out: shard.ts_out,
            key_in: shard.key_in,
            key_out: shard.key_out,
            status: exit.status,
            digest: exit.digest,
        }
    }

    /// The public values as the transcript absorbs them; Every number is
    /// below 2^31 - 2^24, which the verifier checks first.
    pub(crate) fn elements(&self, chain: &Chain) -> Vec<F> {
        let numbers = [
            self.index,
            u32::from(self.is_last),
            self.pc_in,
            self.pc_out,
            self.ts_out,
            self.key_in,
            self.key_out,
        ];
        let mut elements: Vec<F> = numbers.into_iter().map(F::from_u32).collect();
        elements.extend(exit_tuple(self));
        elements.extend(chain.before);
        elements.extend(chain.after);
        for challenge in [chain.global.gamma, chain.global.beta] {
            elements.extend_from_slice(
                <EF as vellum_stark::BasedVectorSpace<F>>::as_basis_coefficients_slice(&challenge),
            );
        }
        elements
    }
}

/// Status and digest as the EXIT bus carries them: four limbs and sixteen.
fn exit_tuple(public: &Public) -> Vec<F> {
    let digest = public.digest.chunks_exact(2).map(|b| F::from_u16(u16::from_le_bytes([b[0], b[1]])));
    limbs(public.status).into_iter().chain(digest).collect()
}

/// The verifier's own interactions with a shard.
pub(crate) fn boundary_terms(public: &Public) -> Vec<BoundaryTerm> {
    let term = |direction, bus, tuple: &[u32]| BoundaryTerm {
        direction,
        bus,
        tuple: tuple.iter().map(|v| F::from_u32(*v)).collect(),
    };
    let mut terms = vec![
        term(Direction::Send, STATE, &[public.pc_in, FIRST_TS]),
        term(Direction::Receive, STATE, &[public.pc_out, public.ts_out]),
        term(Direction::Send, KEYS, &[public.key_in]),
        term(Direction::Receive, KEYS, &[public.key_out]),
    ];
    if public.is_last {
        terms.push(BoundaryTerm { direction: Direction::Receive, bus: EXIT, tuple: exit_tuple(public) });
    }
    terms
}

/// Time of a shard's first instruction.
const FIRST_TS: u32 = 16;

/// The challenges of the global memory bus and the witness that grinds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalChallenge {
    /// γ.
    pub gamma: EF,
    /// β.
    pub beta: EF,
}

impl GlobalChallenge {
    /// The transcript from which both sides draw: over the end of the phase-0 chain and the number of shards.
    fn transcript(last: &Digest, shards: u32) -> Transcript {
        let mut transcript = Transcript::new();
        transcript.absorb_u32(GLOBAL_TAG);
        transcript.absorb_slice(last);
        transcript.absorb_u32(shards);
        transcript
    }

    /// Grinds and draws.
    pub fn grind(machine: &Machine, last: &Digest, shards: u32) -> (Self, F) {
        let mut transcript = Self::transcript(last, shards);
        let witness = transcript.grind_bits(machine.profile().parameters().grinding.global);
        (Self { gamma: transcript.challenge(), beta: transcript.challenge() }, witness)
    }

    /// Draws, if the witness grinds.
    pub fn check(machine: &Machine, last: &Digest, shards: u32, witness: F) -> Option<Self> {
        let mut transcript = Self::transcript(last, shards);
        transcript
            .check_bits(machine.profile().parameters().grinding.global, witness)
            .then(|| Self { gamma: transcript.challenge(), beta: transcript.challenge() })
    }
}

/// A shard's place in the chain of phase-0 roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// h_{i-1}.
    pub before: Digest,
    /// h_i.
    pub after: Digest,
    /// γ and β.
    pub global: GlobalChallenge,
}

/// h_0 = H(tag, profile, vk); the profile is part of the vk's machine digest.
pub fn chain_start(vk: &Digest) -> Digest {
    hash_elements([F::from_u32(CHAIN_TAG)].into_iter().chain(*vk))
}

/// h_i = H(h_{i-1}, i, shape_i, b_i).
pub fn chain_next(before: &Digest, index: u32, shape: &Shape, root: &Digest) -> Digest {
    let heights = shape.log_heights.iter().map(|h| F::from_u32(h.map_or(0, |h| u32::from(h) + 1)));
    let index = [F::from_u32(index & 0xffff), F::from_u32(index >> 16)];
    hash_elements(before.iter().copied().chain(index).chain(heights).chain(*root))
}

/// A shard's phase-0 root b_i. `shard` needs its phase-0 rows only; `shape` is from its row counts.
pub fn phase0_root(machine: &Machine, key: &ProgramKey, shape: Shape, shard: &Shard) -> Digest {
    let mut traces = Traces::new(&machine.set, shape);
    trace::fill_phase0(machine, key, &mut traces, shard);
    traces.phase0_root(&machine.set)
}

/// A proof of one shard.
#[derive(Clone, Serialize, Deserialize)]
pub struct ShardProof {
    /// What it claims.
    pub public: Public,
    /// The proof of its tables.
    pub tables: TableProof,
}

/// Committed cells of a shard: what its rows fill, and what its tables hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fill {
    /// Cells of rows that stand for events.
    pub real: u64,
    /// Cells of all rows.
    pub committed: u64,
}

/// Proves a shard. Returns the proof and how full the tables were.
pub fn prove_shard(
    machine: &Machine,
    key: &ProgramKey,
    shard: &Shard,
    chain: &Chain,
    stages: &mut Stages,
) -> (ShardProof, Fill) {
    let public = Public::of(shard);
    let traces = trace::traces(machine, key, shard);
    stages.end("rows");
    let fill = trace::fill(machine, key, shard, traces.shape());
    let elements = public.elements(chain);
    let boundary = boundary_terms(&public);
    let statement = Statement {
        vk: key.vk.digest(),
        publics: &elements,
        global: (chain.global.gamma, chain.global.beta),
        boundary: &boundary,
    };
    let preprocessed = trace::opened(machine, key, shard.is_last);
    let tables = prove(&machine.set, &preprocessed, &statement, traces, stages);
    (ShardProof { public, tables }, fill)
}

const GLOBAL_TAG: u32 = 0x5647_4301;
const CHAIN_TAG: u32 = 0x56_4801;
