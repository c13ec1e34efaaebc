//! Traced mode: executes row by row and records every access with the time of the one before it.
//!
//! [`Tracer`] runs stretches of rows; where a shard ends is decided by its callers: `plan` by the limits, `Shards` by
//! the plan.

use vellum_isa::{
    Family, Op, Precompile, Program, ecall,
    map::{HALT, REGISTER_KEY, REGISTERS},
};

use crate::{
    Access, BoundaryRow, Call, EcallEvent, Event, ExecutionError, Exit, Fault, Shard, Silent, Touch,
    alu::{access_bytes, compute, load, store, taken},
    code::{Code, Kind},
    fast::{key, located},
    host::{self, Host},
    memory::Memory,
    precompile::{Demand, Dwords, arguments, demand, run},
};

/// Most accesses of one row: those of EXIT_OUTPUT.
pub(crate) const ROW_ACCESSES_MAX: usize = 6;

/// Time slots of a row's accesses.
mod slot {
    pub(super) const RS1: u32 = 1;
    pub(super) const RS2: u32 = 2;
    pub(super) const MEMORY: u32 = 3;
    pub(super) const RD: u32 = 4;
}

/// Shard and time of an access in one word; 0 is "never".
#[derive(Clone, Copy)]
struct Moment(u64);

impl Moment {
    const fn new(shard: u32, ts: u32) -> Self {
        Self((shard as u64) << 32 | ts as u64)
    }

    const fn shard(self) -> u32 {
        (self.0 >> 32) as u32
    }

    const fn ts(self) -> u32 {
        self.0 as u32
    }
}

pub(crate) struct Tracer<'a> {
    program: &'a Program,
    code: Code,
    registers: [u64; REGISTERS],
    register_stamps: [u64; REGISTERS],
    memory: Memory<'a, u64>,
    host: Host,
    /// The step to execute next.
    at: usize,
    /// pc cell of that step.
    pc: u32,
    cycles: u64,
    exit: Option<Exit>,
    /// The shard being recorded, from 1.
    shard: u32,
    /// Time at which the next row starts.
    ts: u32,
    /// Of every row of the program the last shard that executed it.
    row_stamps: Vec<u32>,
    /// Rows executed in this shard, once each.
    executed: Vec<u32>,
    /// The accesses of the precompile call being executed.
    touches: Vec<Touch>,
    /// Keys touched in this shard; last value and time are filled in at its end.
    boundary: Vec<BoundaryRow>,
}

impl<'a> Tracer<'a> {
    pub(crate) fn new(program: &'a Program, input: &'a [u8], memory_limit: Option<u64>) -> Self {
        let code = Code::new(program);
        Self {
            program,
            at: code.entry as usize,
            code,
            registers: [0; REGISTERS],
            register_stamps: [0; REGISTERS],
            memory: Memory::new(program, input, memory_limit),
            host: Host::default(),
            pc: program.entry,
            cycles: 0,
            exit: None,
            shard: 1,
            ts: 16,
            row_stamps: vec![0; program.rom.len()],
            executed: Vec::new(),
            touches: Vec::new(),
            boundary: Vec::new(),
        }
    }

    pub(crate) fn exit(&self) -> Option<Exit> {
        self.exit
    }

    /// The shard being recorded, from 1.
    pub(crate) fn shard(&self) -> u32 {
        self.shard
    }

    /// pc cell of the next row.
    pub(crate) fn pc(&self) -> u32 {
        self.pc
    }

    /// Rows of the program executed in this shard, once each.
    pub(crate) fn executed(&self) -> &[u32] {
        &self.executed
    }

    pub(crate) fn cycles(&self) -> u64 {
        self.cycles
    }

    pub(crate) fn boundary_rows(&self) -> usize {
        self.boundary.len()
    }

    /// Number of the next row, which must not be beyond the exit.
    #[inline(always)]
    pub(crate) fn row(&mut self) -> Result<u32, ExecutionError> {
        loop {
            let step = self.code.steps[self.at];
            match step.kind {
                Kind::Op(_) | Kind::Jal => return Ok(self.code.rows[self.at]),
                Kind::Goto => self.at = step.target as usize,
                Kind::Trap => return Err(self.fault(Fault::IllegalInstruction(None))),
            }
        }
    }

    /// The error of a fault at the next row.
    pub(crate) fn fault(&self, fault: Fault) -> ExecutionError {
        located(self.program, fault, self.pc, self.cycles)
    }

