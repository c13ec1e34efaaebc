//! Where the shards of an execution end, and what memory they initialise: [`plan`] executes once to find out, then
//! [`Shards`] executes again, as often as needed, and yields shard by shard.
//!
//! After [`histogram`] has counted, three executions prove a program: `plan`, [`Shards::boundaries`] for the phase-0 commitments, [`Shards::events`] for
//! the proofs. None keeps more than one shard, so memory does not grow with the program's running time.

use std::ops::Range;

use vellum_isa::{
    Family, Program,
    map::{REGISTER_KEY, REGISTERS},
};

use crate::{
    ExecutionError, Exit, Fault, FinalRow, InitRow, Limits, Shard,
    fast::check_input,
    precompile::{Demand, Rows, TABLES},
    trace::{ROW_ACCESSES_MAX, Tracer},
};

/// Most rows that one shard can hold: a chip has at most this many of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardLimits {
    /// Rows of each table that instructions fill: by `Family as usize`, then by `Table as usize`. A row of DIVREM takes one
    /// of MUL as well, which proves its product.
    pub rows: Rows,
    /// Keys touched, registers included.
    pub boundary: u32,
    /// INIT rows.
    pub init: u32,
    /// Instructions of all families, at most [`INSTRUCTIONS_MAX`].
    pub instructions: u32,
}

/// Most instructions of a shard: times stay below 2^24.
pub const INSTRUCTIONS_MAX: u32 = (1 << 20) - 2;

/// What a shard holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardPlan {
    /// From 1.
    pub index: u32,
    /// Executed rows.
    pub instructions: u32,
    /// Rows of each table: executed rows by `Family as usize`, then those of precompiles by `Table as usize`.
    pub rows: Rows,
    /// Keys touched.
    pub boundary: u32,
    /// Rows of the program executed, each counted once.
    pub code: u32,
    /// Its part of [`Plan::init`].
    pub init: Range<usize>,
    /// Upper end of the previous shard's key range.
    pub key_in: u32,
    /// Upper end of its own.
    pub key_out: u32,
    /// pc cell of the first row.
    pub pc_in: u32,
    /// pc cell after the last row.
    pub pc_out: u32,
}

/// An execution cut into shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The shards, at least one.
    pub shards: Vec<ShardPlan>,
    /// Every touched dword outside the image, ascending.
    pub init: Vec<InitRow>,
    /// Final state of every IMAGE row: the segments' dwords, then the 64 registers.
    pub image: Vec<FinalRow>,
    /// Of every row of `Program::rom`, the number of shards that execute it.
    pub rom: Vec<u32>,
    /// Executed rows.
    pub cycles: u64,
    /// How the execution ended.
    pub exit: Exit,
    /// The committed bytes, where the program exited with their digest.
    pub output: Option<Vec<u8>>,
}

/// How many rows of each table every `block` consecutive rows of an execution take: the material for choosing cuts. The last block may be shorter.
///
/// # Errors
/// Those of [`crate::execute`].
pub fn histogram(
    program: &Program,
    input: &[u8],
    limits: Limits,
    block: u32,
) -> Result<Vec<Rows>, ExecutionError> {
    check_input(input)?;
    let max_cycles = limits.max_cycles.unwrap_or(u64::MAX);
    let mut tracer = Tracer::new(program, input, limits.max_memory_bytes);
    let mut blocks = Vec::new();
    let mut unused = Shard::default();
    while tracer.exit().is_none() {
        let mut counts = [0; TABLES];
        for _ in 0..block.max(1) {
            if tracer.cycles() >= max_cycles {
                return Err(tracer.fault(Fault::CycleLimit(max_cycles)));
            }
            let op = program.rom[tracer.row()? as usize].op;
            match tracer.demand(op) {
                None => counts[op.family() as usize] += 1,
                Some(demand) => add(&mut counts, &demand.rows),
            }
            tracer.step::<false>(&mut unused)?;
            if tracer.exit().is_some() {
                break;
            }
        }
        blocks.push(counts);
    }
    Ok(blocks)
}

