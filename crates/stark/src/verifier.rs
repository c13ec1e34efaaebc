//! The verifier of one table proof. It reads as the protocol (docs/protocol.md, section "Shard proof"); the steps have
//! the same numbers there.

use p3_challenger::GrindingChallenger;
use p3_commit::{CommitmentWithOpeningPoints, MatrixOpening, Pcs as _, PointOpening};
use p3_field::coset::TwoAdicMultiplicativeCoset;
use p3_field::{BasedVectorSpace, Field, PrimeCharacteristicRing, TwoAdicField};
use thiserror::Error;

use crate::air::Direction;
use crate::chipset::{COLUMNS_MAX, Group, LOG_HEIGHT_MAX, LOG_HEIGHT_MIN, Layout};
use crate::config::{Commitment, pcs};
use crate::folder::{Challenges, Folder, FolderRow};
use crate::proof::{ChipSet, PreprocessedRoot, Statement, TableProof};
use crate::transcript::Transcript;
use crate::{EF, F};

/// Why a table proof is refused: one variant per check.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum VerifyError {
    /// The shape does not have one entry per chip.
    #[error("the shape names {got} chips, the machine has {expected}")]
    ShapeLength {
        /// Chips of the machine.
        expected: usize,
        /// Entries of the shape.
        got: usize,
    },
    /// A table is too short or too tall.
    #[error("chip {chip}: log-height {got} is outside {LOG_HEIGHT_MIN}..={LOG_HEIGHT_MAX}")]
    Height {
        /// The chip.
        chip: &'static str,
        /// Claimed log-height.
        got: usize,
    },
    /// No table at all.
    #[error("the shape has no table")]
    Empty,
    /// A preprocessed table is absent, or has another height than at set-up.
    #[error("chip {chip}: its preprocessed table does not have the height fixed at set-up")]
    Preprocessed {
        /// The chip.
        chip: &'static str,
    },
    /// More opened columns than the security parameters allow for.
    #[error("{got} opened columns, at most {COLUMNS_MAX} are allowed")]
    TooManyColumns {
        /// Base-field columns opened.
        got: usize,
    },
    /// More interactions than LogUp in this characteristic allows for.
    #[error("{got} interactions, at most 2^30 are allowed")]
    TooManyInteractions {
        /// Interactions of all rows.
        got: u64,
    },
    /// A list in the proof has another length than the shape says.
    #[error("{what}: {got} values, the shape says {expected}")]
    Length {
        /// Which list.
        what: &'static str,
        /// By the shape.
        expected: usize,
        /// In the proof.
        got: usize,
    },
    /// A commitment does not have exactly one root.
    #[error("a commitment does not have exactly one root")]
    Roots,
    /// A grinding witness does not grind.
    #[error("the grinding witness before {0} is not valid")]
    Grinding(&'static str),
    /// ζ lies in a trace domain (probability below 2^-100).
    #[error("the opening point lies in a trace domain")]
    Zeta,
    /// The opening proof is wrong.
    #[error("the opening proof does not verify: {0}")]
    Opening(String),
    /// The constraints of the tables of one height do not hold at ζ.
    #[error("the constraints of the tables of height 2^{log_height} do not hold")]
    Constraints {
        /// Their log-height.
        log_height: usize,
    },
    /// A boundary term's fingerprint is zero (probability below 2^-100).
    #[error("a boundary term has a zero fingerprint")]
    BoundaryFingerprint,
    /// The local buses do not balance.
    #[error("the local buses do not balance")]
    LocalBuses,
}

/// Verifies `proof` of `statement`. `preprocessed` are the roots of the tables fixed at set-up that the shape may have.
/// Returns the sum of the global terminals.
pub fn verify(
    set: &ChipSet,
    preprocessed: &[PreprocessedRoot],
    statement: &Statement<'_>,
    proof: &TableProof,
) -> Result<EF, VerifyError> {
    verify_with(set, preprocessed, statement, proof, &mut Transcript::new())
}

