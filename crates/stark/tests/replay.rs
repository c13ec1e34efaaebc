//! The transcript is what catches a value changed after the fact: every value that a prover sends is absorbed before the
//! next challenge is drawn, and where challenges are replayed instead, a false sum passes.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;
#[path = "common/mirror.rs"]
mod mirror;

use common::{Fixture, fixture};
use mirror::{Mirror, other_root};
use vellum_stark::{
    Direction, EF, F, Field, PrimeCharacteristicRing, Profile, Shape, Statement, TableProof, Transcript,
    VerifyError, verify_with,
};

/// What verification absorbed up to its end or first objection, and the verdict.
fn absorbed(fixture: &Fixture, statement: &Statement<'_>, proof: &TableProof) -> (Vec<F>, bool) {
    let mut transcript = Transcript::recording();
    let verdict = verify_with(&fixture.set, &fixture.roots, statement, proof, &mut transcript);
    (transcript.recorded().unwrap().to_vec(), verdict.is_ok())
}

/// Where an honest verification absorbs each part of the proof.
struct Offsets {
    vk: usize,
    shape: usize,
    publics: usize,
    phase0: usize,
    main: usize,
    lookup_witness: usize,
    aux: usize,
    terminals: usize,
    quotient: usize,
    zeta_witness: usize,
    opened: usize,
    end: usize,
}

impl Offsets {
    fn of(record: &[F], mirror: &Mirror) -> Self {
        let (vk, shape) = (4, 4 + 8 + 2);
        let publics = shape + 2 * 3 + 2;
        let phase0 = publics + 1;
        let main = phase0 + 8;
        let lookup_witness = main + 8;
        let aux = lookup_witness + 1;
        let terminals = aux + 8;
        let quotient = terminals + 4 * mirror.terminals.len();
        let zeta_witness = quotient + 8;
        let opened = zeta_witness + 1;
        Self {
            vk,
            shape,
            publics,
            phase0,
            main,
            lookup_witness,
            aux,
            terminals,
            quotient,
            zeta_witness,
            opened,
            end: record.len(),
        }
    }
}

/// First place where two records differ; the shorter one's end counts.
fn difference(a: &[F], b: &[F]) -> usize {
    a.iter().zip(b).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len()))
}

#[test]
fn every_value_is_absorbed_where_the_protocol_says() {
    let fixture = fixture(Profile::TestInsecure);
    let statement = fixture.statement();
    let honest = Mirror::of(&fixture.prove(|_, _| {}));
    let (record, valid) = absorbed(&fixture, &statement, &honest.proof());
    assert!(valid);
    let at = Offsets::of(&record, &honest);
    let check = |name: &str, expected: usize, lie: &dyn Fn(&mut Mirror)| {
        let mut mirror = honest.clone();
        lie(&mut mirror);
        let (lying, valid) = absorbed(&fixture, &statement, &mirror.proof());
        assert!(!valid, "{name} is accepted");
        assert_eq!(difference(&record, &lying), expected, "{name}");
        assert!(lying.len() > expected, "{name} is not absorbed");
    };
    for i in 0..8 {
        check("phase-0 root", at.phase0 + i, &|m| m.phase0 = other_root(&m.phase0, i));
        check("main root", at.main + i, &|m| m.main = other_root(&m.main, i));
        check("aux root", at.aux + i, &|m| m.aux = other_root(&m.aux, i));
        check("quotient root", at.quotient + i, &|m| m.quotient = other_root(&m.quotient, i));
    }
    check("lookup witness", at.lookup_witness, &|m| m.lookup_witness += F::ONE);
    check("zeta witness", at.zeta_witness, &|m| m.zeta_witness += F::ONE);
    for i in 0..honest.terminals.len() {
        check("terminal", at.terminals + 4 * i, &|m| m.terminals[i] += EF::ONE);
    }
    // Opened values in whatever order p3-fri absorbs them: each changes one place of its own.
    let mut places = Vec::new();
    for c in 0..honest.opened.len() {
        for m in 0..honest.opened[c].len() {
            for p in 0..honest.opened[c][m].len() {
                for v in 0..honest.opened[c][m][p].len() {
                    let mut mirror = honest.clone();
                    mirror.opened[c][m][p][v] += EF::ONE;
                    let (lying, valid) = absorbed(&fixture, &statement, &mirror.proof());
                    assert!(!valid, "opened value {c} {m} {p} {v}");
                    places.push(difference(&record, &lying));
                }
            }
        }
    }
    places.sort_unstable();
    // Before them p3-fri absorbs what it is about to open: dimensions and parameters.
    let first = places[0];
    assert!(first >= at.opened);
    assert!(places.iter().copied().eq((first..).step_by(4).take(places.len())));
    let opened_end = first + 4 * places.len();
    // The rest is p3-fri's: all of it after the openings.
    let rest = |name: &str, lie: &dyn Fn(&mut Mirror)| {
        let mut mirror = honest.clone();
        lie(&mut mirror);
        let (lying, valid) = absorbed(&fixture, &statement, &mirror.proof());
        assert!(!valid, "{name} is accepted");
        let place = difference(&record, &lying);
        assert!((opened_end..at.end).contains(&place) && lying.len() > place, "{name} at {place}");
    };
    rest("batch witness", &|m| m.opening.batch_pow_witness += F::ONE);
    rest("query witness", &|m| m.opening.query_pow_witness += F::ONE);
    for round in 0..honest.opening.commit_phase_commits.len() {
        rest("fold root", &|m| {
            m.opening.commit_phase_commits[round] = other_root(&m.opening.commit_phase_commits[round], 7);
        });
        rest("fold witness", &|m| m.opening.commit_pow_witnesses[round] += F::ONE);
    }
    for i in 0..honest.opening.final_poly.len() {
        rest("final polynomial", &|m| m.opening.final_poly[i] += EF::ONE);
    }
}

