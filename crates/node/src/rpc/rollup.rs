//! `optimism_` and `vellum_`: what only L2 has. The first are op-node's, with its names and forms.
//!
//! | method | parameters | answer |
//! |---|---|---|
//! | `optimism_outputAtBlock` | block number | output root and its parts |
//! | `optimism_syncStatus` | | L1 and L2 blocks by how final they are |
//! | `optimism_rollupConfig` | | the chain's constants |
//! | `optimism_version` | | version of the node |
//! | `vellum_batch` | index | a batch and where it is on L1; null if there is none |
//! | `vellum_batchOfBlock` | L2 block number | as above |
//! | `vellum_proofStatus` | index | how far the proof of a batch is |
//! | `vellum_prove` | index | asks for proofs up to that batch |
//! | `vellum_depositStatus` | L1 transaction hash | the deposit's L2 transaction; null if there is none |
//! | `vellum_withdrawalStatus` | L2 transaction hash | batch and state of the withdrawal; null if there is none |
//! | `vellum_tasks` | | what each task did and in which error it is |

use std::sync::Arc;

use alloy_consensus::Sealable;
use alloy_primitives::{B256, U64};
use jsonrpsee::RpcModule;
use op_alloy_consensus::OpTxEnvelope;
use serde_json::{Value, json};
use vellum_block::l2::{RollupConfig, output_root};

use super::args::enter;
use super::{Api, Args, RpcError};
use crate::batch::{Batch, BatchState};
use crate::block::Block;
use crate::bridge;
use crate::l1_watcher::L1Deposit;
use crate::prover::ProofStatus;
use crate::rollup::RollupView;

/// Deposits of one transaction that are looked for.
const DEPOSITS_MAX: usize = 4096;

/// What the methods look at besides the node.
#[derive(Clone)]
pub struct RollupApi {
    /// The tasks.
    pub view: RollupView,
    /// The chain's constants.
    pub config: RollupConfig,
    /// Seconds per block.
    pub block_time: u64,
}

/// The methods, to be added to a server of L2.
pub fn module(api: &Arc<Api>, rollup: RollupApi) -> RpcModule<Api> {
    let mut module = RpcModule::from_arc(api.clone());
    let rollup = Arc::new(rollup);
    let mut add = |name, most, method: fn(&RollupApi, &Api, &mut Args<'_>) -> Result<Value, RpcError>| {
        let rollup = rollup.clone();
        enter(&mut module, name, most, move |api, args| method(&rollup, api, args));
    };
    add("optimism_outputAtBlock", 1, output_at_block);
    add("optimism_syncStatus", 0, sync_status);
    add("optimism_rollupConfig", 0, |rollup, api, _| rollup_config(rollup, api));
    add("optimism_version", 0, |_, _, _| Ok(json!(concat!("vellum/v", env!("CARGO_PKG_VERSION")))));
    add("vellum_batch", 1, |rollup, _, args| {
        Ok(rollup.view.batches.get(args.next::<U64>()?.to())?.map_or(Value::Null, |batch| batch_json(&batch)))
    });
    add("vellum_batchOfBlock", 1, |rollup, _, args| {
        let batch = rollup.view.batches.of_block(args.next::<U64>()?.to())?;
        Ok(batch.map_or(Value::Null, |batch| batch_json(&batch)))
    });
    add("vellum_proofStatus", 1, proof_status);
    add("vellum_prove", 1, |rollup, _, args| {
        rollup.view.proofs.want(args.next::<U64>()?.to())?;
        Ok(Value::Bool(true))
    });
    add("vellum_depositStatus", 1, deposit_status);
    add("vellum_withdrawalStatus", 1, withdrawal_status);
    add("vellum_tasks", 0, |rollup, _, _| Ok(json!(rollup.view.board.all())));
    module
}

fn block(api: &Api, number: u64) -> Result<Arc<Block>, RpcError> {
    api.node().chain().block_by_number(number)?.ok_or(RpcError::NotFound("block"))
}

fn output_at_block(rollup: &RollupApi, api: &Api, args: &mut Args<'_>) -> Result<Value, RpcError> {
    let block = block(api, args.next::<U64>()?.to())?;
    Ok(json!({
        "version": B256::ZERO,
        "outputRoot": output_root(&block.header, block.hash()),
        "blockRef": block_ref(&block)?,
        "withdrawalStorageRoot": block.header.withdrawals_root,
        "stateRoot": block.header.state_root,
        "syncStatus": sync_status(rollup, api, args)?,
    }))
}

fn block_ref(block: &Block) -> Result<Value, RpcError> {
    let origin = block.l1_origin();
    Ok(json!({
        "hash": block.hash(),
        "number": block.number(),
        "parentHash": block.header.parent_hash,
        "timestamp": block.header.timestamp,
        "l1origin": {
            "hash": origin.as_ref().map(|origin| origin.hash),
            "number": origin.as_ref().map(|origin| origin.number),
        },
        "sequenceNumber": origin.map(|origin| origin.sequence_number).unwrap_or_default(),
    }))
}

