//! Every width and place against the manual, and the lies that each guard of MEMSUB is there for.

use expect_test::expect_file;
use vellum_stark::{
    check::Cells,
    testing::{ChipTest, Lie, columns_complete, indices, lie, shape},
};

use super::*;
use crate::{
    access::inverse_2_16,
    address,
    testing::{EDGES, Operands, TS, access, family_test, row},
};

const OPS: [Op; 9] = [Op::Lb, Op::Lbu, Op::Lh, Op::Lhu, Op::Lw, Op::Lwu, Op::Sb, Op::Sh, Op::Sw];

/// Bytes moved.
fn size(op: Op) -> u64 {
    match op {
        Op::Lb | Op::Lbu | Op::Sb => 1,
        Op::Lh | Op::Lhu | Op::Sh => 2,
        _ => 4,
    }
}

/// (rd, dword) after a load or store, as the manual has it.
fn result(op: Op, offset: u64, dword: u64, register: u64) -> (u64, u64) {
    let part = dword >> (8 * offset);
    let mask = ((1 << (8 * size(op))) - 1) << (8 * offset);
    match op {
        Op::Lb => (part as i8 as u64, dword),
        Op::Lbu => (part as u8 as u64, dword),
        Op::Lh => (part as i16 as u64, dword),
        Op::Lhu => (part as u16 as u64, dword),
        Op::Lw => (part as i32 as u64, dword),
        Op::Lwu => (part as u32 as u64, dword),
        _ => (0, dword & !mask | register << (8 * offset) & mask),
    }
}

/// `op` at `base` + 0 on a dword and a register that hold `dword` and `register` before.
fn event(op: Op, base: u64, dword: u64, register: u64) -> (RomRow, Event) {
    let load = !matches!(op, Op::Sb | Op::Sh | Op::Sw);
    let (rd, rs2) = if load { (12, 0) } else { (0, 12) };
    let rom = RomRow { pc: 0x800, op, rd, rs1: 10, rs2, i0: 0, i1: 0, npc: 0x802 };
    let (rd_new, mem_new) = result(op, base % 8, dword, register);
    let unused = Default::default();
    let event = Event {
        ts: TS,
        next_pc: rom.npc,
        rs1: access(base, 15),
        rs2: if load { unused } else { access(register, 30) },
        rd: if load { access(register, 30) } else { unused },
        rd_new,
        mem: access(dword, 70_001),
        mem_new,
        ..Event::default()
    };
    (rom, event)
}

fn honest(op: Op, base: u64) -> Cells {
    row(&MemSubChip, event(op, base, 0x8877_6655_c4b3_a291, 0x0102_0304_8586_8788))
}

