//! The world of one seed: L1, the node's process with its disk, users, and what may happen to them.

mod scenarios;

use std::sync::Arc;
use std::time::Duration;

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use alloy_signer::SignerSync;
use alloy_sol_types::SolCall;
use tokio::runtime::Runtime;
use vellum_block::Fork;
use vellum_block::genesis::GenesisAccount;
use vellum_node::batch::Batches;
use vellum_node::batcher::{Batcher, BatcherOptions};
use vellum_node::chain::{Chain, Rules};
use vellum_node::clock::{Clock, ManualClock};
use vellum_node::contracts::{Portal, Rollup};
use vellum_node::coordinator::{Coordinator, CoordinatorOptions, CoordinatorParts, ProofRecords, ProveMode};
use vellum_node::deploy::{DeployOptions, Deployer, read};
use vellum_node::finalizer::Finalizer;
use vellum_node::genesis::Genesis;
use vellum_node::keys;
use vellum_node::l1::L1;
use vellum_node::l1::http::HttpL1;
use vellum_node::l1::sender::{Sender, SenderOptions};
use vellum_node::l1_watcher::{Inbox, Watcher};
use vellum_node::l2::L2;
use vellum_node::l2_node::L2Node;
use vellum_node::l2_spec::{L2Chain, L2Spec, Origin};
use vellum_node::mempool::Limits as PoolLimits;
use vellum_node::node::{Node, NodeConfig};
use vellum_node::reconstruct::reconstruct;
use vellum_node::records::Records;
use vellum_node::rpc::{Api, Limits, Server, ServerConfig};
use vellum_node::running::Network;
use vellum_node::sequencer::Mining;
use vellum_node::step::Step;
use vellum_node::store::Store;
use vellum_node::store::memory::MemoryStore;

use crate::faults::{Faults, FaultyL1, FaultyStore, Random};
use crate::parts::{ATTESTERS, NativeGuest, SimAttesters, SimProver, shared};

const L1_CHAIN_ID: u64 = 900;
const L2_CHAIN_ID: u64 = 901;
const START: u64 = 1_700_000_000;
const GAS_LIMIT: u64 = 30_000_000;
/// Development accounts. A deposit uses up a nonce of its sender on L2, so another user makes them.
const USER: u32 = 0;
const DEPOSITOR: u32 = 1;
const PROVER: u32 = 7;
const BATCHER: u32 = 8;
const DEPLOYER: u32 = 9;
/// Things that happen before the faults stop.
const EVENTS: u64 = 500;
/// Seconds after which the chain must have caught up: less than what it takes an anchor to grow too old.
const QUIET_SECONDS: u64 = 150;
/// L1 blocks on top of one before the node believes it, at most: seeds have all depths.
const CONFIRMATIONS_MAX: u64 = 2;
/// Attestations that the contract wants.
const THRESHOLD: usize = 2;

/// What happened.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) effects: u64,
    pub(crate) crashes: u64,
    pub(crate) reorgs: u64,
    pub(crate) deposits: u64,
    pub(crate) transactions: u64,
    pub(crate) batches: u64,
}

/// One life of the node's process: everything in it is lost when it dies.
struct Process {
    node: Arc<Node>,
    watcher: Watcher,
    batcher: Batcher,
    coordinator: Coordinator,
    finalizer: Finalizer,
    senders: [Arc<Sender>; 2],
}

/// Everything.
pub(crate) struct World {
    seed: u64,
    random: Random,
    clock: Arc<ManualClock>,
    l1: Arc<Node>,
    /// L1 as it really is.
    truth: Arc<HttpL1>,
    network: Network,
    chain: L2Chain,
    disk: Arc<MemoryStore>,
    faults: Faults,
    prover: Arc<SimProver>,
    prove: ProveMode,
    process: Option<Process>,
    /// Encodings of what users sent on L2, in the order of their nonces.
    sent: Vec<Bytes>,
    /// Recipients of deposits; the n-th gets n + 1 wei.
    deposits: Vec<Address>,
    /// Their transactions on L1.
    deposited: Vec<Vec<u8>>,
    summary: Summary,
    // The last one to go.
    _server: Server,
    _runtime: Runtime,
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Duration::from_secs(START)))
}

fn millis(clock: &ManualClock) -> u64 {
    clock.now().as_millis() as u64
}

