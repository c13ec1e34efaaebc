//! `eth_simulateV1`: blocks that could come next.
//!
//! The blocks' headers have a state root of zero: nothing that is simulated gets into a trie.

use alloy_consensus::{
    EMPTY_OMMER_ROOT_HASH, EMPTY_ROOT_HASH, Header, SignableTransaction, transaction::Recovered,
};
use alloy_eips::BlockId;
use alloy_primitives::{B256, Bytes, Signature, U256, logs_bloom};
use alloy_rpc_types_eth::{
    BlockTransactions, Header as RpcHeader, Log as RpcLog, Transaction as RpcTransaction, TransactionRequest,
    simulate::{
        MAX_SIMULATE_BLOCKS, SimBlock, SimCallResult, SimulateError, SimulatePayload, SimulatedBlock,
    },
};
use revm::{
    DatabaseCommit, DatabaseRef,
    context::result::{ExecutionResult, HaltReason},
};

use super::{
    Api, Args, Methods, RpcError,
    call::Scene,
    convert::{AnyBlock, AnyTransaction},
    error::halt,
};
use crate::block::Signed;

/// Calls of one simulation.
const MOST_CALLS: usize = 1_000;

pub(super) fn register(methods: &mut Methods) {
    methods.add("eth_simulateV1", 2, simulate);
}

fn simulate(api: &Api, args: &mut Args<'_>) -> Result<Vec<SimulatedBlock<AnyBlock>>, RpcError> {
    let payload: SimulatePayload = args.required()?;
    let base = api.block(args.optional::<BlockId>()?)?;
    let blocks = &payload.block_state_calls;
    if blocks.is_empty() {
        return Err(RpcError::InvalidParams("empty input".into()));
    }
    let calls: usize = blocks.iter().map(|block| block.calls.len()).sum();
    if blocks.len() > MAX_SIMULATE_BLOCKS as usize || calls > MOST_CALLS {
        return Err(RpcError::Limit("too many blocks or calls".into()));
    }
    let chain = api.node.chain();
    let scene = Scene::after(chain, &base.header);
    let mut simulation = Simulation {
        api,
        scene,
        parent: base.header.inner().clone(),
        parent_hash: base.hash(),
        base_fee: chain.next_base_fee(&base),
        validation: payload.validation,
        full: payload.return_full_transactions,
        gas_left: api.limits.call_gas,
        deadline: api.node.clock().now() + api.limits.time,
    };
    payload.block_state_calls.into_iter().map(|block| simulation.block(block)).collect()
}

struct Simulation<'a> {
    api: &'a Api,
    scene: Scene,
    parent: Header,
    parent_hash: B256,
    base_fee: u64,
    validation: bool,
    full: bool,
    gas_left: u64,
    deadline: std::time::Duration,
}

