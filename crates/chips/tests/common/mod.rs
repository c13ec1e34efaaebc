//! What the machine's tests share: a program with rows of every family, its shards, its proofs, and lies that are carried
//! through everything that follows from them.
#![allow(dead_code, reason = "every test uses another part")]

#[path = "../../../executor/tests/assembler/mod.rs"]
pub(crate) mod assembler;

use std::sync::LazyLock;

use assembler::{A0, A1, A7, Asm, DATA, T0, T1, T2};
use tiny_keccak::{Hasher, Keccak};
use vellum_chips::{
    Chain, Exit, GlobalChallenge, Machine, MachineError, MachineHeader, MachineVerifier, ProgramKey,
    ShardProof, ShardRows, chain_next, chain_start, phase0_root, prove_shard, shard_shape,
};
use vellum_executor::{Access, Limits, Shard, ShardLimits, Shards, plan};
use vellum_isa::{
    Family, Precompile, Program, ecall,
    encode::{
        AMO, AUIPC, ECALL, JALR, LOAD, OP, OP_32, OP_IMM, OP_IMM_32, b_type, i_type, j_type, r_type, s_type,
        u_type,
    },
    map::{INPUT_BASE, REGISTER_KEY, STACK_TOP},
};
use vellum_stark::{Profile, Stages};

pub(crate) const INPUT: &[u8] = b"eight by";
/// Where the committed bytes are, and how many.
const OUTPUT: (u64, u64) = (DATA + 0x40, 16);

/// The circuits, set up once per test binary.
pub(crate) static MACHINE: LazyLock<Machine> = LazyLock::new(|| Machine::new(Profile::TestInsecure));

/// `rounds` times one instruction of each kind, then an exit with `status` and the digest of 16 committed bytes.
pub(crate) fn mixture(rounds: u64, status: u64) -> Program {
    const S0: u32 = 8;
    const S1: u32 = 9;
    const S2: u32 = 18;
    const S3: u32 = 19;
    let start = Asm::new().li(S0, DATA).li(S1, INPUT_BASE).li(S2, STACK_TOP - 64).li(S3, rounds);
    let body = Asm::new()
        // t0 = the input's dword, t1 = a dword of the data segment
        .word(i_type(LOAD, 3, T0, S1, 8))
        .word(i_type(LOAD, 3, T1, S0, 0))
        // results into t2, dead unless stored
        .word(r_type(OP, 0, 0, T2, T0, T1))
        .word(r_type(OP, 32, 0, T2, T0, T1))
        .word(r_type(OP_32, 0, 0, T2, T0, T1))
        .addi(T2, T0, -5)
        .word(i_type(OP_IMM_32, 0, T2, T0, 7))
        .word(r_type(OP, 0, 7, T2, T0, T1))
        .word(r_type(OP, 0, 6, T2, T0, T1))
        .word(i_type(OP_IMM, 4, T2, T0, 0xff))
        .word(r_type(OP, 0, 1, T2, T0, S3))
        .word(r_type(OP, 32, 5, T2, T0, S3))
        .word(r_type(OP_32, 0, 5, T2, T0, S3))
        .word(i_type(OP_IMM, 1, T2, T0, 13))
        .word(r_type(OP, 0, 2, T2, T0, T1))
        .word(i_type(OP_IMM, 3, T2, T0, 9))
        .word(r_type(OP, 1, 0, T2, T0, T1))
        .word(r_type(OP, 1, 1, T2, T0, T1))
        .word(r_type(OP_32, 1, 0, T2, T0, T1))
        .word(r_type(OP, 1, 4, T2, T0, T1))
        .word(r_type(OP, 1, 5, T2, T0, 0))
        .word(r_type(OP, 1, 6, T2, T0, S3))
        .word(r_type(OP, 1, 7, T1, T2, T2))
        .word(r_type(OP_32, 1, 5, T2, T0, S3))
        // memory of all widths
        .word(s_type(3, S2, T0, 0))
        .word(s_type(2, S2, T2, 12))
        .word(s_type(1, S2, S3, 6))
        .word(s_type(0, S2, T0, 5))
        .word(i_type(LOAD, 0, T2, S2, 5))
        .word(i_type(LOAD, 5, T2, S2, 6))
        .word(i_type(LOAD, 6, T2, S2, 12))
        .word(i_type(LOAD, 3, T2, S2, 0))
        // atomic operations: rows at virtual pcs
        .addi(T1, S0, 0x80)
        .word(r_type(AMO, 0, 3, T2, T1, S3))
        .word(r_type(AMO, 2 << 2, 3, T2, T1, 0))
        .word(r_type(AMO, 3 << 2, 3, T2, T1, S3))
        .word(r_type(AMO, 20 << 2, 2, T2, T1, T0))
        // control
        .word(b_type(0, T0, S3, 8))
        .word(b_type(1, T0, S3, 8))
        .word(0)
        .word(j_type(1, 8))
        .word(0)
        .word(u_type(AUIPC, T1, 0))
        .word(i_type(JALR, 0, 1, T1, 8))
        // a call without effect
        .word(i_type(OP_IMM, 0, A7, 0, 0x7ff))
        .addi(A7, A7, (ecall::MARK - 0x7ff - 0x7ff) as i32)
        .addi(A7, A7, 0x7ff)
        .word(ECALL)
        .addi(S3, S3, -1);
    let back = -4 * body.0.len() as i32;
    let mut asm = Asm([start.0, body.0].concat()).word(b_type(1, S3, 0, back as u32));
    asm = asm.li(A0, OUTPUT.0).li(A1, OUTPUT.1).ecall(ecall::COMMIT);
    for (register, dword) in (A1..).zip(output_digest().chunks_exact(8)) {
        asm = asm.li(register, u64::from_le_bytes(dword.try_into().unwrap()));
    }
    asm.li(A0, status).ecall(ecall::EXIT_OUTPUT).program()
}

