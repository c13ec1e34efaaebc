//! Which crate may depend on which: ARCHITECTURE.md's `arrows` block against every Cargo.toml.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::shell::{output, root};

type Arrows = BTreeMap<String, BTreeSet<String>>;

/// A workspace member.
pub(crate) struct Package {
    /// Its name in Cargo.toml.
    pub(crate) name: String,
    /// Its folder from the root, as `crates/isa`.
    pub(crate) folder: String,
    /// Folders of the members it depends on, other than for tests.
    dependencies: BTreeSet<String>,
}

impl Package {
    /// All members, as cargo sees them.
    pub(crate) fn all() -> Result<Vec<Self>> {
        let text = output("cargo", &["metadata", "--no-deps", "--format-version", "1", "--locked"])?;
        let metadata: Value = serde_json::from_str(&text).context("cargo metadata is not JSON")?;
        array(&metadata["packages"])?.iter().map(Self::read).collect()
    }

    fn read(package: &Value) -> Result<Self> {
        let manifest = Path::new(string(&package["manifest_path"])?);
        let mut dependencies = BTreeSet::new();
        for dependency in array(&package["dependencies"])? {
            if let Some(path) = dependency["path"].as_str()
                && dependency["kind"] != "dev"
            {
                dependencies.insert(from_root(Path::new(path))?);
            }
        }
        Ok(Self {
            name: string(&package["name"])?.to_owned(),
            folder: from_root(manifest.parent().context("a manifest has a folder")?)?,
            dependencies,
        })
    }
}

/// What differs between the document and the manifests, one line each.
pub(crate) fn differences() -> Result<Vec<String>> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).context("cannot read ARCHITECTURE.md")?;
    // Chores and fuzz targets may use everything.
    let packages =
        Package::all()?.into_iter().filter(|package| !["xtask", "fuzz"].contains(&&*package.folder));
    let actual = packages.map(|package| {
        (short(&package.folder), package.dependencies.iter().map(|name| short(name)).collect())
    });
    Ok(compare(&parse(&text)?, &actual.collect()))
}

/// Reads the lines `a -> b, c` of the block; a crate without arrows stands as `a ->`.
fn parse(text: &str) -> Result<Arrows> {
    let mut blocks = text.split("```arrows\n").skip(1);
    let (Some(block), None) = (blocks.next(), blocks.next()) else {
        bail!("ARCHITECTURE.md must hold exactly one block ```arrows");
    };
    let block = block.split("```").next().unwrap_or_default();
    let mut arrows = Arrows::new();
    for line in block.lines().filter(|line| !line.trim().is_empty()) {
        let (from, to) = line.split_once("->").with_context(|| format!("no arrow in `{line}`"))?;
        let to = to.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        if arrows.insert(from.trim().to_owned(), to.collect()).is_some() {
            bail!("two lines for `{}`", from.trim());
        }
    }
    Ok(arrows)
}

fn compare(documented: &Arrows, actual: &Arrows) -> Vec<String> {
    let mut differences = Vec::new();
    for (name, dependencies) in actual {
        let Some(allowed) = documented.get(name) else {
            differences.push(format!("ARCHITECTURE.md: no arrows for the crate {name}"));
            continue;
        };
        for extra in dependencies.difference(allowed) {
            differences
                .push(format!("{name} depends on {extra}, an arrow that ARCHITECTURE.md does not have"));
        }
        for missing in allowed.difference(dependencies) {
            differences.push(format!("ARCHITECTURE.md: {name} does not depend on {missing}"));
        }
    }
    let gone = documented.keys().filter(|name| !actual.contains_key(*name));
    differences.extend(gone.map(|name| format!("ARCHITECTURE.md: there is no crate {name}")));
    differences
}

/// As the document names it: without `crates/`.
fn short(folder: &str) -> String {
    folder.strip_prefix("crates/").unwrap_or(folder).to_owned()
}

fn from_root(folder: &Path) -> Result<String> {
    let inside = folder.strip_prefix(root());
    let inside = inside.with_context(|| format!("{} lies outside the workspace", folder.display()))?;
    Ok(inside.to_string_lossy().replace('\\', "/"))
}

fn array(value: &Value) -> Result<&Vec<Value>> {
    value.as_array().context("cargo metadata has another shape")
}

fn string(value: &Value) -> Result<&str> {
    value.as_str().context("cargo metadata has another shape")
}

#[cfg(test)]
mod tests {
    use super::{compare, parse};

    #[test]
    fn a_difference_in_either_direction_is_found() {
        let arrows =
            |lines: &str| parse(&format!("text\n```arrows\n{lines}\n```\nmore")).expect("well formed");
        let documented = arrows("a -> b, c\nb ->\nold ->");
        assert!(compare(&documented, &documented).is_empty());
        let differences = compare(&documented, &arrows("a -> b, d\nb ->\nnew -> a"));
        let expected = [
            "a depends on d, an arrow that ARCHITECTURE.md does not have",
            "ARCHITECTURE.md: a does not depend on c",
            "ARCHITECTURE.md: no arrows for the crate new",
            "ARCHITECTURE.md: there is no crate old",
        ];
        assert_eq!(differences, expected);
    }

    #[test]
    fn a_document_without_one_well_formed_block_is_refused() {
        for text in [
            "",
            "```arrows\na -> b\n```\n```arrows\n```",
            "```arrows\na b\n```",
            "```arrows\na ->\na ->\n```",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
