//! A small machine proven end to end: a circuit, a lookup table, a permutation bus closed by the verifier, a global bus.
#![allow(clippy::unwrap_used, missing_docs)]

use p3_matrix::dense::RowMajorMatrix;
use vellum_stark::{
    BoundaryTerm, Builder, Bus, Chip, ChipSet, Direction, EF, F, Preprocessed, PreprocessedRoot,
    PrimeCharacteristicRing, Profile, Round, Shape, Stages, Statement, TableProof, Traces, Transcript,
    VerifyError, Widths, prove, prove_with, verify, verify_with,
};

const RESULT: Bus = Bus::permutation("RESULT", 1, 2);
const BYTE: Bus = Bus::lookup("BYTE", 2, 1);
const ACROSS: Bus = Bus::global("ACROSS", 3, 1);

/// c = a² + b + 5, with a and b bytes: columns r, a, b, c.
struct Square;
impl Chip for Square {
    fn name(&self) -> &'static str {
        "SQUARE"
    }
    fn widths(&self) -> Widths {
        Widths { main: 4, ..Widths::default() }
    }
    fn eval<B: Builder>(&self, builder: &mut B) {
        let [r, a, b, c]: [B::Expr; 4] = std::array::from_fn(|i| builder.main()[i].clone());
        builder.assert_bool("r", r.clone());
        let value = a.clone() * a.clone() + b.clone() + B::Expr::from_u32(5);
        builder.assert_eq("c = a^2 + b + 5", r.clone() * value, c.clone());
        builder.send(RESULT, r.clone(), [a.clone(), c]);
        builder.send(BYTE, r.clone(), [a]);
        builder.send(BYTE, r, [b]);
    }
}

/// The bytes.
struct Bytes;
impl Chip for Bytes {
    fn name(&self) -> &'static str {
        "BYTES"
    }
    fn widths(&self) -> Widths {
        Widths { preprocessed: 1, main: 1, ..Widths::default() }
    }
    fn eval<B: Builder>(&self, builder: &mut B) {
        let (value, count) = (builder.preprocessed()[0].clone(), builder.main()[0].clone());
        builder.receive(BYTE, count, [value]);
    }
}

/// Sends public value 0 to the world.
struct World;
impl Chip for World {
    fn name(&self) -> &'static str {
        "WORLD"
    }
    fn widths(&self) -> Widths {
        Widths { phase0: 2, ..Widths::default() }
    }
    fn eval<B: Builder>(&self, builder: &mut B) {
        let (r, k) = (builder.phase0()[0].clone(), builder.phase0()[1].clone());
        builder.assert_bool("r", r.clone());
        let shard = builder.public(0);
        builder.assert_eq("k = shard", k.clone(), r.clone() * shard);
        builder.send(ACROSS, r, [k]);
    }
}

struct Fixture {
    set: ChipSet,
    bytes: Preprocessed,
    roots: Vec<PreprocessedRoot>,
    publics: Vec<F>,
    boundary: Vec<BoundaryTerm>,
    global: (EF, EF),
}

fn fixture(profile: Profile) -> Fixture {
    let set = ChipSet::new(vec![Box::new(Square), Box::new(Bytes), Box::new(World)], profile).unwrap();
    let rows = RowMajorMatrix::new((0..256).map(F::from_u32).collect(), 1);
    let bytes = Preprocessed::commit(&set, vec![(1, rows)]);
    let roots = vec![bytes.root()];
    let boundary = (0..40u32)
        .map(|a| BoundaryTerm {
            direction: Direction::Receive,
            bus: RESULT,
            tuple: vec![F::from_u32(a), F::from_u32(a * a + 7 + 5)],
        })
        .collect();
    Fixture {
        set,
        bytes,
        roots,
        publics: vec![F::from_u32(9)],
        boundary,
        global: (EF::from_u32(77), EF::from_u32(78)),
    }
}

impl Fixture {
    fn statement(&self) -> Statement<'_> {
        Statement { vk: [F::ONE; 8], publics: &self.publics, global: self.global, boundary: &self.boundary }
    }

    fn traces(&self, lie: impl Fn(usize, &mut [F]) + Sync) -> Traces {
        let mut traces = Traces::new(&self.set, Shape { log_heights: vec![Some(6), Some(8), Some(6)] });
        traces.fill(&self.set, 0, Round::Main, 40, |i, row| {
            let a = i as u32;
            row.copy_from_slice(&[1, a, 7, a * a + 7 + 5].map(F::from_u32));
            lie(i, row);
        });
        traces.fill(&self.set, 1, Round::Main, 256, |i, row| {
            row[0] = F::from_usize(usize::from(i < 40) + if i == 7 { 40 } else { 0 });
        });
        traces.fill(&self.set, 2, Round::Phase0, 3, |_, row| row.copy_from_slice(&[F::ONE, F::from_u32(9)]));
        traces
    }

    fn prove(&self, lie: impl Fn(usize, &mut [F]) + Sync) -> TableProof {
        prove(&self.set, &[&self.bytes], &self.statement(), self.traces(lie), &mut Stages::start())
    }

    fn verify(&self, proof: &TableProof) -> Result<EF, VerifyError> {
        verify(&self.set, &self.roots, &self.statement(), proof)
    }
}

