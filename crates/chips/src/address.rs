//! The gadget of loads and stores: from rs1 and the immediate to the dword's key.
//!
//! Columns: carry_0 and carry_1, the carries out of limbs 0 and 1 of rs1 + imm. The chip supplies `offset` (below 8,
//! vouched for by the chip), the byte inside the dword. The immediate's limbs 1, 2 and 3 are its sign limb i1.
//!
//! - carry_0, carry_1 ∈ {0, 1}
//! - address_0 = rs1_0 + i0 − 2^16·carry_0, address_1 = rs1_1 + i1 + carry_0 − 2^16·carry_1
//! - c2 = (rs1_2 + i1 + carry_1)/2^16 ∈ {0, 1}, c3 = (rs1_3 + i1 + c2)/2^16 ∈ {0, 1}: limbs 2 and 3 of the sum are 0
//! - low = (address_0 − offset)/8 in 16 bits; key = low + 2^13·address_1
//!
//! # Soundness
//! All terms are below 2^20, so the equations hold over the integers, and a = address_0 + 2^16·address_1 is rs1 + imm
//! modulo 2^64. `low` in 16 bits means that address_0 − offset is a multiple of 8: the alignment check, without which
//! `low` = 12/8 could be a register's key. So key = (a − offset)/8 as an integer.
//!
//! Nothing says that address_0 and address_1 have 16 bits, and nothing has to. They lie in [0, 2^17) and [−2^16, 2^17), and
//! a < 2^33 (address_1 = 2^17 − 1 needs carry_0 = 1, which leaves address_0 below 2^16), so −2^29 ≤ key < 2^30. Of these
//! keys only those in [0, 2^29) have tokens: INIT and IMAGE fund no key from 2^29 on but the registers' at 2^30, and a
//! negative key is above p − 2^29. With 0 ≤ key < 2^29, a = 8·key + offset < 2^32 *is* the address modulo 2^64, whatever the
//! carries: an access of an address beyond 2^32, of a register, or of another key than the address's has no token.

use vellum_isa::RomRow;
use vellum_stark::{Algebra, Builder, Columns, F, PrimeCharacteristicRing};

use crate::{RANGE16, access::inverse_2_16};

/// The carries of an address.
#[derive(Clone, Default)]
pub(crate) struct Address<T> {
    /// Carries out of limbs 0 and 1 of rs1 + immediate.
    pub(crate) carry: [T; 2],
}

impl<T: Default> Columns<T> for Address<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.carry.visit(f);
    }
}

impl Address<F> {
    /// The cells of rs1 + the instruction's immediate.
    pub(crate) fn new(rom: &RomRow, rs1: u64) -> Self {
        let carry = |bits: u64| {
            let low = (1 << bits) - 1;
            F::from_bool((rs1 & low) + (immediate(rom) & low) > low)
        };
        Self { carry: [carry(16), carry(32)] }
    }
}

impl<E: Algebra<F>> Address<E> {
    /// States that rs1 + immediate is an address with the given offset inside its dword, and returns the dword's key.
    pub(crate) fn eval<B: Builder<Expr = E>>(
        &self,
        b: &mut B,
        r: &E,
        rs1: &[E; 4],
        [i0, i1]: [&E; 2],
        offset: E,
    ) -> E {
        let [carry_0, carry_1] = &self.carry;
        let [x0, x1, x2, x3] = rs1.clone();
        let limb = F::from_u32(1 << 16);
        // carry_0, carry_1 ∈ {0, 1}
        b.assert_bool("address carry 0", carry_0.clone());
        b.assert_bool("address carry 1", carry_1.clone());
        // address_0 = rs1_0 + i0 − 2^16·carry_0, address_1 = rs1_1 + i1 + carry_0 − 2^16·carry_1
        let address_0 = x0 + i0.clone() - carry_0.clone() * limb;
        let address_1 = x1 + i1.clone() + carry_0.clone() - carry_1.clone() * limb;
        // (rs1_2 + i1 + carry_1)/2^16 ∈ {0, 1}, (rs1_3 + i1 + c2)/2^16 ∈ {0, 1}
        let carry_2 = (x2 + i1.clone() + carry_1.clone()) * inverse_2_16();
        let carry_3 = (x3 + i1.clone() + carry_2.clone()) * inverse_2_16();
        b.assert_bool("address limb 2 is 0", carry_2);
        b.assert_bool("address limb 3 is 0", carry_3);
        // low = (address_0 − offset)/8 in 16 bits
        let low = (address_0 - offset) * F::ONE.div_2exp_u64(3);
        b.send(RANGE16, r.clone(), [low.clone()]);
        low + address_1 * F::from_u16(1 << 13)
    }
}

/// rs1 + immediate, as a load or store computes it.
pub(crate) fn address(rom: &RomRow, rs1: u64) -> u64 {
    rs1.wrapping_add(immediate(rom))
}

/// The sign-extended immediate.
fn immediate(rom: &RomRow) -> u64 {
    u64::from(rom.i1) * 0x0001_0001_0001_0000 + u64::from(rom.i0)
}

#[cfg(test)]
pub(crate) mod tests {
    use vellum_stark::{
        check::Cells,
        testing::{Lie, lie},
    };

    use super::*;

    /// What a chip with this gadget must refuse: `at` is its row at a base below 2^32 with immediate 0, `base` and `carry`
    /// the columns of rs1 and of the gadget.
    pub(crate) fn lies(at: impl Fn(u64) -> Cells, base: [usize; 4], carry: [usize; 2]) -> Vec<Lie> {
        // 2^16·32512 = p − 1: a carry of −32512 takes 1 from its own limb and 32512 from the next.
        let odd_carry = -F::from_u16(32512);
        vec![
            // base:     8 → 12, 1024    low = 12/8 = 2^30 − 2^23 + 2, key = low + 2^13·1024 = 2^30 + 2
            lie("register x2 is read at 0x0400_000c", &at((1024 << 16) + 8), |x| {
                x.main[base[0]] += F::from_u8(4);
            }),
            // base:     9, 40000        address: 8, 7488
            lie("carry 0 = -32512: another dword", &at((40000 << 16) + 8), |x| {
                x.main[base[0]] += F::ONE;
                x.main[carry[0]] = odd_carry;
            }),
            // base:     0, 5, 32512     address: 0, 4, 0
            lie("carry 1 = -32512: another dword", &at(5 << 16), |x| {
                x.main[base[2]] = F::from_u16(32512);
                x.main[carry[1]] = odd_carry;
            }),
            // base:     0, 5, 1, 32512  c2 = 1/2^16 = −32512, c3 = 0
            lie("an address of more than 2^48", &at(5 << 16), |x| {
                x.main[base[2]] = F::ONE;
                x.main[base[3]] = F::from_u16(32512);
            }),
            // base:     0, 5, 0, 1      c3 = 1/2^16
            lie("2^48 + x is x", &at(5 << 16), |x| x.main[base[3]] = F::ONE),
        ]
    }
}
