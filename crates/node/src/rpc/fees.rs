//! Prices: `eth_gasPrice`, `eth_maxPriorityFeePerGas`, `eth_blobBaseFee`, `eth_feeHistory`.

use alloy_consensus::Transaction as _;
use alloy_eips::BlockNumberOrTag;
use alloy_primitives::U256;
use alloy_rpc_types_eth::FeeHistory;

use super::{Api, Args, Methods, RpcError};
use crate::block::{Block, Transaction};

/// Blocks whose tips suggest one.
const TIP_BLOCKS: u64 = 20;
/// The suggested tip if the last blocks say nothing, and the most: 1 gwei would be noise on a chain without load.
const DEFAULT_TIP: u128 = 1_000_000;
const MAX_TIP: u128 = 500_000_000_000;
/// Percentiles of a request.
const MAX_PERCENTILES: usize = 100;

pub(super) fn register(methods: &mut Methods) {
    methods.add("eth_gasPrice", 0, |api, _| {
        Ok(U256::from(u128::from(api.node.next_base_fee()) + suggested_tip(api)))
    });
    methods.add("eth_maxPriorityFeePerGas", 0, |api, _| Ok(U256::from(suggested_tip(api))));
    methods.add("eth_blobBaseFee", 0, |api, _| {
        let fee = api.node.chain().head().header.next_block_blob_fee(api.node.chain().rules().blob_params());
        Ok(U256::from(fee.unwrap_or(1)))
    });
    methods.add("eth_feeHistory", 3, fee_history);
}

/// A tip with which a transaction gets into one of the next blocks: the 60th percentile of the lowest tips of the last
/// blocks, as geth does.
pub(super) fn suggested_tip(api: &Api) -> u128 {
    let chain = api.node.chain();
    let head = chain.head_number();
    let mut lowest: Vec<u128> = (head.saturating_sub(TIP_BLOCKS - 1)..=head)
        .filter_map(|number| chain.block_by_number(number).ok().flatten())
        .filter_map(|block| tips(&block).first().map(|&(tip, _)| tip))
        .collect();
    lowest.sort_unstable();
    let index = lowest.len().saturating_sub(1) * 60 / 100;
    lowest.get(index).copied().unwrap_or(DEFAULT_TIP).clamp(1, MAX_TIP)
}

/// Tips of a block's transactions with the gas that they used, the lowest first.
fn tips(block: &Block) -> Vec<(u128, u64)> {
    let base_fee = block.header.base_fee_per_gas.unwrap_or(0);
    let transactions = block.transactions.iter().enumerate();
    let mut tips: Vec<_> = transactions
        .filter_map(|(index, transaction)| match Transaction::decode(&transaction.encoded) {
            Ok(Transaction::Signed(signed)) => {
                Some((signed.effective_tip_per_gas(base_fee)?, block.gas_used(index)))
            }
            _ => None,
        })
        .collect();
    tips.sort_unstable();
    tips
}

fn fee_history(api: &Api, args: &mut Args<'_>) -> Result<FeeHistory, RpcError> {
    let count: U256 = args.required()?;
    let newest: BlockNumberOrTag = args.required()?;
    let percentiles: Option<Vec<f64>> = args.optional()?;
    let chain = api.node.chain();
    let newest = chain.number_of(newest);
    if newest > chain.head_number() {
        return Err(RpcError::Refused("request beyond head block".into()));
    }
    check_percentiles(percentiles.as_deref().unwrap_or_default())?;
    let count: u64 = count.saturating_to::<u64>().min(api.limits.blocks as u64).min(newest + 1);
    if count == 0 {
        return Ok(FeeHistory::default());
    }
    let blob_params = chain.rules().blob_params();
    let mut history = FeeHistory { oldest_block: newest + 1 - count, ..FeeHistory::default() };
    let mut rewards = percentiles.as_ref().map(|_| vec![]);
    for number in history.oldest_block..=newest {
        let block = chain.block_by_number(number)?.ok_or(RpcError::NotFound("block"))?;
        let header = &block.header;
        history.base_fee_per_gas.push(header.base_fee_per_gas.unwrap_or(0).into());
        history.gas_used_ratio.push(header.gas_used as f64 / header.gas_limit as f64);
        history.base_fee_per_blob_gas.push(header.blob_fee(blob_params).unwrap_or(0));
        let blob_limit = blob_params.max_blob_gas_per_block() as f64;
        history.blob_gas_used_ratio.push(header.blob_gas_used.unwrap_or(0) as f64 / blob_limit);
        if let (Some(rewards), Some(percentiles)) = (&mut rewards, &percentiles) {
            rewards.push(rewards_of(&block, percentiles));
        }
        if number == newest {
            history.base_fee_per_gas.push(chain.next_base_fee(&block).into());
            let next = header.next_block_blob_fee(blob_params);
            history.base_fee_per_blob_gas.push(next.unwrap_or(0));
        }
    }
    history.reward = rewards;
    Ok(history)
}

fn check_percentiles(percentiles: &[f64]) -> Result<(), RpcError> {
    let invalid = |what: String| Err(RpcError::InvalidParams(format!("invalid reward percentile: {what}")));
    if percentiles.len() > MAX_PERCENTILES {
        return invalid(format!("over the query limit {MAX_PERCENTILES}"));
    }
    if let Some(out) = percentiles.iter().find(|percentile| !(0.0..=100.0).contains(*percentile)) {
        return invalid(out.to_string());
    }
    match percentiles.windows(2).find(|pair| pair[0] > pair[1]) {
        Some(pair) => invalid(format!("{} is after {}", pair[1], pair[0])),
        None => Ok(()),
    }
}

/// The tips that the transactions at these percentiles of the gas paid.
fn rewards_of(block: &Block, percentiles: &[f64]) -> Vec<u128> {
    let tips = tips(block);
    let total: u64 = tips.iter().map(|(_, gas)| gas).sum();
    let at = |percentile: &f64| {
        let threshold = (total as f64 * percentile / 100.0) as u64;
        let mut sum = 0;
        let found = tips.iter().find(|(_, gas)| {
            sum += gas;
            sum >= threshold
        });
        found.map_or(0, |&(tip, _)| tip)
    };
    percentiles.iter().map(at).collect()
}
