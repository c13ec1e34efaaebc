//! `cargo xtask golden`: runs every instruction under qemu-riscv64 and records the results for the executor's tests.
//!
//! Operands are edge values and seeded random ones, registers are aliased in every way; 16-bit instructions are sampled
//! from all encodings of each form. The reference decides all results: this repository's decoder only chooses operands
//! that keep loads, stores and jumps inside the test program.

use std::{collections::BTreeMap, fs, process::Command};

use anyhow::{Context, ensure};
use vellum_isa::{
    Family, Instruction, Op, RomRow, compressed, decode,
    encode::{AMO, AUIPC, BRANCH, JALR, LOAD, LUI, MISC_MEM, OP, OP_32, OP_IMM, OP_IMM_32, STORE},
    encode::{b_type, i_type, j_type, r_type, s_type, u_type},
    map::SINK,
};

use crate::shell::root;

#[path = "../../crates/executor/tests/semantics/case.rs"]
mod case;

use case::{Case, DWORD, MEMORY, REGISTERS, STATE_BYTES, State, pc};

const EMULATOR: &str = "qemu-riscv64";
const OUTPUT: &str = "crates/executor/testdata/semantics.txt";

/// Values at which operations change their behaviour.
const EDGES: [u64; 9] =
    [0, 1, u64::MAX, 1 << 63, (1 << 63) - 1, 0x7fff_ffff, 0xffff_ffff_8000_0000, 0x8000_0000, 0xffff_ffff];

/// Makes all cases, runs them and writes the file.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut cases = Cases { cases: Vec::new(), random: 0x9e37_79b9_7f4a_7c15 };
    cases.register_operations();
    cases.immediate_operations();
    cases.constants_and_fences();
    cases.loads_and_stores();
    cases.branches_and_jumps();
    cases.atomics();
    cases.compressed();
    let mut cases = cases.cases;
    record(&mut cases)?;
    let mut text =
        String::from("# pc word inputs : outputs, made by `cargo xtask golden` with qemu-riscv64\n");
    for (i, case) in cases.iter().enumerate() {
        text.push_str(&case::format(i, case));
        text.push('\n');
    }
    ensure!(case::parse(&text) == cases, "the file does not read back as it was written");
    fs::write(root().join(OUTPUT), text).with_context(|| format!("cannot write {OUTPUT}"))?;
    println!("{OUTPUT}: {} cases", cases.len());
    Ok(())
}

/// Runs the program of all cases in the reference and fills in the outputs.
fn record(cases: &mut [Case]) -> anyhow::Result<()> {
    let folder = root().join("target/golden");
    fs::create_dir_all(&folder)?;
    let file = folder.join("semantics.elf");
    fs::write(&file, case::program(cases).to_bytes())?;
    // The emulator runs only what is marked executable.
    ensure!(
        Command::new("chmod").arg("+x").arg(&file).status()?.success(),
        "cannot mark {file:?} executable"
    );
    let output = Command::new(EMULATOR).arg(&file).output();
    let output = output.with_context(|| format!("cannot run {EMULATOR}: the package qemu-user has it"))?;
    ensure!(output.status.success(), "{EMULATOR} ended with {}", output.status);
    ensure!(output.stdout.len() == cases.len() * STATE_BYTES, "{} bytes of results", output.stdout.len());
    for (case, bytes) in cases.iter_mut().zip(output.stdout.chunks_exact(STATE_BYTES)) {
        for (output, dword) in case.outputs.iter_mut().zip(bytes.chunks_exact(8)) {
            *output = u64::from_le_bytes(dword.try_into()?);
        }
    }
    Ok(())
}

struct Cases {
    cases: Vec<Case>,
    random: u64,
}

