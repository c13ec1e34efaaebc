//! Calls on points and integers in whole programs: executed, cut into shards, and every constraint and bus checked.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::{
    MACHINE,
    assembler::{A0, A1, Asm, DATA, T0, T1},
    shards,
};
use vellum_chips::{ProgramKey, check_execution};
use vellum_executor::{Limits, ShardLimits, Silent, execute};
use vellum_isa::{
    Precompile,
    encode::{LOAD, b_type, i_type, s_type},
};

const A2: u32 = 12;
const A3: u32 = 13;

/// Adds a call to a program.
fn call(asm: Asm, precompile: Precompile, [a0, a1, a2, a3]: [u64; 4]) -> Asm {
    asm.li(A0, a0).li(A1, a1).li(A2, a2).li(A3, a3).ecall(precompile.code())
}

/// Adds instructions that store dwords.
fn store(asm: Asm, at: u64, dwords: &[u64]) -> Asm {
    dwords
        .iter()
        .enumerate()
        .fold(asm.li(T1, at), |asm, (i, dword)| asm.li(T0, *dword).word(s_type(3, T1, T0, 8 * i as u32)))
}

/// Adds instructions that reach an unknown one if memory holds other dwords.
fn expect(asm: Asm, at: u64, dwords: &[u64]) -> Asm {
    dwords.iter().enumerate().fold(asm, |asm, (i, dword)| {
        asm.li(T1, at)
            .word(i_type(LOAD, 3, A0, T1, 8 * i as u32))
            .li(T0, *dword)
            .word(b_type(0, T0, A0, 8))
            .word(0)
    })
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
fn points_are_added_and_doubled() {
    // G, 2·G and 3·G of secp256k1
    let g = [
        0x59f2_815b_16f8_1798,
        0x029b_fcdb_2dce_28d9,
        0x55a0_6295_ce87_0b07,
        0x79be_667e_f9dc_bbac,
        0x9c47_d08f_fb10_d4b8,
        0xfd17_b448_a685_5419,
        0x5da4_fbfc_0e11_08a8,
        0x483a_da77_26a3_c465,
    ];
    let triple = [
        0x8601_f113_bce0_36f9,
        0xb531_c845_836f_99b0,
        0x4934_4f85_f89d_5229,
        0xf930_8a01_9258_c310,
        0x6cb9_fd75_84b8_e672,
        0x6500_a999_34c2_231b,
        0x0fe3_37e6_2a37_f356,
        0x388f_7b0f_632d_e814,
    ];
    let [p, q] = [0x10_0000, 0x10_0000 - 64];
    let mut asm = store(store(Asm::new(), p, &g), q, &g);
    asm = call(asm, Precompile::Secp256k1Double, [p, 0, 0, 0]);
    asm = call(asm, Precompile::Secp256k1Add, [p, q, 0, 0]);
    asm = expect(asm, p, &triple);
    // q's last dword is p's first: q is read before p is written
    asm = call(asm, Precompile::Secp256k1Add, [p, q + 8, 0, 0]);
    asm = call(asm, Precompile::Secp256k1Double, [p, 0, 0, 0]);
    check(asm);
}

#[test]
fn integers_are_multiplied_and_subtracted() {
    let [a, b, m, out] = [DATA + 0x100, DATA + 0x120, DATA + 0x140, DATA + 0x160];
    let most = [u64::MAX; 4];
    let mut asm = store(Asm::new(), a, &most);
    asm = store(asm, b, &[u64::MAX - 1, u64::MAX, u64::MAX, u64::MAX]);
    asm = store(asm, m, &[1_000_000_007, 0, 0, 0]);
    asm = call(asm, Precompile::U256MulAdd, [out, a, b, a]);
    // (2^256 − 1)·(2^256 − 2) + 2^256 − 1 = 2^512 − 2·2^256 + 1
    asm = expect(asm, out, &[1, 0, 0, 0, u64::MAX - 1, u64::MAX, u64::MAX, u64::MAX]);
    asm = call(asm, Precompile::U256Sub, [out, b, a, 0]);
    asm = expect(asm, out, &[u64::MAX, u64::MAX, u64::MAX, u64::MAX, 1]);
    asm = call(asm, Precompile::U256Sub, [out, a, b, 0]);
    asm = expect(asm, out, &[1, 0, 0, 0, 0]);
    // 1 and −1 modulo the second
    asm = call(asm, Precompile::U256MulMod, [out, a, a, b]);
    asm = expect(asm, out, &[1, 0, 0, 0]);
    // modulo 0, modulo itself, everything in one place
    asm = call(asm, Precompile::U256MulMod, [out, a, b, 0x20_0000]);
    asm = expect(asm, out, &[0; 4]);
    asm = call(asm, Precompile::U256MulMod, [out, a, b, m]);
    asm = call(asm, Precompile::U256MulMod, [a, a, a, a]);
    asm = expect(asm, a, &[0; 4]);
    check(asm);
}
