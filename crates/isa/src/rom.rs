//! One decoded instruction as the machine and its circuits see it.

/// The instruction families: one chip proves each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Family {
    /// add sub addw subw
    Add,
    /// addi addiw
    Addi,
    /// lui auipc jal, and `addi rd, x0, imm`: a constant
    Li,
    /// and or xor and their immediates
    Logic,
    /// sll srl sra, W and immediates
    Shift,
    /// slt sltu slti sltiu and all branches
    CmpBr,
    /// jalr
    Jalr,
    /// ld sd
    Mem64,
    /// lb lbu lh lhu lw lwu sb sh sw
    MemSub,
    /// mul mulh mulhu mulhsu mulw
    Mul,
    /// div divu rem remu and W
    DivRem,
    /// ecall
    Ecall,
}

impl Family {
    /// All families, in the order of their discriminants.
    pub const ALL: [Self; 12] = [
        Self::Add,
        Self::Addi,
        Self::Li,
        Self::Logic,
        Self::Shift,
        Self::CmpBr,
        Self::Jalr,
        Self::Mem64,
        Self::MemSub,
        Self::Mul,
        Self::DivRem,
        Self::Ecall,
    ];

    /// The chip's name, which is also the instruction class in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Addi => "ADDI",
            Self::Li => "LI",
            Self::Logic => "LOGIC",
            Self::Shift => "SHIFT",
            Self::CmpBr => "CMPBR",
            Self::Jalr => "JALR",
            Self::Mem64 => "MEM64",
            Self::MemSub => "MEMSUB",
            Self::Mul => "MUL",
            Self::DivRem => "DIVREM",
            Self::Ecall => "ECALL",
        }
    }
}

/// Operation codes as they stand in the ROM; 0 is padding and never executed.
///
/// How each family uses the free cells of its [`RomRow`] (limbs are 16 bits; "sign limb" is 0 or 0xffff, the value
/// of every limb above the given one of a sign-extended immediate):
///
/// | family | rd | rs1 | rs2 | i0 | i1 | npc |
/// |---|---|---|---|---|---|---|
/// | Add | rd | rs1 | rs2 | 0 | 0 | next |
/// | Addi | rd | rs1 | 0 | imm limb 0 | sign limb | next |
/// | Li | rd | 0 | limbs 2 and 3 (0 or 0xffff) | limb 0 | limb 1 | next (jal: target) |
/// | Logic | rd | rs1 | rs2, or 0 | imm limb 0, or 0 | sign limb, or 0 | next |
/// | Shift | rd | rs1 | rs2, or 0 | shift amount, or 0 | 0 | next |
/// | CmpBr slt | rd | rs1 | rs2, or 0 | imm limb 0, or 0 | sign limb, or 0 | next |
/// | CmpBr branch | 0 | rs1 | rs2 | target pc cell | 0 | next when not taken |
/// | Jalr | rd | rs1 | link limb 0 | imm limb 0 | sign limb | link limb 1 |
/// | Mem64, MemSub load | rd | rs1 | 0 | imm limb 0 | sign limb | next |
/// | Mem64, MemSub store | 0 | rs1 | rs2 | imm limb 0 | sign limb | next |
/// | Mul, DivRem | rd | rs1 | rs2 | 0 | 0 | next |
/// | Ecall | 0 | 0 | 0 | 0 | 0 | next |
///
/// `rd = x0` is decoded to [`crate::map::SINK`]. Jalr's link value is the *byte* address of the following
/// instruction, two limbs. Register-register forms read rs2; immediate forms do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs, reason = "RISC-V mnemonics")]
pub enum Op {
    Add = 1,
    Sub,
    Addw,
    Subw,
    Addi,
    Addiw,
    Li,
    And,
    Or,
    Xor,
    Andi,
    Ori,
    Xori,
    Sll,
    Srl,
    Sra,
    Sllw,
    Srlw,
    Sraw,
    Slli,
    Srli,
    Srai,
    Slliw,
    Srliw,
    Sraiw,
    Slt,
    Sltu,
    Slti,
    Sltiu,
    Beq,
    Bne,
    Blt,
    Bge,
    Bltu,
    Bgeu,
    Jalr,
    Ld,
    Sd,
    Lb,
    Lbu,
    Lh,
    Lhu,
    Lw,
    Lwu,
    Sb,
    Sh,
    Sw,
    Mul,
    Mulh,
    Mulhu,
    Mulhsu,
    Mulw,
    Div,
    Divu,
    Rem,
    Remu,
    Divw,
    Divuw,
    Remw,
    Remuw,
    Ecall,
}

