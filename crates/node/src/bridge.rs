//! Ether between the chains, as a user moves it: by the public RPC of both and nothing else.
//!
//! A deposit is one transaction on L1. A withdrawal is three: on L2 it is started; once its block is proven on L1, its trie
//! proof is shown there; once the output is final, it is finished there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256, Bytes, U256, address, keccak256};
use alloy_rpc_types_eth::EIP1186AccountProofResponse;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::{SolCall, SolEvent, SolValue};
use serde::Serialize;
use serde_json::json;
use thiserror::Error;

use crate::clock::{Clock, SystemClock};
use crate::contracts::{MessagePasser, OutputRootProof, Portal, Rollup, WithdrawalTransaction};
use crate::deploy::read;
use crate::l1::http::HttpL1;
use crate::l1::sender::{Outcome, Request, Sender, SenderError, SenderOptions};
use crate::l1::{L1, L1Error, L1Receipt};
use crate::l1_watcher;
use crate::records::Records;
use crate::step::Step;
use crate::store::memory::MemoryStore;

/// The predeploy that withdrawals start at.
pub const MESSAGE_PASSER: Address = address!("0x4200000000000000000000000000000000000016");
/// L2 gas of a plain deposit.
pub const DEPOSIT_GAS: u64 = 100_000;
/// Gas of a withdrawal's call on L1.
pub const WITHDRAWAL_GAS: u64 = 100_000;
/// Between two looks.
const POLL: Duration = Duration::from_millis(100);
/// Longest wait for a transaction's inclusion.
const INCLUSION: Duration = Duration::from_secs(180);
/// Slot of the mapping of sent messages.
const SENT_MESSAGES_SLOT: B256 = B256::ZERO;

