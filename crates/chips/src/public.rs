//! The public values of a shard proof, in order.

use vellum_stark::F;

/// What a shard proof states about its shard. The verifier's boundary terms and the chips read these cells; values of
/// 64 and 256 bits are 16-bit limbs, lowest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublicValues {
    /// Number of the shard, from 1. BOUNDARY reads it.
    pub shard: F,
    /// 1 in the last shard, 0 elsewhere.
    pub is_last: F,
    /// pc cell of the first instruction.
    pub pc_in: F,
    /// pc cell after the last instruction.
    pub pc_out: F,
    /// Time after the last instruction.
    pub ts_out: F,
    /// Upper end of the previous shard's range of initialised keys.
    pub key_in: F,
    /// Upper end of this shard's.
    pub key_out: F,
    /// Exit status; zero unless last.
    pub status: [F; 4],
    /// Output digest; zero unless last.
    pub digest: [F; 16],
}

impl PublicValues {
    /// Place of the shard's number.
    pub const SHARD: usize = 0;
    /// Number of cells.
    pub const WIDTH: usize = 27;

    /// The cells in order.
    pub fn cells(&self) -> [F; Self::WIDTH] {
        let Self { shard, is_last, pc_in, pc_out, ts_out, key_in, key_out, status, digest } = *self;
        let mut cells = [F::default(); Self::WIDTH];
        cells[..7].copy_from_slice(&[shard, is_last, pc_in, pc_out, ts_out, key_in, key_out]);
        cells[7..11].copy_from_slice(&status);
        cells[11..].copy_from_slice(&digest);
        cells
    }
}
