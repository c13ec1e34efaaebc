//! Proving as jobs: cut an execution into shards, prove each anywhere, put the proofs together.
//!
//! A worker needs the program, the input and a [`Job`]; it executes again up to its shard, so that nothing but the job
//! travels. Execution is deterministic, and a job names the program, the input and the cut that it is for.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use tiny_keccak::{Hasher, Keccak};
use vellum_chips::{
    Chain, Fill, GLOBAL_INTERACTIONS_MAX, GlobalChallenge, Machine, MachineHeader, ProgramKey, SHARDS_MAX,
    ShardRows, chain_next, chain_start, global_interactions, phase0_root, prove_shard, shard_shape,
};
use vellum_executor::{ExecutionError, Limits, Plan, Shard, Shards, histogram, plan_at};
use vellum_stark::{Digest, EF, F, Shape, Stages};

use crate::budget::{peak_bytes, shard_limits, sizes};
use crate::cut::{Costs, block_rows, cuts};
use crate::file::{Head, encode_shard, write_head, write_shard};
use crate::{Budget, ProveError};

/// An execution cut into shards.
pub struct Work<'a> {
    machine: &'a Machine,
    key: &'a ProgramKey,
    input: &'a [u8],
    log_instructions: u32,
    plan: Plan,
    shapes: Vec<Shape>,
    /// In committed cells, by the model that chose the cuts.
    cost: u64,
}

/// Half the memory is worth this much more work: a process pays for every page it touches first, and a smaller peak leaves
/// the machine to others.
const HALF_MEMORY_PERCENT: u64 = 3;

/// Phase 0 done: the chain of roots and the global challenge.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// h_0 … h_n.
    chain: Vec<Digest>,
    global: GlobalChallenge,
    witness: F,
}

impl Assignment {
    /// As bytes, for who goes on after an interruption.
    ///
    /// # Errors
    /// None in practice.
    pub fn encode(&self) -> Result<Vec<u8>, ProveError> {
        let parts = (&self.chain, self.global.gamma, self.global.beta, self.witness);
        postcard::to_stdvec(&parts).map_err(|error| ProveError::Encode(error.to_string()))
    }

    /// From bytes; none if they are no assignment. Whether they are the right one shows when the proof is verified.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let ((chain, gamma, beta, witness), rest) = postcard::take_from_bytes(bytes).ok()?;
        rest.is_empty().then_some(Self { chain, global: GlobalChallenge { gamma, beta }, witness })
    }
}

/// One shard to prove: all that a worker needs beside program and input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Verifying key of the program.
    pub vk: Digest,
    /// keccak256 of the input.
    pub input: [u8; 32],
    /// log2 of the most instructions of a shard.
    pub log_instructions: u32,
    /// The shard, from 1.
    pub shard: u32,
    /// h_{i-1} and h_i.
    pub chain: (Digest, Digest),
    /// γ and β.
    pub global: (EF, EF),
}

/// What a worker returns.
#[derive(Clone, Debug)]
pub struct ShardResult {
    /// The shard, from 1.
    pub shard: u32,
    /// The encoded proof.
    pub proof: Vec<u8>,
    /// How full the tables were.
    pub fill: Fill,
}

impl<'a> Work<'a> {
    /// Executes the program and cuts it so that every shard fits the budget: into the largest shards that do, or smaller
    /// ones where those hardly cost more.
    ///
    /// # Errors
    /// Faults of the program, or a budget below what the smallest shards need.
    pub fn plan(
        machine: &'a Machine,
        key: &'a ProgramKey,
        input: &'a [u8],
        limits: Limits,
        budget: Budget,
    ) -> Result<Self, ProveError> {
        let mut needed = u64::MAX;
        let mut chosen: Option<Self> = None;
        let mut most = 0;
        for log_instructions in sizes() {
            let work = match Self::cut(machine, key, input, limits, log_instructions) {
                // Tables too small for this execution: smaller ones cannot help.
                Err(ProveError::Execution(ExecutionError::InitRows { .. })) if needed != u64::MAX => break,
                work => work?,
            };
            needed = needed.min(work.peak_bytes());
            if needed > budget.bytes {
                continue;
            }
            if chosen.is_none() {
                most = work.cost / 100 * (100 + HALF_MEMORY_PERCENT);
            } else if work.cost > most {
                break;
            }
            chosen = Some(work);
        }
        if let Some(work) = chosen {
            return Ok(work);
        }
        Err(ProveError::Memory { needed, budget: budget.bytes })
    }

