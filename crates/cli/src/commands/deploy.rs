//! `vellum deploy`: the L1 contracts of a new rollup.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use tracing::Level;
use vellum_node::deploy::DeployOptions;
use vellum_node::devnet::L2Parameters;
use vellum_node::keys::KeySource;
use vellum_node::primitives::{Address, U256, parse_ether};
use vellum_node::running::{Network, deploy_rollup};

use crate::exit::Failure;
use crate::{files, logs};

/// Deploy the L1 contracts of a new rollup and write what its nodes have to know
#[derive(Args)]
pub(crate) struct Deploy {
    /// L1's JSON-RPC address
    #[arg(long, value_name = "URL")]
    l1: String,
    /// The deployer's key: file:PATH, env:VARIABLE or dev:N
    #[arg(long, value_name = "KEY")]
    key: KeySource,
    /// Folder in which the deployment is remembered while it is under way
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Write the network's file here
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Chain id of L2
    #[arg(long, value_name = "ID")]
    l2_chain_id: u64,
    /// Who commits batches
    #[arg(long, value_name = "ADDRESS")]
    proposer: Address,
    /// Who may change settings, through the timelock; the deployer where absent
    #[arg(long, value_name = "ADDRESS")]
    owner: Option<Address>,
    /// Attestation services' accounts, separated by commas
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', required = true)]
    attesters: Vec<Address>,
    /// How many of them have to sign
    #[arg(long, value_name = "N", default_value_t = 1)]
    threshold: u64,
    /// Seconds that a change of settings waits
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    timelock_delay: u64,
    /// Ether that every commit puts up
    #[arg(long, value_name = "ETHER", default_value = "0", value_parser = parse_ether)]
    bond: U256,
    /// Seconds after which an unopposed claim is final; 0: never without proof
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    challenge_window: u64,
    /// Seconds between proof and finality
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    execution_delay: u64,
    /// Seconds that a deposit may be left out
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    forced_inclusion_delay: u64,
    /// Seconds without a commit after which anyone may commit
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    fallback_delay: u64,
    /// Gas limit of L2's blocks
    #[arg(long, value_name = "GAS", default_value_t = 30_000_000)]
    gas_limit: u64,
    /// Seconds by which an L2 block may be younger than its batch's L1 anchor
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    max_time_drift: u64,
    /// Accounts with ether at L2's genesis, for development chains: ADDRESS=ETHER, separated by commas
    #[arg(long, value_name = "ADDRESS=ETHER", value_delimiter = ',', value_parser = parse_funded)]
    fund: Vec<(Address, U256)>,
}

fn parse_funded(text: &str) -> Result<(Address, U256), String> {
    let (address, ether) = text.split_once('=').ok_or("expected ADDRESS=ETHER")?;
    Ok((address.parse().map_err(|_| format!("{address:?} is no address"))?, parse_ether(ether)?))
}

#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct Deployed(Network);

impl Deploy {
    pub(crate) fn run(&self) -> Result<Deployed, Failure> {
        logs::start(Level::WARN);
        let target = files::Target::create(&self.out)?;
        let owner = self.owner.unwrap_or_default();
        let options = DeployOptions {
            proposer: self.proposer,
            attesters: self.attesters.clone(),
            attestation_threshold: self.threshold,
            owner,
            timelock_delay: self.timelock_delay,
            bond: self.bond,
            challenge_window: self.challenge_window,
            execution_delay: self.execution_delay,
            forced_inclusion_delay: self.forced_inclusion_delay,
            fallback_delay: self.fallback_delay,
            ..Default::default()
        };
        let l2 = L2Parameters {
            chain_id: self.l2_chain_id,
            batcher: self.proposer,
            gas_limit: self.gas_limit,
            max_time_drift: self.max_time_drift,
            funded: self.fund.iter().copied().collect(),
        };
        let network = deploy_rollup(&self.l1, &self.key, &self.data_dir, options, l2)?;
        let text = serde_json::to_vec_pretty(&network).map_err(Failure::internal)?;
        target.write_and_finish(&text)?;
        Ok(Deployed(network))
    }
}

impl Display for Deployed {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let contracts = &self.0.deployment.contracts;
        writeln!(f, "rollup    {}", contracts.rollup)?;
        writeln!(f, "portal    {}", contracts.portal)?;
        writeln!(f, "bridge    {}", contracts.bridge)?;
        writeln!(f, "registry  {}", contracts.verifier_registry)?;
        writeln!(f, "verifier  {}", contracts.verifier)?;
        writeln!(f, "timelock  {}", contracts.timelock)
    }
}
