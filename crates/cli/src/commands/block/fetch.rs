//! `vellum block fetch`: collects a block and its witness from a node.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use vellum_block::fetch::{FetchError, fetch_block};

use crate::exit::{Code, Failure};
use crate::files::Target;
use crate::output::{hex, show_hex};

/// Fetch a block with its witness from an Ethereum node and check both
#[derive(Args)]
pub(crate) struct Fetch {
    /// The node's JSON-RPC address
    #[arg(long, value_name = "URL")]
    rpc: String,
    /// The block's number
    #[arg(long, value_name = "N")]
    number: u64,
    /// Write the block file here
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Serialize)]
pub(crate) struct Report {
    number: u64,
    #[serde(serialize_with = "hex")]
    block_hash: [u8; 32],
    transactions: usize,
    gas_used: u64,
    witness_bytes: usize,
}

impl Fetch {
    pub(crate) fn run(&self) -> Result<Report, Failure> {
        let target = Target::create(&self.out)?;
        let fetched = fetch_block(&self.rpc, self.number)?;
        target.write_and_finish(&fetched.file)?;
        let outcome = fetched.outcome;
        Ok(Report {
            number: outcome.public.number,
            block_hash: outcome.public.block_hash.0,
            transactions: outcome.transactions.len(),
            gas_used: outcome.gas_used,
            witness_bytes: fetched.witness_bytes,
        })
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        let code = match error {
            // The node answers, but with a block that is none.
            FetchError::Hash { .. } | FetchError::DevelopmentState { .. } | FetchError::Block(_) => {
                Code::NotValid
            }
            _ => Code::Usage,
        };
        Self::new(code, error)
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "block         {} {}", self.number, show_hex(self.block_hash))?;
        writeln!(f, "transactions  {}, {} gas", self.transactions, self.gas_used)?;
        writeln!(f, "witness       {} bytes", self.witness_bytes)
    }
}
