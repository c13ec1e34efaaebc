//! The prover of one batch of tables, step by step as the verifier reads it.

use p3_challenger::GrindingChallenger;
use p3_commit::{OpeningRequest, Pcs as _, UnivariateStarkPcs};
use p3_dft::TwoAdicSubgroupDft;
use p3_field::coset::TwoAdicMultiplicativeCoset;
use p3_field::{
    BasedVectorSpace, Field, PackedFieldExtension, PackedValue, PrimeCharacteristicRing, TwoAdicField,
};
use p3_matrix::Matrix;
use p3_matrix::bitrev::BitReversibleMatrix;
use p3_matrix::dense::RowMajorMatrix;
use p3_maybe_rayon::prelude::*;
use p3_util::reverse_bits_len;

use crate::chipset::{Group, Layout, Shape};
use crate::config::{Commitment, Digest, PackedEF, PackedF, Pcs, ProverData, dft, pcs};
use crate::folder::{Challenges, Folder, FolderRow};
use crate::logup::{AuxTrace, GroupTrace, LookupSink, aux_trace, count_lookups, load};
use crate::proof::{ChipSet, PreprocessedRoot, Statement, TableProof, root_digest};
use crate::stages::Stages;
use crate::transcript::Transcript;
use crate::verifier::point;
use crate::{EF, F};

/// Preprocessed tables of one commitment, with what the prover needs of them.
pub struct Preprocessed {
    /// Chips by index, with their log-heights.
    chips: Vec<(usize, u8)>,
    /// Their rows in natural order.
    traces: Vec<RowMajorMatrix<F>>,
    commitment: Commitment,
    data: ProverData,
}

impl Preprocessed {
    /// Commits to the preprocessed columns of some chips: (chip index, rows). A table's height is its power of two.
    ///
    /// # Panics
    /// If a table's height is not a power of two.
    pub fn commit(set: &ChipSet, tables: Vec<(usize, RowMajorMatrix<F>)>) -> Self {
        let pcs = pcs(set.profile);
        let chips = tables.iter().map(|(chip, rows)| (*chip, rows.height().ilog2() as u8)).collect();
        let traces: Vec<_> = tables.into_iter().map(|(_, rows)| rows).collect();
        let (commitment, data) = commit(&pcs, traces.iter().cloned());
        Self { chips, traces, commitment, data }
    }

    /// What the verifier keeps of it.
    pub fn root(&self) -> PreprocessedRoot {
        PreprocessedRoot { chips: self.chips.clone(), root: root_digest(&self.commitment) }
    }

    /// One row of a chip's preprocessed columns, if this commitment holds them.
    pub fn row(&self, chip: usize, row: usize) -> Option<Vec<F>> {
        let trace = self.trace(chip)?;
        Some(trace.values[row * trace.width..(row + 1) * trace.width].to_vec())
    }

    fn trace(&self, chip: usize) -> Option<&RowMajorMatrix<F>> {
        self.chips.iter().position(|(c, _)| *c == chip).map(|at| &self.traces[at])
    }
}

/// The phase-0 and main columns of all tables of a shape, zero at first, filled by the row writers.
pub struct Traces {
    shape: Shape,
    layout: Layout,
    phase0: Vec<RowMajorMatrix<F>>,
    main: Vec<RowMajorMatrix<F>>,
}

/// Which columns to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// Columns committed before the global challenge.
    Phase0,
    /// The other columns.
    Main,
}

impl Traces {
    /// Zeroed tables.
    pub fn new(set: &ChipSet, shape: Shape) -> Self {
        let layout = Layout::new(&set.chips, &shape);
        let zeros = |width: fn(&Group) -> usize| {
            layout
                .groups
                .iter()
                .map(|g| RowMajorMatrix::new(vec![F::ZERO; width(g) << g.log_height], width(g).max(1)))
                .collect()
        };
        let (phase0, main) = (zeros(|g| g.phase0_width), zeros(|g| g.main_width));
        Self { shape, layout, phase0, main }
    }

