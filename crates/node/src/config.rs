//! The configuration of a node: one TOML file, or flags of the same names, or both (flags win).
//!
//! Everything is checked before anything is started: a wrong value is one message that names it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::batcher::BatcherOptions;
use crate::coordinator::{CoordinatorOptions, ProveMode};
use crate::keys::{KeyError, KeySource};
use crate::l1::sender::SenderOptions;
use crate::prover::local::LocalOptions;
use crate::rollup::RollupOptions;

/// Smallest block time: below it blocks are mostly overhead.
const BLOCK_TIME_MIN: Duration = Duration::from_millis(100);
/// Longest confirmation depth: L1 knows only 256 block hashes, and an anchor has to be among them.
const CONFIRMATIONS_MAX: u64 = 100;

/// Why a configuration is refused.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// Not TOML, an unknown option, a value of another type.
    #[error("{0}")]
    Parse(String),
    /// A value that cannot work.
    #[error("{option}: {reason}")]
    Value {
        /// Option.
        option: &'static str,
        /// Why.
        reason: String,
    },
    /// A key.
    #[error("{option}: {error}")]
    Key {
        /// Option.
        option: &'static str,
        /// Why.
        error: KeyError,
    },
}

/// All options.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Folder of blocks, records and proofs.
    pub data_dir: PathBuf,
    /// The file that `vellum deploy` wrote.
    pub deployment: PathBuf,
    /// L1's JSON-RPC address.
    pub l1_url: String,
    /// The beacon API's address, for blobs; development L1s serve blobs without.
    #[serde(default)]
    pub l1_beacon_url: Option<String>,
    /// L1 blocks on top of one before it counts.
    #[serde(default = "default_confirmations")]
    pub l1_confirmations: u64,
    /// Where JSON-RPC is served.
    #[serde(default = "default_rpc")]
    pub rpc_address: SocketAddr,
    /// Where metrics and health are served; nowhere if absent.
    #[serde(default)]
    pub metrics_address: Option<SocketAddr>,
    /// Time between blocks.
    #[serde(default = "default_block_time")]
    pub block_time: Span,
    /// The key that commits batches.
    pub batcher_key: KeySource,
    /// The key that sends proofs.
    pub prover_key: KeySource,
    /// Age at which a batch with transactions is closed.
    #[serde(default = "default_batch_age")]
    pub batch_max_age: Span,
    /// Age at which a batch without transactions is closed.
    #[serde(default = "default_batch_idle_age")]
    pub batch_max_idle_age: Span,
    /// Blocks of a batch.
    #[serde(default = "default_batch_blocks")]
    pub batch_max_blocks: u64,
    /// Bytes of a batch's transactions.
    #[serde(default = "default_batch_bytes")]
    pub batch_max_bytes: usize,
    /// What is proven without being asked.
    #[serde(default = "default_prove")]
    pub prove: ProveMode,
    /// Batches in one proof.
    #[serde(default = "default_prove_batches")]
    pub prove_max_batches: u64,
    /// Memory for proving, in MiB.
    #[serde(default = "default_prove_memory")]
    pub prove_memory_mib: u64,
    /// Threads for proving; 0: one per processor.
    #[serde(default)]
    pub prove_threads: usize,
    /// Attestation services.
    #[serde(default)]
    pub attest_urls: Vec<String>,
    /// Highest fee per gas on L1, in gwei.
    #[serde(default = "default_fee")]
    pub l1_max_fee_gwei: u64,
}

/// A time: a number with `ms`, `s`, `m` or `h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

impl Span {
    const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    fn ms(self) -> u64 {
        self.0.as_millis() as u64
    }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no time: expected a number with ms, s, m or h");
        let end = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = text[..end].parse().map_err(|_| wrong())?;
        let unit_ms = match text[end..].trim() {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(wrong()),
        };
        Ok(Self(Duration::from_millis(number.checked_mul(unit_ms).ok_or_else(wrong)?)))
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.ms() {
            ms if ms % 1000 == 0 => write!(f, "{}s", ms / 1000),
            ms => write!(f, "{ms}ms"),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

fn default_confirmations() -> u64 {
    4
}
fn default_rpc() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 9545).into()
}
fn default_block_time() -> Span {
    Span::seconds(1)
}
fn default_batch_age() -> Span {
    Span::seconds(60)
}
fn default_batch_idle_age() -> Span {
    Span::seconds(3600)
}
fn default_batch_blocks() -> u64 {
    BatcherOptions::default().max_blocks
}
fn default_batch_bytes() -> usize {
    BatcherOptions::default().max_bytes
}
fn default_prove() -> ProveMode {
    ProveMode::Always
}
fn default_prove_batches() -> u64 {
    CoordinatorOptions::default().max_batches
}
fn default_prove_memory() -> u64 {
    4096
}
fn default_fee() -> u64 {
    500
}

impl Config {
    /// From a file's text and flags, which win.
    ///
    /// # Errors
    /// Unknown options, wrong types.
    pub fn parse(file: &str, flags: toml::Table) -> Result<Self, ConfigError> {
        let mut table: toml::Table =
            toml::from_str(file).map_err(|error| ConfigError::Parse(one_line(error.message())))?;
        table.extend(flags);
        table.try_into().map_err(|error: toml::de::Error| ConfigError::Parse(one_line(error.message())))
    }

