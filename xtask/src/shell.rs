//! Running other programs in the workspace's root.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The target of the guest programs.
pub(crate) const GUEST_TARGET: &str = "riscv64imac-unknown-none-elf";

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.expect("xtask lies in the workspace's root").to_owned()
}

/// A command in the root; cargo is found as rustup's proxy, so that the pinned toolchain is taken.
pub(crate) fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// Says what runs, runs it, and fails if it fails.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<()> {
    run_command(command(program, arguments))
}

/// As [`run`], for a command with more than arguments.
pub(crate) fn run_command(mut command: Command) -> Result<()> {
    let line = display(&command);
    eprintln!("$ {line}");
    let status = command.status().with_context(|| format!("cannot run `{line}`"))?;
    ensure!(status.success(), "`{line}` failed: {status}");
    Ok(())
}

/// Runs a command and returns what it printed.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let mut command = command(program, arguments);
    let line = display(&command);
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot run `{line}`"))?;
    ensure!(output.status.success(), "`{line}` failed: {}", output.status);
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` did not print UTF-8"))
}

/// Whether a command is there and succeeds; it prints nothing.
pub(crate) fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let status = command(program, arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Compiles the command line in the release profile, as the tests do.
///
/// With an example, dependencies get the features that tests ask for; without, cargo would compile most of them again.
pub(crate) fn build_vellum() -> Result<()> {
    run("cargo", &["build", "--release", "--bin", "vellum", "--example", "permutation"])
}

/// Runs the compiled command line and returns what it reports; what it prints besides is shown only if it fails.
pub(crate) fn vellum(arguments: &[&str]) -> Result<Value> {
    vellum_with(arguments, &[0])
}

/// [`vellum`], also where the report says that something is not valid.
pub(crate) fn vellum_report(arguments: &[&str]) -> Result<Value> {
    vellum_with(arguments, &[0, 1])
}

fn vellum_with(arguments: &[&str], codes: &[i32]) -> Result<Value> {
    let binary = root().join("target/release/vellum");
    let mut command = Command::new(binary);
    command.args(arguments).arg("--json").current_dir(root());
    let line = display(&command);
    let output = command.output().with_context(|| format!("cannot run `{line}`"))?;
    let printed = String::from_utf8_lossy(&output.stderr);
    let ended = output.status.code().is_some_and(|code| codes.contains(&code));
    ensure!(ended, "`{line}` failed: {}\n{}", output.status, printed.trim());
    serde_json::from_slice(&output.stdout).with_context(|| format!("`{line}` did not print JSON"))
}

fn display(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
