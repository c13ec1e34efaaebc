//! Fast mode: results, environment calls, limits and every fault with its place.

mod assembler;

use assembler::{A0, A1, A2, A3, A4, Asm, DATA, DATA_BYTES, RA, T0, T1, T2, TEXT};
use vellum_executor::{Execution, ExecutionError, Fault, Limits, OUTPUT_BYTES_MAX, Place, Silent, execute};
use vellum_isa::{
    Family, Program, ecall,
    encode::{AMO, EBREAK, LOAD, OP, b_type, i_type, j_type, r_type, s_type},
    map::{ADDRESS_END, INPUT_BASE, STACK_TOP},
};

fn run(program: &Program) -> Execution<'_> {
    execute(program, &[], Limits::default(), &mut Silent).expect("the program exits")
}

fn status(asm: Asm) -> u64 {
    run(&asm.exit().program()).exit.status
}

fn error(asm: Asm) -> ExecutionError {
    let program = asm.program();
    execute(&program, &[], Limits::default(), &mut Silent).err().expect("the program fails")
}

fn fault(asm: Asm) -> (Fault, Place) {
    match error(asm) {
        ExecutionError::Fault { fault, place } => (fault, *place),
        other => panic!("{other}"),
    }
}

/// A loop that counts a0 down from `n`: 2n + 2 cycles before what follows.
fn countdown(n: u64) -> Asm {
    Asm::new().li(A0, n).addi(A0, A0, -1).word(b_type(1, A0, 0, -4_i32 as u32))
}

fn ld(rd: u32, rs1: u32, imm: i32) -> u32 {
    i_type(LOAD, 3, rd, rs1, imm as u32)
}

fn sd(rs2: u32, rs1: u32, imm: i32) -> u32 {
    s_type(3, rs1, rs2, imm as u32)
}

#[test]
fn counts_cycles_and_families() {
    let program = countdown(10).exit().program();
    let execution = run(&program);
    assert_eq!(execution.cycles, 2 + 20 + 3);
    assert_eq!(execution.exit.status, 0);
    let count = |family| execution.instructions()[family as usize];
    assert_eq!([Family::Li, Family::Addi, Family::CmpBr, Family::Ecall].map(count), [2, 12, 10, 1]);
    assert_eq!(execution.instructions().iter().sum::<u64>(), execution.cycles);
    assert_eq!(execution.row_counts, [1, 1, 10, 10, 1, 1, 1]);
}

#[test]
fn calls_and_returns_are_counted_where_they_run() {
    // main: jal f; jal f; j end; f: addi; ret; end: exit
    let program = Asm::new()
        .word(j_type(RA, 12))
        .word(j_type(RA, 8))
        .word(j_type(0, 12))
        .addi(A0, A0, 1)
        .word(i_type(0x67, 0, 0, RA, 0))
        .exit()
        .program();
    let execution = run(&program);
    assert_eq!(execution.exit.status, 2);
    assert_eq!(execution.row_counts, [1, 1, 1, 2, 2, 1, 1, 1]);
}

#[test]
fn x0_stays_zero_and_registers_start_at_zero() {
    assert_eq!(status(Asm::new().addi(0, 0, 5).addi(A0, 0, 0)), 0);
    let sum = (1..32).fold(Asm::new(), |asm, i| asm.word(r_type(OP, 0, 0, A0, A0, i)));
    assert_eq!(status(sum), 0);
}

#[test]
fn memory_is_the_image_then_zeros() {
    let asm = Asm::new().li(T0, DATA).word(ld(A0, T0, 8));
    assert_eq!(status(asm), 0x0f0e_0d0c_0b0a_0908);
    let asm = Asm::new().li(T0, STACK_TOP).word(ld(T1, T0, -8)).addi(T1, T1, 7).word(sd(T1, T0, -8));
    let program = asm.word(ld(A0, T0, -8)).exit().program();
    let execution = run(&program);
    assert_eq!((execution.exit.status, execution.touched_dwords), (7, 1));
    assert_eq!(execution.read_memory(STACK_TOP - 8, 9), Some(vec![7, 0, 0, 0, 0, 0, 0, 0, 0]));
    assert_eq!(execution.read_memory(DATA + 1, 2), Some(vec![1, 2]));
    assert_eq!(execution.read_memory(DATA - 1, 2), None);
}

