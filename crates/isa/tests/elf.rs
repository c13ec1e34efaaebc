//! ELF files: what loads, and every way a file is refused.

use proptest::prelude::*;
use vellum_isa::{
    ElfError, Program, RomRow, Segment,
    elf_file::{ElfFile, Load, R, RW, RX},
    map::{IMAGE_DWORDS_MAX, VIRTUAL_PC},
};

const NOP: u32 = 0x13;
const ECALL: u32 = 0x73;
const TEXT: u64 = 0x1_0000;

fn file(loads: Vec<Load>) -> ElfFile {
    ElfFile::new(TEXT, loads)
}

fn tiny() -> ElfFile {
    file(vec![Load::text(TEXT, &[NOP, ECALL]), Load::new(0x2_0004, RW, vec![1, 2, 3, 4, 5])])
}

/// The error of the tiny file with `bytes` written at `offset`.
fn patched(offset: usize, bytes: &[u8]) -> ElfError {
    let mut file = tiny().to_bytes();
    file[offset..offset + bytes.len()].copy_from_slice(bytes);
    refused(&file)
}

fn refused(file: &[u8]) -> ElfError {
    Program::from_elf(file).expect_err("the file should be refused")
}

/// The error of a file with a text and this segment.
fn with(load: Load) -> ElfError {
    refused(&file(vec![Load::text(TEXT, &[NOP]), load]).to_bytes())
}

/// Offsets in the file header and in the first program header.
mod at {
    pub(crate) const CLASS: usize = 4;
    pub(crate) const ENDIANNESS: usize = 5;
    pub(crate) const TYPE: usize = 16;
    pub(crate) const MACHINE: usize = 18;
    pub(crate) const VERSION: usize = 20;
    pub(crate) const ENTRY: usize = 24;
    pub(crate) const HEADER_SIZE: usize = 54;
    pub(crate) const HEADER_COUNT: usize = 56;
    pub(crate) const P_TYPE: usize = 64;
    pub(crate) const P_OFFSET: usize = 72;
    pub(crate) const P_FILESZ: usize = 96;
}

#[test]
fn loads_text_and_data() {
    let program = Program::from_elf(&tiny().to_bytes()).expect("loads");
    assert_eq!(program.entry, TEXT as u32 / 2);
    assert_eq!(program.rom.iter().map(RomRow::to_string).collect::<Vec<_>>(), ["li zero, 0x0", "ecall"]);
    let expected = [
        Segment { key: 0x2000, dwords: vec![0x73_0000_0013] },
        Segment { key: 0x4000, dwords: vec![0x0403_0201_0000_0000, 5] },
    ];
    assert_eq!(program.segments, expected);
    assert_eq!(program.image_end, 0x4002);
    assert_eq!((program.symbols.len(), program.signature), (0, None));
}

#[test]
fn bss_is_zero_and_segments_that_meet_in_a_dword_are_one_run() {
    let mut data = Load::new(0x2_0000, RW, vec![0xff; 3]);
    data.memory_bytes = 12;
    let loads = vec![Load::text(TEXT, &[NOP]), Load::new(0x2_000c, RW, vec![7]), data];
    let program = Program::from_elf(&file(loads).to_bytes()).expect("loads");
    assert_eq!(program.segments[1], Segment { key: 0x4000, dwords: vec![0xff_ffff, 0x7_0000_0000] });
}

#[test]
fn filler_has_no_row_and_instructions_after_it_do() {
    let bytes = [0x13, 0, 0, 0, 0, 0, 0x01, 0, 0x73, 0, 0, 0, 0x13];
    let program =
        Program::from_elf(&file(vec![Load::new(TEXT, RX, bytes.to_vec())]).to_bytes()).expect("loads");
    let cells: Vec<_> = program.rom.iter().map(|row| row.pc - TEXT as u32 / 2).collect();
    assert_eq!(cells, [0, 3, 4]);
}

#[test]
fn micro_rows_have_ascending_virtual_pcs_after_the_text() {
    let amoadd = 0x0031_20af;
    let program =
        Program::from_elf(&file(vec![Load::text(TEXT, &[amoadd, NOP, amoadd])]).to_bytes()).expect("loads");
    let cell = TEXT as u32 / 2;
    let expected = [cell, cell + 2, cell + 4].into_iter().chain(VIRTUAL_PC..VIRTUAL_PC + 6);
    assert!(program.rom.iter().map(|row| row.pc).eq(expected));
    assert_eq!(program.rom[2].npc, VIRTUAL_PC + 3);
    assert_eq!(program.rom[5].npc, cell + 2);
}

#[test]
fn symbols_serve_messages_and_the_signature() {
    let mut elf = tiny();
    elf.symbols = vec![
        ("begin_signature".into(), 0x2_0000, 0, false),
        ("second".into(), TEXT + 4, 4, true),
        ("_start".into(), TEXT, 0, false),
        ("main".into(), TEXT, 4, true),
        (".Llabel".into(), TEXT + 2, 0, false),
        ("end_signature".into(), 0x2_0008, 0, false),
    ];
    let mut bytes = elf.to_bytes();
    let program = Program::from_elf(&bytes).expect("loads");
    let names: Vec<_> = program.symbols.iter().map(|s| (s.name.as_str(), s.address, s.size)).collect();
    assert_eq!(names, [("main", TEXT, 4), ("second", TEXT + 4, 4)]);
    assert_eq!(program.signature, Some((0x2_0000, 0x2_0008)));
    // A broken section table only loses the symbols.
    bytes[40..48].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(Program::from_elf(&bytes).expect("loads").symbols, []);
}

