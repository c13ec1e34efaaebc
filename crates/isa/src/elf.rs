//! ELF file in, [`Program`] out; every malformed file is refused by name.
//!
//! Only the program headers decide what is executed and loaded. Section headers serve the symbols alone, and where they
//! are malformed there are simply no symbols. Nothing is allocated from a size that was not checked against the file's
//! length or the limits of [`crate::map`].

use alloc::{string::String, vec::Vec};

use thiserror::Error;

use crate::{
    Program, Segment,
    map::{IMAGE_DWORDS_MAX, INPUT_BASE, TEXT_END},
    sweep::Rom,
    symbols,
};

/// Why a file is not a program.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ElfError {
    /// The magic number is missing.
    #[error("not an ELF file")]
    NotElf,
    /// A header reaches beyond the end of the file.
    #[error("truncated ELF file: {what} needs {needed} bytes, the file has {got}")]
    Truncated {
        /// Which part.
        what: &'static str,
        /// Bytes needed.
        needed: u64,
        /// Bytes there.
        got: u64,
    },
    /// Not ELFCLASS64.
    #[error("not a 64-bit ELF file (class {0})")]
    Class(u8),
    /// Not ELFDATA2LSB.
    #[error("not a little-endian ELF file (data encoding {0})")]
    Endianness(u8),
    /// Not version 1.
    #[error("unknown ELF version {0}")]
    Version(u32),
    /// Not EM_RISCV.
    #[error("not a RISC-V program (machine {0})")]
    Machine(u16),
    /// Not ET_EXEC.
    #[error("not a statically linked executable (type {kind}: {name})", kind = .0, name = type_name(*.0))]
    Type(u16),
    /// Program headers of another size than ELF64's.
    #[error("program headers of {0} bytes instead of 56")]
    HeaderSize(u16),
    /// PT_INTERP or PT_DYNAMIC is there.
    #[error("dynamically linked (program header {0} of type {1}): link statically")]
    Dynamic(usize, &'static str),
    /// More bytes in the file than in memory.
    #[error("segment at {address:#x}: {file_bytes} bytes in the file, but {memory_bytes} in memory")]
    FileSize {
        /// First address.
        address: u64,
        /// p_filesz.
        file_bytes: u64,
        /// p_memsz.
        memory_bytes: u64,
    },
    /// The segment's bytes lie beyond the end of the file.
    #[error("segment at {address:#x}: bytes {offset}..+{file_bytes} lie beyond the file's end at {got}")]
    SegmentData {
        /// First address.
        address: u64,
        /// p_offset.
        offset: u64,
        /// p_filesz.
        file_bytes: u64,
        /// File length.
        got: u64,
    },
    /// The segment leaves [0, 2^31).
    #[error("segment at {address:#x} of {memory_bytes} bytes lies outside the memory map (below 2^31)")]
    OutsideMemory {
        /// First address.
        address: u64,
        /// p_memsz.
        memory_bytes: u64,
    },
    /// Two segments share a byte.
    #[error("segments overlap at {0:#x}")]
    Overlap(u64),
    /// The segments together are larger than the limit.
    #[error("memory image of {0} dwords, at most {max} allowed", max = crate::map::IMAGE_DWORDS_MAX)]
    ImageTooLarge(u64),
    /// A segment is both writable and executable.
    #[error("writable text segment at {0:#x}")]
    WritableText(u64),
    /// Text beyond 2^30.
    #[error("text segment at {address:#x} of {memory_bytes} bytes ends beyond 2^30")]
    TextOutside {
        /// First address.
        address: u64,
        /// p_memsz.
        memory_bytes: u64,
    },
    /// Text at an odd address.
    #[error("text segment at odd address {0:#x}")]
    TextOdd(u64),
    /// No executable segment.
    #[error("no text: the file has no executable segment")]
    NoText,
    /// More instructions than the limit.
    #[error("text too large: more than {max} instructions", max = crate::map::ROM_ROWS_MAX)]
    TextTooLarge,
    /// The entry is in no text segment.
    #[error("entry {0:#x} is outside the text")]
    EntryOutside(u64),
    /// The entry is not where an instruction starts.
    #[error("entry {0:#x} is not at an instruction")]
    EntryNotInstruction(u64),
}

fn type_name(kind: u16) -> &'static str {
    match kind {
        1 => "relocatable object",
        3 => "shared object or position-independent",
        4 => "core dump",
        _ => "unknown",
    }
}

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const PF_X: u32 = 1;
const PF_W: u32 = 2;
const EM_RISCV: u16 = 243;
const ET_EXEC: u16 = 2;
const FILE_HEADER_BYTES: u64 = 64;
const PROGRAM_HEADER_BYTES: u16 = 56;

