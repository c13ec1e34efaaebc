//! Compiles the guest programs and bundles their bytes.
//!
//! The bytes decide every verifying key, so they must not depend on where or by whom they are built: a target folder
//! of our own shared by all profiles, an environment without the host's compiler flags, source paths remapped.
//! `cargo xtask guests --check` compares two builds in different folders.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};
use std::{env, fs};

const EXAMPLES: &str = "vellum-guest-examples";

/// The bundled programs: package, binary, description. A new guest is a line here.
const GUESTS: &[(&str, &str, &str)] = &[
    (EXAMPLES, "square", "knows b with a² + b + 5 = c; a and c are published, b is not"),
    (EXAMPLES, "fibonacci", "the n-th Fibonacci number modulo 1,000,000,007"),
    (EXAMPLES, "alu", "n rounds of a xorshift generator: the arithmetic benchmark"),
    (EXAMPLES, "sha256", "the SHA-256 hash of the input"),
    (EXAMPLES, "keccak256", "the Keccak-256 hash of the input"),
    (EXAMPLES, "ecrecover", "the Ethereum address that signed a hash"),
    (EXAMPLES, "sort", "the input's distinct lines with their counts, sorted"),
    (EXAMPLES, "panic", "panics with the input as its message: status 1"),
    (EXAMPLES, "read_all", "length and hash of the input, through the standard's C functions"),
    ("vellum-guest-block", "block", "an Ethereum block changes the state root as its header says"),
    ("vellum-guest-batch", "batch", "a range of the rollup's batches leads from one output root to another"),
];

const TARGET: &str = "riscv64imac-unknown-none-elf";
const PROFILE: &str = "guest";

fn main() {
    let workspace =
        Path::new(&variable("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/guests").to_owned();
    // A guest that depends on one more crate of the workspace needs that crate here.
    for source in ["guest", "crates/isa", "crates/block", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml"] {
        let source = workspace.join(source);
        assert!(source.exists(), "{} is missing", source.display());
        println!("cargo::rerun-if-changed={}", source.display());
    }
    require_target();
    fetch(&workspace);
    let target_folder = workspace.join("target/guests");
    let flags = remapped_paths(&workspace).join("\u{1f}");
    for package in GUESTS.iter().map(|(package, ..)| package).collect::<BTreeSet<_>>() {
        build(&workspace, &target_folder, package, &flags);
    }
    bundle(&target_folder.join(TARGET).join(PROFILE));
}

/// One cargo call per package: features are unified within a call, and one guest must not change another's bytes.
fn build(workspace: &Path, target_folder: &Path, package: &str, flags: &str) {
    let mut command = cargo_command(workspace, "build");
    command.env("CARGO_ENCODED_RUSTFLAGS", flags);
    command.args(["--package", package, "--profile", PROFILE, "--target", TARGET, "--target-dir"]);
    command.arg(target_folder);
    for (_, name, _) in GUESTS.iter().filter(|guest| guest.0 == package) {
        command.args(["--bin", name]);
    }
    run(command);
}

/// Copies the programs into OUT_DIR and writes the list that lib.rs includes.
fn bundle(built: &Path) {
    let out = PathBuf::from(variable("OUT_DIR"));
    let mut list = String::from("&[\n");
    for (_, name, description) in GUESTS {
        let copy = out.join(format!("{name}.elf"));
        fs::copy(built.join(name), &copy).unwrap_or_else(|error| panic!("cannot copy guest {name}: {error}"));
        writeln!(
            list,
            "    Guest {{ name: {name:?}, description: {description:?}, elf: include_bytes!({copy:?}) }},"
        )
        .expect("writing to a string");
    }
    list.push_str("]\n");
    fs::write(out.join("list.rs"), list).expect("OUT_DIR is writable");
}

/// Where sources lie must not reach the bytes (panic messages name files). The last matching prefix wins.
fn remapped_paths(workspace: &Path) -> Vec<String> {
    let mut remapped = vec![(workspace.to_owned(), "/vellum".to_owned())];
    // One folder per registry host or mirror.
    if let Ok(registries) = fs::read_dir(cargo_home().join("registry/src")) {
        remapped.extend(registries.flatten().map(|entry| (entry.path(), "/registry".to_owned())));
    }
    let commit =
        rustc(&["-vV"]).lines().find_map(|line| line.strip_prefix("commit-hash: ").map(str::to_owned));
    let commit = commit.expect("rustc -vV names its commit");
    let library = Path::new(&rustc(&["--print", "sysroot"])).join("lib/rustlib/src/rust");
    remapped.push((library, format!("/rustc/{commit}")));
    remapped.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())).collect()
}

fn cargo_home() -> PathBuf {
    let home = |name| env::var_os(name).map(PathBuf::from);
    home("CARGO_HOME").or_else(|| env::home_dir().map(|home| home.join(".cargo"))).expect("a home directory")
}

fn require_target() {
    if !Path::new(&rustc(&["--print", "target-libdir", "--target", TARGET])).is_dir() {
        panic!(
            "the guest programs need the target {TARGET}: run `rustup target add {TARGET}` in this folder"
        );
    }
}

fn rustc(arguments: &[&str]) -> String {
    let mut command = Command::new(variable("RUSTC"));
    command.args(arguments);
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(output.status.success(), "{command:?} failed");
    String::from_utf8(output.stdout).expect("rustc prints UTF-8").trim().to_owned()
}

/// Brings the sources, so that the registry folders exist when their paths are listed.
fn fetch(workspace: &Path) {
    let mut command = cargo_command(workspace, "fetch");
    command.args(["--target", TARGET]);
    run(command);
}

/// The same cargo without the outer build's settings and the user's overrides; the way to the registry stays.
fn cargo_command(workspace: &Path, subcommand: &str) -> Command {
    let mut command = Command::new(variable("CARGO"));
    command.arg(subcommand);
    if workspace.join("Cargo.lock").exists() {
        command.arg("--locked");
    }
    command.current_dir(workspace).env("RUSTC_WRAPPER", "").env("RUSTC_WORKSPACE_WRAPPER", "");
    for (name, _) in env::vars_os().filter(|(name, _)| changes_the_build(name)) {
        command.env_remove(name);
    }
    command
}

fn changes_the_build(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    let kept = ["CARGO_HOME", "CARGO_MAKEFLAGS"];
    let kept_groups = ["CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTRIES_", "CARGO_REGISTRY_", "CARGO_SOURCE_"];
    name == "RUSTFLAGS"
        || name.starts_with("CARGO_")
            && !kept.contains(&&*name)
            && !kept_groups.iter().any(|group| name.starts_with(group))
}

fn run(mut command: Command) {
    let status = command.status().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    if !status.success() {
        fail(&format!("compiling the guest programs failed: {status}"));
    }
}

/// Ends the build with a message that stands alone, without a backtrace.
fn fail(message: &str) -> ! {
    eprintln!("error: {message}");
    exit(1)
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}