    /// Cuts an execution as it was cut before, so that an [`Assignment`] of then still holds.
    ///
    /// # Errors
    /// Faults of the program, or a size that no plan has.
    pub fn plan_again(
        machine: &'a Machine,
        key: &'a ProgramKey,
        input: &'a [u8],
        limits: Limits,
        log_instructions: u32,
    ) -> Result<Self, ProveError> {
        if !sizes().any(|size| size == log_instructions) {
            return Err(ProveError::OtherJob("plan"));
        }
        Self::cut(machine, key, input, limits, log_instructions)
    }

    /// log2 of the most instructions of a shard, for [`Work::plan_again`].
    pub fn log_instructions(&self) -> u32 {
        self.log_instructions
    }

    /// The same cut as a job's.
    fn cut(
        machine: &'a Machine,
        key: &'a ProgramKey,
        input: &'a [u8],
        limits: Limits,
        log_instructions: u32,
    ) -> Result<Self, ProveError> {
        let block = block_rows(log_instructions);
        let blocks = histogram(&key.program, input, limits, block)?;
        let costs = Costs::new(machine, key);
        let cuts = cuts(&costs, &blocks, block);
        let plan = plan_at(&key.program, input, limits, &shard_limits(machine, log_instructions), &cuts)?;
        if plan.shards.len() > SHARDS_MAX as usize {
            return Err(ProveError::TooManyShards { got: plan.shards.len(), max: SHARDS_MAX });
        }
        let last = plan.shards.len();
        let shapes: Vec<Shape> = plan
            .shards
            .iter()
            .map(|shard| {
                let rows = ShardRows {
                    tables: shard.rows.map(|r| r as usize),
                    boundary: shard.boundary as usize,
                    init: shard.init.len(),
                    code: shard.code as usize,
                    is_last: shard.index as usize == last,
                };
                shard_shape(key, &rows)
            })
            .collect();
        let interactions: u64 = shapes.iter().map(global_interactions).sum();
        if interactions >= GLOBAL_INTERACTIONS_MAX {
            return Err(ProveError::TooLong { got: interactions, max: GLOBAL_INTERACTIONS_MAX });
        }
        let cost = plan.shards.iter().map(|shard| costs.of(&shard.rows)).sum();
        Ok(Self { machine, key, input, log_instructions, plan, shapes, cost })
    }

    /// Estimated peak of resident memory while proving.
    pub fn peak_bytes(&self) -> u64 {
        let touched = self.plan.init.len() as u64 + self.plan.image.len() as u64;
        let rom_rows = self.key.program.rom.len() as u64;
        let peak = |shape| peak_bytes(self.machine, shape, touched, rom_rows);
        self.shapes.iter().map(peak).max().unwrap_or_default()
    }

    /// The execution's cut, exit and output.
    pub fn execution(&self) -> &Plan {
        &self.plan
    }

    /// Phase 0: commits to every shard's boundary and draws the global challenge.
    ///
    /// # Errors
    /// When cancelled.
    pub fn commit(&self, mut each: impl FnMut(u32), cancel: &AtomicBool) -> Result<Assignment, ProveError> {
        let mut chain = vec![chain_start(&self.key.vk.digest())];
        let mut shards = Shards::boundaries(&self.key.program, self.input, &self.plan);
        let mut shard = Shard::default();
        while shards.next_into(&mut shard)? {
            check(cancel)?;
            let shape = &self.shapes[shard.index as usize - 1];
            let root = phase0_root(self.machine, self.key, shape.clone(), &shard);
            let before = chain[chain.len() - 1];
            chain.push(chain_next(&before, shard.index, shape, &root));
            each(shard.index);
        }
        let (global, witness) =
            GlobalChallenge::grind(self.machine, &chain[chain.len() - 1], self.shapes.len() as u32);
        Ok(Assignment { chain, global, witness })
    }

    /// The jobs of all shards.
    pub fn jobs(&self, assignment: &Assignment) -> Vec<Job> {
        let input = keccak256(self.input);
        assignment
            .chain
            .windows(2)
            .zip(1..)
            .map(|(chain, shard)| Job {
                vk: self.key.vk.digest(),
                input,
                log_instructions: self.log_instructions,
                shard,
                chain: (chain[0], chain[1]),
                global: (assignment.global.gamma, assignment.global.beta),
            })
            .collect()
    }

    /// Proves all shards in order.
    ///
    /// # Errors
    /// When cancelled, or whatever `each` returns.
    pub fn prove_all(
        &self,
        assignment: &Assignment,
        cancel: &AtomicBool,
        stages: &mut Stages,
        each: impl FnMut(ShardResult) -> Result<(), ProveError>,
    ) -> Result<(), ProveError> {
        self.prove_from(1, assignment, cancel, stages, each)
    }

