//! `vellum bridge …`: ether between the chains.

use std::fmt::{Display, Formatter};
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde::Serialize;
use vellum_node::bridge::{Bridge as Chains, BridgeError, DEPOSIT_GAS, TransferStatus};
use vellum_node::keys::{KeyError, KeySource};
use vellum_node::l1::L1;
use vellum_node::l1::http::HttpL1;
use vellum_node::primitives::{Address, B256, Bytes, U256, parse_ether};

use crate::exit::{Code, Failure};
use crate::output::Report;

/// Move ether between L1 and L2, and see how far a transfer is
#[derive(Args)]
pub(crate) struct Bridge {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Deposit(Deposit),
    Withdraw(Withdraw),
    Status(Status),
}

/// Both chains and the contracts.
#[derive(Args)]
struct ChainArguments {
    /// L1's JSON-RPC address
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8545")]
    l1: String,
    /// L2's JSON-RPC address
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9545")]
    l2: String,
    /// The portal on L1; asked of L2 where absent
    #[arg(long, value_name = "ADDRESS")]
    portal: Option<Address>,
    /// The rollup on L1; asked of L2 where absent
    #[arg(long, value_name = "ADDRESS")]
    rollup: Option<Address>,
}

/// Deposit ether: from L1 to L2
#[derive(Args)]
struct Deposit {
    #[command(flatten)]
    chains: ChainArguments,
    /// The sender's key: file:PATH, env:VARIABLE or dev:N
    #[arg(long, value_name = "KEY")]
    key: KeySource,
    /// Ether, such as 0.5
    #[arg(long, value_name = "ETHER", value_parser = parse_ether)]
    value: U256,
    /// Who gets it on L2; the sender where absent
    #[arg(long, value_name = "ADDRESS")]
    to: Option<Address>,
}

/// Withdraw ether: from L2 to L1, in three steps
#[derive(Args)]
struct Withdraw {
    #[command(flatten)]
    chains: ChainArguments,
    /// The sender's key: file:PATH, env:VARIABLE or dev:N
    #[arg(long, value_name = "KEY")]
    key: KeySource,
    /// Ether, such as 0.5: starts a withdrawal
    #[arg(long, value_name = "ETHER", value_parser = parse_ether, required_unless_present = "transaction")]
    value: Option<U256>,
    /// Who gets it on L1; the sender where absent
    #[arg(long, value_name = "ADDRESS")]
    to: Option<Address>,
    /// The L2 transaction of a withdrawal that was started: does its next step
    #[arg(long, value_name = "HASH", conflicts_with_all = ["value", "to"])]
    transaction: Option<B256>,
}

/// See how far a transfer is
#[derive(Args)]
struct Status {
    #[command(flatten)]
    chains: ChainArguments,
    /// The deposit's transaction on L1, or the withdrawal's on L2
    #[arg(value_name = "HASH")]
    transaction: B256,
}

#[derive(Serialize)]
struct Sent {
    what: &'static str,
    transaction: B256,
    block: u64,
    gas_used: u64,
}

#[derive(Serialize)]
struct Found(TransferStatus);

impl Bridge {
    pub(crate) fn run(&self) -> Result<Box<dyn Report>, Failure> {
        Ok(match &self.command {
            Command::Deposit(command) => Box::new(command.run()?),
            Command::Withdraw(command) => Box::new(command.run()?),
            Command::Status(command) => {
                Box::new(Found(command.chains.connect()?.status(command.transaction)?))
            }
        })
    }
}

impl ChainArguments {
    fn connect(&self) -> Result<Chains, Failure> {
        let l1 = Arc::new(HttpL1::new(&self.l1, None));
        let l2 = Arc::new(HttpL1::new(&self.l2, None));
        let (portal, rollup) = match (self.portal, self.rollup) {
            (Some(portal), Some(rollup)) => (portal, rollup),
            (portal, rollup) => {
                let config: RollupConfig =
                    l2.request("optimism_rollupConfig", serde_json::json!([])).map_err(BridgeError::L2)?;
                let got = l1.chain_id().map_err(BridgeError::L1)?;
                if got != config.l1_chain_id {
                    return Err(Failure::usage(format_args!(
                        "L1 has chain id {got}, L2 is a rollup on chain {}",
                        config.l1_chain_id
                    )));
                }
                (
                    portal.unwrap_or(config.deposit_contract_address),
                    rollup.unwrap_or(config.l1_system_config_address),
                )
            }
        };
        Ok(Chains { l1, l2, portal, rollup })
    }
}

#[derive(serde::Deserialize)]
struct RollupConfig {
    l1_chain_id: u64,
    deposit_contract_address: Address,
    l1_system_config_address: Address,
}

impl Deposit {
    fn run(&self) -> Result<Sent, Failure> {
        let chains = self.chains.connect()?;
        let key = self.key.load(chains.l1.chain_id().map_err(BridgeError::L1)?)?;
        let to = self.to.unwrap_or(key.address());
        let receipt = chains.deposit(key, to, self.value, DEPOSIT_GAS, Bytes::new())?;
        Ok(Sent {
            what: "deposited",
            transaction: receipt.transaction,
            block: receipt.block,
            gas_used: receipt.gas_used,
        })
    }
}

impl Withdraw {
    fn run(&self) -> Result<Sent, Failure> {
        let chains = self.chains.connect()?;
        let Some(transaction) = self.transaction else {
            let key = self.key.load(chains.l2.chain_id().map_err(BridgeError::L2)?)?;
            let to = self.to.unwrap_or(key.address());
            let (receipt, _) = chains.withdraw(key, to, self.value.unwrap_or_default())?;
            return Ok(Sent {
                what: "started",
                transaction: receipt.transaction,
                block: receipt.block,
                gas_used: receipt.gas_used,
            });
        };
        let key = self.key.load(chains.l1.chain_id().map_err(BridgeError::L1)?)?;
        let withdrawal = chains.find_withdrawal(transaction)?;
        let (what, receipt) = match chains.state(&withdrawal)? {
            "waiting" | "ready-to-prove" => ("proven", chains.prove_withdrawal(key, &withdrawal)?),
            "finalized" => return Err(Failure::not_valid("the withdrawal was paid out already")),
            _ => ("finalized", chains.finalize_withdrawal(key, &withdrawal)?),
        };
        Ok(Sent { what, transaction: receipt.transaction, block: receipt.block, gas_used: receipt.gas_used })
    }
}

impl From<BridgeError> for Failure {
    fn from(error: BridgeError) -> Self {
        let code = match error {
            BridgeError::Refused { .. } | BridgeError::TooEarly { .. } | BridgeError::Late { .. } => {
                Code::NotValid
            }
            BridgeError::L1(_) | BridgeError::L2(_) | BridgeError::Unknown(_) => Code::Usage,
            BridgeError::Sender(_) => Code::Internal,
        };
        Self::new(code, error)
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::usage(error)
    }
}

impl Display for Sent {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}  {}", self.what, self.transaction)?;
        writeln!(f, "block {}, {} gas", self.block, self.gas_used)
    }
}

impl Display for Found {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            TransferStatus::Deposit { l2_transaction, included, success } => {
                let state = match (included, success) {
                    (false, _) => "not yet on L2",
                    (true, Some(false)) => "on L2, where its transaction failed",
                    (true, _) => "on L2",
                };
                writeln!(f, "deposit {state}")?;
                l2_transaction.map_or(Ok(()), |hash| writeln!(f, "L2 transaction {hash}"))
            }
            TransferStatus::Withdrawal { hash, state } => writeln!(f, "withdrawal {state}\nhash {hash}"),
        }
    }
}
