//! What traced mode records: the raw material of the chips' rows.
//!
//! Local time inside a shard: instruction n (from 1) starts at `ts = 16 * n`; its accesses happen at `ts + slot`
//! (rs1 1, rs2 2, memory 3, rd 4; ecall: a7 1, a0 2, a1 3, a2 4, a3 5, a4 6; memory of precompiles 7 to 15). A key touched
//! for the first time in a shard has `prev_ts = 0`, the time of its BOUNDARY token.

/// The previous state of a register or dword at the moment of an access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Value before the access.
    pub old: u64,
    /// Time of the previous access in this shard, 0 if none.
    pub prev_ts: u32,
}

/// One executed instruction or micro-row. Fields that its operation does not use are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Index into `Program::rom`.
    pub row: u32,
    /// Time at which the instruction starts.
    pub ts: u32,
    /// pc cell of the instruction executed next (HALT after exit).
    pub next_pc: u32,
    /// First source register; its value is `rs1.old`.
    pub rs1: Access,
    /// Second source register; its value is `rs2.old`.
    pub rs2: Access,
    /// Destination register before the write.
    pub rd: Access,
    /// Value written to rd.
    pub rd_new: u64,
    /// The dword a load or store touches, before.
    pub mem: Access,
    /// That dword after (equal to `mem.old` for a load).
    pub mem_new: u64,
}

/// One executed ecall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EcallEvent {
    /// Index into `Program::rom`.
    pub row: u32,
    /// Time at which the instruction starts.
    pub ts: u32,
    /// Register a7 (x17), the code.
    pub a7: Access,
    /// Registers a0..a4 (x10..x14). EXIT reads a0, EXIT_OUTPUT a0..a4, precompiles a0..a3, every other call none (then
    /// all zero here).
    pub args: [Access; 5],
}

/// A dword that a precompile call read or wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// Memory key.
    pub key: u32,
    /// The access was at time `ts + slot`.
    pub slot: u32,
    /// The dword before.
    pub access: Access,
    /// The dword after.
    pub new: u64,
}

/// One executed precompile call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Time at which the instruction starts.
    pub ts: u32,
    /// Register a7.
    pub code: u64,
    /// Registers a0..a3.
    pub args: [u32; 4],
    /// Its accesses, in the order in which the executor's function makes them.
    pub touches: Vec<Touch>,
}

/// One dword or register touched in a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoundaryRow {
    /// Memory key.
    pub key: u32,
    /// The last shard before this one that touched the key, 0 for none.
    pub prev_shard: u32,
    /// Value at the shard's start.
    pub first: u64,
    /// Value at the shard's end.
    pub last: u64,
    /// Time of the last access in this shard.
    pub last_ts: u32,
}

/// A dword outside the image (and not a register) that the execution touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitRow {
    /// Memory key, at or above `Program::image_end`.
    pub key: u32,
    /// Initial value: zero below the input region, the input's dword inside it.
    pub first: u64,
    /// Value at the end of the execution.
    pub last: u64,
    /// Last shard that touched the key.
    pub last_shard: u32,
}

/// Final state of one IMAGE row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinalRow {
    /// Value at the end of the execution.
    pub last: u64,
    /// Last shard that touched the key, 0 if none did.
    pub last_shard: u32,
}

/// How the execution ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exit {
    /// Register a0 at the exit call.
    pub status: u64,
    /// keccak256 of the committed bytes as a1..a4 carry it, zero after EXIT (93).
    pub digest: [u8; 32],
}

/// All events of one shard.
#[derive(Clone, Debug, Default)]
pub struct Shard {
    /// From 1.
    pub index: u32,
    /// Whether the execution ends in this shard.
    pub is_last: bool,
    /// pc cell of the shard's first instruction.
    pub pc_in: u32,
    /// pc cell after its last one (HALT in the last shard).
    pub pc_out: u32,
    /// Time after the last instruction: 16 * (instructions + 1).
    pub ts_out: u32,
    /// Events by `Family as usize`, in time order; the list of `Family::Ecall` stays empty.
    pub events: [Vec<Event>; 12],
    /// Executed ecalls in time order.
    pub ecalls: Vec<EcallEvent>,
    /// Executed precompile calls in time order; each is also one of `ecalls`.
    pub calls: Vec<Call>,
    /// Every row of `Program::rom` executed in this shard, once each.
    pub code: Vec<u32>,
    /// Every key touched in this shard, in any deterministic order.
    pub boundary: Vec<BoundaryRow>,
    /// This shard's part of the initialised keys, ascending.
    pub init: Vec<InitRow>,
    /// Upper end of the previous shard's key range (`Program::image_end - 1` for shard 1): every init key is greater.
    pub key_in: u32,
    /// The last init key of this shard, or `key_in` when it has none.
    pub key_out: u32,
    /// One row per IMAGE row, in order: the segments' dwords, then the 64 registers. Empty unless `is_last`.
    pub image: Vec<FinalRow>,
    /// Of every row of `Program::rom`, the number of shards that execute it. Empty unless `is_last`.
    pub rom: Vec<u32>,
    /// The exit, in the last shard.
    pub exit: Option<Exit>,
}
