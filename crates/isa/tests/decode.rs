//! Decoding against words assembled by an independent assembler, and the cell table of `Op` over random words.

use proptest::prelude::*;
use vellum_isa::{
    Family, Instruction, Op, RomRow, compressed, decode,
    map::{HALT, REGISTERS, RESERVATION, SINK, TEXT_END, VIRTUAL_PC},
};

const PC: u32 = 0x1000_0000 / 2;

fn row(word: u32) -> RomRow {
    match decode(word, PC, 2) {
        Some(Instruction::Row(row)) => row,
        other => panic!("{word:#010x} decodes to {other:?}"),
    }
}

/// Word at 0x10000000, expected text.
const WORDS: &[(u32, &str)] = &[
    (0x003100b3, "add ra, sp, gp"),
    (0x40628233, "sub tp, t0, t1"),
    (0x009403bb, "addw t2, s0, s1"),
    (0x4005853b, "subw a0, a1, zero"),
    (0x80068613, "addi a2, a3, -2048"),
    (0x7ff00093, "li ra, 0x7ff"),
    (0x00000013, "li zero, 0x0"),
    (0x00728013, "addi zero, t0, 7"),
    (0xfff7871b, "addiw a4, a5, -1"),
    (0xfffff837, "li a6, 0xfffffffffffff000"),
    (0x7ffff8b7, "li a7, 0x7ffff000"),
    (0x7ffff917, "li s2, 0x8ffff000"),
    (0x80000917, "li s2, 0xffffffff90000000"),
    (0x003170b3, "and ra, sp, gp"),
    (0x0062e233, "or tp, t0, t1"),
    (0x009443b3, "xor t2, s0, s1"),
    (0xfff5f513, "andi a0, a1, -1"),
    (0x5556e613, "ori a2, a3, 1365"),
    (0xaaa7c713, "xori a4, a5, -1366"),
    (0x003110b3, "sll ra, sp, gp"),
    (0x0062d233, "srl tp, t0, t1"),
    (0x409453b3, "sra t2, s0, s1"),
    (0x00c5953b, "sllw a0, a1, a2"),
    (0x00f756bb, "srlw a3, a4, a5"),
    (0x4128d83b, "sraw a6, a7, s2"),
    (0x03fa1993, "slli s3, s4, 63"),
    (0x020b5a93, "srli s5, s6, 32"),
    (0x401c5b93, "srai s7, s8, 1"),
    (0x01fd1c9b, "slliw s9, s10, 31"),
    (0x000e5d9b, "srliw s11, t3, 0"),
    (0x410f5e9b, "sraiw t4, t5, 16"),
    (0x003120b3, "slt ra, sp, gp"),
    (0x0062b233, "sltu tp, t0, t1"),
    (0xffb42393, "slti t2, s0, -5"),
    (0xffb53493, "sltiu s1, a0, -5"),
    (0x7e208fe3, "beq ra, sp, 0x10000ffe"),
    (0x80419063, "bne gp, tp, 0xffff000"),
    (0x0062c463, "blt t0, t1, 0x10000008"),
    (0xfe83dce3, "bge t2, s0, 0xffffff8"),
    (0x54a4eb63, "bltu s1, a0, 0x10000556"),
    (0xaac5f5e3, "bgeu a1, a2, 0xffffaaa"),
    (0x7ffff0ef, "jal ra, 0x100ffffe"),
    (0x8000006f, "jal zero, 0xff00000"),
    (0x554552ef, "jal t0, 0x10055554"),
    (0xfff100e7, "jalr ra, -1(sp)"),
    (0x00008067, "jalr zero, 0(ra)"),
    (0xff813083, "ld ra, -8(sp)"),
    (0x7e323fa3, "sd gp, 2047(tp)"),
    (0x00030283, "lb t0, 0(t1)"),
    (0x00144383, "lbu t2, 1(s0)"),
    (0x00251483, "lh s1, 2(a0)"),
    (0xffe65583, "lhu a1, -2(a2)"),
    (0x00472683, "lw a3, 4(a4)"),
    (0xffc86783, "lwu a5, -4(a6)"),
    (0xff190fa3, "sb a7, -1(s2)"),
    (0x813a1023, "sh s3, -2048(s4)"),
    (0x015b2fa3, "sw s5, 31(s6)"),
    (0x023100b3, "mul ra, sp, gp"),
    (0x02629233, "mulh tp, t0, t1"),
    (0x029423b3, "mulhsu t2, s0, s1"),
    (0x02c5b533, "mulhu a0, a1, a2"),
    (0x02f706bb, "mulw a3, a4, a5"),
    (0x0328c833, "div a6, a7, s2"),
    (0x035a59b3, "divu s3, s4, s5"),
    (0x038beb33, "rem s6, s7, s8"),
    (0x03bd7cb3, "remu s9, s10, s11"),
    (0x03eece3b, "divw t3, t4, t5"),
    (0x0220dfbb, "divuw t6, ra, sp"),
    (0x025261bb, "remw gp, tp, t0"),
    (0x0283f33b, "remuw t1, t2, s0"),
    (0x00000073, "ecall"),
    (0x0ff0000f, "li zero, 0x0"),
    (0x8330000f, "li zero, 0x0"),
    (0x0100000f, "li zero, 0x0"),
];

