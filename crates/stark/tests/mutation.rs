//! Proofs of other shapes, with lists of other lengths and with bytes changed: refused, and never a panic.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;
#[path = "common/mirror.rs"]
mod mirror;

use std::panic::{AssertUnwindSafe, catch_unwind};

use common::{Fixture, fixture};
use mirror::{Mirror, Root, other_root};
use vellum_stark::{
    EF, F, LOG_HEIGHT_MAX, PreprocessedRoot, PrimeCharacteristicRing, PrimeField32, Profile, Shape,
    TableProof, VerifyError, verify,
};

/// The verdict on a proof; a panic of the verifier fails the test.
fn verdict(fixture: &Fixture, mirror: &Mirror) -> Result<EF, VerifyError> {
    fixture.verify(&mirror.proof())
}

struct Lies {
    fixture: Fixture,
    honest: Mirror,
}

fn lies() -> Lies {
    let fixture = fixture(Profile::TestInsecure);
    let honest = Mirror::of(&fixture.prove(|_, _| {}));
    assert!(verdict(&fixture, &honest).is_ok());
    Lies { fixture, honest }
}

impl Lies {
    #[track_caller]
    fn refuses(&self, name: &str, lie: impl FnOnce(&mut Mirror)) -> VerifyError {
        let mut mirror = self.honest.clone();
        lie(&mut mirror);
        match verdict(&self.fixture, &mirror) {
            Ok(_) => panic!("{name} is accepted"),
            Err(error) => error,
        }
    }
}

/// Case 24.
#[test]
fn no_other_shape_is_accepted() {
    let lies = lies();
    let heights = lies.honest.shape.log_heights.clone();
    let choices = [None, Some(0), Some(4), Some(5), Some(6), Some(7), Some(8), Some(22), Some(23), Some(255)];
    for a in choices {
        for b in choices {
            for c in choices {
                let shape = vec![a, b, c];
                if shape != heights {
                    lies.refuses(&format!("{shape:?}"), |m| m.shape = Shape { log_heights: shape.clone() });
                }
            }
        }
    }
    let shape = |log_heights: &[Option<u8>]| {
        let log_heights = log_heights.to_vec();
        lies.refuses("a shape of another length", |m| m.shape = Shape { log_heights })
    };
    assert_eq!(shape(&[]), VerifyError::ShapeLength { expected: 3, got: 0 });
    assert_eq!(shape(&heights[..2]), VerifyError::ShapeLength { expected: 3, got: 2 });
    assert_eq!(shape(&[&heights[..], &[None]].concat()), VerifyError::ShapeLength { expected: 3, got: 4 });
    assert_eq!(
        shape(&[&heights[..], &heights[..1]].concat()),
        VerifyError::ShapeLength { expected: 3, got: 4 }
    );
    let tall = LOG_HEIGHT_MAX as u8 + 1;
    assert_eq!(
        shape(&[Some(tall), heights[1], heights[2]]),
        VerifyError::Height { chip: "SQUARE", got: tall.into() }
    );
    assert_eq!(shape(&[None, None, None]), VerifyError::Empty);
}

/// Case 24: the order of what the verifier takes for a chip's columns.
#[test]
fn parts_of_the_proof_cannot_trade_places() {
    let lies = lies();
    let terminals = lies.honest.terminals.len();
    for i in 0..terminals {
        for j in 0..i {
            lies.refuses("terminals traded", |m| m.terminals.swap(i, j));
        }
    }
    for i in 0..lies.honest.opened.len() {
        for j in 0..i {
            lies.refuses("commitments traded", |m| m.opened.swap(i, j));
        }
        for k in 1..lies.honest.opened[i].len() {
            lies.refuses("matrices traded", |m| m.opened[i].swap(0, k));
        }
        for (k, matrix) in lies.honest.opened[i].iter().enumerate() {
            if matrix.len() == 2 {
                lies.refuses("points traded", |m| m.opened[i][k].swap(0, 1));
            }
            for v in 1..matrix[0].len() {
                if matrix[0][v] != matrix[0][0] {
                    lies.refuses("columns traded", |m| m.opened[i][k][0].swap(0, v));
                }
            }
        }
    }
    lies.refuses("roots traded", |m| std::mem::swap(&mut m.phase0, &mut m.main));
    lies.refuses("roots traded", |m| std::mem::swap(&mut m.aux, &mut m.quotient));
}

