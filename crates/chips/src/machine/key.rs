//! Keys: what a program becomes for prover and verifier.

use vellum_isa::map::{HALT, IMAGE_DWORDS_MAX, INPUT_BASE, REGISTERS, ROM_ROWS_MAX, VIRTUAL_PC};
use vellum_isa::{Family, Program};
use vellum_stark::{
    DIGEST, Digest, F, Preprocessed, PreprocessedRoot, PrimeCharacteristicRing, hash_elements,
};

use super::{Machine, Table, table, word};
use crate::{image_rows, program_rows};

/// The program half of a verifying key, of fixed length. With the machine digest it hashes to the key's 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    /// Binds the circuits and the profile.
    pub machine: Digest,
    /// Root of PROGRAM's preprocessed columns.
    pub program_root: Digest,
    /// Log-height of PROGRAM.
    pub program_log_height: u8,
    /// Root of IMAGE's preprocessed columns.
    pub image_root: Digest,
    /// Log-height of IMAGE.
    pub image_log_height: u8,
    /// First memory key above the image.
    pub image_end: u32,
    /// Entry pc cell.
    pub entry: u32,
}

/// Bytes of an encoded [`VerifyingKey`].
pub const VK_BYTES: usize = 3 * 4 * DIGEST + 2 + 4 + 4;

impl VerifyingKey {
    /// The digest that stands for the key everywhere.
    pub fn digest(&self) -> Digest {
        let numbers = [
            KEY_TAG,
            u32::from(self.program_log_height),
            u32::from(self.image_log_height),
            self.image_end & 0xffff,
            self.image_end >> 16,
            self.entry & 0xffff,
            self.entry >> 16,
            0,
        ];
        hash_elements(
            numbers
                .map(F::from_u32)
                .into_iter()
                .chain(self.machine)
                .chain(self.program_root)
                .chain(self.image_root),
        )
    }

    /// The digest as 32 bytes, four little-endian per element.
    pub fn digest_bytes(&self) -> [u8; 32] {
        digest_bytes(&self.digest())
    }

    /// The key as bytes.
    pub fn encode(&self) -> [u8; VK_BYTES] {
        let mut bytes = [0; VK_BYTES];
        for (i, digest) in [self.machine, self.program_root, self.image_root].iter().enumerate() {
            bytes[32 * i..32 * (i + 1)].copy_from_slice(&digest_bytes(digest));
        }
        bytes[96] = self.program_log_height;
        bytes[97] = self.image_log_height;
        bytes[98..102].copy_from_slice(&self.image_end.to_le_bytes());
        bytes[102..106].copy_from_slice(&self.entry.to_le_bytes());
        bytes
    }

    /// The key from its bytes; `None` when a digest's element is not canonical.
    pub fn decode(bytes: &[u8; VK_BYTES]) -> Option<Self> {
        let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let digest = |at: usize| -> Option<Digest> {
            let mut digest = Digest::default();
            for (i, element) in digest.iter_mut().enumerate() {
                *element = canonical(number(at + 4 * i))?;
            }
            Some(digest)
        };
        Some(Self {
            machine: digest(0)?,
            program_root: digest(32)?,
            image_root: digest(64)?,
            program_log_height: bytes[96],
            image_log_height: bytes[97],
            image_end: number(98),
            entry: number(102),
        })
    }

    /// The preprocessed roots in the order in which proofs open them.
    pub(crate) fn roots(&self, machine: &Machine) -> [PreprocessedRoot; 3] {
        [
            machine.fixed.root(),
            PreprocessedRoot {
                chips: vec![(Table::Program as usize, self.program_log_height)],
                root: self.program_root,
            },
            PreprocessedRoot {
                chips: vec![(Table::Image as usize, self.image_log_height)],
                root: self.image_root,
            },
        ]
    }
}

/// The field element of a canonical integer.
pub fn canonical(value: u32) -> Option<F> {
    let element = F::from_u32(value);
    (word(element) == value).then_some(element)
}