/// 16-bit word at 0x10000000, text of its expansion.
const HALVES: &[(u16, &str)] = &[
    (0x1fe0, "addi s0, sp, 1020"),
    (0x005c, "addi a5, sp, 4"),
    (0x5d64, "lw s1, 124(a0)"),
    (0x4124, "lw s1, 64(a0)"),
    (0x7e6c, "ld a1, 248(a2)"),
    (0x660c, "ld a1, 8(a2)"),
    (0xc354, "sw a3, 4(a4)"),
    (0xe07c, "sd a5, 192(s0)"),
    (0x0001, "li zero, 0x0"),
    (0x1281, "addi t0, t0, -32"),
    (0x237d, "addiw t1, t1, 31"),
    (0x53fd, "li t2, 0xffffffffffffffff"),
    (0x7101, "addi sp, sp, -512"),
    (0x617d, "addi sp, sp, 496"),
    (0x6141, "addi sp, sp, 16"),
    (0x7081, "li ra, 0xfffffffffffe0000"),
    (0x60fd, "li ra, 0x1f000"),
    (0x907d, "srli s0, s0, 63"),
    (0x8485, "srai s1, s1, 1"),
    (0x9901, "andi a0, a0, -32"),
    (0x8d91, "sub a1, a1, a2"),
    (0x8eb9, "xor a3, a3, a4"),
    (0x8fc1, "or a5, a5, s0"),
    (0x8ce9, "and s1, s1, a0"),
    (0x9d91, "subw a1, a1, a2"),
    (0x9eb9, "addw a3, a3, a4"),
    (0xaffd, "jal zero, 0x100007fe"),
    (0xb001, "jal zero, 0xffff800"),
    (0xab99, "jal zero, 0x10000556"),
    (0xcc7d, "beq s0, zero, 0x100000fe"),
    (0xf381, "bne a5, zero, 0xfffff00"),
    (0xc4cd, "beq s1, zero, 0x100000aa"),
    (0x1ffe, "slli t6, t6, 63"),
    (0x0086, "slli ra, ra, 1"),
    (0x50fe, "lw ra, 252(sp)"),
    (0x4092, "lw ra, 4(sp)"),
    (0x717e, "ld sp, 504(sp)"),
    (0x6122, "ld sp, 8(sp)"),
    (0x8082, "jalr zero, 0(ra)"),
    (0x829a, "addi t0, t1, 0"),
    (0x9382, "jalr ra, 0(t2)"),
    (0x9426, "add s0, s0, s1"),
    (0xdfaa, "sw a0, 252(sp)"),
    (0xc0aa, "sw a0, 64(sp)"),
    (0xffae, "sd a1, 504(sp)"),
    (0xe0ae, "sd a1, 64(sp)"),
];

#[test]
fn words_decode_as_assembled() {
    for (word, text) in WORDS {
        assert_eq!(row(*word).to_string(), *text, "{word:#010x}");
        assert_eq!(row(*word).pc, PC);
    }
}

#[test]
fn compressed_words_expand_as_assembled() {
    for (half, text) in HALVES {
        let word = compressed::expand(*half).unwrap_or_else(|| panic!("{half:#06x} has no expansion"));
        assert_eq!(row(word).to_string(), *text, "{half:#06x}");
    }
}

