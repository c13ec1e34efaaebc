//! Fast mode: no trace. How many cycles, which exit, which output, which instructions how often.

use vellum_isa::{Family, HintKind, Op, Precompile, Program};

use crate::{
    Console, ExecutionError, Exit, Fault, Place,
    alu::{access_bytes, compute, load, store, taken},
    code::{Code, Kind, NO_ROW, Step},
    error::word_at,
    host::{Call, Host},
    memory::{INPUT_BYTES_MAX, Memory},
    precompile::{Dwords, TABLES, demand, run},
};

/// When to give up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Most cycles.
    pub max_cycles: Option<u64>,
    /// Most host bytes that touched guest memory may take; it is counted in pages of 64 KiB and their stamps.
    pub max_memory_bytes: Option<u64>,
}

/// MARK: a label the guest gave to a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Register a0.
    pub label: u64,
    /// Cycles up to and including the call.
    pub cycles: u64,
    /// Rows of every table up to and including the call: executed rows by `Family as usize`, then those of precompiles by
    /// `Table as usize`.
    pub rows: [u64; TABLES],
}

/// Most marks that are recorded; later ones are ignored.
pub const MARKS_MAX: usize = 1 << 13;

/// A finished execution.
pub struct Execution<'a> {
    /// Executed rows.
    pub cycles: u64,
    /// How it ended.
    pub exit: Exit,
    /// The committed bytes, where the program exited with their digest.
    pub output: Option<Vec<u8>>,
    /// Rows of every table: executed rows by `Family as usize`, then those of precompiles by `Table as usize`.
    pub rows: [u64; TABLES],
    /// Calls of each precompile by [`Precompile::index`].
    pub precompiles: [u64; Precompile::ALL.len()],
    /// Executions of each row of `Program::rom`.
    pub row_counts: Vec<u64>,
    /// Dwords of memory that were loaded or stored.
    pub touched_dwords: u64,
    /// Moments the guest marked.
    pub marks: Vec<Mark>,
    memory: Memory<'a, u8>,
}

impl Mark {
    /// Executed rows by `Family as usize`.
    pub fn instructions(&self) -> &[u64] {
        &self.rows[..Family::ALL.len()]
    }
}

impl Execution<'_> {
    /// Executed rows by `Family as usize`.
    pub fn instructions(&self) -> &[u64] {
        &self.rows[..Family::ALL.len()]
    }

    /// Bytes of the memory after the exit; `None` where some of them are not accessible.
    pub fn read_memory(&self, address: u64, bytes: u64) -> Option<Vec<u8>> {
        let mut all = Vec::new();
        self.memory.read(address, bytes, |piece| all.extend(piece)).ok()?;
        Some(all)
    }
}

/// Runs a program to its exit.
///
/// # Errors
/// A fault with its place, or an input that does not fit.
pub fn execute<'a>(
    program: &'a Program,
    input: &'a [u8],
    limits: Limits,
    console: &mut dyn Console,
) -> Result<Execution<'a>, ExecutionError> {
    check_input(input)?;
    let code = Code::new(program);
    let mut machine = Machine::new(program, &code, input, limits, console);
    machine.run().map_err(|stop| machine.error(stop)).map(|exited| machine.finish(exited))
}

/// Refuses an input beyond the input region.
pub(crate) fn check_input(input: &[u8]) -> Result<(), ExecutionError> {
    if input.len() as u64 > INPUT_BYTES_MAX {
        return Err(ExecutionError::InputTooLong { got: input.len(), max: INPUT_BYTES_MAX });
    }
    Ok(())
}

/// A fault at pc cell `cell`, after `cycles` executed rows.
pub(crate) fn located(program: &Program, fault: Fault, cell: u32, cycles: u64) -> ExecutionError {
    let place = Place::new(program, cell, cycles);
    let fault = match fault {
        Fault::IllegalInstruction(_) => Fault::IllegalInstruction(word_at(program, place.pc)),
        fault => fault,
    };
    ExecutionError::Fault { fault, place: Box::new(place) }
}

