//! Calls of precompiles in whole programs: executed, cut into shards, and every constraint and bus checked.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::{
    MACHINE,
    assembler::{A0, A1, A2, A3, Asm, DATA},
    prove, shards, verify,
};
use tiny_keccak::{Hasher, Keccak};
use vellum_chips::{Exit, ProgramKey, check_execution};
use vellum_executor::{Limits, ShardLimits, Silent, execute};
use vellum_isa::{
    Precompile, ecall,
    map::{INPUT_BASE, STACK_TOP},
};

/// Adds a call to a program.
fn call(asm: Asm, precompile: Precompile, [a0, a1, a2, a3]: [u64; 4]) -> Asm {
    asm.li(A0, a0).li(A1, a1).li(A2, a2).li(A3, a3).ecall(precompile.code())
}

/// Executes a program and checks it, in one shard and in several.
fn check(asm: Asm) {
    let program = asm.exit().program();
    let key = ProgramKey::new(&MACHINE, program);
    execute(&key.program, &[], Limits::default(), &mut Silent).unwrap();
    for limits in [ShardLimits::UNLIMITED, ShardLimits { instructions: 40, ..ShardLimits::UNLIMITED }] {
        check_execution(&MACHINE, &key, &shards(&key.program, &[], &limits)).unwrap();
    }
}

#[test]
fn bytes_are_copied_and_set() {
    let mut asm = Asm::new();
    let heap = 0x10_0000;
    for (to, from, len) in [
        (heap + 3, DATA + 6, 37),
        (heap + 64, DATA, 64),
        // overlapping both ways, and in place
        (DATA + 13, DATA + 8, 40),
        (DATA + 8, DATA + 16, 48),
        (DATA + 5, DATA + 5, 9),
        (DATA + 16, DATA + 16, 32),
        (heap, DATA + 1, 0),
        // nothing is said of the pointers of a call of no bytes
        (u64::from(u32::MAX), 3, 0),
        (0x20_0000, heap, 1 << 15),
        (0x20_0003, heap + 6, 1 << 15),
    ] {
        asm = call(asm, Precompile::Memcpy, [to, from, len, 0]);
    }
    for (to, byte, len) in [(DATA + 3, 0xa5, 30), (heap, 0, 800), (heap + 1, 255, 1), (heap, 7, 0)] {
        asm = call(asm, Precompile::Memset, [to, byte, len, 0]);
    }
    check(asm);
}

#[test]
fn bytes_are_compared() {
    let mut asm = Asm::new();
    let heap = 0x10_0000;
    for (out, a, b, len) in [
        (heap, DATA + 3, DATA + 3, 37),
        (heap + 8, DATA + 6, DATA + 1, 20),
        (heap + 16, DATA + 1, DATA + 6, 20),
        // the result over a run
        (DATA, DATA, DATA + 8, 24),
        (heap, 0x20_0003, 0x30_0005, 1 << 15),
        // nothing is said of the pointers of a call of no bytes
        (heap, u64::from(u32::MAX), 3, 0),
    ] {
        asm = call(asm, Precompile::Memcmp, [out, a, b, len]);
    }
    check(asm);
}

#[test]
fn blocks_are_hashed() {
    let mut asm = Asm::new();
    for (state, block) in [(DATA, DATA + 0x40), (DATA + 0x48, DATA + 0x40), (DATA, 0x10_0000), (DATA, DATA)] {
        asm = call(asm, Precompile::Sha256, [state, block, 0, 0]);
    }
    check(asm);
}

#[test]
fn hashes_are_proven() {
    const FIRST: u64 = 1;
    const LAST: u64 = 2;
    let input: Vec<u8> = (0..1000u32).map(|i| (i * i) as u8).collect();
    let at = |byte: u64| INPUT_BASE + 8 + byte;
    let state = STACK_TOP - 256;
    let calls = [
        [DATA, at(3), 300, FIRST | LAST],
        [DATA + 32, at(0), 0, FIRST | LAST],
        [state, at(5), 136, FIRST],
        [state, at(141), 272, 0],
        [state, at(413), 87, LAST],
    ];
    let asm = calls.into_iter().fold(Asm::new(), |asm, arguments| call(asm, Precompile::Keccak, arguments));
    let program = asm.li(A0, 0).ecall(ecall::EXIT).program();
    let shards = shards(&program, &input, &ShardLimits::UNLIMITED);
    let written = |call: usize| -> Vec<u8> {
        let touches = shards[0].calls[call].touches.iter().rev().take(4);
        touches.rev().flat_map(|touch| touch.new.to_le_bytes()).collect()
    };
    for (call, message) in [(0, &input[3..303]), (1, &[]), (4, &input[5..500])] {
        let mut digest = [0; 32];
        let mut keccak = Keccak::v256();
        keccak.update(message);
        keccak.finalize(&mut digest);
        assert_eq!(written(call), digest);
    }
    let key = ProgramKey::new(&MACHINE, program);
    let (header, proofs) = prove(&key, &shards);
    assert_eq!(verify(&header, &proofs), Ok(Exit { status: 0, digest: [0; 32] }));
}
