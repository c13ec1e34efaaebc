//! The gadget of loads and stores: from rs1 and the immediate to the dword's key.
//!
//! Columns: `low`, the dword's number inside its 64 KiB, and `high`, bits 16..31 of the address. The chip supplies
//! `offset` (below 8, vouched for by the chip), the byte inside the dword.
//!
//! With the sign limb i1 as the immediate's limbs 1, 2 and 3 (all carries linear expressions):
//! - c0 = (rs1_0 + i0 − 8·low − offset)/2^16 ∈ {0, 1}
//! - c1 = (rs1_1 + i1 + c0 − high)/2^16 ∈ {0, 1}
//! - c2 = (rs1_2 + i1 + c1)/2^16 ∈ {0, 1}
//! - c3 = (rs1_3 + i1 + c2)/2^16 ∈ {0, 1}
//! - low and high in 16 bits; key = low + 2^13·high.
//!
//! # Soundness
//! Every term is below 2^20, so the four equations hold over the integers; together they say
//! 8·low + offset + 2^16·high ≡ rs1 + imm (mod 2^64). The left side is below 2^33, so it *is* the address modulo 2^64,
//! and key = (address − offset)/8 exactly, whatever the split between `low` and `high`: no second key for one address.
//! An offset other than the address's low three bits has no solution, which is the alignment check. `low` needs no
//! 13-bit check: key ≤ 2^16 − 1 + 2^13·(2^16 − 1) < 2^29 + 2^16, and keys from 2^29 on have no token until the
//! registers' at 2^30. So an address of 2^32 or more, and with it a register, is out of reach.

use vellum_isa::RomRow;
use vellum_stark::{Algebra, Builder, Columns, F, PrimeCharacteristicRing};

use crate::{RANGE16, access::inverse_2_16};

const CARRIES: [&str; 4] = ["address carry 0", "address carry 1", "address carry 2", "address carry 3"];

/// An address below 2^32 as it is cut for the memory key.
#[derive(Clone, Default)]
pub(crate) struct Address<T> {
    /// Bits 3..15 of the address: the dword inside its 64 KiB.
    pub(crate) low: T,
    /// Bits 16..31 of the address.
    pub(crate) high: T,
}

impl<T: Default> Columns<T> for Address<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        f(&mut self.low);
        f(&mut self.high);
    }
}

impl Address<F> {
    /// The cells of an address. One beyond 32 bits has none that satisfy the constraints.
    pub(crate) fn new(address: u64) -> Self {
        Self { low: F::from_u16(address as u16 >> 3), high: F::from_u16((address >> 16) as u16) }
    }
}

impl<E: Algebra<F>> Address<E> {
    /// States that this is rs1 + immediate with the given offset inside the dword, and returns the dword's key.
    pub(crate) fn eval<B: Builder<Expr = E>>(
        &self,
        b: &mut B,
        r: &E,
        rs1: &[E; 4],
        [i0, i1]: [&E; 2],
        offset: E,
    ) -> E {
        let parts = [self.low.clone() * E::from_u8(8) + offset, self.high.clone(), E::ZERO, E::ZERO];
        let mut carry = E::ZERO;
        for (i, part) in parts.into_iter().enumerate() {
            // c_i = (rs1_i + imm_i + c_(i−1) − address_i)/2^16
            let imm = if i == 0 { i0 } else { i1 };
            carry = (rs1[i].clone() + imm.clone() + carry - part) * inverse_2_16();
            b.assert_bool(CARRIES[i], carry.clone());
        }
        b.send(RANGE16, r.clone(), [self.low.clone()]);
        b.send(RANGE16, r.clone(), [self.high.clone()]);
        self.low.clone() + self.high.clone() * E::from_u32(1 << 13)
    }
}

/// rs1 + immediate, as a load or store computes it.
pub(crate) fn address(rom: &RomRow, rs1: u64) -> u64 {
    rs1.wrapping_add(u64::from(rom.i1) * 0x0001_0001_0001_0000 + u64::from(rom.i0))
}
