//! A chain that makes blocks and is served; and a whole rollup node from a configuration.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256};
use jsonrpsee::RpcModule;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::watch;

use crate::attest::{self, Attester, HttpAttesters};
use crate::chain::{Chain, ChainError, Rules};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ConfigError};
use crate::contracts::AttestedVerifier;
use crate::deploy::{self, DeployError, DeployOptions, Deployment, read};
use crate::devnet::{L2Parameters, deploy_network};
use crate::genesis::GenesisError;
use crate::guest::{BundledGuest, GuestError};
use crate::keys::{KeySource, Signer};
use crate::l1::http::HttpL1;
use crate::l1::sender::{Sender, SenderOptions};
use crate::l1::{L1, L1Error};
use crate::l1_watcher::Inbox;
use crate::l2_node::L2Node;
use crate::l2_spec::{L2Chain, L2Spec, SpecError};
use crate::mempool;
use crate::metrics::{self, Measured};
use crate::node::{Node, NodeConfig, NodeError};
use crate::prover::ProverError;
use crate::prover::local::LocalProver;
use crate::records::Records;
use crate::rollup::{RollupError, RollupParts, RollupService, RollupView};
use crate::rpc::rollup::RollupApi;
use crate::rpc::server::ServerError;
use crate::rpc::{Api, Limits, Server, ServerConfig};
use crate::sequencer::{self, Mining};
use crate::store::redb::RedbStore;
use crate::store::{Store, StoreError};

/// Name of the bundled guest program.
pub const GUEST: &str = "batch";
/// Longest wait for requests and verifications at the end.
const END_WAIT: Duration = Duration::from_secs(2);
/// Longest wait for L1 to answer at the start.
const L1_WAIT: Duration = Duration::from_secs(10);

/// What a node needs to know of a rollup; `vellum deploy` writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// The contracts on L1.
    pub deployment: Deployment,
    /// L2.
    pub l2: L2Spec,
}

/// Why a node does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A file or folder.
    #[error("{path}: {reason}")]
    File {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
    /// An option.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Another guest program than L1 expects.
    #[error("L1 expects proofs of the guest program {expected}, this build has {got}")]
    OtherProgram {
        /// On L1.
        expected: B256,
        /// Bundled.
        got: B256,
    },
    /// A key that L1 does not expect.
    #[error("the key of {option} is that of {got}, the rollup expects {expected}")]
    OtherKey {
        /// Option.
        option: &'static str,
        /// On L1.
        expected: Address,
        /// Loaded.
        got: Address,
    },
    /// The data directory's network has another L1 than the one named.
    #[error("the data directory belongs to a network on L1 chain {expected}, this L1 has chain id {got}")]
    OtherL1 {
        /// Of the directory.
        expected: u64,
        /// Of L1.
        got: u64,
    },
    /// L1 is no development chain.
    #[error("L1 has chain id {0}, which is none for development: use `vellum deploy` and `vellum node`")]
    NotDevelopment(u64),
    /// Sockets and threads.
    #[error("cannot {what}: {reason}")]
    System {
        /// What.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// A server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// L1.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// The contracts.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// The guest program.
    #[error(transparent)]
    Guest(#[from] GuestError),
    /// L1's genesis.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// L2's genesis.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The prover.
    #[error(transparent)]
    Prover(#[from] ProverError),
    /// A key.
    #[error(transparent)]
    Key(#[from] crate::keys::KeyError),
    /// The tasks.
    #[error(transparent)]
    Rollup(#[from] RollupError),
}

impl StartError {
    /// True if the user can put it right: a port, a directory, an address, a key.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Store(error) | Self::Chain(ChainError::Store(error)) => {
                matches!(
                    error,
                    StoreError::InUse { .. }
                        | StoreError::OtherChain { .. }
                        | StoreError::Open { .. }
                        | StoreError::Version { .. }
                )
            }
            Self::System { .. } | Self::Chain(_) | Self::Node(_) | Self::Guest(_) | Self::Rollup(_) => false,
            _ => true,
        }
    }
}

/// A chain that makes blocks and is served.
pub(crate) struct RunningChain {
    stop: watch::Sender<bool>,
    server: Option<Server>,
    sequencer: Option<tokio::task::JoinHandle<()>>,
    handle: Handle,
    pub(crate) address: SocketAddr,
}

impl Drop for RunningChain {
    /// Ends the block under way and the connections.
    fn drop(&mut self) {
        // Nobody may be listening any more.
        let _ = self.stop.send(true);
        if let Some(sequencer) = self.sequencer.take() {
            let _ = self.handle.block_on(sequencer);
        }
        if let Some(server) = self.server.take() {
            self.handle.block_on(server.stop());
        }
    }
}

/// A runtime that does not wait long for what still runs when it is dropped.
pub(crate) struct EndingRuntime {
    runtime: Option<Runtime>,
    pub(crate) handle: Handle,
}

impl EndingRuntime {
    pub(crate) fn start() -> Result<Self, StartError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime
            .map_err(|error| StartError::System { what: "start the runtime", reason: error.to_string() })?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }
}

impl Drop for EndingRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(END_WAIT);
        }
    }
}

