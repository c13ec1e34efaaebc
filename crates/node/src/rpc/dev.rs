//! Methods of development chains: keys that the node holds, moving time and blocks by hand, reading blobs.

use std::time::Duration;

use alloy_consensus::SignableTransaction;
use alloy_eips::{Encodable2718, eip4844::Blob};
use alloy_primitives::{Address, B256, Bytes, U64, hex};
use alloy_rpc_types_eth::TransactionRequest;
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use serde::Deserialize;

use super::{Api, Args, Methods, RpcError, beacon};

/// Blocks that one request may make.
const MOST_BLOCKS: u64 = 1_000;

pub(super) fn register(methods: &mut Methods) {
    methods.add("eth_sendTransaction", 1, send_transaction);
    methods.add("eth_signTransaction", 1, |api, args| sign_transaction(api, args.required()?));
    methods.add("eth_sign", 2, |api, args| sign(api, args.required()?, args.required()?));
    methods.add("personal_sign", 2, |api, args| {
        let message = args.required()?;
        sign(api, args.required()?, message)
    });
    methods.add("evm_mine", 1, mine);
    methods.add("anvil_mine", 2, mine_many);
    methods.add("hardhat_mine", 2, mine_many);
    methods.add("evm_increaseTime", 1, |api, args| {
        let Number(seconds) = args.required()?;
        Ok(api.node.increase_time(Duration::from_secs(seconds)))
    });
    methods.add("evm_setNextBlockTimestamp", 1, |api, args| {
        let Number(timestamp) = args.required()?;
        if api.node.set_next_timestamp(timestamp) {
            return Ok(());
        }
        Err(RpcError::InvalidParams("timestamp is not after the newest block's".into()))
    });
    methods.add("evm_snapshot", 0, |api, _| Ok(U64::from(api.node.chain().head_number())));
    methods.add("evm_revert", 1, |api, args| {
        let number: U64 = args.required()?;
        Ok(api.node.revert_to(number.to()).is_ok())
    });
    methods.add("anvil_rollback", 1, |api, args| {
        let Number(depth) = args.optional()?.unwrap_or(Number(1));
        let head = api.node.chain().head_number();
        let target = head.checked_sub(depth);
        let target = target.ok_or_else(|| RpcError::InvalidParams("deeper than the chain".into()))?;
        Ok(api.node.set_head(target)?)
    });
    methods.add("anvil_getBlobsByTransactionHash", 1, blobs_by_transaction);
}

/// A number as these methods are given it: a JSON number, or hex or decimal digits in a string.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "serde_json::Value")]
struct Number(u64);

impl TryFrom<serde_json::Value> for Number {
    type Error = String;

    fn try_from(value: serde_json::Value) -> Result<Self, String> {
        let number = match &value {
            serde_json::Value::Number(number) => number.as_u64(),
            serde_json::Value::String(digits) => match digits.strip_prefix("0x") {
                Some(digits) => u64::from_str_radix(digits, 16).ok(),
                None => digits.parse().ok(),
            },
            _ => None,
        };
        number.map(Self).ok_or_else(|| format!("{value} is not a number of 64 bits"))
    }
}

fn mine(api: &Api, args: &mut Args<'_>) -> Result<&'static str, RpcError> {
    if let Some(Number(timestamp)) = args.optional()? {
        api.node.set_next_timestamp(timestamp);
    }
    api.node.seal()?;
    Ok("0x0")
}

fn mine_many(api: &Api, args: &mut Args<'_>) -> Result<(), RpcError> {
    let Number(count) = args.optional()?.unwrap_or(Number(1));
    let interval: Option<Number> = args.optional()?;
    if count > MOST_BLOCKS {
        return Err(RpcError::Limit(format!("more than {MOST_BLOCKS} blocks")));
    }
    for _ in 0..count {
        if let Some(Number(seconds)) = interval {
            let next = api.node.chain().head().header.timestamp.saturating_add(seconds.max(1));
            api.node.set_next_timestamp(next);
        }
        api.node.seal()?;
    }
    Ok(())
}

fn signer(api: &Api, address: Address) -> Result<&PrivateKeySigner, RpcError> {
    let signer = api.node.dev_accounts().iter().find(|signer| signer.address() == address);
    signer.ok_or_else(|| RpcError::Refused("unknown account".into()))
}

fn sign(api: &Api, address: Address, message: Bytes) -> Result<Bytes, RpcError> {
    let signature = signer(api, address)?.sign_message_sync(&message);
    let signature = signature.map_err(|error| RpcError::Internal(error.to_string()))?;
    Ok(signature.as_bytes().to_vec().into())
}

fn sign_transaction(api: &Api, request: TransactionRequest) -> Result<Bytes, RpcError> {
    let from = request.from.ok_or_else(|| RpcError::InvalidParams("missing from".into()))?;
    let signer = signer(api, from)?;
    let filled = super::call::fill(api, request)?;
    let transaction = filled.build_consensus_tx();
    let transaction = transaction.map_err(|error| RpcError::InvalidParams(error.error))?;
    let signature = signer.sign_hash_sync(&transaction.signature_hash());
    let signature = signature.map_err(|error| RpcError::Internal(error.to_string()))?;
    let signed: alloy_consensus::TxEnvelope = transaction.into_signed(signature).into();
    Ok(signed.encoded_2718().into())
}

fn send_transaction(api: &Api, args: &mut Args<'_>) -> Result<B256, RpcError> {
    let encoded = sign_transaction(api, args.required()?)?;
    Ok(api.node.submit(&encoded)?)
}

fn blobs_by_transaction(api: &Api, args: &mut Args<'_>) -> Result<Option<Vec<String>>, RpcError> {
    let hash: B256 = args.required()?;
    let chain = api.node.chain();
    let Some((block, _)) = chain.transaction_place(hash)? else { return Ok(None) };
    let sidecars = chain.sidecars(block.hash())?;
    let sidecar = sidecars.into_iter().find(|(of, _)| *of == hash);
    Ok(sidecar.map(|(_, sidecar)| beacon::blobs(&sidecar).iter().map(hex_blob).collect()))
}

fn hex_blob(blob: &Blob) -> String {
    hex::encode_prefixed(blob)
}
