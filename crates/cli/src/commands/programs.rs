//! `vellum programs`: the bundled guests.

use std::fmt::{Display, Formatter};

use clap::Args;
use serde::Serialize;
use vellum_zkvm::{Machine, Profile, ProgramKey};

use crate::exit::Failure;
use crate::output::{hex, show_hex};
use crate::program::bundled;

/// List the bundled programs with their verifying keys
#[derive(Args)]
pub(crate) struct Programs {}

#[derive(Serialize)]
pub(crate) struct Report {
    programs: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    name: &'static str,
    description: &'static str,
    #[serde(serialize_with = "hex")]
    vk: [u8; 32],
    /// Of the ELF file, in bytes.
    size: usize,
}

impl Programs {
    pub(crate) fn run(&self) -> Result<Report, Failure> {
        let machine = Machine::new(Profile::Standard);
        let entries = vellum_guests::all().iter().map(|guest| {
            let key = ProgramKey::new(&machine, bundled(guest)?);
            Ok(Entry {
                name: guest.name,
                description: guest.description,
                vk: key.vk.digest_bytes(),
                size: guest.elf.len(),
            })
        });
        Ok(Report { programs: entries.collect::<Result<_, Failure>>()? })
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        for entry in &self.programs {
            writeln!(f, "{:<10} {}", entry.name, entry.description)?;
            writeln!(f, "           vk {}, {} bytes", show_hex(entry.vk), entry.size)?;
        }
        Ok(())
    }
}
