//! The verifier of a machine proof: many shards, one execution. It reads shard by shard, so that a proof of any length
//! is verified in bounded memory, and as the list in docs/protocol.md, section "Machine proof".

use thiserror::Error;
use vellum_isa::map::HALT;
use vellum_stark::{Digest, EF, F, PrimeCharacteristicRing, Shape, Statement, VerifyError, verify};

use super::prove::{Chain, GlobalChallenge, Public, ShardProof, boundary_terms, chain_next, chain_start};
use super::{Machine, Table, VerifyingKey};

/// Largest number of shards: BOUNDARY checks shard numbers in 16 bits.
pub const SHARDS_MAX: u32 = 1 << 16;
/// A machine proof makes fewer interactions than this on the global bus: LogUp in this characteristic.
pub const GLOBAL_INTERACTIONS_MAX: u64 = 1 << 30;

/// Interactions that a shard of this shape makes on the global buses: at most two per row of the tables that speak to them.
pub fn global_interactions(shape: &Shape) -> u64 {
    [Table::Boundary, Table::Init, Table::Code, Table::Program, Table::Image]
        .iter()
        .filter_map(|table| shape.log_heights.get(*table as usize).copied().flatten())
        .map(|height| 2u64.checked_shl(height.into()).unwrap_or(GLOBAL_INTERACTIONS_MAX))
        .sum()
}

/// What precedes the shard proofs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineHeader {
    /// The program half of the verifying key.
    pub vk: VerifyingKey,
    /// Number of shards.
    pub shards: u32,
    /// End of the chain of phase-0 roots, h_n.
    pub chain_end: Digest,
    /// Grinding witness before γ and β.
    pub global_witness: F,
}

/// How the proven execution ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Register a0 at the exit call.
    pub status: u64,
    /// keccak256 of the committed bytes, zero when nothing was committed.
    pub digest: [u8; 32],
}

/// Why a machine proof is refused: one variant per check.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum MachineError {
    /// The key belongs to other circuits or another profile.
    #[error("the proof was made with other circuits or another profile")]
    OtherMachine,
    /// No shard, or more than can be numbered.
    #[error("{got} shards, expected 1 to {SHARDS_MAX}")]
    ShardCount {
        /// Claimed number.
        got: u32,
    },
    /// The witness before γ and β does not grind.
    #[error("the grinding witness of the global challenge is not valid")]
    GlobalGrinding,
    /// A shard's number is not the next one.
    #[error("shard {expected} claims to be number {got}")]
    Index {
        /// Its position.
        expected: u32,
        /// Its claim.
        got: u32,
    },
    /// `is_last` is set elsewhere than at the end.
    #[error("shard {index} of {shards} claims is_last = {claimed}")]
    Last {
        /// The shard.
        index: u32,
        /// Number of shards.
        shards: u32,
        /// Its claim.
        claimed: bool,
    },
    /// A public value is out of its range.
    #[error("shard {index}: {what} is out of range")]
    Range {
        /// The shard.
        index: u32,
        /// Which value.
        what: &'static str,
    },
    /// The pcs of two shards do not meet.
    #[error("shard {index} starts at pc cell {got}, the execution was at {expected}")]
    Pc {
        /// The shard.
        index: u32,
        /// Where the execution was.
        expected: u32,
        /// Where the shard starts.
        got: u32,
    },
    /// The last shard does not halt.
    #[error("the last shard ends at pc cell {got}, not at HALT")]
    NotHalted {
        /// Where it ends.
        got: u32,
    },
    /// The key ranges of two shards do not meet.
    #[error("shard {index} initialises keys above {got}, the previous ones ended at {expected}")]
    Keys {
        /// The shard.
        index: u32,
        /// Where the previous range ended.
        expected: u32,
        /// Where this one starts.
        got: u32,
    },
    /// Exit fields set before the last shard.
    #[error("shard {index} is not the last but claims an exit")]
    EarlyExit {
        /// The shard.
        index: u32,
    },
    /// A table that every shard has is absent, or PROGRAM or IMAGE is elsewhere than in the last shard.
    #[error("shard {index}: table {table} must be {}", if *expected { "present" } else { "absent" })]
    Presence {
        /// The shard.
        index: u32,
        /// The table.
        table: &'static str,
        /// What must be.
        expected: bool,
    },
    /// A shard's tables do not verify.
    #[error("shard {index}: {error}")]
    Shard {
        /// The shard.
        index: u32,
        /// Why.
        error: VerifyError,
    },
    /// Too many interactions on the global bus for LogUp in this characteristic.
    #[error("the shards' tables make more than 2^30 interactions on the global bus")]
    TooLong,
    /// Fewer shard proofs than the header says.
    #[error("{got} shard proofs, the header says {expected}")]
    Missing {
        /// By the header.
        expected: u32,
        /// Given.
        got: u32,
    },
    /// The chain of phase-0 roots does not end at the header's value.
    #[error("the phase-0 roots are not those that the global challenge was drawn from")]
    Chain,
    /// The memory of the shards does not fit together.
    #[error("the global memory bus does not balance")]
    GlobalMemory,
}

/// Verifies the shards of one machine proof in order.
pub struct MachineVerifier<'a> {
    machine: &'a Machine,
    header: &'a MachineHeader,
    vk: Digest,
    global: GlobalChallenge,
    done: u32,
    pc: u32,
    key: u32,
    chain: Digest,
    sum: EF,
    interactions: u64,
    exit: Exit,
}

