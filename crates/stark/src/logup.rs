//! LogUp on the prover's side: the fractions of each row, the auxiliary columns, the running sums, and the counting of
//! lookups.
//!
//! Interactions are taken in pairs; a pair's fraction m₁/f₁ + m₂/f₂ is one auxiliary extension column, except the last
//! pair of each scope, whose fraction is the increment of the running sum. The sum is cyclic: with terminal T and height N
//! the increment is Σ fractions − T/N, so that no row is special.

use p3_field::{BasedVectorSpace, Field, PackedFieldExtension, PackedValue, PrimeCharacteristicRing};
use p3_matrix::dense::RowMajorMatrix;
use p3_maybe_rayon::prelude::*;

use crate::air::{Builder, Direction};
use crate::chipset::{Entry, Group, Slot, scope_index};
use crate::config::{PackedEF, PackedF};
use crate::folder::{Challenges, signed};
use crate::{Bus, BusKind, EF, F};

/// Cells of sixteen (or as many as the packing has lanes) consecutive rows of one chip.
pub(crate) struct PackedRow<'a> {
    pub(crate) preprocessed: &'a [PackedF],
    pub(crate) phase0: &'a [PackedF],
    pub(crate) main: &'a [PackedF],
    pub(crate) publics: &'a [PackedF],
}

/// Collects the (numerator, denominator) of every pair of interactions of one packed row.
#[expect(unnameable_types, reason = "only this crate builds rows; chips see the Builder")]
pub struct FractionBuilder<'a> {
    row: PackedRow<'a>,
    challenges: &'a Challenges<PackedEF>,
    remaining: [usize; 2],
    waiting: [Option<(PackedF, PackedEF)>; 2],
    numerators: &'a mut Vec<PackedEF>,
    denominators: &'a mut Vec<PackedEF>,
}

impl FractionBuilder<'_> {
    #[inline(always)]
    fn add(&mut self, scope: usize, multiplicity: PackedF, fingerprint: PackedEF) {
        self.remaining[scope] -= 1;
        match self.waiting[scope].take() {
            Some((m, f)) => {
                self.numerators.push(f * multiplicity + fingerprint * m);
                self.denominators.push(f * fingerprint);
            }
            None if self.remaining[scope] == 0 => {
                self.numerators.push(PackedEF::from(multiplicity));
                self.denominators.push(fingerprint);
            }
            None => self.waiting[scope] = Some((multiplicity, fingerprint)),
        }
    }
}

impl Builder for FractionBuilder<'_> {
    type Expr = PackedF;

    fn preprocessed(&self) -> &[PackedF] {
        self.row.preprocessed
    }
    fn phase0(&self) -> &[PackedF] {
        self.row.phase0
    }
    fn main(&self) -> &[PackedF] {
        self.row.main
    }
    fn public(&self, index: usize) -> PackedF {
        self.row.publics[index]
    }
    #[inline(always)]
    fn assert_zero(&mut self, _name: &'static str, _value: PackedF) {}

    #[inline(always)]
    fn interact<const N: usize>(
        &mut self,
        direction: Direction,
        bus: Bus,
        multiplicity: PackedF,
        tuple: [PackedF; N],
    ) {
        let fingerprint = self.challenges.fingerprint(bus, &tuple);
        self.add(scope_index(bus.scope), signed(direction, multiplicity), fingerprint);
    }

    #[inline(always)]
    fn replace<const N: usize>(
        &mut self,
        bus: Bus,
        multiplicity: PackedF,
        tuple: [PackedF; N],
        at: usize,
        new: PackedF,
    ) {
        let scope = scope_index(bus.scope);
        let old: PackedEF = self.challenges.fingerprint(bus, &tuple);
        let sent = old + self.challenges.scopes[scope].betas[at] * (new - tuple[at]);
        self.add(scope, -multiplicity, old);
        self.add(scope, multiplicity, sent);
    }
}

