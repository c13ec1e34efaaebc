//! Profiles: every cycle is attributed once, to the function it ran in and to the calls that led there.

mod assembler;

use assembler::{A0, Asm, RA, TEXT};
use vellum_executor::{Limits, Profile, Silent, TABLES, execute, profile};
use vellum_isa::{
    Program,
    encode::{JALR, i_type, j_type},
};

/// main calls f twice and g once; f goes on to leaf (a tail call), g calls leaf.
fn program() -> Program {
    let asm = Asm::new()
        .word(j_type(RA, 24)) // main, at 0: f
        .word(j_type(RA, 20)) // f
        .word(j_type(RA, 28)) // g
        .exit() // at 12
        .addi(A0, A0, 1) // f, at 24
        .word(j_type(0, 24)) // leaf, by a tail call
        .word(0)
        .addi(5, RA, 0) // g, at 36
        .word(j_type(RA, 12)) // leaf
        .word(i_type(JALR, 0, 0, 5, 0))
        .word(0)
        .addi(A0, A0, 1) // leaf, at 52
        .word(i_type(JALR, 0, 0, RA, 0));
    let mut elf = asm.elf();
    elf.symbols = [("main", 0, 24), ("f", 24, 12), ("g", 36, 16), ("leaf", 52, 8)]
        .map(|(name, at, size)| (name.into(), TEXT + at, size, true))
        .to_vec();
    Program::from_elf(&elf.to_bytes()).expect("loads")
}

fn profiled() -> Profile {
    profile(&program(), &[], Limits::default()).expect("exits")
}

#[test]
fn functions_are_sorted_by_their_own_rows() {
    let functions: Vec<_> =
        profiled().functions.iter().map(|f| (f.name.clone(), f.counts.iter().sum::<u64>())).collect();
    let expected = [("leaf", 6), ("main", 6), ("f", 4), ("g", 3)];
    assert_eq!(functions, expected.map(|(name, rows)| (name.to_owned(), rows)));
}

#[test]
fn stacks_follow_calls_returns_and_tail_calls() {
    let mut lines: Vec<_> = profiled().folded(&[1; TABLES]).lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["main 6", "main;f 4", "main;g 3", "main;g;leaf 2", "main;leaf 4"]);
}

#[test]
fn all_cycles_are_attributed() {
    let program = program();
    let fast = execute(&program, &[], Limits::default(), &mut Silent).expect("exits");
    let (mut functions, mut stacks) = ([0; TABLES], [0; TABLES]);
    let profile = profiled();
    for function in &profile.functions {
        functions.iter_mut().zip(function.counts).for_each(|(sum, count)| *sum += count);
    }
    for stack in &profile.stacks {
        stacks.iter_mut().zip(stack.counts).for_each(|(sum, count)| *sum += count);
    }
    assert_eq!((functions, stacks), (fast.rows, fast.rows));
}

#[test]
fn endless_recursion_stays_bounded() {
    let program = Asm::new().word(j_type(RA, 0)).program();
    let limits = Limits { max_cycles: Some(10_000), ..Limits::default() };
    assert!(profile(&program, &[], limits).is_err());
}