impl Simulation<'_> {
    fn block(&mut self, block: SimBlock) -> Result<SimulatedBlock<AnyBlock>, RpcError> {
        let mut header = Header {
            parent_hash: self.parent_hash,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            number: self.parent.number + 1,
            timestamp: self.parent.timestamp + 1,
            state_root: B256::ZERO,
            gas_used: 0,
            base_fee_per_gas: Some(if self.validation { self.base_fee } else { 0 }),
            withdrawals_root: Some(EMPTY_ROOT_HASH),
            blob_gas_used: Some(0),
            ..self.parent.clone()
        };
        let chain = self.api.node.chain();
        self.scene.environment = chain.environment(&header);
        let scene = std::mem::replace(&mut self.scene, Scene::after(chain, &self.parent));
        self.scene = scene.overridden(block.state_overrides, block.block_overrides)?;
        let env = &self.scene.environment.block_env;
        if env.number <= U256::from(self.parent.number) || env.timestamp <= U256::from(self.parent.timestamp)
        {
            return Err(RpcError::InvalidParams("block numbers and timestamps must grow".into()));
        }
        header.number = env.number.saturating_to();
        header.timestamp = env.timestamp.saturating_to();
        header.gas_limit = env.gas_limit;
        header.beneficiary = env.beneficiary;
        header.base_fee_per_gas = Some(env.basefee);
        header.mix_hash = env.prevrandao.unwrap_or_default();

        let (mut results, mut transactions) = (vec![], vec![]);
        for request in block.calls {
            let (result, transaction) = self.call(&header, request, results.len())?;
            header.gas_used += result.gas_used;
            results.push(result);
            transactions.push(transaction);
        }
        let logs: Vec<_> = results
            .iter()
            .flat_map(|result: &SimCallResult| result.logs.iter().map(|log| log.inner.clone()))
            .collect();
        header.logs_bloom = logs_bloom(&logs);
        let hash = header.hash_slow();
        let answer = self.answer(&header, hash, &mut results, transactions);
        self.scene.state.cache.block_hashes.insert(U256::from(header.number), hash);
        (self.parent, self.parent_hash) = (header, hash);
        Ok(SimulatedBlock { inner: answer, calls: results })
    }

    fn call(
        &mut self,
        header: &Header,
        mut request: TransactionRequest,
        index: usize,
    ) -> Result<(SimCallResult, Recovered<Signed>), RpcError> {
        if self.api.node.clock().now() > self.deadline {
            return Err(RpcError::Limit("simulation timed out".into()));
        }
        let from = request.from.unwrap_or_default();
        if request.nonce.is_none() {
            let account = self.scene.state.basic_ref(from)?;
            request.nonce = Some(account.map_or(0, |account| account.nonce));
        }
        let left_in_block = header.gas_limit.saturating_sub(header.gas_used);
        request.gas = Some(request.gas.unwrap_or(u64::MAX).min(left_in_block).min(self.gas_left));
        let validation = self.validation;
        let transaction = self.scene.transaction(request.clone(), self.gas_left)?;
        if validation {
            let cfg = &mut self.scene.environment.cfg_env;
            (cfg.disable_nonce_check, cfg.disable_base_fee) = (false, false);
        }
        let executed = self.scene.run(self.api.node.chain(), transaction)?;
        self.gas_left = self.gas_left.saturating_sub(executed.result.tx_gas_used());
        let unsigned = unsigned(request, self.scene.environment.cfg_env.chain_id)?;
        let result = result_of(executed.result, header, index, *unsigned.tx_hash());
        self.scene.state.commit(executed.state);
        Ok((result, Recovered::new_unchecked(unsigned, from)))
    }

    fn answer(
        &self,
        header: &Header,
        hash: B256,
        results: &mut [SimCallResult],
        transactions: Vec<Recovered<Signed>>,
    ) -> AnyBlock {
        let logs = results.iter_mut().flat_map(|result| result.logs.iter_mut());
        for (index, log) in logs.enumerate() {
            log.block_hash = Some(hash);
            log.log_index = Some(index as u64);
        }
        let transactions = if self.full {
            let full = transactions.into_iter().enumerate().map(|(index, inner)| {
                AnyTransaction::Signed(Box::new(RpcTransaction {
                    inner,
                    block_hash: Some(hash),
                    block_number: Some(header.number),
                    transaction_index: Some(index as u64),
                    effective_gas_price: None,
                    block_timestamp: Some(header.timestamp),
                }))
            });
            BlockTransactions::Full(full.collect())
        } else {
            BlockTransactions::Hashes(transactions.iter().map(|transaction| *transaction.tx_hash()).collect())
        };
        AnyBlock {
            header: RpcHeader { hash, inner: header.clone(), total_difficulty: Some(U256::ZERO), size: None },
            uncles: vec![],
            transactions,
            withdrawals: Some(alloy_eips::eip4895::Withdrawals::default()),
        }
    }
}

/// The call as a transaction with an empty signature, for its hash.
fn unsigned(mut request: TransactionRequest, chain_id: u64) -> Result<Signed, RpcError> {
    request.chain_id = Some(chain_id);
    if request.gas_price.is_none() {
        request.max_fee_per_gas.get_or_insert(0);
        request.max_priority_fee_per_gas.get_or_insert(0);
    }
    request.to.get_or_insert(alloy_primitives::TxKind::Create);
    let transaction = request.build_consensus_tx();
    let transaction = transaction.map_err(|error| RpcError::InvalidParams(error.error))?;
    let signature = Signature::new(U256::ZERO, U256::ZERO, false);
    let signed: alloy_consensus::TxEnvelope = transaction.into_signed(signature).into();
    Ok(signed.into())
}

fn result_of(
    result: ExecutionResult<HaltReason>,
    header: &Header,
    index: usize,
    hash: B256,
) -> SimCallResult {
    let gas_used = result.tx_gas_used();
    let error =
        |code, message: String| Some(SimulateError { code, message, ..SimulateError::invalid_params() });
    let (status, return_data, logs, error) = match result {
        ExecutionResult::Success { logs, output, .. } => (true, output.into_data(), logs, None),
        ExecutionResult::Revert { output, .. } => {
            let message = RpcError::Reverted(output.clone()).to_string();
            (false, output, vec![], error(3, message))
        }
        ExecutionResult::Halt { reason, .. } => (false, Bytes::new(), vec![], error(-32015, halt(&reason))),
    };
    let logs = logs.into_iter().map(|inner| RpcLog {
        inner,
        block_hash: None,
        block_number: Some(header.number),
        block_timestamp: Some(header.timestamp),
        transaction_hash: Some(hash),
        transaction_index: Some(index as u64),
        log_index: None,
        removed: false,
    });
    SimCallResult { return_data, logs: logs.collect(), gas_used, max_used_gas: None, status, error }
}