/// [`verify`] with a transcript of the caller's, which a test may let record.
pub fn verify_with(
    set: &ChipSet,
    preprocessed: &[PreprocessedRoot],
    statement: &Statement<'_>,
    proof: &TableProof,
    transcript: &mut Transcript,
) -> Result<EF, VerifyError> {
    let parameters = set.profile.parameters();

    // ---- 1. Shape: everything below indexes only what this step has checked.
    let layout = check_shape(set, proof)?;
    let opened_roots = check_preprocessed(set, preprocessed, proof)?;
    check_lengths(set, &layout, &opened_roots, proof)?;

    // ---- 2. Tag, profile, key, shape, public values.
    *transcript = statement.transcript(set.profile, &proof.shape, transcript.clone());

    // ---- 3. Phase-0 and main roots.
    transcript.absorb_root(&proof.phase0);
    transcript.absorb_root(&proof.main);

    // ---- 4. Grind; local lookup challenges; auxiliary root and terminals.
    if !transcript.check_witness(parameters.grinding.lookup, proof.lookup_witness) {
        return Err(VerifyError::Grinding("the lookup challenges"));
    }
    let local = (transcript.challenge(), transcript.challenge());
    let challenges = Challenges::new(local, statement.global);
    transcript.absorb_root(&proof.aux);
    transcript.absorb_extension(&proof.terminals);

    // ---- 5. Constraint-batching challenge; quotient root.
    let batch = transcript.challenge();
    transcript.absorb_root(&proof.quotient);

    // ---- 6. Grind; ζ.
    if !transcript.check_witness(parameters.grinding.zeta, proof.zeta_witness) {
        return Err(VerifyError::Grinding("the opening point"));
    }
    let zeta = transcript.challenge();
    let tallest = layout.groups[0].log_height;
    // The domains are nested, so outside the tallest (and its LDE coset) is outside all.
    if zeta.exp_power_of_2(tallest) == EF::ONE
        || zeta.exp_power_of_2(tallest + 1) == EF::from(F::GENERATOR.exp_power_of_2(tallest + 1))
    {
        return Err(VerifyError::Zeta);
    }

    // ---- 7. The openings, by p3-fri: it absorbs the opened values and draws from the same transcript.
    let claims = claims(set, &layout, &opened_roots, proof, zeta);
    pcs(set.profile)
        .verify(claims, &proof.opening, transcript)
        .map_err(|error| VerifyError::Opening(short(&format!("{error:?}"))))?;

    // ---- 8. Constraints and lookups at ζ, by the chips' own eval, against the quotients.
    let powers: Vec<EF> = batch.powers().take(layout.most_constraints()).collect();
    let publics: Vec<EF> = statement.publics.iter().map(|p| EF::from(*p)).collect();
    let opened = Opened::new(&opened_roots, &layout, proof);
    let terminals = terminals_by_chip(set, proof);
    for (g, group) in layout.groups.iter().enumerate() {
        let inverse_height = F::from_u32(1 << group.log_height).inverse();
        let mut folded = EF::ZERO;
        for member in &group.members {
            let entry = &set.chips[member.chip];
            let shares: Vec<EF> = terminals[member.chip].iter().map(|t| *t * inverse_height).collect();
            let row = FolderRow {
                preprocessed: opened.preprocessed(member.chip),
                phase0: opened.columns(opened.phase0[g], member.phase0_at, entry.widths.phase0),
                main: opened.columns(opened.main[g], member.main_at, entry.widths.main),
                publics: &publics,
                aux: &extension_columns(opened.aux[g], member.aux_at, entry.aux_columns()),
                sums: &extension_columns(opened.sums[g], member.sums_at, entry.sums()),
                sums_next: &extension_columns(opened.sums_next[g], member.sums_at, entry.sums()),
                shares: &shares,
            };
            let mut folder = Folder::new(entry, row, &challenges, &powers[member.power_at..]);
            entry.chip.eval_extension(&mut folder);
            folded += folder.finish();
        }
        let vanishing = zeta.exp_power_of_2(group.log_height) - EF::ONE;
        if folded != quotient_at(opened.quotient[g], group, zeta) * vanishing {
            return Err(VerifyError::Constraints { log_height: group.log_height });
        }
    }

    // ---- 9. Local sums and the verifier's own boundary terms.
    let mut local_sum = EF::ZERO;
    let mut global_sum = EF::ZERO;
    for (entry, terminals) in set.chips.iter().zip(&terminals) {
        let mut terminals = terminals.iter();
        if entry.local > 0 {
            local_sum += terminals.next().copied().unwrap_or_default();
        }
        global_sum += terminals.next().copied().unwrap_or_default();
    }
    for term in statement.boundary {
        let inverse = challenges
            .fingerprint::<EF>(term.bus, &term.tuple.iter().map(|m| EF::from(*m)).collect::<Vec<_>>())
            .try_inverse()
            .ok_or(VerifyError::BoundaryFingerprint)?;
        match term.direction {
            Direction::Send => local_sum += inverse,
            Direction::Receive => local_sum -= inverse,
        }
    }
    if local_sum != EF::ZERO {
        return Err(VerifyError::LocalBuses);
    }

    // ---- 10. The global sum goes to the caller.
    Ok(global_sum)
}

