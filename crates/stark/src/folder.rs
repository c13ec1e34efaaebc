//! One row's constraints and LogUp relations folded into one value: Σ αᵏ · constraint_k.
//!
//! The same code runs over packed rows of the LDE (prover) and over openings at ζ (verifier).

use p3_field::{Algebra, PrimeCharacteristicRing};

use crate::air::{Builder, Direction};
use crate::chipset::{Entry, pairs, scope_index};
use crate::{Bus, EF, F};

/// The challenges that turn tuples into fingerprints: α + id + Σ βⁱ⁺¹·mᵢ, one pair (α, β) per scope.
#[derive(Clone, Debug)]
pub(crate) struct Challenges<X> {
    pub(crate) scopes: [ScopeChallenges<X>; 2],
}

#[derive(Clone, Debug)]
pub(crate) struct ScopeChallenges<X> {
    pub(crate) alpha: X,
    /// β, β², …
    pub(crate) betas: Vec<X>,
}

/// Longest tuple of any bus.
pub const ARITY_MAX: usize = 24;

impl Challenges<EF> {
    /// Challenges of the local buses and of the global ones.
    pub(crate) fn new(local: (EF, EF), global: (EF, EF)) -> Self {
        Self {
            scopes: [local, global].map(|(alpha, beta)| ScopeChallenges {
                alpha,
                betas: beta.shifted_powers(beta).take(ARITY_MAX).collect(),
            }),
        }
    }

    pub(crate) fn map<X>(&self, f: impl Fn(EF) -> X) -> Challenges<X> {
        Challenges {
            scopes: [&self.scopes[0], &self.scopes[1]].map(|scope| ScopeChallenges {
                alpha: f(scope.alpha),
                betas: scope.betas.iter().map(|b| f(*b)).collect(),
            }),
        }
    }
}

impl<X: PrimeCharacteristicRing> Challenges<X> {
    /// The fingerprint of a tuple on a bus.
    #[inline(always)]
    pub(crate) fn fingerprint<E>(&self, bus: Bus, tuple: &[E]) -> X
    where
        E: PrimeCharacteristicRing,
        X: Algebra<E>,
    {
        let scope = &self.scopes[scope_index(bus.scope)];
        let mut sum = scope.alpha.clone() + E::from_u32(bus.id);
        for (entry, beta) in tuple.iter().zip(&scope.betas) {
            sum += beta.clone() * entry.clone();
        }
        sum
    }
}

/// A row as the folder sees it.
pub(crate) struct FolderRow<'a, E, X> {
    pub(crate) preprocessed: &'a [E],
    pub(crate) phase0: &'a [E],
    pub(crate) main: &'a [E],
    pub(crate) publics: &'a [E],
    /// The chip's auxiliary columns.
    pub(crate) aux: &'a [X],
    /// The chip's running sums at this row.
    pub(crate) sums: &'a [X],
    /// The chip's running sums at the next row.
    pub(crate) sums_next: &'a [X],
    /// Terminal / height of each running sum.
    pub(crate) shares: &'a [X],
}

/// See the module.
#[expect(unnameable_types, reason = "only this crate builds rows; chips see the Builder")]
pub struct Folder<'a, E, X> {
    row: FolderRow<'a, E, X>,
    challenges: &'a Challenges<X>,
    /// Powers of the batching challenge, from this chip's first.
    powers: &'a [X],
    next_power: usize,
    value: X,
    scopes: [FolderScope<E, X>; 2],
}

struct FolderScope<E, X> {
    remaining: usize,
    waiting: Option<(E, X)>,
    next_aux: usize,
    sum: usize,
    aux_total: X,
}

impl<'a, E, X> Folder<'a, E, X>
where
    E: Algebra<F>,
    X: Algebra<E>,
{
    pub(crate) fn new(
        entry: &Entry,
        row: FolderRow<'a, E, X>,
        challenges: &'a Challenges<X>,
        powers: &'a [X],
    ) -> Self {
        let scope = |remaining, next_aux, sum| FolderScope {
            remaining,
            waiting: None,
            next_aux,
            sum,
            aux_total: <X as PrimeCharacteristicRing>::ZERO,
        };
        Self {
            row,
            challenges,
            powers,
            next_power: 0,
            value: <X as PrimeCharacteristicRing>::ZERO,
            scopes: [
                scope(entry.local, 0, 0),
                scope(entry.global, pairs(entry.local).saturating_sub(1), usize::from(entry.local > 0)),
            ],
        }
    }

    /// The folded value; every constraint of the chip has gone into it.
    pub(crate) fn finish(self) -> X {
        debug_assert!(self.scopes.iter().all(|s| s.remaining == 0 && s.waiting.is_none()));
        self.value
    }

    #[inline(always)]
    fn fold(&mut self, constraint: X) {
        self.value += self.powers[self.next_power].clone() * constraint;
        self.next_power += 1;
    }

    #[inline(always)]
    fn add(&mut self, scope: usize, multiplicity: E, fingerprint: X) {
        let state = &mut self.scopes[scope];
        state.remaining -= 1;
        let last = state.remaining == 0;
        let (numerator, denominator) = match state.waiting.take() {
            Some((m, f)) => (f.clone() * multiplicity + fingerprint.clone() * m, f * fingerprint),
            None if last => (X::from(multiplicity), fingerprint),
            None => {
                state.waiting = Some((multiplicity, fingerprint));
                return;
            }
        };
        let fraction = if last {
            let sum = state.sum;
            self.row.sums_next[sum].clone() - self.row.sums[sum].clone() - state.aux_total.clone()
                + self.row.shares[sum].clone()
        } else {
            let fraction = self.row.aux[state.next_aux].clone();
            state.next_aux += 1;
            state.aux_total += fraction.clone();
            fraction
        };
        self.fold(fraction * denominator - numerator);
    }
}

impl<E, X> Builder for Folder<'_, E, X>
where
    E: Algebra<F>,
    X: Algebra<E>,
{
    type Expr = E;

    fn preprocessed(&self) -> &[E] {
        self.row.preprocessed
    }
    fn phase0(&self) -> &[E] {
        self.row.phase0
    }
    fn main(&self) -> &[E] {
        self.row.main
    }
    fn public(&self, index: usize) -> E {
        self.row.publics[index].clone()
    }

    #[inline(always)]
    fn assert_zero(&mut self, _name: &'static str, value: E) {
        self.value += self.powers[self.next_power].clone() * value;
        self.next_power += 1;
    }

    #[inline(always)]
    fn interact<const N: usize>(&mut self, direction: Direction, bus: Bus, multiplicity: E, tuple: [E; N]) {
        let fingerprint = self.challenges.fingerprint(bus, &tuple);
        self.add(scope_index(bus.scope), signed(direction, multiplicity), fingerprint);
    }

    #[inline(always)]
    fn replace<const N: usize>(&mut self, bus: Bus, multiplicity: E, tuple: [E; N], at: usize, new: E) {
        let scope = scope_index(bus.scope);
        let old = self.challenges.fingerprint(bus, &tuple);
        let difference = new - tuple[at].clone();
        let sent = old.clone() + self.challenges.scopes[scope].betas[at].clone() * difference;
        self.add(scope, -multiplicity.clone(), old);
        self.add(scope, multiplicity, sent);
    }
}

/// Sends count positive, receives negative.
#[inline(always)]
pub(crate) fn signed<E: PrimeCharacteristicRing>(direction: Direction, multiplicity: E) -> E {
    match direction {
        Direction::Send => multiplicity,
        Direction::Receive => -multiplicity,
    }
}
