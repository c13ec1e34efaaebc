//! Where the cycles go, by function and by call stack: a slower execution that follows calls and returns.
//!
//! Calls are jumps that write the return address to ra; a jump to a return address on the stack returns to that frame; any
//! other jump into another function is a tail call.

use std::collections::HashMap;

use vellum_isa::{Family, Op, Program, map::VIRTUAL_PC};

use crate::{ExecutionError, Fault, Limits, Shard, TABLES, fast::check_input, trace::Tracer};

/// Deepest call stack that is told apart; deeper calls count for the frame at this depth.
pub const STACK_DEPTH_MAX: usize = 256;

/// Register that holds return addresses.
const RA: u8 = 1;
/// Index of the function that stands for text without a symbol.
const UNKNOWN: u32 = 0;

/// Rows of every table: executed rows by `Family as usize`, then those of precompiles by `Table as usize`.
pub type Counts = [u64; TABLES];

/// An execution's counts by function and by call stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Functions that executed rows of their own, most rows first.
    pub functions: Vec<FunctionProfile>,
    /// Call stacks, in the order they first occurred.
    pub stacks: Vec<StackProfile>,
}

/// A function's own rows, without those of the functions it called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionProfile {
    /// Symbol.
    pub name: String,
    /// Rows.
    pub counts: Counts,
}

/// A call stack's rows, without those of deeper ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackProfile {
    /// Symbols, outermost first.
    pub frames: Vec<String>,
    /// Rows.
    pub counts: Counts,
}

impl FunctionProfile {
    /// Executed rows.
    pub fn cycles(&self) -> u64 {
        self.counts[..Family::ALL.len()].iter().sum()
    }
}

impl Profile {
    /// Folded stacks, one `outer;inner weight` a line, as flame graph tools read them; `weights` by table (1 for the
    /// families and 0 for the others for cycles, the chips' cells for proving cost).
    pub fn folded(&self, weights: &Counts) -> String {
        let line = |stack: &StackProfile| {
            let weight: u64 = stack.counts.iter().zip(weights).map(|(count, weight)| count * weight).sum();
            format!("{} {weight}\n", stack.frames.join(";"))
        };
        self.stacks.iter().map(line).collect()
    }
}

/// Runs a program to its exit and counts.
///
/// # Errors
/// Those of [`crate::execute`].
pub fn profile(program: &Program, input: &[u8], limits: Limits) -> Result<Profile, ExecutionError> {
    check_input(input)?;
    let max_cycles = limits.max_cycles.unwrap_or(u64::MAX);
    let mut tracer = Tracer::new(program, input, limits.max_memory_bytes);
    let mut unused = Shard::default();
    let functions = FunctionOfRow::new(program);
    let mut calls = Calls::new(functions.at(tracer.row()?));
    while tracer.exit().is_none() {
        if tracer.cycles() >= max_cycles {
            return Err(tracer.fault(Fault::CycleLimit(max_cycles)));
        }
        let rom = program.rom[tracer.row()? as usize];
        match tracer.demand(rom.op) {
            None => calls.counts()[rom.op.family() as usize] += 1,
            Some(demand) => {
                calls.counts().iter_mut().zip(demand.rows).for_each(|(sum, rows)| *sum += u64::from(rows));
            }
        }
        tracer.step::<false>(&mut unused)?;
        let jumped = rom.op == Op::Jalr || rom.is_jal() || (rom.op.is_branch() && tracer.pc() != rom.npc);
        if jumped && rom.pc < VIRTUAL_PC {
            let function = functions.at(tracer.row()?);
            let link = if rom.op == Op::Jalr { rom.link() } else { rom.constant() };
            match rom.op {
                Op::Jalr | Op::Li if rom.rd == RA => calls.call(function, link),
                Op::Jalr if calls.returned(2 * u64::from(tracer.pc())) => {}
                _ => calls.jump(function),
            }
        }
    }
    Ok(calls.finish(program))
}

/// The function of each row: index of its symbol + 1, or [`UNKNOWN`].
struct FunctionOfRow(Vec<u32>);