/// Where lookups are counted: called for every interaction that sends to a lookup bus.
pub trait LookupSink {
    /// `tuple[i]` holds entry i of the packed rows; lanes with multiplicity zero do not look anything up.
    fn record(&mut self, bus: Bus, multiplicity: &[F], tuple: &[&[F]]);
}

/// Reports lookups of one packed row to a sink.
#[expect(unnameable_types, reason = "only this crate builds rows; chips see the Builder")]
pub struct LookupBuilder<'a> {
    row: PackedRow<'a>,
    sink: &'a mut dyn LookupSink,
}

impl<'a> LookupBuilder<'a> {
    pub(crate) fn new(row: PackedRow<'a>, sink: &'a mut dyn LookupSink) -> Self {
        Self { row, sink }
    }
}

impl Builder for LookupBuilder<'_> {
    type Expr = PackedF;

    fn preprocessed(&self) -> &[PackedF] {
        self.row.preprocessed
    }
    fn phase0(&self) -> &[PackedF] {
        self.row.phase0
    }
    fn main(&self) -> &[PackedF] {
        self.row.main
    }
    fn public(&self, index: usize) -> PackedF {
        self.row.publics[index]
    }
    #[inline(always)]
    fn assert_zero(&mut self, _name: &'static str, _value: PackedF) {}

    #[inline(always)]
    fn interact<const N: usize>(
        &mut self,
        direction: Direction,
        bus: Bus,
        multiplicity: PackedF,
        tuple: [PackedF; N],
    ) {
        if bus.kind == BusKind::Lookup && direction == Direction::Send {
            let entries: [&[F]; N] = std::array::from_fn(|i| tuple[i].as_slice());
            self.sink.record(bus, multiplicity.as_slice(), &entries);
        }
    }
}

/// Copies `width` columns, from `at`, of the packed rows starting at `row` into `out`.
#[inline]
pub(crate) fn load(matrix: &RowMajorMatrix<F>, row: usize, at: usize, width: usize, out: &mut [PackedF]) {
    let stride = matrix.width;
    let base = row * stride + at;
    for (column, packed) in out[..width].iter_mut().enumerate() {
        *packed = PackedF::from_fn(|lane| matrix.values[base + lane * stride + column]);
    }
}

/// The natural-order trace matrices of a height: preprocessed by member, then phase-0 and main of the group.
pub(crate) struct GroupTrace<'a> {
    pub(crate) preprocessed: Vec<Option<&'a RowMajorMatrix<F>>>,
    pub(crate) phase0: &'a RowMajorMatrix<F>,
    pub(crate) main: &'a RowMajorMatrix<F>,
}

/// Scratch for the cells of one packed row.
pub(crate) struct Scratch {
    pub(crate) preprocessed: Vec<PackedF>,
    pub(crate) phase0: Vec<PackedF>,
    pub(crate) main: Vec<PackedF>,
}

impl Scratch {
    pub(crate) fn new(entry: &Entry) -> Self {
        let zeros = |width| vec![PackedF::ZERO; width];
        Self {
            preprocessed: zeros(entry.widths.preprocessed),
            phase0: zeros(entry.widths.phase0),
            main: zeros(entry.widths.main),
        }
    }

    pub(crate) fn load(
        &mut self,
        trace: &GroupTrace<'_>,
        group: &Group,
        member: usize,
        entry: &Entry,
        row: usize,
    ) {
        let place = &group.members[member];
        if let Some(matrix) = trace.preprocessed[member] {
            load(matrix, row, 0, entry.widths.preprocessed, &mut self.preprocessed);
        }
        load(trace.phase0, row, place.phase0_at, entry.widths.phase0, &mut self.phase0);
        load(trace.main, row, place.main_at, entry.widths.main, &mut self.main);
    }

    pub(crate) fn row<'a>(&'a self, publics: &'a [PackedF]) -> PackedRow<'a> {
        PackedRow { preprocessed: &self.preprocessed, phase0: &self.phase0, main: &self.main, publics }
    }
}

