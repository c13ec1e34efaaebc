//! Traced mode: its shards agree with fast mode, with each other, and with the buses of the circuits: every token that a
//! row receives was sent, exactly once.

mod assembler;

use std::collections::HashMap;

use assembler::{A0, A1, Asm, DATA, T0, T1};
use proptest::prelude::*;
use vellum_executor::{
    Access, ExecutionError, Fault, FinalRow, Limits, Plan, Shard, ShardLimits, Shards, Silent, TABLES,
    execute, plan,
};
use vellum_isa::{
    Family, Op, Program, ecall,
    encode::{AMO, LOAD, OP, OP_32, OP_IMM, OP_IMM_32, b_type, i_type, r_type, s_type},
    map::{HALT, INPUT_BASE, REGISTER_KEY, REGISTERS, STACK_TOP},
};

const SMALL: ShardLimits = ShardLimits {
    rows: {
        let families = [40, 30, 50, 40, 40, 40, 10, 20, 20, 9, 9, 5];
        let mut rows = [5; TABLES];
        let mut f = 0;
        while f < families.len() {
            rows[f] = families[f];
            f += 1;
        }
        rows
    },
    boundary: 32,
    init: 8,
    instructions: 100,
};

/// Tokens of a permutation bus that were sent and not yet received: key and time (or shard), value.
#[derive(Default)]
struct Tokens(HashMap<(u32, u32), u64>);

impl Tokens {
    fn send(&mut self, key: u32, time: u32, value: u64) {
        assert_eq!(self.0.insert((key, time), value), None, "key {key:#x} twice at {time}");
    }

    fn receive(&mut self, key: u32, time: u32, value: u64) {
        assert_eq!(self.0.remove(&(key, time)), Some(value), "key {key:#x} at {time}");
    }

    fn access(&mut self, key: u32, access: Access, time: u32, new: u64) {
        assert!(access.prev_ts < time);
        self.receive(key, access.prev_ts, access.old);
        self.send(key, time, new);
    }
}

/// Traces a program and checks every shard and the whole.
fn check(program: &Program, input: &[u8], limits: &ShardLimits) -> (Plan, Vec<Shard>) {
    let plan = plan(program, input, Limits::default(), limits).expect("plans");
    let shards: Vec<_> =
        Shards::events(program, input, &plan).map(|shard| shard.expect("agrees with the plan")).collect();
    check_fast_mode(program, input, &plan);
    check_chains(program, &plan, &shards);
    check_global_memory(program, &plan, &shards);
    for (shard, planned) in shards.iter().zip(&plan.shards) {
        check_local(program, shard);
        let rows: Vec<_> = shard.events.iter().map(|events| events.len() as u32).collect();
        assert_eq!(rows[..11], planned.rows[..11]);
        assert_eq!(shard.ecalls.len() as u32, planned.rows[Family::Ecall as usize]);
        assert_eq!(planned.rows[..12].iter().sum::<u32>(), planned.instructions);
        assert!(planned.rows.iter().zip(&limits.rows).all(|(rows, limit)| rows <= limit));
        let products = planned.rows[Family::Mul as usize] + planned.rows[Family::DivRem as usize];
        assert!(products <= limits.rows[Family::Mul as usize]);
        assert!(planned.instructions <= limits.instructions && planned.boundary <= limits.boundary);
        assert!(shard.init.len() <= limits.init as usize);
    }
    (plan, shards)
}

fn check_fast_mode(program: &Program, input: &[u8], plan: &Plan) {
    let fast = execute(program, input, Limits::default(), &mut Silent).expect("exits");
    assert_eq!((plan.cycles, plan.exit, &plan.output), (fast.cycles, fast.exit, &fast.output));
    for (i, executed) in fast.instructions().iter().enumerate() {
        assert_eq!(*executed, plan.shards.iter().map(|shard| u64::from(shard.rows[i])).sum::<u64>());
    }
    for row in &plan.init {
        let bytes = fast.read_memory(u64::from(row.key) * 8, 8).expect("accessible");
        assert_eq!(bytes, row.last.to_le_bytes());
    }
}

