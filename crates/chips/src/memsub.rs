//! MEMSUB proves the loads and stores of part of a dword: `lb lbu lh lhu lw lwu sb sh sw`.
//!
//! As in MEM64 there is one register access and one memory access, and a load and a store of the same width differ only
//! in what is fixed beforehand: in both, the *moved part* (the low byte, limb or two limbs of `new`) stands in the
//! register and at the selected place of the dword afterwards. A load also says that the dword did not change, which
//! makes the moved part the dword's; a store also says that the register did not change, which makes it the register's.
//!
//! | columns | number | vouched for by |
//! |---|---|---|
//! | pc, ts | 2 | STATE |
//! | active, load, half, word, unsigned | 5 | constraints; which are set: PROG through op |
//! | op, rd, rs1, rs2, i0, i1, npc | 7 | PROG; the ROM has rs2 = 0 in a load and rd = 0 in a store |
//! | rs1 access | 6 | MEM |
//! | register access (rd or rs2), new limbs | 10 | MEM; constraints |
//! | memory access, new limbs | 10 | MEM; constraints |
//! | address carries | 2 | see `address` |
//! | limb 1, limb 2, limb 3, odd | 4 | constraints, the address gadget |
//! | byte, replaced, kept | 3 | BYTE (pairs), constraints |
//! | top, sign | 2 | RANGE16, constraints |
//!
//! r = active, store = r − load, b = r − half − word (a byte), s_0 = r − s_1 − s_2 − s_3 (selected limb). Constraints
//! (degree):
//! - active, half, word, b, s_0 … s_3, odd, sign ∈ {0, 1}; load ∈ {0, active}, unsigned ∈ {0, load} (2)
//! - op = load·(39 + unsigned + 2·half + 4·word) + store·(45 + half + 2·word) (2)
//! - alignment: odd·(half + word) = 0, word·(s_1 + s_3) = 0 (2); the address gadget with
//!   offset = 2·(s_1 + 2·s_2 + 3·s_3) + odd
//! - load·(memory'_i − memory_i) = 0, store·(register'_i − register_i) = 0 (2)
//! - unselected limbs copied: (r − s_i − word·s_(i−1))·(memory'_i − memory_i) = 0 (3)
//! - moved part: (half + word)·s_i·(memory'_i − register'_0) = 0, word·s_(i−1)·(memory'_i − register'_1) = 0 (3)
//! - a byte: b·(Σ s_i·memory_i − replaced·(1 + 255·odd) − kept·(256 − 255·odd)) = 0 (3), (byte, register'_0 >> 8) and
//!   (replaced, kept) pairs of bytes
//! - b·(Σ s_i·(memory'_i − memory_i) − (byte − replaced)·(1 + 255·odd)) = 0 (3)
//! - the top: top = b·256·byte + half·register'_0 + word·register'_1 (2); for a signed load 2·top − 2^16·sign in 16 bits,
//!   unsigned·sign = 0 (2)
//! - extension: load·b·(register'_0 − byte − 0xff00·sign) = 0 (3), load·(1 − word)·(register'_1 − 0xffff·sign) = 0 (3),
//!   load·(register'_i − 0xffff·sign) = 0 for i = 2, 3 (2)
//!
//! # Soundness
//! - Flags: load and store, half and word are exclusive, `unsigned` is at most `load`; the nine settings that leaves have
//!   nine different ops, so the ROM's op pins them all.
//! - Place: exactly one s_i is set where r = 1, `odd` is boolean, so offset < 8, and the address gadget pins it.
//! - Byte: `replaced` and `kept` are the bytes of the selected limb (a limb has one decomposition into two bytes), `byte` is
//!   the low byte of register'_0, whose other byte, register'_0 >> 8, is checked in the same lookup. The changed limb
//!   puts `byte` where `replaced` was. In a load nothing changes, so byte = replaced.
//! - Sign: `top` holds the moved part's sign in bit 15 and is below 2^16, so 2·top − 2^16·sign is in 16 bits exactly if
//!   `sign` is that bit. `unsigned` is at most `load`, so the multiplicity load − unsigned is boolean.
//! - New limbs are in range: those of the register are copies of limbs, or byte + 0xff00·sign, or 0xffff·sign; those of
//!   memory are copies of limbs or two bytes.

