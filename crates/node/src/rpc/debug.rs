//! `debug_`: traces, raw data, witnesses.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{B256, Bytes};
use alloy_rpc_types_eth::TransactionRequest;
use alloy_rpc_types_trace::geth::{
    GethDebugTracingCallOptions, GethDebugTracingOptions, GethTrace, TraceResult,
};
use revm::{DatabaseCommit, context::result::ResultAndState};
use revm_inspectors::tracing::{DebugInspector, DebugInspectorError, TransactionContext};
use serde::Serialize;

use super::{Api, Args, Methods, RpcError, call::Scene};
use crate::{
    block::Block,
    chain::{Chain, ScratchState},
    evm::CallTransaction,
};

pub(super) fn register(methods: &mut Methods) {
    methods.add("debug_traceTransaction", 2, trace_transaction);
    methods.add("debug_traceBlockByNumber", 2, |api, args| {
        trace_block(api, args.required::<BlockNumberOrTag>()?.into(), args.optional()?)
    });
    methods.add("debug_traceBlockByHash", 2, |api, args| {
        trace_block(api, args.required::<B256>()?.into(), args.optional()?)
    });
    methods.add("debug_traceCall", 3, trace_call);
    methods.add("debug_getRawHeader", 1, |api, args| {
        Ok(Bytes::from(alloy_rlp::encode(&*api.block(Some(args.required()?))?.header)))
    });
    methods.add("debug_getRawBlock", 1, |api, args| {
        Ok(Bytes::from(api.block(Some(args.required()?))?.encode()))
    });
    methods.add("debug_getRawReceipts", 1, |api, args| {
        let block = api.block(Some(args.required()?))?;
        Ok(block.receipts.iter().map(|receipt| receipt.encoded()).collect::<Vec<_>>())
    });
    methods.add("debug_getRawTransaction", 1, |api, args| {
        let place = api.node.chain().transaction_place(args.required()?)?;
        Ok(place.map(|(block, index)| block.transactions[index].encoded.clone()))
    });
    methods.add("debug_executionWitness", 1, execution_witness);
    methods.add("debug_executionWitnessByBlockHash", 1, execution_witness);
}

/// A witness in the form of geth and reth: hex bytes in lists.
#[derive(Debug, Serialize)]
struct ExecutionWitness {
    /// Trie nodes.
    state: Vec<Bytes>,
    codes: Vec<Bytes>,
    /// Preimages of hashed keys: not kept here.
    keys: Vec<Bytes>,
    /// The headers before the block, the oldest first.
    headers: Vec<Bytes>,
}

fn execution_witness(api: &Api, args: &mut Args<'_>) -> Result<ExecutionWitness, RpcError> {
    let block = api.block(Some(args.required::<BlockId>()?))?;
    if block.number() == 0 {
        return Err(RpcError::Refused("genesis is not executed".into()));
    }
    let chain = api.node.chain();
    let witness = chain.witness(block.number())?;
    let parent = block.number() - 1;
    let oldest = witness.touched.oldest_block.unwrap_or(parent);
    let header = |number| {
        let header = chain.header_by_number(number)?.ok_or(RpcError::NotFound("header"))?;
        Ok::<_, RpcError>(Bytes::from(alloy_rlp::encode(&*header)))
    };
    Ok(ExecutionWitness {
        state: witness.touched.nodes.iter().map(Bytes::copy_from_slice).collect(),
        codes: witness.touched.codes.into_values().collect(),
        keys: vec![],
        headers: (oldest.min(parent)..=parent).map(header).collect::<Result<_, _>>()?,
    })
}

/// A tracer for these options.
fn inspector(options: GethDebugTracingOptions) -> Result<DebugInspector, RpcError> {
    DebugInspector::new(options).map_err(|error| RpcError::InvalidParams(error.to_string()))
}

fn failed<E: std::fmt::Display>(error: DebugInspectorError<E>) -> RpcError {
    match error {
        DebugInspectorError::Database(error) => RpcError::Internal(error.to_string()),
        error => RpcError::InvalidParams(error.to_string()),
    }
}

/// Struct logs need memory for every step; the limit is on the gas that may be traced that way.
fn check_size(api: &Api, inspector: &DebugInspector, gas: u64) -> Result<(), RpcError> {
    // No step costs less than one gas on average, and most cost three or more.
    let most = api.limits.trace_steps.saturating_mul(10);
    if matches!(inspector, DebugInspector::Default(..)) && gas > most {
        return Err(RpcError::Limit(format!("trace with struct logs of more than {most} gas")));
    }
    Ok(())
}

