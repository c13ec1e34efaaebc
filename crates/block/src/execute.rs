//! The steps of a block's execution.

use alloc::{borrow::Cow, vec::Vec};
use alloy_consensus::{Header, ReceiptEnvelope, proofs::calculate_receipt_root, transaction::Recovered};
use alloy_eips::{
    eip4895::Withdrawal, eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
    eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, eip7685::Requests,
};
use alloy_evm::{
    Evm, EvmFactory,
    block::{BlockExecutionError, BlockExecutionResult, BlockExecutor},
    eth::{EthBlockExecutionCtx, EthBlockExecutor, EthEvmFactory},
};
use alloy_primitives::{B256, Bloom, Bytes, keccak256};
use revm::{DatabaseCommit, inspector::NoOpInspector, precompile::crypto};

use crate::{
    BlockError, BlockInput, PublicValues, StateChanges,
    body::{Block, Transaction},
    builder::environment,
    header::{self, Ancestors, ForkFields, equal},
    receipts::Receipts,
    rules::Chain,
    state::State,
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

/// [`execute`], telling `observe` where each phase begins.
pub fn execute_observed(
    input: &BlockInput<'_>,
    mut observe: impl FnMut(Phase),
) -> Result<Outcome, BlockError> {
    let mut checked = Checked::new(input, &mut observe)?;
    observe(Phase::StateRoot);
    let post_state_root = checked.state.commit_block()?;
    checked.outcome(input, post_state_root)
}

/// What [`execute_with_changes`] gives besides the outcome.
#[derive(Debug, Clone)]
pub struct Completed {
    /// State root after the block, which for [`complete`] need not be in its header.
    pub state_root: B256,
    /// Receipts of the transactions, in the block's order.
    pub receipts: Vec<ReceiptEnvelope>,
    /// Nodes and codes that the block adds to the state before it.
    pub changes: StateChanges,
}

/// [`execute`] that also gives receipts and the changes of the state, for those who keep them.
pub fn execute_with_changes(input: &BlockInput<'_>) -> Result<(Outcome, Completed), BlockError> {
    let mut checked = Checked::new(input, &mut |_| {})?;
    let (state_root, changes) = checked.state.commit_block_with_changes()?;
    let receipts = core::mem::take(&mut checked.executed.result.receipts);
    Ok((checked.outcome(input, state_root)?, Completed { state_root, receipts, changes }))
}

/// Executes a block that has no state root yet: everything else is checked as by [`execute`]. This is the second step of
/// building a block, after [`crate::BlockBuilder`].
pub fn complete(input: &BlockInput<'_>) -> Result<Completed, BlockError> {
    let mut checked = Checked::new(input, &mut |_| {})?;
    let (state_root, changes) = checked.state.commit_block_with_changes()?;
    Ok(Completed { state_root, receipts: checked.executed.result.receipts, changes })
}

/// Hashes of the block's transactions, in its order. Nothing that is executed needs them, so they are no part of an
/// [`Outcome`].
pub fn transaction_hashes(input: &BlockInput<'_>) -> Result<Vec<B256>, BlockError> {
    Ok(Block::decode(input.block)?.transactions.into_iter().map(keccak256).collect())
}

/// A block that was executed and agrees with its header, except for the state root, which is not known yet.
struct Checked<'a> {
    block: Block<'a>,
    parent: Header,
    parent_hash: B256,
    state: State<'a>,
    executed: Executed,
}

impl<'a> Checked<'a> {
    fn new(input: &BlockInput<'a>, observe: &mut impl FnMut(Phase)) -> Result<Self, BlockError> {
        observe(Phase::Reading);
        if let Some(max) = input.fork.max_block_bytes()
            && input.block.len() > max
        {
            return Err(BlockError::BlockTooLong { max, got: input.block.len() });
        }
        let block = Block::decode(input.block)?;
        let Ancestors { parent, hashes } = header::ancestors(input.headers)?;
        let parent_hash = hashes[0];
        let chain = Chain { fork: input.fork, chain_id: input.chain_id };
        let fields = header::check(chain, &block.header, &parent, parent_hash)?;
        equal("transactions root", block.header.transactions_root, block.transactions_root())?;
        equal("withdrawals root", fields.withdrawals_root, block.withdrawals_root())?;
        let mut state = State::new(parent.state_root, input.nodes, input.codes, hashes, parent.number)?;

        let executed = run(&block, chain, &mut state, observe)
            // The executor only repeats the text of the witness's error, so take the original.
            .map_err(|error| state.take_fault().map_or(error, BlockError::State))?;
        check_result(&block, &fields, &executed.result, &executed.logs_bloom)?;
        Ok(Self { block, parent, parent_hash, state, executed })
    }