#[test]
fn the_statement_is_absorbed_first() {
    let fixture = fixture(Profile::TestInsecure);
    let proof = fixture.prove(|_, _| {});
    let (record, _) = absorbed(&fixture, &fixture.statement(), &proof);
    let at = Offsets::of(&record, &Mirror::of(&proof));
    for i in 0..8 {
        let mut statement = fixture.statement();
        statement.vk[i] += F::ONE;
        let (lying, valid) = absorbed(&fixture, &statement, &proof);
        assert_eq!((difference(&record, &lying), valid), (at.vk + i, false));
    }
    let publics = [fixture.publics[0] + F::ONE];
    let (lying, valid) = absorbed(&fixture, &Statement { publics: &publics, ..fixture.statement() }, &proof);
    assert_eq!((difference(&record, &lying), valid), (at.publics, false));
    // A longer list shows in its length.
    let publics = [fixture.publics[0], F::ZERO];
    let (lying, valid) = absorbed(&fixture, &Statement { publics: &publics, ..fixture.statement() }, &proof);
    assert_eq!((difference(&record, &lying), valid), (at.publics - 2, false));
    // Heights: a shape that passes the first checks of the verifier is absorbed chip by chip.
    let mut mirror = Mirror::of(&proof);
    mirror.shape = Shape { log_heights: vec![Some(7), Some(8), Some(6)] };
    let (lying, valid) = absorbed(&fixture, &fixture.statement(), &mirror.proof());
    assert!(!valid);
    assert!(lying.is_empty() || difference(&record, &lying) == at.shape);
}

/// The challenges of a verification, drawn again from what it absorbed.
fn challenges(record: &[F], at: &Offsets) -> [EF; 4] {
    let mut transcript = Transcript::new();
    transcript.absorb_slice(&record[..at.lookup_witness]);
    assert!(transcript.check_bits(1, record[at.lookup_witness]));
    let alpha = transcript.challenge();
    let beta = transcript.challenge();
    transcript.absorb_slice(&record[at.aux..at.quotient]);
    let batch = transcript.challenge();
    transcript.absorb_slice(&record[at.quotient..at.zeta_witness]);
    assert!(transcript.check_bits(1, record[at.zeta_witness]));
    [alpha, beta, batch, transcript.challenge()]
}

/// Step 9 of the verifier: the local terminals and its own terms.
fn local_sum(fixture: &Fixture, [alpha, beta, ..]: [EF; 4], terminals: &[EF]) -> EF {
    let terms = fixture.boundary.iter().map(|term| {
        let fingerprint = term
            .tuple
            .iter()
            .zip(beta.powers().skip(1))
            .fold(alpha + F::from_u32(term.bus.id), |sum, (entry, power)| sum + power * *entry);
        match term.direction {
            Direction::Send => fingerprint.inverse(),
            Direction::Receive => -fingerprint.inverse(),
        }
    });
    // SQUARE and BYTES have a local terminal each, WORLD only a global one.
    terminals[0] + terminals[1] + terms.sum::<EF>()
}

/// A false run: the verifier expects another result than was computed. With the challenges known beforehand, terminals
/// that balance are a matter of subtraction; the transcript has them absorbed before anything that could repair the rest.
#[test]
fn edited_terminals_pass_the_sum_under_frozen_challenges_and_fail_the_proof() {
    let mut fixture = fixture(Profile::TestInsecure);
    fixture.boundary[3].tuple[1] += F::ONE;
    let statement = fixture.statement();
    let honest = Mirror::of(&fixture.prove(|_, _| {}));
    let mut transcript = Transcript::recording();
    let verdict = verify_with(&fixture.set, &fixture.roots, &statement, &honest.proof(), &mut transcript);
    assert_eq!(verdict, Err(VerifyError::LocalBuses));
    let record = transcript.recorded().unwrap().to_vec();
    let at = Offsets::of(&record, &honest);
    let frozen = challenges(&record, &at);
    let sum = local_sum(&fixture, frozen, &honest.terminals);
    assert_ne!(sum, EF::ZERO);

    let mut forged = honest;
    forged.terminals[0] -= sum;
    assert_eq!(local_sum(&fixture, frozen, &forged.terminals), EF::ZERO, "frozen challenges are fooled");
    let (lying, valid) = absorbed(&fixture, &statement, &forged.proof());
    assert!(!valid);
    assert_eq!(difference(&record, &lying), at.terminals);

    // Traded between two chips, so that the real sum stays what it is: the constraints then fail.
    let honest_boundary = common::fixture(Profile::TestInsecure);
    let mut traded = Mirror::of(&honest_boundary.prove(|_, _| {}));
    traded.terminals[0] += EF::ONE;
    traded.terminals[1] -= EF::ONE;
    let verdict = honest_boundary.verify(&traded.proof());
    assert!(verdict.is_err_and(|error| error != VerifyError::LocalBuses));
}

/// The fingerprint above is the verifier's: with honest terminals the sum is zero.
#[test]
fn the_replayed_challenges_are_the_verifiers() {
    let fixture = fixture(Profile::TestInsecure);
    let proof = fixture.prove(|_, _| {});
    let mirror = Mirror::of(&proof);
    let (record, _) = absorbed(&fixture, &fixture.statement(), &proof);
    let at = Offsets::of(&record, &mirror);
    let frozen = challenges(&record, &at);
    assert_eq!(local_sum(&fixture, frozen, &mirror.terminals), EF::ZERO);
    assert_eq!(fixture.verify(&proof), Ok(mirror.terminals[2]));
}
