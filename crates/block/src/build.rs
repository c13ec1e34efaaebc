//! Building a block: transactions one by one in, a block without its state root out.
//!
//! This runs over any database that answers for the parent's state, such as a node's store. What it gives is then
//! executed from a witness by [`crate::execute`], which is the authority: it gives the state root.

use alloc::{borrow::Cow, string::String, vec::Vec};
use alloy_consensus::{
    EMPTY_OMMER_ROOT_HASH, Header, ReceiptEnvelope, Transaction as _,
    proofs::{calculate_receipt_root, calculate_withdrawals_root},
    transaction::Recovered,
};
use alloy_eips::{
    eip1559::{BaseFeeParams, calc_next_block_base_fee},
    eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
    eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
};
use alloy_evm::{
    Evm, EvmEnv, EvmFactory,
    block::{BlockExecutionError, BlockExecutor, BlockValidationError, TxResult},
    eth::{EthBlockExecutionCtx, EthBlockExecutor, EthEvm, EthEvmFactory},
    precompiles::PrecompilesMap,
};
use alloy_primitives::{Address, B256, Bloom, Bytes};
use alloy_rlp::Encodable;
use revm::{DatabaseCommit, inspector::NoOpInspector};

use crate::{
    BlockError, Fork, TransactionOutcome, body::Transaction, execute::requests_hash, receipts::Receipts,
    rules::Chain,
};

/// What the builder of a block decides; the rest of its header follows from the parent and the execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// Seconds since 1970, after the parent's.
    pub timestamp: u64,
    /// Who gets the tips.
    pub beneficiary: Address,
    /// Randomness that contracts can read.
    pub prev_randao: B256,
    /// Gas limit, within the bounds that the parent sets.
    pub gas_limit: u64,
    /// Root of the parent's beacon block (EIP-4788).
    pub parent_beacon_block_root: B256,
    /// Up to 32 free bytes.
    pub extra_data: Bytes,
}

/// Why a transaction is not taken into a block, or a block cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The block has too little gas left for the transaction's limit; the next block may take it.
    #[error("gas limit {limit} is above the {left} that the block has left")]
    GasLeft {
        /// The transaction's gas limit.
        limit: u64,
        /// Gas that is left in the block.
        left: u64,
    },
    /// The block has no room for the transaction's blobs; the next block may take it.
    #[error("{gas} of blob gas is above the {left} that the block has left")]
    BlobGasLeft {
        /// The transaction's blob gas.
        gas: u64,
        /// Blob gas that is left in the block.
        left: u64,
    },
    /// The transaction is invalid in the state before it.
    #[error("{reason}")]
    Invalid {
        /// What revm says.
        reason: String,
        /// Whether its nonce was used already, so that it will never be valid.
        nonce_too_low: bool,
    },
    /// The block itself cannot be built: the state cannot be read, a system call failed, the parent is no parent.
    #[error(transparent)]
    Block(#[from] BlockError),
}

/// A block without its state root.
#[derive(Debug, Clone)]
pub struct Built {
    /// The header; its state root is zero.
    pub header: Header,
    /// Receipts of the transactions, in the block's order.
    pub receipts: Vec<ReceiptEnvelope>,
    /// What the transactions did.
    pub transactions: Vec<TransactionOutcome>,
}

impl Built {
    /// RLP of the block with these transactions, each in its EIP-2718 encoding, and this state root.
    pub fn encode(&self, transactions: &[Bytes], state_root: B256) -> Vec<u8> {
        encode_block(&Header { state_root, ..self.header.clone() }, transactions)
    }
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

/// What the EVM is told of the block with this header.
pub fn environment(fork: Fork, chain_id: u64, header: &Header) -> EvmEnv {
    EvmEnv::for_eth_block(header, Chain { fork, chain_id }, chain_id, Some(fork.blob_params()))
}

/// The header of the block after `parent`, without what the execution gives.
pub fn next_header(
    fork: Fork,
    parent: &Header,
    parent_hash: B256,
    attributes: &Attributes,
) -> Result<Header, BlockError> {
    let out_of_range = BlockError::ParentOutOfRange;
    let number = parent.number.checked_add(1).ok_or(out_of_range("number"))?;
    let parent_fee = parent.base_fee_per_gas.ok_or(BlockError::MissingField("parent's base fee"))?;
    if parent.gas_limit == 0 || parent.gas_used > parent.gas_limit || parent_fee > u64::MAX / 2 {
        return Err(out_of_range("base fee or gas used"));
    }
    let params = BaseFeeParams::ethereum();
    let base_fee = calc_next_block_base_fee(parent.gas_used, parent.gas_limit, parent_fee, params);
    let excess = parent.excess_blob_gas.ok_or(BlockError::MissingField("parent's excess blob gas"))?;
    let used = parent.blob_gas_used.ok_or(BlockError::MissingField("parent's blob gas used"))?;
    if excess.checked_add(used).is_none() {
        return Err(out_of_range("blob gas"));
    }
    Ok(Header {
        parent_hash,
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: attributes.beneficiary,
        number,
        gas_limit: attributes.gas_limit,
        timestamp: attributes.timestamp,
        extra_data: attributes.extra_data.clone(),
        mix_hash: attributes.prev_randao,
        base_fee_per_gas: Some(base_fee),
        withdrawals_root: Some(calculate_withdrawals_root(&[])),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(fork.blob_params().next_block_excess_blob_gas_osaka(excess, used, 0)),
        parent_beacon_block_root: Some(attributes.parent_beacon_block_root),
        state_root: B256::ZERO,
        ..Header::default()
    })
}

/// A block that is being built over the database `DB`, which holds the parent's state.
pub struct BlockBuilder<DB: alloy_evm::Database + DatabaseCommit> {
    chain: Chain,
    header: Header,
    executor: EthBlockExecutor<'static, EthEvm<DB, NoOpInspector, PrecompilesMap>, Chain, Receipts>,
    encoded: Vec<Bytes>,
    gas_used: u64,
    outcomes: Vec<TransactionOutcome>,
}

impl<DB: alloy_evm::Database + DatabaseCommit> core::fmt::Debug for BlockBuilder<DB> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("BlockBuilder").field("header", &self.header).finish_non_exhaustive()
    }
}

