//! The project that `vellum new` writes builds outside the repository with nothing but cargo.

use std::process::Command;
use std::{env, fs};

use vellum_guests::template::{NameError, files};

#[test]
fn a_new_project_builds_with_plain_cargo() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (path, text) in files("hello").expect("a good name") {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("inside the folder")).expect("writable");
        fs::write(path, text).expect("writable");
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--offline"]).current_dir(folder.path());
    // As a user's shell has it: without what cargo set for this test.
    for (name, _) in env::vars().filter(|(name, _)| name.starts_with("CARGO_") && name != "CARGO_HOME") {
        cargo.env_remove(name);
    }
    let built = cargo.env_remove("RUSTFLAGS").output().expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    assert!(
        !String::from_utf8_lossy(&built.stderr).contains("warning"),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let elf = fs::read(folder.path().join("target/riscv64imac-unknown-none-elf/release/hello"))
        .expect("the program");
    assert!(elf.starts_with(b"\x7fELF"));
}

#[test]
fn names_that_would_not_build_are_refused() {
    for name in ["", "1a", "A", "a b", "../a", "a/b", "-a", "_a", "é", &"a".repeat(65)] {
        assert_eq!(files(name), Err(NameError::Form), "{name}");
    }
    for name in ["test", "std", "build", "vellum-guest-rt", "vellum-isa"] {
        assert_eq!(files(name), Err(NameError::Taken), "{name}");
    }
    assert!(files("a-1_b").is_ok());
}

#[test]
fn the_list_has_every_file_of_the_runtime() {
    let written = files("hello").expect("a good name");
    let sources =
        fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest/rt/src")).expect("the runtime");
    for source in sources {
        let path = format!("rt/src/{}", source.expect("readable").file_name().to_string_lossy());
        assert!(written.iter().any(|(written, _)| *written == path), "{path}");
    }
}
