//! Precompile calls in a program, proven with the rest of it.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::{
    assembler::{A0, A1, A2, A3, Asm, DATA},
    prove, shards, verify,
};
use tiny_keccak::{Hasher, Keccak};
use vellum_chips::{Exit, ProgramKey};
use vellum_executor::ShardLimits;
use vellum_isa::{
    Precompile, ecall,
    map::{INPUT_BASE, STACK_TOP},
};

/// Calls a precompile.
fn call(asm: Asm, precompile: Precompile, arguments: [u64; 4]) -> Asm {
    let arguments = [A0, A1, A2, A3].into_iter().zip(arguments);
    arguments.fold(asm, |asm, (register, value)| asm.li(register, value)).ecall(precompile.code())
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
    let key = ProgramKey::new(&common::MACHINE, program);
    let (header, proofs) = prove(&key, &shards);
    assert_eq!(verify(&header, &proofs), Ok(Exit { status: 0, digest: [0; 32] }));
}
