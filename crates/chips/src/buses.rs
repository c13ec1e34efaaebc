//! Every bus of the machine. Limbs are 16 bits; v0 is the lowest.

use vellum_stark::Bus;

/// (pc cell, ts): the thread of control. The verifier sends the shard's first token and receives its last.
pub const STATE: Bus = Bus::permutation("STATE", 1, 2);
/// (key, ts, v0, v1, v2, v3): one token per register and dword touched in the shard.
pub const MEM: Bus = Bus::permutation("MEM", 2, 6);
/// (key, shard, v0, v1, v2, v3): one token per register and dword of the whole execution.
pub const GMEM: Bus = Bus::global("GMEM", 3, 6);
/// (status limbs 4, digest limbs 16): sent by ECALL at exit, received by the verifier in the last shard.
pub const EXIT: Bus = Bus::permutation("EXIT", 4, 20);
/// (key): chains the INIT rows in strictly increasing order; the verifier sends key_in and receives key_out.
pub const KEYS: Bus = Bus::permutation("KEYS", 5, 1);
/// (a0..a3, b0..b3, low 0..3, high 0..3, sign of a, sign of b): products modulo 2^128 that MUL proves for DIVREM.
pub const PRODUCT: Bus = Bus::permutation("PRODUCT", 6, 18);
/// (pc, op, rd, rs1, rs2, i0, i1, npc): the decoded instructions of a shard, received by CODE.
pub const PROG: Bus = Bus::lookup("PROG", 7, 8);
/// (value): below 2^16, received by RANGE.
pub const RANGE16: Bus = Bus::lookup("RANGE16", 8, 1);
/// (value): below 2^8, received by RANGE.
pub const RANGE8: Bus = Bus::lookup("RANGE8", 9, 1);
/// (op, a, b, c): c = a op b on bytes, op 0 and, 1 or, 2 xor, 3 zero (a and b are bytes); received by BYTE.
pub const BYTE: Bus = Bus::lookup("BYTE", 10, 4);
/// (code, ts, low and high limb of a0, of a1, of a2, of a3): a precompile call, received by the chip that proves it.
pub const PRE: Bus = Bus::permutation("PRE", 11, 10);
/// The parts of a Keccak state between two rounds: see KECCAKF.
pub const KSTATE: Bus = Bus::permutation("KSTATE", 12, 24);
/// What comes next in a call of KECCAK: see SPONGE.
pub const SPONGE: Bus = Bus::permutation("SPONGE", 13, 7);
/// (ts, set, shift, to, from, rest, skip, bytes 7): what a row of COPY or COPY_ALIGNED leaves to the next. Shift 0 is
/// COPY_ALIGNED's.
pub const COPY: Bus = Bus::permutation("COPY", 14, 14);
/// (ts, number, a to h: two limbs each): a SHA-256 state after 8·number rounds.
pub const SHA_STATE: Bus = Bus::permutation("SHA_STATE", 15, 18);
/// (ts, tag, eight words: two limbs each): words of a SHA-256 message schedule; the tag says which, and for whom.
pub const SHA_WORDS: Bus = Bus::permutation("SHA_WORDS", 16, 18);
/// (pc, op, rd, rs1, rs2, i0, i1, npc): the decoded ROM, received by PROGRAM over all shards.
pub const ROM: Bus = Bus::global_lookup("ROM", 20, 8);
