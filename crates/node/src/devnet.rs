//! A development network in one process: L1, the contracts, L2, prover and attestation services.
//!
//! L1 is this crate's own chain engine, or any other by its URL. All accounts are the well-known ones of development; they are
//! refused on other chains. A data directory that was used before goes on where it stopped.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256, U256};
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::watch;
use vellum_block::Fork;

use crate::attest::{self, Attester, HttpAttesters};
use crate::batcher::BatcherOptions;
use crate::chain::{Chain, Rules};
use crate::clock::{Clock, SystemClock};
use crate::coordinator::{CoordinatorOptions, ProveMode};
use crate::deploy::{self, DeployOptions, Deployer, Deployment};
use crate::genesis::{self, Genesis};
use crate::guest::{BundledGuest, GuestError};
use crate::keys::{self, DEV_ACCOUNTS, DEV_CHAIN_IDS, KeyError, Signer};
use crate::l1::http::HttpL1;
use crate::l1::sender::Sender;
use crate::l1::{L1, L1Error};
use crate::l2_spec::{L2Spec, Origin};
use crate::mempool;
use crate::node::{Node, NodeConfig};
use crate::prover::local::{LocalOptions, LocalProver};
use crate::records::Records;
use crate::rollup::{RollupOptions, RollupParts, RollupService, RollupView};
use crate::rpc::rollup::RollupApi;
use crate::running::{
    EndingRuntime, GUEST, Network, RunningChain, StartError, chain_id, open_l2, same_program, serve, serve_l2,
};
use crate::sequencer::Mining;
use crate::store::Store;
use crate::store::redb::RedbStore;

/// Chain id of the embedded L1.
pub const L1_CHAIN_ID: u64 = 900;
/// Chain id of L2.
pub const L2_CHAIN_ID: u64 = 901;
/// Ether of every development account on each chain.
const ETHER: u64 = 10_000;
/// Development accounts by what they are used for.
const DEPLOYER: u32 = 9;
const BATCHER: u32 = 8;
const PROVER: u32 = 7;
const ATTESTERS: [u32; 3] = [4, 5, 6];
/// Signatures that the verifier contract wants.
const THRESHOLD: usize = 2;
/// Gas limit of blocks on both chains.
const GAS_LIMIT: u64 = 30_000_000;
/// Time between blocks of the embedded L1.
const L1_BLOCK_TIME: Duration = Duration::from_secs(1);
/// An L1 that makes blocks only for transactions may be this far behind L2, in seconds.
const MAX_TIME_DRIFT: u64 = 30 * 86_400;

/// Which L1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum L1Choice {
    /// In this process, served on a port; 0 takes a free one.
    Embedded {
        /// Port.
        port: u16,
    },
    /// Another one.
    Url(String),
}

/// What to start.
#[derive(Clone, Debug)]
pub struct DevnetOptions {
    /// L1.
    pub l1: L1Choice,
    /// Port of L2; 0 takes a free one.
    pub l2_port: u16,
    /// Folder for everything.
    pub data_dir: PathBuf,
    /// What is proven.
    pub prove: ProveMode,
    /// Time between L2 blocks.
    pub block_time: Duration,
    /// When batches are closed.
    pub batcher: BatcherOptions,
    /// What proving may take.
    pub prover: LocalOptions,
}

/// A network that runs, as scripts want to know it.
#[derive(Clone, Debug, Serialize)]
pub struct DevnetInfo {
    /// L1's JSON-RPC address.
    pub l1_rpc: String,
    /// L2's.
    pub l2_rpc: String,
    /// Chain id of L1.
    pub l1_chain_id: u64,
    /// Chain id of L2.
    pub l2_chain_id: u64,
    /// Contracts on L1.
    pub contracts: DevnetContracts,
    /// Funded accounts, the same on both chains.
    pub accounts: Vec<DevnetAccount>,
    /// Milliseconds from the start until now.
    pub ready_ms: u64,
}

/// Contracts on L1.
#[derive(Clone, Debug, Serialize)]
pub struct DevnetContracts {
    /// Batches.
    pub rollup: Address,
    /// Deposits and withdrawals.
    pub portal: Address,
    /// Tokens.
    pub bridge: Address,
    /// Program versions.
    pub verifier_registry: Address,
    /// Outputs: the rollup itself.
    pub l2_output_oracle: Address,
}

