//! MEM64 proves `ld` and `sd`: a dword moves between memory and a register.
//!
//! The two operations share one row because both leave the moved value v in *both* places: `ld` writes the dword it read
//! back and puts it into rd, `sd` writes rs2 back and puts it into memory. So there is one memory access and one register
//! access, and only where v comes from differs.
//!
//! | columns | number | vouched for by |
//! |---|---|---|
//! | pc, ts | 2 | STATE |
//! | active, ld | 2 | constraints; which of them is set: PROG through op |
//! | rd, rs1, rs2, i0, i1, npc | 6 | PROG; the ROM has rs2 = 0 in a load and rd = 0 in a store |
//! | rs1 access | 6 | MEM |
//! | register access (rd or rs2) | 6 | MEM |
//! | memory access | 6 | MEM |
//! | value | 4 | constraints: a copy of range-checked limbs |
//! | address carries | 2 | see `address` |
//!
//! sd = active − ld. Constraints (degree):
//! - active ∈ {0, 1}, ld ∈ {0, active} (2)
//! - ld·(value_i − memory_i) = 0, sd·(value_i − register_i) = 0 (2)
//! - the address gadget with offset 0: address = 8·key (2)
//!
//! Interactions: PROG, STATE, the accesses rs1 (ts + 1), register 2^30 + rd + rs2 (ts + 4·ld + 2·sd) and memory (ts + 3),
//! the address's range check.
//!
//! # Soundness
//! - ld and sd are boolean and exclusive, and op = 37·ld + 38·sd is the ROM's, so they are the instruction's.
//! - The register access reads or writes 2^30 + rd + rs2, of which the ROM sets one; a load leaves the old value of rd
//!   unconstrained because it is overwritten, a store's value *is* the old one, so rs2 keeps it.
//! - A load's value is the dword's, so memory keeps it. `value` needs no range check: it equals limbs that are in range.
//! - Key and alignment: see `address`.

use vellum_executor::Event;
use vellum_isa::{Family, Op, RomRow};
use vellum_stark::{Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::{Cpu, FamilyChip, Read, Write, access::slot, address::Address, family::op_code, limbs};

const LOADED: [&str; 4] = ["ld value 0", "ld value 1", "ld value 2", "ld value 3"];
const STORED: [&str; 4] = ["sd value 0", "sd value 1", "sd value 2", "sd value 3"];

/// The columns.
#[derive(Clone, Default)]
struct Row<T> {
    /// pc and time.
    cpu: Cpu<T>,
    /// Whether the row is an instruction.
    active: T,
    /// Whether it is `ld`, and not `sd`.
    ld: T,
    /// Destination register of a load, 0 in a store.
    rd: T,
    /// Base register.
    rs1: T,
    /// Source register of a store, 0 in a load.
    rs2: T,
    /// Limb 0 of the immediate.
    i0: T,
    /// Limbs 1 to 3 of the immediate.
    i1: T,
    /// pc cell of the next instruction.
    npc: T,
    /// Access of the base register.
    base: Read<T>,
    /// Access of rd or rs2; the value is the one before.
    register: Read<T>,
    /// Access of the dword; the value is the one before.
    memory: Read<T>,
    /// The value moved: register and dword hold it afterwards.
    value: [T; 4],
    /// Carries of the address.
    address: Address<T>,
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.cpu.visit(f);
        f(&mut self.active);
        f(&mut self.ld);
        f(&mut self.rd);
        f(&mut self.rs1);
        f(&mut self.rs2);
        f(&mut self.i0);
        f(&mut self.i1);
        f(&mut self.npc);
        self.base.visit(f);
        self.register.visit(f);
        self.memory.visit(f);
        self.value.visit(f);
        self.address.visit(f);
    }
}

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mem64Chip;

