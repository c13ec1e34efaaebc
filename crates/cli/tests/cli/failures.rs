//! Failures that are not the files': faults, limits, a full disk.

use std::process::Command;

use crate::harness::{Folder, ILLEGAL, LOOP, error_of, program, ran, square_input};

#[test]
fn faults_and_limits() {
    let folder = Folder::new();
    folder.write("old", "old");
    folder.write("illegal.elf", program(&ILLEGAL));
    folder.write("loop.elf", program(&LOOP));
    for command in [
        &["execute", "illegal.elf", "--output", "old"][..],
        &["prove", "illegal.elf", "--proof", "old"],
        &["profile", "illegal.elf"],
    ] {
        let message = folder.fails(1, command);
        assert!(
            message.contains("illegal instruction 0xffffffff") && message.contains("0x10004"),
            "{message}"
        );
    }
    let message = folder.fails(1, &["execute", "loop.elf", "--max-cycles", "1000"]);
    assert!(message.contains("cycle limit of 1000"), "{message}");
    assert_eq!(folder.contents().len(), 3);
    assert_eq!(folder.read("old"), b"old");
}

#[test]
fn too_little_memory_is_said_before_proving() {
    let folder = Folder::new();
    folder.write("input", square_input(3, 4));
    let message =
        folder.fails(2, &["prove", "square", "--input", "input", "--proof", "proof", "--memory", "32MiB"]);
    assert!(message.contains("32.0 MiB") && message.contains("needs"), "{message}");
    assert!(!folder.path("proof").exists());
}

#[test]
fn proving_stays_within_its_memory() {
    const MEMORY: u64 = 400 << 20;
    let folder = Folder::new();
    folder.write("rounds", 25_000u64.to_le_bytes());
    let memory = MEMORY.to_string();
    let proven =
        folder.report(&["prove", "alu", "--input", "rounds", "--proof", "proof", "--memory", &memory]);
    assert!(proven["shards"].as_u64().unwrap() > 1, "{proven}");
    assert!(proven["peak_rss_bytes"].as_u64().unwrap() <= MEMORY, "{proven}");
}

#[test]
fn a_full_disk() {
    let folder = Folder::new();
    folder.write("input", square_input(3, 4));
    let message = folder.fails(3, &["execute", "square", "--input", "input", "--output", "/dev/full"]);
    assert!(message.contains("No space left"), "{message}");

    // A limit on the size of files acts like a disk that fills up while the proof is written.
    folder.write("proof", "old");
    let before = folder.contents();
    let script = format!(
        "ulimit -f 64; exec '{}' prove square --input input --proof proof --json",
        env!("CARGO_BIN_EXE_vellum")
    );
    let limited = Command::new("sh").args(["-c", &script]).current_dir(folder.path("")).output().unwrap();
    let limited = ran(limited);
    assert_eq!(limited.code, 3, "{}", limited.stdout);
    error_of(&limited);
    assert_eq!(folder.contents(), before);
}

#[test]
fn a_report_that_cannot_be_printed() {
    let folder = Folder::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = folder.command(&["params", "--json"]).stdout(full).status().unwrap();
    assert_eq!(status.code(), Some(3));
}
