//! `vellum devnet`: a development network in one process, and its demonstration.

mod demo;

use std::fmt::{Display, Formatter};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;
use tempfile::TempDir;
use tracing::Level;
use vellum_node::batcher::BatcherOptions;
use vellum_node::config::Span;
use vellum_node::coordinator::ProveMode;
use vellum_node::devnet::{Devnet as Network, DevnetInfo, DevnetOptions, L1Choice};
use vellum_node::prover::local::LocalOptions;
use vellum_node::running::StartError;

use crate::exit::{Code, Failure};
use crate::interrupt;
use crate::output;

/// Time after which a batch with transactions is closed.
const BATCH_TIME: Duration = Duration::from_secs(10);
/// The same for the demonstration.
const DEMO_BATCH_TIME: Duration = Duration::from_secs(15);

/// Start L1, L2, prover and attestation services for development
#[derive(Args)]
pub(crate) struct Devnet {
    /// L1: `embedded`, or the JSON-RPC address of another development chain
    #[arg(long, value_name = "embedded|URL", default_value = "embedded", value_parser = parse_l1)]
    l1: L1,
    /// Port of the embedded L1; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 8545)]
    l1_port: u16,
    /// Port of L2; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 9545)]
    l2_port: u16,
    /// Keep everything here and go on from it later; without, a folder that is removed at the end
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// What is proven
    #[arg(long, value_enum, default_value_t = Prove::Always)]
    prove: Prove,
    /// Time between L2 blocks
    #[arg(long, value_name = "TIME", default_value = "1s")]
    block_time: Span,
    /// Time after which a batch with transactions is closed; 10s, with --demo as long as its transactions take
    #[arg(long, value_name = "TIME")]
    batch_time: Option<Span>,
    /// Memory that proving may take: bytes, or a number of KiB, MiB or GiB
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = crate::size::parse)]
    memory: u64,
    /// Run a demonstration to its end instead of waiting: deposit, contract, transfers, withdrawal, real proofs
    #[arg(long, conflicts_with = "prove")]
    demo: bool,
}

#[derive(Clone)]
enum L1 {
    Embedded,
    Url(String),
}

fn parse_l1(text: &str) -> Result<L1, String> {
    match text {
        "embedded" => Ok(L1::Embedded),
        url if url.starts_with("http://") || url.starts_with("https://") => Ok(L1::Url(url.to_owned())),
        _ => Err("expected `embedded` or an address that begins with http:// or https://".to_owned()),
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Prove {
    /// Every committed batch
    Always,
    /// Batches up to the one that `vellum_prove` asks for
    OnDemand,
    /// None
    Never,
}

impl Devnet {
    pub(crate) fn run(&self, json: bool) -> Result<Box<dyn output::Report>, Failure> {
        crate::logs::start(if self.demo { Level::ERROR } else { Level::INFO });
        let folder = self.folder()?;
        let options = self.options(&folder);
        let network = Network::start(&options)?;
        if self.demo {
            let report = demo::run(&network)?;
            drop(network);
            return Ok(Box::new(report));
        }
        output::report(&Ready(network.info().clone()), json)?;
        interrupt::wait();
        // Blocks, batches and shards that are finished are on disk; what is under way ends.
        drop(network);
        Err(Failure::new(Code::Interrupted, "interrupted"))
    }

    fn folder(&self) -> Result<Folder, Failure> {
        match &self.data_dir {
            Some(path) => {
                std::fs::create_dir_all(path)
                    .map_err(|error| Failure::file(&format!("data directory {}", path.display()), &error))?;
                Ok(Folder::Kept(path.clone()))
            }
            None => {
                let folder = tempfile::Builder::new().prefix("vellum-devnet-").tempdir();
                let folder = folder.map_err(|error| Failure::file("temporary folder", &error))?;
                interrupt::remember_folder(folder.path().to_owned());
                Ok(Folder::Temporary(folder))
            }
        }
    }

    /// All of the demonstration in one batch takes one proof instead of two.
    fn batch_time(&self) -> Duration {
        let usual = if self.demo { DEMO_BATCH_TIME } else { BATCH_TIME };
        self.batch_time.map_or(usual, |time| time.0)
    }

    fn options(&self, folder: &Folder) -> DevnetOptions {
        DevnetOptions {
            l1: match &self.l1 {
                L1::Embedded => L1Choice::Embedded { port: self.l1_port },
                L1::Url(url) => L1Choice::Url(url.clone()),
            },
            l2_port: self.l2_port,
            data_dir: folder.path(),
            prove: match self.prove {
                Prove::Always => ProveMode::Always,
                Prove::OnDemand => ProveMode::OnDemand,
                Prove::Never => ProveMode::Never,
            },
            block_time: self.block_time.0,
            batcher: BatcherOptions {
                max_age_ms: self.batch_time().as_millis() as u64,
                ..Default::default()
            },
            prover: LocalOptions { memory_bytes: self.memory, threads: 0 },
        }
    }
}

enum Folder {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl Folder {
    fn path(&self) -> PathBuf {
        match self {
            Self::Kept(path) => path.clone(),
            Self::Temporary(folder) => folder.path().to_owned(),
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        if error.is_usage() { Self::usage(error) } else { Self::internal(error) }
    }
}

/// Printed when the network takes transactions.
#[derive(Serialize)]
#[serde(transparent)]
struct Ready(DevnetInfo);

impl Display for Ready {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let info = &self.0;
        writeln!(f, "L1          {} (chain {})", info.l1_rpc, info.l1_chain_id)?;
        writeln!(f, "L2          {} (chain {})", info.l2_rpc, info.l2_chain_id)?;
        writeln!(f)?;
        writeln!(f, "rollup      {}", info.contracts.rollup)?;
        writeln!(f, "portal      {}", info.contracts.portal)?;
        writeln!(f, "bridge      {}", info.contracts.bridge)?;
        writeln!(f, "registry    {}", info.contracts.verifier_registry)?;
        writeln!(f)?;
        writeln!(f, "accounts, with ether on both chains; the keys are publicly known:")?;
        for account in &info.accounts {
            writeln!(f, "  {}  {}", account.address, account.private_key)?;
        }
        writeln!(f)?;
        writeln!(
            f,
            "Batches are accepted on L1 because attestation services verified their proofs, not by L1 itself."
        )?;
        writeln!(f, "ready after {:.1} s; ctrl-C ends it", info.ready_ms as f64 / 1000.0)
    }
}
