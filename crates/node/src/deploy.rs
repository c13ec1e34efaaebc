//! Deployment of the L1 contracts by plain creations of one account, and checks of what is on chain.
//!
//! Portal and Rollup name each other and L2's genesis names the bridge, so all addresses are computed from the deployer's
//! nonce before the first transaction. What was planned is recorded first; a deployment that was interrupted goes on.

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::{SolCall, SolValue};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::contracts::{
    Artifact, ArtifactError, AttestedVerifier, Constructors, Portal, Rollup, RollupParams, VerifierRegistry,
};
use crate::l1::sender::{Outcome, Request, Sender, SenderError};
use crate::l1::{At, L1, L1Call, L1Error};
use crate::records::{Records, put};
use crate::step::Step;
use crate::store::StoreError;

/// The guest program's version in the registry.
pub const PROGRAM_VERSION: u64 = 1;
/// Gas of each creation: estimates are of no use while what it depends on is not there.
const CREATION_GAS: u64 = 6_000_000;

/// Settlement parameters that the operator chooses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeployOptions {
    /// Who may commit.
    pub proposer: Address,
    /// Attestation services' accounts.
    pub attesters: Vec<Address>,
    /// How many of them have to sign.
    pub attestation_threshold: u64,
    /// Proposes and executes changes through the timelock.
    pub owner: Address,
    /// Seconds that a change waits.
    pub timelock_delay: u64,
    /// Wei that every commit puts up.
    pub bond: U256,
    /// Seconds after which an unopposed claim is final; 0: never without proof.
    pub challenge_window: u64,
    /// Seconds between proof and finality.
    pub execution_delay: u64,
    /// Seconds that a deposit may be left out.
    pub forced_inclusion_delay: u64,
    /// Seconds without a commit after which anyone may commit.
    pub fallback_delay: u64,
    /// Deposits that one batch consumes at most.
    pub max_deposits_per_batch: u64,
    /// L2 gas that a deposit may ask for at most.
    pub max_deposit_gas: u64,
    /// Seconds per L2 block; only told to clients.
    pub l2_block_time: u64,
    /// L2 blocks expected per batch; only told to clients.
    pub submission_interval: u64,
}

impl Default for DeployOptions {
    fn default() -> Self {
        Self {
            proposer: Address::ZERO,
            attesters: Vec::new(),
            attestation_threshold: 1,
            owner: Address::ZERO,
            timelock_delay: 0,
            bond: U256::ZERO,
            challenge_window: 0,
            execution_delay: 0,
            forced_inclusion_delay: 3600,
            fallback_delay: 86_400,
            max_deposits_per_batch: 256,
            max_deposit_gas: 5_000_000,
            l2_block_time: 1,
            submission_interval: 1,
        }
    }
}

/// The contracts of a rollup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contracts {
    /// Owner of rollup and registry.
    pub timelock: Address,
    /// Checks attestations.
    pub verifier: Address,
    /// Program versions.
    pub verifier_registry: Address,
    /// Deposits and withdrawals.
    pub portal: Address,
    /// Batches; also the L2OutputOracle.
    pub rollup: Address,
    /// Tokens.
    pub bridge: Address,
}

/// A deployment, as followers have to know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// Chain id of L1.
    pub l1_chain_id: u64,
    /// Addresses.
    pub contracts: Contracts,
    /// L1 block of the first contract, or an earlier one: nothing of the rollup is before it.
    pub l1_block: u64,
    /// Hash of L2's configuration.
    pub config_hash: B256,
    /// Output root of L2's genesis.
    pub genesis_output_root: B256,
    /// Verifying key of the guest program.
    pub program_vk: B256,
}

/// Why the contracts are not, or not all, what they should be.
#[derive(Debug, Error)]
pub enum DeployError {
    /// L1.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// Sending.
    #[error(transparent)]
    Sender(#[from] SenderError),
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The artifacts.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The deployer's ether does not suffice for gas.
    #[error("the deployer {0} has no ether on L1")]
    NoEther(Address),
    /// A creation did not succeed.
    #[error("creating {contract} failed: {reason}")]
    Creation {
        /// Contract.
        contract: &'static str,
        /// Why.
        reason: String,
    },
    /// The account was used by somebody else meanwhile.
    #[error("{contract} is at {got} instead of {expected}: something else uses the deployer's account")]
    Elsewhere {
        /// Contract.
        contract: &'static str,
        /// Planned.
        expected: Address,
        /// On L1.
        got: Address,
    },
    /// No code at an address.
    #[error(
        "there is no {contract} at {address} on L1 chain {chain_id}: deploy the contracts first, or check the L1 URL"
    )]
    NotDeployed {
        /// Contract.
        contract: &'static str,
        /// Where it should be.
        address: Address,
        /// L1.
        chain_id: u64,
    },
    /// L1 is another chain.
    #[error("L1 has chain id {got}, expected {expected}")]
    OtherChain {
        /// As configured.
        expected: u64,
        /// As answered.
        got: u64,
    },
    /// A contract says something else than expected.
    #[error("{what} on L1 is {got}, expected {expected}")]
    Differs {
        /// What was read.
        what: &'static str,
        /// Expected.
        expected: String,
        /// On chain.
        got: String,
    },
}