/// Digest of the mixture's output.
pub(crate) fn output_digest() -> [u8; 32] {
    let bytes: Vec<u8> = (0x40..0x50).collect();
    let mut keccak = Keccak::v256();
    keccak.update(&bytes);
    let mut digest = [0; 32];
    keccak.finalize(&mut digest);
    digest
}

/// Limits that only the number of instructions sets.
pub(crate) fn instructions(instructions: u32) -> ShardLimits {
    ShardLimits { instructions, ..ShardLimits::UNLIMITED }
}

/// All shards of an execution.
pub(crate) fn shards(program: &Program, input: &[u8], limits: &ShardLimits) -> Vec<Shard> {
    let plan = plan(program, input, Limits::default(), limits).unwrap();
    Shards::events(program, input, &plan).map(Result::unwrap).collect()
}

/// A prover that commits to whatever shards it is given, and draws its challenges as it must.
pub(crate) struct Execution {
    pub(crate) header: MachineHeader,
    pub(crate) chain: Vec<Chain>,
}

impl Execution {
    /// Phase 0.
    pub(crate) fn commit(key: &ProgramKey, shards: &[Shard]) -> Self {
        let mut digests = vec![chain_start(&key.vk.digest())];
        for shard in shards {
            let shape = shard_shape(key, &ShardRows::of(shard));
            let root = phase0_root(&MACHINE, key, shape.clone(), shard);
            digests.push(chain_next(digests.last().unwrap(), shard.index, &shape, &root));
        }
        let chain_end = *digests.last().unwrap();
        let count = shards.len() as u32;
        let (global, global_witness) = GlobalChallenge::grind(&MACHINE, &chain_end, count);
        let header = MachineHeader { vk: key.vk.clone(), shards: count, chain_end, global_witness };
        let chain = digests.windows(2).map(|two| Chain { before: two[0], after: two[1], global }).collect();
        Self { header, chain }
    }
}

/// Proves the shards as one execution, false or not.
pub(crate) fn prove(key: &ProgramKey, shards: &[Shard]) -> (MachineHeader, Vec<ShardProof>) {
    let execution = Execution::commit(key, shards);
    let proofs = shards
        .iter()
        .zip(&execution.chain)
        .map(|(shard, chain)| prove_shard(&MACHINE, key, shard, chain, &mut Stages::start()).0)
        .collect();
    (execution.header, proofs)
}

/// Verifies a machine proof.
pub(crate) fn verify<'a>(
    header: &MachineHeader,
    proofs: impl IntoIterator<Item = &'a ShardProof>,
) -> Result<Exit, MachineError> {
    let mut verifier = MachineVerifier::new(&MACHINE, header)?;
    for proof in proofs {
        verifier.shard(proof)?;
    }
    verifier.finish()
}

/// Which access of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Rs1,
    Rs2,
    Mem,
    Rd,
    A7,
    Argument(usize),
}

/// An access of a shard: whose, where, when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) family: Family,
    pub(crate) event: usize,
    pub(crate) which: Which,
    pub(crate) key: u32,
    pub(crate) time: u32,
}