impl Program {
    /// Loads a statically linked RV64 executable.
    ///
    /// Segments that meet in one dword without sharing a byte become one [`Segment`], as do adjacent ones. What the last
    /// dword of a segment holds beyond the segment is zero.
    pub fn from_elf(file: &[u8]) -> Result<Self, ElfError> {
        let file = Bytes(file);
        let header = file_header(file)?;
        let loads = loads(file, &header)?;
        let segments = image(&loads)?;
        let mut rom = Rom::default();
        for load in loads.iter().filter(|load| load.is_text()) {
            rom.sweep(load.address, load.data).map_err(|_| ElfError::TextTooLarge)?;
        }
        let rom = rom.finish();
        let entry = entry(header.entry, &loads, &rom)?;
        let image_end = segments.last().map_or(0, |last| last.key + last.dwords.len() as u32);
        let symbols::Symbols { functions, signature } =
            symbols::read(file, |address| is_text(&loads, address));
        Ok(Self { rom, entry, segments, image_end, symbols: functions, signature })
    }
}

/// Little-endian reads that fail beyond the end.
#[derive(Clone, Copy)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn slice(self, offset: u64, length: u64) -> Option<&'a [u8]> {
        let end = offset.checked_add(length)?;
        self.0.get(usize::try_from(offset).ok()?..usize::try_from(end).ok()?)
    }

    fn array<const N: usize>(self, offset: u64) -> Option<[u8; N]> {
        self.slice(offset, N as u64)?.try_into().ok()
    }

    pub(crate) fn u16(self, offset: u64) -> Option<u16> {
        self.array(offset).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(self, offset: u64) -> Option<u32> {
        self.array(offset).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(self, offset: u64) -> Option<u64> {
        self.array(offset).map(u64::from_le_bytes)
    }

    fn truncated(self, what: &'static str, needed: u64) -> ElfError {
        ElfError::Truncated { what, needed, got: self.0.len() as u64 }
    }
}

struct FileHeader {
    entry: u64,
    program_headers: u64,
    count: u16,
}

fn file_header(file: Bytes<'_>) -> Result<FileHeader, ElfError> {
    if !file.0.starts_with(b"\x7fELF") {
        return Err(ElfError::NotElf);
    }
    let truncated = || file.truncated("the file header", FILE_HEADER_BYTES);
    let [class, endianness] = file.array(4).ok_or_else(truncated)?;
    if class != 2 {
        return Err(ElfError::Class(class));
    }
    if endianness != 1 {
        return Err(ElfError::Endianness(endianness));
    }
    let header = Bytes(file.slice(0, FILE_HEADER_BYTES).ok_or_else(truncated)?);
    let u16 = |offset| header.u16(offset).ok_or_else(truncated);
    let u64 = |offset| header.u64(offset).ok_or_else(truncated);
    let version = header.u32(20).ok_or_else(truncated)?;
    if version != 1 {
        return Err(ElfError::Version(version));
    }
    let machine = u16(18)?;
    if machine != EM_RISCV {
        return Err(ElfError::Machine(machine));
    }
    let kind = u16(16)?;
    if kind != ET_EXEC {
        return Err(ElfError::Type(kind));
    }
    let (header_size, count) = (u16(54)?, u16(56)?);
    if count > 0 && header_size != PROGRAM_HEADER_BYTES {
        return Err(ElfError::HeaderSize(header_size));
    }
    Ok(FileHeader { entry: u64(24)?, program_headers: u64(32)?, count })
}

/// A PT_LOAD segment whose sizes were checked.
struct Load<'a> {
    address: u64,
    /// First address beyond it.
    end: u64,
    flags: u32,
    data: &'a [u8],
}

impl Load<'_> {
    fn is_text(&self) -> bool {
        self.flags & PF_X != 0
    }

    /// The memory keys it touches.
    fn keys(&self) -> core::ops::Range<u64> {
        self.address / 8..self.end.div_ceil(8)
    }
}

