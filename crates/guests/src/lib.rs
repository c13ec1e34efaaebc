//! The bundled guest programs: names in, ELF bytes out. `build.rs` compiles them from `guest/`.
//!
//! Knows nothing of execution or proofs, so that the bytes can be looked at by anyone.

pub mod template;

/// A program for the zkVM.
#[derive(Clone, Copy)]
pub struct Guest {
    /// The name that commands take in place of a file.
    pub name: &'static str,
    /// What it proves, in a line.
    pub description: &'static str,
    /// The ELF file, with function symbols for profiles.
    pub elf: &'static [u8],
}

static GUESTS: &[Guest] = include!(concat!(env!("OUT_DIR"), "/list.rs"));

/// All bundled programs.
pub fn all() -> &'static [Guest] {
    GUESTS
}

/// The bundled program of this name.
pub fn find(name: &str) -> Option<&'static Guest> {
    GUESTS.iter().find(|guest| guest.name == name)
}
