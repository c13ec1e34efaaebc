//! `eth_getProof`.

use alloy_consensus::{EMPTY_ROOT_HASH, constants::KECCAK_EMPTY};
use alloy_primitives::Address;
use alloy_rpc_types_eth::{EIP1186AccountProofResponse, EIP1186StorageProof};
use alloy_serde::JsonStorageKey;

use super::{Api, Args, Methods, RpcError};

pub(super) fn register(methods: &mut Methods) {
    methods.add("eth_getProof", 3, proof);
}

fn proof(api: &Api, args: &mut Args<'_>) -> Result<EIP1186AccountProofResponse, RpcError> {
    let address: Address = args.required()?;
    let keys: Vec<JsonStorageKey> = args.required()?;
    let block = api.block(args.optional()?)?;
    if keys.len() > api.limits.proof_slots {
        return Err(RpcError::Limit(format!("more than {} storage keys", api.limits.proof_slots)));
    }
    let slots: Vec<_> = keys.iter().map(|key| key.as_b256().into()).collect();
    let proof = api.node.chain().account_proof(&block.header, address, &slots)?;
    let slots = keys.into_iter().zip(proof.slots);
    let account = proof.account;
    Ok(EIP1186AccountProofResponse {
        address,
        balance: account.map(|account| account.balance).unwrap_or_default(),
        code_hash: account.map_or(KECCAK_EMPTY, |account| account.code_hash),
        nonce: account.map_or(0, |account| account.nonce),
        storage_hash: account.map_or(EMPTY_ROOT_HASH, |account| account.storage_root),
        account_proof: proof.proof,
        storage_proof: slots
            .map(|(key, slot)| EIP1186StorageProof::new(key, slot.value, slot.proof))
            .collect(),
    })
}