fn kit() -> ChipTest<'static, MemSubChip> {
    let c = indices::<Row<usize>>();
    let limb = F::from_u32(1 << 16);
    let lb = honest(Op::Lb, 0x1_0003);
    let lhu = honest(Op::Lhu, 0x1_0002);
    let lhu_0 = honest(Op::Lhu, 0x1_0000);
    let lh = honest(Op::Lh, 0x1_0004);
    let lw = honest(Op::Lw, 0x1_0000);
    let lwu = row(&MemSubChip, event(Op::Lwu, 0x1_0000, 0xc4b3_a291, 0xc4b3_8788));
    let odd = row(&MemSubChip, event(Op::Lbu, 0x1_0002, 0x0055_0300, 7));
    let sb = honest(Op::Sb, 0x1_0005);
    let sh = honest(Op::Sh, 0x1_0006);
    let sw = honest(Op::Sw, 0x1_0004);
    let lies = vec![
        // rd':   v0          v1       of the dword's word
        //        v0 + 2^16   v1 − 1   the same number
        lie("lw: limbs traded", &lw, |x| {
            x.main[c.register.new[0]] += limb;
            x.main[c.register.new[1]] -= F::ONE;
        }),
        // sign:  1 → 0 and rd' = the byte alone: lb as lbu
        lie("lb without sign", &lb, |x| {
            x.main[c.sign] = F::ZERO;
            x.main[c.register.new[0]] = x.main[c.byte];
            (1..4).for_each(|i| x.main[c.register.new[i]] = F::ZERO);
        }),
        // sign:  0 → 1: lhu as lh
        lie("lhu with sign", &lhu, |x| {
            x.main[c.sign] = F::ONE;
            (1..4).for_each(|i| x.main[c.register.new[i]] = F::from_u16(0xffff));
        }),
        lie("lhu with garbage above", &lhu, |x| x.main[c.register.new[2]] = F::from_u16(7)),
        // byte, register'_0:  z, z + 2^8·rest  →  z + 2^8, the same limb with rest − 1
        lie("sb: a byte of 256 + z", &sb, |x| {
            x.main[c.byte] += F::from_u16(256);
            x.main[c.memory.new[2]] += limb;
        }),
        // replaced, kept:  (r, k) → (r + 2^8, k − 1) at an even byte: the same limb
        lie("sb: (256 + replaced, kept − 1)", &honest(Op::Sb, 0x1_0004), |x| {
            x.main[c.replaced] += F::from_u16(256);
            x.main[c.kept] -= F::ONE;
            x.main[c.memory.new[2]] -= F::from_u16(256);
        }),
        lie("sh at an odd address", &sh, |x| {
            x.main[c.odd] = F::ONE;
            x.main[c.base.value[0]] += F::ONE;
        }),
        // base:  4 → 6 modulo 8; sw writes limb 3 alone
        lie("sw at 2 modulo 4", &sw, |x| {
            x.main[c.base.value[0]] += F::TWO;
            x.main[c.limb[1]] = F::ZERO;
            x.main[c.limb[2]] = F::ONE;
            x.main[c.memory.new[2]] = x.main[c.memory.old.value[2]];
            x.main[c.memory.new[3]] = x.main[c.register.new[0]];
        }),
        // odd:  0 → 2 with s_0 instead of s_1: the same offset. Limb 0 = 0x300 = 511·2 − 254·1: "bytes" 2 and 1
        lie("lbu of a byte that is none", &odd, |x| {
            x.main[c.limb[0]] = F::ZERO;
            x.main[c.odd] = F::TWO;
            x.main[c.kept] = F::ONE;
            for cell in [c.byte, c.replaced, c.register.new[0]] {
                x.main[cell] = F::TWO;
            }
            x.main[c.top] = F::from_u16(2 << 8);
        }),
        // half word b | op = 39 + 1 + 2·half + 4·word       lhu's code; limb 0 as of lbu, limb 1 as of lw
        //  −1    1  1 | 42
        lie("lhu of a byte and a limb", &lhu_0, |x| {
            x.main[c.half] = F::NEG_ONE;
            x.main[c.word] = F::ONE;
            let [low, high] = [F::from_u8(0x91), F::from_u8(0xa2)];
            for (cell, value) in [(c.byte, low), (c.replaced, low), (c.kept, high)] {
                x.main[cell] = value;
            }
            x.main[c.register.new[0]] = low;
            x.main[c.register.new[1]] = x.main[c.memory.new[1]];
            x.main[c.top] = low * F::from_u16(255) + x.main[c.memory.new[1]];
        }),
        // load half word b | op = 45 + half + 2·word        lwu's code; a byte of rd is stored
        //  0    1   −1   1 | 44
        lie("lwu stores", &lwu, |x| {
            for cell in [c.load, c.unsigned] {
                x.main[cell] = F::ZERO;
            }
            x.main[c.half] = F::ONE;
            x.main[c.word] = F::NEG_ONE;
            (0..4).for_each(|i| x.main[c.register.new[i]] = x.main[c.register.old.value[i]]);
            x.main[c.register.old.dlo] -= F::TWO;
            let [new, old] = [F::from_u8(0x88), F::from_u8(0x91)];
            for (cell, value) in [(c.byte, new), (c.replaced, old), (c.kept, F::from_u8(0xa2))] {
                x.main[cell] = value;
            }
            x.main[c.memory.new[0]] += new - old;
            x.main[c.top] = new * F::from_u16(256) + x.main[c.register.new[0]] - x.main[c.register.new[1]];
        }),
        // sign: 2·top/2^16, which makes 2·top − 2^16·sign = 0; limbs 1 to 3 of rd' are 0xffff·sign
        lie("lh extended by a sign that is no bit", &lh, |x| {
            x.main[c.sign] = x.main[c.top].double() * inverse_2_16();
            (1..4).for_each(|i| x.main[c.register.new[i]] = x.main[c.sign] * F::from_u16(0xffff));
        }),
        lie("sb changes its limb's other byte", &sb, |x| {
            x.main[c.memory.new[2]] += F::ONE;
        }),
        lie("sw changes another limb", &sw, |x| x.main[c.memory.new[0]] = F::ZERO),
        lie("lw changes the dword", &lw, |x| x.main[c.memory.new[3]] = F::ZERO),
        lie("sw changes its register", &sw, |x| x.main[c.register.new[3]] += F::ONE),
        lie("lw from the future", &lw, |x| {
            x.main[c.memory.old.prev_ts] = F::from_u32(TS + 3);
            x.main[c.memory.old.dlo] = F::NEG_ONE;
        }),
    ]
    .into_iter()
    .chain([0, 1, 2, 3].map(two_limbs))
    .chain(address::tests::lies(|base| honest(Op::Lw, base), c.base.value, c.address.carry))
    .collect();
    let high = honest(Op::Lh, 0x1_0006);
    let rows = vec![
        ("lb", lb),
        ("lh, limb 3", high),
        ("lh, limb 2", lh),
        ("lhu", lhu),
        ("lw", lw),
        ("sb", sb),
        ("sh", sh),
        ("sw", sw),
    ];
    ChipTest { lies, ..family_test(&MemSubChip, rows) }
}

