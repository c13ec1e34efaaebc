//! `vellum config check`; and the options of `vellum node`, each a flag and a line of the file.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;
use vellum_node::config::{Config as NodeConfig, ConfigError};

use crate::exit::Failure;
use crate::files;

/// Longest configuration file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Check a node's configuration
#[derive(Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(Check),
}

/// Read the configuration as `vellum node` would, and report what it amounts to
#[derive(Args)]
struct Check {
    #[command(flatten)]
    options: Options,
}

/// Options of a node. Where both the file and a flag say something, the flag counts.
#[derive(Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Options {
    /// TOML file of these options, without the dashes before their names
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// Folder of blocks, records and proofs
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    data_dir: Option<PathBuf>,
    /// The file that `vellum deploy` wrote
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment: Option<PathBuf>,
    /// L1's JSON-RPC address
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    l1_url: Option<String>,
    /// The beacon API's address, for blobs
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    l1_beacon_url: Option<String>,
    /// L1 blocks on top of one before it counts
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    l1_confirmations: Option<u64>,
    /// Highest fee per gas on L1, in gwei
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    l1_max_fee_gwei: Option<u64>,
    /// Where JSON-RPC is served
    #[arg(long, value_name = "IP:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    rpc_address: Option<String>,
    /// Where metrics and health are served
    #[arg(long, value_name = "IP:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics_address: Option<String>,
    /// Time between blocks
    #[arg(long, value_name = "TIME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    block_time: Option<String>,
    /// The key that commits batches: file:PATH, env:VARIABLE or dev:N
    #[arg(long, value_name = "KEY")]
    #[serde(skip_serializing_if = "Option::is_none")]
    batcher_key: Option<String>,
    /// The key that sends proofs
    #[arg(long, value_name = "KEY")]
    #[serde(skip_serializing_if = "Option::is_none")]
    prover_key: Option<String>,
    /// Age at which a batch with transactions is closed
    #[arg(long, value_name = "TIME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_max_age: Option<String>,
    /// Age at which a batch without transactions is closed
    #[arg(long, value_name = "TIME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_max_idle_age: Option<String>,
    /// Blocks of a batch
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_max_blocks: Option<u64>,
    /// Bytes of a batch's transactions
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_max_bytes: Option<u64>,
    /// What is proven without being asked: always, on-demand or never
    #[arg(long, value_name = "WHEN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    prove: Option<String>,
    /// Batches in one proof
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    prove_max_batches: Option<u64>,
    /// Memory for proving, in MiB
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    prove_memory_mib: Option<u64>,
    /// Threads for proving; 0: one per processor
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    prove_threads: Option<u64>,
    /// Attestation services, separated by commas
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attest_urls: Vec<String>,
}

impl Options {
    /// The configuration, not yet checked against L1.
    pub(crate) fn load(&self) -> Result<NodeConfig, Failure> {
        let file = match &self.config {
            Some(path) => {
                let bytes = files::read(path, FILE_BYTES_MAX, "configuration")?;
                String::from_utf8(bytes).map_err(|_| {
                    Failure::usage(format_args!("the configuration {} is no text", path.display()))
                })?
            }
            None => String::new(),
        };
        let flags = toml::Table::try_from(self).map_err(Failure::internal)?;
        let config = NodeConfig::parse(&file, flags)?;
        config.check()?;
        Ok(config)
    }
}

#[derive(Serialize)]
pub(crate) struct Checked {
    valid: bool,
    config: NodeConfig,
}

impl Config {
    pub(crate) fn run(&self) -> Result<Checked, Failure> {
        let Command::Check(check) = &self.command;
        Ok(Checked { valid: true, config: check.options.load()? })
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error)
    }
}

impl Display for Checked {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let value = serde_json::to_value(&self.config).unwrap_or_default();
        for (name, value) in value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            writeln!(f, "{name} = {value}")?;
        }
        writeln!(f, "valid")
    }
}