/// A funded account.
#[derive(Clone, Debug, Serialize)]
pub struct DevnetAccount {
    /// Address.
    pub address: Address,
    /// Key.
    pub private_key: B256,
}

/// A running network; dropping it stops everything in order.
pub struct Devnet {
    info: DevnetInfo,
    view: RollupView,
    // In the order in which they are to end.
    _l2: RunningChain,
    _service: RollupService,
    _l1: Option<RunningChain>,
    stop: watch::Sender<bool>,
    _runtime: EndingRuntime,
}

impl Drop for Devnet {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

impl Devnet {
    /// Starts everything; when it returns the network takes transactions.
    ///
    /// # Errors
    /// The first part that does not start.
    pub fn start(options: &DevnetOptions) -> Result<Self, StartError> {
        let started = Instant::now();
        let runtime = EndingRuntime::start()?;
        let handle = runtime.handle.clone();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        // The keys of the guest program take seconds; everything else waits for other things meanwhile.
        let guest = load_guest()
            .map_err(|error| StartError::System { what: "start a thread", reason: error.to_string() })?;

        let embedded = match options.l1 {
            L1Choice::Embedded { port } => {
                Some(embedded_l1(&handle, &options.data_dir.join("l1"), port, clock.clone())?)
            }
            L1Choice::Url(_) => None,
        };
        let l1_rpc = match (&options.l1, &embedded) {
            (L1Choice::Url(url), _) => url.clone(),
            (_, Some(l1)) => format!("http://{}", l1.address),
            (_, None) => String::new(),
        };
        let l1 = Arc::new(HttpL1::new(&l1_rpc, None));
        let l1_chain_id = chain_id(&*l1)?;
        if !DEV_CHAIN_IDS.contains(&l1_chain_id) {
            return Err(StartError::NotDevelopment(l1_chain_id));
        }
        let guest =
            guest.join().unwrap_or_else(|_| Err(GuestError::Missing(GUEST.to_owned()))).map(Arc::new)?;
        let network = network(options, l1.clone(), l1_chain_id, guest.vk(), &*clock)?;
        same_program(&network.deployment, &guest)?;
        let chain = network.l2.chain()?;
        let deployment = network.deployment.clone();

        let store: Arc<dyn Store> = Arc::new(RedbStore::open(&options.data_dir.join("l2"))?);
        let records = Records::new(store.clone());
        let (node, l2) =
            open_l2(&chain, &network.l2, store, clock.clone(), options.block_time, Some(dev_keys()?))?;
        let (stop, stopped) = watch::channel(false);

        let urls = attesters(&handle, &guest, &deployment, &stopped)?;
        let attesters = HttpAttesters::new(&urls, l1_chain_id, deployment.contracts.verifier);
        let prover = LocalProver::start(
            &options.data_dir.join("proofs"),
            guest.machine.clone(),
            guest.key.clone(),
            options.prover,
        )?;
        let service = RollupService::start(
            RollupParts {
                l1,
                l2,
                guest,
                prover: Arc::new(prover),
                attesters: Arc::new(attesters),
                clock,
                records,
                deployment: deployment.clone(),
                batcher_key: keys::dev(BATCHER)?,
                prover_key: keys::dev(PROVER)?,
            },
            RollupOptions {
                confirmations: 0,
                batcher: options.batcher,
                coordinator: CoordinatorOptions {
                    mode: options.prove,
                    threshold: THRESHOLD,
                    ..Default::default()
                },
                ..Default::default()
            },
        )?;
        let view = service.view();
        let rollup = RollupApi {
            view: view.clone(),
            config: chain.config,
            block_time: options.block_time.as_secs().max(1),
        };
        let l2 = serve_l2(&handle, node, (Ipv4Addr::LOCALHOST, options.l2_port).into(), rollup)?;
        let info = DevnetInfo {
            l1_rpc,
            l2_rpc: format!("http://{}", l2.address),
            l1_chain_id,
            l2_chain_id: L2_CHAIN_ID,
            contracts: DevnetContracts {
                rollup: deployment.contracts.rollup,
                portal: deployment.contracts.portal,
                bridge: deployment.contracts.bridge,
                verifier_registry: deployment.contracts.verifier_registry,
                l2_output_oracle: deployment.contracts.rollup,
            },
            accounts: accounts()?,
            ready_ms: started.elapsed().as_millis() as u64,
        };
        Ok(Self { info, view, _service: service, _l2: l2, _l1: embedded, stop, _runtime: runtime })
    }

