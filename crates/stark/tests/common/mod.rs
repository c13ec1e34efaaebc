//! A small machine: a circuit, a lookup table, a permutation bus closed by the verifier, a global bus.
#![allow(dead_code, reason = "every test uses another part")]

use p3_matrix::dense::RowMajorMatrix;
use vellum_stark::{
    BoundaryTerm, Builder, Bus, Chip, ChipSet, Direction, EF, F, Preprocessed, PreprocessedRoot,
    PrimeCharacteristicRing, Profile, Round, Shape, Stages, Statement, TableProof, Traces, VerifyError,
    Widths, prove, verify,
};

pub(crate) const RESULT: Bus = Bus::permutation("RESULT", 1, 2);
pub(crate) const BYTE: Bus = Bus::lookup("BYTE", 2, 1);
pub(crate) const ACROSS: Bus = Bus::global("ACROSS", 3, 1);

/// c = a² + b + 5, with a and b bytes: columns r, a, b, c.
pub(crate) struct Square;
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
pub(crate) struct Bytes;
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
pub(crate) struct World;
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

pub(crate) struct Fixture {
    pub(crate) set: ChipSet,
    pub(crate) bytes: Preprocessed,
    pub(crate) roots: Vec<PreprocessedRoot>,
    pub(crate) publics: Vec<F>,
    pub(crate) boundary: Vec<BoundaryTerm>,
    pub(crate) global: (EF, EF),
}

pub(crate) fn fixture(profile: Profile) -> Fixture {
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
    pub(crate) fn statement(&self) -> Statement<'_> {
        Statement { vk: [F::ONE; 8], publics: &self.publics, global: self.global, boundary: &self.boundary }
    }

    pub(crate) fn traces(&self, lie: impl Fn(usize, &mut [F]) + Sync) -> Traces {
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

    pub(crate) fn prove(&self, lie: impl Fn(usize, &mut [F]) + Sync) -> TableProof {
        prove(&self.set, &[&self.bytes], &self.statement(), self.traces(lie), &mut Stages::start())
    }

    pub(crate) fn verify(&self, proof: &TableProof) -> Result<EF, VerifyError> {
        verify(&self.set, &self.roots, &self.statement(), proof)
    }
}