/// Executes a program and cuts the execution into shards as long as the limits allow.
///
/// # Errors
/// Those of [`crate::execute`], limits too small for any shard, and more touched dwords than all INIT tables can hold.
pub fn plan(
    program: &Program,
    input: &[u8],
    limits: Limits,
    shard_limits: &ShardLimits,
) -> Result<Plan, ExecutionError> {
    plan_at(program, input, limits, shard_limits, &[])
}

/// [`plan`] with a shard ending after each of `cuts` executed rows (ascending), and wherever the limits say so.
///
/// # Errors
/// Those of [`plan`].
pub fn plan_at(
    program: &Program,
    input: &[u8],
    limits: Limits,
    shard_limits: &ShardLimits,
    cuts: &[u64],
) -> Result<Plan, ExecutionError> {
    check_input(input)?;
    let mut cuts = cuts.iter().copied().peekable();
    shard_limits.check()?;
    let max_cycles = limits.max_cycles.unwrap_or(u64::MAX);
    let mut tracer = Tracer::new(program, input, limits.max_memory_bytes);
    let mut shards = Vec::new();
    let mut rom = vec![0; program.rom.len()];
    let mut unused = Shard::default();
    let exit = loop {
        let mut shard = ShardPlan::starting(shards.len() as u32 + 1, tracer.pc());
        while cuts.next_if(|cut| *cut <= tracer.cycles()).is_some() {}
        while tracer.exit().is_none() {
            if tracer.cycles() >= max_cycles {
                return Err(tracer.fault(Fault::CycleLimit(max_cycles)));
            }
            let op = program.rom[tracer.row()? as usize].op;
            let demand = tracer.demand(op);
            let fits = match &demand {
                None => shard_limits.hold(&shard, op.family(), tracer.boundary_rows()),
                Some(demand) => shard_limits.hold_call(&shard, demand, tracer.boundary_rows()),
            };
            if let (false, 0, Some(demand)) = (fits, shard.instructions, &demand) {
                return Err(shard_limits.too_small_for(demand));
            }
            if !fits || cuts.peek().is_some_and(|cut| *cut <= tracer.cycles()) {
                break;
            }
            tracer.step::<false>(&mut unused)?;
            shard.instructions += 1;
            match &demand {
                None => shard.rows[op.family() as usize] += 1,
                Some(demand) => add(&mut shard.rows, &demand.rows),
            }
        }
        shard.pc_out = tracer.pc();
        shard.code = tracer.executed().len() as u32;
        tracer.executed().iter().for_each(|row| rom[*row as usize] += 1);
        shard.boundary = tracer.end_shard().0.len() as u32;
        shards.push(shard);
        if let Some(exit) = tracer.exit() {
            break exit;
        }
    };
    let init = init_rows(&tracer);
    assign_init_rows(&mut shards, &init, program.image_end - 1, shard_limits.init)?;
    let image = image_rows(program, &tracer);
    Ok(Plan { shards, init, image, rom, cycles: tracer.cycles(), exit, output: tracer.output() })
}

impl ShardPlan {
    const fn starting(index: u32, pc_in: u32) -> Self {
        let (key_in, key_out, pc_out) = (0, 0, 0);
        Self {
            index,
            instructions: 0,
            rows: [0; TABLES],
            boundary: 0,
            code: 0,
            init: 0..0,
            key_in,
            key_out,
            pc_in,
            pc_out,
        }
    }
}

impl ShardLimits {
    /// Limits that only the time imposes, for tests.
    pub const UNLIMITED: Self = Self {
        rows: [INSTRUCTIONS_MAX; TABLES],
        boundary: u32::MAX,
        init: u32::MAX,
        instructions: INSTRUCTIONS_MAX,
    };

    fn check(&self) -> Result<(), ExecutionError> {
        let error = |what, got: u32, min| ExecutionError::ShardLimit { what, got: got.into(), min };
        if let Some(family) = Family::ALL.iter().find(|family| self.rows[**family as usize] == 0) {
            return Err(error(family.name(), 0, 1));
        }
        if (self.boundary as usize) < ROW_ACCESSES_MAX {
            return Err(error("BOUNDARY", self.boundary, ROW_ACCESSES_MAX as u64));
        }
        if self.instructions == 0 {
            return Err(error("instructions", 0, 1));
        }
        Ok(())
    }