    /// Proves the shards from number `first` (counted from 1) on in order; those before were proven earlier.
    ///
    /// # Errors
    /// An assignment of another plan, when cancelled, or whatever `each` returns.
    pub fn prove_from(
        &self,
        first: u32,
        assignment: &Assignment,
        cancel: &AtomicBool,
        stages: &mut Stages,
        mut each: impl FnMut(ShardResult) -> Result<(), ProveError>,
    ) -> Result<(), ProveError> {
        if assignment.chain.len() != self.shapes.len() + 1 || first == 0 {
            return Err(ProveError::OtherJob("plan"));
        }
        if first as usize > self.shapes.len() {
            return Ok(());
        }
        let mut shards = Shards::events(&self.key.program, self.input, &self.plan);
        shards.skip_to(first)?;
        let mut shard = Shard::default();
        stages.resume();
        while shards.next_into(&mut shard)? {
            stages.end("execute");
            check(cancel)?;
            let at = shard.index as usize;
            let chain = Chain {
                before: assignment.chain[at - 1],
                after: assignment.chain[at],
                global: assignment.global,
            };
            each(self.prove_one(&shard, &chain, stages)?)?;
            stages.end("write");
        }
        Ok(())
    }

    /// Proves one job, which must be of the same program and input.
    ///
    /// # Errors
    /// A job of something else; an execution that differs from the plan's.
    pub fn prove(
        machine: &Machine,
        key: &ProgramKey,
        input: &[u8],
        job: &Job,
    ) -> Result<ShardResult, ProveError> {
        if job.vk != key.vk.digest() {
            return Err(ProveError::OtherJob("program"));
        }
        if job.input != keccak256(input) {
            return Err(ProveError::OtherJob("input"));
        }
        if !sizes().any(|size| size == job.log_instructions) {
            return Err(ProveError::OtherJob("plan"));
        }
        let work = Work::cut(machine, key, input, Limits::default(), job.log_instructions)?;
        if job.shard == 0 || job.shard as usize > work.shapes.len() {
            return Err(ProveError::OtherJob("plan"));
        }
        let mut shards = Shards::events(&key.program, input, &work.plan);
        shards.skip_to(job.shard)?;
        let mut shard = Shard::default();
        shards.next_into(&mut shard)?;
        let (gamma, beta) = job.global;
        let chain =
            Chain { before: job.chain.0, after: job.chain.1, global: GlobalChallenge { gamma, beta } };
        work.prove_one(&shard, &chain, &mut Stages::start())
    }

    fn prove_one(
        &self,
        shard: &Shard,
        chain: &Chain,
        stages: &mut Stages,
    ) -> Result<ShardResult, ProveError> {
        let (proof, fill) = prove_shard(self.machine, self.key, shard, chain, stages);
        Ok(ShardResult { shard: shard.index, proof: encode_shard(&proof)?, fill })
    }

    pub(crate) fn head(&self, assignment: &Assignment) -> Head {
        Head {
            header: MachineHeader {
                vk: self.key.vk.clone(),
                shards: self.shapes.len() as u32,
                chain_end: assignment.chain[assignment.chain.len() - 1],
                global_witness: assignment.witness,
            },
            output: self.plan.output.clone(),
        }
    }
}

/// Writes a proof file from the results of all jobs, in any order.
///
/// # Errors
/// A result missing or twice, or a write that fails.
pub fn assemble(
    work: &Work<'_>,
    assignment: &Assignment,
    mut results: Vec<ShardResult>,
    out: &mut dyn std::io::Write,
) -> Result<u64, ProveError> {
    results.sort_by_key(|result| result.shard);
    if !results.iter().map(|result| result.shard).eq(1..=work.shapes.len() as u32) {
        return Err(ProveError::OtherJob("plan"));
    }
    let mut bytes = write_head(out, &work.head(assignment))?;
    for result in &results {
        bytes += write_shard(out, &result.proof)?;
    }
    Ok(bytes)
}

fn check(cancel: &AtomicBool) -> Result<(), ProveError> {
    if cancel.load(Ordering::Relaxed) { Err(ProveError::Cancelled) } else { Ok(()) }
}

pub(crate) fn keccak256(bytes: &[u8]) -> [u8; 32] {
    let mut hasher = Keccak::v256();
    hasher.update(bytes);
    let mut digest = [0; 32];
    hasher.finalize(&mut digest);
    digest
}
