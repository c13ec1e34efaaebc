//! The PROGRAM and --input arguments.

use std::path::{Path, PathBuf};

use clap::Args;
use vellum_zkvm::{ElfError, INPUT_BYTES_MAX, Program};

use crate::exit::Failure;
use crate::files;

/// Larger than any program that fits the machine's memory, its debug information included.
const ELF_BYTES_MAX: u64 = 256 << 20;

/// A program and its input.
#[derive(Args)]
pub(crate) struct ProgramAndInput {
    #[command(flatten)]
    program: ProgramArgument,
    /// The program's private input
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
}

/// A program.
#[derive(Args)]
pub(crate) struct ProgramArgument {
    /// ELF file for RV64IMAC, or the name of a bundled program
    #[arg(value_name = "PROGRAM.elf")]
    program: PathBuf,
}

impl ProgramAndInput {
    pub(crate) fn load(&self) -> Result<(Program, Vec<u8>), Failure> {
        let program = self.program.load()?;
        let input = match &self.input {
            Some(path) => files::read(path, INPUT_BYTES_MAX, "input")?,
            None => Vec::new(),
        };
        Ok((program, input))
    }
}

impl ProgramArgument {
    pub(crate) fn load(&self) -> Result<Program, Failure> {
        load(&self.program)
    }
}

/// A bundled program by its name, any other from its file.
pub(crate) fn load(path: &Path) -> Result<Program, Failure> {
    if let Some(guest) = path.to_str().and_then(vellum_guests::find) {
        return bundled(guest);
    }
    let elf = files::read(path, ELF_BYTES_MAX, "program")?;
    decode(&elf)
        .map_err(|error| Failure::usage(format_args!("cannot load the program {}: {error}", path.display())))
}

/// A bundled program.
pub(crate) fn bundled(guest: &vellum_guests::Guest) -> Result<Program, Failure> {
    decode(guest.elf)
        .map_err(|error| Failure::internal(format_args!("bundled program {}: {error}", guest.name)))
}

/// Names become those of the source: they are for messages and profiles only.
fn decode(elf: &[u8]) -> Result<Program, ElfError> {
    let mut program = Program::from_elf(elf)?;
    for symbol in &mut program.symbols {
        // Without the hash that ends a name; folded stacks are separated by semicolons.
        symbol.name = format!("{:#}", rustc_demangle::demangle(&symbol.name)).replace("; ", ",");
    }
    Ok(program)
}
