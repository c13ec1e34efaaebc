//! The steps of a block's execution.

use alloc::{borrow::Cow, vec::Vec};
use alloy_consensus::{ReceiptEnvelope, proofs::calculate_receipt_root};
use alloy_eips::{
    eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
    eip7685::Requests,
};
use alloy_evm::{
    Evm, EvmEnv, EvmFactory,
    block::{BlockExecutionError, BlockExecutionResult, BlockExecutor},
    eth::{EthBlockExecutionCtx, EthBlockExecutor, EthEvmFactory},
};
use alloy_primitives::{B256, Bloom, Bytes, keccak256};
use revm::{DatabaseCommit, precompile::crypto};

use crate::{
    BlockError, BlockInput, PublicValues,
    body::Block,
    header::{self, ForkFields, equal},
    receipts::Receipts,
    rules::Chain,
    state::{Changes, State},
};

/// What a valid block did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What a proof of the execution commits to.
    pub public: PublicValues,
    /// Gas used by all transactions.
    pub gas_used: u64,
    /// The transactions, in the block's order.
    pub transactions: Vec<TransactionOutcome>,
}

/// What a transaction of a valid block did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionOutcome {
    /// Gas that it paid for.
    pub gas_used: u64,
    /// Whether it ended without a revert or a halt.
    pub success: bool,
}

/// A part of the execution, for those who measure it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Headers, the block's parts and the witness are read and checked.
    Reading,
    /// The system calls before the transactions.
    Opening,
    /// The transaction at this place in the block, with its sender's recovery.
    Transaction(u32),
    /// Requests, withdrawals and the receipts' checks.
    Closing,
    /// The new state root.
    StateRoot,
}

impl Phase {
    /// A number for the phase: transactions count from 16.
    pub const fn label(self) -> u64 {
        match self {
            Self::Reading => 1,
            Self::Opening => 2,
            Self::Closing => 3,
            Self::StateRoot => 4,
            Self::Transaction(index) => 16 + index as u64,
        }
    }
}

/// Executes the block and checks every field of its header.
pub fn execute(input: &BlockInput<'_>) -> Result<Outcome, BlockError> {
    execute_observed(input, |_| {})
}

/// Hashes of the block's transactions, in its order. Nothing that is executed needs them, so they are no part of an
/// [`Outcome`].
pub fn transaction_hashes(input: &BlockInput<'_>) -> Result<Vec<B256>, BlockError> {
    Ok(Block::decode(input.block)?.transactions.into_iter().map(keccak256).collect())
}

/// [`execute`], telling `observe` where each phase begins.
pub fn execute_observed(
    input: &BlockInput<'_>,
    mut observe: impl FnMut(Phase),
) -> Result<Outcome, BlockError> {
    let (closed, state) = execute_transactions(input, &mut observe)?;
    observe(Phase::StateRoot);
    closed.outcome(input, state.into_root()?)
}

/// [`execute`], with what the block changes in the state.
pub fn execute_with_changes(input: &BlockInput<'_>) -> Result<(Outcome, Changes), BlockError> {
    let (closed, state) = execute_transactions(input, &mut |_| {})?;
    let changes = state.into_changes()?;
    Ok((closed.outcome(input, changes.state_root)?, changes))
}

/// What the block changes in the state. Everything of the block is checked as in [`execute`] but the state root in its
/// header, which a builder learns from here.
pub fn execute_for_changes(input: &BlockInput<'_>) -> Result<Changes, BlockError> {
    Ok(execute_transactions(input, &mut |_| {})?.1.into_changes()?)
}

/// A block that was executed and checked except for its state root.
struct Closed<'w> {
    block: Block<'w>,
    parent_hash: B256,
    pre_state_root: B256,
    gas_used: u64,
    transactions: Vec<TransactionOutcome>,
}

impl Closed<'_> {
    /// Compares the state root.
    fn outcome(self, input: &BlockInput<'_>, post_state_root: B256) -> Result<Outcome, BlockError> {
        let Self { block, parent_hash, pre_state_root, gas_used, transactions } = self;
        equal("state root", block.header.state_root, post_state_root)?;
        let public = PublicValues {
            chain_id: input.chain_id,
            fork: input.fork,
            number: block.header.number,
            block_hash: block.hash,
            parent_hash,
            pre_state_root,
            post_state_root,
        };
        Ok(Outcome { public, gas_used, transactions })
    }
}