/// A deployment's plan, recorded before the first transaction.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Plan {
    nonce: u64,
    block: u64,
}

const PLAN: &[u8] = b"deploy/plan";

/// Addresses of the contracts that `deployer` creates from `nonce` on.
pub fn addresses(deployer: Address, nonce: u64) -> Contracts {
    let at = |offset| deployer.create(nonce + offset);
    Contracts {
        timelock: at(0),
        verifier: at(1),
        verifier_registry: at(2),
        portal: at(3),
        rollup: at(4),
        bridge: at(5),
    }
}

/// A deployment under way.
pub struct Deployer<'a> {
    l1: &'a dyn L1,
    sender: &'a Sender,
    plan: Plan,
    l1_chain_id: u64,
}

impl<'a> Deployer<'a> {
    /// Fixes the addresses, or finds those of a deployment begun before.
    ///
    /// # Errors
    /// L1 or the disk; an account without ether.
    pub fn plan(l1: &'a dyn L1, records: &Records, sender: &'a Sender) -> Result<Self, DeployError> {
        let l1_chain_id = l1.chain_id()?;
        if let Some(plan) = records.load(PLAN)? {
            return Ok(Self { l1, sender, plan, l1_chain_id });
        }
        if l1.balance(sender.address())?.is_zero() {
            return Err(DeployError::NoEther(sender.address()));
        }
        let plan = Plan { nonce: l1.nonce(sender.address())?, block: l1.head()?.number() };
        records.commit(vec![put(PLAN, &plan)?])?;
        Ok(Self { l1, sender, plan, l1_chain_id })
    }

    /// Where the contracts will be.
    pub fn contracts(&self) -> Contracts {
        addresses(self.sender.address(), self.plan.nonce)
    }

    /// The newest L1 block when the deployment was planned.
    pub fn l1_block(&self) -> u64 {
        self.plan.block
    }

    /// Creates the contracts. `now_ms` tells the time, `wait` lets some pass.
    ///
    /// # Errors
    /// The first contract that is not created, or not where planned.
    pub fn run(
        &self,
        options: &DeployOptions,
        l2: L2Genesis,
        mut now_ms: impl FnMut() -> u64,
        mut wait: impl FnMut(),
    ) -> Result<Deployment, DeployError> {
        let contracts = self.contracts();
        let creations = creations(&contracts, options, &l2)?;
        for (contract, _, request) in &creations {
            self.sender.submit(&format!("deploy/{contract}"), request)?;
        }
        for (contract, expected, _) in &creations {
            let outcome = loop {
                if let Some(outcome) = self.sender.outcome(&format!("deploy/{contract}"))? {
                    break outcome;
                }
                if self.sender.step(now_ms())? == Step::Idle {
                    wait();
                }
            };
            created(contract, *expected, outcome)?;
        }
        let deployment = Deployment {
            l1_chain_id: self.l1_chain_id,
            contracts,
            l1_block: self.plan.block,
            config_hash: l2.config_hash,
            genesis_output_root: l2.output_root,
            program_vk: l2.program_vk,
        };
        verify(self.l1, &deployment)?;
        Ok(deployment)
    }
}

/// What L1 is told of L2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct L2Genesis {
    /// Hash of its configuration.
    pub config_hash: B256,
    /// Output root of its genesis block.
    pub output_root: B256,
    /// Verifying key of the guest program.
    pub program_vk: B256,
}