#[test]
fn text_is_readable_and_stores_to_it_change_data_only() {
    let asm = Asm::new().li(T0, TEXT).word(ld(A0, T0, 0)).word(sd(0, T0, 0)).word(ld(A1, T0, 0));
    let first = u64::from(asm.0[0]) | u64::from(asm.0[1]) << 32;
    // The instruction at 8 is overwritten, then executed once more by a jump back.
    let program = asm.word(r_type(OP, 0, 0, A0, A0, A1)).exit().program();
    assert_eq!(run(&program).exit.status, first);
    let rewritten = Asm::new()
        .li(T0, TEXT)
        .addi(A0, A0, 1)
        .word(s_type(2, T0, 0, 8))
        .addi(T1, T1, 1)
        .addi(T2, 0, 2)
        .word(b_type(1, T1, T2, -16_i32 as u32));
    assert_eq!(status(rewritten), 2);
}

#[test]
fn the_input_region_holds_the_length_then_the_bytes_and_is_writable() {
    let load = |offset| Asm::new().li(T0, INPUT_BASE).word(ld(A0, T0, offset)).exit().program();
    let read = |offset| {
        let program = load(offset);
        execute(&program, b"0123456789", Limits::default(), &mut Silent).expect("exits").exit.status
    };
    assert_eq!(read(0), 10);
    assert_eq!(read(8), u64::from_le_bytes(*b"01234567"));
    assert_eq!(read(16), u64::from_le_bytes(*b"89\0\0\0\0\0\0"));
    assert_eq!(read(24), 0);
    let asm = Asm::new().li(T0, ADDRESS_END - 8).addi(T1, 0, 9).word(sd(T1, T0, 0)).word(ld(A0, T0, 0));
    assert_eq!(status(asm), 9);
}

#[test]
fn exit_carries_the_whole_status() {
    assert_eq!(status(Asm::new().li(A0, 0xfedc_ba98_7654_3210)), 0xfedc_ba98_7654_3210);
}

/// keccak256 of nothing, as four dwords.
const EMPTY_DIGEST: [u64; 4] =
    [0x3c23_f786_0146_d2c5, 0xc003_c7dc_b27d_7e92, 0x3b27_82ca_53b6_00e5, 0x70a4_855d_04d8_fa7b];

fn exit_output(asm: Asm, digest: [u64; 4]) -> Asm {
    let asm = [A1, A2, A3, A4].into_iter().zip(digest).fold(asm, |asm, (rd, dword)| asm.li(rd, dword));
    asm.ecall(ecall::EXIT_OUTPUT)
}

fn commit(asm: Asm, address: u64, bytes: u64) -> Asm {
    asm.li(A0, address).li(A1, bytes).ecall(ecall::COMMIT)
}

#[test]
fn output_is_committed_bytes_under_their_digest() {
    let program = exit_output(Asm::new().li(A0, 3), EMPTY_DIGEST).program();
    let execution = run(&program);
    assert_eq!((execution.exit.status, execution.output.as_deref()), (3, Some([].as_slice())));
    // keccak256 of the bytes 1, 2, 3 in two calls.
    let digest = [0x53a0_b754_da5e_88f1, 0x0d22_9320_1ed4_8c31, 0x7a15_b181_53d6_15ab, 0x3992_5cfd_3ba8_3336];
    let asm = commit(commit(Asm::new(), DATA + 1, 2), DATA + 3, 1);
    let program = exit_output(asm, digest).program();
    let result = execute(&program, &[], Limits::default(), &mut Silent);
    assert_eq!(result.expect("the digest fits").output, Some(vec![1, 2, 3]));
}

