//! From a shard's events to its tables.

use vellum_executor::{Shard, TABLES};
use vellum_isa::Family;
use vellum_stark::check::{BusBalance, Lookups, Row};
use vellum_stark::{
    BoundaryTerm, Bus, Entry, F, LOG_HEIGHT_MIN, LookupSink, Preprocessed, PrimeCharacteristicRing, Round,
    Scope, Shape, Traces,
};

use super::prove::Fill;
use super::{Machine, ProgramKey, Table, word};
use crate::family::FamilyChip;
use crate::precompile::precompiles;
use crate::{
    AddChip, AddiChip, BYTE, BoundaryChip, CmpBrChip, CodeChip, DivRemChip, EcallChip, ImageChip, InitChip,
    JalrChip, LiChip, LogicChip, Mem64Chip, MemSubChip, MulChip, RANGE8, RANGE16, ShiftChip, product,
};

/// Numbers of rows that fix a shard's shape: known after planning, before any event is recorded. Every DIVREM event also
/// takes a row of MUL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardRows {
    /// Rows of the tables that instructions fill: by family, then by `Table`.
    pub tables: [usize; TABLES],
    /// Touched keys.
    pub boundary: usize,
    /// Initialised keys.
    pub init: usize,
    /// Instructions of the program that are executed, each counted once.
    pub code: usize,
    /// Whether the execution ends here.
    pub is_last: bool,
}

/// The heights of a shard's tables: the smallest powers of two that hold its rows; tables without rows are absent.
pub fn shard_shape(key: &ProgramKey, rows: &ShardRows) -> Shape {
    let mut log_heights = vec![None; Table::Byte as usize + 1];
    for (table, count) in used(&rows.tables).into_iter().enumerate() {
        log_heights[table] = table_height(count);
    }
    log_heights[Table::Boundary as usize] = table_height(rows.boundary.max(1));
    log_heights[Table::Init as usize] = table_height(rows.init);
    log_heights[Table::Code as usize] = table_height(rows.code.max(1));
    log_heights[Table::Program as usize] = rows.is_last.then_some(key.vk.program_log_height);
    log_heights[Table::Image as usize] = rows.is_last.then_some(key.vk.image_log_height);
    log_heights[Table::Range as usize] = Some(16);
    log_heights[Table::Byte as usize] = Some(16);
    Shape { log_heights }
}

/// Rows in use: every DIVREM event takes one of MUL too.
fn used(tables: &[usize; TABLES]) -> [usize; TABLES] {
    let mut used = *tables;
    used[Family::Mul as usize] += used[Family::DivRem as usize];
    used
}

fn table_height(rows: usize) -> Option<u8> {
    (rows > 0).then(|| rows.next_power_of_two().ilog2().max(LOG_HEIGHT_MIN as u32) as u8)
}

impl ShardRows {
    /// The row counts of a complete shard.
    pub fn of(shard: &Shard) -> Self {
        let mut tables = [0; TABLES];
        for call in &shard.calls {
            tables.iter_mut().zip(call.demand().rows).for_each(|(sum, rows)| *sum += rows as usize);
        }
        tables.iter_mut().zip(&shard.events).for_each(|(rows, events)| *rows = events.len());
        tables[Family::Ecall as usize] = shard.ecalls.len();
        Self {
            tables,
            boundary: shard.boundary.len(),
            init: shard.init.len(),
            code: shard.code.len(),
            is_last: shard.is_last,
        }
    }
}

/// Fills the phase-0 columns.
pub(crate) fn fill_phase0(machine: &Machine, key: &ProgramKey, traces: &mut Traces, shard: &Shard) {
    let set = &machine.set;
    traces.fill(set, Table::Boundary as usize, Round::Phase0, shard.boundary.len(), |i, row| {
        BoundaryChip.write_row(&shard.boundary[i], row);
    });
    if !shard.init.is_empty() {
        traces.fill(set, Table::Init as usize, Round::Phase0, shard.init.len(), |i, row| {
            let previous = if i == 0 { shard.key_in } else { shard.init[i - 1].key };
            InitChip.write_row(&shard.init[i], previous, row);
        });
    }
    traces.fill(set, Table::Code as usize, Round::Phase0, shard.code.len(), |i, row| {
        CodeChip.write_row(&key.program.rom[shard.code[i] as usize], row);
    });
    if shard.is_last {
        traces.fill(set, Table::Program as usize, Round::Phase0, shard.rom.len(), |i, row| {
            row[0] = F::from_u32(shard.rom[i]);
        });
        traces.fill(set, Table::Image as usize, Round::Phase0, shard.image.len(), |i, row| {
            ImageChip.write_row(&shard.image[i], row);
        });
    }
}