impl FunctionOfRow {
    fn new(program: &Program) -> Self {
        let mut last = UNKNOWN;
        let functions = program.rom.iter().map(|row| {
            if row.pc < VIRTUAL_PC {
                let pc = 2 * u64::from(row.pc);
                let found = program.symbol_at(pc).is_some();
                last = if found {
                    program.symbols.partition_point(|symbol| symbol.address <= pc) as u32
                } else {
                    UNKNOWN
                };
            }
            last
        });
        Self(functions.collect())
    }

    fn at(&self, row: u32) -> u32 {
        self.0[row as usize]
    }
}

struct Node {
    parent: usize,
    function: u32,
    counts: Counts,
}

struct Frame {
    node: usize,
    return_address: u64,
}

/// The tree of call stacks and the current one.
struct Calls {
    nodes: Vec<Node>,
    /// Node by parent and function.
    children: HashMap<(usize, u32), usize>,
    frames: Vec<Frame>,
}

impl Calls {
    fn new(entry: u32) -> Self {
        let root = Node { parent: 0, function: entry, counts: [0; TABLES] };
        let frames = vec![Frame { node: 0, return_address: u64::MAX }];
        Self { nodes: vec![root], children: HashMap::new(), frames }
    }

    fn top(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("the outermost frame is never popped")
    }

    /// The counts of the stack that is executing.
    fn counts(&mut self) -> &mut Counts {
        let node = self.top().node;
        &mut self.nodes[node].counts
    }

    fn call(&mut self, function: u32, return_address: u64) {
        if self.frames.len() < STACK_DEPTH_MAX {
            let parent = self.top().node;
            let node = self.child(parent, function);
            self.frames.push(Frame { node, return_address });
        }
    }

    /// Whether `address` is where a frame on the stack returns to; if so, it has.
    fn returned(&mut self, address: u64) -> bool {
        let frame = self.frames.iter().rposition(|frame| frame.return_address == address);
        self.frames.truncate(frame.unwrap_or(usize::MAX));
        frame.is_some()
    }

    /// A jump inside the function on top, or a tail call.
    fn jump(&mut self, function: u32) {
        let node = self.top().node;
        if self.nodes[node].function != function && node != 0 {
            let parent = self.nodes[node].parent;
            self.top().node = self.child(parent, function);
        } else if self.nodes[node].function != function {
            self.top().node = self.child(0, function);
        }
    }

    fn child(&mut self, parent: usize, function: u32) -> usize {
        *self.children.entry((parent, function)).or_insert_with(|| {
            self.nodes.push(Node { parent, function, counts: [0; TABLES] });
            self.nodes.len() - 1
        })
    }

    fn finish(self, program: &Program) -> Profile {
        let name = |function: u32| match function.checked_sub(1) {
            Some(symbol) => program.symbols[symbol as usize].name.clone(),
            None => "[unknown]".to_owned(),
        };
        let mut functions = HashMap::<u32, Counts>::new();
        let mut stacks = Vec::new();
        for (i, node) in self.nodes.iter().enumerate() {
            let own = functions.entry(node.function).or_insert([0; TABLES]);
            own.iter_mut().zip(node.counts).for_each(|(sum, count)| *sum += count);
            let path = std::iter::successors(Some(i), |at| (*at != 0).then(|| self.nodes[*at].parent));
            let mut frames: Vec<_> = path.map(|at| name(self.nodes[at].function)).collect();
            frames.reverse();
            stacks.push(StackProfile { frames, counts: node.counts });
        }
        stacks.retain(|stack| stack.counts != [0; TABLES]);
        let mut functions: Vec<_> =
            functions.into_iter().map(|(f, counts)| FunctionProfile { name: name(f), counts }).collect();
        functions.retain(|function| function.counts != [0; TABLES]);
        functions.sort_by(|a, b| b.cycles().cmp(&a.cycles()).then_with(|| a.name.cmp(&b.name)));
        Profile { functions, stacks }
    }
}
