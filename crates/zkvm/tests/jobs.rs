//! The job interface over several shards, and that nothing depends on where and by how many it is done.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../../executor/tests/assembler/mod.rs"]
mod assembler;

use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

use assembler::{A0, A1, Asm, DATA, T0, T1, T2};
use vellum_isa::encode::{AMO, JALR, LOAD, OP, b_type, i_type, r_type, s_type};
use vellum_isa::map::{INPUT_BASE, STACK_TOP, VIRTUAL_PC};
use vellum_zkvm::{
    Assignment, Budget, Job, Limits, Machine, Profile, Program, ProgramKey, ProveError, ProveOptions,
    ShardResult, VerifyFileError, Work, assemble, prove, verify,
};

static MACHINE: LazyLock<Machine> = LazyLock::new(|| Machine::new(Profile::TestInsecure));
static KEY: LazyLock<ProgramKey> = LazyLock::new(|| ProgramKey::new(&MACHINE, program()));

/// Counts by amo in memory, from what the input says, and walks a pointer on the stack; a loop of odd length, so that
/// shards of 2^14 rows end inside atomic operations now and then.
fn program() -> Program {
    let start = Asm::new()
        .li(8, DATA)
        .li(9, STACK_TOP - 4096)
        .li(T0, INPUT_BASE)
        .word(i_type(LOAD, 3, T1, T0, 8))
        .word(s_type(3, 8, T1, 0))
        .li(T2, 6000)
        .li(A1, 1);
    let body = Asm::new()
        .word(r_type(AMO, 0, 3, A0, 8, A1))
        .word(i_type(0x13, 7, 28, T2, 0x7f8))
        .word(r_type(OP, 0, 0, 28, 28, 9))
        .word(i_type(LOAD, 3, 29, 28, 0))
        .word(r_type(OP, 0, 0, 29, 29, A0))
        .word(s_type(3, 28, 29, 0))
        .addi(T2, T2, -1);
    let back = -4 * body.0.len() as i32;
    let asm = Asm([start.0, body.0].concat()).word(b_type(1, T2, 0, back as u32));
    // Ends with the counter less 5999 as status: what the input said. jalr skips nothing.
    let target = asm.here() + 16;
    asm.li(6, target)
        .word(i_type(JALR, 0, 1, 6, 0))
        .word(0)
        .li(T1, 5999)
        .word(r_type(OP, 32, 0, A0, A0, T1))
        .exit()
        .program()
}

fn input(value: u64) -> Vec<u8> {
    value.to_le_bytes().to_vec()
}

/// The smallest budget that the execution can be proven with: the most shards.
fn smallest_budget(input: &[u8]) -> Budget {
    match Work::plan(&MACHINE, &KEY, input, Limits::default(), Budget { bytes: 0 }).map(|_| ()) {
        Err(ProveError::Memory { needed, .. }) => Budget { bytes: needed },
        other => panic!("nothing fits no memory: {other:?}"),
    }
}

fn planned(input: &[u8]) -> (Work<'_>, Assignment) {
    let work = Work::plan(&MACHINE, &KEY, input, Limits::default(), smallest_budget(input)).unwrap();
    let assignment = work.commit(|_| {}, &AtomicBool::new(false)).unwrap();
    (work, assignment)
}

#[test]
fn jobs_are_proven_anywhere_in_any_order() {
    let input = input(5);
    let (work, assignment) = planned(&input);
    let jobs = work.jobs(&assignment);
    assert!(jobs.len() >= 3, "{} shards", jobs.len());
    assert!(
        work.execution().shards.iter().any(|s| s.pc_in >= VIRTUAL_PC),
        "a cut inside an atomic operation"
    );
    // Each job goes over the wire and is done by a worker that has nothing else; the last one first.
    let mut results: Vec<ShardResult> = jobs
        .iter()
        .rev()
        .map(|job| {
            let job: Job = postcard::from_bytes(&postcard::to_stdvec(job).unwrap()).unwrap();
            let machine = Machine::new(Profile::TestInsecure);
            let key = ProgramKey::new(&machine, program());
            Work::prove(&machine, &key, &input, &job).unwrap()
        })
        .collect();
    results.swap(0, 1);
    let mut file = vec![];
    assemble(&work, &assignment, results.clone(), &mut file).unwrap();
    let vk = KEY.vk.digest_bytes();
    let verified = verify(&MACHINE, &vk, &mut file.as_slice()).unwrap();
    assert_eq!((verified.exit_status, verified.shards as usize), (5, jobs.len()));

    // The same bytes as proving in one go.
    let mut whole = vec![];
    let mut options = ProveOptions {
        limits: Limits::default(),
        budget: smallest_budget(&input),
        cancel: &AtomicBool::new(false),
        progress: &mut |_| {},
    };
    prove(&MACHINE, &KEY, &input, &mut options, &mut whole).unwrap();
    assert!(whole == file, "proofs are deterministic");

    wrong_results(&work, &assignment, &results);
    shards_in_the_file(&vk, &file, &results);
}

/// A result missing, twice, renumbered.
fn wrong_results(work: &Work<'_>, assignment: &Assignment, results: &[ShardResult]) {
    let refused = |results: Vec<ShardResult>| {
        matches!(assemble(work, assignment, results, &mut vec![]), Err(ProveError::OtherJob("plan")))
    };
    assert!(refused(vec![]));
    assert!(refused(results[1..].to_vec()));
    assert!(refused([results, &results[..1]].concat()));
    let mut renumbered = results.to_vec();
    renumbered[0].shard += 1;
    assert!(refused(renumbered));
    // Numbers that are right on proofs that are not: a worker's lie is found by the verifier.
    let mut traded = results.to_vec();
    let proof = std::mem::take(&mut traded[0].proof);
    traded[0].proof = std::mem::replace(&mut traded[1].proof, proof);
    let mut file = vec![];
    assemble(work, assignment, traded, &mut file).unwrap();
    assert!(verify(&MACHINE, &KEY.vk.digest_bytes(), &mut file.as_slice()).is_err());
}