fn check_shape(set: &ChipSet, proof: &TableProof) -> Result<Layout, VerifyError> {
    let heights = &proof.shape.log_heights;
    if heights.len() != set.chips.len() {
        return Err(VerifyError::ShapeLength { expected: set.chips.len(), got: heights.len() });
    }
    let mut columns = 0;
    let mut interactions = 0u64;
    for (entry, height) in set.chips.iter().zip(heights) {
        let Some(height) = height.map(usize::from) else { continue };
        if !(LOG_HEIGHT_MIN..=LOG_HEIGHT_MAX).contains(&height) {
            return Err(VerifyError::Height { chip: entry.chip.name(), got: height });
        }
        // A sum of 0/1 multiplicities is zero in the field only if it is zero: it stays below the characteristic.
        interactions += ((entry.local + entry.global) as u64) << height;
        columns += entry.widths.preprocessed
            + entry.committed_columns()
            + 4 * entry.aux_columns()
            + 8 * entry.sums();
    }
    let layout = Layout::new(&set.chips, &proof.shape);
    columns += 8 * layout.groups.len();
    if layout.groups.is_empty() {
        return Err(VerifyError::Empty);
    }
    if columns > COLUMNS_MAX {
        return Err(VerifyError::TooManyColumns { got: columns });
    }
    if interactions > 1 << 30 {
        return Err(VerifyError::TooManyInteractions { got: interactions });
    }
    if !proof.single_roots() {
        return Err(VerifyError::Roots);
    }
    Ok(layout)
}

/// The set-up roots that this shape opens: all of a root's chips are present with their set-up heights, or none is. Every
/// present chip with preprocessed columns has its root.
fn check_preprocessed<'a>(
    set: &ChipSet,
    roots: &'a [PreprocessedRoot],
    proof: &TableProof,
) -> Result<Vec<&'a PreprocessedRoot>, VerifyError> {
    let heights = &proof.shape.log_heights;
    let mut opened = vec![];
    let mut vouched = vec![false; set.chips.len()];
    for root in roots {
        if root.chips.iter().all(|(chip, _)| heights[*chip].is_none()) {
            continue;
        }
        for (chip, height) in &root.chips {
            if heights[*chip] != Some(*height) {
                return Err(VerifyError::Preprocessed { chip: set.chips[*chip].chip.name() });
            }
            vouched[*chip] = true;
        }
        opened.push(root);
    }
    for (chip, entry) in set.chips.iter().enumerate() {
        if heights[chip].is_some() && entry.widths.preprocessed > 0 && !vouched[chip] {
            return Err(VerifyError::Preprocessed { chip: entry.chip.name() });
        }
    }
    Ok(opened)
}