/// The non-empty PT_LOAD segments by ascending address, disjoint, inside the memory map and the limits.
fn loads<'a>(file: Bytes<'a>, header: &FileHeader) -> Result<Vec<Load<'a>>, ElfError> {
    let size = u64::from(PROGRAM_HEADER_BYTES);
    let table_bytes = u64::from(header.count) * size;
    let table = file.slice(header.program_headers, table_bytes).ok_or_else(|| {
        file.truncated("the program header table", header.program_headers.saturating_add(table_bytes))
    })?;
    let mut loads = Vec::new();
    for (i, entry) in table.chunks_exact(usize::from(PROGRAM_HEADER_BYTES)).enumerate() {
        let field32 = |offset| Bytes(entry).u32(offset).unwrap_or_default();
        match field32(0) {
            PT_INTERP => return Err(ElfError::Dynamic(i, "PT_INTERP")),
            PT_DYNAMIC => return Err(ElfError::Dynamic(i, "PT_DYNAMIC")),
            PT_LOAD => loads.extend(load(file, Bytes(entry))?),
            _ => {}
        }
    }
    loads.sort_by_key(|load| load.address);
    if let Some([_, second]) = loads.array_windows().find(|[first, second]| second.address < first.end) {
        return Err(ElfError::Overlap(second.address));
    }
    let dwords = loads.iter().map(|load| load.keys().end - load.keys().start).sum();
    if dwords > IMAGE_DWORDS_MAX as u64 {
        return Err(ElfError::ImageTooLarge(dwords));
    }
    if !loads.iter().any(Load::is_text) {
        return Err(ElfError::NoText);
    }
    Ok(loads)
}

/// One PT_LOAD entry; `None` if it is empty.
fn load<'a>(file: Bytes<'a>, entry: Bytes<'_>) -> Result<Option<Load<'a>>, ElfError> {
    let field = |offset| entry.u64(offset).unwrap_or_default();
    let flags = entry.u32(4).unwrap_or_default();
    let (offset, address, file_bytes, memory_bytes) = (field(8), field(16), field(32), field(40));
    if file_bytes > memory_bytes {
        return Err(ElfError::FileSize { address, file_bytes, memory_bytes });
    }
    let data = file.slice(offset, file_bytes).ok_or(ElfError::SegmentData {
        address,
        offset,
        file_bytes,
        got: file.0.len() as u64,
    })?;
    let end = address.saturating_add(memory_bytes);
    if end > INPUT_BASE {
        return Err(ElfError::OutsideMemory { address, memory_bytes });
    }
    if memory_bytes == 0 {
        return Ok(None);
    }
    let load = Load { address, end, flags, data };
    if load.is_text() {
        if flags & PF_W != 0 {
            return Err(ElfError::WritableText(address));
        }
        if end > TEXT_END {
            return Err(ElfError::TextOutside { address, memory_bytes });
        }
        if !address.is_multiple_of(2) {
            return Err(ElfError::TextOdd(address));
        }
    }
    Ok(Some(load))
}

/// Whether a text segment holds the byte at `address`; the segments are sorted.
fn is_text(loads: &[Load<'_>], address: u64) -> bool {
    let after = loads.partition_point(|load| load.address <= address);
    loads[..after].last().is_some_and(|load| load.is_text() && address < load.end)
}

/// Lays the segments out as runs of dwords.
fn image(loads: &[Load<'_>]) -> Result<Vec<Segment>, ElfError> {
    let mut runs: Vec<Segment> = Vec::new();
    for load in loads {
        let keys = load.keys();
        if runs.last().is_none_or(|run| u64::from(run.key) + (run.dwords.len() as u64) < keys.start) {
            runs.push(Segment { key: keys.start as u32, dwords: Vec::new() });
        }
        let Some(run) = runs.last_mut() else { continue };
        let base = u64::from(run.key) * 8;
        run.dwords.resize((keys.end - u64::from(run.key)) as usize, 0);
        for (address, byte) in (load.address..).zip(load.data) {
            let at = address - base;
            run.dwords[(at / 8) as usize] |= u64::from(*byte) << (8 * (at % 8));
        }
    }
    Ok(runs)
}

fn entry(address: u64, loads: &[Load<'_>], rom: &[crate::RomRow]) -> Result<u32, ElfError> {
    if !is_text(loads, address) {
        return Err(ElfError::EntryOutside(address));
    }
    let cell = (address / 2) as u32;
    if !address.is_multiple_of(2) || rom.binary_search_by_key(&cell, |row| row.pc).is_err() {
        return Err(ElfError::EntryNotInstruction(address));
    }
    Ok(cell)
}

/// A name of at most 512 bytes, so that symbols that share one long string cannot multiply it.
pub(crate) fn name(table: &[u8], offset: u32) -> Option<String> {
    let bytes = table.get(offset as usize..)?;
    let end = bytes.iter().take(513).position(|byte| *byte == 0)?;
    String::from_utf8(bytes[..end].to_vec()).ok()
}
