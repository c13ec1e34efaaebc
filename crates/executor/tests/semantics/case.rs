//! One instruction with its operands and results as a line of text, and the program that runs all of them.
//!
//! A line is `pc word inputs : outputs`. Inputs are registers (`x8=…`), `m=…` (the dword at [`MEMORY`]) and `before=…`, a
//! word that is executed first; all others are zero. Outputs are what the instruction changed. Every number is
//! hexadecimal. The program has a slot of code for each case at the case's own address, so results may depend on pc.

use std::fmt::Write;

use vellum_isa::{
    elf_file::{ElfFile, Load, RW},
    encode::{ECALL, LOAD, LUI, OP_IMM, OP_IMM_32, i_type, j_type, s_type, u_type},
};

/// Address of the dword that loads, stores and atomics reach.
pub(crate) const MEMORY: u64 = 0x200_0000;
/// Registers that an instruction under test may use, and x7, which tells how control left it: 7 to the next instruction,
/// 0 to the one 8 bytes ahead, 9 to the one 8 bytes back.
pub(crate) const REGISTERS: [u32; 11] = [1, 2, 7, 8, 9, 10, 11, 12, 13, 14, 15];

const TEXT: u64 = 0x10_0000;
const SLOT_BYTES: usize = 512;
/// Where in its slot the instruction under test stands.
const INSTRUCTION: usize = 0x180;
const RESULTS: u64 = MEMORY + 0x1000;
/// The results' address while the program runs.
const POINTER: u32 = 31;
const SCRATCH: u32 = 30;

/// Values of the registers, in the order of [`REGISTERS`], and of the dword.
pub(crate) type State = [u64; REGISTERS.len() + 1];
/// Index of the dword in a [`State`].
pub(crate) const DWORD: usize = REGISTERS.len();
/// Bytes of a case's results.
pub(crate) const STATE_BYTES: usize = 8 * (REGISTERS.len() + 1);

/// An instruction and what it works on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Case {
    /// The word; 16-bit instructions have no upper half.
    pub(crate) word: u32,
    /// A word executed before it, 0 for none.
    pub(crate) before: u32,
    pub(crate) inputs: State,
    pub(crate) outputs: State,
}

/// Address of the instruction under test of case `i`.
pub(crate) const fn pc(i: usize) -> u64 {
    TEXT + (i * SLOT_BYTES + INSTRUCTION) as u64
}

/// Reads lines; the cases must be in the order of their slots.
pub(crate) fn parse(text: &str) -> Vec<Case> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .enumerate()
        .map(|(i, line)| parse_line(i, line).unwrap_or_else(|| panic!("malformed line: {line}")))
        .collect()
}

fn parse_line(i: usize, line: &str) -> Option<Case> {
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let (left, right) = line.split_once(" :")?;
    let mut fields = left.split(' ');
    assert_eq!(hex(fields.next()?)?, pc(i), "cases stand in order");
    let mut case = Case { word: hex(fields.next()?)? as u32, ..Case::default() };
    for field in fields {
        match field.split_once('=')? {
            ("before", word) => case.before = hex(word)? as u32,
            (place, value) => case.inputs[index(place)?] = hex(value)?,
        }
    }
    case.outputs = case.inputs;
    for field in right.split_whitespace() {
        let (place, value) = field.split_once('=')?;
        case.outputs[index(place)?] = hex(value)?;
    }
    Some(case)
}

/// Index of a place in a [`State`].
fn index(place: &str) -> Option<usize> {
    match place {
        "m" => Some(DWORD),
        _ => REGISTERS.iter().position(|register| place == format!("x{register}")),
    }
}

/// Writes a line.
pub(crate) fn format(i: usize, case: &Case) -> String {
    let mut line = format!("{:x} {:x}", pc(i), case.word);
    if case.before != 0 {
        write!(line, " before={:x}", case.before).expect("strings take all");
    }
    let differences = |line: &mut String, from: &State, to: &State| {
        for (at, (old, new)) in from.iter().zip(to).enumerate().filter(|(_, (old, new))| old != new) {
            let _ = old;
            match REGISTERS.get(at) {
                Some(register) => write!(line, " x{register}={new:x}"),
                None => write!(line, " m={new:x}"),
            }
            .expect("strings take all");
        }
    };
    differences(&mut line, &State::default(), &case.inputs);
    line.push_str(" :");
    differences(&mut line, &case.inputs, &case.outputs);
    line
}