/// The widths of every opened matrix: by commitment, then matrix, with the number of points.
fn opened_widths(
    set: &ChipSet,
    layout: &Layout,
    roots: &[&PreprocessedRoot],
) -> Vec<Vec<(usize, usize, usize)>> {
    let by_group = |width: fn(&Group) -> usize, points| {
        layout.groups.iter().map(move |g| (g.log_height, width(g), points)).filter(|(_, width, _)| *width > 0)
    };
    let mut commitments: Vec<Vec<(usize, usize, usize)>> = roots
        .iter()
        .map(|root| {
            root.chips
                .iter()
                .map(|(chip, height)| (usize::from(*height), set.chips[*chip].widths.preprocessed, 1))
                .collect()
        })
        .collect();
    commitments.push(by_group(|g| g.phase0_width, 1).collect());
    commitments.push(by_group(|g| g.main_width, 1).collect());
    commitments.push(by_group(|g| 4 * g.aux_width, 1).chain(by_group(|g| 4 * g.sums_width, 2)).collect());
    commitments.push(by_group(|_| 8, 1).collect());
    commitments.retain(|matrices| !matrices.is_empty());
    commitments
}

fn check_lengths(
    set: &ChipSet,
    layout: &Layout,
    roots: &[&PreprocessedRoot],
    proof: &TableProof,
) -> Result<(), VerifyError> {
    let check = |what, expected, got| {
        if expected == got { Ok(()) } else { Err(VerifyError::Length { what, expected, got }) }
    };
    let terminals: usize =
        layout.groups.iter().flat_map(|g| &g.members).map(|m| set.chips[m.chip].sums()).sum();
    check("terminals", terminals, proof.terminals.len())?;
    let widths = opened_widths(set, layout, roots);
    check("opened commitments", widths.len(), proof.opened.len())?;
    for (matrices, opened) in widths.iter().zip(&proof.opened) {
        check("opened matrices", matrices.len(), opened.len())?;
        for ((_, width, points), opened) in matrices.iter().zip(opened) {
            check("opening points", *points, opened.len())?;
            for values in opened {
                check("opened columns", *width, values.len())?;
            }
        }
    }
    Ok(())
}

type Claims = Vec<CommitmentWithOpeningPoints<EF, Commitment, TwoAdicMultiplicativeCoset<F>>>;

fn claims(
    set: &ChipSet,
    layout: &Layout,
    roots: &[&PreprocessedRoot],
    proof: &TableProof,
    zeta: EF,
) -> Claims {
    let set_up = roots.iter().map(|root| Commitment::from(vec![root.root]));
    let has_phase0 = layout.groups.iter().any(|g| g.phase0_width > 0);
    let has_main = layout.groups.iter().any(|g| g.main_width > 0);
    let proven = [
        has_phase0.then(|| proof.phase0.clone()),
        has_main.then(|| proof.main.clone()),
        Some(proof.aux.clone()),
        Some(proof.quotient.clone()),
    ];
    set_up
        .chain(proven.into_iter().flatten())
        .zip(opened_widths(set, layout, roots))
        .zip(&proof.opened)
        .map(|((commitment, matrices), opened)| CommitmentWithOpeningPoints {
            commitment,
            matrices: matrices
                .iter()
                .zip(opened)
                .map(|((log_height, ..), opened)| MatrixOpening {
                    domain: TwoAdicMultiplicativeCoset::new(F::ONE, *log_height)
                        .expect("log-heights are bounded by the shape check"),
                    points: opened
                        .iter()
                        .enumerate()
                        .map(|(p, values)| PointOpening {
                            point: point(zeta, *log_height, p),
                            values: values.clone(),
                        })
                        .collect(),
                })
                .collect(),
        })
        .collect()
}

/// Opening point number `index` of a matrix: ζ, then ζ·g.
pub(crate) fn point(zeta: EF, log_height: usize, index: usize) -> EF {
    if index == 0 { zeta } else { zeta * F::two_adic_generator(log_height) }
}

/// The opened values, sorted by what they belong to.
struct Opened<'a> {
    preprocessed: Vec<(usize, &'a [EF])>,
    phase0: Vec<&'a [EF]>,
    main: Vec<&'a [EF]>,
    aux: Vec<&'a [EF]>,
    sums: Vec<&'a [EF]>,
    sums_next: Vec<&'a [EF]>,
    quotient: Vec<&'a [EF]>,
}

