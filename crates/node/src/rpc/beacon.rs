//! The part of the beacon API that an L1 client needs to find blobs, on an embedded L1: `GET /eth/v1/…`.
//!
//! There are no consensus nodes here. The slot of a block is its timestamp minus that of block 0, so a slot is a second,
//! and its beacon block root is the parent beacon block root of the block after it, as far as there is one.

use alloy_eips::{
    eip4844::{Blob, kzg_to_versioned_hash},
    eip7594::BlobTransactionSidecarVariant,
};
use alloy_primitives::{B256, hex};
use jsonrpsee::server::{HttpBody, HttpResponse};
use serde_json::{Value, json};

use super::{Api, RpcError};
use crate::block::Block;

/// Longest path that is looked at; room for some versioned hashes in the query.
const MAX_PATH: usize = 4096;

/// Answers a path below `/eth/v1/`; none if it is no path of this API.
pub(super) fn answer(api: &Api, path: &str, query: Option<&str>) -> Option<HttpResponse> {
    let path = path.strip_prefix("/eth/v1/").filter(|path| path.len() <= MAX_PATH)?;
    let segments: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let found = match segments[..] {
        ["node", "version"] => Ok(json!({ "version": concat!("vellum/v", env!("CARGO_PKG_VERSION")) })),
        ["beacon", "genesis"] => genesis(api),
        ["config", "spec"] => Ok(json!({
            "SECONDS_PER_SLOT": "1",
            "SLOTS_PER_EPOCH": "32",
            "DEPOSIT_CHAIN_ID": api.node().chain().chain_id().to_string(),
            "DEPOSIT_NETWORK_ID": api.node().chain().chain_id().to_string(),
            "MAX_BLOBS_PER_BLOCK": "9",
        })),
        ["beacon", "headers", id] => found(api, id).map(|(block, slot)| header(api, &block, slot)),
        ["beacon", "blobs", id] => found(api, id).and_then(|(block, _)| blobs_of(api, &block, query)),
        ["beacon", "blob_sidecars", id] => {
            found(api, id).and_then(|(block, slot)| sidecars(api, &block, slot, query))
        }
        _ => return None,
    };
    Some(match found {
        Ok(data) => {
            response(200, &json!({ "data": data, "execution_optimistic": false, "finalized": false }))
        }
        Err(RpcError::InvalidParams(message)) => response(400, &json!({ "code": 400, "message": message })),
        Err(RpcError::NotFound(what)) => {
            response(404, &json!({ "code": 404, "message": format!("{what} not found") }))
        }
        Err(error) => response(500, &json!({ "code": 500, "message": error.to_string() })),
    })
}

fn response(status: u16, body: &Value) -> HttpResponse {
    let mut response = HttpResponse::new(HttpBody::from(body.to_string()));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    let json = hyper::header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, json);
    response
}

fn genesis_time(api: &Api) -> Result<u64, RpcError> {
    let header = api.node().chain().header_by_number(0)?.ok_or(RpcError::NotFound("genesis"))?;
    Ok(header.timestamp)
}

fn genesis(api: &Api) -> Result<Value, RpcError> {
    Ok(json!({
        "genesis_time": genesis_time(api)?.to_string(),
        "genesis_validators_root": api.node().chain().genesis_hash(),
        "genesis_fork_version": "0x00000000",
    }))
}

/// The block that `head`, `finalized`, `genesis`, a slot, or the hash of the execution block or of its beacon block names.
fn found(api: &Api, id: &str) -> Result<(std::sync::Arc<Block>, u64), RpcError> {
    let chain = api.node().chain();
    let genesis = genesis_time(api)?;
    let block = match id {
        "head" => Some(chain.head()),
        "finalized" => chain.block_by_number(chain.finalized())?,
        "genesis" => chain.block_by_number(0)?,
        root if root.starts_with("0x") => {
            let root: B256 =
                root.parse().map_err(|_| RpcError::InvalidParams("block id is no 32-byte root".into()))?;
            match chain.block_at(root.into())? {
                Some(block) => Some(block),
                None => by_beacon_root(api, root)?,
            }
        }
        slot => {
            let slot: u64 =
                slot.parse().map_err(|_| RpcError::InvalidParams("block id is no slot".into()))?;
            by_timestamp(api, genesis.saturating_add(slot))?
        }
    };
    let block = block.ok_or(RpcError::NotFound("block"))?;
    let slot = block.header.timestamp.saturating_sub(genesis);
    Ok((block, slot))
}

