//! Rows as text, for messages.

use core::fmt::{Display, Formatter, Result};

use crate::{
    Family, Op, RomRow,
    map::{RESERVATION, SINK, VIRTUAL_PC},
};

const NAMES: [&str; 32] = [
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5", "a6",
    "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
];

/// A register index.
struct Register(u16);

impl Display for Register {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match (NAMES.get(usize::from(self.0)), self.0 as u8) {
            (Some(name), _) => f.write_str(name),
            (None, SINK) => f.write_str("zero"),
            (None, RESERVATION) => f.write_str("reservation"),
            (None, index) => write!(f, "temporary{}", index - RESERVATION),
        }
    }
}

/// A pc cell as a byte address, or as the number of a micro-row.
struct Target(u32);

impl Display for Target {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.0.checked_sub(VIRTUAL_PC) {
            None => write!(f, "{:#x}", u64::from(self.0) * 2),
            Some(micro) => write!(f, "micro-row {micro}"),
        }
    }
}

/// Assembly text, e.g. `addi a0, sp, -16`; jumps carry their absolute target.
impl Display for RomRow {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let (rd, rs1, rs2) = (Register(self.rd.into()), Register(self.rs1.into()), Register(self.rs2));
        let name = self.op.name();
        match self.op.family() {
            Family::Ecall => f.write_str(name),
            Family::Li if self.is_jal() => write!(f, "jal {rd}, {}", Target(self.npc)),
            Family::Li => write!(f, "li {rd}, {:#x}", self.constant()),
            Family::CmpBr if self.op.is_branch() => write!(f, "{name} {rs1}, {rs2}, {}", Target(self.i0)),
            Family::Jalr => write!(f, "{name} {rd}, {}({rs1})", self.immediate()),
            Family::Mem64 | Family::MemSub if self.op.is_store() => {
                write!(f, "{name} {rs2}, {}({rs1})", self.immediate())
            }
            Family::Mem64 | Family::MemSub => write!(f, "{name} {rd}, {}({rs1})", self.immediate()),
            _ if self.op.reads_rs2() => write!(f, "{name} {rd}, {rs1}, {rs2}"),
            Family::Shift => write!(f, "{name} {rd}, {rs1}, {}", self.i0),
            _ => write!(f, "{name} {rd}, {rs1}, {}", self.immediate()),
        }
    }
}

impl RomRow {
    /// Whether a constant's row came from `jal`: it goes elsewhere than to the following instruction.
    pub fn is_jal(&self) -> bool {
        let falls_through = [self.pc + 1, self.pc + 2].contains(&self.npc);
        self.op == Op::Li && self.pc < VIRTUAL_PC && !falls_through
    }
}

impl Op {
    /// The mnemonic.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Addw => "addw",
            Self::Subw => "subw",
            Self::Addi => "addi",
            Self::Addiw => "addiw",
            Self::Li => "li",
            Self::And => "and",
            Self::Or => "or",
            Self::Xor => "xor",
            Self::Andi => "andi",
            Self::Ori => "ori",
            Self::Xori => "xori",
            Self::Sll => "sll",
            Self::Srl => "srl",
            Self::Sra => "sra",
            Self::Sllw => "sllw",
            Self::Srlw => "srlw",
            Self::Sraw => "sraw",
            Self::Slli => "slli",
            Self::Srli => "srli",
            Self::Srai => "srai",
            Self::Slliw => "slliw",
            Self::Srliw => "srliw",
            Self::Sraiw => "sraiw",
            Self::Slt => "slt",
            Self::Sltu => "sltu",
            Self::Slti => "slti",
            Self::Sltiu => "sltiu",
            Self::Beq => "beq",
            Self::Bne => "bne",
            Self::Blt => "blt",
            Self::Bge => "bge",
            Self::Bltu => "bltu",
            Self::Bgeu => "bgeu",
            Self::Jalr => "jalr",
            Self::Ld => "ld",
            Self::Sd => "sd",
            Self::Lb => "lb",
            Self::Lbu => "lbu",
            Self::Lh => "lh",
            Self::Lhu => "lhu",
            Self::Lw => "lw",
            Self::Lwu => "lwu",
            Self::Sb => "sb",
            Self::Sh => "sh",
            Self::Sw => "sw",
            Self::Mul => "mul",
            Self::Mulh => "mulh",
            Self::Mulhu => "mulhu",
            Self::Mulhsu => "mulhsu",
            Self::Mulw => "mulw",
            Self::Div => "div",
            Self::Divu => "divu",
            Self::Rem => "rem",
            Self::Remu => "remu",
            Self::Divw => "divw",
            Self::Divuw => "divuw",
            Self::Remw => "remw",
            Self::Remuw => "remuw",
            Self::Ecall => "ecall",
        }
    }
}
