//! Calls and traces: executing a transaction on any state, with an inspector, without keeping what it does.

use alloy_consensus::{Header, transaction::Recovered};
use alloy_evm::{
    EvmEnv, EvmFactory, FromRecoveredTx,
    eth::{EthEvmContext, EthEvmFactory},
};
use alloy_primitives::Bytes;
use revm::{
    Database, Inspector,
    context::{
        TxEnv,
        result::{EVMError, HaltReason, ResultAndState},
    },
    primitives::hardfork::SpecId,
};
use vellum_block::{BlockBuilder, BuildError};

use crate::{
    block::{Block, Transaction},
    chain::{Chain, ChainError, Rules, ScratchState},
    state::StateError,
};

/// Why a transaction could not be executed at all.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The transaction is invalid.
    #[error("{0}")]
    Invalid(String),
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
}

impl<E: Into<StateError>, T: std::fmt::Display> From<EVMError<E, T>> for CallError {
    fn from(error: EVMError<E, T>) -> Self {
        match error {
            EVMError::Database(error) => Self::State(error.into()),
            EVMError::Transaction(error) => Self::Invalid(error.to_string()),
            EVMError::Header(error) => Self::Invalid(error.to_string()),
            EVMError::Custom(error) => Self::Invalid(error),
            EVMError::CustomAny(error) => Self::Invalid(error.to_string()),
        }
    }
}

/// A transaction in the form that the EVM takes.
#[derive(Debug, Clone)]
pub struct CallTransaction {
    /// Its fields.
    pub fields: TxEnv,
}

impl From<TxEnv> for CallTransaction {
    fn from(fields: TxEnv) -> Self {
        Self { fields }
    }
}

impl From<&Recovered<Transaction>> for CallTransaction {
    fn from(transaction: &Recovered<Transaction>) -> Self {
        let sender = transaction.signer();
        match transaction.inner() {
            Transaction::Signed(signed) => Self { fields: TxEnv::from_recovered_tx(signed, sender) },
            Transaction::Deposit(deposit) => Self {
                fields: TxEnv {
                    caller: sender,
                    gas_limit: deposit.gas_limit,
                    kind: deposit.to,
                    value: deposit.value,
                    data: deposit.input.clone(),
                    ..TxEnv::default()
                },
            },
        }
    }
}

impl Chain {
    /// What the EVM is told of the block with this header.
    pub fn environment(&self, header: &Header) -> EvmEnv {
        match self.rules() {
            Rules::Ethereum { chain_id, fork } => vellum_block::environment(*fork, *chain_id, header),
        }
    }

    /// Executes a transaction; the state sees nothing of it before the result is committed.
    pub fn transact<DB, I>(
        &self,
        database: DB,
        environment: EvmEnv,
        transaction: CallTransaction,
        inspector: I,
    ) -> Result<ResultAndState<HaltReason>, CallError>
    where
        DB: alloy_evm::Database<Error = StateError>,
        I: Inspector<EthEvmContext<DB>>,
    {
        use alloy_evm::Evm as _;
        match self.rules() {
            Rules::Ethereum { .. } => {
                let factory = EthEvmFactory::default();
                let mut evm = factory.create_evm_with_inspector(database, environment, inspector);
                Ok(evm.transact_raw(transaction.fields)?)
            }
        }
    }

    /// The state in a block before the transaction at this place, which may be one after the last.
    pub fn state_before(&self, block: &Block, index: usize) -> Result<ScratchState, ChainError> {
        let number = block.number();
        let parent = number.checked_sub(1).ok_or(ChainError::NoBlock(number))?;
        let parent = self.header_by_number(parent)?.ok_or(ChainError::NoBlock(parent))?;
        let mut state = self.scratch_state(&parent);
        self.replay(block, index, &mut state)?;
        Ok(state)
    }

    fn replay(&self, block: &Block, count: usize, state: &mut ScratchState) -> Result<(), ChainError> {
        let number = block.number();
        let failed = |error: BuildError| ChainError::Build { number, error };
        match self.rules() {
            Rules::Ethereum { chain_id, fork } => {
                let header = block.header.inner().clone();
                let mut builder = BlockBuilder::replay(*fork, *chain_id, header, state).map_err(failed)?;
                for index in 0..count {
                    let transaction = self.transaction(block, index)?;
                    let damaged = || ChainError::DamagedTransaction { number, index };
                    let Transaction::Signed(signed) = transaction.inner() else { return Err(damaged()) };
                    let recovered = Recovered::new_unchecked(signed, transaction.signer());
                    builder.push(recovered, Bytes::new()).map_err(failed)?;
                }
                Ok(())
            }
        }
    }

    /// The EVM's rules of the chain's blocks.
    pub const fn spec(&self) -> SpecId {
        SpecId::PRAGUE
    }
}

/// Keeps the compiler's bounds of revm's database in one place.
pub trait ReadState: Database<Error = StateError> {}
impl<T: Database<Error = StateError>> ReadState for T {}