/// Reports every lookup of one group's rows to sinks, one sink per block of rows; merges are the caller's.
pub(crate) fn count_lookups<S: LookupSink + Send>(
    chips: &[Entry],
    group: &Group,
    trace: &GroupTrace<'_>,
    publics: &[PackedF],
    sinks: &mut [S],
) {
    let height = 1 << group.log_height;
    let rows_per_sink = (height / sinks.len()).max(PackedF::WIDTH);
    sinks.par_iter_mut().enumerate().for_each(|(block, sink)| {
        let (start, end) = (block * rows_per_sink, ((block + 1) * rows_per_sink).min(height));
        for (m, member) in group.members.iter().enumerate() {
            let entry = &chips[member.chip];
            let mut scratch = Scratch::new(entry);
            for row in (start..end).step_by(PackedF::WIDTH) {
                scratch.load(trace, group, m, entry, row);
                entry.chip.eval_lookups(&mut LookupBuilder::new(scratch.row(publics), sink));
            }
        }
    });
}

/// The auxiliary and running-sum matrices of a height (base-field coefficients), and the terminals of each member:
/// `terminals[member][sum]`.
pub(crate) struct AuxTrace {
    pub(crate) aux: RowMajorMatrix<F>,
    pub(crate) sums: RowMajorMatrix<F>,
    pub(crate) terminals: Vec<Vec<EF>>,
}

/// Packed rows per batched inversion.
const BLOCK: usize = 16;

/// Computes a height's auxiliary columns.
pub(crate) fn aux_trace(
    chips: &[Entry],
    group: &Group,
    trace: &GroupTrace<'_>,
    publics: &[PackedF],
    challenges: &Challenges<PackedEF>,
) -> AuxTrace {
    let height = 1usize << group.log_height;
    let (aux_stride, sums_stride) = (4 * group.aux_width, 4 * group.sums_width);
    let mut aux = vec![F::ZERO; height * aux_stride];
    let mut sums = vec![F::ZERO; height * sums_stride];
    let rows_per_block = (BLOCK * PackedF::WIDTH).min(height);

    // Fractions: increments of the running sums go into `sums` first.
    let chunks = sums.par_chunks_mut(rows_per_block * sums_stride).enumerate();
    let work = |block: usize, aux_rows: &mut [F], sum_rows: &mut [F]| {
        for (m, member) in group.members.iter().enumerate() {
            let entry = &chips[member.chip];
            let mut scratch = Scratch::new(entry);
            let (mut numerators, mut denominators) = (vec![], vec![]);
            for packed in 0..rows_per_block / PackedF::WIDTH {
                scratch.load(trace, group, m, entry, block * rows_per_block + packed * PackedF::WIDTH);
                entry.chip.eval_fractions(&mut FractionBuilder {
                    row: scratch.row(publics),
                    challenges,
                    remaining: [entry.local, entry.global],
                    waiting: [None, None],
                    numerators: &mut numerators,
                    denominators: &mut denominators,
                });
            }
            invert(&mut denominators);
            let fractions = numerators.iter().zip(&denominators).map(|(n, d)| *n * *d);
            let per_row = entry.slots.len();
            for (index, fraction) in fractions.enumerate() {
                let row = (index / per_row) * PackedF::WIDTH;
                let (rows, stride, at) = match entry.slots[index % per_row] {
                    Slot::Aux(column) => (&mut *aux_rows, aux_stride, member.aux_at + column),
                    Slot::Sum(sum) => (&mut *sum_rows, sums_stride, member.sums_at + sum),
                };
                let coefficients: &[PackedF] = fraction.as_basis_coefficients_slice();
                for (d, coefficient) in coefficients.iter().enumerate() {
                    for (lane, value) in coefficient.as_slice().iter().enumerate() {
                        rows[(row + lane) * stride + 4 * at + d] = *value;
                    }
                }
            }
            add_aux_to_increments(
                entry,
                member.aux_at,
                member.sums_at,
                aux_rows,
                aux_stride,
                sum_rows,
                sums_stride,
            );
        }
    };
    if aux_stride == 0 {
        chunks.for_each(|(block, sum_rows)| work(block, &mut [], sum_rows));
    } else {
        chunks
            .zip(aux.par_chunks_mut(rows_per_block * aux_stride))
            .for_each(|((block, sum_rows), aux_rows)| work(block, aux_rows, sum_rows));
    }
    let terminals = run_sums(chips, group, &mut sums, sums_stride);
    AuxTrace {
        aux: RowMajorMatrix::new(aux, aux_stride.max(1)),
        sums: RowMajorMatrix::new(sums, sums_stride),
        terminals,
    }
}

