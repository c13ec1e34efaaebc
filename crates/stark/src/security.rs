//! How hard it is to prove something false: parameters and the shape of a machine go in, bits per challenge come out.
//!
//! The formulas are those of `p3-security`, composed for this protocol. All *proven* bits are for decoding up to half
//! the distance of the code ("unique decoding"): each commitment then stands for one set of polynomials. That matters
//! here beyond the usual: the global challenge is shared by all shards, and with lists of L candidates per commitment the
//! bound would be multiplied by L once per shard.
//!
//! *Conjectured* bits assume that FRI's queries catch a word as often as random words make one expect; nothing relies on
//! them.

use p3_security::{
    ErrorBits, SecurityAssumption, air, deep,
    fri::{FriRegime, commit_phase_error_udr, conjectured_error, query_phase_error},
    logup::{LogUpAir, fingerprint_error},
    proximity::{alpha_udr, list_size_udr},
    shape::{InstanceShape, StarkAirParams},
};

use crate::{F, PrimeField32, config::DIGEST};

/// The parameters that security depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Parameters {
    /// Log of the codewords' length over the tables' height.
    pub log_blowup: usize,
    /// Number of FRI queries.
    pub queries: usize,
    /// FRI folds at most 2^max_log_arity to one.
    pub max_log_arity: usize,
    /// Log of the length at which FRI sends the polynomial itself.
    pub log_final_poly_len: usize,
    /// Proof of work.
    pub grinding: Grinding,
}

/// Bits of proof of work before each kind of challenge. Each is spent again for every attempt at that challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grinding {
    /// Before the local lookup challenges α, β.
    pub lookup: usize,
    /// Before the global challenges γ, β.
    pub global: usize,
    /// Before the opening point ζ.
    pub zeta: usize,
    /// Before FRI's challenge that batches the openings.
    pub batch: usize,
    /// Before each FRI folding challenge.
    pub fold: usize,
    /// Before the query positions.
    pub query: usize,
}

impl Parameters {
    /// At least 100 proven bits for every machine within [`MachineShape::LIMITS`].
    pub const STANDARD: Self = Self {
        log_blowup: 1,
        queries: 193,
        max_log_arity: 3,
        log_final_poly_len: 3,
        grinding: Grinding { lookup: 14, global: 16, zeta: 4, batch: 16, fold: 4, query: 20 },
    };

    /// No security: for tests of everything else.
    pub const TEST_INSECURE: Self = Self {
        log_blowup: 1,
        queries: 4,
        max_log_arity: 3,
        log_final_poly_len: 3,
        grinding: Grinding { lookup: 1, global: 1, zeta: 1, batch: 1, fold: 1, query: 1 },
    };
}

/// What security depends on in a machine: upper bounds over its shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachineShape {
    /// Log-height of the tallest table.
    pub log_max_height: usize,
    /// Number of base-field values opened: per column and point one, of preprocessed, phase-0, main, auxiliary, sum and
    /// quotient columns together.
    pub opened_values: usize,
    /// Number of constraints folded by one challenge, those of the bus arguments included.
    pub constraints: usize,
    /// Largest degree of a constraint.
    pub max_degree: usize,
    /// Number of points at which a column is opened at most.
    pub points: usize,
    /// Tuples on local buses in a shard: Σ over tables of interactions · height, and the boundary terms.
    pub local_tuples: u64,
    /// Tuples on global buses in an execution: the same sum over the tables of all shards.
    pub global_tuples: u64,
    /// Number of entries of the longest tuple.
    pub max_arity: usize,
}

impl MachineShape {
    /// What verification and set-up allow at most.
    pub const LIMITS: Self = Self {
        log_max_height: 22,
        opened_values: 12_000,
        constraints: 1 << 14,
        max_degree: 3,
        points: 2,
        // Set-up keeps the number of copies of a tuple below the characteristic.
        local_tuples: 1 << 31,
        global_tuples: 1 << 30,
        max_arity: 32,
    };
}

/// One way to be lucky.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// The challenge, or what would have to be found.
    pub name: &'static str,
    /// −log2 of the proven chance per attempt of equal work.
    pub proven_bits: f64,
    /// The same under the conjecture of random words.
    pub conjectured_bits: f64,
}

/// Bits of security.
#[derive(Clone, Debug, PartialEq)]
pub struct SecurityReport {
    /// Every term.
    pub terms: Vec<Term>,
    /// The least of the proven terms: round-by-round soundness.
    pub proven_bits: f64,
    /// The least of the conjectured terms.
    pub conjectured_bits: f64,
    /// All proven terms of one proof added up, every fold counted.
    pub union_bits: f64,
}