/// The exit and the step that called for it.
struct Exited {
    exit: Exit,
    at: usize,
}

/// A fault and the step that caused it.
struct Stop {
    fault: Fault,
    at: usize,
}

/// Counts are kept for jumps only. A row's executions are the jumps into and the falls through to it, so they follow from
/// how often each jump was taken and each `jalr` target entered.
struct Machine<'a, 'c> {
    program: &'a Program,
    code: &'c Code,
    registers: [u64; 256],
    memory: Memory<'a, u8>,
    host: Host,
    console: &'c mut dyn Console,
    max_cycles: u64,
    /// Cycles up to the last taken jump.
    cycles: u64,
    /// Where that jump led.
    start: usize,
    /// How often control left each step other than to the next one.
    left: Vec<u64>,
    /// How often control entered each step by `jalr`.
    entered: Vec<u64>,
    touched_dwords: u64,
    marks: Vec<Mark>,
    /// Rows of the tables that only precompiles fill.
    precompile_rows: [u64; TABLES],
    precompiles: [u64; Precompile::ALL.len()],
}

impl<'a, 'c> Machine<'a, 'c> {
    fn new(
        program: &'a Program,
        code: &'c Code,
        input: &'a [u8],
        limits: Limits,
        console: &'c mut dyn Console,
    ) -> Self {
        let steps = code.steps.len();
        Self {
            program,
            code,
            registers: [0; 256],
            memory: Memory::new(program, input, limits.max_memory_bytes),
            host: Host::default(),
            console,
            max_cycles: limits.max_cycles.unwrap_or(u64::MAX),
            cycles: 0,
            start: code.entry as usize,
            left: vec![0; steps],
            entered: vec![0; steps],
            touched_dwords: 0,
            marks: Vec::new(),
            precompile_rows: [0; TABLES],
            precompiles: [0; Precompile::ALL.len()],
        }
    }