fn execute_transactions<'w>(
    input: &BlockInput<'w>,
    observe: &mut impl FnMut(Phase),
) -> Result<(Closed<'w>, State<'w>), BlockError> {
    observe(Phase::Reading);
    if let Some(max) = input.fork.max_block_bytes()
        && input.block.len() > max
    {
        return Err(BlockError::BlockTooLong { max, got: input.block.len() });
    }
    let block = Block::decode(input.block)?;
    let ancestors = header::ancestors(input.headers)?;
    let (parent, parent_hash) = (&ancestors.parent, ancestors.hashes[0]);
    let chain = Chain { fork: input.fork, chain_id: input.chain_id };
    let fields = header::check(chain, &block.header, parent, parent_hash)?;
    equal("transactions root", block.header.transactions_root, block.transactions_root())?;
    equal("withdrawals root", fields.withdrawals_root, block.withdrawals_root())?;
    let pre_state_root = parent.state_root;
    let mut state =
        State::new(pre_state_root, input.nodes, input.codes, ancestors.hashes.clone(), parent.number)?;

    let Executed { result, logs_bloom, transactions } = run(&block, chain, &mut state, observe)
        // The executor only repeats the text of the witness's error, so take the original.
        .map_err(|error| state.take_fault().map_or(error, BlockError::State))?;
    check_result(&block, &fields, &result, &logs_bloom)?;
    Ok((Closed { block, parent_hash, pre_state_root, gas_used: result.gas_used, transactions }, state))
}

/// What [`run`] gives.
pub(crate) struct Executed {
    pub(crate) result: BlockExecutionResult<ReceiptEnvelope>,
    /// Bloom filter of all logs.
    pub(crate) logs_bloom: Bloom,
    pub(crate) transactions: Vec<TransactionOutcome>,
}

/// Runs system calls, transactions, requests and withdrawals on `state`.
pub(crate) fn run<S>(
    block: &Block<'_>,
    chain: Chain,
    state: &mut S,
    observe: &mut impl FnMut(Phase),
) -> Result<Executed, BlockError>
where
    S: alloy_evm::Database + DatabaseCommit,
{
    let environment =
        EvmEnv::for_eth_block(&block.header, chain, chain.chain_id, Some(chain.fork.blob_params()));
    let context = EthBlockExecutionCtx {
        parent_hash: block.header.parent_hash,
        parent_beacon_block_root: block.header.parent_beacon_block_root,
        ommers: &[],
        withdrawals: Some(Cow::Borrowed(&block.withdrawals[..])),
        extra_data: block.header.extra_data.clone(),
        tx_count_hint: Some(block.transactions.len()),
        slot_number: None,
    };
    let evm = EthEvmFactory::default().create_evm(state, environment);
    let receipts = Receipts::default();
    let mut executor = EthBlockExecutor::new(evm, context, chain, &receipts);
    let mut outcomes = Vec::with_capacity(block.transactions.len());
    let failed = |transaction| move |error| BlockError::Execution { transaction, error };

    observe(Phase::Opening);
    executor.apply_pre_execution_changes().map_err(failed(None))?;
    for index in 0..block.transactions.len() {
        observe(Phase::Transaction(index as u32));
        let transaction = block.transaction(index)?;
        let gas = executor.execute_transaction(transaction).map_err(failed(Some(index)))?;
        outcomes.push(TransactionOutcome { gas_used: gas.tx_gas_used(), success: false });
    }
    observe(Phase::Closing);
    let system_contracts = [WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS];
    for address in system_contracts.into_iter().filter(|_| chain.fork.has_requests()) {
        let contract = executor.evm_mut().db_mut().basic(address);
        let contract = contract.map_err(|error| failed(None)(BlockExecutionError::other(error)))?;
        if contract.is_none_or(|info| info.is_empty_code_hash()) && !chain.is_development() {
            return Err(BlockError::NoSystemContract { address });
        }
    }
    let (_, result) = executor.finish().map_err(failed(None))?;
    for (outcome, receipt) in outcomes.iter_mut().zip(&result.receipts) {
        outcome.success = receipt.status();
    }
    Ok(Executed { result, logs_bloom: receipts.into_bloom(), transactions: outcomes })
}

/// Compares what the execution gave with the header.
fn check_result(
    block: &Block<'_>,
    fields: &ForkFields,
    result: &BlockExecutionResult<ReceiptEnvelope>,
    logs_bloom: &Bloom,
) -> Result<(), BlockError> {
    let header = &block.header;
    equal("gas used", header.gas_used, result.gas_used)?;
    equal("blob gas used", fields.blob_gas_used, result.blob_gas_used)?;
    equal("receipts root", header.receipts_root, calculate_receipt_root(&result.receipts))?;
    equal("logs bloom", header.logs_bloom, *logs_bloom)?;
    match fields.requests_hash {
        Some(hash) => equal("requests hash", hash, requests_hash(&result.requests)),
        None => Ok(()),
    }
}

/// The hash of a block's requests (EIP-7685): SHA-256 over the hashes of those with data, in ascending order of their types.
/// alloy's function of this name does not ask the installed cryptography.
pub(crate) fn requests_hash(requests: &Requests) -> B256 {
    let mut with_data: Vec<&Bytes> = requests.iter().filter(|request| request.len() > 1).collect();
    with_data.sort_by_key(|request| request[0]);
    let hashes: Vec<u8> = with_data.into_iter().flat_map(|request| crypto().sha256(request)).collect();
    B256::from(crypto().sha256(&hashes))
}
