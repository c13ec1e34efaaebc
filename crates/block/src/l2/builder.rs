//! The steps of a block, on any state: for the sequencer, which chooses the transactions, and for those who follow.
//!
//! A block is: the system calls of EIP-2935 and EIP-4788, the L1 attributes transaction, deposits in the queue's order,
//! then transactions that users signed. What L1 and the configuration say decides all fields of the header; state root
//! and withdrawals root (of the message passer's storage) come last, from whoever has the tries.

use alloc::vec::Vec;
use alloy_consensus::{
    EMPTY_OMMER_ROOT_HASH, Header, Sealable,
    proofs::{calculate_receipt_root, ordered_trie_root_with_encoder},
    transaction::Recovered,
};
use alloy_eips::{Encodable2718, eip2718::WithEncoded, eip7685::EMPTY_REQUESTS_HASH};
use alloy_evm::{
    Evm, EvmEnv, EvmFactory,
    block::{BlockExecutionError, BlockExecutor},
};
use alloy_op_evm::{OpBlockExecutionCtx, OpBlockExecutor, OpEvmFactory, OpTx, evm_env_for_op_block};
use alloy_primitives::{B256, Bytes};
use op_alloy_consensus::{OpReceiptEnvelope, OpTxEnvelope, TxDeposit};
use op_revm::OpSpecId;
use revm::{DatabaseCommit, inspector::NoOpInspector};

use super::{
    AttributesError, L1Origin, L2Error, MESSAGE_PASSER, ParentOrigin, QueuedDeposit, RollupConfig,
    SEQUENCER_FEE_VAULT, SignedTransaction, hardforks::Isthmus, receipts::Receipts,
};
use crate::{BlockError, TransactionError, TransactionOutcome, header};

/// What decides a block besides its parent and the users' transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// Seconds since 1970; must be after the parent's.
    pub timestamp: u64,
    /// The L1 block that the chain learns of; not before the parent's.
    pub origin: L1Origin,
    /// The deposits that the block consumes: the next ones of the queue, no more than fit
    /// ([`RollupConfig::deposits_that_fit`]).
    pub deposits: Vec<QueuedDeposit>,
}

type Executor<S> =
    OpBlockExecutor<<OpEvmFactory<OpTx> as EvmFactory>::Evm<S, NoOpInspector>, Receipts, Isthmus>;

/// A block under construction on the state `S`.
pub struct L2BlockBuilder<S: alloy_evm::Database> {
    header: Header,
    executor: Executor<S>,
    transactions: Vec<Bytes>,
}

impl<S> L2BlockBuilder<S>
where
    S: alloy_evm::Database + DatabaseCommit,
{
    /// Begins the block after `parent` on its state and executes what users have no say in, deposits included.
    ///
    /// [`L2Error::Attributes`] is returned before anything is executed.
    pub fn begin(
        config: &RollupConfig,
        parent: &Header,
        parent_hash: B256,
        attributes: &Attributes,
        mut state: S,
    ) -> Result<Self, L2Error> {
        config.check()?;
        let parent_origin =
            ParentOrigin::read(&mut state).map_err(|error| L2Error::Database(alloc::format!("{error}")))?;
        let Attributes { timestamp, origin, deposits } = attributes;
        config.check_block(parent, parent_origin, *timestamp, origin.number, deposits)?;
        let header = header_before(config, parent, parent_hash, attributes)?;
        let mut builder = Self::replay(config, header, state)?;

        let sequence_number = parent_origin.next_sequence_number(origin.number);
        builder.deposit(origin.attributes_transaction(config, sequence_number))?;
        for deposit in deposits {
            builder.deposit(deposit.transaction(config))?;
        }
        Ok(builder)
    }

    /// Begins a block whose header is known, to execute its transactions again on its parent's state: the caller gives
    /// all of them to [`Self::repeat`].
    pub fn replay(config: &RollupConfig, header: Header, state: S) -> Result<Self, L2Error> {
        let evm = OpEvmFactory::<OpTx>::default().create_evm(state, environment(config, &header));
        let context = OpBlockExecutionCtx {
            parent_hash: header.parent_hash,
            parent_beacon_block_root: header.parent_beacon_block_root,
            extra_data: header.extra_data.clone(),
        };
        let mut executor = OpBlockExecutor::new(evm, context, Isthmus, Receipts::default());
        executor.apply_pre_execution_changes().map_err(L2Error::Execution)?;
        Ok(Self { header, executor, transactions: Vec::new() })
    }

    /// Executes a transaction of a block that is known, which may be a deposit.
    pub fn repeat(&mut self, transaction: SignedTransaction) -> Result<TransactionOutcome, L2Error> {
        self.execute(transaction).map_err(L2Error::Execution)
    }

    fn deposit(&mut self, deposit: TxDeposit) -> Result<(), L2Error> {
        let sender = deposit.from;
        let transaction = OpTxEnvelope::Deposit(deposit.seal_slow());
        let encoded: Bytes = transaction.encoded_2718().into();
        let transaction = WithEncoded::new(encoded, Recovered::new_unchecked(transaction, sender));
        self.execute(transaction).map_err(L2Error::Execution)?;
        Ok(())
    }

    fn execute(&mut self, transaction: SignedTransaction) -> Result<TransactionOutcome, BlockExecutionError> {
        let encoded = transaction.encoded_bytes().clone();
        let gas = self.executor.execute_transaction(transaction)?;
        self.transactions.push(encoded);
        let success = self.executor.receipts.last().is_some_and(OpReceiptEnvelope::status);
        Ok(TransactionOutcome { gas_used: gas.tx_gas_used(), success })
    }

    /// Includes the transaction, which comes from [`super::decode_transaction`], or says why not; then nothing happened.
    pub fn try_transaction(
        &mut self,
        transaction: SignedTransaction,
    ) -> Result<TransactionOutcome, TransactionError> {
        Ok(self.execute(transaction)?)
    }

    /// Gas that the block has left for further transactions.
    pub const fn gas_left(&self) -> u64 {
        self.header.gas_limit.saturating_sub(self.executor.gas_used)
    }

    /// Receipts so far.
    pub const fn receipts(&self) -> &[OpReceiptEnvelope] {
        self.executor.receipts.as_slice()
    }

    /// Ends the block.
    pub fn finish(self) -> Result<BuiltL2Block, L2Error> {
        let Self { mut header, mut executor, transactions } = self;
        // Its storage root is part of the header, so whoever records what the state is asked must see it.
        let database = |error| L2Error::Database(alloc::format!("{error}"));
        executor.evm_mut().db_mut().basic(MESSAGE_PASSER).map_err(database)?;
        header.logs_bloom = executor.receipt_builder.bloom();
        let (_, result) = executor.finish().map_err(L2Error::Execution)?;
        header.gas_used = result.gas_used;
        header.receipts_root = calculate_receipt_root(&result.receipts);
        header.transactions_root =
            ordered_trie_root_with_encoder(&transactions, |tx, out| out.extend_from_slice(tx));
        Ok(BuiltL2Block { header, transactions, receipts: result.receipts })
    }
}