/// Why ether does not move.
#[derive(Debug, Error)]
pub enum BridgeError {
    /// L1.
    #[error("L1: {0}")]
    L1(#[source] L1Error),
    /// L2.
    #[error("L2: {0}")]
    L2(#[source] L1Error),
    /// Sending.
    #[error(transparent)]
    Sender(#[from] SenderError),
    /// It would revert, or did.
    #[error("{what} is refused: {reason}")]
    Refused {
        /// What.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// Not included in time.
    #[error("{what} was not included within {seconds} s")]
    Late {
        /// What.
        what: &'static str,
        /// Wait.
        seconds: u64,
    },
    /// No such transaction, or none that the bridge knows.
    #[error("{0} is no withdrawal's transaction on L2 and no deposit's on L1")]
    Unknown(B256),
    /// Asked for too early.
    #[error("the withdrawal cannot be {what} yet: {reason}")]
    TooEarly {
        /// What was asked for.
        what: &'static str,
        /// What is missing.
        reason: String,
    },
}

/// Both chains and the contracts between them.
pub struct Bridge {
    /// L1.
    pub l1: Arc<HttpL1>,
    /// L2.
    pub l2: Arc<HttpL1>,
    /// Portal on L1.
    pub portal: Address,
    /// Rollup on L1.
    pub rollup: Address,
}

/// A withdrawal that was started.
#[derive(Clone, Debug)]
pub struct Withdrawal {
    /// The message.
    pub message: WithdrawalTransaction,
    /// Its hash.
    pub hash: B256,
    /// L2 block.
    pub block: u64,
}

/// How far a transfer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum TransferStatus {
    /// From L1 to L2.
    Deposit {
        /// Transaction on L2; none until L2 has taken the L1 block in.
        l2_transaction: Option<B256>,
        /// True once it is in an L2 block.
        included: bool,
        /// Whether it succeeded there.
        success: Option<bool>,
    },
    /// From L2 to L1.
    Withdrawal {
        /// Identity of the message.
        hash: B256,
        /// `waiting`, `ready-to-prove`, `proven`, `ready-to-finalize` or `finalized`.
        state: &'static str,
    },
}

impl Bridge {
    /// Sends ether to `to` on L2.
    ///
    /// # Errors
    /// L1 refuses it or does not answer.
    pub fn deposit(
        &self,
        key: PrivateKeySigner,
        to: Address,
        value: U256,
        gas_limit: u64,
        data: Bytes,
    ) -> Result<L1Receipt, BridgeError> {
        let call = Portal::depositTransactionCall { to, value, gasLimit: gas_limit, isCreation: false, data };
        let request =
            Request { to: Some(self.portal), value, data: call.abi_encode().into(), ..Default::default() };
        send(&self.l1, key, "the deposit", request)
    }

    /// Starts a withdrawal of ether to `to` on L1.
    ///
    /// # Errors
    /// L2 refuses it or does not answer.
    pub fn withdraw(
        &self,
        key: PrivateKeySigner,
        to: Address,
        value: U256,
    ) -> Result<(L1Receipt, Withdrawal), BridgeError> {
        let call = MessagePasser::initiateWithdrawalCall {
            target: to,
            gasLimit: U256::from(WITHDRAWAL_GAS),
            data: Bytes::new(),
        };
        let request =
            Request { to: Some(MESSAGE_PASSER), value, data: call.abi_encode().into(), ..Default::default() };
        let receipt = send(&self.l2, key, "the withdrawal", request)?;
        let withdrawal = withdrawal(&receipt).ok_or(BridgeError::Unknown(receipt.transaction))?;
        Ok((receipt, withdrawal))
    }

    /// The withdrawal that an L2 transaction started.
    ///
    /// # Errors
    /// There is none.
    pub fn find_withdrawal(&self, transaction: B256) -> Result<Withdrawal, BridgeError> {
        let receipt = self.l2.receipt(transaction).map_err(BridgeError::L2)?;
        receipt.as_ref().and_then(withdrawal).ok_or(BridgeError::Unknown(transaction))
    }

    /// Index of the output that a withdrawal can be proven against; none yet if its block is not proven.
    ///
    /// # Errors
    /// L1 does not answer.
    pub fn output_index(&self, withdrawal: &Withdrawal) -> Result<Option<U256>, BridgeError> {
        let call = Rollup::getL2OutputIndexAfterCall { l2BlockNumber: U256::from(withdrawal.block) };
        match read(&*self.l1, self.rollup, &call) {
            Ok(index) => Ok(Some(index)),
            Err(L1Error::Refused { .. }) => Ok(None),
            Err(error) => Err(BridgeError::L1(error)),
        }
    }

    /// Shows L1 that a withdrawal is in a proven output.
    ///
    /// # Errors
    /// Too early, refused, or no answer.
    pub fn prove_withdrawal(
        &self,
        key: PrivateKeySigner,
        withdrawal: &Withdrawal,
    ) -> Result<L1Receipt, BridgeError> {
        let index = self.output_index(withdrawal)?.ok_or_else(|| BridgeError::TooEarly {
            what: "proven",
            reason: format!("L2 block {} is not proven on L1", withdrawal.block),
        })?;
        let call = Rollup::getL2OutputCall { index };
        let output = read(&*self.l1, self.rollup, &call).map_err(BridgeError::L1)?;
        let number = u64::try_from(output.l2BlockNumber).unwrap_or(u64::MAX);
        let block = self.l2.header(number).map_err(BridgeError::L2)?;
        let block = block.ok_or_else(|| BridgeError::TooEarly {
            what: "proven",
            reason: format!("this L2 node does not have block {number}"),
        })?;
        let slot = keccak256((withdrawal.hash, SENT_MESSAGES_SLOT).abi_encode());
        let proof: EIP1186AccountProofResponse = self
            .l2
            .request("eth_getProof", json!([MESSAGE_PASSER, [slot], U256::from(number)]))
            .map_err(BridgeError::L2)?;
        let nodes = proof.storage_proof.into_iter().next().map(|slot| slot.proof).unwrap_or_default();
        let call = Portal::proveWithdrawalTransactionCall {
            withdrawal: withdrawal.message.clone(),
            l2OutputIndex: index,
            outputRootProof: OutputRootProof {
                version: B256::ZERO,
                stateRoot: block.header.state_root,
                messagePasserStorageRoot: proof.storage_hash,
                latestBlockhash: block.hash,
            },
            withdrawalProof: nodes,
        };
        let request = Request { to: Some(self.portal), data: call.abi_encode().into(), ..Default::default() };
        send(&self.l1, key, "the withdrawal's proof", request)
    }

    /// Finishes a proven withdrawal on L1.
    ///
    /// # Errors
    /// Too early, refused, or no answer.
    pub fn finalize_withdrawal(
        &self,
        key: PrivateKeySigner,
        withdrawal: &Withdrawal,
    ) -> Result<L1Receipt, BridgeError> {
        let call = Portal::finalizeWithdrawalTransactionCall { withdrawal: withdrawal.message.clone() };
        let request = Request { to: Some(self.portal), data: call.abi_encode().into(), ..Default::default() };
        send(&self.l1, key, "finalising the withdrawal", request)
    }

    /// How far the transfer is that this transaction began, on L1 or on L2.
    ///
    /// # Errors
    /// No such transfer, or no answer.
    pub fn status(&self, transaction: B256) -> Result<TransferStatus, BridgeError> {
        if let Some(receipt) = self.l2.receipt(transaction).map_err(BridgeError::L2)? {
            let withdrawal = withdrawal(&receipt).ok_or(BridgeError::Unknown(transaction))?;
            return Ok(TransferStatus::Withdrawal { hash: withdrawal.hash, state: self.state(&withdrawal)? });
        }
        // The node knows which place in the queue the deposit has.
        let status: Option<DepositAnswer> =
            self.l2.request("vellum_depositStatus", json!([transaction])).map_err(BridgeError::L2)?;
        let Some(status) = status else {
            // L2 is a little behind L1.
            let receipt = self.l1.receipt(transaction).map_err(BridgeError::L1)?;
            let is_deposit = receipt.is_some_and(|receipt| !deposits(&receipt, self.portal).is_empty());
            return match is_deposit {
                true => Ok(TransferStatus::Deposit { l2_transaction: None, included: false, success: None }),
                false => Err(BridgeError::Unknown(transaction)),
            };
        };
        let receipt = self.l2.receipt(status.l2_transaction_hash).map_err(BridgeError::L2)?;
        Ok(TransferStatus::Deposit {
            l2_transaction: Some(status.l2_transaction_hash),
            included: receipt.is_some(),
            success: receipt.map(|receipt| receipt.success),
        })
    }

    /// How far a withdrawal is.
    ///
    /// # Errors
    /// No answer.
    pub fn state(&self, withdrawal: &Withdrawal) -> Result<&'static str, BridgeError> {
        let hash = withdrawal.hash;
        let l1 = |error| BridgeError::L1(error);
        let finalized = Portal::finalizedWithdrawalsCall { withdrawalHash: hash };
        if read(&*self.l1, self.portal, &finalized).map_err(l1)? {
            return Ok("finalized");
        }
        let proven = Portal::provenWithdrawalsCall { withdrawalHash: hash };
        let proven = read(&*self.l1, self.portal, &proven).map_err(l1)?;
        if proven.timestamp > 0 {
            let index = U256::from(proven.l2OutputIndex);
            let is_final = Portal::isOutputFinalizedCall { l2OutputIndex: index };
            let is_final = read(&*self.l1, self.portal, &is_final).map_err(l1)?;
            return Ok(if is_final { "ready-to-finalize" } else { "proven" });
        }
        Ok(if self.output_index(withdrawal)?.is_some() { "ready-to-prove" } else { "waiting" })
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct DepositAnswer {
    l2_transaction_hash: B256,
}

/// The withdrawal that a transaction's events say was started.
pub fn withdrawal(receipt: &L1Receipt) -> Option<Withdrawal> {
    let (message, hash) = receipt.logs.iter().find_map(message)?;
    Some(Withdrawal { message, hash, block: receipt.block })
}

/// The message that an event of L2's message passer announces, and its hash.
pub fn message(log: &alloy_primitives::Log) -> Option<(WithdrawalTransaction, B256)> {
    if log.address != MESSAGE_PASSER {
        return None;
    }
    let event = MessagePasser::MessagePassed::decode_log(log).ok()?.data;
    let message = WithdrawalTransaction {
        nonce: event.nonce,
        sender: event.sender,
        target: event.target,
        value: event.value,
        gasLimit: event.gasLimit,
        data: event.data,
    };
    Some((message, event.withdrawalHash))
}

/// The deposits in an L1 transaction's events, in order.
pub fn deposits(receipt: &L1Receipt, portal: Address) -> Vec<vellum_block::l2::Deposit> {
    let logs = receipt.logs.iter().filter(|log| log.address == portal);
    logs.filter_map(l1_watcher::decode).collect()
}

/// Sends one transaction and waits until it is in a block; a revert is an error.
///
/// # Errors
/// Refused, late, or no answer.
pub fn send(
    chain: &Arc<HttpL1>,
    key: PrivateKeySigner,
    what: &'static str,
    request: Request,
) -> Result<L1Receipt, BridgeError> {
    let receipt = send_any(chain, key, what, request)?;
    if !receipt.success {
        let reason = format!("transaction {} reverted", receipt.transaction);
        return Err(BridgeError::Refused { what, reason });
    }
    Ok(receipt)
}

/// As [`send`], for transactions that may fail in their block.
///
/// # Errors
/// As [`send`], but for the revert.
pub fn send_any(
    chain: &Arc<HttpL1>,
    key: PrivateKeySigner,
    what: &'static str,
    request: Request,
) -> Result<L1Receipt, BridgeError> {
    let chain_id = chain.chain_id().map_err(BridgeError::L1)?;
    let records = Records::new(Arc::new(MemoryStore::default()));
    let sender = Sender::new(chain.clone(), records, key, chain_id, SenderOptions::default());
    sender.submit(what, &request)?;
    let started = Instant::now();
    while started.elapsed() < INCLUSION {
        match sender.outcome(what)? {
            Some(Outcome::Reverts { reason, .. }) => return Err(BridgeError::Refused { what, reason }),
            Some(Outcome::Included { transaction, .. }) => {
                let receipt = chain.receipt(transaction).map_err(BridgeError::L1)?;
                return receipt.ok_or(BridgeError::Unknown(transaction));
            }
            None => {}
        }
        if sender.step(SystemClock.now().as_millis() as u64)? == Step::Idle {
            std::thread::sleep(POLL);
        }
    }
    Err(BridgeError::Late { what, seconds: INCLUSION.as_secs() })
}
