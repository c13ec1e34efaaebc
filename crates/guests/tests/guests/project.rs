//! The project that `vellum new` writes builds outside the repository with nothing but cargo, and the runtime in it
//! keeps its promises to programs that are not bundled.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use tempfile::TempDir;
use vellum_guests::template::{NameError, files};

use crate::harness::run;

/// A project on disk, gone when dropped.
struct Project(TempDir);

impl Project {
    fn new() -> Self {
        let project = Self(tempfile::tempdir().expect("a temporary folder"));
        for (path, text) in files("hello").expect("a good name") {
            project.write(path, &text);
        }
        project
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().expect("inside the folder")).expect("writable");
        fs::write(path, text).expect("writable");
    }

    /// `cargo build --release` as in a user's shell, without what cargo set for this test, nor a network.
    fn build(&self) {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--release", "--offline"]).current_dir(self.0.path());
        for (name, _) in env::vars().filter(|(name, _)| name.starts_with("CARGO_") && name != "CARGO_HOME") {
            cargo.env_remove(name);
        }
        let built = cargo.env_remove("RUSTFLAGS").output().expect("cargo runs");
        let messages = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success() && !messages.contains("warning"), "{messages}");
    }

    fn elf(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.path().join("target/riscv64imac-unknown-none-elf/release").join(name)).expect("built")
    }
}

#[test]
fn a_new_project_builds_with_plain_cargo_and_runs() {
    let project = Project::new();
    project.build();
    let input = fs::read(project.0.path().join("input.txt")).expect("an input to begin with");
    let run = run(&project.elf("hello"), &input);
    assert_eq!((run.status, run.output), (0, Some(41u64.to_le_bytes().to_vec())));
    assert_eq!(run.printed, "the sum is 41\n");
}

#[test]
fn the_runtime_keeps_its_promises() {
    let project = Project::new();
    for source in list(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guests/programs"))) {
        let name = source.file_name().expect("a file").to_string_lossy();
        project.write(&format!("src/bin/{name}"), &fs::read_to_string(&source).expect("readable"));
    }
    project.build();

    for name in ["heap", "integers", "memory"] {
        let run = run(&project.elf(name), b"");
        assert_eq!((run.status, run.printed.as_str(), run.output.as_deref()), (0, "", Some(&b"done"[..])));
    }

    let input: Vec<u8> = (0..2000u32).map(|i| (i * i / 7) as u8).collect();
    let output = run(&project.elf("output"), &input);
    assert_eq!((output.status, output.printed.as_str()), (u64::MAX, "2000 bytes\n"));
    assert_eq!(output.output.as_ref(), Some(&input));
    assert_eq!(output.marks[..3], [2000, 2000, 1997]);

    let silent = run(&project.elf("silent"), b"");
    assert_eq!((silent.status, silent.output), (0, None));

    const MOST: u64 = (1 << 31) - 8;
    for length in [0, 1, 8, 1 << 20, MOST] {
        let claimed = run(&project.elf("hostile"), &length.to_le_bytes());
        let output = claimed.output.expect("an output");
        assert_eq!((claimed.status, &output[..8]), (0, &length.to_le_bytes()[..]));
    }
    for length in [MOST + 1, 1 << 31, 1 << 32, (1 << 32) + 8, u64::MAX] {
        let refused = run(&project.elf("hostile"), &length.to_le_bytes());
        assert_eq!((refused.status, refused.output), (1, None), "{length}");
        assert!(refused.printed.contains("leaves the input region"), "{}", refused.printed);
    }

    let exhaust = run(&project.elf("exhaust"), b"");
    assert_eq!(exhaust.status, 1);
    assert!(exhaust.printed.contains("memory allocation of 268435456 bytes failed"), "{}", exhaust.printed);
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
fn the_project_has_every_file_of_the_runtime() {
    let written = files("hello").expect("a good name");
    for source in list(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest/rt/src"))) {
        let path = format!("rt/src/{}", source.file_name().expect("a file").to_string_lossy());
        assert!(written.iter().any(|(written, _)| *written == path), "{path}");
    }
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").collect::<Result<Vec<_>, _>>().expect("readable");
    assert!(!entries.is_empty());
    entries.iter().map(fs::DirEntry::path).collect()
}