/// A digest as 32 bytes, four little-endian per element.
pub fn digest_bytes(digest: &Digest) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, element) in bytes.chunks_exact_mut(4).zip(digest) {
        chunk.copy_from_slice(&word(*element).to_le_bytes());
    }
    bytes
}

/// What the prover keeps of a program: its tables and the verifying key.
pub struct ProgramKey {
    /// The program.
    pub program: Program,
    pub(crate) rom: Preprocessed,
    pub(crate) image: Preprocessed,
    /// The key that verifies its proofs.
    pub vk: VerifyingKey,
}

impl ProgramKey {
    /// Commits to the program's ROM and memory image.
    ///
    /// # Panics
    /// If the program is none that `Program::from_elf` makes: the soundness of the machine rests on what that guarantees.
    pub fn new(machine: &Machine, program: Program) -> Self {
        check_program(&program);
        let rom = Preprocessed::commit(
            &machine.set,
            vec![(Table::Program as usize, table(&program_rows(&program)))],
        );
        let image =
            Preprocessed::commit(&machine.set, vec![(Table::Image as usize, table(&image_rows(&program)))]);
        let (rom_root, image_root) = (rom.root(), image.root());
        let vk = VerifyingKey {
            machine: machine.digest(),
            program_root: rom_root.root,
            program_log_height: rom_root.chips[0].1,
            image_root: image_root.root,
            image_log_height: image_root.chips[0].1,
            image_end: program.image_end,
            entry: program.entry,
        };
        Self { program, rom, image, vk }
    }
}

/// What the chips take for granted of every ROM row and image dword: one row per pc, cells in their ranges, one image row
/// per key, keys that are memory's.
fn check_program(program: &Program) {
    assert!(!program.rom.is_empty() && program.rom.len() <= ROM_ROWS_MAX, "the ROM's rows fit its table");
    assert!(program.rom.windows(2).all(|rows| rows[0].pc < rows[1].pc), "pcs ascend, so none stands twice");
    assert!(program.rom.binary_search_by_key(&program.entry, |row| row.pc).is_ok(), "the entry is a row");
    assert!(program.entry < VIRTUAL_PC, "the entry is a real pc");
    for row in &program.rom {
        let registers = [row.rd, row.rs1].iter().all(|r| usize::from(*r) < REGISTERS);
        let family = row.op.family();
        // Branches keep their target in i0, JALR a limb of the link in npc, LI and JALR constants in rs2.
        let i0 = if row.op.is_branch() { row.i0 < HALT } else { row.i0 < 1 << 16 };
        let rs2 = matches!(family, Family::Li | Family::Jalr) || usize::from(row.rs2) < REGISTERS;
        let npc = row.npc < if family == Family::Jalr { 1 << 16 } else { HALT };
        let amount = family != Family::Shift || row.i0 < 64;
        // Loads use rd, stores rs2: the other is 0, for the chips add the two.
        let memory = !matches!(family, Family::Mem64 | Family::MemSub) || row.rd == 0 || row.rs2 == 0;
        assert!(
            row.pc < HALT && registers && i0 && rs2 && npc && amount && memory,
            "the cells of {row:?} are in their ranges"
        );
    }
    let mut end = 0;
    let mut dwords = 0;
    for segment in &program.segments {
        let last = u64::from(segment.key) + segment.dwords.len() as u64;
        assert!(
            u64::from(segment.key) >= end && last <= INPUT_BASE / 8,
            "segments ascend below the input region"
        );
        end = last;
        dwords += segment.dwords.len();
    }
    assert!(dwords <= IMAGE_DWORDS_MAX, "the image's dwords fit its table");
    let image_end = u64::from(program.image_end);
    assert!(image_end >= end.max(1) && image_end <= INPUT_BASE / 8, "the image ends below the input region");
}

const KEY_TAG: u32 = 0x56_4b01;