#[test]
fn refuses_other_files() {
    assert_eq!(refused(b""), ElfError::NotElf);
    assert_eq!(refused(b"\x7fEL"), ElfError::NotElf);
    assert_eq!(refused(b"#!/bin/sh\n"), ElfError::NotElf);
    assert_eq!(refused(b"\x7fELF"), ElfError::Truncated { what: "the file header", needed: 64, got: 4 });
    assert_eq!(patched(at::CLASS, &[1]), ElfError::Class(1));
    assert_eq!(patched(at::ENDIANNESS, &[2]), ElfError::Endianness(2));
    assert_eq!(patched(at::VERSION, &[2]), ElfError::Version(2));
    assert_eq!(patched(at::MACHINE, &[62]), ElfError::Machine(62));
    assert_eq!(patched(at::TYPE, &[1]), ElfError::Type(1));
    assert_eq!(patched(at::TYPE, &[3]), ElfError::Type(3));
    assert_eq!(patched(at::HEADER_SIZE, &[32]), ElfError::HeaderSize(32));
    assert_eq!(patched(at::P_TYPE, &[2]), ElfError::Dynamic(0, "PT_DYNAMIC"));
    assert_eq!(patched(at::P_TYPE, &[3]), ElfError::Dynamic(0, "PT_INTERP"));
}

#[test]
fn refuses_truncated_files() {
    let file = tiny().to_bytes();
    for length in 0..file.len() {
        assert!(Program::from_elf(&file[..length]).is_err(), "{length} bytes");
    }
    assert!(matches!(patched(at::HEADER_COUNT, &[255, 255]), ElfError::Truncated { .. }));
    assert!(matches!(patched(at::P_OFFSET, &u64::MAX.to_le_bytes()), ElfError::SegmentData { .. }));
    assert!(matches!(patched(at::P_OFFSET, &[0, 0, 0, 1]), ElfError::SegmentData { .. }));
}

#[test]
fn refuses_segments_outside_the_map() {
    assert!(matches!(with(Load::new(0x7fff_fffc, RW, vec![0; 5])), ElfError::OutsideMemory { .. }));
    let mut huge = Load::new(0x2_0000, RW, vec![]);
    huge.memory_bytes = u64::MAX - 8;
    assert!(matches!(with(huge.clone()), ElfError::OutsideMemory { .. }));
    huge.memory_bytes = 8 * IMAGE_DWORDS_MAX as u64;
    assert_eq!(with(huge), ElfError::ImageTooLarge(IMAGE_DWORDS_MAX as u64 + 1));
    assert!(matches!(with(Load::new(0x3fff_fffe, RX, vec![0; 4])), ElfError::TextOutside { .. }));
    assert_eq!(with(Load::new(TEXT + 3, R, vec![0; 4])), ElfError::Overlap(TEXT + 3));
    assert_eq!(with(Load::new(TEXT, R, vec![0; 4])), ElfError::Overlap(TEXT));
    assert!(matches!(patched(at::P_FILESZ, &[9]), ElfError::FileSize { .. }));
}

#[test]
fn refuses_bad_text_and_entries() {
    assert_eq!(with(Load::new(0x3_0000, RX | 2, vec![0; 4])), ElfError::WritableText(0x3_0000));
    assert_eq!(with(Load::new(0x3_0001, RX, vec![0; 4])), ElfError::TextOdd(0x3_0001));
    assert_eq!(refused(&file(vec![Load::new(TEXT, RW, vec![0; 4])]).to_bytes()), ElfError::NoText);
    assert_eq!(refused(&file(vec![]).to_bytes()), ElfError::NoText);
    for (entry, error) in [
        (0, ElfError::EntryOutside(0)),
        (0x2_0004, ElfError::EntryOutside(0x2_0004)),
        (TEXT + 8, ElfError::EntryOutside(TEXT + 8)),
        (u64::MAX, ElfError::EntryOutside(u64::MAX)),
        (TEXT + 2, ElfError::EntryNotInstruction(TEXT + 2)),
        (TEXT + 1, ElfError::EntryNotInstruction(TEXT + 1)),
    ] {
        assert_eq!(patched(at::ENTRY, &entry.to_le_bytes()), error);
    }
}

#[test]
fn refuses_too_many_instructions() {
    let nops = [1, 0].repeat((1 << 22) + 1);
    assert_eq!(refused(&file(vec![Load::new(TEXT, RX, nops)]).to_bytes()), ElfError::TextTooLarge);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn mutated_files_never_panic(edits in prop::collection::vec((0_usize..1000, any::<u8>()), 1..8)) {
        let mut elf = tiny();
        elf.symbols = vec![("main".into(), TEXT, 4, true), ("begin_signature".into(), 0x2_0000, 0, false)];
        let mut bytes = elf.to_bytes();
        let tail = bytes.len().saturating_sub(400);
        for (at, value) in edits {
            // The headers, and the symbols at the end.
            let at = if at < 200 { at } else { tail + at % 400 };
            bytes[at] = value;
        }
        if let Ok(program) = Program::from_elf(&bytes) {
            prop_assert!(program.rom.is_sorted_by_key(|row| row.pc));
            prop_assert!(program.segments.is_sorted_by_key(|segment| segment.key));
            prop_assert!(program.rom.binary_search_by_key(&program.entry, |row| row.pc).is_ok());
        }
    }
}