/// Case 25 on the file: shards left out, repeated, in another order, with and without the count set right.
fn shards_in_the_file(vk: &[u8; 32], file: &[u8], results: &[ShardResult]) {
    const SHARDS: usize = 8 + 2 + 106;
    let mut results = results.to_vec();
    results.sort_by_key(|result| result.shard);
    let n = results.len();
    let head = file.len() - results.iter().map(|r| r.proof.len() + 4).sum::<usize>();
    let build = |order: &[usize], count: usize| {
        let mut other = file[..head].to_vec();
        other[SHARDS..SHARDS + 4].copy_from_slice(&(count as u32).to_le_bytes());
        for i in order {
            other.extend((results[*i].proof.len() as u32).to_le_bytes());
            other.extend(&results[*i].proof);
        }
        other
    };
    let honest: Vec<usize> = (0..n).collect();
    assert!(build(&honest, n) == file);
    let mut orders = vec![honest[1..].to_vec(), honest[..n - 1].to_vec(), honest[1..2].to_vec(), vec![]];
    orders.push([&honest[..], &[n - 1]].concat());
    orders.push([&honest[..1], &honest[..]].concat());
    orders.push(honest.iter().rev().copied().collect());
    orders.push([&[1, 0], &honest[2..]].concat());
    for order in orders {
        for count in [n, order.len()] {
            assert!(
                verify(&MACHINE, vk, &mut build(&order, count).as_slice()).is_err(),
                "{order:?} of {count}"
            );
        }
    }
}

/// A worker refuses what is not its job.
#[test]
fn jobs_of_something_else_are_refused() {
    let ours = input(5);
    let (work, assignment) = planned(&ours);
    let job = &work.jobs(&assignment)[1];
    let refused = |input: &[u8], job: &Job| match Work::prove(&MACHINE, &KEY, input, job) {
        Err(ProveError::OtherJob(what)) => what,
        Err(error) => panic!("{error}"),
        Ok(_) => "nothing",
    };
    assert_eq!(refused(&input(6), job), "input");
    assert_eq!(refused(&ours, &Job { input: [0; 32], ..job.clone() }), "input");
    assert_eq!(refused(&ours, &Job { vk: Default::default(), ..job.clone() }), "program");
    for log_instructions in [0, 13, 21, 32, u32::MAX] {
        assert_eq!(refused(&ours, &Job { log_instructions, ..job.clone() }), "plan");
    }
    for shard in [0, work.execution().shards.len() as u32 + 1, u32::MAX] {
        assert_eq!(refused(&ours, &Job { shard, ..job.clone() }), "plan");
    }
    let other = ProgramKey::new(&MACHINE, Asm::new().exit().program());
    assert!(matches!(Work::prove(&MACHINE, &other, &ours, job), Err(ProveError::OtherJob("program"))));
    // Results of another execution's jobs, put into this one's file.
    let theirs = input(6);
    let (other_work, other_assignment) = planned(&theirs);
    let proof = |work: &Work<'_>, assignment: &Assignment, input: &[u8], shard: usize| {
        Work::prove(&MACHINE, &KEY, input, &work.jobs(assignment)[shard]).unwrap()
    };
    let mut results = vec![proof(&other_work, &other_assignment, &theirs, 0)];
    results.extend((1..work.execution().shards.len()).map(|i| proof(&work, &assignment, &ours, i)));
    let mut file = vec![];
    assemble(&work, &assignment, results, &mut file).unwrap();
    let verdict = verify(&MACHINE, &KEY.vk.digest_bytes(), &mut file.as_slice());
    assert!(matches!(verdict, Err(VerifyFileError::Invalid(_))), "{verdict:?}");
}

/// Proofs and verdicts are the same on one thread and on two, and keys the same from two set-ups. The one shard looks
/// up limb 0 more than 2^16 times: five results a round have at least twelve zero limbs (case 31).
#[test]
fn threads_change_nothing() {
    let input = input(7);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let machine = Machine::new(Profile::TestInsecure);
            let key = ProgramKey::new(&machine, program());
            let mut file = vec![];
            let mut options = ProveOptions {
                limits: Limits::default(),
                budget: Budget { bytes: 4 << 30 },
                cancel: &AtomicBool::new(false),
                progress: &mut |_| {},
            };
            prove(&machine, &key, &input, &mut options, &mut file).unwrap();
            let verdict = verify(&machine, &key.vk.digest_bytes(), &mut file.as_slice()).unwrap();
            let mut lie = file.clone();
            let middle = lie.len() / 2;
            lie[middle] ^= 1;
            let error = verify(&machine, &key.vk.digest_bytes(), &mut lie.as_slice()).unwrap_err();
            (key.vk, file, verdict, error.to_string())
        })
    };
    let (one, two) = (run(1), run(2));
    assert_eq!((&one.0, &one.2, &one.3), (&two.0, &two.2, &two.3));
    assert_eq!(one.2.shards, 1);
    assert!(one.1 == two.1, "the same bytes on one thread and on two");
    assert_eq!(one.0, KEY.vk);
    assert_eq!(one.0.encode(), two.0.encode());
}