    /// The outcome, if the header's state root is the one after the block.
    fn outcome(self, input: &BlockInput<'_>, post_state_root: B256) -> Result<Outcome, BlockError> {
        let header = &self.block.header;
        equal("state root", header.state_root, post_state_root)?;
        let public = PublicValues {
            chain_id: input.chain_id,
            fork: input.fork,
            number: header.number,
            block_hash: self.block.hash,
            parent_hash: self.parent_hash,
            pre_state_root: self.parent.state_root,
            post_state_root,
        };
        let Executed { result, transactions, .. } = self.executed;
        Ok(Outcome { public, gas_used: result.gas_used, transactions })
    }
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
    observe(Phase::Opening);
    let withdrawals = Cow::Borrowed(&block.withdrawals[..]);
    let mut steps = Steps::open(&block.header, withdrawals, chain, block.transactions.len(), state)?;
    for index in 0..block.transactions.len() {
        observe(Phase::Transaction(index as u32));
        let transaction = block.transaction(index)?;
        steps
            .transaction(transaction)
            .map_err(|error| BlockError::Execution { transaction: Some(index), error })?;
    }
    observe(Phase::Closing);
    steps.close()
}

/// The steps of a block on a state, for those who check a block and those who build one.
pub(crate) struct Steps<'a, S: alloy_evm::Database> {
    executor: EthBlockExecutor<'a, <EthEvmFactory as EvmFactory>::Evm<S, NoOpInspector>, Chain, Receipts>,
    chain: Chain,
    outcomes: Vec<TransactionOutcome>,
}

impl<'a, S> Steps<'a, S>
where
    S: alloy_evm::Database + DatabaseCommit,
{
    /// The system calls before the transactions. Of the header only fields that are known before the execution count;
    /// `expected` is a number of transactions, for reserving memory.
    pub(crate) fn open(
        header: &Header,
        withdrawals: Cow<'a, [Withdrawal]>,
        chain: Chain,
        expected: usize,
        state: S,
    ) -> Result<Self, BlockError> {
        let environment = environment(chain.chain_id, chain.fork, header);
        let context = EthBlockExecutionCtx {
            parent_hash: header.parent_hash,
            parent_beacon_block_root: header.parent_beacon_block_root,
            ommers: &[],
            withdrawals: Some(withdrawals),
            extra_data: header.extra_data.clone(),
            tx_count_hint: Some(expected),
            slot_number: None,
        };
        let evm = EthEvmFactory::default().create_evm(state, environment);
        let mut executor = EthBlockExecutor::new(evm, context, chain, Receipts::default());
        executor.apply_pre_execution_changes().map_err(system_call)?;
        Ok(Self { executor, chain, outcomes: Vec::with_capacity(expected) })
    }

    /// Executes and commits one transaction; if it is invalid, nothing happened.
    pub(crate) fn transaction(
        &mut self,
        transaction: Recovered<Transaction>,
    ) -> Result<TransactionOutcome, BlockExecutionError> {
        let gas = self.executor.execute_transaction(transaction)?;
        let success = self.executor.receipts.last().is_some_and(ReceiptEnvelope::status);
        let outcome = TransactionOutcome { gas_used: gas.tx_gas_used(), success };
        self.outcomes.push(outcome);
        Ok(outcome)
    }

    /// Blob gas of the transactions so far.
    pub(crate) const fn blob_gas_used(&self) -> u64 {
        self.executor.blob_gas_used
    }

    /// Requests and withdrawals.
    pub(crate) fn close(mut self) -> Result<Executed, BlockError> {
        let system_contracts =
            [WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS];
        for address in system_contracts.into_iter().filter(|_| self.chain.fork.has_requests()) {
            let contract = self.executor.evm_mut().db_mut().basic(address);
            let contract = contract.map_err(|error| system_call(BlockExecutionError::other(error)))?;
            if contract.is_none_or(|info| info.is_empty_code_hash()) && !self.chain.is_development() {
                return Err(BlockError::NoSystemContract { address });
            }
        }
        let logs_bloom = self.executor.receipt_builder.bloom();
        let (_, result) = self.executor.finish().map_err(system_call)?;
        Ok(Executed { result, logs_bloom, transactions: self.outcomes })
    }
}

/// The error of what comes before and after the transactions.
const fn system_call(error: BlockExecutionError) -> BlockError {
    BlockError::Execution { transaction: None, error }
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