    /// Checks what can be checked without L1.
    ///
    /// # Errors
    /// The first value that cannot work.
    pub fn check(&self) -> Result<(), ConfigError> {
        let value = |option, reason: &str| Err(ConfigError::Value { option, reason: reason.to_owned() });
        for (option, url) in [("l1-url", Some(&self.l1_url)), ("l1-beacon-url", self.l1_beacon_url.as_ref())]
        {
            if url.is_some_and(|url| !is_http(url)) {
                return value(option, "expected an address that begins with http:// or https://");
            }
        }
        if self.attest_urls.iter().any(|url| !is_http(url)) {
            return value("attest-urls", "expected addresses that begin with http:// or https://");
        }
        if self.block_time.0 < BLOCK_TIME_MIN {
            return value("block-time", "at least 100ms");
        }
        if self.l1_confirmations > CONFIRMATIONS_MAX {
            return value("l1-confirmations", "at most 100");
        }
        if self.batch_max_blocks == 0 || self.batch_max_blocks > vellum_block::l2::codec::MAX_BLOCKS as u64 {
            return value("batch-max-blocks", "from 1 to 4096");
        }
        if self.batch_max_bytes == 0 || self.batch_max_bytes > 500_000 {
            return value("batch-max-bytes", "from 1 to 500000");
        }
        if self.prove_max_batches == 0 {
            return value("prove-max-batches", "at least 1");
        }
        if self.prove_memory_mib << 20 < vellum_zkvm::MEMORY_MIN_BYTES {
            return value("prove-memory-mib", "at least 512");
        }
        if self.prove != ProveMode::Never && self.attest_urls.is_empty() {
            return value("attest-urls", "at least one attestation service is needed to prove batches on L1");
        }
        Ok(())
    }

    /// How the tasks behave; the threshold is the verifier contract's.
    pub fn rollup_options(&self, threshold: usize) -> RollupOptions {
        RollupOptions {
            confirmations: self.l1_confirmations,
            batcher: BatcherOptions {
                max_age_ms: self.batch_max_age.ms(),
                max_idle_age_ms: self.batch_max_idle_age.ms(),
                max_blocks: self.batch_max_blocks,
                max_bytes: self.batch_max_bytes,
                ..Default::default()
            },
            coordinator: CoordinatorOptions {
                mode: self.prove,
                max_batches: self.prove_max_batches,
                threshold,
                ..Default::default()
            },
            sender: SenderOptions {
                fee_max: u128::from(self.l1_max_fee_gwei) * 1_000_000_000,
                ..Default::default()
            },
        }
    }

    /// What proving may take.
    pub fn prover_options(&self) -> LocalOptions {
        LocalOptions { memory_bytes: self.prove_memory_mib << 20, threads: self.prove_threads }
    }
}

fn is_http(url: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        data-dir = "data"
        deployment = "deployment.json"
        l1-url = "http://localhost:8545"
        batcher-key = "env:BATCHER"
        prover-key = "file:prover.json"
        attest-urls = ["http://localhost:7000"]
        block-time = "250ms"
    "#;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        let config = Config::parse(text, toml::Table::new())?;
        config.check().map(|()| config)
    }

    #[test]
    fn flags_win_over_the_file() {
        let mut flags = toml::Table::new();
        flags.insert("l1-url".to_owned(), "http://other:1".into());
        flags.insert("prove".to_owned(), "on-demand".into());
        let config = Config::parse(FILE, flags).unwrap();
        assert_eq!(config.l1_url, "http://other:1");
        assert_eq!(config.prove, ProveMode::OnDemand);
        assert_eq!(config.block_time.0, Duration::from_millis(250));
        assert_eq!(config.rpc_address.port(), 9545);
    }

    #[test]
    fn every_wrong_value_is_named() {
        parse(FILE).unwrap();
        let cases = [
            ("no-such-option = 1", "no-such-option"),
            ("l1-confirmations = \"x\"", "expected"),
            ("l1-confirmations = 101", "l1-confirmations"),
            ("prove = \"sometimes\"", "sometimes"),
            ("metrics-address = \"here\"", "address"),
            ("l1-beacon-url = \"ftp://x\"", "l1-beacon-url"),
            ("batch-max-blocks = 0", "batch-max-blocks"),
            ("batch-max-bytes = 0", "batch-max-bytes"),
            ("prove-memory-mib = 1", "prove-memory-mib"),
            ("prove-max-batches = 0", "prove-max-batches"),
            ("batch-max-age = \"5\"", "is no time"),
        ];
        for (line, word) in cases {
            let error = parse(&format!("{FILE}\n{line}")).unwrap_err().to_string();
            assert!(error.contains(word) && !error.contains('\n'), "{line}: {error}");
        }
        let error = parse("= =").unwrap_err();
        assert!(matches!(error, ConfigError::Parse(_)));
        let error = parse(&FILE.replace("env:BATCHER", "0x1234")).unwrap_err().to_string();
        assert!(error.contains("names no key"), "{error}");
        let error = parse(&FILE.replace("data-dir", "#")).unwrap_err().to_string();
        assert!(error.contains("data-dir"), "{error}");
    }
}
