//! `cargo xtask tidy`: what the compiler does not look at. Also a test of this crate.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::arrows;
use crate::shell::{output, root};

/// A file that is longer wants to be two.
const LINES_MAX: usize = 800;

/// What must not stay in code; written in two halves so that this file is clean itself.
const LEFTOVERS: [&str; 6] = [
    concat!("db", "g!("),
    concat!("tod", "o!("),
    concat!("unimplemented", "!("),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("#[ign", "ore"),
];

/// Folders of one machine.
const MACHINE_FOLDERS: [&str; 4] = ["root", "home", "work", "tmp"];

pub(crate) fn run() -> Result<()> {
    let findings = findings()?;
    ensure!(findings.is_empty(), "not tidy:\n{}", findings.join("\n"));
    println!("tidy");
    Ok(())
}

fn findings() -> Result<Vec<String>> {
    let mut findings = arrows::differences()?;
    let files = output("git", &["ls-files", "--cached", "--others", "--exclude-standard"])?;
    for file in files.lines() {
        let path = root().join(file);
        // A file that was deleted but not yet committed is listed too; one that is not text is data.
        let Some(text) = fs::read(&path).ok().and_then(|bytes| String::from_utf8(bytes).ok()) else {
            continue;
        };
        findings.extend(text_findings(file, &text).into_iter().map(|finding| format!("{file}:{finding}")));
        if file.ends_with(".md") {
            let folder = path.parent().context("a file has a folder")?;
            findings
                .extend(dead_links(folder, &text).into_iter().map(|link| format!("{file}: no file {link}")));
        }
    }
    Ok(findings)
}

/// Findings as "line: what".
fn text_findings(file: &str, text: &str) -> Vec<String> {
    let is_code = [".rs", ".sol", ".ts", ".js", ".sh"].iter().any(|extension| file.ends_with(extension));
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if is_code {
            let leftovers = LEFTOVERS.iter().filter(|leftover| line.contains(*leftover));
            findings.extend(leftovers.map(|leftover| format!("{number}: leftover {leftover}")));
        }
        if !file.ends_with(".lock") && names_a_machine_path(line) {
            findings.push(format!("{number}: path of one machine"));
        }
    }
    if is_code && text.lines().count() > LINES_MAX {
        findings.push(format!("{}: more than {LINES_MAX} lines", text.lines().count()));
    }
    findings
}

/// A slash, one of [`MACHINE_FOLDERS`], a slash, a name and a slash; not in the middle of a longer path.
fn names_a_machine_path(line: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    line.match_indices('/').any(|(position, _)| {
        let inside_a_path = line[..position].ends_with(|c: char| is_name(c) || c == '}');
        let mut parts = line[position + 1..].split('/');
        let folder = parts.next().unwrap_or_default();
        let name = parts.next().unwrap_or_default();
        !inside_a_path
            && MACHINE_FOLDERS.contains(&folder)
            && !name.is_empty()
            && name.chars().all(is_name)
            && parts.next().is_some()
    })
}

/// Relative links whose file is missing.
fn dead_links(folder: &Path, text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#', ' ']).next());
    let local = targets.filter(|target| !target.is_empty() && !target.contains(':'));
    local.filter(|target| !folder.join(target).exists()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::{dead_links, findings, names_a_machine_path, text_findings};
    use crate::shell::root;

    #[test]
    fn the_tree_is_tidy() {
        let findings = findings().expect("the checks run");
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }

    #[test]
    fn leftovers_and_long_files_are_found_in_code_only() {
        let text = concat!("a\n    db", "g!(x);\n");
        assert_eq!(text_findings("a.rs", text), [concat!("2: leftover db", "g!(")]);
        assert!(text_findings("a.md", text).is_empty());
        let long = "x\n".repeat(801);
        assert_eq!(text_findings("a.rs", &long), ["801: more than 800 lines"]);
        assert!(text_findings("a.csv", &long).is_empty());
    }

    #[test]
    fn machine_paths_are_found() {
        for folder in super::MACHINE_FOLDERS {
            assert!(names_a_machine_path(&format!("see \"/{folder}/someone/file\"")), "{folder}");
        }
        for line in ["/tmp", "target/tmp/a/b", "a / b / c", "/usr/lib/x", "https://example.org/home/a/b"] {
            assert!(!names_a_machine_path(line), "{line}");
        }
    }

    #[test]
    fn dead_links_are_found() {
        let text = "[a](Cargo.toml) [b](nothing.md#part) [c](https://example.org) [d](#part) [e](crates)";
        assert_eq!(dead_links(&root(), text), ["nothing.md"]);
    }
}
