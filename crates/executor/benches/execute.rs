//! Speed of the executor's modes on a loop of arithmetic, a store and a load: fast, counting, planning, recording events.
#![allow(clippy::unwrap_used, missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use vellum_executor::{
    INSTRUCTIONS_MAX, Limits, Shard, ShardLimits, Shards, Silent, TABLES, execute, histogram, plan,
};
use vellum_isa::Program;
use vellum_isa::elf_file::{ElfFile, Load, RW, RX};
use vellum_isa::encode::{ECALL, LOAD, LUI, OP, OP_IMM, b_type, i_type, r_type, s_type, u_type};

const TEXT: u64 = 0x10_0000;
const DATA: u64 = 0x200_0000;
/// 2^16 rounds of seven instructions.
const ROUNDS: u32 = 1 << 16;

fn program() -> Program {
    let body = [
        i_type(OP_IMM, 0, 6, 6, 1),
        r_type(OP, 0, 4, 7, 7, 6),
        i_type(OP_IMM, 1, 7, 7, 3),
        s_type(3, 8, 7, 0),
        i_type(LOAD, 3, 9, 8, 0),
        i_type(OP_IMM, 0, 5, 5, -1i32 as u32),
        b_type(1, 5, 0, -24i32 as u32),
    ];
    let start = [u_type(LUI, 5, ROUNDS), u_type(LUI, 8, DATA as u32)];
    let end = [i_type(OP_IMM, 0, 10, 0, 0), i_type(OP_IMM, 0, 17, 0, 93), ECALL];
    let text = start.into_iter().chain(body).chain(end).flat_map(u32::to_le_bytes).collect();
    let loads = vec![Load::new(TEXT, RX, text), Load::new(DATA, RW, vec![0; 8])];
    Program::from_elf(&ElfFile::new(TEXT, loads).to_bytes()).unwrap()
}

fn modes(c: &mut Criterion) {
    let program = program();
    let limits = Limits::default();
    let shard_limits = ShardLimits {
        rows: [1 << 19; TABLES],
        boundary: 1 << 19,
        init: 1 << 19,
        instructions: INSTRUCTIONS_MAX,
    };
    let cycles = execute(&program, &[], limits, &mut Silent).unwrap().cycles;
    assert_eq!(cycles, u64::from(ROUNDS) * 7 + 5);
    let planned = plan(&program, &[], limits, &shard_limits).unwrap();

    let mut group = c.benchmark_group("execute");
    group.throughput(Throughput::Elements(cycles)).sample_size(20);
    group.bench_function("fast", |b| b.iter(|| execute(&program, &[], limits, &mut Silent).unwrap().cycles));
    group.bench_function("histogram", |b| {
        b.iter(|| histogram(&program, &[], limits, INSTRUCTIONS_MAX / 256).unwrap());
    });
    group.bench_function("plan", |b| b.iter(|| plan(&program, &[], limits, &shard_limits).unwrap()));
    let mut shard = Shard::default();
    group.bench_function("boundaries", |b| {
        b.iter(|| {
            let mut shards = Shards::boundaries(&program, &[], &planned);
            while shards.next_into(&mut shard).unwrap() {}
        });
    });
    group.bench_function("events", |b| {
        b.iter(|| {
            let mut shards = Shards::events(&program, &[], &planned);
            while shards.next_into(&mut shard).unwrap() {}
        });
    });
    group.finish();
}

criterion_group!(benches, modes);
criterion_main!(benches);