use vellum_executor::Event;
use vellum_isa::{Family, Op, RomRow};
use vellum_stark::{Algebra, Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::{
    Cpu, FamilyChip, Read, Write,
    access::{check_sign, inverse_2_8, slot},
    address::{Address, address},
    tables::send_bytes,
};

const SELECTED: [&str; 4] = ["limb 0 boolean", "limb 1 boolean", "limb 2 boolean", "limb 3 boolean"];
const LOAD_KEEPS: [&str; 4] =
    ["load keeps dword 0", "load keeps dword 1", "load keeps dword 2", "load keeps dword 3"];
const STORE_KEEPS: [&str; 4] =
    ["store keeps register 0", "store keeps register 1", "store keeps register 2", "store keeps register 3"];
const COPIED: [&str; 4] =
    ["other limb 0 copied", "other limb 1 copied", "other limb 2 copied", "other limb 3 copied"];
const MOVED: [&str; 4] = ["limb 0 moved", "limb 1 moved", "limb 2 moved", "limb 3 moved"];

/// The columns.
#[derive(Clone, Default)]
struct Row<T> {
    /// pc and time.
    cpu: Cpu<T>,
    /// Whether the row is an instruction.
    active: T,
    /// Whether it is a load, and not a store.
    load: T,
    /// Whether two bytes move.
    half: T,
    /// Whether four bytes move.
    word: T,
    /// Whether the load extends with zeros.
    unsigned: T,
    /// The operation code.
    op: T,
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
    /// Access of rd or rs2.
    register: Write<T>,
    /// Access of the dword.
    memory: Write<T>,
    /// Carries of the address.
    address: Address<T>,
    /// Whether limb 1, 2 or 3 holds the (first) bytes moved; none set: limb 0.
    limb: [T; 3],
    /// Whether the byte moved is a limb's high one.
    odd: T,
    /// The byte moved, where one byte moves.
    byte: T,
    /// The selected byte of the dword before, where one byte moves.
    replaced: T,
    /// The other byte of the same limb.
    kept: T,
    /// 16 bits with the moved part's sign as the highest one.
    top: T,
    /// Whether the load fills up with ones.
    sign: T,
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.cpu.visit(f);
        f(&mut self.active);
        f(&mut self.load);
        f(&mut self.half);
        f(&mut self.word);
        f(&mut self.unsigned);
        f(&mut self.op);
        f(&mut self.rd);
        f(&mut self.rs1);
        f(&mut self.rs2);
        f(&mut self.i0);
        f(&mut self.i1);
        f(&mut self.npc);
        self.base.visit(f);
        self.register.visit(f);
        self.memory.visit(f);
        self.address.visit(f);
        self.limb.visit(f);
        f(&mut self.odd);
        f(&mut self.byte);
        f(&mut self.replaced);
        f(&mut self.kept);
        f(&mut self.top);
        f(&mut self.sign);
    }
}

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemSubChip;

impl Chip for MemSubChip {
    fn name(&self) -> &'static str {
        Family::MemSub.name()
    }

    fn widths(&self) -> Widths {
        Widths { main: Row::<F>::width(), ..Widths::default() }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let row = Row::<B::Expr>::read(b.main());
        let r = row.active.clone();
        let byte = r.clone() - row.half.clone() - row.word.clone();
        let [s1, s2, s3] = row.limb.clone();
        let select = [r.clone() - s1.clone() - s2.clone() - s3.clone(), s1.clone(), s2.clone(), s3.clone()];

        row.flags(b, &r, &byte, &select);
        row.moves(b, &r, &select);
        row.byte_moves(b, &byte, &select);
        row.extension(b, &byte);

        let register = row.rd.clone() + row.rs2.clone();
        // A load writes rd in slot 4, a store reads rs2 in slot 2.
        let register_time = row.cpu.ts.clone()
            + row.load.clone() * F::from_u32(slot::RD)
            + row.store() * F::from_u32(slot::RS2);
        let offset = s1 * F::TWO + s2 * F::from_u8(4) + s3 * F::from_u8(6) + row.odd.clone();
        row.base.register(b, &r, row.rs1.clone(), row.cpu.time(slot::RS1));
        let key = row.address.eval(b, &r, &row.base.value, [&row.i0, &row.i1], offset);
        row.register.register(b, &r, register, register_time);
        row.memory.eval(b, &r, key, row.cpu.time(slot::MEMORY));
        row.cpu.eval(b, &r, [row.op, row.rd, row.rs1, row.rs2, row.i0, row.i1, row.npc.clone()], row.npc);
    }
}

impl<E: Algebra<F>> Row<E> {
    /// Whether the instruction is a store.
    fn store(&self) -> E {
        self.active.clone() - self.load.clone()
    }