/// All tables of a shard.
pub(crate) fn traces(machine: &Machine, key: &ProgramKey, shard: &Shard) -> Traces {
    let set = &machine.set;
    let mut traces = Traces::new(set, shard_shape(key, &ShardRows::of(shard)));
    fill_phase0(machine, key, &mut traces, shard);
    let rom = &key.program.rom;
    let family = |traces: &mut Traces, chip: &dyn RowWriter| {
        let family = chip.family();
        let events = &shard.events[family as usize];
        if !events.is_empty() {
            traces.fill(set, family as usize, Round::Main, events.len(), |i, row| {
                chip.write(&rom[events[i].row as usize], &events[i], row);
            });
        }
    };
    let writers: [&dyn RowWriter; 10] = [
        &AddChip,
        &AddiChip,
        &LiChip,
        &LogicChip,
        &ShiftChip,
        &CmpBrChip,
        &JalrChip,
        &Mem64Chip,
        &MemSubChip,
        &DivRemChip,
    ];
    for chip in writers {
        family(&mut traces, chip);
    }
    let multiplications = &shard.events[Family::Mul as usize];
    let divisions = &shard.events[Family::DivRem as usize];
    if multiplications.len() + divisions.len() > 0 {
        traces.fill(
            set,
            Family::Mul as usize,
            Round::Main,
            multiplications.len() + divisions.len(),
            |i, row| match multiplications.get(i) {
                Some(event) => MulChip.write_row(&rom[event.row as usize], event, row),
                None => {
                    let event = &divisions[i - multiplications.len()];
                    product(&rom[event.row as usize], event).write_row(row);
                }
            },
        );
    }
    if !shard.ecalls.is_empty() {
        traces.fill(set, Family::Ecall as usize, Round::Main, shard.ecalls.len(), |i, row| {
            let event = &shard.ecalls[i];
            EcallChip.write_row(&rom[event.row as usize], event, row);
        });
    }
    if !shard.calls.is_empty() {
        for chip in precompiles() {
            chip.fill(set, &mut traces, &shard.calls);
        }
    }
    fill_multiplicities(machine, key, shard, &mut traces);
    traces
}

/// The object-safe part of [`FamilyChip`].
trait RowWriter: Sync {
    fn family(&self) -> Family;
    fn write(&self, rom: &vellum_isa::RomRow, event: &vellum_executor::Event, row: &mut [F]);
}

impl<C: FamilyChip> RowWriter for C {
    fn family(&self) -> Family {
        FamilyChip::family(self)
    }
    fn write(&self, rom: &vellum_isa::RomRow, event: &vellum_executor::Event, row: &mut [F]) {
        self.write_row(rom, event, row);
    }
}

/// How full a shard's tables are. Fixed tables count as full.
pub(crate) fn fill(machine: &Machine, key: &ProgramKey, shard: &Shard, shape: &Shape) -> Fill {
    let rows = ShardRows::of(shard);
    let mut used: Vec<usize> = used(&rows.tables).into();
    let rom = key.program.rom.len();
    used.extend([rows.boundary, rows.init, rows.code, rom, shard.image.len(), 1 << 16, 1 << 16]);
    let mut fill = Fill::default();
    for ((entry, height), used) in machine.set.chips.iter().zip(&shape.log_heights).zip(used) {
        if let Some(height) = height {
            fill.real += (entry.committed_columns() * used) as u64;
            fill.committed += (entry.committed_columns() as u64) << height;
        }
    }
    fill
}

/// How often each row of the fixed tables was looked up.
struct Counts {
    range16: Vec<u32>,
    range8: Vec<u32>,
    /// Each operation on each pair of bytes.
    byte: Vec<[u32; 4]>,
}

impl Counts {
    fn new() -> Self {
        Self { range16: vec![0; 1 << 16], range8: vec![0; 1 << 8], byte: vec![[0; 4]; 1 << 16] }
    }

    fn merge(mut self, other: &Self) -> Self {
        self.range16.iter_mut().zip(&other.range16).for_each(|(a, b)| *a += b);
        self.range8.iter_mut().zip(&other.range8).for_each(|(a, b)| *a += b);
        for (a, b) in self.byte.iter_mut().zip(&other.byte) {
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        }
        self
    }
}

impl LookupSink for Counts {
    /// A tuple that is in no table is not counted, and so does not balance.
    fn record(&mut self, bus: Bus, multiplicity: &[F], tuple: &[&[F]]) {
        let count = |table: &mut [u32], values: &[F]| {
            for (value, m) in values.iter().zip(multiplicity) {
                if *m == F::ONE
                    && let Some(count) = table.get_mut(word(*value) as usize)
                {
                    *count += 1;
                }
            }
        };
        if bus == RANGE16 {
            count(&mut self.range16, tuple[0]);
        } else if bus == RANGE8 {
            count(&mut self.range8, tuple[0]);
        } else if bus == BYTE {
            for (lane, m) in multiplicity.iter().enumerate() {
                if *m == F::ONE {
                    let [op, a, b] = [0, 1, 2].map(|i| word(tuple[i][lane]) as usize);
                    if op < 4 && a < 256 && b < 256 {
                        self.byte[a << 8 | b][op] += 1;
                    }
                }
            }
        }
    }
}