/// Indices, pcs, key ranges.
fn check_chains(program: &Program, plan: &Plan, shards: &[Shard]) {
    let (mut pc, mut key) = (program.entry, program.image_end - 1);
    for (i, shard) in shards.iter().enumerate() {
        assert_eq!((shard.index as usize, shard.is_last), (i + 1, i + 1 == shards.len()));
        assert_eq!((shard.pc_in, shard.key_in), (pc, key));
        for row in &shard.init {
            assert!(row.key > key && row.key < 1 << 29);
            key = row.key;
        }
        assert_eq!(shard.key_out, key);
        pc = shard.pc_out;
        assert_eq!(shard.exit, shard.is_last.then_some(plan.exit));
        assert_eq!(shard.image.is_empty(), !shard.is_last);
    }
    assert_eq!(pc, HALT);
    assert_eq!(shards.len(), plan.shards.len());
}

/// GMEM: every key's history over the shards.
fn check_global_memory(program: &Program, plan: &Plan, shards: &[Shard]) {
    let image =
        program.segments.iter().flat_map(|segment| (segment.key..).zip(segment.dwords.iter().copied()));
    let image: Vec<_> = image.chain((REGISTER_KEY..).take(REGISTERS).map(|key| (key, 0))).collect();
    let mut tokens = Tokens::default();
    image.iter().for_each(|(key, value)| tokens.send(*key, 0, *value));
    shards.iter().flat_map(|shard| &shard.init).for_each(|row| tokens.send(row.key, 0, row.first));
    for shard in shards {
        for row in &shard.boundary {
            assert!(row.prev_shard < shard.index);
            tokens.receive(row.key, row.prev_shard, row.first);
            tokens.send(row.key, shard.index, row.last);
        }
    }
    assert_eq!(image.len(), plan.image.len());
    for ((key, _), FinalRow { last, last_shard }) in image.iter().zip(&plan.image) {
        tokens.receive(*key, *last_shard, *last);
    }
    shards
        .iter()
        .flat_map(|shard| &shard.init)
        .for_each(|row| tokens.receive(row.key, row.last_shard, row.last));
    assert!(tokens.0.is_empty());
    assert!(plan.init.iter().eq(shards.iter().flat_map(|shard| &shard.init)));
}

/// MEM and STATE of one shard: replays all rows in the order of their times.
fn check_local(program: &Program, shard: &Shard) {
    let mut tokens = Tokens::default();
    shard.boundary.iter().for_each(|row| tokens.send(row.key, 0, row.first));
    let events =
        shard.events.iter().enumerate().flat_map(|(family, events)| events.iter().map(move |e| (family, e)));
    let mut by_time: HashMap<u32, _> = events.map(|(family, event)| (event.ts, (family, event))).collect();
    let ecalls: HashMap<u32, _> = shard.ecalls.iter().map(|event| (event.ts, event)).collect();
    let (mut pc, mut ts) = (shard.pc_in, 16);
    while ts < shard.ts_out {
        if let Some(event) = ecalls.get(&ts) {
            let rom = &program.rom[event.row as usize];
            assert_eq!((rom.pc, rom.op), (pc, Op::Ecall));
            tokens.access(REGISTER_KEY + 17, event.a7, ts + 1, event.a7.old);
            let read =
                [(ecall::EXIT, 1), (ecall::EXIT_OUTPUT, 5)].iter().find(|(code, _)| *code == event.a7.old);
            let read = read.map_or(0, |(_, arguments)| *arguments);
            for (i, argument) in event.args.iter().enumerate().take(read) {
                tokens.access(REGISTER_KEY + 10 + i as u32, *argument, ts + 2 + i as u32, argument.old);
            }
            assert!(event.args[read..].iter().all(|argument| *argument == Access::default()));
            pc = if read > 0 { HALT } else { rom.npc };
        } else {
            let (family, event) = by_time.remove(&ts).expect("one row at every time");
            let rom = &program.rom[event.row as usize];
            assert_eq!((rom.pc, rom.op.family() as usize), (pc, family));
            check_row(rom, event, &mut tokens);
            pc = event.next_pc;
        }
        ts += 16;
    }
    assert_eq!((pc, ts), (shard.pc_out, shard.ts_out));
    assert!(by_time.is_empty());
    shard.boundary.iter().for_each(|row| tokens.receive(row.key, row.last_ts, row.last));
    assert!(tokens.0.is_empty());
}