    /// The interpreter loop. `at` is the step; a jump ends a stretch of steps that ran one after the other.
    fn run(&mut self) -> Result<Exited, Stop> {
        let code = self.code;
        let mut at = self.start;
        loop {
            let step = code.steps[at];
            let rs1 = self.registers[usize::from(step.rs1)];
            let rs2 = self.registers[usize::from(step.rs2)];
            let imm = step.imm;
            let address = rs1.wrapping_add(imm);
            let mut write = |value| self.registers[usize::from(step.rd)] = value;
            let op = match step.kind {
                Kind::Op(op) => op,
                Kind::Jal => {
                    write(imm);
                    at = self.jump(at, step.target as usize)?;
                    continue;
                }
                Kind::Goto => {
                    at = self.leave(at, step.target as usize, self.cycles_before(at))?;
                    continue;
                }
                Kind::Trap => return Err(Stop { fault: Fault::IllegalInstruction(None), at }),
            };
            match op {
                Op::Add => write(compute(Op::Add, rs1, rs2)),
                Op::Sub => write(compute(Op::Sub, rs1, rs2)),
                Op::Addw => write(compute(Op::Addw, rs1, rs2)),
                Op::Subw => write(compute(Op::Subw, rs1, rs2)),
                Op::Addi => write(compute(Op::Addi, rs1, imm)),
                Op::Addiw => write(compute(Op::Addiw, rs1, imm)),
                Op::Li => write(imm),
                Op::And => write(compute(Op::And, rs1, rs2)),
                Op::Or => write(compute(Op::Or, rs1, rs2)),
                Op::Xor => write(compute(Op::Xor, rs1, rs2)),
                Op::Andi => write(compute(Op::Andi, rs1, imm)),
                Op::Ori => write(compute(Op::Ori, rs1, imm)),
                Op::Xori => write(compute(Op::Xori, rs1, imm)),
                Op::Sll => write(compute(Op::Sll, rs1, rs2)),
                Op::Srl => write(compute(Op::Srl, rs1, rs2)),
                Op::Sra => write(compute(Op::Sra, rs1, rs2)),
                Op::Sllw => write(compute(Op::Sllw, rs1, rs2)),
                Op::Srlw => write(compute(Op::Srlw, rs1, rs2)),
                Op::Sraw => write(compute(Op::Sraw, rs1, rs2)),
                Op::Slli => write(compute(Op::Slli, rs1, imm)),
                Op::Srli => write(compute(Op::Srli, rs1, imm)),
                Op::Srai => write(compute(Op::Srai, rs1, imm)),
                Op::Slliw => write(compute(Op::Slliw, rs1, imm)),
                Op::Srliw => write(compute(Op::Srliw, rs1, imm)),
                Op::Sraiw => write(compute(Op::Sraiw, rs1, imm)),
                Op::Slt => write(compute(Op::Slt, rs1, rs2)),
                Op::Sltu => write(compute(Op::Sltu, rs1, rs2)),
                Op::Slti => write(compute(Op::Slti, rs1, imm)),
                Op::Sltiu => write(compute(Op::Sltiu, rs1, imm)),
                Op::Mul => write(compute(Op::Mul, rs1, rs2)),
                Op::Mulh => write(compute(Op::Mulh, rs1, rs2)),
                Op::Mulhu => write(compute(Op::Mulhu, rs1, rs2)),
                Op::Mulhsu => write(compute(Op::Mulhsu, rs1, rs2)),
                Op::Mulw => write(compute(Op::Mulw, rs1, rs2)),
                Op::Div => write(compute(Op::Div, rs1, rs2)),
                Op::Divu => write(compute(Op::Divu, rs1, rs2)),
                Op::Rem => write(compute(Op::Rem, rs1, rs2)),
                Op::Remu => write(compute(Op::Remu, rs1, rs2)),
                Op::Divw => write(compute(Op::Divw, rs1, rs2)),
                Op::Divuw => write(compute(Op::Divuw, rs1, rs2)),
                Op::Remw => write(compute(Op::Remw, rs1, rs2)),
                Op::Remuw => write(compute(Op::Remuw, rs1, rs2)),
                Op::Lb => self.load(Op::Lb, address, step.rd, at)?,
                Op::Lbu => self.load(Op::Lbu, address, step.rd, at)?,
                Op::Lh => self.load(Op::Lh, address, step.rd, at)?,
                Op::Lhu => self.load(Op::Lhu, address, step.rd, at)?,
                Op::Lw => self.load(Op::Lw, address, step.rd, at)?,
                Op::Lwu => self.load(Op::Lwu, address, step.rd, at)?,
                Op::Ld => self.load(Op::Ld, address, step.rd, at)?,
                Op::Sb => self.store(Op::Sb, address, rs2, at)?,
                Op::Sh => self.store(Op::Sh, address, rs2, at)?,
                Op::Sw => self.store(Op::Sw, address, rs2, at)?,
                Op::Sd => self.store(Op::Sd, address, rs2, at)?,
                Op::Beq if taken(Op::Beq, rs1, rs2) => {
                    at = self.jump(at, step.target as usize)?;
                    continue;
                }
                Op::Bne if taken(Op::Bne, rs1, rs2) => {
                    at = self.jump(at, step.target as usize)?;
                    continue;
                }
                Op::Blt if taken(Op::Blt, rs1, rs2) => {
                    at = self.jump(at, step.target as usize)?;
                    continue;
                }
                Op::Bge if taken(Op::Bge, rs1, rs2) => {
                    at = self.jump(at, step.target as usize)?;
                    continue;
                }
                Op::Bltu if taken(Op::Bltu, rs1, rs2) => {
                    at = self.jump(at, step.target as usize)?;
                    continue;
                }
                Op::Bgeu if taken(Op::Bgeu, rs1, rs2) => {
                    at = self.jump(at, step.target as usize)?;
                    continue;
                }
                Op::Beq | Op::Bne | Op::Blt | Op::Bge | Op::Bltu | Op::Bgeu => {}
                Op::Jalr => {
                    let address = address & !1;
                    let Some(target) = code.text_step(address) else {
                        return Err(Stop { fault: Fault::JumpTarget(address), at });
                    };
                    write(u64::from(step.target));
                    self.entered[target as usize] += 1;
                    at = self.jump(at, target as usize)?;
                    continue;
                }
                Op::Ecall => {
                    if let Some(exit) = self.ecall(at)? {
                        return Ok(Exited { exit, at });
                    }
                }
            }
            at += 1;
        }
    }

