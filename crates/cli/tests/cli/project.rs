//! `vellum new` to a proof, in three commands outside the repository.

use std::env;
use std::process::Command;

use crate::harness::{Folder, keys};

#[test]
fn a_new_project_is_built_proven_and_verified() {
    let folder = Folder::new();
    let report = folder.report(&["new", "hello"]);
    assert_eq!(keys(&report), ["files", "folder"]);
    folder.fails(2, &["new", "hello"]);

    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--offline"]).current_dir(folder.path("hello"));
    for (name, _) in env::vars().filter(|(name, _)| name.starts_with("CARGO_") && name != "CARGO_HOME") {
        cargo.env_remove(name);
    }
    let built = cargo.env_remove("RUSTFLAGS").output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));

    let elf = "hello/target/riscv64imac-unknown-none-elf/release/hello";
    folder.report(&["prove", elf, "--input", "hello/input.txt", "--proof", "hello.proof"]);
    let verified = folder.report(&["verify", "--proof", "hello.proof", "--program", elf]);
    assert_eq!(verified["output"], "0x2900000000000000");
}