    /// The tables' shape.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Writes rows 0..`count` of a chip's table in parallel: `write(i, row)` gets row i's cells of that round.
    ///
    /// # Panics
    /// If the chip is absent or its table has fewer than `count` rows.
    pub fn fill(
        &mut self,
        set: &ChipSet,
        chip: usize,
        round: Round,
        count: usize,
        write: impl Fn(usize, &mut [F]) + Sync,
    ) {
        let widths = set.chips[chip].widths;
        let (g, member) = self
            .layout
            .groups
            .iter()
            .enumerate()
            .find_map(|(g, group)| group.members.iter().find(|m| m.chip == chip).map(|m| (g, m)))
            .expect("only tables of the shape are filled");
        assert!(count <= 1 << self.layout.groups[g].log_height, "the table holds the rows");
        let (matrix, at, width) = match round {
            Round::Phase0 => (&mut self.phase0[g], member.phase0_at, widths.phase0),
            Round::Main => (&mut self.main[g], member.main_at, widths.main),
        };
        let stride = matrix.width;
        matrix.values.par_chunks_mut(stride * 64).enumerate().for_each(|(block, rows)| {
            for (i, row) in rows.chunks_exact_mut(stride).enumerate() {
                let index = block * 64 + i;
                if index < count {
                    write(index, &mut row[at..at + width]);
                }
            }
        });
    }

    /// One row of a chip's table: (phase-0 cells, main cells), for debugging and tests.
    pub fn row(&self, set: &ChipSet, chip: usize, row: usize) -> Option<(Vec<F>, Vec<F>)> {
        let widths = set.chips[chip].widths;
        self.layout.groups.iter().enumerate().find_map(|(g, group)| {
            let member = group.members.iter().find(|m| m.chip == chip)?;
            let cells = |m: &RowMajorMatrix<F>, at, width| {
                m.values[row * m.width + at..row * m.width + at + width].to_vec()
            };
            Some((
                if widths.phase0 > 0 {
                    cells(&self.phase0[g], member.phase0_at, widths.phase0)
                } else {
                    vec![]
                },
                if widths.main > 0 { cells(&self.main[g], member.main_at, widths.main) } else { vec![] },
            ))
        })
    }

    /// Reports the lookups of all rows to `sinks`, which work side by side.
    pub fn count_lookups<S: LookupSink + Send>(
        &self,
        set: &ChipSet,
        preprocessed: &[&Preprocessed],
        publics: &[F],
        sinks: &mut [S],
    ) {
        let publics: Vec<PackedF> = publics.iter().map(|p| PackedF::from(*p)).collect();
        for (g, group) in self.layout.groups.iter().enumerate() {
            count_lookups(&set.chips, group, &self.group(preprocessed, g), &publics, sinks);
        }
    }

    /// Commits to the phase-0 columns and returns the root.
    pub fn phase0_root(&self, set: &ChipSet) -> Digest {
        let matrices = self.phase0.iter().filter(|m| !m.values.is_empty()).cloned();
        root_digest(&commit(&pcs(set.profile), matrices).0)
    }

