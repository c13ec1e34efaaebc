//! `cargo xtask guests`: compiles the guest programs; `--check` proves that the bytes do not depend on the place.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::arrows::Package;
use crate::setup;
use crate::shell::{GUEST_TARGET, command, output, root, run_command};

pub(crate) fn run(check: bool) -> Result<()> {
    setup::guest_target()?;
    let here = build(&root(), None)?;
    for (name, elf) in &here {
        println!("{name}: {} bytes", elf.len());
    }
    if check {
        let temporary = tempfile::tempdir().context("no temporary folder")?;
        let there = build_elsewhere(temporary.path())?;
        ensure!(here.keys().eq(there.keys()), "another folder gives other programs");
        for (name, elf) in &here {
            ensure!(
                there[name] == *elf,
                "{name}: another folder gives other bytes, and so another verifying key"
            );
        }
        println!("two folders and two cargo homes give the same bytes");
    }
    Ok(())
}

/// The packages under guest/.
pub(crate) fn packages() -> Result<Vec<String>> {
    let packages = Package::all()?.into_iter().filter(|package| package.folder.starts_with("guest/"));
    Ok(packages.map(|package| package.name).collect())
}

/// Compiles `folder`'s guests and reads them, by name.
fn build(folder: &Path, cargo_home: Option<&Path>) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut cargo = command("cargo", &["build", "--release", "--package", "vellum-guests"]);
    cargo.current_dir(folder);
    if let Some(home) = cargo_home {
        cargo.env("CARGO_HOME", home).env_remove("CARGO_TARGET_DIR");
    }
    run_command(cargo)?;
    let built = folder.join("target/guests").join(GUEST_TARGET).join("guest");
    let mut guests = BTreeMap::new();
    for entry in fs::read_dir(&built).with_context(|| format!("cannot list {}", built.display()))? {
        let path = entry?.path();
        // Programs have no extension, cargo's dependency lists and hidden files do.
        if let Some(name) = path.file_name().and_then(|name| name.to_str())
            && path.is_file()
            && !name.contains('.')
        {
            guests.insert(name.to_owned(), fs::read(&path)?);
        }
    }
    ensure!(!guests.is_empty(), "no guest in {}", built.display());
    Ok(guests)
}

/// The same from a copy of the sources in a deeper folder, with another CARGO_HOME over the same downloads.
fn build_elsewhere(temporary: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let copy = temporary.join("another/folder/for/vellum");
    let files = output("git", &["ls-files", "--cached", "--others", "--exclude-standard"])?;
    for file in files.lines().filter(|file| root().join(file).is_file()) {
        let to = copy.join(file);
        fs::create_dir_all(to.parent().expect("the copy's folder at least"))?;
        fs::copy(root().join(file), to)?;
    }
    let home = std::env::var_os("CARGO_HOME").map(Into::into);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).context("no cargo home")?;
    let other_home = temporary.join("cargo-home");
    fs::create_dir(&other_home)?;
    link_entries(&home, &other_home)?;
    build(&copy, Some(&other_home))
}

fn link_entries(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        std::os::unix::fs::symlink(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