/// Security of the proof of a machine of one or many shards.
pub fn security(parameters: &Parameters, shape: &MachineShape) -> SecurityReport {
    let Grinding { lookup, global, zeta, batch, fold, query } = parameters.grinding;
    let queries = query_bits(parameters, shape);
    let terms = vec![
        both("local lookup challenges", lookup, lookup_bits(shape.local_tuples, shape.max_arity)),
        both("global lookup challenges", global, lookup_bits(shape.global_tuples, shape.max_arity)),
        both("constraint batching", 0, constraint_bits(shape)),
        both("opening point", zeta, zeta_bits(shape)),
        both("opening batching", batch, batch_bits(parameters, shape)),
        both("fold", fold, fold_bits(parameters, shape)),
        Term {
            name: "queries",
            proven_bits: queries.0 + query as f64,
            conjectured_bits: queries.1 + query as f64,
        },
        both("hash collision", 0, collision_bits()),
    ];
    let least = |bits: fn(&Term) -> f64| terms.iter().map(bits).fold(f64::INFINITY, f64::min);
    let folds = (shape.log_max_height.saturating_sub(parameters.log_final_poly_len)).max(1);
    let chance = |term: &Term| {
        let rounds = if term.name == "fold" { folds } else { 1 };
        rounds as f64 * (-term.proven_bits).exp2()
    };
    SecurityReport {
        proven_bits: least(|term| term.proven_bits),
        conjectured_bits: least(|term| term.conjectured_bits),
        union_bits: -terms.iter().map(chance).sum::<f64>().log2(),
        terms,
    }
}

fn both(name: &'static str, grinding: usize, bits: f64) -> Term {
    let bits = bits + grinding as f64;
    Term { name, proven_bits: bits, conjectured_bits: bits }
}

/// p3-security counts the field's size in whole bits; all its terms for challenges are this many bits minus something.
const WHOLE_FIELD_BITS: usize = 124;

/// −log2 of a challenge's chance, from p3-security's for a field of [`WHOLE_FIELD_BITS`].
fn challenge(bits: ErrorBits) -> f64 {
    let field_bits = 4.0 * f64::from(F::ORDER_U32).log2();
    bits.bits() - (WHOLE_FIELD_BITS as f64 - field_bits)
}

/// An unbalanced bus looks balanced, or a fingerprint vanishes: (tuples)·(entries + 2) of all challenges.
fn lookup_bits(tuples: u64, max_arity: usize) -> f64 {
    // A table of one row with all the tuples in it.
    let tuples = usize::try_from(tuples).unwrap_or(usize::MAX);
    let lookups = LogUpAir { num_interactions: tuples, max_message_width: max_arity };
    challenge(fingerprint_error(&lookups, &instance(0, 1)))
}

/// Constraints cancel in their random combination.
fn constraint_bits(shape: &MachineShape) -> f64 {
    challenge(air::composition_error(shape.constraints, list_size_udr(), WHOLE_FIELD_BITS))
}

/// The quotient's identity holds at ζ by chance.
fn zeta_bits(shape: &MachineShape) -> f64 {
    let air = StarkAirParams {
        num_constraints: shape.constraints,
        max_constraint_degree: shape.max_degree,
        num_quotient_chunks: shape.max_degree.saturating_sub(1).next_power_of_two(),
        max_combo: shape.points,
    };
    challenge(deep::deep_ali_error(&air, &instance(shape.log_max_height, 1), list_size_udr()))
}

/// Words far from the code become close to it in the random combination of all openings.
fn batch_bits(parameters: &Parameters, shape: &MachineShape) -> f64 {
    let bits = SecurityAssumption::UniqueDecoding.prox_gaps_error(
        shape.log_max_height,
        parameters.log_blowup,
        WHOLE_FIELD_BITS,
        shape.opened_values.max(2),
    );
    challenge(ErrorBits::from_log2(bits))
}

/// Words far from the code become close to it when folded. A fold of arity a also adds the next lower words times β^a:
/// a curve of degree a, one more than p3-security counts.
fn fold_bits(parameters: &Parameters, shape: &MachineShape) -> f64 {
    let arity = (parameters.max_log_arity as f64).exp2();
    let folded = commit_phase_error_udr(&regime(parameters), &instance(shape.log_max_height, 1));
    folded.map_or(f64::INFINITY, |bits| challenge(bits) - (arity / (arity - 1.0)).log2())
}

/// No query meets a word's distance from the code: proven and conjectured bits.
///
/// A word counts as close when it agrees with a polynomial of degree ≤ k, the table's height, on *more* than (n + k)/2 of
/// its n places; two such polynomials are then the same. (Each point's quotient is tested by itself and has degree < k, so
/// a column's degree is at most k whatever the number of points.) A word that is not close passes a query with a chance of
/// at most (n + k)/2n, whatever its height.
fn query_bits(parameters: &Parameters, shape: &MachineShape) -> (f64, f64) {
    let alpha = alpha_udr(shape.log_max_height, parameters.log_blowup, 0);
    let proven = query_phase_error(alpha, parameters.queries, 0).bits();
    (proven, conjectured_error(&regime(parameters), &instance(shape.log_max_height, 1)).bits())
}