impl Place {
    /// The access, and the value it leaves where it writes one.
    pub(crate) fn of<'a>(&self, shard: &'a mut Shard) -> (&'a mut Access, Option<&'a mut u64>) {
        if self.family == Family::Ecall {
            let event = &mut shard.ecalls[self.event];
            return match self.which {
                Which::Argument(i) => (&mut event.args[i], None),
                _ => (&mut event.a7, None),
            };
        }
        let event = &mut shard.events[self.family as usize][self.event];
        match self.which {
            Which::Rs1 => (&mut event.rs1, None),
            Which::Rs2 => (&mut event.rs2, None),
            Which::Mem => (&mut event.mem, Some(&mut event.mem_new)),
            _ => (&mut event.rd, Some(&mut event.rd_new)),
        }
    }

    /// Whether the access may change the value: a load leaves what it read.
    pub(crate) fn writes(&self, program: &Program, shard: &Shard) -> bool {
        match self.which {
            Which::Rd => true,
            Which::Mem => {
                let event = &shard.events[self.family as usize][self.event];
                program.rom[event.row as usize].op.is_store()
            }
            _ => false,
        }
    }
}

/// All accesses of a shard by key, in the order of time, but those of precompiles to memory.
pub(crate) fn histories(program: &Program, shard: &Shard) -> Vec<Vec<Place>> {
    let mut places = Vec::new();
    for family in Family::ALL {
        for (i, event) in shard.events[family as usize].iter().enumerate() {
            let rom = &program.rom[event.row as usize];
            let mut place = |which, key, slot| {
                places.push(Place { family, event: i, which, key, time: event.ts + slot });
            };
            if family != Family::Li {
                place(Which::Rs1, REGISTER_KEY + u32::from(rom.rs1), 1);
            }
            if rom.op.reads_rs2() {
                place(Which::Rs2, REGISTER_KEY + u32::from(rom.rs2), 2);
            }
            if matches!(family, Family::Mem64 | Family::MemSub) {
                let address = event.rs1.old.wrapping_add(rom.immediate() as u64);
                place(Which::Mem, (address / 8) as u32, 3);
            }
            if !rom.op.is_store() && !rom.op.is_branch() {
                place(Which::Rd, REGISTER_KEY + u32::from(rom.rd), 4);
            }
        }
    }
    for (event, call) in shard.ecalls.iter().enumerate() {
        let mut place = |which, index, slot| {
            let (family, key, time) = (Family::Ecall, REGISTER_KEY + index, call.ts + slot);
            places.push(Place { family, event, which, key, time });
        };
        place(Which::A7, A7, 1);
        let arguments = match call.a7.old {
            ecall::EXIT => 1,
            ecall::EXIT_OUTPUT => 5,
            code if Precompile::from_code(code).is_some() => 4,
            _ => 0,
        };
        (0..arguments).for_each(|i| place(Which::Argument(i), A0 + i as u32, 2 + i as u32));
    }
    places.sort_by_key(|place| (place.key, place.time));
    places.chunk_by(|a, b| a.key == b.key).map(<[Place]>::to_vec).collect()
}

/// Makes a key of a shard hold `value` from access `from` of its history on, up to the next write: every token follows,
/// so that MEM balances. Returns whether the value reaches the shard's end.
pub(crate) fn carry(
    program: &Program,
    shard: &mut Shard,
    history: &[Place],
    from: usize,
    value: u64,
) -> bool {
    for place in &history[from..] {
        place.of(shard).0.old = value;
        if place.writes(program, shard) {
            return false;
        }
        if let (_, Some(new)) = place.of(shard)
            && place.which == Which::Mem
        {
            *new = value;
        }
    }
    let row = shard.boundary.iter_mut().find(|row| row.key == history[0].key).unwrap();
    row.last = value;
    true
}

/// [`carry`] over the rest of an execution: `shards[0]` is the shard of `history`, the value then lives on to the next
/// write and at last in the final tables.
pub(crate) fn carry_on(program: &Program, shards: &mut [Shard], history: &[Place], from: usize, value: u64) {
    let key = history[0].key;
    let mut reaches_end = carry(program, &mut shards[0], history, from, value);
    for shard in &mut shards[1..] {
        if !reaches_end {
            return;
        }
        let Some(history) = histories(program, shard).into_iter().find(|h| h[0].key == key) else { continue };
        shard.boundary.iter_mut().find(|row| row.key == key).unwrap().first = value;
        reaches_end = carry(program, shard, &history, 0, value);
    }
    if reaches_end {
        set_final(program, shards, key, value);
    }
}

/// Sets a key's final value in INIT or IMAGE.
pub(crate) fn set_final(program: &Program, shards: &mut [Shard], key: u32, value: u64) {
    for shard in shards {
        shard.init.iter_mut().filter(|row| row.key == key).for_each(|row| row.last = value);
        let dwords = program.segments.iter().flat_map(|s| (s.key..).take(s.dwords.len()));
        let keys = dwords.chain(REGISTER_KEY..REGISTER_KEY + 64);
        shard.image.iter_mut().zip(keys).filter(|(_, k)| *k == key).for_each(|(row, _)| row.last = value);
    }
}