/// Adds each scope's auxiliary fractions to its running sum's increment.
fn add_aux_to_increments(
    entry: &Entry,
    aux_at: usize,
    sums_at: usize,
    aux_rows: &[F],
    aux_stride: usize,
    sum_rows: &mut [F],
    sums_stride: usize,
) {
    let local = crate::chipset::pairs(entry.local).saturating_sub(1);
    let scopes = [(0, local), (local, entry.aux_columns())];
    let mut sum = sums_at;
    for (scope, (from, to)) in scopes.into_iter().enumerate() {
        if [entry.local, entry.global][scope] == 0 {
            continue;
        }
        for (row, increments) in sum_rows.chunks_exact_mut(sums_stride).enumerate() {
            for column in from..to {
                let at = row * aux_stride + 4 * (aux_at + column);
                for d in 0..4 {
                    increments[4 * sum + d] += aux_rows[at + d];
                }
            }
        }
        sum += 1;
    }
}

/// Turns increments into cyclic running sums and returns the terminals.
fn run_sums(chips: &[Entry], group: &Group, sums: &mut [F], stride: usize) -> Vec<Vec<EF>> {
    let height = 1usize << group.log_height;
    let columns = stride / 4;
    let totals = sums
        .par_chunks(stride * (height / 8).max(1))
        .map(|rows| {
            let mut total = vec![F::ZERO; stride];
            for row in rows.chunks_exact(stride) {
                total.iter_mut().zip(row).for_each(|(t, v)| *t += *v);
            }
            total
        })
        .reduce(
            || vec![F::ZERO; stride],
            |mut a, b| {
                a.iter_mut().zip(b).for_each(|(t, v)| *t += v);
                a
            },
        );
    let inverse_height = F::from_usize(height).inverse();
    let shares: Vec<F> = totals.iter().map(|t| *t * inverse_height).collect();
    let mut running = vec![F::ZERO; stride];
    for row in sums.chunks_exact_mut(stride) {
        for ((value, sum), share) in row.iter_mut().zip(&mut running).zip(&shares) {
            let increment = std::mem::replace(value, *sum);
            *sum += increment - *share;
        }
    }
    let terminal = |column: usize| EF::from_basis_coefficients_fn(|d| totals[4 * column + d]);
    debug_assert_eq!(columns, group.sums_width);
    group
        .members
        .iter()
        .map(|m| (0..chips[m.chip].sums()).map(|s| terminal(m.sums_at + s)).collect())
        .collect()
}

/// Inverts every element with one inversion (Montgomery's trick, lane by lane). No element is zero except with the
/// probability that a fingerprint vanishes.
fn invert(values: &mut [PackedEF]) {
    let mut prefix = Vec::with_capacity(values.len());
    let mut product = <PackedEF as PrimeCharacteristicRing>::ONE;
    for value in values.iter() {
        prefix.push(product);
        product *= *value;
    }
    let mut inverse = PackedEF::from_ext_fn(|lane| extract(&product, lane).inverse());
    for (value, before) in values.iter_mut().zip(prefix).rev() {
        let next = inverse * *value;
        *value = inverse * before;
        inverse = next;
    }
}

fn extract(packed: &PackedEF, lane: usize) -> EF {
    <PackedEF as PackedFieldExtension<F, EF>>::extract(packed, lane)
}
