//! Ctrl-C: exit code 130 at once, and nothing half-written.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::{Folder, LOOP, error_of, program, ran};

fn interrupt(child: &Child) {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn wait_for(what: impl Fn() -> bool) {
    let started = Instant::now();
    while !what() {
        assert!(started.elapsed() < Duration::from_secs(60), "nothing happened");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_interrupted_proof_leaves_nothing() {
    let folder = Folder::new();
    folder.write("rounds", 20_000_000u64.to_le_bytes());
    folder.write("proof", "old");
    let before = folder.contents();
    let mut command = folder.command(&["prove", "alu", "--input", "rounds", "--proof", "proof", "--json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(|| folder.contents().len() > before.len());
    sleep(Duration::from_millis(500));
    interrupt(&child);
    let started = Instant::now();
    let ran = ran(child.wait_with_output().unwrap());
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(ran.code, 130);
    assert_eq!(error_of(&ran), "interrupted");
    assert_eq!(folder.contents(), before);
}

#[test]
fn an_endless_program_can_be_interrupted() {
    let folder = Folder::new();
    folder.write("loop.elf", program(&LOOP));
    let mut command = folder.command(&["execute", "loop.elf"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    sleep(Duration::from_secs(1));
    interrupt(&child);
    let ran = ran(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (130, "", "error: interrupted\n"));
}