#[test]
fn cells_of_one_instruction_of_each_form() {
    let expect = |word, op, rd, rs1, rs2, i0, i1, npc| {
        assert_eq!(row(word), RomRow { pc: PC, op, rd, rs1, rs2, i0, i1, npc });
    };
    let next = PC + 2;
    expect(0x003100b3, Op::Add, 1, 2, 3, 0, 0, next);
    expect(0x002000b3, Op::Addi, 1, 2, 0, 0, 0, next);
    expect(0x000100b3, Op::Addi, 1, 2, 0, 0, 0, next);
    expect(0x000000b3, Op::Li, 1, 0, 0, 0, 0, next);
    expect(0x80068613, Op::Addi, 12, 13, 0, 0xf800, 0xffff, next);
    expect(0x00000013, Op::Li, SINK, 0, 0, 0, 0, next);
    expect(0xfffff837, Op::Li, 16, 0, 0xffff, 0xf000, 0xffff, next);
    expect(0x03fa1993, Op::Slli, 19, 20, 0, 63, 0, next);
    expect(0xffb42393, Op::Slti, 7, 8, 0, 0xfffb, 0xffff, next);
    expect(0x0062c463, Op::Blt, 0, 5, 6, PC + 4, 0, next);
    expect(0x7ffff0ef, Op::Li, 1, 0, 0, 4, 0x1000, (0x1000_0000 + 0xf_fffe) / 2);
    expect(0xfff100e7, Op::Jalr, 1, 2, 4, 0xffff, 0xffff, 0x1000);
    expect(0x7e323fa3, Op::Sd, 0, 4, 3, 0x7ff, 0, next);
    expect(0x00000073, Op::Ecall, 0, 0, 0, 0, 0, next);
    assert_eq!(row(0xfffff837).constant(), 0xffff_ffff_ffff_f000);
    assert_eq!(row(0xfff100e7).link(), 0x1000_0004);
    assert_eq!(row(0x80068613).immediate(), -2048);
}

#[test]
fn a_16_bit_jump_links_to_the_next_halfword() {
    let word = compressed::expand(0x9382).expect("c.jalr x7");
    let Some(Instruction::Row(row)) = decode(word, PC, 1) else { panic!() };
    assert_eq!(row.link(), 0x1000_0002);
}

#[test]
fn what_has_no_row() {
    for (word, what) in [
        (0x0000_0000, "zero filler"),
        (0xffff_ffff, "all ones"),
        (0x0010_0073, "ebreak"),
        (0x3020_0073, "mret"),
        (0x1050_0073, "wfi"),
        (0xc000_2573, "rdcycle"),
        (0x3400_1073, "csrrw"),
        (0x0000_100f, "fence.i"),
        (0x0000_2007, "flw"),
        (0x0200_7053, "fadd.s"),
        (0x0000_7003, "load of funct3 7"),
        (0x0000_4023, "store of funct3 4"),
        (0x0000_2063, "branch of funct3 2"),
        (0x0000_1067, "jalr of funct3 1"),
        (0x0400_1013, "slli with bit 26"),
        (0x0200_101b, "slliw with bit 25"),
        (0x4000_1033, "sll with funct7 0x20"),
        (0x0200_1033 | 1 << 26, "mulh with funct7 3"),
        (0x0200_103b, "mulhw"),
        (0x1010_202f, "lr.w with rs2"),
        (0x1000_102f, "lr of halfwords"),
        (0x2800_202f, "amocas.w"),
    ] {
        assert_eq!(decode(word, PC, 2), None, "{what}");
    }
    for (half, what) in [
        (0x0000, "zero filler"),
        (0x0004, "c.addi4spn by 0"),
        (0x2000, "c.fld"),
        (0x8000, "reserved quadrant 0"),
        (0xa000, "c.fsd"),
        (0x2001, "c.addiw to x0"),
        (0x6101, "c.addi16sp by 0"),
        (0x6081, "c.lui by 0"),
        (0x9c41, "reserved arithmetic"),
        (0x9c61, "reserved arithmetic"),
        (0x2002, "c.fldsp"),
        (0x4002, "c.lwsp to x0"),
        (0x6002, "c.ldsp to x0"),
        (0x8002, "c.jr x0"),
        (0xa002, "c.fsdsp"),
        (0x0003, "not a 16-bit instruction"),
    ] {
        assert_eq!(compressed::expand(half), None, "{what}");
    }
    assert_eq!(compressed::expand(0x9002).and_then(|word| decode(word, PC, 1)), None, "c.ebreak");
}

#[test]
fn direct_targets_stay_below_the_text_limit() {
    let last = (TEXT_END / 2) as u32 - 2;
    assert!(decode(0x0000_006f, last - 2, 2).is_some(), "j . at the end");
    assert_eq!(decode(0x0080_006f, last - 2, 2), None, "jump beyond 2^30");
    assert_eq!(decode(0x0000_0463, last - 2, 2), None, "branch beyond 2^30");
    assert_eq!(decode(0xffdf_f06f, 0, 2), None, "jump below 0");
    assert_eq!(decode(0x0000_0013, last, 2), None, "falls through to the first virtual pc");
}

/// The rows of a word, first virtual pc 7 above the lowest.
fn rows(word: u32, pc: u32) -> Vec<RomRow> {
    match decode(word, pc, 2) {
        None => Vec::new(),
        Some(Instruction::Row(row)) => vec![row],
        Some(Instruction::Atomic(atomic)) => atomic.expand(VIRTUAL_PC + 7),
    }
}

