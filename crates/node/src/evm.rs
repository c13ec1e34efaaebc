//! Calls and traces: executing a transaction on any state, with an inspector, without keeping what it does.

use alloy_consensus::Header;
use alloy_evm::{
    Evm as _, EvmEnv, EvmFactory, FromRecoveredTx, FromTxWithEncoded, InvalidTxError,
    eth::{EthEvmContext, EthEvmFactory},
};
use alloy_op_evm::{OpEvmContext, OpEvmFactory, OpTx};
use alloy_primitives::Bytes;
use op_revm::{OpHaltReason, OpSpecId, OpTransaction, transaction::deposit::DepositTransactionParts};
use revm::{
    Inspector,
    context::{
        CfgEnv, TxEnv,
        result::{EVMError, ExecutionResult, HaltReason, InvalidTransaction, ResultAndState},
    },
    primitives::hardfork::SpecId,
};

use crate::{
    block::{BlockTransaction, Signed, Transaction},
    chain::{Chain, Rules},
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

impl<E: Into<StateError>, T: InvalidTxError> From<EVMError<E, T>> for CallError {
    fn from(error: EVMError<E, T>) -> Self {
        match error {
            EVMError::Database(error) => Self::State(error.into()),
            EVMError::Transaction(error) => Self::Invalid(invalid(&error)),
            EVMError::Header(error) => Self::Invalid(error.to_string()),
            EVMError::Custom(error) => Self::Invalid(error),
            EVMError::CustomAny(error) => Self::Invalid(error.to_string()),
        }
    }
}

/// What geth says where clients look for its words, what the EVM says otherwise.
fn invalid(error: &impl InvalidTxError) -> String {
    match error.as_invalid_tx_err() {
        Some(InvalidTransaction::LackOfFundForMaxFee { fee, balance }) => {
            format!("insufficient funds for gas * price + value: balance {balance}, tx cost {fee}")
        }
        _ => error.to_string(),
    }
}

/// A transaction in the form that the EVM takes.
#[derive(Debug, Clone)]
pub struct CallTransaction {
    /// Its fields.
    pub fields: TxEnv,
    /// On L2, what it pays L1's data fee for; empty for nothing.
    encoded: Bytes,
    /// On L2, what only deposits have.
    deposit: DepositTransactionParts,
}

impl From<TxEnv> for CallTransaction {
    fn from(fields: TxEnv) -> Self {
        Self { fields, encoded: Bytes::new(), deposit: DepositTransactionParts::default() }
    }
}

impl CallTransaction {
    /// A transaction of a block.
    pub fn of_block(kept: &BlockTransaction) -> Result<Self, alloy_eips::eip2718::Eip2718Error> {
        Ok(match Transaction::decode(&kept.encoded)? {
            Transaction::Signed(signed) => Self {
                fields: <TxEnv as FromRecoveredTx<Signed>>::from_recovered_tx(&signed, kept.sender),
                encoded: kept.encoded.clone(),
                deposit: DepositTransactionParts::default(),
            },
            Transaction::Deposit(deposit) => {
                let OpTx(OpTransaction { base, enveloped_tx, deposit }) =
                    OpTx::from_encoded_tx(deposit.inner(), kept.sender, kept.encoded.clone());
                Self { fields: base, encoded: enveloped_tx.unwrap_or_default(), deposit }
            }
        })
    }
}

impl Chain {
    /// What the EVM is told of the block with this header.
    pub fn environment(&self, header: &Header) -> EvmEnv {
        match self.rules() {
            Rules::Ethereum { chain_id, fork } => vellum_block::environment(*chain_id, *fork, header),
            Rules::L2(config) => {
                let EvmEnv { cfg_env, block_env } = vellum_block::l2::environment(config, header);
                EvmEnv { cfg_env: with_spec(cfg_env, SpecId::PRAGUE), block_env }
            }
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
        I: Inspector<EthEvmContext<DB>> + Inspector<OpEvmContext<DB>>,
    {
        match self.rules() {
            Rules::Ethereum { .. } => {
                let factory = EthEvmFactory::default();
                let mut evm = factory.create_evm_with_inspector(database, environment, inspector);
                Ok(evm.transact_raw(transaction.fields)?)
            }
            Rules::L2(_) => {
                let EvmEnv { cfg_env, block_env } = environment;
                let environment = EvmEnv { cfg_env: with_spec(cfg_env, OpSpecId::ISTHMUS), block_env };
                let factory = OpEvmFactory::<OpTx>::default();
                let mut evm = factory.create_evm_with_inspector(database, environment, inspector);
                let CallTransaction { fields, encoded, deposit } = transaction;
                let transaction = OpTx(OpTransaction { base: fields, enveloped_tx: Some(encoded), deposit });
                let ResultAndState { result, state } = evm.transact_raw(transaction)?;
                Ok(ResultAndState { result: on_ethereum(result), state })
            }
        }
    }
}

/// The same configuration for other names of the rules.
fn with_spec<A, B: Into<SpecId> + Clone>(cfg: CfgEnv<A>, spec: B) -> CfgEnv<B>
where
    A: Into<SpecId> + Clone,
{
    let mut other = CfgEnv::new_with_spec(spec);
    other.chain_id = cfg.chain_id;
    other.tx_gas_limit_cap = cfg.tx_gas_limit_cap;
    other.disable_nonce_check = cfg.disable_nonce_check;
    other.disable_block_gas_limit = cfg.disable_block_gas_limit;
    other.disable_eip3607 = cfg.disable_eip3607;
    other.disable_base_fee = cfg.disable_base_fee;
    other
}

/// The result with Ethereum's reasons for a halt.
fn on_ethereum(result: ExecutionResult<OpHaltReason>) -> ExecutionResult<HaltReason> {
    result.map_haltreason(|reason| match reason {
        OpHaltReason::Base(reason) => reason,
        OpHaltReason::FailedDeposit => HaltReason::PrecompileErrorWithContext("failed deposit".into()),
    })
}
