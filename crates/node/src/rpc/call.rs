//! `eth_call`, `eth_estimateGas`, `eth_createAccessList`, and filling in what a request leaves out.

use alloy_consensus::Header;
use alloy_eips::BlockId;
use alloy_evm::{EvmEnv, overrides::OverrideBlockHashes, rpc::TryIntoTxEnv};
use alloy_primitives::{Bytes, U64, U256};
use alloy_rpc_types_eth::{AccessListResult, BlockOverrides, TransactionRequest, state::StateOverride};
use revm::{
    DatabaseRef,
    context::{
        TxEnv,
        result::{ExecutionResult, HaltReason, ResultAndState},
    },
    inspector::NoOpInspector,
};
use revm_inspectors::access_list::AccessListInspector;

use super::{Api, Args, Methods, RpcError, error::halt};
use crate::chain::{Chain, ScratchState};

/// The estimate may be this much above the least gas that suffices: one part in so many.
const ESTIMATE_PRECISION: u64 = 64;

pub(super) fn register(methods: &mut Methods) {
    methods.add("eth_call", 4, call);
    methods.add("eth_estimateGas", 4, estimate_gas);
    methods.add("eth_createAccessList", 3, create_access_list);
}

/// A state and a block to call in.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) state: ScratchState,
    pub(super) environment: EvmEnv,
}

impl Scene {
    /// After the block with this header, as if in it.
    pub(super) fn after(chain: &Chain, header: &Header) -> Self {
        Self { state: chain.scratch_state(header), environment: chain.environment(header) }
    }

    pub(super) fn overridden(
        mut self,
        state: Option<StateOverride>,
        block: Option<BlockOverrides>,
    ) -> Result<Self, RpcError> {
        if let Some(block) = block {
            self.state.apply_block_overrides(block, &mut self.environment.block_env);
        }
        if let Some(state) = state {
            let applied = alloy_evm::overrides::apply_state_overrides(state, &mut self.state);
            applied.map_err(|error| RpcError::InvalidParams(error.to_string()))?;
        }
        Ok(self)
    }

    /// The transaction of a call: fees, nonce and gas may be missing.
    pub(super) fn transaction(
        &mut self,
        mut request: TransactionRequest,
        most_gas: u64,
    ) -> Result<TxEnv, RpcError> {
        let cfg = &mut self.environment.cfg_env;
        cfg.disable_eip3607 = true;
        cfg.disable_nonce_check = true;
        cfg.disable_block_gas_limit = true;
        let pays = request.gas_price.or(request.max_fee_per_gas).is_some_and(|price| price > 0);
        cfg.disable_base_fee = !pays;
        cfg.tx_gas_limit_cap = Some(u64::MAX);
        let gas = request.gas.unwrap_or(most_gas).min(most_gas);
        let gas = if pays { gas.min(self.affordable(&request)?) } else { gas };
        request.gas = Some(gas);
        if request.chain_id.is_none() {
            request.chain_id = Some(self.environment.cfg_env.chain_id);
        }
        let transaction = request.try_into_tx_env(&self.environment);
        transaction.map_err(|error| RpcError::InvalidParams(error.to_string()))
    }

    /// Gas that the sender can pay for.
    fn affordable(&self, request: &TransactionRequest) -> Result<u64, RpcError> {
        let sender = self.state.basic_ref(request.from.unwrap_or_default())?;
        let balance = sender.map(|account| account.balance).unwrap_or_default();
        let value = request.value.unwrap_or_default();
        let left = balance.checked_sub(value);
        let left = left.ok_or_else(|| RpcError::Refused("insufficient funds for transfer".into()))?;
        let price = request.max_fee_per_gas.or(request.gas_price).unwrap_or(1).max(1);
        Ok((left / U256::from(price)).saturating_to())
    }

    pub(super) fn run(
        &mut self,
        chain: &Chain,
        transaction: TxEnv,
    ) -> Result<ResultAndState<HaltReason>, RpcError> {
        let environment = self.environment.clone();
        Ok(chain.transact(&mut self.state, environment, transaction.into(), NoOpInspector)?)
    }
}

fn scene(api: &Api, id: Option<BlockId>) -> Result<Scene, RpcError> {
    Ok(Scene::after(api.node.chain(), &api.block(id)?.header))
}

fn call(api: &Api, args: &mut Args<'_>) -> Result<Bytes, RpcError> {
    let request = args.required()?;
    let mut scene = scene(api, args.optional()?)?.overridden(args.optional()?, args.optional()?)?;
    let transaction = scene.transaction(request, api.limits.call_gas)?;
    RpcError::of_result(scene.run(api.node.chain(), transaction)?.result)
}

