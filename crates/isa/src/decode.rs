//! One 32-bit word and its place in, one ROM row (or an atomic operation, which becomes several) out.
//!
//! RV64IM, A, `ecall` and `fence` (a no-op here: one hart, no devices). All else has no row: CSR access, `ebreak`,
//! `fence.i`, privileged and unknown words, and direct jumps whose target is not below [`TEXT_END`].
//! Source: RISC-V unprivileged manual, chapters RV32I, RV64I, M, A and "RV32/64G instruction set listings".

use crate::{
    Atomic, AtomicOp, Op, RomRow,
    map::{SINK, TEXT_END},
};

/// What a word stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// One row.
    Row(RomRow),
    /// Several rows: see [`Atomic::expand`].
    Atomic(Atomic),
}

/// Decodes `word`, which stands at pc cell `pc` and takes `cells` halfwords (1 for an expanded 16-bit instruction).
/// `None`: the word has no ROM row.
pub fn decode(word: u32, pc: u32, cells: u32) -> Option<Instruction> {
    let npc = pc.checked_add(cells)?;
    // The last instruction below TEXT_END would fall through to the first virtual pc.
    if u64::from(npc) >= TEXT_END / 2 {
        return None;
    }
    let fields = Fields { word, pc, npc };
    let row = match word & 0x7f {
        0x03 => fields.load(),
        0x0f => fields.fence(),
        0x13 => fields.op_imm(),
        0x17 => Some(fields.constant(fields.address().wrapping_add(fields.u_imm()))),
        0x1b => fields.op_imm_32(),
        0x23 => fields.store(),
        0x2f => return fields.atomic().map(Instruction::Atomic),
        0x33 => fields.op(),
        0x37 => Some(fields.constant(fields.u_imm())),
        0x3b => fields.op_32(),
        0x63 => fields.branch(),
        0x67 => fields.jalr(),
        0x6f => fields.jal(),
        0x73 if word == 0x73 => Some(RomRow::new(pc, Op::Ecall, npc)),
        _ => None,
    };
    row.map(Instruction::Row)
}

/// A word and its place; the word's fields by the manual's names.
#[derive(Clone, Copy)]
struct Fields {
    word: u32,
    pc: u32,
    npc: u32,
}

impl Fields {
    fn bits(self, from: u32, count: u32) -> u32 {
        (self.word >> from) & ((1 << count) - 1)
    }

    fn funct3(self) -> u32 {
        self.bits(12, 3)
    }

    fn funct7(self) -> u32 {
        self.bits(25, 7)
    }

    /// The destination, x0 replaced by the sink.
    fn rd(self) -> u8 {
        match self.bits(7, 5) as u8 {
            0 => SINK,
            rd => rd,
        }
    }

    fn rs1(self) -> u8 {
        self.bits(15, 5) as u8
    }

    fn rs2(self) -> u8 {
        self.bits(20, 5) as u8
    }

    fn i_imm(self) -> i32 {
        self.word as i32 >> 20
    }

    fn s_imm(self) -> i32 {
        (self.word as i32 >> 25 << 5) | self.bits(7, 5) as i32
    }

    fn u_imm(self) -> u64 {
        i64::from((self.word & !0xfff) as i32) as u64
    }

    fn address(self) -> u64 {
        u64::from(self.pc) * 2
    }

    /// pc cell `offset` bytes away, if it is below [`TEXT_END`].
    fn target(self, offset: i32) -> Option<u32> {
        let target = self.address().checked_add_signed(i64::from(offset))?;
        (target < TEXT_END).then_some((target / 2) as u32)
    }

    fn row(self, op: Op) -> RomRow {
        RomRow::new(self.pc, op, self.npc)
    }

    /// rd = value.
    fn constant(self, value: u64) -> RomRow {
        self.row(Op::Li).to(self.rd()).with_constant(value)
    }

    /// rd = rs1 op rs2.
    fn registers(self, op: Op) -> Option<RomRow> {
        Some(self.row(op).to(self.rd()).from(self.rs1()).and(self.rs2()))
    }

    /// rd = rs1 op imm.
    fn immediate(self, op: Op) -> Option<RomRow> {
        Some(self.row(op).to(self.rd()).from(self.rs1()).with_immediate(self.i_imm()))
    }

    /// rd = rs1 shifted by a constant of `width` bits; the bits above it select the operation.
    fn shift(self, width: u32, ops: &[(u32, Op)]) -> Option<RomRow> {
        let selector = self.word >> (20 + width);
        let (_, op) = ops.iter().find(|(s, _)| *s == selector)?;
        let row = self.row(*op).to(self.rd()).from(self.rs1());
        Some(RomRow { i0: self.bits(20, width), ..row })
    }

    fn load(self) -> Option<RomRow> {
        self.immediate(match self.funct3() {
            0 => Op::Lb,
            1 => Op::Lh,
            2 => Op::Lw,
            3 => Op::Ld,
            4 => Op::Lbu,
            5 => Op::Lhu,
            6 => Op::Lwu,
            _ => return None,
        })
    }

    fn store(self) -> Option<RomRow> {
        let op = match self.funct3() {
            0 => Op::Sb,
            1 => Op::Sh,
            2 => Op::Sw,
            3 => Op::Sd,
            _ => return None,
        };
        Some(self.row(op).from(self.rs1()).and(self.rs2()).with_immediate(self.s_imm()))
    }