    /// Accounts for a jump of the row `at` and returns its target.
    #[inline(always)]
    fn jump(&mut self, at: usize, target: usize) -> Result<usize, Stop> {
        self.leave(at, target, self.cycles_before(at) + 1)
    }

    /// Ends a stretch at the step `at`, after `cycles` cycles in all.
    #[inline(always)]
    fn leave(&mut self, at: usize, target: usize, cycles: u64) -> Result<usize, Stop> {
        if cycles > self.max_cycles {
            return Err(Stop { fault: Fault::CycleLimit(self.max_cycles), at });
        }
        self.left[at] += 1;
        self.cycles = cycles;
        self.start = target;
        Ok(target)
    }

    #[inline(always)]
    fn load(&mut self, op: Op, address: u64, rd: u8, at: usize) -> Result<(), Stop> {
        let key = key(op, address).map_err(|fault| Stop { fault, at })?;
        let dword = match self.memory.touched(key) {
            Some(slot) => *slot.value,
            None => *self.first_touch(op, address, at)?,
        };
        self.registers[usize::from(rd)] = load(op, dword, address);
        Ok(())
    }

    #[inline(always)]
    fn store(&mut self, op: Op, address: u64, value: u64, at: usize) -> Result<(), Stop> {
        let key = key(op, address).map_err(|fault| Stop { fault, at })?;
        let dword = match self.memory.touched(key) {
            Some(slot) => slot.value,
            None => self.first_touch(op, address, at)?,
        };
        *dword = store(op, *dword, address, value);
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn first_touch(&mut self, op: Op, address: u64, at: usize) -> Result<&mut u64, Stop> {
        let slot = self
            .memory
            .first_touch((address / 8) as u32, address, access_bytes(op))
            .map_err(|fault| Stop { fault, at })?;
        self.touched_dwords += 1;
        *slot.stamp = 1;
        Ok(slot.value)
    }

    /// The exit, if the call is one.
    fn ecall(&mut self, at: usize) -> Result<Option<Exit>, Stop> {
        let cycles = self.cycles_before(at) + 1;
        if cycles > self.max_cycles {
            return Err(Stop { fault: Fault::CycleLimit(self.max_cycles), at });
        }
        let call = self
            .host
            .call(&self.registers, &self.memory, self.console)
            .map_err(|fault| Stop { fault, at })?;
        match call {
            Call::Continue => Ok(None),
            Call::Mark(label) => {
                if self.marks.len() < MARKS_MAX {
                    let rows = self.rows(&self.row_counts(at));
                    self.marks.push(Mark { label, cycles, rows });
                }
                Ok(None)
            }
            Call::Precompile(precompile, arguments) => {
                run(precompile, arguments, self).map_err(|fault| Stop { fault, at })?;
                self.precompiles[precompile.index()] += 1;
                let rows = demand(precompile, arguments).rows;
                let added = self.precompile_rows.iter_mut().zip(rows).skip(Family::ALL.len());
                added.for_each(|(sum, rows)| *sum += u64::from(rows));
                Ok(None)
            }
            Call::Exit(exit) => Ok(Some(exit)),
        }
    }

    /// The error of a fault. Limits are looked at when a stretch ends, so the fault may lie beyond the limit; then the
    /// limit's place is in the stretch, which has a cycle for each step.
    fn error(&self, Stop { mut fault, mut at }: Stop) -> ExecutionError {
        if self.cycles_before(at) >= self.max_cycles {
            fault = Fault::CycleLimit(self.max_cycles);
            at = self.start + (self.max_cycles - self.cycles) as usize;
        }
        let row = |at: usize| self.program.rom[self.code.rows[at] as usize].pc;
        let cell = match self.code.steps[at] {
            Step { kind: Kind::Trap, target, .. } => target,
            Step { kind: Kind::Goto, target, .. } => row(target as usize),
            _ => row(at),
        };
        located(self.program, fault, cell, self.cycles_before(at))
    }

    /// Cycles executed before the step `at`, which control has reached.
    fn cycles_before(&self, at: usize) -> u64 {
        self.cycles + (at - self.start) as u64
    }

    /// Executions of every row when the step `at` has just been executed.
    fn row_counts(&self, at: usize) -> Vec<u64> {
        let steps = &self.code.steps;
        let mut entered = self.entered.clone();
        entered[self.code.entry as usize] += 1;
        for (step, left) in steps.iter().zip(&self.left) {
            if !matches!(step.kind, Kind::Op(Op::Jalr) | Kind::Trap) {
                entered[step.target as usize] += left;
            }
        }
        let mut counts = vec![0; self.program.rom.len()];
        let mut count = 0_u64;
        for (i, row) in self.code.rows.iter().enumerate() {
            count += entered[i];
            if *row != NO_ROW {
                counts[*row as usize] = count;
            }
            count -= self.left[i] + u64::from(i == at);
        }
        counts
    }

    /// Rows of every table: the families' counts, and what the precompiles took.
    fn rows(&self, row_counts: &[u64]) -> [u64; TABLES] {
        let mut rows = self.precompile_rows;
        for (row, count) in self.program.rom.iter().zip(row_counts) {
            rows[row.op.family() as usize] += count;
        }
        rows
    }

    fn finish(self, Exited { exit, at }: Exited) -> Execution<'a> {
        let row_counts = self.row_counts(at);
        let rows = self.rows(&row_counts);
        Execution {
            cycles: self.cycles_before(at) + 1,
            output: self.host.output(&exit),
            exit,
            rows,
            precompiles: self.precompiles,
            row_counts,
            touched_dwords: self.touched_dwords,
            marks: self.marks,
            memory: self.memory,
        }
    }
}