/// Every way to change the length of a list.
fn lengths<T: Clone>(list: &[T]) -> Vec<Vec<T>> {
    let mut all = vec![Vec::new()];
    if let Some(last) = list.last() {
        all.push(list[..list.len() - 1].to_vec());
        all.push(list[1..].to_vec());
        all.push([list, std::slice::from_ref(last)].concat());
        all.push([list, list].concat());
        all.push(vec![last.clone(); 1000]);
    }
    all.retain(|other| other.len() != list.len());
    all
}

/// Cases 24, 28, 30: every list of the proof longer, shorter, empty.
#[test]
fn no_list_has_another_length() {
    let lies = lies();
    let honest = &lies.honest;
    macro_rules! list {
        ($($path:tt)+) => {
            for other in lengths(&honest.$($path)+) {
                lies.refuses(stringify!($($path)+), |m| m.$($path)+ = other);
            }
        };
    }
    list!(terminals);
    list!(opened);
    for c in 0..honest.opened.len() {
        list!(opened[c]);
        for m in 0..honest.opened[c].len() {
            list!(opened[c][m]);
            for p in 0..honest.opened[c][m].len() {
                list!(opened[c][m][p]);
            }
        }
    }
    list!(opening.commit_phase_commits);
    list!(opening.commit_pow_witnesses);
    list!(opening.commit_phase_openings);
    list!(opening.final_poly);
    list!(opening.input_openings);
    for r in 0..honest.opening.commit_phase_openings.len() {
        list!(opening.commit_phase_openings[r].sibling_values);
        list!(opening.commit_phase_openings[r].opening_proof.sibling_hashes);
        for q in 0..honest.opening.commit_phase_openings[r].sibling_values.len() {
            list!(opening.commit_phase_openings[r].sibling_values[q]);
        }
    }
    for i in 0..honest.opening.input_openings.len() {
        list!(opening.input_openings[i].opened_values);
        list!(opening.input_openings[i].opening_proof.sibling_hashes);
        for q in 0..honest.opening.input_openings[i].opened_values.len() {
            list!(opening.input_openings[i].opened_values[q]);
            for m in 0..honest.opening.input_openings[i].opened_values[q].len() {
                list!(opening.input_openings[i].opened_values[q][m]);
            }
        }
    }
    for count in [2, 4, 1024] {
        let cap = |root: &Root| Root::from(vec![root.roots()[0]; count]);
        assert_eq!(lies.refuses("caps", |m| m.phase0 = cap(&m.phase0)), VerifyError::Roots);
        assert_eq!(lies.refuses("caps", |m| m.main = cap(&m.main)), VerifyError::Roots);
        assert_eq!(lies.refuses("caps", |m| m.aux = cap(&m.aux)), VerifyError::Roots);
        assert_eq!(lies.refuses("caps", |m| m.quotient = cap(&m.quotient)), VerifyError::Roots);
        lies.refuses("caps", |m| m.opening.commit_phase_commits[0] = cap(&m.opening.commit_phase_commits[0]));
    }
}