fn trace_transaction(api: &Api, args: &mut Args<'_>) -> Result<GethTrace, RpcError> {
    let hash: B256 = args.required()?;
    let mut inspector = inspector(args.optional()?.unwrap_or_default())?;
    let chain = api.node.chain();
    let (block, index) = chain.transaction_place(hash)?.ok_or(RpcError::NotFound("transaction"))?;
    check_size(api, &inspector, block.gas_used(index))?;
    let mut state = chain.state_before(&block, index)?;
    let (trace, _) = trace(chain, &block, index, &mut state, &mut inspector)?;
    Ok(trace)
}

fn trace_block(
    api: &Api,
    id: BlockId,
    options: Option<GethDebugTracingOptions>,
) -> Result<Vec<TraceResult>, RpcError> {
    let mut inspector = inspector(options.unwrap_or_default())?;
    let block = api.block(Some(id))?;
    if block.number() == 0 {
        return Err(RpcError::Refused("genesis is not traceable".into()));
    }
    check_size(api, &inspector, block.header.gas_used)?;
    let chain = api.node.chain();
    let deadline = api.node.clock().now() + api.limits.time;
    let mut state = chain.state_before(&block, 0)?;
    let mut traces = vec![];
    for (index, transaction) in block.transactions.iter().enumerate() {
        if api.node.clock().now() > deadline {
            return Err(RpcError::Limit("tracing timed out".into()));
        }
        let (result, changes) = trace(chain, &block, index, &mut state, &mut inspector)?;
        state.commit(changes.state);
        inspector.fuse().map_err(failed)?;
        traces.push(TraceResult::Success { result, tx_hash: Some(transaction.hash()) });
    }
    Ok(traces)
}

type Executed = ResultAndState<revm::context::result::HaltReason>;

/// The transaction at this place.
pub(super) fn of_block(block: &Block, index: usize) -> Result<CallTransaction, RpcError> {
    let kept = block.transactions.get(index).ok_or(RpcError::NotFound("transaction"))?;
    CallTransaction::of_block(kept).map_err(|error| RpcError::Internal(error.to_string()))
}

/// Traces the transaction at this place on the state before it.
fn trace(
    chain: &Chain,
    block: &Block,
    index: usize,
    state: &mut ScratchState,
    inspector: &mut DebugInspector,
) -> Result<(GethTrace, Executed), RpcError> {
    let transaction = of_block(block, index)?;
    let environment = chain.environment(&block.header);
    let result = chain.transact(&mut *state, environment.clone(), transaction.clone(), &mut *inspector)?;
    let context = TransactionContext {
        block_hash: Some(block.hash()),
        tx_index: Some(index),
        tx_hash: Some(block.transactions[index].hash()),
    };
    let trace =
        inspector.get_result(Some(context), &transaction.fields, &environment.block_env, &result, state);
    Ok((trace.map_err(failed)?, result))
}

fn trace_call(api: &Api, args: &mut Args<'_>) -> Result<GethTrace, RpcError> {
    let request: TransactionRequest = args.required()?;
    let id: Option<BlockId> = args.optional()?;
    let options: GethDebugTracingCallOptions = args.optional()?.unwrap_or_default();
    let chain = api.node.chain();
    let block = api.block(id)?;
    let mut scene = match options.tx_index {
        // In the block before this transaction, otherwise after the block.
        Some(index) if (index as usize) < block.transactions.len() => Scene {
            state: chain.state_before(&block, index as usize)?,
            environment: chain.environment(&block.header),
        },
        _ => Scene::after(chain, &block.header),
    }
    .overridden(options.state_overrides, options.block_overrides)?;
    let mut inspector = inspector(options.tracing_options)?;
    let most = match inspector {
        DebugInspector::Default(..) => api.limits.trace_steps.saturating_mul(10).min(api.limits.call_gas),
        _ => api.limits.call_gas,
    };
    let transaction = scene.transaction(request, most)?;
    let environment = scene.environment.clone();
    let call = CallTransaction::from(transaction.clone());
    let result = chain.transact(&mut scene.state, environment.clone(), call, &mut inspector)?;
    inspector
        .get_result(None, &transaction, &environment.block_env, &result, &mut scene.state)
        .map_err(failed)
}
