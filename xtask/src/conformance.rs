//! `cargo xtask conformance`: programs and test vectors of others, in `../shared/conformance` beside the repository.
//!
//! RISC-V programs (`riscv/NAME.elf`) must leave the memory in `NAME.sig`, and are proven and verified. Ethereum blocks
//! and tries (`ethereum/`) must give the roots they are published with.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::shell;

/// Of the programs, each of this many is proven where not all are.
const SAMPLE: usize = 8;

/// Chain tests that fail, and why.
const KNOWN_FAILURES: [(&str, &str); 1] = [(
    "RevertInCreateInInit_Paris_d0g0v0_Cancun",
    "creates a contract at an address that has storage and neither code nor nonce. EIP-7610 lets that fail, the EVM library \
     does not look; no account of a real chain is in such a state since EIP-161",
)];

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Part {
    /// Every RISC-V program leaves the expected signature
    Signatures,
    /// A sample of the RISC-V programs, or all if VELLUM_TEST_FULL is set, is proven and verified
    Proofs,
    /// Every published block and trie gives the expected roots
    Blocks,
}

impl Part {
    /// Where its material would lie.
    pub(crate) fn folder(self) -> PathBuf {
        let name = match self {
            Self::Signatures | Self::Proofs => "riscv",
            Self::Blocks => "ethereum",
        };
        shell::root().join("../shared/conformance").join(name)
    }
}

/// Runs one part; `full` proves all programs.
pub(crate) fn run(part: Part, full: bool) -> Result<()> {
    let folder = part.folder();
    ensure!(folder.is_dir(), "no conformance material in {}", folder.display());
    match part {
        Part::Signatures => signatures(&folder),
        Part::Proofs => proofs(&folder, if full { 1 } else { SAMPLE }),
        Part::Blocks => blocks(&folder),
    }
}

fn signatures(folder: &Path) -> Result<()> {
    shell::build_vellum()?;
    let temporary = tempfile::tempdir().context("no temporary folder")?;
    let signature = temporary.path().join("signature");
    let programs = programs(folder)?;
    for program in &programs {
        shell::vellum(&["execute", text(program)?, "--signature", text(&signature)?])?;
        let (expected, found) =
            (fs::read_to_string(program.with_extension("sig"))?, fs::read_to_string(&signature)?);
        let difference = (1..).zip(expected.lines().zip(found.lines())).find(|(_, (e, f))| e != f);
        if let Some((line, (expected, found))) = difference {
            anyhow::bail!(
                "{}: line {line} of the signature is {found}, expected {expected}",
                program.display()
            );
        }
        ensure!(expected == found, "{}: the signature has another length", program.display());
    }
    println!("{} programs left the expected signature", programs.len());
    Ok(())
}

fn proofs(folder: &Path, step: usize) -> Result<()> {
    shell::build_vellum()?;
    let temporary = tempfile::tempdir().context("no temporary folder")?;
    let proof = temporary.path().join("proof");
    let programs: Vec<_> = programs(folder)?.into_iter().step_by(step).collect();
    for program in &programs {
        shell::vellum(&["prove", text(program)?, "--proof", text(&proof)?])?;
        let verified = shell::vellum(&["verify", "--proof", text(&proof)?, "--program", text(program)?])?;
        ensure!(verified["valid"] == true, "{}: the proof is not valid", program.display());
    }
    println!("{} programs proven and verified", programs.len());
    Ok(())
}

/// Runs every chain test natively and in the zkVM's executor. Then unpacks the Prague blocks with `zstd` and runs the
/// example of the crate `block` on them, which also leaves out nodes of the witness, and on the trie tests.
fn blocks(folder: &Path) -> Result<()> {
    shell::build_vellum()?;
    for file in files(folder, "zst")? {
        for engine in ["native", "guest"] {
            let report = shell::vellum_report(&["block", "test", text(&file)?, "--engine", engine])?;
            println!("{}, {engine}: {} of {} passed", file.display(), report["passed"], report["total"]);
            let failures = report["failures"].as_array().context("no list of failures")?;
            let unknown = failures.iter().find(|failure| {
                !KNOWN_FAILURES.iter().any(|(name, _)| failure["name"].as_str() == Some(name))
            });
            ensure!(unknown.is_none(), "{}", report["failures"]);
        }
    }
    ensure!(shell::succeeds("zstd", &["--version"]), "the block vectors need the program `zstd`");
    let temporary = tempfile::tempdir().context("no temporary folder")?;
    let packed = files(folder, "zst")?.into_iter().find(|path| path.to_string_lossy().contains("prague"));
    let packed = packed.with_context(|| format!("no Prague blocks in {}", folder.display()))?;
    let mut unpack = shell::command("zstd", &["--decompress", "--stdout", text(&packed)?]);
    unpack.stdout(File::create(temporary.path().join("blocks.jsonl"))?);
    shell::run_command(unpack)?;
    std::os::unix::fs::symlink(
        fs::canonicalize(folder.join("TrieTests"))?,
        temporary.path().join("TrieTests"),
    )?;
    let mut example = shell::command("cargo", &["run", "--release", "--example", "conformance"]);
    example.env("VELLUM_CONFORMANCE", temporary.path());
    shell::run_command(example)
}

fn programs(folder: &Path) -> Result<Vec<PathBuf>> {
    let programs = files(folder, "elf")?;
    ensure!(!programs.is_empty(), "no program in {}", folder.display());
    Ok(programs)
}

/// The folder's files with this extension, by name.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths?;
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    Ok(paths)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}