    /// What the next row needs, if it is a precompile call with arguments that the circuits take.
    #[inline]
    pub(crate) fn demand(&self, op: Op) -> Option<Demand> {
        if op != Op::Ecall {
            return None;
        }
        let precompile = Precompile::from_code(self.registers[17])?;
        let registers = std::array::from_fn(|i| self.registers[10 + i]);
        Some(demand(precompile, arguments(precompile, registers).ok()?))
    }

    /// Executes the next row; with `RECORD` its event goes into `shard`.
    #[inline]
    pub(crate) fn step<const RECORD: bool>(&mut self, shard: &mut Shard) -> Result<(), ExecutionError> {
        let row = self.row()?;
        if self.row_stamps[row as usize] != self.shard {
            self.row_stamps[row as usize] = self.shard;
            self.executed.push(row);
        }
        let op = self.program.rom[row as usize].op;
        let result = if op == Op::Ecall {
            self.ecall(row).map(|(event, next_pc)| {
                if RECORD {
                    shard.ecalls.push(event);
                    if Precompile::from_code(event.a7.old).is_some() {
                        let args = std::array::from_fn(|i| event.args[i].old as u32);
                        let touches = self.touches.clone();
                        shard.calls.push(Call { ts: event.ts, code: event.a7.old, args, touches });
                    }
                }
                (next_pc, self.at + 1)
            })
        } else {
            self.execute(op, row).map(|(event, next)| {
                if RECORD {
                    shard.events[op.family() as usize].push(event);
                }
                (event.next_pc, next)
            })
        };
        let (next_pc, next) = result.map_err(|fault| self.fault(fault))?;
        (self.pc, self.at) = (next_pc, next);
        self.cycles += 1;
        self.ts += 16;
        Ok(())
    }

    /// Executes a row other than an ecall; returns its event and the next step.
    #[inline]
    fn execute(&mut self, op: Op, row: u32) -> Result<(Event, usize), Fault> {
        let step = self.code.steps[self.at];
        let rom = &self.program.rom[row as usize];
        let mut event = Event { row, ts: self.ts, next_pc: rom.npc, ..Event::default() };
        let mut next = self.at + 1;
        if op == Op::Li {
            self.write(&mut event, step.rd, step.imm);
            if step.kind == Kind::Jal {
                next = step.target as usize;
            }
            return Ok((event, next));
        }
        event.rs1 = self.register(step.rs1, slot::RS1);
        let a = event.rs1.old;
        let b = if op.reads_rs2() {
            event.rs2 = self.register(step.rs2, slot::RS2);
            event.rs2.old
        } else {
            step.imm
        };
        match op.family() {
            Family::CmpBr if op.is_branch() => {
                if taken(op, a, b) {
                    event.next_pc = rom.i0;
                    next = step.target as usize;
                }
            }
            Family::Jalr => {
                let target = a.wrapping_add(step.imm) & !1;
                next = self.code.text_step(target).ok_or(Fault::JumpTarget(target))? as usize;
                event.next_pc = (target / 2) as u32;
                self.write(&mut event, step.rd, u64::from(step.target));
            }
            Family::Mem64 | Family::MemSub => {
                let address = a.wrapping_add(step.imm);
                let memory_key = key(op, address)?;
                let time = Moment::new(self.shard, self.ts + slot::MEMORY);
                event.mem = self.dword(memory_key, address, access_bytes(op), time)?;
                event.mem_new = event.mem.old;
                if op.is_store() {
                    event.mem_new = store(op, event.mem.old, address, b);
                    self.set_dword(memory_key, event.mem_new);
                } else {
                    let value = load(op, event.mem.old, address);
                    self.write(&mut event, step.rd, value);
                }
            }
            _ => self.write(&mut event, step.rd, compute(op, a, b)),
        }
        Ok((event, next))
    }

    /// Executes an ecall; returns its event and the next pc cell.
    fn ecall(&mut self, row: u32) -> Result<(EcallEvent, u32), Fault> {
        let call = self.host.call(&self.registers, &self.memory, &mut Silent)?;
        let mut event =
            EcallEvent { row, ts: self.ts, a7: self.register(17, slot::RS1), ..EcallEvent::default() };
        let arguments = match event.a7.old {
            ecall::EXIT => 1,
            ecall::EXIT_OUTPUT => 5,
            _ if matches!(call, host::Call::Precompile(..)) => 4,
            _ => 0,
        };
        for (i, argument) in event.args.iter_mut().enumerate().take(arguments) {
            *argument = self.register(10 + i as u8, slot::RS2 + i as u32);
        }
        let next_pc = match call {
            host::Call::Exit(exit) => {
                self.exit = Some(exit);
                HALT
            }
            host::Call::Precompile(precompile, arguments) => {
                self.touches.clear();
                run(precompile, arguments, self)?;
                self.program.rom[row as usize].npc
            }
            host::Call::Continue | host::Call::Mark(_) => self.program.rom[row as usize].npc,
        };
        Ok((event, next_pc))
    }

