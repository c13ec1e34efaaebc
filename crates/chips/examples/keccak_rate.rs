//! Prints what proving Keccak-f permutations costs: a proof of KECCAKF's rows alone, its tokens given by the verifier.
//!
//! Run on one thread (`RAYON_NUM_THREADS=1`), so that seconds are CPU seconds. The argument is the number of
//! permutations; 1365 fill 2^15 rows.

use std::time::Instant;

use vellum_chips::{KSTATE, KeccakFChip, PrecompileChip, ROUNDS, Round as KeccakRound};
use vellum_stark::{
    BoundaryTerm, Chip, ChipSet, Direction, EF, F, PrimeCharacteristicRing, Profile, Round, Shape, Stages,
    Statement, Traces,
    check::{Cells, interactions},
    prove, verify,
};

fn main() {
    let permutations = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1365);
    let rounds: Vec<KeccakRound> = (0..permutations as u32)
        .flat_map(|i| {
            let state = std::array::from_fn(|lane| u64::from(i).wrapping_mul(0x9e37_79b9_7f4a_7c15) << lane);
            KeccakRound::permutation(16 * (i + 1), 0, true, state).0
        })
        .collect();
    let chip = KeccakFChip;
    let width = chip.widths().main;
    // A permutation's first token is sent by the verifier, its last one received.
    let ends = rounds.iter().filter(|round| round.round == 0 || usize::from(round.round) + 1 == ROUNDS);
    let boundary: Vec<BoundaryTerm> = ends
        .flat_map(|round| {
            let mut cells = vec![F::ZERO; width];
            chip.write_row(round, &mut cells);
            let taken = if round.round == 0 { Direction::Receive } else { Direction::Send };
            let met = if round.round == 0 { Direction::Send } else { Direction::Receive };
            let tokens = interactions(&chip, Cells::main(cells).as_row(), &[]);
            let tokens = tokens.into_iter().filter(move |token| token.direction == taken);
            tokens.map(move |token| BoundaryTerm { direction: met, bus: KSTATE, tuple: token.tuple })
        })
        .collect();

    let set = ChipSet::new(vec![Box::new(chip)], Profile::Standard).expect("the chip is sound");
    let log_height = rounds.len().next_power_of_two().ilog2() as u8;
    let shape = Shape { log_heights: vec![Some(log_height)] };
    let statement =
        Statement { vk: [F::ONE; 8], publics: &[], global: (EF::ONE, EF::TWO), boundary: &boundary };

    let started = Instant::now();
    let mut stages = Stages::start();
    let mut traces = Traces::new(&set, shape);
    traces.fill(&set, 0, Round::Main, rounds.len(), |i, row| chip.write_row(&rounds[i], row));
    stages.end("rows");
    let proof = prove(&set, &[], &statement, traces, &mut stages);
    let seconds = started.elapsed().as_secs_f64();
    let _ = verify(&set, &[], &statement, &proof).expect("the proof is honest");
    println!("{permutations} permutations, {} rows, {seconds:.2} s", 1u64 << log_height);
    for (stage, seconds) in stages.seconds() {
        println!("  {stage}: {seconds:.2} s");
    }
    println!("{:.0} permutations per second", f64::from(permutations as u32) / seconds);
}