/// The accesses of a row as its chip makes them.
fn check_row(rom: &vellum_isa::RomRow, event: &vellum_executor::Event, tokens: &mut Tokens) {
    let register = |index: u32| REGISTER_KEY + index;
    let ts = event.ts;
    let memory = matches!(rom.op.family(), Family::Mem64 | Family::MemSub);
    if rom.op == Op::Li {
        assert_eq!(event.rs1, Access::default());
    } else {
        tokens.access(register(rom.rs1.into()), event.rs1, ts + 1, event.rs1.old);
    }
    if rom.op.reads_rs2() {
        tokens.access(register(rom.rs2.into()), event.rs2, ts + 2, event.rs2.old);
    } else {
        assert_eq!(event.rs2, Access::default());
    }
    if memory {
        let key = (event.rs1.old.wrapping_add_signed(rom.immediate()) / 8) as u32;
        tokens.access(key, event.mem, ts + 3, event.mem_new);
        assert!(rom.op.is_store() || event.mem_new == event.mem.old);
    } else {
        assert_eq!((event.mem, event.mem_new), (Access::default(), 0));
    }
    if rom.op.is_store() || rom.op.is_branch() {
        assert_eq!((event.rd, event.rd_new), (Access::default(), 0));
    } else {
        tokens.access(register(rom.rd.into()), event.rd, ts + 4, event.rd_new);
    }
    let next = match rom.op {
        Op::Jalr => (event.rs1.old.wrapping_add_signed(rom.immediate()) / 2) as u32,
        op if op.is_branch() && event.next_pc != rom.npc => rom.i0,
        _ => rom.npc,
    };
    assert_eq!(event.next_pc, next);
}

/// A loop that touches `dwords` dwords of the stack region from the top downwards, some twice.
fn stack_walk(dwords: u64) -> Program {
    Asm::new()
        .li(T0, STACK_TOP)
        .li(T1, dwords)
        .addi(T0, T0, -8)
        .word(s_type(3, T0, T1, 0))
        .word(i_type(LOAD, 3, A0, T0, 0))
        .addi(T1, T1, -1)
        .word(b_type(1, T1, 0, -16_i32 as u32))
        .word(i_type(LOAD, 3, A0, T0, 8))
        .exit()
        .program()
}

#[test]
fn init_rows_fill_the_shards_from_the_end() {
    let (plan, shards) = check(&stack_walk(300), &[], &ShardLimits { init: 100, ..SMALL });
    assert_eq!(plan.init.len(), 300);
    let rows: Vec<_> = shards.iter().rev().map(|shard| shard.init.len()).collect();
    assert_eq!(rows[..3], [100, 100, 100]);
    assert!(rows[3..].iter().all(|rows| *rows == 0));
    let few = one_shard();
    let error = vellum_executor::plan(&stack_walk(300), &[], Limits::default(), &few).expect_err("no room");
    assert_eq!(error, ExecutionError::InitRows { got: 300, max: 100 });
}

/// One shard with 100 INIT rows.
fn one_shard() -> ShardLimits {
    ShardLimits { init: 100, ..ShardLimits::UNLIMITED }
}

#[test]
fn input_dwords_are_initialised_with_the_input() {
    let asm = Asm::new().li(T0, INPUT_BASE).word(i_type(LOAD, 3, A0, T0, 0)).word(i_type(LOAD, 3, A0, T0, 8));
    let (plan, _) = check(&asm.word(s_type(0, T0, A0, 16)).exit().program(), b"abcdefgh", &SMALL);
    let rows: Vec<_> = plan.init.iter().map(|row| (row.key, row.first)).collect();
    let base = (INPUT_BASE / 8) as u32;
    assert_eq!(rows, [(base, 8), (base + 1, u64::from_le_bytes(*b"abcdefgh")), (base + 2, 0)]);
    assert_eq!(plan.init[2].last, u64::from(b'a'));
}

