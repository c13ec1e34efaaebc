//! Instruction formats, the other way: fields in, 32-bit words out. Register numbers are below 32; of immediates only
//! the bits that the format holds count, so negative ones are cast.

/// Opcode of loads.
pub const LOAD: u32 = 0x03;
/// Opcode of `fence`.
pub const MISC_MEM: u32 = 0x0f;
/// Opcode of 64-bit immediate instructions.
pub const OP_IMM: u32 = 0x13;
/// Opcode of `auipc`.
pub const AUIPC: u32 = 0x17;
/// Opcode of 32-bit immediate instructions.
pub const OP_IMM_32: u32 = 0x1b;
/// Opcode of stores.
pub const STORE: u32 = 0x23;
/// Opcode of the A extension.
pub const AMO: u32 = 0x2f;
/// Opcode of 64-bit register instructions.
pub const OP: u32 = 0x33;
/// Opcode of `lui`.
pub const LUI: u32 = 0x37;
/// Opcode of 32-bit register instructions.
pub const OP_32: u32 = 0x3b;
/// Opcode of branches.
pub const BRANCH: u32 = 0x63;
/// Opcode of `jalr`.
pub const JALR: u32 = 0x67;
/// Opcode of `jal`.
pub const JAL: u32 = 0x6f;
/// The word `ecall`.
pub const ECALL: u32 = 0x0000_0073;
/// The word `ebreak`.
pub const EBREAK: u32 = 0x0010_0073;

/// Register-register form.
pub const fn r_type(opcode: u32, funct7: u32, funct3: u32, rd: u32, rs1: u32, rs2: u32) -> u32 {
    funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode
}

/// Immediate form, also loads and `jalr`.
pub const fn i_type(opcode: u32, funct3: u32, rd: u32, rs1: u32, imm: u32) -> u32 {
    imm << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode
}

/// Store of rs2 to rs1 + imm.
pub const fn s_type(funct3: u32, rs1: u32, rs2: u32, imm: u32) -> u32 {
    bits(imm, 5, 7) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | bits(imm, 0, 5) << 7 | STORE
}

/// Branch by `imm` bytes.
pub const fn b_type(funct3: u32, rs1: u32, rs2: u32, imm: u32) -> u32 {
    bits(imm, 12, 1) << 31
        | bits(imm, 5, 6) << 25
        | rs2 << 20
        | rs1 << 15
        | funct3 << 12
        | bits(imm, 1, 4) << 8
        | bits(imm, 11, 1) << 7
        | BRANCH
}

/// `lui`, `auipc`: the upper 20 bits of `imm`.
pub const fn u_type(opcode: u32, rd: u32, imm: u32) -> u32 {
    imm & 0xffff_f000 | rd << 7 | opcode
}

/// `jal` by `imm` bytes.
pub const fn j_type(rd: u32, imm: u32) -> u32 {
    bits(imm, 20, 1) << 31
        | bits(imm, 1, 10) << 21
        | bits(imm, 11, 1) << 20
        | bits(imm, 12, 8) << 12
        | rd << 7
        | JAL
}

const fn bits(word: u32, from: u32, count: u32) -> u32 {
    (word >> from) & ((1 << count) - 1)
}
