//! No guest does in software what a precompile does.

use vellum_executor::{Limits, profile};
use vellum_isa::Program;

/// Parts of the names of functions that do the work of a precompile: hashes, curve arithmetic, copying.
const SOFTWARE: [&str; 10] = [
    "keccak::",
    "keccakf",
    "keccak_f1600",
    "sha3::",
    "tiny_keccak",
    "compiler_builtins::mem::",
    "sha2::",
    "k256::",
    "crypto_bigint::",
    "primeorder::",
];

/// Guests with revm, whose own implementations stand behind its hook and are linked for that, but never called: the hook
/// is installed first.
const WITH_REVM: [&str; 2] = ["block", "batch"];
const BEHIND_HOOKS: [&str; 4] = ["sha2::", "k256::", "crypto_bigint::", "primeorder::"];

fn in_software(name: &str) -> Option<&'static str> {
    // rt's own functions call precompiles.
    let name = format!("{:#}", rustc_demangle::demangle(name)).replace("vellum_guest_rt::keccak::", "rt::");
    // Where a word begins, so that `k256::` is not found in `Keccak256::`.
    let begins = |at: usize| !name[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    SOFTWARE.into_iter().find(|part| name.match_indices(*part).any(|(at, _)| begins(at)))
}

#[test]
fn no_guest_contains_what_a_precompile_does() {
    for guest in vellum_guests::all() {
        let program = Program::from_elf(guest.elf).expect("a well-formed program");
        assert!(program.symbols.len() > 10, "{}: without symbols nothing is found", guest.name);
        for symbol in &program.symbols {
            let allowed = |part: &&str| WITH_REVM.contains(&guest.name) && BEHIND_HOOKS.contains(part);
            let found = in_software(&symbol.name).filter(|part| !allowed(part));
            assert_eq!(found, None, "{}: {}", guest.name, symbol.name);
        }
        // The round constants of Keccak and SHA-256, wherever the code that uses them was inlined.
        let tables: [&[u64]; 2] = [
            &[0x8000_0000_0000_808a, 0x8000_0000_8000_8000],
            &[0x7137_4491_428a_2f98, 0xe9b5_dba5_b5c0_fbcf],
        ];
        // In guests with revm, Keccak is behind alloy's text of an address, which only a panic writes.
        for (table, allowed) in tables.into_iter().zip([WITH_REVM.contains(&guest.name); 2]) {
            let holds = program
                .segments
                .iter()
                .any(|segment| segment.dwords.windows(2).any(|dwords| dwords == table));
            assert!(allowed || !holds, "{}: a table of round constants", guest.name);
        }
    }
}

#[test]
fn no_block_or_batch_executes_what_a_precompile_does() {
    for (guest, file) in [
        ("block", "demo.block"),
        ("block", "types.block"),
        ("block", "hashes.block"),
        ("batch", "demo.batch"),
    ] {
        let program = Program::from_elf(vellum_guests::find(guest).expect("bundled").elf).expect("a program");
        let path = format!("{}/../block/testdata/{file}", env!("CARGO_MANIFEST_DIR"));
        let input = std::fs::read(path).expect("a captured block or a made batch");
        let profile = profile(&program, &input, Limits::default()).expect("executes");
        assert!(profile.functions.len() > 100);
        for function in profile.functions {
            assert_eq!(in_software(&function.name), None, "{file}: {}", function.name);
        }
    }
}

/// The tests above find what they look for.
#[test]
fn software_is_recognised() {
    for name in [
        "keccak::f1600",
        "_ZN4sha26sha25611compress25617h23055202684de61bE",
        "sha3::Keccak256::update",
        "compiler_builtins::mem::memcpy",
        "sha2::sha256::compress256",
        "<k256::arithmetic::scalar::Scalar as core::ops::Mul>::mul",
    ] {
        assert!(in_software(name).is_some(), "{name}");
    }
    assert_eq!(in_software("vellum_guest_rt::keccak::Keccak256::update"), None);
    assert_eq!(in_software("alloy_primitives::utils::keccak256_impl"), None);
}