#[test]
fn refuses_output_and_digest_that_do_not_belong_together() {
    let (without, _) = fault(commit(Asm::new(), DATA, 1).exit());
    assert_eq!(without, Fault::OutputWithoutDigest(1));
    let (zero, _) = fault(exit_output(Asm::new(), [0; 4]));
    assert!(matches!(zero, Fault::OutputDigest { claimed: [0, ..], .. }));
    let (other, place) = fault(exit_output(commit(Asm::new(), DATA, 1), EMPTY_DIGEST));
    assert!(matches!(other, Fault::OutputDigest { .. }));
    assert_eq!(place.instruction.as_deref(), Some("ecall"));
}

#[test]
fn calls_check_their_pointers() {
    for (address, bytes) in [(DATA - 1, 1), (ADDRESS_END, 1), (ADDRESS_END - 1, 2), (u64::MAX, 2), (0, 1)] {
        let out_of_range = Fault::OutOfRange { address, bytes };
        assert_eq!(fault(commit(Asm::new(), address, bytes)).0, out_of_range);
        assert_eq!(fault(Asm::new().li(A1, address).li(A2, bytes).ecall(ecall::WRITE)).0, out_of_range);
    }
    for dangling in [0, 1, 8, u64::MAX] {
        let asm = commit(Asm::new(), dangling, 0).li(A1, dangling).li(A2, 0).ecall(ecall::WRITE);
        assert_eq!(status(asm.li(A0, 2)), 2, "nothing at {dangling:#x}");
    }
    let too_long = commit(commit(Asm::new(), DATA, 1), INPUT_BASE, OUTPUT_BYTES_MAX);
    assert_eq!(fault(too_long).0, Fault::OutputTooLong(OUTPUT_BYTES_MAX));
    let write = Asm::new().li(A1, DATA).li(A2, u64::MAX).ecall(ecall::WRITE);
    assert!(matches!(fault(write).0, Fault::WriteTooLong { got: u64::MAX, .. }));
}

#[test]
fn write_reaches_the_console_and_changes_no_register() {
    let asm = Asm::new().addi(A0, 0, 1).li(A1, DATA + 0x41).addi(A2, 0, 3).ecall(ecall::WRITE);
    let program = asm.exit().program();
    let mut console = Vec::new();
    let execution = execute(&program, &[], Limits::default(), &mut console).expect("exits");
    assert_eq!((execution.exit.status, execution.touched_dwords), (1, 0));
    assert_eq!(console, b"ABC");
}

#[test]
fn marks_carry_the_counts_up_to_them() {
    let mark = |asm: Asm, label| asm.addi(A0, 0, label).ecall(ecall::MARK);
    let program = mark(mark(countdown(3), 7), 8).exit().program();
    let execution = run(&program);
    let marks: Vec<_> = execution.marks.iter().map(|mark| (mark.label, mark.cycles)).collect();
    assert_eq!(marks, [(7, 12), (8, 16)]);
    assert_eq!(execution.marks[0].instructions().iter().sum::<u64>(), 12);
    assert_eq!(execution.marks[1].instructions()[Family::CmpBr as usize], 3);
}

#[test]
fn unknown_calls_fail() {
    for code in [0, 1, 0x1004, 0x10ff, u64::MAX] {
        assert_eq!(fault(Asm::new().ecall(code)).0, Fault::UnknownEcall(code));
    }
}

#[test]
fn illegal_instructions_fail_at_their_pc() {
    let (zero, place) = fault(Asm::new().addi(A0, 0, 1).word(0));
    assert_eq!((zero, place.pc, place.cycles), (Fault::IllegalInstruction(Some(0)), TEXT + 4, 1));
    let (ebreak, _) = fault(Asm::new().addi(A0, 0, 1).word(EBREAK).exit());
    assert_eq!(ebreak, Fault::IllegalInstruction(Some(EBREAK)));
    let (end, place) = fault(Asm::new().addi(A0, 0, 1).addi(A0, 0, 1));
    assert_eq!((end, place.pc), (Fault::IllegalInstruction(None), TEXT + 8));
    let (middle, place) = fault(Asm::new().word(j_type(0, 6)).exit());
    assert!(matches!(middle, Fault::IllegalInstruction(Some(_))));
    assert_eq!(place.pc, TEXT + 6);
    let (branch, place) = fault(Asm::new().word(b_type(0, 0, 0, 0x800)).exit());
    assert_eq!((branch, place.pc), (Fault::IllegalInstruction(None), TEXT + 0x800));
}