/// Half the digest's bits: Poseidon2's capacity has as many elements as a digest.
fn collision_bits() -> f64 {
    DIGEST as f64 * f64::from(F::ORDER_U32).log2() / 2.0
}

/// The low-degree test without its grinding, which is added per term.
const fn regime(parameters: &Parameters) -> FriRegime {
    FriRegime {
        log_blowup: parameters.log_blowup,
        num_queries: parameters.queries,
        log_final_poly_len: parameters.log_final_poly_len,
        max_log_arity: parameters.max_log_arity,
        commit_pow_bits: 0,
        query_pow_bits: 0,
    }
}

const fn instance(log_trace_length: usize, num_batched_functions: usize) -> InstanceShape {
    InstanceShape {
        log_trace_length,
        modulus_bits: WHOLE_FIELD_BITS,
        // Not read: collisions are a term of their own.
        collision_resistance: WHOLE_FIELD_BITS,
        num_batched_functions,
    }
}

#[cfg(test)]
mod tests {
    use p3_security::{GrindingSites, stark::proven_security_report};

    use super::*;

    #[test]
    fn standard_parameters_prove_100_bits_at_the_limits() {
        let report = security(&Parameters::STANDARD, &MachineShape::LIMITS);
        assert!(report.proven_bits >= 100.0, "{report:#?}");
        let weakest = report.terms.iter().min_by(|a, b| a.proven_bits.total_cmp(&b.proven_bits));
        assert_eq!(weakest.map(|term| term.name), Some("queries"));
        let bits: Vec<String> =
            report.terms.iter().map(|term| format!("{} {:.2}", term.name, term.proven_bits)).collect();
        expect_test::expect![[r#"
            local lookup challenges 101.87
            global lookup challenges 104.87
            constraint batching 109.95
            opening point 103.95
            opening batching 103.40
            fold 101.95
            queries 100.10
            hash collision 123.95"#]]
        .assert_eq(&bits.join("\n"));
        expect_test::expect!["proven 100.10, conjectured 101.87, union 97.34"].assert_eq(&format!(
            "proven {:.2}, conjectured {:.2}, union {:.2}",
            report.proven_bits, report.conjectured_bits, report.union_bits
        ));
    }

    /// The whole report of p3-security for one table of the largest height, in the same regime, says the same.
    #[test]
    fn the_composition_agrees_with_p3_security() {
        let (parameters, shape) = (Parameters::STANDARD, MachineShape::LIMITS);
        let fri = FriRegime {
            commit_pow_bits: parameters.grinding.fold,
            query_pow_bits: parameters.grinding.query,
            ..regime(&parameters)
        };
        let air = StarkAirParams {
            num_constraints: shape.constraints,
            max_constraint_degree: shape.max_degree,
            num_quotient_chunks: 2,
            max_combo: shape.points,
        };
        let grinding = GrindingSites {
            out_of_domain: parameters.grinding.zeta,
            batch_combination: parameters.grinding.batch,
            lookup_challenge: parameters.grinding.lookup,
        };
        let instance = instance(shape.log_max_height, shape.opened_values);
        let theirs = proven_security_report(&fri, &air, &instance, &[], &grinding).udr.security_bits();
        let ours = security(&parameters, &shape).proven_bits;
        assert!((theirs - ours).abs() < 0.01, "p3-security says {theirs}, this module {ours}");
    }

    #[test]
    fn each_parameter_counts() {
        let standard = security(&Parameters::STANDARD, &MachineShape::LIMITS);
        let with = |change: fn(&mut Parameters)| {
            let mut parameters = Parameters::STANDARD;
            change(&mut parameters);
            security(&parameters, &MachineShape::LIMITS)
        };
        let weaker = [
            with(|p| p.queries -= 1),
            with(|p| p.grinding.lookup = 0),
            with(|p| p.grinding.global = 0),
            with(|p| p.grinding.zeta = 0),
            with(|p| p.grinding.batch = 0),
            with(|p| p.grinding.fold = 0),
            with(|p| p.grinding.query = 0),
        ];
        for report in weaker {
            let lower =
                standard.terms.iter().zip(&report.terms).filter(|(a, b)| b.proven_bits < a.proven_bits);
            assert_eq!(lower.count(), 1, "one term per parameter");
            assert!(report.proven_bits < 100.0, "no parameter is larger than it must be: {report:#?}");
        }
    }

    #[test]
    fn test_parameters_are_insecure() {
        assert!(security(&Parameters::TEST_INSECURE, &MachineShape::LIMITS).proven_bits < 20.0);
    }
}