/// An L1 that makes blocks when told to.
fn l1_node(clock: Arc<ManualClock>) -> Arc<Node> {
    let balance = U256::from(10).pow(U256::from(22));
    let account =
        |index| (keys::dev(index).unwrap().address(), GenesisAccount { balance, ..Default::default() });
    let genesis = Genesis::ethereum(START, GAS_LIMIT, &(0..10).map(account).collect()).unwrap();
    let rules = Rules::Ethereum { chain_id: L1_CHAIN_ID, fork: Fork::Prague };
    let chain = Chain::open(Arc::new(MemoryStore::default()), rules, &genesis).unwrap();
    // Blobs are asked for by a method of development chains.
    let config = NodeConfig { dev: Some(Vec::new()), ..config(None) };
    Arc::new(Node::new(Arc::new(chain), clock, config).unwrap())
}

fn config(inbox: Option<Inbox>) -> NodeConfig {
    NodeConfig {
        mining: Mining::Manual,
        gas_limit: GAS_LIMIT,
        beneficiary: Address::repeat_byte(0xfe),
        pool: PoolLimits::default(),
        l1: inbox.map(|inbox| Arc::new(inbox) as _),
        dev: None,
    }
}

impl World {
    /// Deploys everything; nothing goes wrong yet.
    pub(crate) fn new(seed: u64) -> Self {
        Self::with(seed, ProveMode::Always, |_| ())
    }