/// Cases 22, 28, 29, 30: every number of the proof.
#[test]
fn no_number_can_be_changed() {
    let lies = lies();
    let honest = &lies.honest;
    for delta in [F::ONE, F::NEG_ONE, F::from_u32(1 << 16)] {
        lies.refuses("lookup witness", |m| m.lookup_witness += delta);
        lies.refuses("zeta witness", |m| m.zeta_witness += delta);
        lies.refuses("batch witness", |m| m.opening.batch_pow_witness += delta);
        lies.refuses("query witness", |m| m.opening.query_pow_witness += delta);
        for i in 0..honest.terminals.len() {
            lies.refuses("terminal", |m| m.terminals[i] += delta);
        }
    }
    for round in 0..honest.opening.commit_phase_openings.len() {
        lies.refuses("fold witness", |m| m.opening.commit_pow_witnesses[round] += F::ONE);
        lies.refuses("fold root", |m| {
            m.opening.commit_phase_commits[round] = other_root(&m.opening.commit_phase_commits[round], 0);
        });
        for q in 0..honest.opening.commit_phase_openings[round].sibling_values.len() {
            for v in 0..honest.opening.commit_phase_openings[round].sibling_values[q].len() {
                lies.refuses("sibling", |m| {
                    m.opening.commit_phase_openings[round].sibling_values[q][v] += EF::ONE;
                });
            }
        }
        for h in 0..honest.opening.commit_phase_openings[round].opening_proof.sibling_hashes.len() {
            lies.refuses("hash", |m| {
                m.opening.commit_phase_openings[round].opening_proof.sibling_hashes[h][h % 8] += F::ONE;
            });
        }
    }
    for (i, opening) in honest.opening.input_openings.iter().enumerate() {
        for (q, rows) in opening.opened_values.iter().enumerate() {
            for (r, row) in rows.iter().enumerate() {
                for v in 0..row.len() {
                    lies.refuses("row", |m| m.opening.input_openings[i].opened_values[q][r][v] += F::ONE);
                }
            }
        }
        for h in 0..opening.opening_proof.sibling_hashes.len() {
            lies.refuses("hash", |m| {
                m.opening.input_openings[i].opening_proof.sibling_hashes[h][h % 8] += F::ONE;
            });
        }
    }
    // A leaf row for a node and the other way round: rows of one query given for another.
    for i in 0..honest.opening.input_openings.len() {
        let rows = &honest.opening.input_openings[i].opened_values;
        for q in 1..rows.len() {
            if rows[q] != rows[0] {
                lies.refuses("queries traded", |m| m.opening.input_openings[i].opened_values.swap(0, q));
            }
        }
    }
}

/// Case 26: set-up roots of other tables, for other chips, with other heights, or missing.
#[test]
fn no_other_setup_is_accepted() {
    let Lies { fixture, honest } = lies();
    let proof = honest.proof();
    let root = &fixture.roots[0];
    let with = |roots: &[PreprocessedRoot]| verify(&fixture.set, roots, &fixture.statement(), &proof);
    let mut other = root.clone();
    other.root[0] += F::ONE;
    assert!(with(&[other]).is_err());
    assert_eq!(with(&[]), Err(VerifyError::Preprocessed { chip: "BYTES" }));
    for chips in [vec![(1, 7)], vec![(1, 9)], vec![(1, 255)], vec![(0, 6)], vec![(0, 6), (1, 8)]] {
        let result = with(&[PreprocessedRoot { chips: chips.clone(), ..root.clone() }]);
        assert!(result.is_err(), "{chips:?}");
    }
    assert!(with(&[root.clone(), root.clone()]).is_err());
    assert!(with(std::slice::from_ref(root)).is_ok());
}

/// Every byte of an encoded proof, one after the other: a proof that still decodes is another one and is refused.
#[test]
fn no_byte_can_be_changed() {
    let Lies { fixture, honest } = lies();
    let bytes = postcard::to_stdvec(&honest).unwrap();
    let (mut decoded, mut stride) = (0, 0usize);
    for at in 0..bytes.len() {
        // Lengths and small numbers stand at the front; field elements look alike.
        if at > 400 && at % 7 != 0 {
            continue;
        }
        stride += 1;
        let mut lie = bytes.clone();
        lie[at] ^= 1 << (stride % 8);
        let result = catch_unwind(AssertUnwindSafe(|| {
            let proof = postcard::from_bytes::<TableProof>(&lie).ok()?;
            // A longer encoding of the same numbers is the same proof.
            (postcard::to_stdvec(&proof).unwrap() != bytes).then(|| fixture.verify(&proof))
        }));
        match result {
            Ok(None) => {}
            Ok(Some(verdict)) => {
                decoded += 1;
                assert!(verdict.is_err(), "byte {at} of {} changed", bytes.len());
            }
            Err(_) => panic!("byte {at} of {} makes the verifier panic", bytes.len()),
        }
    }
    assert!(decoded > 200, "{decoded} changed proofs decode");
}

/// Case 30: a field element has one encoding.
#[test]
fn no_element_is_out_of_range() {
    for value in [F::ORDER_U32, F::ORDER_U32 + 1, u32::MAX] {
        assert!(postcard::from_bytes::<F>(&value.to_le_bytes()).is_err());
    }
    assert!(postcard::from_bytes::<F>(&(F::ORDER_U32 - 1).to_le_bytes()).is_ok());
}