    /// Whether `shard`, which has touched `boundary` keys, has room for a row of `family`.
    fn hold(&self, shard: &ShardPlan, family: Family, boundary: usize) -> bool {
        let multiplies = matches!(family, Family::Mul | Family::DivRem);
        let products = shard.rows[Family::Mul as usize] + shard.rows[Family::DivRem as usize];
        shard.instructions < self.instructions.min(INSTRUCTIONS_MAX)
            && shard.rows[family as usize] < self.rows[family as usize]
            && !(multiplies && products >= self.rows[Family::Mul as usize])
            && boundary + ROW_ACCESSES_MAX <= self.boundary as usize
    }

    /// Whether `shard`, which has touched `boundary` keys, has room for a precompile call.
    fn hold_call(&self, shard: &ShardPlan, demand: &Demand, boundary: usize) -> bool {
        let rows = shard.rows.iter().zip(&demand.rows).zip(&self.rows);
        shard.instructions < self.instructions.min(INSTRUCTIONS_MAX)
            && rows.into_iter().all(|((rows, more), limit)| rows + more <= *limit)
            && boundary + ROW_ACCESSES_MAX + demand.dwords as usize <= self.boundary as usize
    }
}

impl ShardLimits {
    /// The error of a call that no shard has room for. Callers allow for [`crate::DEMAND_MAX`].
    fn too_small_for(&self, demand: &Demand) -> ExecutionError {
        let rows = demand.rows.iter().zip(&self.rows).find(|(rows, limit)| rows > limit);
        match rows {
            Some((rows, limit)) => {
                let (what, got) = ("rows of a precompile", u64::from(*limit));
                ExecutionError::ShardLimit { what, got, min: u64::from(*rows) }
            }
            None => {
                let min = u64::from(demand.dwords) + ROW_ACCESSES_MAX as u64;
                ExecutionError::ShardLimit { what: "BOUNDARY", got: self.boundary.into(), min }
            }
        }
    }
}

fn add(sum: &mut Rows, more: &Rows) {
    sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

fn init_rows(tracer: &Tracer<'_>) -> Vec<InitRow> {
    let rows = tracer.touched_outside_image().map(|(key, first)| {
        let (last, last_shard) = tracer.final_state(key);
        InitRow { key, first, last, last_shard }
    });
    rows.collect()
}

/// Gives the last shard as many of the highest keys as it can hold, the one before it the next lower, and so on: earlier
/// shards stay free of them wherever possible.
fn assign_init_rows(
    shards: &mut [ShardPlan],
    init: &[InitRow],
    first_key_in: u32,
    limit: u32,
) -> Result<(), ExecutionError> {
    let mut end = init.len();
    for shard in shards.iter_mut().rev() {
        shard.init = end.saturating_sub(limit as usize)..end;
        end = shard.init.start;
    }
    if end > 0 {
        let max = u64::from(limit) * shards.len() as u64;
        return Err(ExecutionError::InitRows { got: init.len() as u64, max });
    }
    let mut key = first_key_in;
    for shard in shards {
        shard.key_in = key;
        key = init[shard.init.clone()].last().map_or(key, |row| row.key);
        shard.key_out = key;
    }
    Ok(())
}

fn image_rows(program: &Program, tracer: &Tracer<'_>) -> Vec<FinalRow> {
    let dwords = program.segments.iter().flat_map(|segment| (segment.key..).take(segment.dwords.len()));
    let keys = dwords.chain((REGISTER_KEY..).take(REGISTERS));
    keys.map(|key| tracer.final_state(key)).map(|(last, last_shard)| FinalRow { last, last_shard }).collect()
}

/// The shards of a planned execution, one after the other.
pub struct Shards<'a> {
    plan: &'a Plan,
    tracer: Tracer<'a>,
    events: bool,
}