    /// Addresses and keys.
    pub fn info(&self) -> &DevnetInfo {
        &self.info
    }

    /// What the tasks did.
    pub fn view(&self) -> &RollupView {
        &self.view
    }
}

fn load_guest() -> io::Result<JoinHandle<Result<BundledGuest, GuestError>>> {
    std::thread::Builder::new().name("guest".to_owned()).spawn(|| BundledGuest::load(GUEST))
}

fn embedded_l1(
    handle: &Handle,
    folder: &Path,
    port: u16,
    clock: Arc<dyn Clock>,
) -> Result<RunningChain, StartError> {
    let store: Arc<dyn Store> = Arc::new(RedbStore::open(folder)?);
    let timestamp = genesis_time(folder, clock.now().as_secs())?;
    // Clients estimate what a message will cost as if the zero address sent it, which is rich on mainnet.
    let accounts = funded()?.into_iter().chain([Address::ZERO]);
    let genesis = Genesis::ethereum(timestamp, GAS_LIMIT, &genesis::funded(accounts, ether()))?;
    let rules = Rules::Ethereum { chain_id: L1_CHAIN_ID, fork: Fork::Prague };
    let chain = Arc::new(Chain::open(store, rules, &genesis)?);
    let config = NodeConfig {
        mining: Mining::Interval(L1_BLOCK_TIME),
        gas_limit: GAS_LIMIT,
        beneficiary: Address::ZERO,
        pool: mempool::Limits::default(),
        l1: None,
        dev: Some(dev_keys()?),
    };
    let node = Arc::new(Node::new(chain, clock, config)?);
    serve(handle, node, (Ipv4Addr::LOCALHOST, port).into(), |_| None)
}

/// The time of block 0: recorded when the chain is made, because it is part of what it is.
fn genesis_time(folder: &Path, now: u64) -> Result<u64, StartError> {
    let path = folder.join("genesis-time");
    let error = |reason: String| StartError::File { path: path.display().to_string(), reason };
    match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(|_| error("not a time".to_owned())),
        Err(io) if io.kind() == io::ErrorKind::NotFound => {
            std::fs::write(&path, now.to_string()).map_err(|io| error(io.to_string()))?;
            Ok(now)
        }
        Err(io) => Err(error(io.to_string())),
    }
}

/// Starts the attestation services and returns their addresses.
fn attesters(
    handle: &Handle,
    guest: &BundledGuest,
    deployment: &Deployment,
    stopped: &watch::Receiver<bool>,
) -> Result<Vec<String>, StartError> {
    let mut urls = Vec::new();
    for account in ATTESTERS {
        let attester = Attester::new(
            guest.machine.clone(),
            guest.vk(),
            keys::dev(account)?,
            deployment.l1_chain_id,
            deployment.contracts.verifier,
        );
        let system = |error: io::Error| StartError::System {
            what: "start an attestation service",
            reason: error.to_string(),
        };
        let listener = handle.block_on(attest::bind((Ipv4Addr::LOCALHOST, 0).into())).map_err(system)?;
        urls.push(format!("http://{}", listener.local_addr().map_err(system)?));
        let mut stopped = stopped.clone();
        let stop = async move {
            // A sender that is gone means the same.
            let _ = stopped.wait_for(|stop| *stop).await;
        };
        handle.spawn(attest::serve(attester, listener, stop));
    }
    Ok(urls)
}

