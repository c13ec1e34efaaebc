//! The smallest ELF file around given bytes, for tests and generators of test programs.

use alloc::{string::String, vec::Vec};

/// Readable segment.
pub const R: u32 = 4;
/// Readable and writable segment.
pub const RW: u32 = 6;
/// Readable and executable segment.
pub const RX: u32 = 5;

/// A PT_LOAD segment.
#[derive(Clone, Debug)]
pub struct Load {
    /// p_vaddr.
    pub address: u64,
    /// p_flags.
    pub flags: u32,
    /// Bytes in the file.
    pub data: Vec<u8>,
    /// p_memsz.
    pub memory_bytes: u64,
}

impl Load {
    /// A segment without zero bytes after its data.
    pub fn new(address: u64, flags: u32, data: Vec<u8>) -> Self {
        let memory_bytes = data.len() as u64;
        Self { address, flags, data, memory_bytes }
    }

    /// A text segment of 32-bit instructions.
    pub fn text(address: u64, words: &[u32]) -> Self {
        Self::new(address, RX, words.iter().flat_map(|word| word.to_le_bytes()).collect())
    }
}

/// An executable.
#[derive(Clone, Debug, Default)]
pub struct ElfFile {
    /// e_entry.
    pub entry: u64,
    /// PT_LOAD segments.
    pub loads: Vec<Load>,
    /// Symbols: name, address, size, and whether it is a function.
    pub symbols: Vec<(String, u64, u64, bool)>,
}

const FILE_HEADER_BYTES: usize = 64;
const PROGRAM_HEADER_BYTES: usize = 56;

impl ElfFile {
    /// An executable without symbols.
    pub const fn new(entry: u64, loads: Vec<Load>) -> Self {
        Self { entry, loads, symbols: Vec::new() }
    }

    /// File header, program headers, segments at offsets congruent to their addresses by pages, and where there are
    /// symbols, their tables and section headers.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut file = Vec::from([0; FILE_HEADER_BYTES]);
        let mut body = Vec::new();
        let headers_end = FILE_HEADER_BYTES + PROGRAM_HEADER_BYTES * self.loads.len();
        for load in &self.loads {
            // Loaders map whole pages: offset and address must agree modulo the page size.
            let at = headers_end + body.len();
            body.resize(body.len() + (load.address as usize).wrapping_sub(at) % 4096, 0);
            let offset = (headers_end + body.len()) as u64;
            file.extend(1_u32.to_le_bytes());
            file.extend(load.flags.to_le_bytes());
            let size = load.data.len() as u64;
            for field in [offset, load.address, load.address, size, load.memory_bytes, 4096] {
                file.extend(field.to_le_bytes());
            }
            body.extend(&load.data);
        }
        file.extend(body);
        let sections = if self.symbols.is_empty() { (0, 0) } else { (self.sections(&mut file), 3) };
        file[..FILE_HEADER_BYTES].copy_from_slice(&self.file_header(sections));
        file
    }

    fn file_header(&self, (section_headers, section_count): (u64, u16)) -> [u8; FILE_HEADER_BYTES] {
        let mut header = Vec::from(*b"\x7fELF\x02\x01\x01");
        header.resize(16, 0);
        header.extend([2, 0, 243, 0, 1, 0, 0, 0]);
        for field in [self.entry, FILE_HEADER_BYTES as u64, section_headers] {
            header.extend(field.to_le_bytes());
        }
        header.extend(1_u32.to_le_bytes());
        for field in [64, 56, self.loads.len() as u16, 64, section_count, 0] {
            header.extend(field.to_le_bytes());
        }
        let mut array = [0; FILE_HEADER_BYTES];
        array.copy_from_slice(&header);
        array
    }

    /// Appends the symbol and string tables and the section headers; returns the headers' offset.
    fn sections(&self, file: &mut Vec<u8>) -> u64 {
        let (mut names, mut table) = (Vec::from([0]), Vec::from([0; 24]));
        for (name, address, size, function) in &self.symbols {
            table.extend((names.len() as u32).to_le_bytes());
            table.extend([0x10 | if *function { 2 } else { 0 }, 0, 1, 0]);
            table.extend(address.to_le_bytes());
            table.extend(size.to_le_bytes());
            names.extend(name.as_bytes());
            names.push(0);
        }
        let table_at = file.len() as u64;
        file.extend(&table);
        let names_at = file.len() as u64;
        file.extend(&names);
        let headers_at = file.len() as u64;
        file.extend([0; 64]);
        for (kind, offset, size, link, entry_size) in
            [(2_u32, table_at, table.len(), 2_u32, 24_u64), (3, names_at, names.len(), 0, 0)]
        {
            file.extend([0; 4]);
            file.extend(kind.to_le_bytes());
            for field in [0, 0, offset, size as u64] {
                file.extend(field.to_le_bytes());
            }
            file.extend(link.to_le_bytes());
            file.extend([0; 4]);
            for field in [8, entry_size] {
                file.extend(field.to_le_bytes());
            }
        }
        headers_at
    }
}