    #[inline(always)]
    fn register(&mut self, index: u8, slot: u32) -> Access {
        let i = usize::from(index) % REGISTERS;
        let old = self.registers[i];
        let time = Moment::new(self.shard, self.ts + slot);
        let prev = Moment(std::mem::replace(&mut self.register_stamps[i], time.0));
        Access { old, prev_ts: self.since(prev, REGISTER_KEY + i as u32, old) }
    }

    #[inline(always)]
    fn write(&mut self, event: &mut Event, rd: u8, value: u64) {
        event.rd = self.register(rd, slot::RD);
        event.rd_new = value;
        self.registers[usize::from(rd) % REGISTERS] = value;
    }

    #[inline(always)]
    fn dword(&mut self, key: u32, address: u64, bytes: u64, time: Moment) -> Result<Access, Fault> {
        let (old, prev) = match self.memory.touched(key) {
            Some(slot) => (*slot.value, std::mem::replace(slot.stamp, time.0)),
            None => {
                let slot = self.memory.first_touch(key, address, bytes)?;
                *slot.stamp = time.0;
                (*slot.value, 0)
            }
        };
        Ok(Access { old, prev_ts: self.since(Moment(prev), key, old) })
    }

    #[inline(always)]
    fn set_dword(&mut self, key: u32, value: u64) {
        if let Some(slot) = self.memory.touched(key) {
            *slot.value = value;
        }
    }

    /// The time of the previous access as this shard sees it; the first access in the shard opens a BOUNDARY row.
    #[inline(always)]
    fn since(&mut self, prev: Moment, key: u32, first: u64) -> u32 {
        if prev.shard() == self.shard {
            return prev.ts();
        }
        self.boundary.push(BoundaryRow { key, prev_shard: prev.shard(), first, last: 0, last_ts: 0 });
        0
    }

    /// Ends the shard: returns its BOUNDARY rows and the time after its last row, and starts the next shard.
    pub(crate) fn end_shard(&mut self) -> (Vec<BoundaryRow>, u32) {
        let mut rows = std::mem::take(&mut self.boundary);
        for row in &mut rows {
            let (last, moment) = self.state(row.key);
            (row.last, row.last_ts) = (last, moment.ts());
        }
        let ts_out = std::mem::replace(&mut self.ts, 16);
        self.executed.clear();
        self.shard += 1;
        (rows, ts_out)
    }

    /// Value of a key and the last shard that touched it.
    pub(crate) fn final_state(&self, key: u32) -> (u64, u32) {
        let (value, moment) = self.state(key);
        (value, moment.shard())
    }

    fn state(&self, key: u32) -> (u64, Moment) {
        match key.checked_sub(REGISTER_KEY) {
            Some(i) => (self.registers[i as usize], Moment(self.register_stamps[i as usize])),
            None => (self.memory.peek(key).unwrap_or_default(), Moment(self.memory.stamp(key))),
        }
    }

    /// Touched keys outside the image, ascending, with their initial values.
    pub(crate) fn touched_outside_image(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.memory.touched_from(self.program.image_end).map(|key| (key, self.memory.initial(key)))
    }

    /// The committed bytes, once the program has exited.
    pub(crate) fn output(self) -> Option<Vec<u8>> {
        self.host.output(&self.exit?)
    }
}

/// Precompiles access dwords at the time of their slot.
impl Dwords for Tracer<'_> {
    fn peek(&self, key: u32) -> Result<u64, Fault> {
        self.memory.peek(key).ok_or(Fault::OutOfRange { address: 8 * u64::from(key), bytes: 8 })
    }

    fn read(&mut self, slot: u32, key: u32) -> Result<u64, Fault> {
        let access = self.touch(slot, key)?;
        self.touches.push(Touch { key, slot, access, new: access.old });
        Ok(access.old)
    }

    fn write(&mut self, slot: u32, key: u32, value: u64) -> Result<u64, Fault> {
        let access = self.touch(slot, key)?;
        self.set_dword(key, value);
        self.touches.push(Touch { key, slot, access, new: value });
        Ok(access.old)
    }
}

impl Tracer<'_> {
    fn touch(&mut self, slot: u32, key: u32) -> Result<Access, Fault> {
        let time = Moment::new(self.shard, self.ts + slot);
        self.dword(key, 8 * u64::from(key), 8, time)
    }
}