#[test]
fn each_limit_cuts() {
    let program = stack_walk(1000);
    let unlimited = check(&program, &[], &ShardLimits::UNLIMITED).0;
    assert_eq!(unlimited.shards.len(), 1);
    let shards = |limits| check(&program, &[], &limits).0.shards.len();
    let instructions = unlimited.cycles as u32;
    assert_eq!(shards(ShardLimits { instructions: instructions.div_ceil(3), ..ShardLimits::UNLIMITED }), 3);
    assert_eq!(shards(ShardLimits { instructions, ..ShardLimits::UNLIMITED }), 1);
    let mut rows = ShardLimits::UNLIMITED.rows;
    rows[Family::Mem64 as usize] = 1001;
    assert_eq!(shards(ShardLimits { rows, ..ShardLimits::UNLIMITED }), 2);
    assert!(shards(ShardLimits { boundary: 256, ..ShardLimits::UNLIMITED }) >= 4);
}

#[test]
fn limits_without_room_are_refused() {
    let program = stack_walk(1);
    let refused = |limits| plan(&program, &[], Limits::default(), &limits).expect_err("refused");
    let mut rows = SMALL.rows;
    rows[Family::DivRem as usize] = 0;
    assert_eq!(
        refused(ShardLimits { rows, ..SMALL }),
        ExecutionError::ShardLimit { what: "DIVREM", got: 0, min: 1 }
    );
    let boundary = refused(ShardLimits { boundary: 5, ..SMALL });
    assert_eq!(boundary, ExecutionError::ShardLimit { what: "BOUNDARY", got: 5, min: 6 });
    let none = refused(ShardLimits { instructions: 0, ..SMALL });
    assert_eq!(none, ExecutionError::ShardLimit { what: "instructions", got: 0, min: 1 });
}

#[test]
fn both_modes_fail_alike() {
    let endless = Asm::new().word(b_type(0, 0, 0, 0)).program();
    let illegal = Asm::new().addi(A0, 0, 1).word(0).program();
    let outside = Asm::new().addi(A0, 0, 1).word(i_type(LOAD, 3, A0, A0, 7)).program();
    let limits = Limits { max_cycles: Some(1000), ..Limits::default() };
    for program in [endless, illegal, outside] {
        let fast = execute(&program, &[], limits, &mut Silent).err();
        assert_eq!(fast, plan(&program, &[], limits, &SMALL).err());
        assert!(fast.is_some());
    }
    let walk = stack_walk(1 << 15);
    let limits = Limits { max_memory_bytes: Some(1 << 17), ..Limits::default() };
    let error = plan(&walk, &[], limits, &ShardLimits::UNLIMITED).expect_err("limited");
    assert!(matches!(error, ExecutionError::Fault { fault: Fault::MemoryLimit(_), .. }));
}

#[test]
fn a_plan_of_another_input_is_an_error() {
    let asm = Asm::new().li(T0, INPUT_BASE).word(i_type(LOAD, 3, T1, T0, 0)).addi(T1, T1, -1);
    let program = asm.word(b_type(1, T1, 0, -4_i32 as u32)).exit().program();
    let plan = check(&program, &[0; 200], &SMALL).0;
    for input in [&[0; 100], [0; 300].as_slice()] {
        let mut shards = Shards::events(&program, input, &plan);
        assert!(shards.any(|shard| matches!(shard, Err(ExecutionError::OtherPlan { .. }))));
    }
}

#[test]
fn shards_can_be_skipped_and_phase_0_needs_no_events() {
    let program = stack_walk(100);
    let (plan, shards) = check(&program, &[], &ShardLimits { init: 100, ..SMALL });
    let mut rest = Shards::events(&program, &[], &plan);
    rest.skip_to(3).expect("agrees");
    let third = rest.next().expect("there are more than three").expect("agrees");
    assert_eq!((third.index, &third.events, &third.boundary), (3, &shards[2].events, &shards[2].boundary));
    for (phase_0, shard) in Shards::boundaries(&program, &[], &plan).zip(&shards) {
        let phase_0 = phase_0.expect("agrees");
        assert!(phase_0.events.iter().all(Vec::is_empty) && phase_0.ecalls.is_empty());
        assert_eq!(
            (&phase_0.boundary, &phase_0.init, &phase_0.image),
            (&shard.boundary, &shard.init, &shard.image)
        );
    }
}