    /// The same with other settlement parameters.
    fn with(seed: u64, prove: ProveMode, change: impl FnOnce(&mut DeployOptions)) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let clock = clock();
        let l1 = l1_node(clock.clone());
        let config = ServerConfig::new(([127, 0, 0, 1], 0).into());
        let api = Api::new(l1.clone(), Limits::default());
        let server = runtime.block_on(Server::start(api, None, config)).unwrap();
        let truth = Arc::new(HttpL1::new(&format!("http://{}", server.address()), None));
        let (network, chain) = deploy(&l1, &clock, truth.clone(), change);
        let mut world = Self {
            seed,
            random: Random::new(seed),
            clock,
            l1,
            truth,
            network,
            chain,
            disk: Arc::new(MemoryStore::default()),
            faults: Faults::new(seed ^ 0x5eed),
            prover: shared(seed ^ 0x5eed_5eed),
            prove,
            process: None,
            sent: Vec::new(),
            deposits: Vec::new(),
            deposited: Vec::new(),
            summary: Summary::default(),
            _server: server,
            _runtime: runtime,
        };
        world.start();
        world
    }

    /// Lets things happen, then looks.
    pub(crate) fn run(mut self) -> Summary {
        self.faults.set_unreachable_once_in(40);
        for _ in 0..EVENTS {
            self.event();
            self.bury();
        }
        self.faults.stop();
        self.bury();
        self.settle();
        self.check();
        self.summary.effects = self.faults.effects();
        self.summary
    }

    fn event(&mut self) {
        match self.random.below(100) {
            0..55 => self.step(),
            55..67 => self.seal(),
            67..80 => self.mine(),
            80..86 => self.deposit(),
            86..93 => self.transfer(),
            93..97 => self.faults.plan_crash(30),
            97..98 => self.reorg(),
            _ => self.clock.advance(Duration::from_secs(self.random.below(20))),
        }
    }

    /// One step of one task.
    fn step(&mut self) {
        let task = self.random.below(6);
        let Some(process) = &self.process else { return };
        // Errors are what the faults are for; a task that gave up for good shows in the end.
        let _ = process.step(task, millis(&self.clock));
    }

    fn seal(&mut self) {
        self.clock.advance(Duration::from_secs(1));
        if let Some(process) = &self.process {
            let _ = process.node.seal();
        }
    }

    fn mine(&self) {
        self.clock.advance(Duration::from_secs(1));
        self.l1.seal().unwrap();
    }

    /// A deposit to an address of its own.
    fn deposit(&mut self) {
        let number = self.deposits.len() as u64;
        let to = Address::from_word(B256::from(U256::from(0xdeb0_0000_0000 + number)));
        let call = Portal::depositTransactionCall {
            to,
            value: U256::from(number + 1),
            gasLimit: 100_000,
            isCreation: false,
            data: Bytes::new(),
        };
        let portal = self.network.deployment.contracts.portal;
        let transaction =
            transaction(DEPOSITOR, L1_CHAIN_ID, number, (portal, number + 1), call.abi_encode());
        self.l1.submit(&transaction).unwrap();
        self.deposited.push(transaction);
        self.deposits.push(to);
    }

    /// A transfer on L2 to an address of its own.
    fn transfer(&mut self) {
        let number = self.sent.len() as u64;
        let to = recipient(number);
        let transaction = transaction(USER, L2_CHAIN_ID, number, (to, number + 1), Vec::new());
        self.sent.push(transaction.into());
        self.resubmit();
    }

    /// What wallets do: send again what is not in a block.
    fn resubmit(&self) {
        let Some(process) = &self.process else { return };
        for transaction in &self.sent {
            // Known, included or refused because the process is dead.
            let _ = process.node.submit(transaction);
        }
    }

    /// L1 loses its newest blocks, and some new blocks come. The transactions wait again, or are gone as well: then users
    /// send theirs again.
    fn reorg(&mut self) {
        let head = self.l1.chain().head_number();
        let depth = 1 + self.random.below(2 * CONFIRMATIONS_MAX);
        let target = head.saturating_sub(depth).max(self.network.deployment.l1_block + 20);
        if target >= head {
            return;
        }
        if self.random.once_in(2) {
            self.l1.set_head(target).unwrap();
        } else {
            self.l1.revert_to(target).unwrap();
            for transaction in &self.deposited {
                // Those that are still in the chain are refused.
                let _ = self.l1.submit(transaction);
            }
        }
        self.summary.reorgs += 1;
        // The node may look while the new fork is still short.
        for _ in 0..self.random.below(depth + 2) {
            self.mine();
        }
    }

    /// A dead process is started anew over what it left.
    fn bury(&mut self) {
        if self.faults.take_crash() {
            self.summary.crashes += 1;
            self.process = None;
            self.start();
        }
    }

    fn start(&mut self) {
        // Starting writes too, so the process may die again at once.
        while self.process.is_none() {
            self.process = Process::start(self).ok();
            if self.faults.take_crash() {
                self.summary.crashes += 1;
                self.process = None;
            }
        }
        self.resubmit();
    }

    /// Without faults everything comes to its end.
    fn settle(&mut self) {
        self.resubmit();
        for _ in 0..QUIET_SECONDS {
            self.mine();
            self.settle_tasks();
            // Blocks may have been taken back since.
            self.resubmit();
            let process = self.process.as_ref().unwrap();
            let sealed = process.node.chain().head_number();
            let users_wait = process.node.has_includable() || self.deposits_on_l2() < self.deposits.len();
            if users_wait {
                let _ = process.node.seal();
            } else if self.final_block() == sealed {
                return;
            }
        }
        panic!(
            "seed {}: after {QUIET_SECONDS} s without faults block {} is final, {} sealed, {} of {} deposits arrived; {}; tasks: {:?}",
            self.seed,
            self.final_block(),
            self.process.as_ref().unwrap().node.chain().head_number(),
            self.deposits_on_l2(),
            self.deposits.len(),
            self.states(),
            self.complaints(),
        );
    }

    fn settle_tasks(&self) {
        let process = self.process.as_ref().unwrap();
        for task in (0..6).chain(0..6) {
            for _ in 0..64 {
                if !matches!(process.step(task, millis(&self.clock)), Ok(Step::Done)) {
                    break;
                }
            }
        }
    }

    /// How far batches are, on L1 and by the node.
    fn states(&self) -> String {
        let rollup = self.network.deployment.contracts.rollup;
        let committed = read(&*self.truth, rollup, &Rollup::lastCommittedCall {}).unwrap();
        let proven = read(&*self.truth, rollup, &Rollup::lastProvenCall {}).unwrap();
        let batches = Batches::new(Records::new(self.disk.clone()));
        let of_node = (1..=batches.last().unwrap()).map(|index| {
            let batch = batches.existing(index).unwrap();
            format!("{index} {:?}, attempt {}", batch.state, batch.attempt)
        });
        let of_node: Vec<_> = of_node.collect();
        let job = ProofRecords::new(Records::new(self.disk.clone())).job().unwrap();
        format!("L1 has {committed} batches, {proven} proven; node: {of_node:?}, proving {job:?}")
    }

    fn complaints(&self) -> Vec<String> {
        let process = self.process.as_ref().unwrap();
        (0..6).filter_map(|task| process.step(task, millis(&self.clock)).err()).collect()
    }

    fn deposits_on_l2(&self) -> usize {
        let arrived = |to: &&Address| !self.balance(**to).is_zero();
        self.deposits.iter().filter(arrived).count()
    }

    fn balance(&self, of: Address) -> U256 {
        let chain = self.process.as_ref().unwrap().node.chain();
        let account = chain.state_after(&chain.head().header).account(of).unwrap();
        account.map(|account| account.balance).unwrap_or_default()
    }

    /// The last block that L1 takes as final.
    fn final_block(&self) -> u64 {
        let rollup = self.network.deployment.contracts.rollup;
        let last = read(&*self.truth, rollup, &Rollup::lastFinalizedCall {}).unwrap();
        read(&*self.truth, rollup, &Rollup::batchCall { index: last }).unwrap().lastBlock
    }

    fn check(&mut self) {
        let seed = self.seed;
        for (number, to) in self.deposits.iter().enumerate() {
            assert_eq!(self.balance(*to), U256::from(number + 1), "seed {seed}: deposit {number}");
        }
        let chain = self.process.as_ref().unwrap().node.chain().clone();
        for (number, transaction) in self.sent.iter().enumerate() {
            let hash = alloy_primitives::keccak256(transaction);
            let found = chain.transaction_place(hash).unwrap();
            let again = || self.process.as_ref().unwrap().node.submit(transaction);
            assert!(found.is_some(), "seed {seed}: transaction {number} is lost: {:?}", again());
            let balance = self.balance(recipient(number as u64));
            assert_eq!(balance, U256::from(number + 1), "seed {seed}: transaction {number}");
        }
        self.check_roots(&chain);
        self.summary.deposits = self.deposits.len() as u64;
        self.summary.transactions = self.sent.len() as u64;
    }

    /// Roots on L1, in the node and derived from L1.
    fn check_roots(&mut self, chain: &Chain) {
        let seed = self.seed;
        let rollup = self.network.deployment.contracts.rollup;
        let committed = read(&*self.truth, rollup, &Rollup::lastCommittedCall {}).unwrap();
        self.summary.batches = committed;
        let records = Records::new(self.disk.clone());
        for index in 1..=committed {
            let on_l1 = read(&*self.truth, rollup, &Rollup::batchCall { index }).unwrap();
            let known = Batches::new(records.clone()).existing(index).unwrap();
            let block = chain.block_by_number(on_l1.lastBlock).unwrap().unwrap();
            let root = vellum_block::l2::output_root(&block.header, block.hash());
            let of_node = (known.hash, known.last_block, known.output_root);
            assert_eq!((on_l1.hash, on_l1.lastBlock, root), of_node, "seed {seed}: batch {index}");
            assert_eq!(on_l1.outputRoot, root, "seed {seed}: batch {index}");
        }
        let derived = reconstruct(&*self.truth, &self.network, |_| {}).unwrap();
        assert_eq!((derived.batches, derived.wrong_claims), (committed, 0), "seed {seed}");
        assert_eq!(derived.state_root, chain.head().header.state_root, "seed {seed}");
    }
}

