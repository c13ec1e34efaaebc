//! Why an execution stopped before its exit, and where.

use core::fmt::{Display, Formatter};

use thiserror::Error;
use vellum_isa::{
    Program, RomRow,
    map::{HALT, VIRTUAL_PC},
};

/// A failed execution.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExecutionError {
    /// The program did something that cannot be executed, or reached a limit.
    #[error("{fault}, {place}")]
    Fault {
        /// What.
        fault: Fault,
        /// Where.
        place: Box<Place>,
    },
    /// The input does not fit into the input region.
    #[error("input of {got} bytes, at most {max} fit")]
    InputTooLong {
        /// Input length.
        got: usize,
        /// Largest length.
        max: u64,
    },
    /// A shard of these limits could not hold one instruction of every kind.
    #[error("shard limit of {got} {what}, at least {min} needed")]
    ShardLimit {
        /// Which limit.
        what: &'static str,
        /// Its value.
        got: u64,
        /// Smallest possible value.
        min: u64,
    },
    /// The touched dwords do not fit into the shards' INIT tables.
    #[error("{got} initialised dwords, {max} fit into the shards' tables")]
    InitRows {
        /// Touched dwords outside the image.
        got: u64,
        /// Room.
        max: u64,
    },
    /// A plan and an execution that differ.
    #[error("the plan is of another program or input (they differ in shard {shard})")]
    OtherPlan {
        /// First shard that differs.
        shard: u32,
    },
}

/// What stopped the execution.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// No instruction starts at this pc, or it is none the machine has.
    #[error("illegal instruction{}", .0.map(|word| format!(" {word:#010x}")).unwrap_or_default())]
    IllegalInstruction(Option<u32>),
    /// `jalr` to a place without an instruction.
    #[error("jump to {0:#x}, where no instruction starts")]
    JumpTarget(u64),
    /// Not naturally aligned.
    #[error("misaligned access of {bytes} bytes at {address:#x}")]
    Misaligned {
        /// Address.
        address: u64,
        /// Width.
        bytes: u64,
    },
    /// Below the image, in a hole of it, or at 2^32 and above.
    #[error("access of {bytes} bytes at {address:#x}, outside the memory")]
    OutOfRange {
        /// Address.
        address: u64,
        /// Length.
        bytes: u64,
    },
    /// No such call.
    #[error("unknown ecall {0:#x}")]
    UnknownEcall(u64),
    /// More cycles than allowed.
    #[error("cycle limit of {0} reached")]
    CycleLimit(u64),
    /// More memory than allowed.
    #[error("memory limit of {0} bytes reached")]
    MemoryLimit(u64),
    /// More committed bytes than any proof may carry.
    #[error("output longer than {0} bytes")]
    OutputTooLong(u64),
    /// One WRITE of more bytes than allowed.
    #[error("write of {got} bytes, at most {max} allowed")]
    WriteTooLong {
        /// Register a2.
        got: u64,
        /// Limit.
        max: u64,
    },
    /// The digest at exit is not the hash of the committed bytes.
    #[error("output digest {} at exit, but the committed bytes have {}", hex(.claimed), hex(.committed))]
    OutputDigest {
        /// Registers a1..a4.
        claimed: [u8; 32],
        /// keccak256 of the bytes.
        committed: [u8; 32],
    },
    /// Exit without output after bytes were committed.
    #[error("exit without an output digest, but {0} bytes were committed")]
    OutputWithoutDigest(u64),
    /// An argument of a precompile beyond 32 bits.
    #[error("{precompile}: argument a{index} is {got:#x}, at most 32 bits allowed")]
    PrecompileArgument {
        /// The call.
        precompile: &'static str,
        /// Which argument.
        index: usize,
        /// Its value.
        got: u64,
    },
    /// A precompile cannot do what it is asked for.
    #[error("{precompile}: {reason}")]
    Precompile {
        /// The call.
        precompile: &'static str,
        /// Why.
        reason: &'static str,
    },
}

/// Where: pc, instruction, function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Byte address of the instruction.
    pub pc: u64,
    /// The instruction, or the micro-row of an atomic one.
    pub instruction: Option<String>,
    /// Function name and offset in it.
    pub symbol: Option<(String, u64)>,
    /// Instructions executed before this one.
    pub cycles: u64,
}

impl Place {
    /// The place of pc cell `cell`, after `cycles` instructions.
    pub(crate) fn new(program: &Program, cell: u32, cycles: u64) -> Self {
        let instruction = row_at(program, cell).map(ToString::to_string);
        let pc = 2 * u64::from(text_cell(program, cell));
        let symbol = program.symbol_at(pc).map(|symbol| (symbol.name.clone(), pc - symbol.address));
        Self { pc, instruction, symbol, cycles }
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> core::fmt::Result {
        write!(f, "at pc {:#x}", self.pc)?;
        if let Some(instruction) = &self.instruction {
            write!(f, " ({instruction})")?;
        }
        if let Some((name, offset)) = &self.symbol {
            write!(f, " in {name}+{offset:#x}")?;
        }
        write!(f, " after {} cycles", self.cycles)
    }
}

/// The 32 bits of the memory image at byte address `pc`, where there are that many.
pub(crate) fn word_at(program: &Program, pc: u64) -> Option<u32> {
    let byte = |address: u64| {
        let key = (address / 8) as u32;
        let segment = program.segments.iter().rfind(|segment| segment.key <= key)?;
        let dword = segment.dwords.get((key - segment.key) as usize)?;
        Some((dword >> (8 * (address % 8))) as u8)
    };
    let bytes = [byte(pc)?, byte(pc + 1)?, byte(pc + 2)?, byte(pc + 3)?];
    Some(u32::from_le_bytes(bytes))
}

fn row_at(program: &Program, cell: u32) -> Option<&RomRow> {
    program.rom.binary_search_by_key(&cell, |row| row.pc).ok().map(|i| &program.rom[i])
}

/// The pc cell of the instruction that a micro-row belongs to: the last one that enters at or below its virtual pc.
fn text_cell(program: &Program, cell: u32) -> u32 {
    if cell < VIRTUAL_PC {
        return cell;
    }
    let text = program.rom.iter().take_while(|row| row.pc < VIRTUAL_PC);
    text.filter(|row| (VIRTUAL_PC..=cell.min(HALT)).contains(&row.npc)).last().map_or(cell, |row| row.pc)
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