    /// Flags are boolean and exclusive, fit the operation, and the place is aligned.
    fn flags<B: Builder<Expr = E>>(&self, b: &mut B, r: &E, byte: &E, select: &[E; 4]) {
        let Self { load, half, word, unsigned, .. } = self;
        let store = self.store();
        // active ∈ {0, 1}, load ∈ {0, active}
        b.assert_bool("active boolean", r.clone());
        b.assert_zero("load boolean", load.clone() * store.clone());
        // half, word, r − half − word ∈ {0, 1}
        b.assert_bool("half boolean", half.clone());
        b.assert_bool("word boolean", word.clone());
        b.assert_bool("byte boolean", byte.clone());
        // unsigned ∈ {0, load}
        b.assert_zero("unsigned boolean", unsigned.clone() * (unsigned.clone() - load.clone()));
        // op = load·(39 + unsigned + 2·half + 4·word) + store·(45 + half + 2·word)
        let load_op = unsigned.clone() + half.double() + word.double().double() + E::from_u8(Op::Lb as u8);
        let store_op = half.clone() + word.double() + E::from_u8(Op::Sb as u8);
        b.assert_eq("op", self.op.clone(), load.clone() * load_op + store * store_op);
        // s_i ∈ {0, 1}, and s_0 is what the others leave of r
        for (name, s) in SELECTED.into_iter().zip(select) {
            b.assert_bool(name, s.clone());
        }
        b.assert_bool("odd boolean", self.odd.clone());
        // (half + word)·odd = 0, word·(s_1 + s_3) = 0
        b.assert_zero("half aligned", (half.clone() + word.clone()) * self.odd.clone());
        b.assert_zero("word aligned", word.clone() * (select[1].clone() + select[3].clone()));
    }

    /// What stays and what moves, by limbs.
    fn moves<B: Builder<Expr = E>>(&self, b: &mut B, r: &E, select: &[E; 4]) {
        let [new, dword] = [&self.register.new, &self.memory.new];
        for i in 0..4 {
            let change = dword[i].clone() - self.memory.old.value[i].clone();
            // The second limb of a word.
            let second = if i % 2 == 1 { self.word.clone() * select[i - 1].clone() } else { E::ZERO };
            // load·(memory'_i − memory_i) = 0
            b.assert_zero(LOAD_KEEPS[i], self.load.clone() * change.clone());
            // store·(register'_i − register_i) = 0
            let register_change = new[i].clone() - self.register.old.value[i].clone();
            b.assert_zero(STORE_KEEPS[i], self.store() * register_change);
            // (r − s_i − word·s_(i−1))·(memory'_i − memory_i) = 0
            b.assert_zero(COPIED[i], (r.clone() - select[i].clone() - second.clone()) * change);
            // (half + word)·s_i·(memory'_i − register'_0) + word·s_(i−1)·(memory'_i − register'_1) = 0: never both
            let first = (self.half.clone() + self.word.clone()) * select[i].clone();
            b.assert_zero(
                MOVED[i],
                first * (dword[i].clone() - new[0].clone()) + second * (dword[i].clone() - new[1].clone()),
            );
        }
    }

    /// What moves inside a limb, where one byte moves.
    fn byte_moves<B: Builder<Expr = E>>(&self, b: &mut B, byte: &E, select: &[E; 4]) {
        let [mut limb, mut change] = [E::ZERO, E::ZERO];
        for (i, s) in select.iter().enumerate() {
            let old = self.memory.old.value[i].clone();
            limb += s.clone() * old.clone();
            change += s.clone() * (self.memory.new[i].clone() - old);
        }
        // Weights of the selected byte and of the other one: 1 and 256, exchanged if odd.
        let shift = self.odd.clone() * F::from_u8(255);
        let [selected, other] = [shift.clone() + E::ONE, E::from_u16(256) - shift];
        // b·(Σ s_i·memory_i − replaced·(1 + 255·odd) − kept·(256 − 255·odd)) = 0
        let bytes = self.replaced.clone() * selected.clone() + self.kept.clone() * other;
        b.assert_zero("bytes of the limb", byte.clone() * (limb - bytes));
        // b·(Σ s_i·(memory'_i − memory_i) − (byte − replaced)·(1 + 255·odd)) = 0
        let moved = (self.byte.clone() - self.replaced.clone()) * selected;
        b.assert_zero("byte moved", byte.clone() * (change - moved));
        // byte and (register'_0 − byte)/2^8, replaced and kept: bytes
        let rest = (self.register.new[0].clone() - self.byte.clone()) * inverse_2_8();
        let pairs = [[self.byte.clone(), rest], [self.replaced.clone(), self.kept.clone()]];
        for [low, high] in pairs {
            send_bytes(b, byte.clone(), low, high);
        }
    }