/// soundness.md case 32.
#[test]
fn jalr_reaches_text_instructions_only() {
    let jalr = |target: u64| Asm::new().li(T0, target).word(i_type(0x67, 0, RA, T0, 0)).exit();
    for target in
        [0, TEXT + 2, DATA, 1 << 30, (1 << 30) + 2, 1 << 31, 1 << 32, TEXT + (1 << 32), u64::MAX - 1]
    {
        let (fault, place) = fault(jalr(target));
        assert_eq!(fault, Fault::JumpTarget(target));
        assert_eq!(place.instruction.as_deref(), Some("jalr ra, 0(t0)"));
    }
    // The lowest bit of the sum is cleared, whichever summand it comes from.
    let asm = Asm::new().li(T0, TEXT + 17).word(i_type(0x67, 0, 0, T0, 0)).word(0);
    assert_eq!(asm.here(), TEXT + 16);
    assert_eq!(status(asm.addi(A0, 0, 5)), 5);
    let asm = Asm::new().li(T0, TEXT + 16).word(i_type(0x67, 0, 0, T0, 1)).word(0);
    assert_eq!(status(asm.addi(A0, 0, 6)), 6);
}

#[test]
fn misaligned_accesses_fail() {
    for (funct3, bytes) in [(1, 2), (2, 4), (3, 8), (5, 2), (6, 4)] {
        let asm = |offset| Asm::new().li(T0, DATA).word(i_type(LOAD, funct3, A0, T0, offset)).exit();
        for offset in 1..bytes {
            let (fault, place) = fault(asm(offset as u32));
            assert_eq!(fault, Fault::Misaligned { address: DATA + offset, bytes });
            assert_eq!(place.pc, TEXT + 8);
        }
        run(&asm(bytes as u32).program());
    }
    for (funct3, bytes) in [(1, 2), (2, 4), (3, 8)] {
        let (fault, _) = fault(Asm::new().li(T0, DATA + 1).word(s_type(funct3, T0, 0, 0)));
        assert_eq!(fault, Fault::Misaligned { address: DATA + 1, bytes });
    }
}

#[test]
fn accesses_outside_the_memory_fail() {
    for address in [0, DATA - 8, TEXT - 8, ADDRESS_END, u64::MAX - 7, (1 << 32) + DATA, 1 << 33] {
        for word in [ld(A0, T0, 0), sd(A0, T0, 0)] {
            let (fault, _) = fault(Asm::new().li(T0, address).word(word));
            assert_eq!(fault, Fault::OutOfRange { address, bytes: 8 });
        }
    }
    assert_eq!(status(Asm::new().li(T0, DATA + DATA_BYTES).word(ld(A0, T0, 0))), 0);
    assert_eq!(status(Asm::new().li(T0, INPUT_BASE - 8).word(ld(A0, T0, 0))), 0);
}

#[test]
fn an_address_wraps_like_the_addition() {
    assert_eq!(
        status(
            Asm::new().addi(T0, 0, -8).li(T1, DATA).word(r_type(OP, 0, 0, T0, T0, T1)).word(ld(A0, T0, 16))
        ),
        { 0x0f0e_0d0c_0b0a_0908 }
    );
    let (fault, _) = fault(Asm::new().addi(T0, 0, -8).word(ld(A0, T0, 8)));
    assert_eq!(fault, Fault::OutOfRange { address: 0, bytes: 8 });
}