    /// Every fence, `pause` included, is a constant to the sink; the manual has us ignore the other fields.
    fn fence(self) -> Option<RomRow> {
        (self.funct3() == 0).then(|| self.row(Op::Li).to(SINK))
    }

    fn op_imm(self) -> Option<RomRow> {
        match self.funct3() {
            0 if self.rs1() == 0 => Some(self.constant(i64::from(self.i_imm()) as u64)),
            0 => self.immediate(Op::Addi),
            1 => self.shift(6, &[(0, Op::Slli)]),
            2 => self.immediate(Op::Slti),
            3 => self.immediate(Op::Sltiu),
            4 => self.immediate(Op::Xori),
            5 => self.shift(6, &[(0, Op::Srli), (0x10, Op::Srai)]),
            6 => self.immediate(Op::Ori),
            _ => self.immediate(Op::Andi),
        }
    }

    fn op_imm_32(self) -> Option<RomRow> {
        match self.funct3() {
            0 => self.immediate(Op::Addiw),
            1 => self.shift(5, &[(0, Op::Slliw)]),
            5 => self.shift(5, &[(0, Op::Srliw), (0x20, Op::Sraiw)]),
            _ => None,
        }
    }

    fn op(self) -> Option<RomRow> {
        if (self.funct7(), self.funct3()) == (0, 0) {
            return Some(self.add());
        }
        self.registers(match (self.funct7(), self.funct3()) {
            (0x20, 0) => Op::Sub,
            (0x00, 1) => Op::Sll,
            (0x00, 2) => Op::Slt,
            (0x00, 3) => Op::Sltu,
            (0x00, 4) => Op::Xor,
            (0x00, 5) => Op::Srl,
            (0x20, 5) => Op::Sra,
            (0x00, 6) => Op::Or,
            (0x00, 7) => Op::And,
            (0x01, 0) => Op::Mul,
            (0x01, 1) => Op::Mulh,
            (0x01, 2) => Op::Mulhsu,
            (0x01, 3) => Op::Mulhu,
            (0x01, 4) => Op::Div,
            (0x01, 5) => Op::Divu,
            (0x01, 6) => Op::Rem,
            (0x01, 7) => Op::Remu,
            _ => return None,
        })
    }

    /// With x0 among the operands, as in c.mv, it is `addi` or a constant: fewer registers to prove.
    fn add(self) -> RomRow {
        let row = self.row(Op::Addi).to(self.rd());
        match (self.rs1(), self.rs2()) {
            (0, 0) => self.constant(0),
            (rs, 0) | (0, rs) => row.from(rs),
            (rs1, rs2) => RomRow { op: Op::Add, ..row.from(rs1).and(rs2) },
        }
    }

    fn op_32(self) -> Option<RomRow> {
        self.registers(match (self.funct7(), self.funct3()) {
            (0x00, 0) => Op::Addw,
            (0x20, 0) => Op::Subw,
            (0x00, 1) => Op::Sllw,
            (0x00, 5) => Op::Srlw,
            (0x20, 5) => Op::Sraw,
            (0x01, 0) => Op::Mulw,
            (0x01, 4) => Op::Divw,
            (0x01, 5) => Op::Divuw,
            (0x01, 6) => Op::Remw,
            (0x01, 7) => Op::Remuw,
            _ => return None,
        })
    }

    fn branch(self) -> Option<RomRow> {
        let op = match self.funct3() {
            0 => Op::Beq,
            1 => Op::Bne,
            4 => Op::Blt,
            5 => Op::Bge,
            6 => Op::Bltu,
            7 => Op::Bgeu,
            _ => return None,
        };
        let high = self.word as i32 >> 31 << 12;
        let offset = high | (self.bits(7, 1) << 11 | self.bits(25, 6) << 5 | self.bits(8, 4) << 1) as i32;
        let row = self.row(op).from(self.rs1()).and(self.rs2());
        Some(RomRow { i0: self.target(offset)?, ..row })
    }

    fn jal(self) -> Option<RomRow> {
        let high = self.word as i32 >> 31 << 20;
        let offset = high | (self.bits(12, 8) << 12 | self.bits(20, 1) << 11 | self.bits(21, 10) << 1) as i32;
        Some(RomRow { npc: self.target(offset)?, ..self.constant(u64::from(self.npc) * 2) })
    }

    fn jalr(self) -> Option<RomRow> {
        if self.funct3() != 0 {
            return None;
        }
        let link = self.npc * 2;
        let row = self.row(Op::Jalr).to(self.rd()).from(self.rs1()).with_immediate(self.i_imm());
        Some(RomRow { rs2: link as u16, npc: link >> 16, ..row })
    }

    fn atomic(self) -> Option<Atomic> {
        let op = match self.funct7() >> 2 {
            0x02 if self.rs2() == 0 => AtomicOp::Lr,
            0x03 => AtomicOp::Sc,
            0x01 => AtomicOp::Swap,
            0x00 => AtomicOp::Add,
            0x04 => AtomicOp::Xor,
            0x0c => AtomicOp::And,
            0x08 => AtomicOp::Or,
            0x10 => AtomicOp::Min,
            0x14 => AtomicOp::Max,
            0x18 => AtomicOp::Minu,
            0x1c => AtomicOp::Maxu,
            _ => return None,
        };
        let double = match self.funct3() {
            2 => false,
            3 => true,
            _ => return None,
        };
        let (rd, rs1, rs2) = (self.rd(), self.rs1(), self.rs2());
        Some(Atomic { op, double, rd, rs1, rs2, pc: self.pc, npc: self.npc })
    }
}