impl<DB: alloy_evm::Database + DatabaseCommit> BlockBuilder<DB> {
    /// Begins the block after `parent` with the system calls.
    pub fn begin(
        fork: Fork,
        chain_id: u64,
        (parent, parent_hash): (&Header, B256),
        attributes: &Attributes,
        database: DB,
    ) -> Result<Self, BuildError> {
        let header = next_header(fork, parent, parent_hash, attributes)?;
        Self::replay(fork, chain_id, header, database)
    }

    /// Begins a block whose header is known, in order to execute its first transactions again.
    pub fn replay(fork: Fork, chain_id: u64, header: Header, database: DB) -> Result<Self, BuildError> {
        let chain = Chain { fork, chain_id };
        let context = EthBlockExecutionCtx {
            parent_hash: header.parent_hash,
            parent_beacon_block_root: header.parent_beacon_block_root,
            ommers: &[],
            withdrawals: Some(Cow::Borrowed(&[])),
            extra_data: header.extra_data.clone(),
            tx_count_hint: None,
            slot_number: None,
        };
        let evm = EthEvmFactory::default().create_evm(database, environment(fork, chain_id, &header));
        let mut executor = EthBlockExecutor::new(evm, context, chain, Receipts::default());
        executor.apply_pre_execution_changes().map_err(|error| failed(None, error))?;
        Ok(Self { chain, header, executor, encoded: Vec::new(), gas_used: 0, outcomes: Vec::new() })
    }

    /// Gas that transactions can still use.
    pub const fn gas_left(&self) -> u64 {
        self.header.gas_limit.saturating_sub(self.gas_used)
    }

    /// The database after the transactions so far.
    pub fn database(&mut self) -> &mut DB {
        self.executor.evm_mut().db_mut()
    }

    /// Executes the transaction, whose EIP-2718 encoding is `encoded`, and takes it into the block; on an error it
    /// is left out and the block can go on, unless the error is [`BuildError::Block`].
    pub fn push(
        &mut self,
        transaction: Recovered<&Transaction>,
        encoded: Bytes,
    ) -> Result<TransactionOutcome, BuildError> {
        let blob_gas = transaction.blob_gas_used().unwrap_or(0);
        let max = self.chain.fork.blob_params().max_blob_gas_per_block();
        let left = max.saturating_sub(self.executor.blob_gas_used);
        if blob_gas > left {
            return Err(BuildError::BlobGasLeft { gas: blob_gas, left });
        }
        let index = self.encoded.len();
        let output =
            self.executor.execute_transaction_without_commit(transaction).map_err(|e| refused(index, e))?;
        let success = output.result().result.is_success();
        let gas = self.executor.commit_transaction(output).map_err(|e| failed(Some(index), e))?;
        let outcome = TransactionOutcome { gas_used: gas.tx_gas_used(), success };
        self.gas_used += outcome.gas_used;
        self.encoded.push(encoded);
        self.outcomes.push(outcome);
        Ok(outcome)
    }

    /// Ends the block with its requests; returns it with the encodings of its transactions.
    pub fn finish(mut self) -> Result<(Built, Vec<Bytes>), BuildError> {
        // The execution from the witness looks at these two, so the database has to be asked for them here.
        for address in [WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS] {
            let contract = self.executor.evm_mut().db_mut().basic(address);
            let contract = contract.map_err(|error| failed(None, BlockExecutionError::other(error)))?;
            if contract.is_none_or(|info| info.is_empty_code_hash()) && !self.chain.is_development() {
                return Err(BlockError::NoSystemContract { address }.into());
            }
        }
        let Self { mut header, executor, encoded, outcomes, .. } = self;
        let (_, result) = executor.finish().map_err(|error| failed(None, error))?;
        header.gas_used = result.gas_used;
        header.blob_gas_used = Some(result.blob_gas_used);
        header.receipts_root = calculate_receipt_root(&result.receipts);
        header.logs_bloom =
            result.receipts.iter().fold(Bloom::ZERO, |bloom, receipt| bloom | *receipt.logs_bloom());
        header.requests_hash = Some(requests_hash(&result.requests));
        header.transactions_root =
            alloy_consensus::proofs::ordered_trie_root_with_encoder(&encoded, |tx, out| {
                out.extend_from_slice(tx);
            });
        Ok((Built { header, receipts: result.receipts, transactions: outcomes }, encoded))
    }
}

fn failed(transaction: Option<usize>, error: BlockExecutionError) -> BuildError {
    BuildError::Block(BlockError::Execution { transaction, error })
}

/// The error of a transaction that was not executed.
fn refused(index: usize, error: BlockExecutionError) -> BuildError {
    use alloc::string::ToString;
    match error {
        BlockExecutionError::Validation(
            BlockValidationError::TransactionGasLimitMoreThanAvailableBlockGas {
                transaction_gas_limit,
                block_available_gas,
            },
        ) => BuildError::GasLeft { limit: transaction_gas_limit, left: block_available_gas },
        BlockExecutionError::Validation(BlockValidationError::InvalidTx { error, .. }) => {
            BuildError::Invalid { nonce_too_low: error.is_nonce_too_low(), reason: error.to_string() }
        }
        error => failed(Some(index), error),
    }
}