#[test]
fn the_cycle_limit_is_exact() {
    let program = countdown(100).exit().program();
    let cycles = run(&program).cycles;
    let limited = |max| {
        let limits = Limits { max_cycles: Some(max), ..Limits::default() };
        execute(&program, &[], limits, &mut Silent).map(|execution| execution.cycles)
    };
    assert_eq!(limited(cycles).ok(), Some(cycles));
    for max in [0, 1, 100, cycles - 1] {
        let error = limited(max).expect_err("limited");
        assert!(matches!(error, ExecutionError::Fault { fault: Fault::CycleLimit(m), .. } if m == max));
    }
    let forever = Asm::new().word(j_type(0, 0)).program();
    let limits = Limits { max_cycles: Some(1_000_000), ..Limits::default() };
    assert!(execute(&forever, &[], limits, &mut Silent).is_err());
}

#[test]
fn the_memory_limit_stops_growth() {
    // Stores one dword every 64 KiB, upwards without end.
    let asm =
        Asm::new().li(T0, 0x10_0000).li(T1, 0x1_0000).word(sd(T1, T0, 0)).word(r_type(OP, 0, 0, T0, T0, T1));
    let program = asm.word(j_type(0, -8_i32 as u32)).program();
    let limits = Limits { max_memory_bytes: Some(1 << 20), ..Limits::default() };
    let error = execute(&program, &[], limits, &mut Silent).err().expect("limited");
    assert!(matches!(error, ExecutionError::Fault { fault: Fault::MemoryLimit(1_048_576), .. }));
}

/// soundness.md case 33.
#[test]
fn sc_needs_a_matching_reservation() {
    let lr = |address| Asm::new().li(T0, DATA).li(T1, address).word(r_type(AMO, 0x08, 3, T2, T1, 0));
    let sc = r_type(AMO, 0x0c, 3, A0, T0, T1);
    assert_eq!(status(Asm::new().li(T0, DATA).word(sc)), 1, "without a reservation");
    assert_eq!(status(lr(DATA).word(sc)), 0, "with one");
    assert_eq!(status(lr(DATA + 8).word(sc)), 1, "with another address");
    assert_eq!(status(lr(DATA).word(sc).word(sc)), 1, "after another sc");
    let failed_between = lr(DATA).addi(T0, T0, 8).word(sc).addi(T0, T0, -8).word(sc);
    assert_eq!(status(failed_between), 1, "after another sc that failed");
}

#[test]
fn messages_name_the_instruction_and_the_function() {
    let asm = Asm::new().li(T0, DATA + 1).word(ld(A0, T0, 2));
    let mut elf = asm.elf();
    elf.symbols = vec![("start".into(), TEXT, 8, true), ("broken".into(), TEXT + 8, 4, true)];
    let program = Program::from_elf(&elf.to_bytes()).expect("loads");
    let error = execute(&program, &[], Limits::default(), &mut Silent).err().expect("fails");
    let message =
        "misaligned access of 8 bytes at 0x20003, at pc 0x10008 (ld a0, 2(t0)) in broken+0x0 after 2 cycles";
    assert_eq!(error.to_string(), message);
}

#[test]
fn a_fault_inside_an_atomic_operation_is_reported_at_its_pc() {
    // amoadd.d loads first, at its own pc; sc stores in a micro-row.
    let (misaligned, place) = fault(Asm::new().li(T0, DATA + 4).word(r_type(AMO, 0, 3, A0, T0, T1)));
    assert_eq!((misaligned, place.pc), (Fault::Misaligned { address: DATA + 4, bytes: 8 }, TEXT + 8));
    // lr.w reserves DATA + 4; sc.d at the same address passes the comparison and fails at the store.
    let asm = Asm::new()
        .li(T0, DATA + 4)
        .word(r_type(AMO, 0x08, 2, T2, T0, 0))
        .word(r_type(AMO, 0x0c, 3, A0, T0, T1));
    let (misaligned, place) = fault(asm);
    assert_eq!((misaligned, place.pc), (Fault::Misaligned { address: DATA + 4, bytes: 8 }, TEXT + 12));
}

#[test]
fn text_that_branches_over_data_runs() {
    let asm = Asm::new().word(j_type(0, 12)).word(0xffff_ffff).word(0).addi(A0, 0, 4);
    assert_eq!(status(asm), 4);
}