impl<'a> MachineVerifier<'a> {
    /// Checks the header (1: the number of shards; 6: γ and β follow from h_n and n). The caller compares
    /// `header.vk.digest()` with the key that it trusts.
    pub fn new(machine: &'a Machine, header: &'a MachineHeader) -> Result<Self, MachineError> {
        if header.vk.machine != machine.digest() {
            return Err(MachineError::OtherMachine);
        }
        if header.shards == 0 || header.shards > SHARDS_MAX {
            return Err(MachineError::ShardCount { got: header.shards });
        }
        let global = GlobalChallenge::check(machine, &header.chain_end, header.shards, header.global_witness)
            .ok_or(MachineError::GlobalGrinding)?;
        let vk = header.vk.digest();
        Ok(Self {
            machine,
            header,
            vk,
            global,
            done: 0,
            pc: header.vk.entry,
            key: header.vk.image_end.wrapping_sub(1),
            chain: chain_start(&vk),
            sum: EF::ZERO,
            interactions: 0,
            exit: Exit { status: 0, digest: [0; 32] },
        })
    }

    /// Checks the next shard: everything but what only the end can tell.
    pub fn shard(&mut self, proof: &ShardProof) -> Result<(), MachineError> {
        let index = self.done + 1;
        let public = &proof.public;
        check_public(public, index, self.header.shards)?;
        if index > self.header.shards {
            return Err(MachineError::ShardCount { got: index });
        }
        // 4: pcs chain. 5: key ranges chain.
        if public.pc_in != self.pc {
            return Err(MachineError::Pc { index, expected: self.pc, got: public.pc_in });
        }
        if public.key_in != self.key {
            return Err(MachineError::Keys { index, expected: self.key, got: public.key_in });
        }
        self.check_presence(proof, index)?;
        // 6: the chain of phase-0 roots.
        let root = proof.tables.phase0_root();
        let after = chain_next(&self.chain, index, &proof.tables.shape, &root);
        let chain = Chain { before: self.chain, after, global: self.global };
        // 2: the shard's tables.
        let elements = public.elements(&chain);
        let boundary = boundary_terms(public);
        let statement = Statement {
            vk: self.vk,
            publics: &elements,
            global: (self.global.gamma, self.global.beta),
            boundary: &boundary,
        };
        let roots = self.header.vk.roots(self.machine);
        self.sum += verify(&self.machine.set, &roots, &statement, &proof.tables)
            .map_err(|error| MachineError::Shard { index, error })?;
        // 8: LogUp in characteristic p.
        self.interactions += global_interactions(&proof.tables.shape);
        if self.interactions >= GLOBAL_INTERACTIONS_MAX {
            return Err(MachineError::TooLong);
        }
        self.done = index;
        self.pc = public.pc_out;
        self.key = public.key_out;
        self.chain = after;
        self.exit = Exit { status: public.status, digest: public.digest };
        Ok(())
    }

    /// What only the end can tell: all shards given (3), halted (4), the chain (6), the memory (7). Returns the exit (9).
    pub fn finish(self) -> Result<Exit, MachineError> {
        if self.done != self.header.shards {
            return Err(MachineError::Missing { expected: self.header.shards, got: self.done });
        }
        if self.pc != HALT {
            return Err(MachineError::NotHalted { got: self.pc });
        }
        if self.chain != self.header.chain_end {
            return Err(MachineError::Chain);
        }
        if self.sum != EF::ZERO {
            return Err(MachineError::GlobalMemory);
        }
        Ok(self.exit)
    }

    fn check_presence(&self, proof: &ShardProof, index: u32) -> Result<(), MachineError> {
        let heights = &proof.tables.shape.log_heights;
        let tables = [
            (Table::Boundary, "BOUNDARY", true),
            (Table::Code, "CODE", true),
            (Table::Program, "PROGRAM", proof.public.is_last),
            (Table::Range, "RANGE", true),
            (Table::Byte, "BYTE", true),
            (Table::Image, "IMAGE", proof.public.is_last),
        ];
        for (table, name, expected) in tables {
            if heights.get(table as usize).is_none_or(|h| h.is_some() != expected) {
                return Err(MachineError::Presence { index, table: name, expected });
            }
        }
        Ok(())
    }
}

/// 3: numbers and the end mark; the ranges that make every public number a canonical field element; exit fields only in
/// the last shard.
fn check_public(public: &Public, index: u32, shards: u32) -> Result<(), MachineError> {
    if public.index != index {
        return Err(MachineError::Index { expected: index, got: public.index });
    }
    if public.is_last != (index == shards) {
        return Err(MachineError::Last { index, shards, claimed: public.is_last });
    }
    let limits = [
        ("pc_in", public.pc_in, HALT),
        ("pc_out", public.pc_out, HALT),
        ("ts_out", public.ts_out, 1 << 30),
        ("key_in", public.key_in, 1 << 30),
        ("key_out", public.key_out, 1 << 30),
    ];
    for (what, value, limit) in limits {
        if value > limit {
            return Err(MachineError::Range { index, what });
        }
    }
    if !public.is_last && (public.status != 0 || public.digest != [0; 32]) {
        return Err(MachineError::EarlyExit { index });
    }
    Ok(())
}