impl Process {
    fn start(world: &World) -> Result<Self, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let faults = world.faults.clone();
        let store: Arc<dyn Store> =
            Arc::new(FaultyStore { store: world.disk.clone(), faults: faults.clone() });
        let l1: Arc<dyn L1> = Arc::new(FaultyL1 { l1: world.truth.clone(), faults });
        let records = Records::new(store.clone());
        let inbox = Inbox::new(records.clone());
        let rules = Rules::L2(Arc::new(world.chain.config.clone()));
        let chain = Chain::open(store, rules, &world.chain.genesis).map_err(|error| text(&error))?;
        let clock: Arc<dyn Clock> = world.clock.clone();
        let node =
            Node::new(Arc::new(chain), clock, config(Some(inbox.clone()))).map_err(|error| text(&error))?;
        let node = Arc::new(node);
        let origin = world.network.l2.origin.number;
        let l2: Arc<dyn L2> = Arc::new(L2Node::new(node.clone(), world.chain.config.clone(), inbox, origin));
        let deployment = world.network.deployment.clone();
        let confirmations = world.seed % (CONFIRMATIONS_MAX + 1);
        let options = SenderOptions { confirmations, ..SenderOptions::default() };
        let sender = |account| {
            let key = keys::dev(account).unwrap();
            Arc::new(Sender::new(l1.clone(), records.clone(), key, L1_CHAIN_ID, options))
        };
        let senders = [sender(BATCHER), sender(PROVER)];
        let [batch_sender, proof_sender] = senders.clone();
        let portal = deployment.contracts.portal;
        let start = deployment.l1_block;
        let watcher = Watcher::new(l1.clone(), l2.clone(), records.clone(), portal, start, confirmations);
        let batcher = Batcher::new(
            l1.clone(),
            l2.clone(),
            Arc::new(NativeGuest),
            batch_sender,
            records.clone(),
            deployment.clone(),
            BatcherOptions { max_age_ms: 8000, max_idle_age_ms: 60_000, ..BatcherOptions::default() },
        );
        let verifier = deployment.contracts.verifier;
        let parts = CoordinatorParts {
            l1: l1.clone(),
            l2: l2.clone(),
            prover: world.prover.clone(),
            attesters: Arc::new(SimAttesters { l1_chain_id: L1_CHAIN_ID, verifier }),
            sender: proof_sender.clone(),
            records: records.clone(),
            deployment: deployment.clone(),
        };
        let mode = world.prove;
        let options = CoordinatorOptions { mode, threshold: THRESHOLD, retry_ms: 5000, ..Default::default() };
        let coordinator = Coordinator::new(parts, options);
        let finalizer = Finalizer::new(l1, l2, proof_sender, records, deployment);
        Ok(Self { node, watcher, batcher, coordinator, finalizer, senders })
    }

    fn step(&self, task: u64, now_ms: u64) -> Result<Step, String> {
        match task {
            0 => self.watcher.step().map_err(|error| error.to_string()),
            1 => self.batcher.step(now_ms).map_err(|error| error.to_string()),
            2 => self.senders[0].step(now_ms).map_err(|error| error.to_string()),
            3 => self.coordinator.step(now_ms).map_err(|error| error.to_string()),
            4 => self.senders[1].step(now_ms).map_err(|error| error.to_string()),
            _ => self.finalizer.step().map_err(|error| error.to_string()),
        }
    }
}