    fn group<'a>(&'a self, preprocessed: &[&'a Preprocessed], g: usize) -> GroupTrace<'a> {
        let members = &self.layout.groups[g].members;
        GroupTrace {
            preprocessed: members.iter().map(|m| preprocessed.iter().find_map(|p| p.trace(m.chip))).collect(),
            phase0: &self.phase0[g],
            main: &self.main[g],
        }
    }
}

/// Proves that the tables satisfy their constraints and balance. `preprocessed` are the set-up commitments that the shape
/// opens, in the order in which the verifier knows them.
///
/// # Panics
/// Never on honest traces; on others possibly (a prover is not trusted by anyone).
pub fn prove(
    set: &ChipSet,
    preprocessed: &[&Preprocessed],
    statement: &Statement<'_>,
    traces: Traces,
    stages: &mut Stages,
) -> TableProof {
    prove_with(set, preprocessed, statement, traces, &mut Transcript::new(), stages)
}

/// [`prove`] with a transcript of the caller's, which a test may let record.
pub fn prove_with(
    set: &ChipSet,
    preprocessed: &[&Preprocessed],
    statement: &Statement<'_>,
    traces: Traces,
    transcript: &mut Transcript,
    stages: &mut Stages,
) -> TableProof {
    let parameters = set.profile.parameters();
    let pcs = pcs(set.profile);
    *transcript = statement.transcript(set.profile, traces.shape(), transcript.clone());

    // Step 3: phase-0 and main columns.
    let (phase0, phase0_data) = commit_round(&pcs, &traces.phase0);
    let (main, main_data) = commit_round(&pcs, &traces.main);
    transcript.absorb_root(&phase0);
    transcript.absorb_root(&main);

    // Step 4: lookup challenges, auxiliary columns.
    stages.end("commit trace");
    let lookup_witness = transcript.grind(parameters.grinding.lookup);
    let local = (transcript.challenge(), transcript.challenge());
    stages.end("grind");
    let challenges = Challenges::new(local, statement.global).map(PackedEF::from);
    let publics: Vec<PackedF> = statement.publics.iter().map(|p| PackedF::from(*p)).collect();
    let layout = traces.layout.clone();
    let mut aux_matrices = vec![];
    let mut sum_matrices = vec![];
    let mut terminals: Vec<Vec<EF>> = vec![vec![]; set.chips.len()];
    for (g, group) in layout.groups.iter().enumerate() {
        let AuxTrace { aux, sums, terminals: by_member } =
            aux_trace(&set.chips, group, &traces.group(preprocessed, g), &publics, &challenges);
        aux_matrices.push(aux);
        sum_matrices.push(sums);
        for (member, values) in group.members.iter().zip(by_member) {
            terminals[member.chip] = values;
        }
    }
    let shape = traces.shape.clone();
    drop(traces);
    stages.end("auxiliary columns");
    let aux_round =
        aux_matrices.into_iter().chain(sum_matrices).filter(|m| !m.values.is_empty()).collect::<Vec<_>>();
    let (aux, aux_data) = commit(&pcs, aux_round);
    let flat_terminals: Vec<EF> = terminals.iter().flatten().copied().collect();
    transcript.absorb_root(&aux);
    transcript.absorb_extension(&flat_terminals);

    stages.end("commit auxiliary");

    // Step 5: quotients.
    let batch = transcript.challenge();
    let powers: Vec<PackedEF> = batch.powers().take(layout.most_constraints()).map(PackedEF::from).collect();
    let committed = Committed {
        preprocessed,
        phase0: matrices(phase0_data.as_ref()),
        main: matrices(main_data.as_ref()),
        aux: matrices(Some(&aux_data)),
    };
    let quotients: Vec<_> = layout
        .groups
        .iter()
        .enumerate()
        .map(|(g, group)| {
            let places = committed.places(&layout, g);
            let values = quotient(set, group, &places, &publics, &challenges, &powers, &terminals);
            quotient_lde(group.log_height, &values)
        })
        .collect();
    stages.end("quotient");
    let (quotient, quotient_data) = <Pcs as UnivariateStarkPcs<EF, Transcript>>::commit_ldes(&pcs, quotients)
        .expect("heights are above the final polynomial's length");
    transcript.absorb_root(&quotient);

    stages.end("commit quotient");

    // Step 6: the opening point.
    let zeta_witness = transcript.grind(parameters.grinding.zeta);
    let zeta = transcript.challenge();
    stages.end("grind");

    // Step 7: openings.
    let single =
        |data: &ProverData| -> Vec<Vec<EF>> { matrices(Some(data)).iter().map(|_| vec![zeta]).collect() };
    let sums_from = layout.groups.iter().filter(|g| g.aux_width > 0).count();
    let aux_points = matrices(Some(&aux_data))
        .iter()
        .enumerate()
        .map(|(i, m)| {
            let log_height = m.height().ilog2() as usize - parameters.log_blowup;
            (0..if i < sums_from { 1 } else { 2 }).map(|p| point(zeta, log_height, p)).collect()
        })
        .collect();
    let mut requests: Vec<OpeningRequest<'_, ProverData, EF>> = preprocessed
        .iter()
        .map(|p| OpeningRequest { prover_data: &p.data, points: single(&p.data) })
        .collect();
    for data in [&phase0_data, &main_data].into_iter().flatten() {
        requests.push(OpeningRequest { prover_data: data, points: single(data) });
    }
    requests.push(OpeningRequest { prover_data: &aux_data, points: aux_points });
    requests.push(OpeningRequest { prover_data: &quotient_data, points: single(&quotient_data) });
    let (opened, opening) =
        pcs.open(requests, transcript).expect("heights are above the final polynomial's length");
    stages.end("open");

    TableProof {
        shape,
        phase0,
        main,
        aux,
        quotient,
        lookup_witness,
        zeta_witness,
        terminals: flat_terminals,
        opened,
        opening,
    }
}

fn commit(pcs: &Pcs, traces: impl IntoIterator<Item = RowMajorMatrix<F>>) -> (Commitment, ProverData) {
    let evaluations = traces.into_iter().map(|trace| {
        let domain = TwoAdicMultiplicativeCoset::new(F::ONE, trace.height().ilog2() as usize)
            .expect("table heights are far below the two-adicity");
        (domain, trace)
    });
    <Pcs as p3_commit::Pcs<EF, Transcript>>::commit(pcs, evaluations)
        .expect("heights are above the final polynomial's length")
}

/// Commits to the non-empty matrices of a round; a round without columns has the root zero and is not opened.
fn commit_round(pcs: &Pcs, traces: &[RowMajorMatrix<F>]) -> (Commitment, Option<ProverData>) {
    let traces: Vec<_> = traces.iter().filter(|m| !m.values.is_empty()).cloned().collect();
    if traces.is_empty() {
        return (Commitment::from(vec![Digest::default()]), None);
    }
    let (commitment, data) = commit(pcs, traces);
    (commitment, Some(data))
}

/// The committed low-degree extensions, rows in bit-reversed order.
fn matrices(data: Option<&ProverData>) -> Vec<&RowMajorMatrix<F>> {
    use p3_commit::Mmcs;
    data.map_or_else(Vec::new, |data| crate::config::val_mmcs().get_matrices(data))
}

struct Committed<'a> {
    preprocessed: &'a [&'a Preprocessed],
    phase0: Vec<&'a RowMajorMatrix<F>>,
    main: Vec<&'a RowMajorMatrix<F>>,
    aux: Vec<&'a RowMajorMatrix<F>>,
}

