//! `vellum reconstruct`: L2 from L1 alone.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use vellum_node::l1::http::HttpL1;
use vellum_node::reconstruct::{ReconstructError, Reconstruction, reconstruct};
use vellum_node::running::read_network;

use crate::exit::{Code, Failure};

/// Derive L2 from L1 alone and compare every output root
#[derive(Args)]
pub(crate) struct Reconstruct {
    /// L1's JSON-RPC address
    #[arg(long, value_name = "URL")]
    l1: String,
    /// The beacon API's address, for blobs; development L1s serve blobs without
    #[arg(long, value_name = "URL")]
    l1_beacon: Option<String>,
    /// The network's file, as `vellum deploy` and `vellum devnet` write it
    #[arg(long, value_name = "FILE")]
    network: PathBuf,
}

#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct Report(Reconstruction);

impl Reconstruct {
    pub(crate) fn run(&self) -> Result<Report, Failure> {
        let network = read_network(&self.network)?;
        let l1 = HttpL1::new(&self.l1, self.l1_beacon.as_deref());
        let derived = reconstruct(&l1, &network, |batch| {
            let claim = if batch.claim_holds { "as claimed" } else { "the commit claimed another one" };
            eprintln!("batch {}: block {}, {} ({claim})", batch.index, batch.last_block, batch.output_root);
        })?;
        Ok(Report(derived))
    }
}

impl From<ReconstructError> for Failure {
    fn from(error: ReconstructError) -> Self {
        let code = match error {
            ReconstructError::OtherRoot { .. } | ReconstructError::Inconsistent { .. } => Code::NotValid,
            ReconstructError::L1(_) | ReconstructError::Deploy(_) | ReconstructError::Spec(_) => Code::Usage,
            ReconstructError::Chain(_) | ReconstructError::Blob { .. } => Code::Internal,
        };
        Self::new(code, error)
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Reconstruction { batches, blocks, transactions, deposits, .. } = &self.0;
        writeln!(f, "{batches} batches, {blocks} blocks, {transactions} transactions, {deposits} deposits")?;
        writeln!(f, "state root   {}", self.0.state_root)?;
        writeln!(f, "output root  {}", self.0.output_root)?;
        match self.0.wrong_claims {
            0 => writeln!(f, "every claimed root holds"),
            wrong => writeln!(f, "{wrong} commits claimed another root than the right one"),
        }
    }
}
