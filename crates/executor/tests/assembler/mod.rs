//! Hand-assembled programs: the words that tests use, and a program around them.
#![allow(dead_code, reason = "every test uses another part")]

use vellum_isa::{
    Program, ecall,
    elf_file::{ElfFile, Load, RW},
    encode::{ECALL, LUI, OP_IMM, OP_IMM_32, i_type, u_type},
};

pub(crate) const TEXT: u64 = 0x1_0000;
pub(crate) const DATA: u64 = 0x2_0000;
/// Bytes of the data segment.
pub(crate) const DATA_BYTES: u64 = 0x100;

pub(crate) const RA: u32 = 1;
pub(crate) const T0: u32 = 5;
pub(crate) const T1: u32 = 6;
pub(crate) const T2: u32 = 7;
pub(crate) const A0: u32 = 10;
pub(crate) const A1: u32 = 11;
pub(crate) const A2: u32 = 12;
pub(crate) const A3: u32 = 13;
pub(crate) const A4: u32 = 14;
pub(crate) const A7: u32 = 17;

/// Words of a text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asm(pub(crate) Vec<u32>);

impl Asm {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn word(mut self, word: u32) -> Self {
        self.0.push(word);
        self
    }

    pub(crate) fn addi(self, rd: u32, rs1: u32, imm: i32) -> Self {
        self.word(i_type(OP_IMM, 0, rd, rs1, imm as u32))
    }

    /// rd = value: twelve bits at a time below the highest 32.
    pub(crate) fn li(self, rd: u32, value: u64) -> Self {
        let low = (value << 52) as i64 >> 52;
        let high = value.wrapping_sub(low as u64);
        if i64::from(value as i32) as u64 == value {
            return self.word(u_type(LUI, rd, high as u32)).word(i_type(OP_IMM_32, 0, rd, rd, low as u32));
        }
        self.li(rd, (high as i64 >> 12) as u64).word(i_type(OP_IMM, 1, rd, rd, 12)).addi(rd, rd, low as i32)
    }

    /// Calls the host with a7 = code.
    pub(crate) fn ecall(self, code: u64) -> Self {
        self.li(A7, code).word(ECALL)
    }

    /// Exits with the status in a0.
    pub(crate) fn exit(self) -> Self {
        self.ecall(ecall::EXIT)
    }

    /// Byte address of the next word.
    pub(crate) fn here(&self) -> u64 {
        TEXT + 4 * self.0.len() as u64
    }

    pub(crate) fn elf(&self) -> ElfFile {
        let data = (0..DATA_BYTES).map(|i| i as u8).collect();
        ElfFile::new(TEXT, vec![Load::text(TEXT, &self.0), Load::new(DATA, RW, data)])
    }

    /// The program: text at [`TEXT`], bytes 0, 1, 2 … at [`DATA`].
    pub(crate) fn program(&self) -> Program {
        Program::from_elf(&self.elf().to_bytes()).expect("the assembled file loads")
    }
}