#[test]
fn an_honest_proof_verifies_and_returns_the_global_sum() {
    for profile in [Profile::TestInsecure, Profile::Standard] {
        let fixture = fixture(profile);
        let proof = fixture.prove(|_, _| {});
        let fingerprint = fixture.global.0 + EF::from_u32(3) + fixture.global.1 * F::from_u32(9);
        let expected = EF::from_u32(3) * p3_field::Field::inverse(&fingerprint);
        assert_eq!(fixture.verify(&proof), Ok(expected));
    }
}

#[test]
fn a_false_result_is_refused() {
    let fixture = fixture(Profile::TestInsecure);
    // c + 1 with everything else honest: the constraint of row 3 fails.
    let proof = fixture.prove(|i, row| row[3] += F::from_bool(i == 3));
    assert_eq!(fixture.verify(&proof), Err(VerifyError::Constraints { log_height: 6 }));
}

#[test]
fn an_unbalanced_bus_is_refused() {
    let fixture = fixture(Profile::TestInsecure);
    // Row 3 uses another a: the constraint holds, but the verifier receives another tuple and BYTES counts another value.
    let proof = fixture.prove(|i, row| {
        if i == 3 {
            row.copy_from_slice(&[1, 2, 7, 16].map(F::from_u32));
        }
    });
    assert_eq!(fixture.verify(&proof), Err(VerifyError::LocalBuses));
}

#[test]
fn another_statement_is_refused() {
    let fixture = fixture(Profile::TestInsecure);
    let proof = fixture.prove(|_, _| {});
    let refused =
        |statement: Statement<'_>| verify(&fixture.set, &fixture.roots, &statement, &proof).is_err();
    assert!(refused(Statement { vk: [F::TWO; 8], ..fixture.statement() }));
    assert!(refused(Statement { publics: &[F::from_u32(10)], ..fixture.statement() }));
    assert!(refused(Statement { publics: &[F::from_u32(9), F::ZERO], ..fixture.statement() }));
    assert!(refused(Statement { boundary: &fixture.boundary[1..], ..fixture.statement() }));
    assert!(refused(Statement { global: (EF::ONE, EF::TWO), ..fixture.statement() }));
    assert!(!refused(fixture.statement()));
}

#[test]
fn a_proof_of_another_profile_is_refused() {
    let test = fixture(Profile::TestInsecure);
    let standard = fixture(Profile::Standard);
    let proof = test.prove(|_, _| {});
    assert!(standard.verify(&proof).is_err());
}

#[test]
fn prover_and_verifier_absorb_the_same_values() {
    let fixture = fixture(Profile::TestInsecure);
    let (mut proving, mut verifying) = (Transcript::recording(), Transcript::recording());
    let statement = fixture.statement();
    let proof = prove_with(
        &fixture.set,
        &[&fixture.bytes],
        &statement,
        fixture.traces(|_, _| {}),
        &mut proving,
        &mut Stages::start(),
    );
    let _ = verify_with(&fixture.set, &fixture.roots, &statement, &proof, &mut verifying).unwrap();
    assert_eq!(proving.recorded(), verifying.recorded());
    // Statement 2+2+8+2+6+2+1 elements, four roots, terminals, openings and the rest.
    assert!(proving.recorded().unwrap().len() > 300);
}

/// Sends a tuple longer than the fingerprint has challenge powers.
struct Wide;
impl Chip for Wide {
    fn name(&self) -> &'static str {
        "WIDE"
    }
    fn widths(&self) -> Widths {
        Widths { main: 1, ..Widths::default() }
    }
    fn eval<B: Builder>(&self, builder: &mut B) {
        let r = builder.main()[0].clone();
        builder.assert_bool("r", r.clone());
        const N: usize = vellum_stark::ARITY_MAX + 1;
        builder.send::<N>(Bus::permutation("WIDE", 9, N), r.clone(), std::array::from_fn(|_| r.clone()));
    }
}

#[test]
fn a_tuple_longer_than_the_fingerprint_is_refused_at_set_up() {
    assert!(ChipSet::new(vec![Box::new(Wide)], Profile::TestInsecure).is_err());
}