/// The memory key of an access of `op` at `address`, which must be below 2^32 and naturally aligned.
#[inline(always)]
pub(crate) fn key(op: Op, address: u64) -> Result<u32, Fault> {
    let bytes = access_bytes(op);
    if address & (!u64::from(u32::MAX) | (bytes - 1)) == 0 {
        return Ok((address / 8) as u32);
    }
    Err(bad_address(address, bytes))
}

#[cold]
fn bad_address(address: u64, bytes: u64) -> Fault {
    if address.is_multiple_of(bytes) {
        Fault::OutOfRange { address, bytes }
    } else {
        Fault::Misaligned { address, bytes }
    }
}

/// Times do not matter here, so neither do slots.
impl Dwords for Machine<'_, '_> {
    fn peek(&self, key: u32) -> Result<u64, Fault> {
        self.memory.peek(key).ok_or(Fault::OutOfRange { address: 8 * u64::from(key), bytes: 8 })
    }

    fn read(&mut self, _slot: u32, key: u32) -> Result<u64, Fault> {
        self.dword(key).map(|dword| *dword)
    }

    fn answer(&mut self, kind: HintKind, answer: &mut [u64]) {
        self.console.hint(kind, answer);
    }

    fn write(&mut self, _slot: u32, key: u32, value: u64) -> Result<u64, Fault> {
        self.dword(key).map(|dword| std::mem::replace(dword, value))
    }
}

impl Machine<'_, '_> {
    /// A dword that a precompile accesses.
    fn dword(&mut self, key: u32) -> Result<&mut u64, Fault> {
        if self.memory.touched(key).is_none() {
            let slot = self.memory.first_touch(key, 8 * u64::from(key), 8)?;
            *slot.stamp = 1;
            self.touched_dwords += 1;
        }
        let touched = self.memory.touched(key).map(|slot| slot.value);
        touched.ok_or(Fault::OutOfRange { address: 8 * u64::from(key), bytes: 8 })
    }
}