/// Starts making blocks and answering.
pub(crate) fn serve(
    handle: &Handle,
    node: Arc<Node>,
    address: SocketAddr,
    more: impl FnOnce(&Arc<Api>) -> Option<RpcModule<Api>>,
) -> Result<RunningChain, StartError> {
    let api = Api::new(node.clone(), Limits::default());
    let more = more(&api);
    let server = handle.block_on(Server::start(api, more, ServerConfig::new(address)))?;
    let (stop, stopped) = watch::channel(false);
    let sequencer = handle.spawn(async move {
        if let Err(error) = sequencer::run(node, stopped).await {
            tracing::error!(%error, "no more blocks are made");
        }
    });
    let address = server.address();
    Ok(RunningChain {
        stop,
        server: Some(server),
        sequencer: Some(sequencer),
        handle: handle.clone(),
        address,
    })
}

/// Serves L2 with the rollup's methods.
pub(crate) fn serve_l2(
    handle: &Handle,
    node: Arc<Node>,
    address: SocketAddr,
    rollup: RollupApi,
) -> Result<RunningChain, StartError> {
    serve(handle, node, address, |api| Some(crate::rpc::rollup::module(api, rollup)))
}

/// L2's chain engine and the tasks' view of it.
pub(crate) fn open_l2(
    chain: &L2Chain,
    spec: &L2Spec,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    block_time: Duration,
    dev: Option<Vec<Signer>>,
) -> Result<(Arc<Node>, Arc<L2Node>), StartError> {
    let inbox = Inbox::new(Records::new(store.clone()));
    let rules = Rules::L2(Arc::new(chain.config.clone()));
    let opened = Arc::new(Chain::open(store, rules, &chain.genesis)?);
    let config = NodeConfig {
        mining: Mining::Interval(block_time),
        gas_limit: spec.gas_limit,
        beneficiary: Address::ZERO,
        pool: mempool::Limits::default(),
        l1: Some(Arc::new(inbox.clone())),
        dev,
    };
    let node = Arc::new(Node::new(opened, clock, config)?);
    let l2 = L2Node::new(node.clone(), chain.config.clone(), inbox, spec.origin.number);
    Ok((node, Arc::new(l2)))
}

/// L1's chain id, as soon as it answers.
pub(crate) fn chain_id(l1: &dyn L1) -> Result<u64, StartError> {
    let started = Instant::now();
    loop {
        match l1.chain_id() {
            Err(error) if error.is_temporary() && started.elapsed() < L1_WAIT => {
                std::thread::sleep(Duration::from_millis(200));
            }
            result => return Ok(result?),
        }
    }
}

/// Refuses a build with another guest program than L1 expects.
pub(crate) fn same_program(deployment: &Deployment, guest: &BundledGuest) -> Result<(), StartError> {
    let (expected, got) = (deployment.program_vk, guest.vk());
    if expected == got { Ok(()) } else { Err(StartError::OtherProgram { expected, got }) }
}