/// The contracts on L1 and the L2 that they are for.
fn deploy(
    l1: &Node,
    clock: &ManualClock,
    truth: Arc<HttpL1>,
    change: impl FnOnce(&mut DeployOptions),
) -> (Network, L2Chain) {
    let mine = || {
        clock.advance(Duration::from_secs(1));
        l1.seal().unwrap();
    };
    mine();
    let records = Records::new(Arc::new(MemoryStore::default()));
    let key = keys::dev(DEPLOYER).unwrap();
    let owner = key.address();
    let sender = Sender::new(truth.clone(), records.clone(), key, L1_CHAIN_ID, SenderOptions::default());
    let deployer = Deployer::plan(&*truth, &records, &sender).unwrap();
    let contracts = deployer.contracts();
    let origin = truth.header(deployer.l1_block()).unwrap().unwrap();
    let batcher = keys::dev(BATCHER).unwrap().address();
    let ether = U256::from(10).pow(U256::from(21));
    let l2 = L2Spec {
        chain_id: L2_CHAIN_ID,
        l1_chain_id: L1_CHAIN_ID,
        portal: contracts.portal,
        l1_bridge: contracts.bridge,
        batcher,
        gas_limit: GAS_LIMIT,
        base_fee_denominator: 250,
        base_fee_elasticity: 6,
        max_time_drift: 1 << 20,
        base_fee_scalar: 1368,
        blob_base_fee_scalar: 810_949,
        max_deposits_per_block: 64,
        origin: Origin::from(&origin),
        funded: [(keys::dev(USER).unwrap().address(), ether)].into(),
    };
    let chain = l2.chain().unwrap();
    let mut attesters: Vec<Address> =
        ATTESTERS.iter().map(|index| keys::dev(*index).unwrap().address()).collect();
    attesters.sort();
    let mut options = DeployOptions {
        proposer: batcher,
        attesters,
        attestation_threshold: THRESHOLD as u64,
        owner,
        bond: U256::from(1_000_000_000),
        execution_delay: 3,
        ..DeployOptions::default()
    };
    change(&mut options);
    let deployment =
        deployer.run(&options, chain.for_l1(B256::repeat_byte(1)), || millis(clock), mine).unwrap();
    // The reorgs stay above the deployment.
    (0..40).for_each(|_| mine());
    (Network { deployment, l2 }, chain)
}

fn recipient(number: u64) -> Address {
    Address::from_word(B256::from(U256::from(0x7af5_0000_0000 + number)))
}

/// A signed transaction of a user that sends wei.
fn transaction(user: u32, chain_id: u64, nonce: u64, (to, value): (Address, u64), input: Vec<u8>) -> Vec<u8> {
    transaction_with(user, chain_id, nonce, (to, value), input, 200_000)
}

fn transaction_with(
    user: u32,
    chain_id: u64,
    nonce: u64,
    (to, value): (Address, u64),
    input: Vec<u8>,
    gas_limit: u64,
) -> Vec<u8> {
    let key = keys::dev(user).unwrap();
    let transaction = TxEip1559 {
        chain_id,
        nonce,
        gas_limit,
        max_fee_per_gas: 100_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Call(to),
        value: U256::from(value),
        access_list: Default::default(),
        input: input.into(),
    };
    let signature = key.sign_hash_sync(&transaction.signature_hash()).unwrap();
    alloy_consensus::TxEnvelope::from(transaction.into_signed(signature)).encoded_2718()
}