impl Chip for Mem64Chip {
    fn name(&self) -> &'static str {
        Family::Mem64.name()
    }

    fn widths(&self) -> Widths {
        Widths { main: Row::<F>::width(), ..Widths::default() }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let row = Row::<B::Expr>::read(b.main());
        let [r, ld] = [row.active.clone(), row.ld.clone()];
        let sd = r.clone() - ld.clone();
        let op = op_code(&[ld.clone(), sd.clone()], [Op::Ld, Op::Sd]);

        // active ∈ {0, 1}, ld ∈ {0, active}
        b.assert_bool("active boolean", r.clone());
        b.assert_zero("ld boolean", ld.clone() * sd.clone());

        for i in 0..4 {
            // ld·(value_i − memory_i) = 0
            b.assert_zero(LOADED[i], ld.clone() * (row.value[i].clone() - row.memory.value[i].clone()));
            // sd·(value_i − register_i) = 0
            b.assert_zero(STORED[i], sd.clone() * (row.value[i].clone() - row.register.value[i].clone()));
        }

        let register = row.rd.clone() + row.rs2.clone();
        // A load writes rd in slot 4, a store reads rs2 in slot 2.
        let register_time = row.cpu.ts.clone() + ld * F::from_u32(slot::RD) + sd * F::from_u32(slot::RS2);
        row.base.register(b, &r, row.rs1.clone(), row.cpu.time(slot::RS1));
        let key = row.address.eval(b, &r, &row.base.value, [&row.i0, &row.i1], B::Expr::ZERO);
        Write { old: row.register, new: row.value.clone() }.register(b, &r, register, register_time);
        Write { old: row.memory, new: row.value }.eval(b, &r, key, row.cpu.time(slot::MEMORY));
        row.cpu.eval(b, &r, [op, row.rd, row.rs1, row.rs2, row.i0, row.i1, row.npc.clone()], row.npc);
    }
}

impl FamilyChip for Mem64Chip {
    fn family(&self) -> Family {
        Family::Mem64
    }

    fn write_row(&self, rom: &RomRow, event: &Event, row: &mut [F]) {
        let load = rom.op == Op::Ld;
        let (register, register_slot, value) = match load {
            true => (event.rd, slot::RD, event.rd_new),
            false => (event.rs2, slot::RS2, event.mem_new),
        };
        Row {
            cpu: Cpu::new(rom, event),
            active: F::ONE,
            ld: F::from_bool(load),
            rd: F::from_u8(rom.rd),
            rs1: F::from_u8(rom.rs1),
            rs2: F::from_u16(rom.rs2),
            i0: F::from_u32(rom.i0),
            i1: F::from_u16(rom.i1),
            npc: F::from_u32(rom.npc),
            base: Read::new(event.rs1, event.ts, slot::RS1),
            register: Read::new(register, event.ts, register_slot),
            memory: Read::new(event.mem, event.ts, slot::MEMORY),
            value: limbs(value),
            address: Address::new(rom, event.rs1.old),
        }
        .write(row);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;
    use vellum_stark::{
        PrimeField32,
        check::{Cells, interactions},
        testing::{ChipTest, columns_complete, indices, lie, shape},
    };

    use super::*;
    use crate::{
        MEM, address,
        testing::{EDGES, Operands, TS, access, family_test, row},
    };

    /// `op` at base + imm on a dword and a register that hold `dword` and `register` before.
    fn event(op: Op, base: u64, imm: i32, dword: u64, register: u64) -> (RomRow, Event) {
        let imm = imm as u32;
        let load = op == Op::Ld;
        let (rd, rs2) = if load { (12, 0) } else { (0, 12) };
        let i1 = (imm >> 16) as u16;
        let rom = RomRow { pc: 0x800, op, rd, rs1: 10, rs2, i0: imm & 0xffff, i1, npc: 0x802 };
        let unused = Default::default();
        let event = Event {
            ts: TS,
            next_pc: rom.npc,
            rs1: access(base, 15),
            rs2: if load { unused } else { access(register, 30) },
            rd: if load { access(register, 30) } else { unused },
            rd_new: if load { dword } else { 0 },
            mem: access(dword, 70_001),
            mem_new: if load { dword } else { register },
            ..Event::default()
        };
        (rom, event)
    }

    fn honest(op: Op, base: u64, imm: i32) -> Cells {
        row(&Mem64Chip, event(op, base, imm, 0x8877_6655_4433_2211, 0x0102_0304_0506_0708))
    }

    /// The key that a row reads or writes.
    fn key(cells: &Cells) -> u32 {
        let mut mem = interactions(&Mem64Chip, cells.as_row(), &[]).into_iter().filter(|i| i.bus == MEM);
        mem.next_back().expect("memory comes last").tuple[0].as_canonical_u32()
    }

    fn kit() -> ChipTest<'static, Mem64Chip> {
        let c = indices::<Row<usize>>();
        let ld = honest(Op::Ld, 0x1_0010, -8);
        let sd = honest(Op::Sd, 0x1_0010, 0x7f8);
        let high = honest(Op::Ld, 0xffff_fff0, 8);
        let limb = F::from_u32(1 << 16);
        // Not honest: there is no honest row with the code of lb.
        let mut lb = row(&Mem64Chip, event(Op::Ld, 0x1_0010, 0, 77, 77));
        lb.main[c.ld] = F::NEG_ONE;
        lb.main[c.register.dlo] -= F::from_u8(4);
        lb.main[c.value[0]] += F::ONE;
        let lies = vec![
            // value:  v0          v1      …        memory holds v0, v1
            //         v0 + 2^16   v1 − 1           the same number, other limbs
            lie("ld: limbs traded", &ld, |x| {
                x.main[c.value[0]] += limb;
                x.main[c.value[1]] -= F::ONE;
            }),
            lie("ld: another value than the dword's", &ld, |x| x.main[c.value[0]] += F::ONE),
            lie("sd: another value than the register's", &sd, |x| x.main[c.value[3]] += F::ONE),
            // ld sd | op     the code of lb: register and dword hold the same value, the register is accessed at ts
            // −1  2 | 39
            lie("flags -1 and 2 with the code of lb", &lb, |x| x.main[c.value[0]] -= F::ONE),
            lie("ld from the future", &ld, |x| {
                x.main[c.memory.prev_ts] = F::from_u32(TS + 3);
                x.main[c.memory.dlo] = F::NEG_ONE;
            }),
        ]
        .into_iter()
        .chain(address::tests::lies(|base| honest(Op::Ld, base, 0), c.base.value, c.address.carry))
        .collect();
        let rows = vec![("ld", ld), ("sd", sd), ("ld, high address", high)];
        ChipTest { lies, ..family_test(&Mem64Chip, rows) }
    }