/// Reads a network's file.
///
/// # Errors
/// Not there, or something else.
pub fn read_network(path: &Path) -> Result<Network, StartError> {
    let error = |reason: String| StartError::File { path: path.display().to_string(), reason };
    let bytes = std::fs::read(path).map_err(|io| error(io.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|json| error(json.to_string()))
}

/// A rollup node; dropping it stops everything in order.
pub struct RollupNode {
    address: SocketAddr,
    view: RollupView,
    // In the order in which they are to end.
    _chain: RunningChain,
    _service: RollupService,
    stop: watch::Sender<bool>,
    _runtime: EndingRuntime,
}

impl Drop for RollupNode {
    fn drop(&mut self) {
        // Nobody may be listening any more.
        let _ = self.stop.send(true);
    }
}

impl RollupNode {
    /// Starts a node.
    ///
    /// # Errors
    /// The first part that does not start.
    pub fn start(config: &Config) -> Result<Self, StartError> {
        config.check()?;
        let network = read_network(&config.deployment)?;
        let deployment = network.deployment.clone();
        let l1_chain_id = deployment.l1_chain_id;
        let batcher_key = config.batcher_key.load(l1_chain_id)?;
        let prover_key = config.prover_key.load(l1_chain_id)?;
        if batcher_key.address() != network.l2.batcher {
            let (expected, got) = (network.l2.batcher, batcher_key.address());
            return Err(StartError::OtherKey { option: "batcher-key", expected, got });
        }
        let l1 = Arc::new(HttpL1::new(&config.l1_url, config.l1_beacon_url.as_deref()));
        chain_id(&*l1)?;
        deploy::verify(&*l1, &deployment)?;
        let guest = Arc::new(BundledGuest::load(GUEST)?);
        same_program(&deployment, &guest)?;
        let threshold = read(&*l1, deployment.contracts.verifier, &AttestedVerifier::thresholdCall {})?;

        let system = |what| move |error: io::Error| StartError::System { what, reason: error.to_string() };
        let runtime = EndingRuntime::start()?;
        let handle = runtime.handle.clone();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        std::fs::create_dir_all(&config.data_dir).map_err(|error| StartError::File {
            path: config.data_dir.display().to_string(),
            reason: error.to_string(),
        })?;
        let store: Arc<dyn Store> = Arc::new(RedbStore::open(&config.data_dir.join("l2"))?);
        let chain = network.l2.chain()?;
        let (node, l2) =
            open_l2(&chain, &network.l2, store.clone(), clock.clone(), config.block_time.0, None)?;
        let prover = LocalProver::start(
            &config.data_dir.join("proofs"),
            guest.machine.clone(),
            guest.key.clone(),
            config.prover_options(),
        )?;
        let attesters = HttpAttesters::new(&config.attest_urls, l1_chain_id, deployment.contracts.verifier);
        let service = RollupService::start(
            RollupParts {
                l1,
                l2,
                guest,
                prover: Arc::new(prover),
                attesters: Arc::new(attesters),
                clock,
                records: Records::new(store),
                deployment,
                batcher_key,
                prover_key,
            },
            config.rollup_options(usize::try_from(threshold).unwrap_or(usize::MAX)),
        )?;
        let view = service.view();
        let (stop, mut stopped) = watch::channel(false);
        if let Some(address) = config.metrics_address {
            let listener = handle
                .block_on(tokio::net::TcpListener::bind(address))
                .map_err(system("listen on metrics-address"))?;
            let measured = Measured { node: node.clone(), view: view.clone() };
            let stop = async move {
                // A sender that is gone means the same.
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            handle.spawn(metrics::serve(measured, listener, stop));
        }
        let rollup = RollupApi {
            view: view.clone(),
            config: chain.config,
            block_time: config.block_time.0.as_secs().max(1),
        };
        let chain = serve_l2(&handle, node, config.rpc_address, rollup)?;
        Ok(Self { address: chain.address, view, _chain: chain, _service: service, stop, _runtime: runtime })
    }

    /// Where JSON-RPC is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the tasks did.
    pub fn view(&self) -> &RollupView {
        &self.view
    }
}

/// Deploys the contracts of a new rollup on an L1 that answers at `l1_url`.
///
/// # Errors
/// L1, the key, the disk, or options that make no rollup.
pub fn deploy_rollup(
    l1_url: &str,
    key: &KeySource,
    data_dir: &Path,
    mut options: DeployOptions,
    l2: L2Parameters,
) -> Result<Network, StartError> {
    let l1 = Arc::new(HttpL1::new(l1_url, None));
    let l1_chain_id = chain_id(&*l1)?;
    let key = key.load(l1_chain_id)?;
    if options.owner == Address::ZERO {
        options.owner = key.address();
    }
    let guest = BundledGuest::load(GUEST)?;
    let file_error = |error: io::Error| StartError::File {
        path: data_dir.display().to_string(),
        reason: error.to_string(),
    };
    std::fs::create_dir_all(data_dir).map_err(file_error)?;
    let records = Records::new(Arc::new(RedbStore::open(data_dir)?));
    let sender = Sender::new(l1.clone(), records.clone(), key, l1_chain_id, SenderOptions::default());
    deploy_network(&*l1, &records, &sender, &options, l2, guest.vk(), &SystemClock)
}

/// An attestation service; dropping it stops it.
pub struct AttestService {
    address: SocketAddr,
    program_vk: B256,
    stop: watch::Sender<bool>,
    _runtime: EndingRuntime,
}

impl Drop for AttestService {
    fn drop(&mut self) {
        // Nobody may be listening any more.
        let _ = self.stop.send(true);
    }
}

impl AttestService {
    /// Starts a service that signs with `key` for the contract `verifier`.
    ///
    /// # Errors
    /// The guest program, or the socket.
    pub fn start(
        address: SocketAddr,
        key: Signer,
        l1_chain_id: u64,
        verifier: Address,
    ) -> Result<Self, StartError> {
        let system = |what| move |error: io::Error| StartError::System { what, reason: error.to_string() };
        let runtime = EndingRuntime::start()?;
        let listener = runtime.handle.block_on(attest::bind(address)).map_err(|error| {
            StartError::Server(ServerError::Listen { address, reason: error.to_string() })
        })?;
        let address = listener.local_addr().map_err(system("find the service's address"))?;
        let guest = BundledGuest::load(GUEST)?;
        let program_vk = guest.vk();
        let attester = Attester::new(guest.machine, program_vk, key, l1_chain_id, verifier);
        let (stop, mut stopped) = watch::channel(false);
        let until = async move {
            // A sender that is gone means the same.
            let _ = stopped.wait_for(|stop| *stop).await;
        };
        runtime.handle.spawn(attest::serve(attester, listener, until));
        Ok(Self { address, program_vk, stop, _runtime: runtime })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The program whose proofs it attests.
    pub fn program_vk(&self) -> B256 {
        self.program_vk
    }
}