fn fill_multiplicities(machine: &Machine, key: &ProgramKey, shard: &Shard, traces: &mut Traces) {
    let set = &machine.set;
    let mut sinks: Vec<Counts> = (0..4).map(|_| Counts::new()).collect();
    let publics = [F::from_u32(shard.index)];
    traces.count_lookups(set, &opened(machine, key, shard.is_last), &publics, &mut sinks);
    let counts = sinks.iter().fold(Counts::new(), |all, sink| all.merge(sink));

    let mut executed = vec![0u32; key.program.rom.len()];
    let rows = shard.events.iter().flatten().map(|e| e.row).chain(shard.ecalls.iter().map(|e| e.row));
    rows.for_each(|row| executed[row as usize] += 1);
    // An instruction that stands there twice is counted at its first place.
    let multiplicity: Vec<u32> =
        shard.code.iter().map(|row| std::mem::take(&mut executed[*row as usize])).collect();
    traces.fill(set, Table::Code as usize, Round::Main, multiplicity.len(), |i, row| {
        row[0] = F::from_u32(multiplicity[i]);
    });
    traces.fill(set, Table::Range as usize, Round::Main, 1 << 16, |i, row| {
        row[0] = F::from_u32(counts.range16[i]);
        row[1] = F::from_u32(counts.range8.get(i).copied().unwrap_or(0));
    });
    traces.fill(set, Table::Byte as usize, Round::Main, 1 << 16, |i, row| {
        row.copy_from_slice(&counts.byte[i].map(F::from_u32));
    });
}

/// The preprocessed tables that a shard opens, in order.
pub(crate) fn opened<'a>(machine: &'a Machine, key: &'a ProgramKey, is_last: bool) -> Vec<&'a Preprocessed> {
    let mut opened = vec![&machine.fixed];
    if is_last {
        opened.extend([&key.rom, &key.image]);
    }
    opened
}

/// Checks every row and every local bus of a shard without proving, and says what is wrong: the debug mode.
///
/// # Errors
/// The first violated constraint or unbalanced tuple.
pub fn check_shard(machine: &Machine, key: &ProgramKey, shard: &Shard) -> Result<(), String> {
    let mut balance = BusBalance::new(Lookups::Counted);
    add_rows(machine, key, shard, &mut balance, |_| true);
    for BoundaryTerm { direction, bus, tuple } in
        super::prove::boundary_terms(&super::prove::Public::of(shard))
    {
        balance.add(direction, bus, F::ONE, &tuple, ("VERIFIER", 0));
    }
    judge(&balance, Scope::Local)
}

/// [`check_shard`] for all shards of an execution, and the global bus over all of them. What the verifier checks between
/// shards besides (numbers, pcs, key ranges, the end) is not repeated here.
///
/// # Errors
/// The first violated constraint or unbalanced tuple.
pub fn check_execution(machine: &Machine, key: &ProgramKey, shards: &[Shard]) -> Result<(), String> {
    for shard in shards {
        check_shard(machine, key, shard).map_err(|error| format!("shard {}: {error}", shard.index))?;
    }
    let mut balance = BusBalance::new(Lookups::Counted);
    for shard in shards {
        add_rows(machine, key, shard, &mut balance, |entry| entry.global > 0);
    }
    judge(&balance, Scope::Global)
}

/// Adds the rows of the selected chips of a shard.
fn add_rows(
    machine: &Machine,
    key: &ProgramKey,
    shard: &Shard,
    balance: &mut BusBalance,
    select: impl Fn(&Entry) -> bool,
) {
    let traces = traces(machine, key, shard);
    let preprocessed = opened(machine, key, shard.is_last);
    let publics = [F::from_u32(shard.index)];
    for (chip, height) in traces.shape().log_heights.iter().enumerate() {
        let entry = &machine.set.chips[chip];
        let Some(height) = height.filter(|_| select(entry)) else { continue };
        // Rows of a lookup table that nobody looked up interact zero times: most of 2^16.
        let table = entry.widths.preprocessed > 0 && entry.widths.main > 0 && entry.global == 0;
        let cells: Vec<_> = (0..1usize << height)
            .filter_map(|row| {
                let (phase0, main) = traces.row(&machine.set, chip, row).unwrap_or_default();
                if table && main.iter().all(|m| *m == F::ZERO) {
                    return None;
                }
                let fixed = preprocessed.iter().find_map(|p| p.row(chip, row)).unwrap_or_default();
                Some((fixed, phase0, main))
            })
            .collect();
        let mut rows = cells.iter().map(|(p, z, m)| Row { preprocessed: p, phase0: z, main: m });
        entry.chip.check_rows(balance, &mut rows, &publics);
    }
}

/// Whether all constraints hold and the buses of a scope balance.
fn judge(balance: &BusBalance, scope: Scope) -> Result<(), String> {
    if let Some((chip, row, name)) = balance.violations().first() {
        return Err(format!("{chip} row {row}: {name}"));
    }
    let unbalanced: Vec<_> = balance.unbalanced().into_iter().filter(|u| u.bus.scope == scope).collect();
    match unbalanced.first() {
        None => Ok(()),
        Some(first) => Err(format!("{} unbalanced tuples, first {first}", unbalanced.len())),
    }
}