impl<'a> Shards<'a> {
    /// Shards with everything: the material of phase 1.
    pub fn events(program: &'a Program, input: &'a [u8], plan: &'a Plan) -> Self {
        Self { plan, tracer: Tracer::new(program, input, None), events: true }
    }

    /// Shards whose event lists are empty: the material of phase 0.
    pub fn boundaries(program: &'a Program, input: &'a [u8], plan: &'a Plan) -> Self {
        Self { events: false, ..Self::events(program, input, plan) }
    }

    /// Replaces `shard`, whose vectors are reused, by the next one. False, and `shard` unchanged, after the last.
    ///
    /// # Errors
    /// The plan is of another program or input.
    pub fn next_into(&mut self, shard: &mut Shard) -> Result<bool, ExecutionError> {
        let Some(plan) = self.plan.shards.get(self.tracer.shard() as usize - 1) else { return Ok(false) };
        shard.clear();
        if self.events {
            self.run::<true>(plan, shard)?;
        } else {
            self.run::<false>(plan, shard)?;
        }
        shard.code.extend_from_slice(self.tracer.executed());
        let (boundary, ts_out) = self.tracer.end_shard();
        let is_last = plan.index as usize == self.plan.shards.len();
        let agrees = boundary.len() == plan.boundary as usize
            && shard.code.len() == plan.code as usize
            && self.tracer.pc() == plan.pc_out
            && self.tracer.exit() == is_last.then_some(self.plan.exit);
        if !agrees {
            return Err(ExecutionError::OtherPlan { shard: plan.index });
        }
        (shard.boundary, shard.ts_out) = (boundary, ts_out);
        (shard.index, shard.is_last) = (plan.index, is_last);
        (shard.pc_in, shard.pc_out) = (plan.pc_in, plan.pc_out);
        (shard.key_in, shard.key_out) = (plan.key_in, plan.key_out);
        shard.init.extend_from_slice(&self.plan.init[plan.init.clone()]);
        if is_last {
            shard.image.extend_from_slice(&self.plan.image);
            shard.rom.extend_from_slice(&self.plan.rom);
            shard.exit = Some(self.plan.exit);
        }
        Ok(true)
    }

    /// Executes the shards before shard `index` without recording them.
    ///
    /// # Errors
    /// As [`Self::next_into`].
    pub fn skip_to(&mut self, index: u32) -> Result<(), ExecutionError> {
        let events = std::mem::replace(&mut self.events, false);
        let mut unused = Shard::default();
        while self.tracer.shard() < index && self.next_into(&mut unused)? {}
        self.events = events;
        Ok(())
    }

    fn run<const RECORD: bool>(&mut self, plan: &ShardPlan, shard: &mut Shard) -> Result<(), ExecutionError> {
        if RECORD {
            // The families come first.
            for (events, rows) in shard.events.iter_mut().zip(plan.rows) {
                events.reserve(rows as usize);
            }
            let ecalls = Family::Ecall as usize;
            shard.events[ecalls] = Vec::new();
            shard.ecalls.reserve(plan.rows[ecalls] as usize);
        }
        for _ in 0..plan.instructions {
            if self.tracer.exit().is_some() {
                return Err(ExecutionError::OtherPlan { shard: plan.index });
            }
            self.tracer.step::<RECORD>(shard)?;
        }
        Ok(())
    }
}

impl Iterator for Shards<'_> {
    type Item = Result<Shard, ExecutionError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut shard = Shard::default();
        self.next_into(&mut shard).map(|some| some.then_some(shard)).transpose()
    }
}

impl Shard {
    /// Empties every list and keeps its capacity.
    fn clear(&mut self) {
        let mut events = std::mem::take(&mut self.events);
        events.iter_mut().for_each(Vec::clear);
        let mut ecalls = std::mem::take(&mut self.ecalls);
        ecalls.clear();
        let mut calls = std::mem::take(&mut self.calls);
        calls.clear();
        *self = Self { events, ecalls, calls, ..Self::default() };
    }
}