/// A program that runs all cases, writes their results to file 1 and exits.
pub(crate) fn program(cases: &[Case]) -> ElfFile {
    let mut text = Vec::new();
    for case in cases {
        text.extend(slot(case));
    }
    let bytes = cases.len() * STATE_BYTES;
    let end =
        [li(10, 1), li(11, RESULTS), li(12, bytes as u64), li(17, 64), vec![ECALL], li(10, 0), li(17, 93)];
    text.extend(end.concat().into_iter().chain([ECALL]).flat_map(u32::to_le_bytes));
    // The first slot has to set the pointer: the entry does, in front of it.
    let start = [li(POINTER, RESULTS), vec![j_type(0, 0x80 - 8)]].concat();
    let entry = TEXT - 0x80;
    let mut front: Vec<u8> = start.into_iter().flat_map(u32::to_le_bytes).collect();
    front.resize(0x80, 0);
    front.extend(text);
    // Not empty in the file, which user-mode emulators refuse.
    let mut data = Load::new(MEMORY, RW, vec![0; 8]);
    data.memory_bytes = 0x1000 + bytes as u64;
    ElfFile::new(entry, vec![Load::new(entry, vellum_isa::elf_file::RX, front), data])
}

/// The code of one case, [`SLOT_BYTES`] long.
fn slot(case: &Case) -> Vec<u8> {
    let [scratch, pointer] = [SCRATCH, POINTER];
    let mut before: Vec<u32> =
        [li(scratch, MEMORY), li(29, case.inputs[DWORD]), vec![s_type(3, scratch, 29, 0)]].concat();
    for (register, value) in REGISTERS.iter().zip(case.inputs) {
        before.extend(if value == 0 { vec![addi(*register, 0, 0)] } else { li(*register, value) });
    }
    before.extend((case.before != 0).then_some(case.before));
    let jump = before.len() * 4;
    before.push(j_type(0, (INSTRUCTION - jump) as u32));
    let mut code: Vec<u8> = before.into_iter().flat_map(u32::to_le_bytes).collect();
    assert!(code.len() <= INSTRUCTION - 8, "the operands fit in front of the instruction");
    code.resize(INSTRUCTION - 8, 0);
    code.extend([addi(7, 0, 9), j_type(0, 12)].into_iter().flat_map(u32::to_le_bytes));
    match case.word & 3 {
        3 => code.extend(case.word.to_le_bytes()),
        _ => code.extend([case.word as u16, 1].into_iter().flat_map(u16::to_le_bytes)),
    }
    let mut after = vec![addi(7, 0, 7)];
    after.extend(REGISTERS.iter().zip(0..).map(|(register, i)| s_type(3, pointer, *register, 8 * i)));
    after.extend(li(scratch, MEMORY));
    after.extend([i_type(LOAD, 3, scratch, scratch, 0), s_type(3, pointer, scratch, 8 * DWORD as u32)]);
    after.push(addi(pointer, pointer, STATE_BYTES as i32));
    code.extend(after.into_iter().flat_map(u32::to_le_bytes));
    let rest = SLOT_BYTES - code.len();
    code.extend(j_type(0, rest as u32).to_le_bytes());
    code.resize(SLOT_BYTES, 0);
    code
}

fn addi(rd: u32, rs1: u32, imm: i32) -> u32 {
    i_type(OP_IMM, 0, rd, rs1, imm as u32)
}

/// rd = value: twelve bits at a time below the highest 32.
fn li(rd: u32, value: u64) -> Vec<u32> {
    let low = (value << 52) as i64 >> 52;
    let high = value.wrapping_sub(low as u64);
    if i64::from(value as i32) as u64 == value {
        return vec![u_type(LUI, rd, high as u32), i_type(OP_IMM_32, 0, rd, rd, low as u32)];
    }
    let mut words = li(rd, (high as i64 >> 12) as u64);
    words.extend([i_type(OP_IMM, 1, rd, rd, 12), addi(rd, rd, low as i32)]);
    words
}