/// What the table at [`Op`] says of every cell.
fn check_cells(row: &RomRow) {
    let sign = [0, 0xffff].contains(&row.i1);
    let register = |index: u16| index < REGISTERS as u16 && index != u16::from(SINK);
    assert!(row.i0 < 1 << 16 || row.op.is_branch());
    assert!(usize::from(row.rd) < REGISTERS && register(row.rs1.into()));
    match row.op.family() {
        Family::Add | Family::Mul | Family::DivRem => {
            assert!(register(row.rs2) && row.i0 == 0 && row.i1 == 0)
        }
        Family::Addi => assert!(row.rs2 == 0 && sign),
        Family::Li => assert!(row.rs1 == 0 && [0, 0xffff].contains(&row.rs2)),
        Family::Shift if !row.op.reads_rs2() => assert!(row.rs2 == 0 && row.i0 < 64 && row.i1 == 0),
        Family::CmpBr if row.op.is_branch() => assert!(register(row.rs2) && row.rd == 0 && row.i0 < HALT),
        Family::Logic | Family::Shift | Family::CmpBr if row.op.reads_rs2() => {
            assert!(register(row.rs2) && row.i0 == 0 && row.i1 == 0);
        }
        Family::Logic | Family::Shift | Family::CmpBr => assert!(row.rs2 == 0 && sign),
        Family::Jalr => assert!(sign && row.link() < TEXT_END),
        Family::Mem64 | Family::MemSub if row.op.is_store() => {
            assert!(register(row.rs2) && row.rd == 0 && sign)
        }
        Family::Mem64 | Family::MemSub => assert!(row.rs2 == 0 && sign),
        Family::Ecall => assert_eq!((row.rd, row.rs1, row.rs2, row.i0, row.i1), (0, 0, 0, 0, 0)),
    }
    // soundness.md case 18: x0 is never written, the sink never read.
    let writes = !row.op.is_branch() && !row.op.is_store() && row.op != Op::Ecall;
    assert_eq!(writes, row.rd != 0);
    assert!(row.op.family() == Family::Jalr || row.npc < HALT);
    assert!(!row.to_string().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn rows_of_random_words_obey_the_cell_table(word: u32, pc in 0..TEXT_END as u32 / 2) {
        rows(word, pc).iter().for_each(check_cells);
    }

    /// Random words rarely decode; these do by opcode.
    #[test]
    fn rows_of_likely_words_obey_the_cell_table(word: u32, opcode in 0_usize..14, pc in 0..TEXT_END as u32 / 2) {
        let opcode = [3, 15, 19, 23, 27, 35, 47, 51, 55, 59, 99, 103, 111, 115][opcode];
        rows(word & !0x7f | opcode, pc).iter().for_each(check_cells);
        rows(word & 0x01ff_ff80 | opcode, pc).iter().for_each(check_cells);
        rows(word & 0x03ff_ff80 | opcode, pc).iter().for_each(check_cells);
    }
}

#[test]
fn all_16_bit_words_expand_to_words_that_decode() {
    for half in 0..=u16::MAX {
        if let Some(word) = compressed::expand(half) {
            assert_eq!(word & 3, 3);
            let rows = rows(word, PC);
            assert!(rows.len() == 1 || half == 0x9002, "{half:#06x}");
            rows.iter().for_each(check_cells);
        }
    }
}

#[test]
fn micro_rows_chain_from_the_instruction_to_the_next() {
    for funct5 in [0x02, 0x03, 0x01, 0x00, 0x04, 0x0c, 0x08, 0x10, 0x14, 0x18, 0x1c] {
        for funct3 in [2, 3] {
            let rs2 = if funct5 == 2 { 0 } else { 3 };
            let word = funct5 << 27 | 3 << 25 | rs2 << 20 | 2 << 15 | funct3 << 12 | 1 << 7 | 0x2f;
            let rows = rows(word, PC);
            assert_eq!(rows[0].pc, PC);
            for (i, row) in rows.iter().enumerate().skip(1) {
                assert_eq!(row.pc, VIRTUAL_PC + 6 + i as u32);
            }
            for (row, next) in rows.iter().zip(&rows[1..]) {
                assert!(row.npc == next.pc || (row.npc == PC + 2 && row.rd == 1));
                assert!(row.rd != 1 || row.npc == PC + 2, "rd is written last");
                assert!(!row.op.is_branch() || rows.iter().any(|target| target.pc == row.i0));
            }
            assert_eq!(rows.last().map(|row| (row.npc, row.rd)), Some((PC + 2, 1)));
            let reserves = rows.iter().any(|row| row.rd == RESERVATION);
            assert_eq!(reserves, funct5 == 2 || funct5 == 3);
        }
    }
}