/// An `sh` whose selectors are 1, 1 and, for limb `j`, −1: their sum and the offset are those of one limb, and two
/// others are written. Limb `j` of the dword already holds the value.
fn two_limbs(j: usize) -> Lie {
    let c = indices::<Row<usize>>();
    let (place, pair) = [(3, [1, 2]), (1, [0, 2]), (2, [1, 3]), (0, [1, 2])][j];
    let dword = 0x1111_2222_3333_4444 & !(0xffff << (16 * j)) | 0x5555 << (16 * j);
    let sh = row(&MemSubChip, event(Op::Sh, 0x1_0000 + 2 * place, dword, 0x5555));
    let name = ["s = -1 1 1 0", "s = 1 -1 1 0", "s = 0 1 -1 1", "s = 0 1 1 -1"][j];
    lie(name, &sh, |x| {
        let selector = |i: usize| match i {
            _ if i == j => F::NEG_ONE,
            _ => F::from_bool(pair.contains(&i)),
        };
        (1..4).for_each(|i| x.main[c.limb[i - 1]] = selector(i));
        for i in 0..4 {
            let old = x.main[c.memory.old.value[i]];
            x.main[c.memory.new[i]] = if pair.contains(&i) { F::from_u16(0x5555) } else { old };
        }
    })
}

#[test]
fn no_lie_is_accepted() {
    kit().run();
}

#[test]
fn loads_and_stores_as_riscv_has_them() {
    let mut operands = Operands(2);
    let mut rows = Vec::new();
    for op in OPS {
        for offset in (0..8).step_by(size(op) as usize) {
            for (dword, register) in EDGES.into_iter().zip(EDGES.into_iter().rev()) {
                rows.push(("edge", row(&MemSubChip, event(op, 0x7fff_fff8 + offset, dword, register))));
            }
            for _ in 0..20 {
                let (dword, register) = (operands.bits(), operands.bits());
                rows.push(("random", row(&MemSubChip, event(op, 0xffff_fff8 + offset, dword, register))));
            }
        }
    }
    assert_eq!(family_test(&MemSubChip, rows).honest(), [""; 0]);
}

#[test]
fn misaligned_and_far_addresses_have_no_row() {
    for op in OPS {
        let misaligned = (0..8).filter(|offset| offset % size(op) != 0);
        for base in misaligned.chain([1 << 32, 1 << 48, u64::MAX - 7]) {
            let rows = vec![("bad address", row(&MemSubChip, event(op, base, 5, 6)))];
            assert_ne!(family_test(&MemSubChip, rows).honest(), [""; 0], "{op:?} at {base:#x}");
        }
    }
}

#[test]
fn shape_is_pinned() {
    expect_file!["../../snapshots/memsub.txt"].assert_eq(&shape(&MemSubChip));
    columns_complete::<Row<u8>>();
}