impl Op {
    /// The family, and so the chip, that executes this operation.
    pub const fn family(self) -> Family {
        match self {
            Self::Add | Self::Sub | Self::Addw | Self::Subw => Family::Add,
            Self::Addi | Self::Addiw => Family::Addi,
            Self::Li => Family::Li,
            Self::And | Self::Or | Self::Xor | Self::Andi | Self::Ori | Self::Xori => Family::Logic,
            Self::Sll
            | Self::Srl
            | Self::Sra
            | Self::Sllw
            | Self::Srlw
            | Self::Sraw
            | Self::Slli
            | Self::Srli
            | Self::Srai
            | Self::Slliw
            | Self::Srliw
            | Self::Sraiw => Family::Shift,
            Self::Slt
            | Self::Sltu
            | Self::Slti
            | Self::Sltiu
            | Self::Beq
            | Self::Bne
            | Self::Blt
            | Self::Bge
            | Self::Bltu
            | Self::Bgeu => Family::CmpBr,
            Self::Jalr => Family::Jalr,
            Self::Ld | Self::Sd => Family::Mem64,
            Self::Lb
            | Self::Lbu
            | Self::Lh
            | Self::Lhu
            | Self::Lw
            | Self::Lwu
            | Self::Sb
            | Self::Sh
            | Self::Sw => Family::MemSub,
            Self::Mul | Self::Mulh | Self::Mulhu | Self::Mulhsu | Self::Mulw => Family::Mul,
            Self::Div
            | Self::Divu
            | Self::Rem
            | Self::Remu
            | Self::Divw
            | Self::Divuw
            | Self::Remw
            | Self::Remuw => Family::DivRem,
            Self::Ecall => Family::Ecall,
        }
    }
}

/// One row of the decoded ROM: exactly the cells of the PROGRAM table. See [`Op`] for what each family keeps where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RomRow {
    /// pc cell: byte address / 2, or a virtual pc (see [`crate::map`]).
    pub pc: u32,
    /// Operation.
    pub op: Op,
    /// Destination register index below 64 (0 where the operation writes none).
    pub rd: u8,
    /// First source register index below 64.
    pub rs1: u8,
    /// Second source register index, or the family's 16-bit constant.
    pub rs2: u16,
    /// First constant: a 16-bit limb, or a branch's target pc cell.
    pub i0: u32,
    /// Second constant: a 16-bit limb.
    pub i1: u16,
    /// pc cell of the next row (Jalr: link limb 1).
    pub npc: u32,
}

impl RomRow {
    /// A row without operands.
    pub(crate) const fn new(pc: u32, op: Op, npc: u32) -> Self {
        Self { pc, op, rd: 0, rs1: 0, rs2: 0, i0: 0, i1: 0, npc }
    }

    pub(crate) const fn to(self, rd: u8) -> Self {
        Self { rd, ..self }
    }

    pub(crate) const fn from(self, rs1: u8) -> Self {
        Self { rs1, ..self }
    }

    pub(crate) const fn and(self, rs2: u8) -> Self {
        Self { rs2: rs2 as u16, ..self }
    }

    /// A sign-extended 12-bit immediate.
    pub(crate) const fn with_immediate(self, imm: i32) -> Self {
        Self { i0: imm as u16 as u32, i1: (imm >> 16) as u16, ..self }
    }

    /// The constant of [`Op::Li`]; its limbs 2 and 3 are equal and 0 or 0xffff.
    pub(crate) const fn with_constant(self, value: u64) -> Self {
        Self { i0: value as u16 as u32, i1: (value >> 16) as u16, rs2: (value >> 32) as u16, ..self }
    }

    /// The value [`Op::Li`] writes.
    pub const fn constant(&self) -> u64 {
        let upper = self.rs2 as u64;
        upper << 48 | upper << 32 | (self.i1 as u64) << 16 | self.i0 as u64
    }

    /// The sign-extended immediate of the families that have one (Addi, Logic, CmpBr slt, Jalr, Mem64, MemSub).
    pub const fn immediate(&self) -> i64 {
        ((self.i1 as u32) << 16 | self.i0) as i32 as i64
    }

    /// The return address [`Op::Jalr`] writes.
    pub const fn link(&self) -> u64 {
        (self.npc as u64) << 16 | self.rs2 as u64
    }
}

impl Op {
    /// Whether this is a conditional branch.
    pub const fn is_branch(self) -> bool {
        matches!(self, Self::Beq | Self::Bne | Self::Blt | Self::Bge | Self::Bltu | Self::Bgeu)
    }

    /// Whether this is a store.
    pub const fn is_store(self) -> bool {
        matches!(self, Self::Sd | Self::Sb | Self::Sh | Self::Sw)
    }

    /// Whether `rs2` names a register this operation reads.
    pub const fn reads_rs2(self) -> bool {
        match self.family() {
            Family::Add | Family::Mul | Family::DivRem => true,
            Family::Logic => matches!(self, Self::And | Self::Or | Self::Xor),
            Family::Shift => {
                matches!(self, Self::Sll | Self::Srl | Self::Sra | Self::Sllw | Self::Srlw | Self::Sraw)
            }
            Family::CmpBr => self.is_branch() || matches!(self, Self::Slt | Self::Sltu),
            Family::Mem64 | Family::MemSub => self.is_store(),
            Family::Addi | Family::Li | Family::Jalr | Family::Ecall => false,
        }
    }
}
