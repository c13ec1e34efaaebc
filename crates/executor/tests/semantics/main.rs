//! Every instruction against recorded results of an independent implementation (`testdata/semantics.txt`, made by
//! `cargo xtask golden` with qemu-riscv64).

mod case;

use case::{Case, STATE_BYTES, State};
use vellum_executor::{Limits, ShardLimits, Shards, execute, plan};
use vellum_isa::{Program, encode::AMO};

fn cases() -> Vec<Case> {
    case::parse(include_str!("../../testdata/semantics.txt"))
}

fn load(cases: &[Case]) -> Program {
    Program::from_elf(&case::program(cases).to_bytes()).expect("the program of the cases loads")
}

#[test]
fn results_are_those_of_the_reference() {
    let cases = cases();
    let program = load(&cases);
    let mut results = Vec::new();
    execute(&program, &[], Limits::default(), &mut results).expect("exits");
    assert_eq!(results.len(), cases.len() * STATE_BYTES);
    for (i, (case, bytes)) in cases.iter().zip(results.chunks_exact(STATE_BYTES)).enumerate() {
        let mut outputs = State::default();
        for (output, dword) in outputs.iter_mut().zip(bytes.chunks_exact(8)) {
            *output = u64::from_le_bytes(dword.try_into().expect("eight bytes"));
        }
        let got = case::format(i, &Case { outputs, ..case.clone() });
        assert_eq!(got, case::format(i, case));
    }
}

#[test]
fn traced_mode_computes_the_same() {
    let program = load(&cases());
    let fast = execute(&program, &[], Limits::default(), &mut Vec::new()).expect("exits");
    let limits = ShardLimits { instructions: 50_000, ..ShardLimits::UNLIMITED };
    let plan = plan(&program, &[], Limits::default(), &limits).expect("exits");
    assert_eq!(plan.cycles, fast.cycles);
    let last = Shards::events(&program, &[], &plan).last().expect("a shard").expect("agrees");
    // The results are in the image: compare its final state.
    let keys = program.segments.iter().flat_map(|segment| (segment.key..).take(segment.dwords.len()));
    for (key, row) in keys.zip(&last.image) {
        let bytes = fast.read_memory(u64::from(key) * 8, 8).expect("accessible");
        assert_eq!(bytes, row.last.to_le_bytes(), "dword {key:#x}");
    }
}

/// The file covers every operation of the machine.
#[test]
fn every_operation_is_covered() {
    let program = load(&cases());
    let fast = execute(&program, &[], Limits::default(), &mut Vec::new()).expect("exits");
    let mut covered: Vec<_> = (0..cases().len())
        .filter_map(|i| {
            let cell = (case::pc(i) / 2) as u32;
            let row = program.rom.binary_search_by_key(&cell, |row| row.pc).ok()?;
            assert!(fast.row_counts[row] > 0);
            Some(program.rom[row].op.name())
        })
        .collect();
    covered.sort_unstable();
    covered.dedup();
    // 61 operations without ecall, which the program itself uses.
    assert_eq!(covered.len(), 60, "{covered:?}");
    // Eleven atomic operations of two widths, expanded to the above.
    let atomic = cases().into_iter().filter(|case| case.word & 0x7f == AMO);
    let mut atomic: Vec<_> = atomic.map(|case| (case.word >> 27, case.word >> 12 & 7)).collect();
    atomic.sort_unstable();
    atomic.dedup();
    assert_eq!(atomic.len(), 22);
}
