//! The A extension on a single hart: each operation becomes a few ordinary rows, the first at its own pc, the others at
//! virtual pcs, with temporary registers between them. The aq and rl bits order nothing here and are ignored.
//!
//! Every sequence reads its source registers before it writes rd, in its last row, so any aliasing of rd, rs1 and rs2 is
//! fine. The reservation is the address only: a store between lr and sc does not break it, sc always does.

use alloc::vec::Vec;

use crate::{
    Op, RomRow,
    map::{RESERVATION, TEMPORARY},
};

/// The value in memory.
const LOADED: u8 = TEMPORARY;
/// The value to store; address + 1 in `sc`.
const RESULT: u8 = TEMPORARY + 1;

/// Which operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "RISC-V mnemonics")]
pub enum AtomicOp {
    Lr,
    Sc,
    Swap,
    Add,
    Xor,
    And,
    Or,
    Min,
    Max,
    Minu,
    Maxu,
}

/// A decoded atomic operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Atomic {
    /// Operation.
    pub op: AtomicOp,
    /// Doubleword (`.d`) rather than word (`.w`).
    pub double: bool,
    /// Destination register, the sink for x0.
    pub rd: u8,
    /// Address register.
    pub rs1: u8,
    /// Operand register.
    pub rs2: u8,
    /// pc cell of the instruction.
    pub pc: u32,
    /// pc cell of the next instruction.
    pub npc: u32,
}

impl Atomic {
    /// The rows, the first at `pc`, the others at `virtual_pc` and upwards. Each goes on to the row after it, and the
    /// last (in `sc` also the last of the successful branch) to `npc`.
    pub fn expand(self, virtual_pc: u32) -> Vec<RomRow> {
        let mut rows = Rows { pc: self.pc, virtual_pc, rows: Vec::with_capacity(7) };
        match self.op {
            AtomicOp::Lr => self.load_reserved(&mut rows),
            AtomicOp::Sc => self.store_conditional(&mut rows),
            _ => self.read_modify_write(&mut rows),
        }
        if let Some(last) = rows.rows.last_mut() {
            last.npc = self.npc;
        }
        rows.rows
    }

    fn load_reserved(self, rows: &mut Rows) {
        rows.push(|row| row(self.load()).to(LOADED).from(self.rs1));
        rows.push(|row| row(Op::Addi).to(RESERVATION).from(self.rs1).with_immediate(1));
        rows.push(|row| row(Op::Addi).to(self.rd).from(LOADED));
    }

    fn store_conditional(self, rows: &mut Rows) {
        let fail = rows.virtual_pc + 4;
        rows.push(|row| row(Op::Addi).to(RESULT).from(self.rs1).with_immediate(1));
        rows.push(|row| RomRow { i0: fail, ..row(Op::Bne).from(RESULT).and(RESERVATION) });
        rows.push(|row| row(self.store()).from(self.rs1).and(self.rs2));
        rows.push(|row| row(Op::Li).to(RESERVATION));
        rows.push(|row| RomRow { npc: self.npc, ..row(Op::Li).to(self.rd) });
        rows.push(|row| row(Op::Li).to(RESERVATION));
        rows.push(|row| row(Op::Li).to(self.rd).with_constant(1));
    }

    fn read_modify_write(self, rows: &mut Rows) {
        rows.push(|row| row(self.load()).to(LOADED).from(self.rs1));
        let value = self.combine(rows);
        rows.push(|row| row(self.store()).from(self.rs1).and(value));
        rows.push(|row| row(Op::Addi).to(self.rd).from(LOADED));
    }

    /// Rows that compute the value to store; returns its register.
    fn combine(self, rows: &mut Rows) -> u8 {
        let (op, swapped) = match self.op {
            AtomicOp::Add => return self.binary(rows, Op::Add),
            AtomicOp::Xor => return self.binary(rows, Op::Xor),
            AtomicOp::And => return self.binary(rows, Op::And),
            AtomicOp::Or => return self.binary(rows, Op::Or),
            AtomicOp::Min => (Op::Blt, false),
            AtomicOp::Max => (Op::Blt, true),
            AtomicOp::Minu => (Op::Bltu, false),
            AtomicOp::Maxu => (Op::Bltu, true),
            AtomicOp::Swap | AtomicOp::Lr | AtomicOp::Sc => return self.rs2,
        };
        // Words compare sign-extended, as they are loaded: that keeps the unsigned order of words, too.
        let copy = if self.double { Op::Addi } else { Op::Addiw };
        rows.push(|row| row(copy).to(RESULT).from(self.rs2));
        let (less, more) = if swapped { (LOADED, RESULT) } else { (RESULT, LOADED) };
        let keep = rows.virtual_pc + 1;
        rows.push(|row| RomRow { i0: keep, ..row(op).from(less).and(more) });
        rows.push(|row| row(Op::Addi).to(RESULT).from(LOADED));
        RESULT
    }

    fn binary(self, rows: &mut Rows, op: Op) -> u8 {
        rows.push(|row| row(op).to(RESULT).from(LOADED).and(self.rs2));
        RESULT
    }

    fn load(self) -> Op {
        if self.double { Op::Ld } else { Op::Lw }
    }

    fn store(self) -> Op {
        if self.double { Op::Sd } else { Op::Sw }
    }
}

/// Rows in order, each going on to the next one's virtual pc.
struct Rows {
    /// pc of the next row.
    pc: u32,
    /// pc of the row after it.
    virtual_pc: u32,
    rows: Vec<RomRow>,
}

impl Rows {
    fn push(&mut self, build: impl FnOnce(&dyn Fn(Op) -> RomRow) -> RomRow) {
        let (pc, npc) = (self.pc, self.virtual_pc);
        self.rows.push(build(&|op| RomRow::new(pc, op, npc)));
        (self.pc, self.virtual_pc) = (npc, npc + 1);
    }
}