impl Cases {
    /// A deterministic random value, half of the time with few significant bits.
    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let value = self.random.wrapping_mul(0x2545_f491_4f6c_dd1d);
        if value & 1 == 0 { value } else { (value as i64 >> (value >> 1 & 63)) as u64 }
    }

    /// Address of the instruction of the next case.
    fn pc(&self) -> u64 {
        pc(self.cases.len())
    }

    /// Adds a case with these register values (x0 is passed over) and this dword.
    fn add(&mut self, word: u32, registers: &[(u32, u64)], dword: u64) {
        self.add_after(0, word, registers, dword);
    }

    fn add_after(&mut self, before: u32, word: u32, registers: &[(u32, u64)], dword: u64) {
        let mut inputs = State::default();
        for (register, value) in registers {
            if let Some(i) = REGISTERS.iter().position(|known| known == register) {
                inputs[i] = *value;
            }
        }
        inputs[DWORD] = dword;
        self.cases.push(Case { word, before, inputs, outputs: inputs });
    }

    fn register_operations(&mut self) {
        let base = [(0x00, 0), (0x20, 0), (0x00, 1), (0x00, 2), (0x00, 3), (0x00, 4), (0x00, 5), (0x20, 5)];
        let logic_and_products = [6, 7].map(|f3| (0, f3)).into_iter().chain((0..8).map(|f3| (1, f3)));
        let words =
            [(0x00, 0), (0x20, 0), (0x00, 1), (0x00, 5), (0x20, 5), (1, 0), (1, 4), (1, 5), (1, 6), (1, 7)];
        let operations = base.into_iter().chain(logic_and_products).map(|(f7, f3)| (OP, f7, f3));
        let operations: Vec<_> = operations.chain(words.map(|(f7, f3)| (OP_32, f7, f3))).collect();
        for (opcode, f7, f3) in operations {
            let word = |rd, rs1, rs2| r_type(opcode, f7, f3, rd, rs1, rs2);
            for (a, b) in EDGES.iter().flat_map(|a| EDGES.map(|b| (*a, b))) {
                self.add(word(10, 11, 12), &[(11, a), (12, b)], 0);
            }
            for (rd, rs1, rs2) in
                [(10, 11, 12), (11, 11, 12), (12, 11, 12), (10, 11, 11), (11, 11, 11), (0, 11, 12)]
            {
                for _ in 0..3 {
                    let (a, b) = (self.random(), self.random());
                    self.add(word(rd, rs1, rs2), &[(11, a), (12, b)], 0);
                }
            }
            for (rd, rs1, rs2) in [(10, 0, 12), (10, 11, 0), (10, 0, 0), (11, 11, 0), (12, 0, 12)] {
                let (a, b) = (self.random(), self.random());
                self.add(word(rd, rs1, rs2), &[(11, a), (12, b)], 0);
            }
        }
    }

    fn immediate_operations(&mut self) {
        let operations = [0, 2, 3, 4, 6, 7].map(|f3| (OP_IMM, f3)).into_iter().chain([(OP_IMM_32, 0)]);
        for (opcode, f3) in operations {
            for imm in [0, 1, -1, 2047, -2048] {
                let word = |rd, rs1| i_type(opcode, f3, rd, rs1, imm as u32);
                for a in EDGES {
                    self.add(word(10, 11), &[(11, a)], 0);
                }
                for (rd, rs1) in [(11, 11), (0, 11), (10, 0)] {
                    let a = self.random();
                    self.add(word(rd, rs1), &[(11, a)], 0);
                }
            }
        }
        let shifts = [(OP_IMM, 1, 0), (OP_IMM, 5, 0), (OP_IMM, 5, 0x400)];
        let shifts = shifts.into_iter().chain([(OP_IMM_32, 1, 0), (OP_IMM_32, 5, 0), (OP_IMM_32, 5, 0x400)]);
        for (opcode, f3, selector) in shifts {
            let width = if opcode == OP_IMM { 64 } else { 32 };
            for amount in
                [0, 1, 7, 8, 15, 16, 31, 32, 33, 47, 48, 63].into_iter().filter(|amount| *amount < width)
            {
                let random = self.random();
                for a in [u64::MAX, 1 << 63, 0x8000_0000, random] {
                    self.add(i_type(opcode, f3, 10, 11, selector | amount), &[(11, a)], 0);
                }
            }
            let a = self.random();
            self.add(i_type(opcode, f3, 11, 11, selector | 3), &[(11, a)], 0);
            self.add(i_type(opcode, f3, 0, 11, selector | 3), &[(11, a)], 0);
        }
    }

    fn constants_and_fences(&mut self) {
        for imm in [0, 0x1000, 0x7fff_f000, 0x8000_0000, 0xffff_f000, 0x1234_5000] {
            for rd in [10, 0] {
                self.add(u_type(LUI, rd, imm), &[], 0);
                self.add(u_type(AUIPC, rd, imm), &[], 0);
            }
        }
        for fields in [0x0ff0_0000, 0x8330_0000, 0x0100_0000] {
            self.add(fields | MISC_MEM, &[(10, 5)], 0);
        }
    }

    fn loads_and_stores(&mut self) {
        for (f3, bytes) in [(0, 1), (1, 2), (2, 4), (3, 8), (4, 1), (5, 2), (6, 4)] {
            for offset in (0..8).step_by(bytes) {
                for imm in [0, 2040, -2048] {
                    let dword = self.random() ^ 0x8080_8080_8080_8080;
                    let base = (MEMORY + offset).wrapping_add_signed(-imm);
                    let word = |rd| i_type(LOAD, f3, rd, 11, imm as u32);
                    self.add(word(10), &[(11, base)], dword);
                    self.add(word(11), &[(11, base)], !dword);
                    self.add(word(0), &[(11, base)], dword);
                    if let Some(store) = (f3 < 4).then(|| s_type(f3, 11, 12, imm as u32)) {
                        debug_assert_eq!(store & 0x7f, STORE);
                        let value = self.random();
                        self.add(store, &[(11, base), (12, value)], dword);
                        self.add(s_type(f3, 11, 11, imm as u32), &[(11, base)], dword);
                        self.add(s_type(f3, 11, 0, imm as u32), &[(11, base)], dword);
                    }
                }
            }
        }
    }

    fn branches_and_jumps(&mut self) {
        for f3 in [0, 1, 4, 5, 6, 7] {
            for (a, b) in EDGES.iter().flat_map(|a| EDGES.map(|b| (*a, b))) {
                self.add(b_type(f3, 11, 12, 8), &[(11, a), (12, b)], 0);
            }
            for (a, b) in [(1, 2), (2, 1), (2, 2), (u64::MAX, 1)] {
                let word = b_type(f3, 11, 12, -8_i32 as u32);
                debug_assert_eq!(word & 0x7f, BRANCH);
                self.add(word, &[(11, a), (12, b)], 0);
            }
            self.add(b_type(f3, 11, 11, 8), &[(11, 3)], 0);
            self.add(b_type(f3, 11, 0, 8), &[(11, 3)], 0);
            self.add(b_type(f3, 0, 11, 8), &[(11, 3)], 0);
        }
        for (rd, offset) in [(0, 8), (1, 8), (10, -8), (1, 4), (7, -8)] {
            self.add(j_type(rd, offset as u32), &[], 0);
        }
        for (rd, rs1) in [(0, 11), (1, 11), (11, 11), (1, 1)] {
            for (offset, imm) in [(8, 0), (-8, 0), (4, 0), (9, 0), (8, 2047), (8, -2048), (9, 1), (8, 1)] {
                let target = self.pc().wrapping_add_signed(offset - imm);
                self.add(i_type(JALR, 0, rd, rs1, imm as u32), &[(rs1, target)], 0);
            }
        }
    }

    fn atomics(&mut self) {
        for (f5, f3) in [1_u32, 0, 4, 12, 8, 16, 20, 24, 28].iter().flat_map(|f5| [(*f5, 2), (*f5, 3)]) {
            let word = |rd, rs1, rs2, order| r_type(AMO, f5 << 2 | order, f3, rd, rs1, rs2);
            for (a, b) in EDGES.iter().flat_map(|a| EDGES.map(|b| (*a, b))) {
                self.add(word(10, 11, 12, 0), &[(11, MEMORY), (12, b)], a);
            }
            for (rd, rs1, rs2) in
                [(11, 11, 12), (12, 11, 12), (10, 11, 11), (11, 11, 11), (0, 11, 12), (10, 11, 0)]
            {
                for order in 0..4 {
                    let (a, b) = (self.random(), self.random());
                    self.add(word(rd, rs1, rs2, order), &[(12, b), (11, MEMORY)], a);
                }
            }
            if f3 == 2 {
                let (a, b) = (self.random(), self.random());
                self.add(word(10, 11, 12, 0), &[(11, MEMORY + 4), (12, b)], a);
            }
        }
        for f3 in [2, 3] {
            let lr = |rd, rs1| r_type(AMO, 2 << 2, f3, rd, rs1, 0);
            let sc = |rd, rs1, rs2| r_type(AMO, 3 << 2, f3, rd, rs1, rs2);
            for rd in [10, 11, 0] {
                let dword = self.random() | 0x8000_0000;
                self.add(lr(rd, 11), &[(11, MEMORY)], dword);
            }
            for (rd, rs1, rs2) in
                [(10, 11, 12), (11, 11, 12), (12, 11, 12), (10, 11, 11), (11, 11, 11), (0, 11, 12)]
            {
                let (dword, value) = (self.random(), self.random());
                let registers = [(11, MEMORY), (12, value), (13, MEMORY + 8)];
                self.add_after(lr(9, 11), sc(rd, rs1, rs2), &registers, dword);
                self.add_after(lr(9, 13), sc(rd, rs1, rs2), &registers, dword);
                self.add_after(sc(9, 11, 12), sc(rd, rs1, rs2), &registers, dword);
            }
        }
    }

    /// Up to twelve encodings of every 16-bit form.
    fn compressed(&mut self) {
        const SAMPLES: usize = 12;
        let mut forms = BTreeMap::<u16, Vec<u16>>::new();
        for half in (0..u16::MAX).filter(|half| half & 3 != 3) {
            // Quadrant, funct3, and the fields that tell the register and arithmetic forms apart.
            let form = match half & 0xe003 {
                0x8001 if half & 0x0c00 == 0x0c00 => half & 0xfc63,
                0x8001 => half & 0xec03,
                0x8002 => half & 0xf003 | u16::from(half & 0x007c == 0) << 2,
                form => form | u16::from(form & 3 == 1 && half & 0x0f80 == 0x0100) << 2,
            };
            if self.operands(half).is_some() {
                forms.entry(form).or_default().push(half);
            }
        }
        for halves in forms.into_values() {
            for _ in 0..SAMPLES.min(halves.len()) {
                let half = halves[self.random() as usize % halves.len()];
                if let Some(registers) = self.operands(half) {
                    let dword = self.random();
                    self.add(half.into(), &registers, dword);
                }
            }
        }
    }

    /// Register values with which the next case can execute `half`, if there are any.
    fn operands(&mut self, half: u16) -> Option<Vec<(u32, u64)>> {
        let cell = (self.pc() / 2) as u32;
        let Some(Instruction::Row(row)) = decode(compressed::expand(half)?, cell, 1) else { return None };
        let RomRow { rd, rs1, rs2, op, .. } = row;
        let usable = |register: u32| register != 7 && (register == 0 || REGISTERS.contains(&register));
        let rs2 = if op.reads_rs2() { u32::from(rs2) } else { 0 };
        if !usable(rs1.into()) || !usable(rs2) || !(rd == SINK || usable(rd.into())) {
            return None;
        }
        let near = |target: u32| target == cell + 4 || target == cell - 4;
        let first = match op.family() {
            Family::Mem64 | Family::MemSub => {
                let width = if matches!(op, Op::Ld | Op::Sd) { 8 } else { 4 };
                (MEMORY + 8 - width).wrapping_add_signed(-row.immediate())
            }
            Family::Jalr => self.pc() + 8,
            Family::CmpBr if !near(row.i0) => return None,
            Family::CmpBr if half & 4 == 0 => 0,
            Family::Li if row.is_jal() && !near(row.npc) => return None,
            _ => self.random(),
        };
        let second = self.random();
        Some(vec![(rs2, second), (rs1.into(), first)])
    }
}
