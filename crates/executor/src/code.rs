//! A program's rows in the form the interpreters read: jump targets as indexes, the next row at the next index.

use vellum_isa::{
    Op, Program, RomRow,
    map::{TEXT_END, VIRTUAL_PC},
};

/// What a [`Step`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The row's operation, then (unless it jumps) the next step.
    Op(Op),
    /// [`Op::Li`], then the step `target`.
    Jal,
    /// No row: on to the step `target`.
    Goto,
    /// No row: there is none at pc cell `target`.
    Trap,
}

/// One row, or a [`Kind::Goto`] or [`Kind::Trap`] after a row that goes on to another than the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) kind: Kind,
    pub(crate) rd: u8,
    pub(crate) rs1: u8,
    pub(crate) rs2: u8,
    /// Target of a direct jump; return address of `jalr`; missing pc cell of a trap.
    pub(crate) target: u32,
    /// Immediate, shift amount or constant.
    pub(crate) imm: u64,
}

/// The row number of a step that is no row.
pub(crate) const NO_ROW: u32 = u32::MAX;

pub(crate) struct Code {
    pub(crate) steps: Vec<Step>,
    /// Index into `Program::rom` of each step, or [`NO_ROW`].
    pub(crate) rows: Vec<u32>,
    text: TextIndex,
    /// Step of the first instruction.
    pub(crate) entry: u32,
}

impl Code {
    pub(crate) fn new(program: &Program) -> Self {
        let mut layout = Layout::new(&program.rom);
        let entry = layout.target(program.entry);
        let mut steps = Vec::with_capacity(layout.rows.len());
        for at in 0..layout.rows.len() {
            steps.push(match layout.rows[at] {
                NO_ROW => layout.goto(program.rom[layout.rows[at - 1] as usize].npc),
                row => layout.step(at, &program.rom[row as usize]),
            });
        }
        let Layout { mut rows, text, missing, .. } = layout;
        rows.resize(rows.len() + missing.len(), NO_ROW);
        steps.extend(missing.into_iter().map(trap));
        Self { steps, rows, text, entry }
    }

    /// The step at byte address `address`, if an instruction of the text starts there.
    #[inline(always)]
    pub(crate) fn text_step(&self, address: u64) -> Option<u32> {
        if address < TEXT_END { self.text.get((address / 2) as u32) } else { None }
    }
}

/// Which steps there will be.
struct Layout<'a> {
    rom: &'a [RomRow],
    rows: Vec<u32>,
    text: TextIndex,
    /// First row at a virtual pc, and the steps from it on.
    micro: usize,
    micro_steps: Vec<u32>,
    /// pc cells of direct jumps into nowhere: traps that follow the steps of `rows`.
    missing: Vec<u32>,
}

impl<'a> Layout<'a> {
    fn new(rom: &'a [RomRow]) -> Self {
        let micro = rom.partition_point(|row| row.pc < VIRTUAL_PC);
        let (mut rows, mut text, mut micro_steps) =
            (Vec::with_capacity(rom.len()), TextIndex::default(), Vec::new());
        for (i, row) in rom.iter().enumerate() {
            let step = rows.len() as u32;
            if i < micro {
                text.insert(row.pc, step);
            } else {
                micro_steps.push(step);
            }
            rows.push(i as u32);
            let next_is_elsewhere = rom.get(i + 1).is_none_or(|next| next.pc != row.npc);
            if next_is_elsewhere && !matches!(row.op, Op::Jalr | Op::Li) {
                rows.push(NO_ROW);
            }
        }
        Self { rom, rows, text, micro, micro_steps, missing: Vec::new() }
    }

    fn find(&self, cell: u32) -> Option<u32> {
        if cell < VIRTUAL_PC {
            return self.text.get(cell);
        }
        let row = self.rom[self.micro..].binary_search_by_key(&cell, |row| row.pc).ok()?;
        Some(self.micro_steps[row])
    }

    /// The step at pc cell `cell`, a trap where there is no row.
    fn target(&mut self, cell: u32) -> u32 {
        self.find(cell).unwrap_or_else(|| {
            self.missing.push(cell);
            (self.rows.len() + self.missing.len() - 1) as u32
        })
    }

    fn goto(&self, cell: u32) -> Step {
        self.find(cell).map_or_else(|| trap(cell), |target| Step { kind: Kind::Goto, target, ..trap(0) })
    }

    /// The step number `at`, which stands for `row`.
    fn step(&mut self, at: usize, row: &RomRow) -> Step {
        let (kind, target, imm) = match row.op {
            Op::Li => {
                let target = self.target(row.npc);
                let falls_through = target as usize == at + 1;
                (if falls_through { Kind::Op(Op::Li) } else { Kind::Jal }, target, row.constant())
            }
            Op::Jalr => (Kind::Op(row.op), row.link() as u32, row.immediate() as u64),
            op if op.is_branch() => (Kind::Op(op), self.target(row.i0), 0),
            op => (Kind::Op(op), 0, row.immediate() as u64),
        };
        Step { kind, rd: row.rd, rs1: row.rs1, rs2: row.rs2 as u8, target, imm }
    }
}

const fn trap(cell: u32) -> Step {
    Step { kind: Kind::Trap, rd: 0, rs1: 0, rs2: 0, target: cell, imm: 0 }
}

const BLOCK_CELLS: usize = 1 << 12;

/// Steps by pc cell of the text, in blocks of cells so that texts far apart take no room between them.
#[derive(Default)]
struct TextIndex {
    blocks: Vec<Option<Box<[u32; BLOCK_CELLS]>>>,
}

impl TextIndex {
    fn insert(&mut self, cell: u32, step: u32) {
        let cell = cell as usize;
        if self.blocks.len() <= cell / BLOCK_CELLS {
            self.blocks.resize_with(cell / BLOCK_CELLS + 1, || None);
        }
        let block = self.blocks[cell / BLOCK_CELLS].get_or_insert_with(|| Box::new([NO_ROW; BLOCK_CELLS]));
        block[cell % BLOCK_CELLS] = step;
    }

    #[inline(always)]
    fn get(&self, cell: u32) -> Option<u32> {
        let cell = cell as usize;
        let step = self.blocks.get(cell / BLOCK_CELLS)?.as_ref()?[cell % BLOCK_CELLS];
        (step != NO_ROW).then_some(step)
    }
}