fn estimate_gas(api: &Api, args: &mut Args<'_>) -> Result<U64, RpcError> {
    let request = args.required()?;
    let scene = scene(api, args.optional()?)?.overridden(args.optional()?, args.optional()?)?;
    Ok(U64::from(estimate(api, scene, request)?))
}

/// The least gas with which the transaction succeeds, by bisection.
fn estimate(api: &Api, mut scene: Scene, request: TransactionRequest) -> Result<u64, RpcError> {
    let chain = api.node.chain();
    let most = scene.environment.block_env.gas_limit.min(api.limits.call_gas);
    let mut transaction = scene.transaction(request, most)?;
    let mut high = transaction.gas_limit;
    let result = scene.run(chain, transaction.clone())?.result;
    let used = result.tx_gas_used();
    let first = match result {
        ExecutionResult::Success { gas, .. } => gas,
        ExecutionResult::Halt { reason: HaltReason::OutOfGas(_), .. } => {
            return Err(RpcError::Refused(format!("gas required exceeds allowance ({high})")));
        }
        failed => return Err(RpcError::of_result(failed).err().unwrap_or(RpcError::NotFound("error"))),
    };
    // Refunds are given at the end only, and a call passes on at most 63/64 of the gas.
    let mut low = used.saturating_sub(1);
    let optimistic = (first.total_gas_spent().max(used) + 2_300).saturating_mul(64) / 63;
    let mut middle = if optimistic < high { optimistic } else { low + (high - low) / 2 };
    while low + 1 < high && high - low > high / ESTIMATE_PRECISION {
        transaction.gas_limit = middle;
        let enough = match scene.run(chain, transaction.clone()) {
            Ok(result) => result.result.is_success(),
            // Below what the transaction costs before it runs.
            Err(RpcError::Refused(_)) => false,
            Err(error) => return Err(error),
        };
        if enough {
            high = middle;
        } else {
            low = middle;
        }
        // The answer is mostly near the low end.
        middle = (low + (high - low) / 2).min(low.saturating_mul(2)).max(low + 1);
    }
    Ok(high)
}

fn create_access_list(api: &Api, args: &mut Args<'_>) -> Result<AccessListResult, RpcError> {
    let request: TransactionRequest = args.required()?;
    let mut scene = scene(api, args.optional()?)?.overridden(args.optional()?, None)?;
    let given = request.access_list.clone().unwrap_or_default();
    let mut transaction = scene.transaction(request, api.limits.call_gas)?;
    let mut inspector = AccessListInspector::new(given);
    let environment = scene.environment.clone();
    let chain = api.node.chain();
    chain.transact(&mut scene.state, environment, transaction.clone().into(), &mut inspector)?;
    let access_list = inspector.into_access_list();
    transaction.access_list = access_list.clone();
    if transaction.tx_type == 0 {
        transaction.tx_type = 1;
    }
    let result = scene.run(chain, transaction)?.result;
    let error = match &result {
        ExecutionResult::Success { .. } => None,
        ExecutionResult::Revert { output, .. } => Some(RpcError::Reverted(output.clone()).to_string()),
        ExecutionResult::Halt { reason, .. } => Some(halt(reason)),
    };
    Ok(AccessListResult { access_list, gas_used: U256::from(result.tx_gas_used()), error })
}

/// The request with chain id, nonce, gas and fees.
pub(super) fn fill(api: &Api, mut request: TransactionRequest) -> Result<TransactionRequest, RpcError> {
    let node = &api.node;
    let from = request.from.unwrap_or_default();
    request.chain_id = Some(node.chain().chain_id());
    if request.nonce.is_none() {
        let waiting = node.pool().next_nonce(from);
        request.nonce = Some(match waiting {
            Some(nonce) => nonce,
            None => node.account(from)?.nonce,
        });
    }
    if request.gas_price.is_none() {
        let tip = request.max_priority_fee_per_gas.unwrap_or_else(|| super::fees::suggested_tip(api));
        request.max_priority_fee_per_gas = Some(tip);
        request.max_fee_per_gas.get_or_insert(2 * u128::from(node.next_base_fee()) + tip);
    }
    if request.gas.is_none() {
        let scene = Scene::after(node.chain(), &node.chain().head().header);
        let mut unpriced = request.clone();
        (unpriced.max_fee_per_gas, unpriced.max_priority_fee_per_gas, unpriced.gas_price) =
            (None, None, None);
        request.gas = Some(estimate(api, scene, unpriced)?);
    }
    Ok(request)
}