/// The LDE matrices of one group.
struct Places<'a> {
    preprocessed: Vec<Option<&'a RowMajorMatrix<F>>>,
    phase0: Option<&'a RowMajorMatrix<F>>,
    main: Option<&'a RowMajorMatrix<F>>,
    aux: Option<&'a RowMajorMatrix<F>>,
    sums: &'a RowMajorMatrix<F>,
}

impl<'a> Committed<'a> {
    fn places(&self, layout: &Layout, g: usize) -> Places<'a> {
        let before = |width: fn(&Group) -> usize| {
            (width(&layout.groups[g]) > 0)
                .then(|| layout.groups[..g].iter().filter(|group| width(group) > 0).count())
        };
        let auxes = layout.groups.iter().filter(|group| group.aux_width > 0).count();
        let preprocessed = layout.groups[g]
            .members
            .iter()
            .map(|m| {
                self.preprocessed.iter().find_map(|p| {
                    let at = p.chips.iter().position(|(chip, _)| *chip == m.chip)?;
                    Some(matrices(Some(&p.data))[at])
                })
            })
            .collect();
        Places {
            preprocessed,
            phase0: before(|group| group.phase0_width).map(|i| self.phase0[i]),
            main: before(|group| group.main_width).map(|i| self.main[i]),
            aux: before(|group| group.aux_width).map(|i| self.aux[i]),
            sums: self.aux[auxes + g],
        }
    }
}

/// The quotient of one group on the LDE coset, in bit-reversed order.
fn quotient(
    set: &ChipSet,
    group: &Group,
    places: &Places<'_>,
    publics: &[PackedF],
    challenges: &Challenges<PackedEF>,
    powers: &[PackedEF],
    terminals: &[Vec<EF>],
) -> Vec<EF> {
    let log_size = group.log_height + 1;
    let half = 1usize << group.log_height;
    // On gH the vanishing polynomial X^N - 1 is g^N - 1, on gωH it is -g^N - 1.
    let g_to_n = F::GENERATOR.exp_power_of_2(group.log_height);
    let inverse_vanishing = [(g_to_n - F::ONE).inverse(), (-g_to_n - F::ONE).inverse()];
    let inverse_height = F::from_usize(half).inverse();
    let mut values = vec![EF::ZERO; 2 * half];
    let width = PackedF::WIDTH;
    values.par_chunks_mut(width * 16).enumerate().for_each(|(chunk, out)| {
        let mut scratch = Buffers::default();
        for (block, out) in out.chunks_exact_mut(width).enumerate() {
            let row = (chunk * 16 + block) * width;
            let mut folded = <PackedEF as PrimeCharacteristicRing>::ZERO;
            for (m, member) in group.members.iter().enumerate() {
                let entry = &set.chips[member.chip];
                scratch.load(entry, member, places, m, row, log_size);
                scratch.shares.clear();
                scratch
                    .shares
                    .extend(terminals[member.chip].iter().map(|t| PackedEF::from(*t * inverse_height)));
                let folder_row = FolderRow {
                    preprocessed: &scratch.preprocessed,
                    phase0: &scratch.phase0,
                    main: &scratch.main,
                    publics,
                    aux: &scratch.aux,
                    sums: &scratch.sums,
                    sums_next: &scratch.sums_next,
                    shares: &scratch.shares,
                };
                let mut folder = Folder::new(entry, folder_row, challenges, &powers[member.power_at..]);
                entry.chip.eval_packed(&mut folder);
                folded += folder.finish();
            }
            folded *= PackedF::from(inverse_vanishing[usize::from(row >= half)]);
            folded.to_ext_slice(out);
        }
    });
    values
}

