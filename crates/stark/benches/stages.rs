//! Speed of the prover's stages on the example chips, and of the verifier.
//!
//! A stage is timed where it runs, inside a whole proof: its benchmark reports the seconds that [`Stages`] books on it.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use vellum_stark::check::Cells;
use vellum_stark::examples::{
    Bytes, RECURRENCE, Recurrence, SELECT, Select, byte_rows, recurrence_rows, select_rows,
};
use vellum_stark::{
    BoundaryTerm, Bus, ChipSet, Direction, EF, F, Preprocessed, PrimeCharacteristicRing, PrimeField32,
    Profile, Round, RowMajorMatrix, Shape, Stages, Statement, TableProof, Traces, prove, verify,
};

const LOG_HEIGHTS: [u8; 2] = [12, 16];
/// As the prover names them, in its order.
const STAGES: [&str; 7] =
    ["commit trace", "grind", "auxiliary columns", "commit auxiliary", "quotient", "commit quotient", "open"];

/// The three example chips with full tables.
struct Machine {
    set: ChipSet,
    bytes: Preprocessed,
    log_height: u8,
    recurrence: Vec<Cells>,
    select: Vec<Cells>,
    boundary: Vec<BoundaryTerm>,
}

impl Machine {
    fn new(log_height: u8) -> Self {
        let chips: Vec<Box<dyn vellum_stark::AnyChip>> =
            vec![Box::new(Recurrence), Box::new(Select), Box::new(Bytes)];
        let set = ChipSet::new(chips, Profile::Standard).unwrap();
        let steps = 1usize << log_height;
        let table: Vec<F> = byte_rows(&[]).iter().flat_map(|row| row.preprocessed.clone()).collect();
        let bytes = Preprocessed::commit(&set, vec![(2, RowMajorMatrix::new(table, 1))]);
        let choices: Vec<u16> = (0..steps).map(|i| (i % 512) as u16).collect();
        let (recurrence, [a, b]) = recurrence_rows(F::ONE, F::TWO, steps);
        let (select, x) = select_rows(F::TWO, &choices);
        let steps = F::from_usize(steps);
        let term = |direction, bus: Bus, tuple: &[F]| BoundaryTerm { direction, bus, tuple: tuple.to_vec() };
        let boundary = vec![
            term(Direction::Send, RECURRENCE, &[F::ZERO, F::ONE, F::TWO]),
            term(Direction::Receive, RECURRENCE, &[steps, a, b]),
            term(Direction::Send, SELECT, &[F::ZERO, F::TWO]),
            term(Direction::Receive, SELECT, &[steps, x]),
        ];
        Self { set, bytes, log_height, recurrence, select, boundary }
    }

    fn traces(&self) -> Traces {
        let log_heights = vec![Some(self.log_height), Some(self.log_height), Some(8)];
        let mut traces = Traces::new(&self.set, Shape { log_heights });
        for (chip, rows) in [(0, &self.recurrence), (1, &self.select)] {
            traces
                .fill(&self.set, chip, Round::Main, rows.len(), |i, row| row.copy_from_slice(&rows[i].main));
        }
        let mut counts = [0u32; 256];
        for row in &self.select {
            counts[row.main[3].as_canonical_u32() as usize / 2] += 1;
        }
        traces.fill(&self.set, 2, Round::Main, 256, |i, row| row[0] = F::from_u32(counts[i]));
        traces
    }

    fn statement(&self) -> Statement<'_> {
        Statement { vk: [F::ONE; 8], publics: &[], global: (EF::ONE, EF::TWO), boundary: &self.boundary }
    }

    fn prove(&self, traces: Traces) -> (TableProof, Stages) {
        let mut stages = Stages::start();
        let proof = prove(&self.set, &[&self.bytes], &self.statement(), traces, &mut stages);
        (proof, stages)
    }
}

fn stages(c: &mut Criterion) {
    for log_height in LOG_HEIGHTS {
        let machine = Machine::new(log_height);
        let mut group = c.benchmark_group("prove");
        group.throughput(Throughput::Elements(1 << log_height)).sample_size(10);
        for stage in STAGES {
            group.bench_function(BenchmarkId::new(stage, log_height), |b| {
                b.iter_custom(|runs| (0..runs).map(|_| seconds(&machine, stage)).sum());
            });
        }
        group.bench_function(BenchmarkId::new("all", log_height), |b| {
            b.iter_batched(|| machine.traces(), |traces| machine.prove(traces), BatchSize::LargeInput);
        });
        group.finish();
    }
}

fn seconds(machine: &Machine, stage: &str) -> Duration {
    let (_, stages) = machine.prove(machine.traces());
    let found = stages.seconds().iter().find(|(name, _)| *name == stage);
    Duration::from_secs_f64(found.expect("the prover has this stage").1)
}

fn verifier(c: &mut Criterion) {
    let machine = Machine::new(LOG_HEIGHTS[0]);
    let (proof, _) = machine.prove(machine.traces());
    let roots = [machine.bytes.root()];
    let mut group = c.benchmark_group("verify");
    group.sample_size(20);
    group.bench_function(BenchmarkId::new("all", LOG_HEIGHTS[0]), |b| {
        b.iter(|| verify(&machine.set, &roots, &machine.statement(), &proof).unwrap());
    });
    group.finish();
}

criterion_group!(benches, stages, verifier);
criterion_main!(benches);