    /// A load fills the register up.
    fn extension<B: Builder<Expr = E>>(&self, b: &mut B, byte: &E) {
        let Self { load, half, word, unsigned, top, sign, .. } = self;
        let new = &self.register.new;
        // top = b·256·byte + half·register'_0 + word·register'_1
        let moved = byte.clone() * self.byte.clone() * F::from_u16(256)
            + half.clone() * new[0].clone()
            + word.clone() * new[1].clone();
        b.assert_eq("top", top.clone(), moved);
        // sign ∈ {0, 1}, unsigned·sign = 0, 2·top − 2^16·sign in 16 bits
        b.assert_bool("sign boolean", sign.clone());
        b.assert_zero("zero extension", unsigned.clone() * sign.clone());
        check_sign(b, &(load.clone() - unsigned.clone()), top, sign);
        // load·b·(register'_0 − byte − 0xff00·sign) = 0
        let extended = self.byte.clone() + sign.clone() * F::from_u16(0xff00);
        b.assert_zero("extension 0", load.clone() * byte.clone() * (new[0].clone() - extended));
        // load·(1 − word)·(register'_1 − 0xffff·sign) = 0
        let ones = sign.clone() * F::from_u16(0xffff);
        let narrow = load.clone() * (E::ONE - word.clone());
        b.assert_zero("extension 1", narrow * (new[1].clone() - ones.clone()));
        // load·(register'_i − 0xffff·sign) = 0
        b.assert_zero("extension 2", load.clone() * (new[2].clone() - ones.clone()));
        b.assert_zero("extension 3", load.clone() * (new[3].clone() - ones));
    }
}

impl FamilyChip for MemSubChip {
    fn family(&self) -> Family {
        Family::MemSub
    }

    fn write_row(&self, rom: &RomRow, event: &Event, row: &mut [F]) {
        let load = !matches!(rom.op, Op::Sb | Op::Sh | Op::Sw);
        let half = matches!(rom.op, Op::Lh | Op::Lhu | Op::Sh);
        let word = matches!(rom.op, Op::Lw | Op::Lwu | Op::Sw);
        let unsigned = matches!(rom.op, Op::Lbu | Op::Lhu | Op::Lwu);
        let register = match load {
            true => Write::new(event.rd, event.rd_new, event.ts, slot::RD),
            false => Write::new(event.rs2, event.rs2.old, event.ts, slot::RS2),
        };
        let moved = if load { event.rd_new } else { event.rs2.old };
        let address = address(rom, event.rs1.old);
        let place = address as u32 / 2 % 4;
        let odd = address % 2 == 1;
        let limb = (event.mem.old >> (16 * place)) as u16;
        let [low, high] = [limb as u8, (limb >> 8) as u8];
        let (bytes, top) = match (half, word) {
            (false, false) => {
                let [replaced, kept] = if odd { [high, low] } else { [low, high] };
                ([moved as u8, replaced, kept], (moved as u16) << 8)
            }
            (true, _) => ([0; 3], moved as u16),
            (_, true) => ([0; 3], (moved >> 16) as u16),
        };
        Row {
            cpu: Cpu::new(rom, event),
            active: F::ONE,
            load: F::from_bool(load),
            half: F::from_bool(half),
            word: F::from_bool(word),
            unsigned: F::from_bool(unsigned),
            op: F::from_u8(rom.op as u8),
            rd: F::from_u8(rom.rd),
            rs1: F::from_u8(rom.rs1),
            rs2: F::from_u16(rom.rs2),
            i0: F::from_u32(rom.i0),
            i1: F::from_u16(rom.i1),
            npc: F::from_u32(rom.npc),
            base: Read::new(event.rs1, event.ts, slot::RS1),
            register,
            memory: Write::new(event.mem, event.mem_new, event.ts, slot::MEMORY),
            address: Address::new(rom, event.rs1.old),
            limb: [1, 2, 3].map(|i| F::from_bool(i == place)),
            odd: F::from_bool(odd),
            byte: F::from_u8(bytes[0]),
            replaced: F::from_u8(bytes[1]),
            kept: F::from_u8(bytes[2]),
            top: F::from_u16(top),
            sign: F::from_bool(load && !unsigned && top >> 15 == 1),
        }
        .write(row);
    }
}

#[cfg(test)]
mod tests;