    #[test]
    fn no_lie_is_accepted() {
        kit().run();
    }

    #[test]
    fn loads_and_stores_as_riscv_has_them() {
        let mut operands = Operands(1);
        let mut rows = Vec::new();
        for op in [Op::Ld, Op::Sd] {
            for imm in [0, 8, 2040, -8, -2048, 3, -5] {
                for address in [0_u32, 8, 0xfff8, 0x1_0000, 0x7fff_fff8, 0xffff_fff8] {
                    let base = u64::from(address).wrapping_sub(imm as u64);
                    let cells = row(&Mem64Chip, event(op, base, imm, operands.next(), operands.next()));
                    assert_eq!(key(&cells), address / 8);
                    rows.push(("aligned", cells));
                }
            }
            for &value in &EDGES {
                rows.push(("value", row(&Mem64Chip, event(op, 64, 0, value, !value))));
            }
        }
        assert_eq!(family_test(&Mem64Chip, rows).honest(), [""; 0]);
    }

    #[test]
    fn misaligned_and_far_addresses_have_no_row() {
        for op in [Op::Ld, Op::Sd] {
            let bases = (1..8).chain([1 << 32, u64::MAX - 7, 1 << 33, 1 << 48, (1 << 63) + 8]);
            for base in bases {
                let rows = vec![("bad address", honest(op, base, 0))];
                assert_ne!(family_test(&Mem64Chip, rows).honest(), [""; 0], "{op:?} at {base:#x}");
            }
        }
    }

    #[test]
    fn shape_is_pinned() {
        expect_file!["../snapshots/mem64.txt"].assert_eq(&shape(&Mem64Chip));
        columns_complete::<Row<u8>>();
    }
}
