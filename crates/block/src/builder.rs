//! Building a block instead of checking one: the first of two steps.
//!
//! A [`BlockBuilder`] runs the block's steps on any state, takes transactions one by one and refuses those that are
//! invalid with the reason. Its [`BuiltBlock`] lacks nothing but the state root; the caller, who recorded what the
//! state was asked, executes it statelessly ([`crate::complete`]), which gives the root and checks everything else.

use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
    vec::Vec,
};
use alloy_consensus::{
    Block, BlockBody, EMPTY_OMMER_ROOT_HASH, Header, ReceiptEnvelope, Transaction as _,
    proofs::{calculate_receipt_root, calculate_transaction_root, calculate_withdrawals_root},
    transaction::Recovered,
};
use alloy_eips::{
    eip1559::BaseFeeParams,
    eip4895::{Withdrawal, Withdrawals},
};
use alloy_evm::{
    EvmEnv,
    block::{BlockExecutionError, BlockValidationError},
};
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_rlp::Encodable;
use revm::{DatabaseCommit, context_interface::result::InvalidTransaction};

use crate::{
    BlockError, Fork, TransactionOutcome,
    body::Transaction,
    execute::{Executed, Steps, requests_hash},
    header,
    rules::Chain,
};

/// What whoever builds a block decides about it.
#[derive(Debug, Clone, Default)]
pub struct BlockAttributes {
    /// Seconds since 1970; must be after the parent's.
    pub timestamp: u64,
    /// Receives the tips.
    pub beneficiary: Address,
    /// Randomness of the beacon chain.
    pub prev_randao: B256,
    /// Gas limit; it may differ from the parent's by less than a 1024th.
    pub gas_limit: u64,
    /// Root of the parent's beacon block.
    pub parent_beacon_block_root: B256,
    /// Withdrawals of validators.
    pub withdrawals: Vec<Withdrawal>,
    /// At most 32 bytes of anything.
    pub extra_data: Bytes,
}

/// Why a transaction is not included.
#[derive(Debug, thiserror::Error)]
pub enum TransactionError {
    /// The transaction is invalid here; the block goes on without it.
    #[error(transparent)]
    Invalid(#[from] InvalidReason),
    /// The state failed; nothing can be said of the transaction and the block cannot be built.
    #[error(transparent)]
    Fatal(BlockExecutionError),
}

/// Why a transaction is invalid in a block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReason {
    /// Its nonce was used: it never becomes valid.
    #[error("nonce {transaction} is too low, the account's next one is {account}")]
    NonceTooLow {
        /// The transaction's.
        transaction: u64,
        /// The account's next one.
        account: u64,
    },
    /// Transactions before it are missing.
    #[error("nonce {transaction} is too high, the account's next one is {account}")]
    NonceTooHigh {
        /// The transaction's.
        transaction: u64,
        /// The account's next one.
        account: u64,
    },
    /// The block has not that much gas left.
    #[error("gas limit {limit} is above the {available} left in the block")]
    BlockGas {
        /// The transaction's limit.
        limit: u64,
        /// What is left.
        available: u64,
    },
    /// The block has not that much blob gas left.
    #[error("blob gas {limit} is above the {available} left in the block")]
    BlockBlobGas {
        /// The transaction's blob gas.
        limit: u64,
        /// What is left.
        available: u64,
    },
    /// It pays less than the base fee.
    #[error("fee per gas is below the block's base fee")]
    BelowBaseFee,
    /// The sender cannot pay value and fees, on a rollup with those for data.
    #[error("sender has {balance} wei, value and fees are up to {needed}")]
    Funds {
        /// What the account has.
        balance: U256,
        /// What the transaction may cost.
        needed: U256,
    },
    /// Anything else: it is invalid whatever the state.
    #[error("{0}")]
    Other(String),
}

impl From<BlockExecutionError> for TransactionError {
    fn from(error: BlockExecutionError) -> Self {
        match error {
            BlockExecutionError::Validation(invalid) => Self::Invalid(InvalidReason::from(&invalid)),
            fatal => Self::Fatal(fatal),
        }
    }
}

impl From<&BlockValidationError> for InvalidReason {
    fn from(error: &BlockValidationError) -> Self {
        let reason = match error {
            BlockValidationError::TransactionGasLimitMoreThanAvailableBlockGas {
                transaction_gas_limit: limit,
                block_available_gas: available,
            } => return Self::BlockGas { limit: *limit, available: *available },
            BlockValidationError::InvalidTx { error, .. } => match error.as_invalid_tx_err() {
                Some(reason) => reason,
                None => return Self::Other(error.to_string()),
            },
            other => return Self::Other(other.to_string()),
        };
        match reason {
            InvalidTransaction::NonceTooLow { tx, state } => {
                Self::NonceTooLow { transaction: *tx, account: *state }
            }
            InvalidTransaction::NonceTooHigh { tx, state } => {
                Self::NonceTooHigh { transaction: *tx, account: *state }
            }
            InvalidTransaction::GasPriceLessThanBasefee => Self::BelowBaseFee,
            InvalidTransaction::LackOfFundForMaxFee { fee, balance } => {
                Self::Funds { balance: **balance, needed: **fee }
            }
            other => Self::Other(format!("{other}")),
        }
    }
}

/// A block under construction on the state `S`.
pub struct BlockBuilder<S: alloy_evm::Database> {
    header: Header,
    chain: Chain,
    withdrawals: Vec<Withdrawal>,
    transactions: Vec<Transaction>,
    gas_used: u64,
    steps: Steps<'static, S>,
}

