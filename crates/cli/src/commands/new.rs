//! `vellum new`: a project for a program of one's own.

use std::fmt::{Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use vellum_guests::template;

use crate::exit::Failure;

/// Create a project for a program of your own in a new folder
#[derive(Args)]
pub(crate) struct New {
    /// Name of the project and its folder
    #[arg(value_name = "NAME")]
    name: String,
}

#[derive(Serialize)]
pub(crate) struct Report {
    folder: String,
    files: Vec<&'static str>,
}

impl New {
    pub(crate) fn run(&self) -> Result<Report, Failure> {
        let files = template::files(&self.name).map_err(Failure::usage)?;
        let folder = PathBuf::from(&self.name);
        fs::create_dir(&folder).map_err(|error| {
            Failure::file(&format!("cannot create the folder {}", folder.display()), &error)
        })?;
        for (path, text) in &files {
            if let Err(failure) = write(&folder.join(path), text) {
                // The folder was made above, so nothing else is in it.
                let _ = fs::remove_dir_all(&folder);
                return Err(failure);
            }
        }
        Ok(Report { folder: self.name.clone(), files: files.into_iter().map(|(path, _)| path).collect() })
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, text));
    written.map_err(|error| Failure::file(&format!("cannot write {}", path.display()), &error))
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "created {} with {} files", self.folder, self.files.len())?;
        let elf = format!("target/riscv64imac-unknown-none-elf/release/{}", self.folder);
        writeln!(f, "three commands to a proof:")?;
        writeln!(f, "  cd {} && cargo build --release", self.folder)?;
        writeln!(f, "  vellum prove {elf} --input input.txt --proof {}.proof", self.folder)?;
        writeln!(f, "  vellum verify --proof {}.proof --program {elf}", self.folder)
    }
}