/// A block without state root and withdrawals root.
#[derive(Debug, Clone)]
pub struct BuiltL2Block {
    /// The header; see [`Self::complete`].
    pub header: Header,
    /// Encodings of all transactions, the L1 attributes first.
    pub transactions: Vec<Bytes>,
    /// Their receipts.
    pub receipts: Vec<OpReceiptEnvelope>,
}

impl BuiltL2Block {
    /// Puts the roots after the block into the header and returns its hash.
    pub fn complete(&mut self, state_root: B256, message_passer_root: B256) -> B256 {
        self.header.state_root = state_root;
        self.header.withdrawals_root = Some(message_passer_root);
        self.header.hash_slow()
    }
}

impl RollupConfig {
    /// The rules for a block that do not need its batch: its timestamp, the number of its L1 origin and its deposits.
    pub fn check_block(
        &self,
        parent: &Header,
        parent_origin: ParentOrigin,
        timestamp: u64,
        origin: u64,
        deposits: &[QueuedDeposit],
    ) -> Result<(), AttributesError> {
        if timestamp <= parent.timestamp {
            return Err(AttributesError::Timestamp { parent: parent.timestamp, got: timestamp });
        }
        if origin < parent_origin.number {
            return Err(AttributesError::OriginBehind { parent: parent_origin.number, got: origin });
        }
        let (got, most) = (deposits.len(), self.deposits_that_fit(deposits));
        if got > most {
            return Err(AttributesError::TooManyDeposits { most, got });
        }
        Ok(())
    }
}

/// What the EVM is told of the block with this header.
pub fn environment(config: &RollupConfig, header: &Header) -> EvmEnv<OpSpecId> {
    evm_env_for_op_block(header, Isthmus, config.l2_chain_id)
}

/// The header as far as it is known before the execution.
fn header_before(
    config: &RollupConfig,
    parent: &Header,
    parent_hash: B256,
    attributes: &Attributes,
) -> Result<Header, BlockError> {
    Ok(Header {
        parent_hash,
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: SEQUENCER_FEE_VAULT,
        number: parent.number.checked_add(1).ok_or(BlockError::ParentOutOfRange("number"))?,
        gas_limit: config.gas_limit,
        timestamp: attributes.timestamp,
        extra_data: config.extra_data(),
        mix_hash: attributes.origin.prev_randao,
        base_fee_per_gas: Some(header::next_base_fee(parent, config.base_fee_params())?),
        withdrawals_root: Some(B256::ZERO),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(attributes.origin.parent_beacon_block_root),
        requests_hash: Some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    })
}