impl<S> BlockBuilder<S>
where
    S: alloy_evm::Database + DatabaseCommit,
{
    /// Begins the block after `parent` on its state: the system calls are made.
    pub fn begin(
        chain_id: u64,
        fork: Fork,
        parent: &Header,
        parent_hash: B256,
        attributes: BlockAttributes,
        state: S,
    ) -> Result<Self, BlockError> {
        let chain = Chain { fork, chain_id };
        let header = Header {
            parent_hash,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: attributes.beneficiary,
            number: parent.number.checked_add(1).ok_or(BlockError::ParentOutOfRange("number"))?,
            gas_limit: attributes.gas_limit,
            timestamp: attributes.timestamp,
            extra_data: attributes.extra_data,
            mix_hash: attributes.prev_randao,
            base_fee_per_gas: Some(header::next_base_fee(parent, BaseFeeParams::ethereum())?),
            withdrawals_root: Some(calculate_withdrawals_root(&attributes.withdrawals)),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(header::next_excess_blob_gas(fork, parent)?),
            parent_beacon_block_root: Some(attributes.parent_beacon_block_root),
            requests_hash: fork.has_requests().then_some(B256::ZERO),
            ..Header::default()
        };
        header::check(chain, &header, parent, parent_hash)?;
        Self::replay(chain_id, fork, header, attributes.withdrawals, state)
    }

    /// Begins a block whose header is known, to execute its transactions again on its parent's state.
    pub fn replay(
        chain_id: u64,
        fork: Fork,
        header: Header,
        withdrawals: Vec<Withdrawal>,
        state: S,
    ) -> Result<Self, BlockError> {
        let chain = Chain { fork, chain_id };
        let steps = Steps::open(&header, Cow::Owned(withdrawals.clone()), chain, 0, state)?;
        Ok(Self { header, chain, withdrawals, transactions: Vec::new(), gas_used: 0, steps })
    }

    /// Gas that transactions can still use.
    pub const fn gas_left(&self) -> u64 {
        self.header.gas_limit.saturating_sub(self.gas_used)
    }

    /// Includes the transaction, which comes with the sender that its signature gives, or says why not; then nothing
    /// happened.
    pub fn try_transaction(
        &mut self,
        transaction: &Recovered<Transaction>,
    ) -> Result<TransactionOutcome, TransactionError> {
        let most = self.chain.fork.blob_params().max_blob_gas_per_block();
        let available = most.saturating_sub(self.steps.blob_gas_used());
        let limit = transaction.blob_gas_used().unwrap_or_default();
        if limit > available {
            return Err(InvalidReason::BlockBlobGas { limit, available }.into());
        }
        let outcome = self.steps.transaction(transaction.clone())?;
        self.gas_used += outcome.gas_used;
        self.transactions.push(transaction.inner().clone());
        Ok(outcome)
    }

    /// Ends the block: requests and withdrawals.
    pub fn finish(self) -> Result<BuiltBlock, BlockError> {
        let Self { mut header, chain, withdrawals, transactions, steps, .. } = self;
        let Executed { result, logs_bloom, .. } = steps.close()?;
        header.gas_used = result.gas_used;
        header.blob_gas_used = Some(result.blob_gas_used);
        header.logs_bloom = logs_bloom;
        header.receipts_root = calculate_receipt_root(&result.receipts);
        header.transactions_root = calculate_transaction_root(&transactions);
        header.requests_hash = chain.fork.has_requests().then(|| requests_hash(&result.requests));
        Ok(BuiltBlock { header, transactions, withdrawals, receipts: result.receipts })
    }
}

/// A block without its state root.
#[derive(Debug, Clone)]
pub struct BuiltBlock {
    /// The header; its state root is zero until the caller puts in what [`crate::complete`] gives.
    pub header: Header,
    /// The transactions.
    pub transactions: Vec<Transaction>,
    /// The withdrawals.
    pub withdrawals: Vec<Withdrawal>,
    /// Receipts of the transactions.
    pub receipts: Vec<ReceiptEnvelope>,
}

impl BuiltBlock {
    /// The block's RLP, as a [`crate::BlockInput`] holds it.
    pub fn rlp(&self) -> Vec<u8> {
        alloy_rlp::encode(Block {
            header: self.header.clone(),
            body: BlockBody {
                transactions: self.transactions.clone(),
                ommers: Vec::<Header>::new(),
                withdrawals: Some(Withdrawals::new(self.withdrawals.clone())),
            },
        })
    }
}

/// What the EVM is told of the block with this header.
pub fn environment(chain_id: u64, fork: Fork, header: &Header) -> EvmEnv {
    EvmEnv::for_eth_block(header, Chain { fork, chain_id }, chain_id, Some(fork.blob_params()))
}

/// RLP of a block without withdrawals; transactions are in their EIP-2718 encoding.
pub fn encode_block(header: &Header, transactions: &[Bytes]) -> Vec<u8> {
    let mut items = Vec::with_capacity(transactions.iter().map(|tx| tx.len() + 4).sum());
    for transaction in transactions {
        match transaction.first() {
            Some(0xc0..) => items.extend_from_slice(transaction),
            _ => transaction.encode(&mut items),
        }
    }
    let list = |payload_length| alloy_rlp::Header { list: true, payload_length };
    let transactions = list(items.len());
    let mut out = Vec::with_capacity(items.len() + 1024);
    // Ommers and withdrawals are empty lists of one byte each.
    list(header.length() + transactions.length_with_payload() + 2).encode(&mut out);
    header.encode(&mut out);
    transactions.encode(&mut out);
    out.extend_from_slice(&items);
    out.extend_from_slice(&[alloy_rlp::EMPTY_LIST_CODE; 2]);
    out
}
