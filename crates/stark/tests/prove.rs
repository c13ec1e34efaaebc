//! A small machine proven end to end.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::fixture;
use vellum_stark::{
    Builder, Bus, Chip, ChipSet, EF, F, PrimeCharacteristicRing, Profile, Stages, Statement, Transcript,
    VerifyError, Widths, prove_with, verify, verify_with,
};

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