impl<'a> Opened<'a> {
    fn new(roots: &[&PreprocessedRoot], layout: &Layout, proof: &'a TableProof) -> Self {
        let mut commitments = proof.opened.iter();
        let preprocessed = roots
            .iter()
            .zip(commitments.by_ref())
            .flat_map(|(root, opened)| {
                root.chips.iter().zip(opened).map(|((chip, _), points)| (*chip, points[0].as_slice()))
            })
            .collect();
        let mut round = |widths: &[fn(&Group) -> usize]| {
            let present = layout.groups.iter().any(|g| widths.iter().any(|w| w(g) > 0));
            let matrices: &'a [Vec<Vec<EF>>] =
                if present { commitments.next().map_or(&[], Vec::as_slice) } else { &[] };
            let mut matrices = matrices.iter();
            let mut take = |width: fn(&Group) -> usize| -> Vec<&'a [Vec<EF>]> {
                layout
                    .groups
                    .iter()
                    .map(|g| if width(g) > 0 { matrices.next().map_or(&[][..], Vec::as_slice) } else { &[] })
                    .collect()
            };
            widths.iter().map(|w| take(*w)).collect::<Vec<_>>()
        };
        let at = |points: &[&'a [Vec<EF>]], index: usize| -> Vec<&'a [EF]> {
            points.iter().map(|p| p.get(index).map_or(&[][..], Vec::as_slice)).collect()
        };
        let phase0 = round(&[|g| g.phase0_width]);
        let main = round(&[|g| g.main_width]);
        let aux = round(&[|g| g.aux_width, |g| g.sums_width]);
        let quotient = round(&[|_| 8]);
        Self {
            preprocessed,
            phase0: at(&phase0[0], 0),
            main: at(&main[0], 0),
            aux: at(&aux[0], 0),
            sums: at(&aux[1], 0),
            sums_next: at(&aux[1], 1),
            quotient: at(&quotient[0], 0),
        }
    }

    fn preprocessed(&self, chip: usize) -> &'a [EF] {
        self.preprocessed.iter().find(|(c, _)| *c == chip).map_or(&[], |(_, values)| values)
    }

    fn columns(&self, values: &'a [EF], at: usize, width: usize) -> &'a [EF] {
        &values[at..at + width]
    }
}

/// Extension columns from the openings of their base-field coefficients.
fn extension_columns(values: &[EF], at: usize, count: usize) -> Vec<EF> {
    values[4 * at..4 * (at + count)].chunks_exact(4).map(extension).collect()
}

fn extension(coefficients: &[EF]) -> EF {
    coefficients
        .iter()
        .enumerate()
        .map(|(d, c)| *c * <EF as BasedVectorSpace<F>>::ith_basis_element(d).unwrap_or(EF::ZERO))
        .sum()
}

/// The quotient at ζ from its two chunks. Chunk 0 is the quotient's interpolation over gH, chunk 1 over gωH (ω of order
/// 2N): with t = (ζ/g)^N, Q(ζ) = (q₀·(1 + t) + q₁·(1 − t)) / 2.
fn quotient_at(values: &[EF], group: &Group, zeta: EF) -> EF {
    let t = (zeta * F::GENERATOR.inverse()).exp_power_of_2(group.log_height);
    let (q0, q1) = (extension(&values[..4]), extension(&values[4..]));
    (q0 * (EF::ONE + t) + q1 * (EF::ONE - t)).halve()
}

fn terminals_by_chip(set: &ChipSet, proof: &TableProof) -> Vec<Vec<EF>> {
    let mut values = proof.terminals.iter();
    set.chips
        .iter()
        .zip(&proof.shape.log_heights)
        .map(|(entry, height)| {
            let count = height.map_or(0, |_| entry.sums());
            values.by_ref().take(count).copied().collect()
        })
        .collect()
}

fn short(text: &str) -> String {
    text.chars().take(160).collect()
}