/// The network of the data directory, or a new one.
fn network(
    options: &DevnetOptions,
    l1: Arc<HttpL1>,
    l1_chain_id: u64,
    program_vk: B256,
    clock: &dyn Clock,
) -> Result<Network, StartError> {
    let path = options.data_dir.join("network.json");
    let directory = |reason: String| StartError::File { path: path.display().to_string(), reason };
    match std::fs::read(&path) {
        Ok(bytes) => {
            let network: Network =
                serde_json::from_slice(&bytes).map_err(|error| directory(error.to_string()))?;
            let expected = network.deployment.l1_chain_id;
            if expected != l1_chain_id {
                return Err(StartError::OtherL1 { expected, got: l1_chain_id });
            }
            deploy::verify(&*l1, &network.deployment)?;
            return Ok(network);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(directory(error.to_string())),
    }
    let records = Records::new(Arc::new(RedbStore::open(&options.data_dir.join("deploy"))?));
    let sender =
        Sender::new(l1.clone(), records.clone(), keys::dev(DEPLOYER)?, l1_chain_id, Default::default());
    let l2 = L2Parameters {
        chain_id: L2_CHAIN_ID,
        batcher: keys::dev(BATCHER)?.address(),
        gas_limit: GAS_LIMIT,
        max_time_drift: MAX_TIME_DRIFT,
        funded: funded()?.into_iter().map(|account| (account, ether())).collect(),
    };
    let options_of_l1 = DeployOptions {
        proposer: keys::dev(BATCHER)?.address(),
        attesters: ATTESTERS
            .iter()
            .map(|account| Ok(keys::dev(*account)?.address()))
            .collect::<Result<_, KeyError>>()?,
        attestation_threshold: THRESHOLD as u64,
        owner: keys::dev(DEPLOYER)?.address(),
        l2_block_time: options.block_time.as_secs().max(1),
        ..Default::default()
    };
    let network = deploy_network(&*l1, &records, &sender, &options_of_l1, l2, program_vk, clock)?;
    let text = serde_json::to_string_pretty(&network).map_err(|error| directory(error.to_string()))?;
    std::fs::write(&path, text).map_err(|error| directory(error.to_string()))?;
    Ok(network)
}

/// What the operator chooses of L2; the rest follows from the contracts.
#[derive(Clone, Debug)]
pub struct L2Parameters {
    /// Chain id.
    pub chain_id: u64,
    /// Who sends batches.
    pub batcher: Address,
    /// Gas limit of every block.
    pub gas_limit: u64,
    /// Seconds by which a block may be younger than its batch's anchor.
    pub max_time_drift: u64,
    /// Wei at genesis.
    pub funded: BTreeMap<Address, U256>,
}

/// Deploys the contracts for a new L2.
///
/// # Errors
/// L1, the disk, or parameters that make no chain.
pub fn deploy_network(
    l1: &dyn L1,
    records: &Records,
    sender: &Sender,
    options: &DeployOptions,
    l2: L2Parameters,
    program_vk: B256,
    clock: &dyn Clock,
) -> Result<Network, StartError> {
    let deployer = Deployer::plan(l1, records, sender)?;
    let contracts = deployer.contracts();
    let origin = l1.header(deployer.l1_block())?;
    let origin = origin.ok_or(L1Error::Malformed {
        method: "eth_getBlockByNumber",
        reason: "the block in which the deployment was planned is gone".to_owned(),
    })?;
    let l2 = L2Spec {
        chain_id: l2.chain_id,
        l1_chain_id: l1.chain_id()?,
        portal: contracts.portal,
        l1_bridge: contracts.bridge,
        batcher: l2.batcher,
        gas_limit: l2.gas_limit,
        base_fee_denominator: 250,
        base_fee_elasticity: 6,
        max_time_drift: l2.max_time_drift,
        base_fee_scalar: 1368,
        blob_base_fee_scalar: 810_949,
        max_deposits_per_block: 64,
        origin: Origin::from(&origin),
        funded: l2.funded,
    };
    let genesis = l2.chain()?.for_l1(program_vk);
    let now_ms = || clock.now().as_millis() as u64;
    let deployment =
        deployer.run(options, genesis, now_ms, || std::thread::sleep(Duration::from_millis(100)))?;
    Ok(Network { deployment, l2 })
}

fn accounts() -> Result<Vec<DevnetAccount>, KeyError> {
    let account = |index| {
        let key = keys::dev(index)?;
        Ok(DevnetAccount { address: key.address(), private_key: key.to_bytes() })
    };
    (0..DEV_ACCOUNTS).map(account).collect()
}

fn dev_keys() -> Result<Vec<Signer>, KeyError> {
    (0..DEV_ACCOUNTS).map(keys::dev).collect()
}

fn funded() -> Result<Vec<Address>, KeyError> {
    (0..DEV_ACCOUNTS).map(|index| Ok(keys::dev(index)?.address())).collect()
}

fn ether() -> U256 {
    U256::from(ETHER) * U256::from(10).pow(U256::from(18))
}
