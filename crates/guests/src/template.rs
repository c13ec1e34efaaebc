//! The project that `vellum new` writes: a program of one's own that builds without this repository.

use thiserror::Error;

/// Why a project cannot have this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// Not a lower-case letter and then lower-case letters, digits, `-` or `_`, at most 64 in all.
    #[error(
        "a project's name is a lower-case letter, then at most 63 lower-case letters, digits, hyphens or underscores"
    )]
    Form,
    /// Cargo or the runtime uses the name itself.
    #[error("this name is taken by the compiler or the runtime")]
    Taken,
}

const NAME_LENGTH_MAX: usize = 64;

/// Names that cargo refuses for a program, or that the project's other packages have.
const TAKEN: &[&str] =
    &["alloc", "build", "core", "deps", "examples", "incremental", "proc-macro", "std", "test"];

/// In the files' text: the project's name.
const PLACEHOLDER: &str = "{{name}}";

/// Path and text of every file. The runtime's sources are the ones this crate was built with.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../template/Cargo.toml")),
    ("rust-toolchain.toml", include_str!("../../../rust-toolchain.toml")),
    (".cargo/config.toml", include_str!("../template/.cargo/config.toml")),
    (".gitignore", include_str!("../template/gitignore")),
    ("README.md", include_str!("../template/README.md")),
    ("input.txt", include_str!("../template/input.txt")),
    ("src/main.rs", include_str!("../template/src/main.rs")),
    ("rt/Cargo.toml", include_str!("../template/rt/Cargo.toml")),
    ("rt/src/lib.rs", include_str!("../../../guest/rt/src/lib.rs")),
    ("rt/src/c_api.rs", include_str!("../../../guest/rt/src/c_api.rs")),
    ("rt/src/call.rs", include_str!("../../../guest/rt/src/call.rs")),
    ("rt/src/compare.rs", include_str!("../../../guest/rt/src/compare.rs")),
    ("rt/src/debug.rs", include_str!("../../../guest/rt/src/debug.rs")),
    ("rt/src/ecdsa.rs", include_str!("../../../guest/rt/src/ecdsa.rs")),
    ("rt/src/heap.rs", include_str!("../../../guest/rt/src/heap.rs")),
    ("rt/src/input.rs", include_str!("../../../guest/rt/src/input.rs")),
    ("rt/src/keccak.rs", include_str!("../../../guest/rt/src/keccak.rs")),
    ("rt/src/memory.rs", include_str!("../../../guest/rt/src/memory.rs")),
    ("rt/src/output.rs", include_str!("../../../guest/rt/src/output.rs")),
    ("rt/src/precompile.rs", include_str!("../../../guest/rt/src/precompile.rs")),
    ("rt/src/secp256k1.rs", include_str!("../../../guest/rt/src/secp256k1.rs")),
    ("rt/src/sha256.rs", include_str!("../../../guest/rt/src/sha256.rs")),
    ("rt/src/start.rs", include_str!("../../../guest/rt/src/start.rs")),
    ("rt/isa/Cargo.toml", include_str!("../template/rt/isa/Cargo.toml")),
    ("rt/isa/src/lib.rs", include_str!("../template/rt/isa/src/lib.rs")),
    ("rt/isa/src/ecall.rs", include_str!("../../isa/src/ecall.rs")),
    ("rt/isa/src/map.rs", include_str!("../../isa/src/map.rs")),
];

/// The new project's files: paths from its folder, and texts.
pub fn files(name: &str) -> Result<Vec<(&'static str, String)>, NameError> {
    let is_form = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
        && name.len() <= NAME_LENGTH_MAX;
    if !is_form {
        return Err(NameError::Form);
    }
    if TAKEN.contains(&name) || name.starts_with("vellum-") {
        return Err(NameError::Taken);
    }
    Ok(FILES.iter().map(|(path, text)| (*path, text.replace(PLACEHOLDER, name))).collect())
}