/// Cells of the packed rows in work.
#[derive(Default)]
struct Buffers {
    preprocessed: Vec<PackedF>,
    phase0: Vec<PackedF>,
    main: Vec<PackedF>,
    coefficients: Vec<PackedF>,
    aux: Vec<PackedEF>,
    sums: Vec<PackedEF>,
    sums_next: Vec<PackedEF>,
    shares: Vec<PackedEF>,
}

impl Buffers {
    fn load(
        &mut self,
        entry: &crate::chipset::Entry,
        member: &crate::chipset::Member,
        places: &Places<'_>,
        m: usize,
        row: usize,
        log_size: usize,
    ) {
        let base = |matrix: Option<&RowMajorMatrix<F>>, at, width, out: &mut Vec<PackedF>| {
            out.resize(width, PackedF::ZERO);
            if let Some(matrix) = matrix {
                load(matrix, row, at, width, out);
            }
        };
        base(places.preprocessed[m], 0, entry.widths.preprocessed, &mut self.preprocessed);
        base(places.phase0, member.phase0_at, entry.widths.phase0, &mut self.phase0);
        base(places.main, member.main_at, entry.widths.main, &mut self.main);
        base(places.aux, 4 * member.aux_at, 4 * entry.aux_columns(), &mut self.coefficients);
        pack_extension(&self.coefficients, &mut self.aux);
        base(Some(places.sums), 4 * member.sums_at, 4 * entry.sums(), &mut self.coefficients);
        pack_extension(&self.coefficients, &mut self.sums);
        // The next row of the trace domain is two further in the natural order of the LDE.
        let next: Vec<usize> = (0..PackedF::WIDTH)
            .map(|lane| {
                let natural = reverse_bits_len(row + lane, log_size);
                reverse_bits_len((natural + 2) & ((1 << log_size) - 1), log_size)
            })
            .collect();
        let stride = places.sums.width;
        for (column, packed) in self.coefficients.iter_mut().enumerate() {
            *packed = PackedF::from_fn(|lane| {
                places.sums.values[next[lane] * stride + 4 * member.sums_at + column]
            });
        }
        pack_extension(&self.coefficients, &mut self.sums_next);
    }
}

fn pack_extension(coefficients: &[PackedF], out: &mut Vec<PackedEF>) {
    out.clear();
    out.extend(coefficients.chunks_exact(4).map(|c| PackedEF::from_basis_coefficients_fn(|d| c[d])));
}

/// The committed matrix of a quotient: chunk q₀ interpolates its values on gH, chunk q₁ those on gωH, four base-field
/// columns each, on the whole LDE coset in bit-reversed order. Half of it is the values themselves.
fn quotient_lde(log_height: usize, values: &[EF]) -> RowMajorMatrix<F> {
    let height = 1usize << log_height;
    let mut natural = vec![F::ZERO; height * 8];
    natural.par_chunks_exact_mut(8).enumerate().for_each(|(i, row)| {
        let at = reverse_bits_len(i, log_height);
        row[..4].copy_from_slice(values[at].as_basis_coefficients_slice());
        row[4..].copy_from_slice(values[height + at].as_basis_coefficients_slice());
    });
    let dft = dft();
    let omega = F::two_adic_generator(log_height + 1);
    let coefficients = dft.idft_batch(RowMajorMatrix::new(natural, 8));
    // Row h holds f₀(ωh) and f₁(ωh), where f₀(x) = q₀(gx) and f₁(x) = q₁(gωx): so q₀ on gωH, and q₁ on gω²H = gH one
    // row further.
    let shifted = dft.coset_dft_batch(coefficients, omega).bit_reverse_rows().to_row_major_matrix();
    let mut lde = vec![F::ZERO; 2 * height * 8];
    let (first, second) = lde.split_at_mut(height * 8);
    first.par_chunks_exact_mut(8).enumerate().for_each(|(at, row)| {
        let natural = reverse_bits_len(at, log_height);
        let previous = reverse_bits_len((natural + height - 1) & (height - 1), log_height);
        row[..4].copy_from_slice(values[at].as_basis_coefficients_slice());
        row[4..].copy_from_slice(&shifted.values[previous * 8 + 4..previous * 8 + 8]);
    });
    second.par_chunks_exact_mut(8).enumerate().for_each(|(at, row)| {
        row[..4].copy_from_slice(&shifted.values[at * 8..at * 8 + 4]);
        row[4..].copy_from_slice(values[height + at].as_basis_coefficients_slice());
    });
    RowMajorMatrix::new(lde, 8)
}
