//! Prints the unit in which `cargo xtask bench` compares machines: nanoseconds that one Poseidon2 permutation of width
//! 16 takes per lane, many lanes at once on one thread.

use std::array::from_fn;
use std::hint::black_box;
use std::time::Instant;

use p3_field::{Field, PackedValue};
use p3_koala_bear::default_koalabear_poseidon2_16;
use p3_symmetric::Permutation;
use vellum_stark::{F, PrimeCharacteristicRing};

type Packed = <F as Field>::Packing;

const ROUNDS: u32 = 20_000;
/// The best of several is what the machine can do; the others met something else that ran.
const TRIES: usize = 15;

fn main() {
    let permutation = default_koalabear_poseidon2_16();
    let mut state: [Packed; 16] =
        from_fn(|i| Packed::from_fn(|lane| F::from_usize(i * Packed::WIDTH + lane)));
    let best = (0..TRIES)
        .map(|_| {
            let started = Instant::now();
            for _ in 0..ROUNDS {
                permutation.permute_mut(black_box(&mut state));
            }
            started.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    println!("{:.2}", best * 1e9 / f64::from(ROUNDS) / Packed::WIDTH as f64);
}
