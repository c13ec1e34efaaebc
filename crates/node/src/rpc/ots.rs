//! `ots_`: what the block explorer Otterscan asks first.

use alloy_eips::BlockNumberOrTag;
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use alloy_rpc_types_trace::geth::{
    CallFrame, GethDebugBuiltInTracerType, GethDebugTracerType, GethDebugTracingOptions, GethTrace,
};
use revm_inspectors::tracing::DebugInspector;
use serde::Serialize;

use super::{Api, Args, Methods, RpcError, convert};

/// Version of the interface that is offered.
const API_LEVEL: u64 = 8;

pub(super) fn register(methods: &mut Methods) {
    methods.add("ots_getApiLevel", 0, |_, _| Ok(API_LEVEL));
    methods.add("ots_hasCode", 2, has_code);
    methods.add("ots_getBlockDetails", 1, block_details);
    methods.add("ots_getTransactionError", 1, transaction_error);
    methods.add("ots_traceTransaction", 1, trace_transaction);
    methods.add("ots_getTransactionBySenderAndNonce", 2, by_sender_and_nonce);
}

fn has_code(api: &Api, args: &mut Args<'_>) -> Result<bool, RpcError> {
    let address: Address = args.required()?;
    let block = api.block(args.optional()?)?;
    let account = api.node.chain().state_after(&block.header).account(address)?;
    Ok(account.is_some_and(|account| account.code_hash != alloy_consensus::constants::KECCAK_EMPTY))
}

/// A block without its transactions, with what it paid.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    block: serde_json::Value,
    issuance: Issuance,
    total_fees: U256,
}

/// New coins: none.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Issuance {
    block_reward: U256,
    uncle_reward: U256,
    issuance: U256,
}

fn block_details(api: &Api, args: &mut Args<'_>) -> Result<Option<Details>, RpcError> {
    let chain = api.node.chain();
    let number: BlockNumberOrTag = args.required()?;
    let Some(block) = chain.block_at(number.into())? else { return Ok(None) };
    let mut total_fees = U256::ZERO;
    for index in 0..block.transactions.len() {
        let price = block.effective_gas_price(chain.transaction(&block, index)?.inner());
        total_fees += U256::from(price) * U256::from(block.gas_used(index));
    }
    let internal = |error: serde_json::Error| RpcError::Internal(error.to_string());
    let mut json = serde_json::to_value(convert::block(chain, &block, false)?).map_err(internal)?;
    if let Some(fields) = json.as_object_mut() {
        fields.remove("transactions");
        fields.remove("logsBloom");
        let count = serde_json::to_value(U64::from(block.transactions.len())).map_err(internal)?;
        fields.insert("transactionCount".into(), count);
    }
    Ok(Some(Details { block: json, issuance: Issuance::default(), total_fees }))
}

fn call_frame(api: &Api, hash: B256) -> Result<CallFrame, RpcError> {
    let chain = api.node.chain();
    let (block, index) = chain.transaction_place(hash)?.ok_or(RpcError::NotFound("transaction"))?;
    let tracer = GethDebugTracerType::BuiltInTracer(GethDebugBuiltInTracerType::CallTracer);
    let options = GethDebugTracingOptions { tracer: Some(tracer), ..GethDebugTracingOptions::default() };
    let internal = |error: String| RpcError::Internal(error);
    let mut inspector = DebugInspector::new(options).map_err(|error| internal(error.to_string()))?;
    let mut state = chain.state_before(&block, index)?;
    let transaction = super::debug::of_block(&block, index)?;
    let environment = chain.environment(&block.header);
    let result = chain.transact(&mut state, environment.clone(), transaction.clone(), &mut inspector)?;
    let trace = inspector.get_result(None, &transaction.fields, &environment.block_env, &result, &mut state);
    match trace.map_err(|error| internal(error.to_string()))? {
        GethTrace::CallTracer(frame) => Ok(frame),
        _ => Err(internal("the tracer gave another trace".into())),
    }
}

fn transaction_error(api: &Api, args: &mut Args<'_>) -> Result<Bytes, RpcError> {
    let frame = call_frame(api, args.required()?)?;
    Ok(frame.output.filter(|_| frame.error.is_some()).unwrap_or_default())
}

/// A call in Otterscan's form.
#[derive(Debug, Serialize)]
struct TraceEntry {
    #[serde(rename = "type")]
    kind: String,
    depth: u64,
    from: Address,
    to: Option<Address>,
    value: Option<U256>,
    input: Bytes,
    output: Bytes,
}

fn trace_transaction(api: &Api, args: &mut Args<'_>) -> Result<Vec<TraceEntry>, RpcError> {
    let mut entries = vec![];
    // A stack, not recursion: calls can be 1024 deep.
    let mut waiting = vec![(call_frame(api, args.required()?)?, 0)];
    while let Some((frame, depth)) = waiting.pop() {
        waiting.extend(frame.calls.into_iter().rev().map(|call| (call, depth + 1)));
        entries.push(TraceEntry {
            kind: frame.typ,
            depth,
            from: frame.from,
            to: frame.to,
            value: frame.value,
            input: frame.input,
            output: frame.output.unwrap_or_default(),
        });
    }
    Ok(entries)
}

fn by_sender_and_nonce(api: &Api, args: &mut Args<'_>) -> Result<Option<B256>, RpcError> {
    let sender: Address = args.required()?;
    let nonce: u64 = args.required()?;
    let chain = api.node.chain();
    let nonce_after = |number: u64| {
        let header = chain.header_by_number(number)?.ok_or(RpcError::NotFound("header"))?;
        let account = chain.state_after(&header).account(sender)?;
        Ok::<_, RpcError>(account.map_or(0, |account| account.nonce))
    };
    // The block that took it is the first one after which the account's nonce is greater.
    let (mut low, mut high) = (0, chain.head_number());
    if nonce_after(high)? <= nonce {
        return Ok(None);
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if nonce_after(middle)? > nonce {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    let block = chain.block_by_number(low)?.ok_or(RpcError::NotFound("block"))?;
    for (index, transaction) in block.transactions.iter().enumerate() {
        if transaction.sender == sender && chain.transaction(&block, index)?.inner().fields().nonce() == nonce
        {
            return Ok(Some(transaction.hash()));
        }
    }
    Ok(None)
}