type Creation = (&'static str, Address, Request);

fn creations(
    contracts: &Contracts,
    options: &DeployOptions,
    l2: &L2Genesis,
) -> Result<[Creation; 6], DeployError> {
    let creation = |artifact: Artifact, expected: Address, call: Vec<u8>| -> Result<Creation, DeployError> {
        let data = artifact.creation(&call)?;
        Ok((artifact.contract, expected, Request { data, gas: Some(CREATION_GAS), ..Default::default() }))
    };
    let mut signers = options.attesters.clone();
    signers.sort_unstable();
    let params = RollupParams {
        configHash: l2.config_hash,
        genesisOutputRoot: l2.output_root,
        portal: contracts.portal,
        registry: contracts.verifier_registry,
        owner: contracts.timelock,
        proposer: options.proposer,
        bond: options.bond,
        challengeWindow: options.challenge_window,
        executionDelay: options.execution_delay,
        forcedInclusionDelay: options.forced_inclusion_delay,
        fallbackDelay: options.fallback_delay,
        maxDepositsPerBatch: options.max_deposits_per_batch,
        l2BlockTime: options.l2_block_time,
        submissionInterval: options.submission_interval,
    };
    let timelock = Constructors::timelockCall {
        minDelay: U256::from(options.timelock_delay),
        proposers: vec![options.owner],
        executors: vec![options.owner],
        admin: Address::ZERO,
    };
    let verifier =
        Constructors::attestedVerifierCall { signers, threshold: U256::from(options.attestation_threshold) };
    let registry = Constructors::verifierRegistryCall {
        owner: contracts.timelock,
        version: U256::from(PROGRAM_VERSION),
        programVk: l2.program_vk,
        verifiers: vec![contracts.verifier],
    };
    let portal =
        Constructors::portalCall { rollup: contracts.rollup, maxDepositGas: options.max_deposit_gas };
    let rollup = Constructors::rollupCall { params };
    let bridge = Constructors::bridgeCall { portal: contracts.portal };
    Ok([
        creation(Artifact::TIMELOCK, contracts.timelock, timelock.abi_encode())?,
        creation(Artifact::ATTESTED_VERIFIER, contracts.verifier, verifier.abi_encode())?,
        creation(Artifact::VERIFIER_REGISTRY, contracts.verifier_registry, registry.abi_encode())?,
        creation(Artifact::PORTAL, contracts.portal, portal.abi_encode())?,
        creation(Artifact::ROLLUP, contracts.rollup, rollup.abi_encode())?,
        creation(Artifact::BRIDGE, contracts.bridge, bridge.abi_encode())?,
    ])
}

fn created(contract: &'static str, expected: Address, outcome: Outcome) -> Result<(), DeployError> {
    match outcome {
        Outcome::Included { success: true, created: Some(got), .. } if got == expected => Ok(()),
        Outcome::Included { success: true, created, .. } => {
            Err(DeployError::Elsewhere { contract, expected, got: created.unwrap_or_default() })
        }
        Outcome::Included { transaction, .. } => {
            Err(DeployError::Creation { contract, reason: format!("transaction {transaction} reverted") })
        }
        Outcome::Reverts { reason, .. } => Err(DeployError::Creation { contract, reason }),
    }
}

/// Checks that L1 is the right chain and that the contracts are there, know each other, and are of this L2.
///
/// # Errors
/// The first difference.
pub fn verify(l1: &dyn L1, deployment: &Deployment) -> Result<(), DeployError> {
    let Deployment { l1_chain_id, contracts, .. } = deployment;
    let got = l1.chain_id()?;
    if got != *l1_chain_id {
        return Err(DeployError::OtherChain { expected: *l1_chain_id, got });
    }
    let all = [
        ("Timelock", contracts.timelock),
        ("AttestedVerifier", contracts.verifier),
        ("VerifierRegistry", contracts.verifier_registry),
        ("Portal", contracts.portal),
        ("Rollup", contracts.rollup),
        ("L1StandardBridge", contracts.bridge),
    ];
    for (contract, address) in all {
        if l1.code(address)?.is_empty() {
            return Err(DeployError::NotDeployed { contract, address, chain_id: got });
        }
    }
    let genesis = (deployment.genesis_output_root, deployment.config_hash).abi_encode();
    let program = VerifierRegistry::programCall { version: U256::from(PROGRAM_VERSION) };
    let program = read(l1, contracts.verifier_registry, &program)?;
    same("the portal's rollup", contracts.rollup, read(l1, contracts.portal, &Portal::rollupCall {})?)?;
    same(
        "the configuration's hash",
        deployment.config_hash,
        read(l1, contracts.rollup, &Rollup::configHashCall {})?,
    )?;
    same(
        "the hash of batch 0",
        keccak256(genesis),
        read(l1, contracts.rollup, &Rollup::batchHashCall { index: 0 })?,
    )?;
    same("the guest program's verifying key", deployment.program_vk, program.programVk)?;
    let verifier = program.verifiers.first().copied().unwrap_or_default();
    same("the registry's verifier", contracts.verifier, verifier)?;
    let threshold = read(l1, contracts.verifier, &AttestedVerifier::thresholdCall {})?;
    if threshold.is_zero() {
        same("the attestation threshold", U256::ONE, threshold)?;
    }
    Ok(())
}

fn same<T: PartialEq + std::fmt::Display>(
    what: &'static str,
    expected: T,
    got: T,
) -> Result<(), DeployError> {
    if expected == got {
        return Ok(());
    }
    Err(DeployError::Differs { what, expected: expected.to_string(), got: got.to_string() })
}

/// Calls a view of a contract in the newest block's state.
///
/// # Errors
/// L1, or an answer that is not of the function's type.
pub fn read<C: SolCall>(l1: &dyn L1, to: Address, call: &C) -> Result<C::Return, L1Error> {
    read_at(l1, to, call, At::Latest)
}

/// Calls a view of a contract in some block's state.
///
/// # Errors
/// As [`read`].
pub fn read_at<C: SolCall>(l1: &dyn L1, to: Address, call: &C, at: At) -> Result<C::Return, L1Error> {
    let call = L1Call { to: Some(to), data: call.abi_encode().into(), ..Default::default() };
    let answer = l1.call(&call, at)?;
    C::abi_decode_returns(&answer).map_err(|error| L1Error::Malformed {
        method: "eth_call",
        reason: format!("{}: {error}", C::SIGNATURE),
    })
}