/// The block with this timestamp, by bisection: timestamps grow.
fn by_timestamp(api: &Api, timestamp: u64) -> Result<Option<std::sync::Arc<Block>>, RpcError> {
    let chain = api.node().chain();
    let (mut low, mut high) = (0, chain.head_number());
    while low < high {
        let middle = low + (high - low) / 2;
        let header = chain.header_by_number(middle)?.ok_or(RpcError::NotFound("block"))?;
        if header.timestamp < timestamp {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(chain.block_by_number(low)?.filter(|block| block.header.timestamp == timestamp))
}

/// The block before the one that names this root as its parent's beacon block, among the last ones.
fn by_beacon_root(api: &Api, root: B256) -> Result<Option<std::sync::Arc<Block>>, RpcError> {
    const LAST: u64 = 8192;
    let chain = api.node().chain();
    let head = chain.head_number();
    for number in (head.saturating_sub(LAST).max(1)..=head).rev() {
        let header = chain.header_by_number(number)?.ok_or(RpcError::NotFound("block"))?;
        if header.parent_beacon_block_root == Some(root) {
            return Ok(chain.block_by_number(number - 1)?);
        }
    }
    Ok(None)
}

/// Root of the block's beacon block: what the next block says, or the block's own hash while there is none.
fn beacon_root(api: &Api, block: &Block) -> B256 {
    let next = api.node().chain().header_by_number(block.number() + 1).ok().flatten();
    next.and_then(|next| next.parent_beacon_block_root).unwrap_or_else(|| block.hash())
}

fn header(api: &Api, block: &Block, slot: u64) -> Value {
    json!({
        "root": beacon_root(api, block),
        "canonical": true,
        "header": {
            "message": {
                "slot": slot.to_string(),
                "proposer_index": "0",
                "parent_root": block.header.parent_beacon_block_root,
                "state_root": block.header.state_root,
                "body_root": block.hash(),
            },
            "signature": hex::encode_prefixed([0; 96]),
        },
    })
}

/// The blobs of a sidecar of either format.
pub(super) fn blobs(sidecar: &BlobTransactionSidecarVariant) -> &[Blob] {
    match sidecar {
        BlobTransactionSidecarVariant::Eip4844(sidecar) => &sidecar.blobs,
        BlobTransactionSidecarVariant::Eip7594(sidecar) => &sidecar.blobs,
    }
}

fn blobs_of(api: &Api, block: &Block, query: Option<&str>) -> Result<Value, RpcError> {
    let wanted = listed(query, "versioned_hashes")?;
    let mut found = vec![];
    for (_, sidecar) in api.node().chain().sidecars(block.hash())? {
        for (blob, commitment) in blobs(&sidecar).iter().zip(sidecar.commitments()) {
            let hash = kzg_to_versioned_hash(commitment.as_slice()).to_string();
            if wanted.as_ref().is_none_or(|wanted| wanted.contains(&hash)) {
                found.push(Value::String(hex::encode_prefixed(blob)));
            }
        }
    }
    Ok(Value::Array(found))
}

fn sidecars(api: &Api, block: &Block, slot: u64, query: Option<&str>) -> Result<Value, RpcError> {
    let wanted = listed(query, "indices")?;
    let signed = header(api, block, slot)["header"].clone();
    let mut found = vec![];
    let mut index = 0_u64;
    for (_, sidecar) in api.node().chain().sidecars(block.hash())? {
        let proofs: Vec<_> = match &sidecar {
            BlobTransactionSidecarVariant::Eip4844(sidecar) => sidecar.proofs.clone(),
            // Cell proofs are no blob proofs: they are left out.
            BlobTransactionSidecarVariant::Eip7594(_) => vec![],
        };
        for (place, blob) in blobs(&sidecar).iter().enumerate() {
            let name = index.to_string();
            index += 1;
            if wanted.as_ref().is_some_and(|wanted| !wanted.contains(&name)) {
                continue;
            }
            found.push(json!({
                "index": name,
                "blob": hex::encode_prefixed(blob),
                "kzg_commitment": sidecar.commitments()[place],
                "kzg_proof": proofs.get(place),
                "signed_block_header": signed,
                "kzg_commitment_inclusion_proof": [],
            }));
        }
    }
    Ok(Value::Array(found))
}

/// The values of a query's field: `name=a,b&name=c`; none if the field is not there.
fn listed(query: Option<&str>, name: &str) -> Result<Option<Vec<String>>, RpcError> {
    let query = query.unwrap_or_default();
    if query.len() > MAX_PATH {
        return Err(RpcError::InvalidParams("query is too long".into()));
    }
    let values =
        query.split('&').filter_map(|field| field.split_once('=')).filter(|(field, _)| *field == name);
    let values: Vec<String> =
        values.flat_map(|(_, values)| values.split(',')).map(str::to_lowercase).collect();
    Ok((!values.is_empty()).then_some(values))
}