fn sync_status(rollup: &RollupApi, api: &Api, _args: &mut Args<'_>) -> Result<Value, RpcError> {
    let chain = api.node().chain();
    let l1 = match rollup.view.inbox.cursor()? {
        Some(cursor) => rollup.view.inbox.header(cursor.number)?,
        None => None,
    };
    let l1 = l1.map_or(Value::Null, |header| {
        json!({
            "hash": header.hash,
            "number": header.number(),
            "parentHash": header.header.parent_hash,
            "timestamp": header.header.timestamp,
        })
    });
    Ok(json!({
        "current_l1": l1,
        "head_l1": l1,
        "safe_l1": l1,
        "finalized_l1": l1,
        "unsafe_l2": block_ref(&*chain.head())?,
        "safe_l2": block_ref(&*block(api, chain.safe())?)?,
        "finalized_l2": block_ref(&*block(api, chain.finalized())?)?,
        "pending_safe_l2": block_ref(&*block(api, chain.safe())?)?,
    }))
}

fn rollup_config(rollup: &RollupApi, api: &Api) -> Result<Value, RpcError> {
    let genesis = block(api, 0)?;
    let (config, deployment) = (&rollup.config, &rollup.view.deployment);
    Ok(json!({
        "genesis": {
            "l1": { "number": deployment.l1_block, "hash": rollup.view.inbox.header(deployment.l1_block)?.map(|header| header.hash) },
            "l2": { "number": 0, "hash": genesis.hash() },
            "l2_time": genesis.header.timestamp,
            "system_config": {
                "batcherAddr": config.batcher,
                "gasLimit": config.gas_limit,
                "baseFeeScalar": config.base_fee_scalar,
                "blobBaseFeeScalar": config.blob_base_fee_scalar,
            },
        },
        "block_time": rollup.block_time,
        "max_sequencer_drift": config.max_time_drift,
        "l1_chain_id": config.l1_chain_id,
        "l2_chain_id": config.l2_chain_id,
        "isthmus_time": 0,
        "deposit_contract_address": config.portal,
        "l1_system_config_address": deployment.contracts.rollup,
        "config_hash": config.hash(),
        "max_deposits_per_block": config.max_deposits_per_block,
    }))
}

fn batch_json(batch: &Batch) -> Value {
    json!({
        "index": batch.index,
        "hash": batch.hash,
        "state": batch.state,
        "firstBlock": batch.first_block,
        "lastBlock": batch.last_block,
        "outputRoot": batch.output_root,
        "depositCount": batch.deposit_count,
        "l1Anchor": { "number": batch.l1_number, "hash": batch.l1_hash },
        "blobHashes": batch.blob_hashes,
        "cycles": batch.cycles,
        "closedAt": batch.closed_ms / 1000,
        "commit": batch.commit,
        "proof": batch.proof,
    })
}

fn proof_status(rollup: &RollupApi, _api: &Api, args: &mut Args<'_>) -> Result<Value, RpcError> {
    let index = args.next::<U64>()?.to();
    let Some(batch) = rollup.view.batches.get(index)? else { return Ok(Value::Null) };
    let job = rollup.view.proofs.job()?.filter(|job| (job.first..=job.last).contains(&index));
    let Some(job) = job else {
        let proven = rollup.view.proofs.done_with(&batch)?;
        let status = if batch.state >= BatchState::Proven { "proven" } else { "waiting" };
        return Ok(json!({ "status": status, "range": proven }));
    };
    let prover = match rollup.view.prover.status(&job.id) {
        Ok(ProofStatus::Running { cycles, shards, proven }) => {
            json!({ "cycles": cycles, "shards": shards, "shardsProven": proven })
        }
        _ => Value::Null,
    };
    let status = if job.proven.is_some() { "attesting" } else { "proving" };
    Ok(json!({ "status": status, "range": job, "prover": prover }))
}

fn deposit_status(rollup: &RollupApi, api: &Api, args: &mut Args<'_>) -> Result<Value, RpcError> {
    let transaction: B256 = args.next()?;
    let count = rollup.view.inbox.cursor()?.map_or(0, |cursor| cursor.deposit_count);
    // The newest are asked for most.
    for number in (count.saturating_sub(DEPOSITS_MAX as u64)..count).rev() {
        let Some(deposit) = rollup.view.inbox.deposit(number)?.filter(|it| it.l1_transaction == transaction)
        else {
            continue;
        };
        return deposit_json(rollup, api, &deposit);
    }
    Ok(Value::Null)
}

fn deposit_json(rollup: &RollupApi, api: &Api, deposit: &L1Deposit) -> Result<Value, RpcError> {
    let transaction = OpTxEnvelope::Deposit(deposit.queued.transaction(&rollup.config).seal_slow());
    let hash = transaction.tx_hash();
    let block = api.node().chain().transaction_place(hash)?.map(|(block, _)| block.number());
    Ok(json!({
        "number": deposit.queued.number,
        "l1Block": deposit.l1_block,
        "l2TransactionHash": hash,
        "l2Block": block,
    }))
}

fn withdrawal_status(rollup: &RollupApi, api: &Api, args: &mut Args<'_>) -> Result<Value, RpcError> {
    let transaction: B256 = args.next()?;
    let Some((block, index)) = api.node().chain().transaction_place(transaction)? else {
        return Ok(Value::Null);
    };
    let logs = block.receipts.get(index).map(|receipt| receipt.logs.clone()).unwrap_or_default();
    let Some(message) = logs.iter().find_map(bridge::message) else { return Ok(Value::Null) };
    let batch = rollup.view.batches.of_block(block.number())?;
    Ok(json!({
        "withdrawalHash": message.1,
        "l2Block": block.number(),
        "batch": batch.as_ref().map(|batch| batch.index),
        "batchState": batch.map(|batch| batch.state),
    }))
}
