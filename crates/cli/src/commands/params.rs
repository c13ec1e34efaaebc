//! `vellum params`: how secure the proofs are, and by which parameters.

use std::fmt::{Display, Formatter};

use clap::Args;
use serde::Serialize;
use vellum_zkvm::security::{MachineShape, security};
use vellum_zkvm::{EXTENSION_DEGREE, Profile};

use crate::exit::Failure;
use crate::output::object;

/// Show the security of proofs and the parameters it follows from
#[derive(Args)]
pub(crate) struct Params {}

#[derive(Serialize)]
pub(crate) struct Report {
    proven_bits: f64,
    conjectured_bits: f64,
    terms: Vec<Term>,
    queries: usize,
    log_blowup: usize,
    #[serde(serialize_with = "object")]
    grinding_bits: Vec<(&'static str, usize)>,
    extension_degree: usize,
    #[serde(skip)]
    union_bits: f64,
}

/// One way to be lucky.
#[derive(Serialize)]
struct Term {
    name: &'static str,
    proven_bits: f64,
    conjectured_bits: f64,
}

impl Params {
    pub(crate) fn run(&self) -> Result<Report, Failure> {
        let parameters = Profile::Standard.parameters();
        // For the largest proofs that are accepted.
        let report = security(&parameters, &MachineShape::LIMITS);
        let grinding = parameters.grinding;
        Ok(Report {
            proven_bits: report.proven_bits,
            conjectured_bits: report.conjectured_bits,
            terms: report
                .terms
                .iter()
                .map(|term| Term {
                    name: term.name,
                    proven_bits: term.proven_bits,
                    conjectured_bits: term.conjectured_bits,
                })
                .collect(),
            queries: parameters.queries,
            log_blowup: parameters.log_blowup,
            grinding_bits: vec![
                ("lookup", grinding.lookup),
                ("global", grinding.global),
                ("zeta", grinding.zeta),
                ("batch", grinding.batch),
                ("fold", grinding.fold),
                ("query", grinding.query),
            ],
            extension_degree: EXTENSION_DEGREE,
            union_bits: report.union_bits,
        })
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "proven security       {:>7.2} bits (all terms added up: {:.2})",
            self.proven_bits, self.union_bits
        )?;
        writeln!(f, "conjectured security  {:>7.2} bits", self.conjectured_bits)?;
        writeln!(f, "terms, proven and conjectured:")?;
        for term in &self.terms {
            writeln!(f, "  {:<26}{:>7.2}{:>8.2}", term.name, term.proven_bits, term.conjectured_bits)?;
        }
        writeln!(
            f,
            "{} queries, log blow-up {}, extension degree {}",
            self.queries, self.log_blowup, self.extension_degree
        )?;
        let sites: Vec<_> = self.grinding_bits.iter().map(|(site, bits)| format!("{site} {bits}")).collect();
        writeln!(f, "grinding bits: {}", sites.join(", "))
    }
}