/// Words that compute on registers 5 to 15 and on the data segment, to which x20 points.
fn arbitrary_word() -> impl Strategy<Value = u32> {
    let register = || prop_oneof![4 => 5_u32..16, 1 => Just(0)];
    let registers = (register(), register(), register());
    let op = prop::sample::select(vec![
        (0, 0),
        (32, 0),
        (0, 1),
        (0, 2),
        (0, 3),
        (0, 4),
        (0, 5),
        (32, 5),
        (0, 6),
        (0, 7),
    ]);
    let muldiv = (0_u32..8).prop_map(|funct3| (1, funct3));
    let op_w = prop::sample::select(vec![
        (0, 0),
        (32, 0),
        (0, 1),
        (0, 5),
        (32, 5),
        (1, 0),
        (1, 4),
        (1, 5),
        (1, 6),
        (1, 7),
    ]);
    prop_oneof![
        (prop_oneof![op, muldiv], registers.clone())
            .prop_map(|((f7, f3), (rd, a, b))| r_type(OP, f7, f3, rd, a, b)),
        (op_w, registers.clone()).prop_map(|((f7, f3), (rd, a, b))| r_type(OP_32, f7, f3, rd, a, b)),
        (prop::sample::select(vec![0, 2, 3, 4, 6, 7]), registers.clone(), any::<u32>())
            .prop_map(|(f3, (rd, a, _), imm)| i_type(OP_IMM, f3, rd, a, imm & 0xfff)),
        (registers.clone(), 0_u32..64, any::<bool>()).prop_map(|((rd, a, _), shamt, right)| i_type(
            OP_IMM,
            if right { 5 } else { 1 },
            rd,
            a,
            shamt
        )),
        (registers.clone(), any::<u32>()).prop_map(|((rd, a, _), imm)| i_type(
            OP_IMM_32,
            0,
            rd,
            a,
            imm & 0xfff
        )),
        (0_u32..7, registers.clone(), 0_u32..8).prop_map(|(f3, (rd, ..), i)| i_type(LOAD, f3, rd, 20, 8 * i)),
        (0_u32..4, registers.clone(), 0_u32..8).prop_map(|(f3, (rs2, ..), i)| s_type(f3, 20, rs2, 8 * i)),
        (prop::sample::select(vec![0, 1, 3, 4, 8, 12, 16, 20, 24, 28]), 2_u32..4, registers.clone())
            .prop_map(|(f5, f3, (rd, _, b))| r_type(AMO, f5 << 2, f3, rd, 20, b)),
        (2_u32..4, registers.clone()).prop_map(|(f3, (rd, ..))| r_type(AMO, 2 << 2, f3, rd, 20, 0)),
        (prop::sample::select(vec![0, 1, 4, 5, 6, 7]), registers)
            .prop_map(|(f3, (_, a, b))| b_type(f3, a, b, 8)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever the text is, both modes end alike: with an exit, a fault or the limit, never a panic.
    #[test]
    fn random_texts_end_alike(words in prop::collection::vec(prop_oneof![any::<u32>(), arbitrary_word()], 2..40), max_cycles in 0_u64..400) {
        let limits = Limits { max_cycles: Some(max_cycles), ..Limits::default() };
        let program = Asm([Asm::new().li(20, DATA).li(17, ecall::EXIT).0, words].concat()).program();
        let fast = execute(&program, b"input", limits, &mut Silent).map(|execution| (execution.cycles, execution.exit));
        let traced = plan(&program, b"input", limits, &ShardLimits { init: 1000, ..SMALL }).map(|plan| (plan.cycles, plan.exit));
        prop_assert_eq!(fast, traced);
    }

    #[test]
    fn random_programs_balance(words in prop::collection::vec(arbitrary_word(), 1..60), rounds in 1_u64..8) {
        let asm = (5..16).fold(Asm::new(), |asm, i| asm.li(i, 0x0123_4567_89ab_cdef_u64.rotate_left(7 * i)));
        let asm = asm.li(20, DATA).li(21, rounds);
        let mut asm = Asm([asm.0.as_slice(), &words].concat()).addi(0, 0, 0).addi(21, 21, -1);
        // The loop jumps back by jalr so that every length is in reach.
        let back = asm.here() as i64 - 4 * (words.len() as i64 + 2);
        asm = asm.word(b_type(0, 21, 0, 16)).li(22, back as u64).word(i_type(0x67, 0, 1, 22, 0));
        let program = asm.word(r_type(OP, 0, 4, A0, A0, A1)).exit().program();
        check(&program, &[], &SMALL);
        check(&program, &[], &ShardLimits::UNLIMITED);
    }
}
