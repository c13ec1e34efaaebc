//! Blob transactions on the embedded L1.

use alloy_consensus::{
    EthereumTxEnvelope, SidecarBuilder, SignableTransaction, SimpleCoder, TxEip4844, TxEip4844WithSidecar,
};
use alloy_eips::{Encodable2718, eip7594::BlobTransactionSidecarVariant};
use alloy_primitives::{Bytes, U256, address};
use alloy_signer::SignerSync;
use serde_json::json;

use crate::harness::{CHAIN_ID, keys, served};

fn blob_transaction(nonce: u64, sidecar: BlobTransactionSidecarVariant) -> Bytes {
    let tx = TxEip4844 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 3_000_000_000,
        max_priority_fee_per_gas: 1,
        to: address!("0x1111111111111111111111111111111111111111"),
        value: U256::ZERO,
        access_list: Default::default(),
        blob_versioned_hashes: sidecar.versioned_hashes().collect(),
        max_fee_per_blob_gas: 100,
        input: Bytes::new(),
    };
    let tx = TxEip4844WithSidecar { tx, sidecar };
    let signature = keys()[0].sign_hash_sync(&tx.signature_hash()).unwrap();
    EthereumTxEnvelope::<TxEip4844WithSidecar<BlobTransactionSidecarVariant>>::Eip4844(
        tx.into_signed(signature),
    )
    .encoded_2718()
    .into()
}

fn sidecar(data: &[u8]) -> alloy_eips::eip4844::BlobTransactionSidecar {
    SidecarBuilder::<SimpleCoder>::from_slice(data).build_4844().unwrap()
}

#[tokio::test]
async fn blobs_are_checked_kept_and_served() {
    let served = served().await;
    let good = sidecar(&[7; 1000]);
    let blob = good.blobs[0];
    let hash = served.include(&blob_transaction(0, good.clone().into())).await;
    let receipt = served.call("eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!((receipt["status"].as_str(), receipt["type"].as_str()), (Some("0x1"), Some("0x3")));
    assert_eq!(receipt["blobGasUsed"], "0x20000");
    assert_eq!(receipt["blobGasPrice"], "0x1");
    let block = served.call("eth_getBlockByNumber", json!(["latest", true])).await;
    assert_eq!(block["blobGasUsed"], "0x20000");
    assert_eq!(block["transactions"][0]["blobVersionedHashes"].as_array().unwrap().len(), 1);

    let hex = alloy_primitives::hex::encode_prefixed(blob);
    assert_eq!(served.call("anvil_getBlobsByTransactionHash", json!([hash])).await, json!([hex]));
    let (status, genesis) = served.get("/eth/v1/beacon/genesis").await;
    assert_eq!((status, genesis["data"]["genesis_time"].as_str()), (200, Some("1700000000")));
    assert_eq!(served.get("/eth/v1/config/spec").await.1["data"]["SECONDS_PER_SLOT"], "1");
    for id in ["head".into(), "1".into(), block["hash"].as_str().unwrap().to_owned()] {
        let (status, blobs) = served.get(&format!("/eth/v1/beacon/blobs/{id}")).await;
        assert_eq!((status, &blobs["data"]), (200, &json!([hex])), "{id}");
    }
    let versioned = block["transactions"][0]["blobVersionedHashes"][0].as_str().unwrap();
    let (_, blobs) = served.get(&format!("/eth/v1/beacon/blobs/head?versioned_hashes={versioned}")).await;
    assert_eq!(blobs["data"], json!([hex]));
    let (_, blobs) = served.get("/eth/v1/beacon/blobs/head?versioned_hashes=0x01").await;
    assert_eq!(blobs["data"], json!([]));
    let (_, sidecars) = served.get("/eth/v1/beacon/blob_sidecars/1").await;
    assert_eq!(sidecars["data"][0]["kzg_commitment"], json!(good.commitments[0]));
    assert_eq!(sidecars["data"][0]["kzg_proof"], json!(good.proofs[0]));
    assert_eq!(served.get("/eth/v1/beacon/blobs/99").await.0, 404);
    assert_eq!(served.get("/eth/v1/beacon/blobs/nonsense").await.0, 400);
    assert_eq!(served.get("/eth/v1/beacon/blobs/0x1234").await.0, 400);
    // The root by which the next block names this one's beacon block.
    served.node.seal().unwrap();
    let next = served.call("eth_getBlockByNumber", json!(["latest", false])).await;
    let root = next["parentBeaconBlockRoot"].as_str().unwrap();
    assert_eq!(served.get(&format!("/eth/v1/beacon/blobs/{root}")).await.1["data"], json!([hex]));
    assert_eq!(served.get("/eth/v1/beacon/headers/1").await.1["data"]["root"], root);
}

#[tokio::test]
async fn cell_proofs_are_taken_too() {
    let served = served().await;
    let cells = SidecarBuilder::<SimpleCoder>::from_slice(&[9; 500]).build_7594().unwrap();
    let hash = served.include(&blob_transaction(0, cells.into())).await;
    assert_eq!(served.call("eth_getTransactionReceipt", json!([hash])).await["status"], "0x1");
    assert_eq!(
        served.call("anvil_getBlobsByTransactionHash", json!([hash])).await.as_array().unwrap().len(),
        1
    );
}

#[tokio::test]
async fn wrong_blobs_are_refused() {
    let served = served().await;
    let good = sidecar(&[7; 1000]);
    let mut changed = good.clone();
    changed.blobs[0][100] ^= 1;
    let mut proof = good.clone();
    proof.proofs[0] = sidecar(&[8; 10]).proofs[0];
    let mut missing = good.clone();
    missing.proofs.clear();
    for wrong in [changed, proof, missing] {
        let (code, message) =
            served.error("eth_sendRawTransaction", json!([blob_transaction(0, wrong.into())])).await;
        assert!([-32000, -32602].contains(&code), "{code} {message}");
    }
    // Without blobs, as it stands in a block.
    let with = blob_transaction(0, good.into());
    let pooled =
        EthereumTxEnvelope::<TxEip4844WithSidecar<BlobTransactionSidecarVariant>>::decode_2718_exact(&with);
    use alloy_eips::Decodable2718;
    let bare: EthereumTxEnvelope<TxEip4844> = match pooled.unwrap() {
        EthereumTxEnvelope::Eip4844(signed) => {
            let (tx, signature, hash) = signed.into_parts();
            EthereumTxEnvelope::Eip4844(alloy_consensus::Signed::new_unchecked(tx.tx, signature, hash))
        }
        _ => unreachable!("a blob transaction was signed"),
    };
    let (code, _) = served.error("eth_sendRawTransaction", json!([Bytes::from(bare.encoded_2718())])).await;
    assert_eq!(code, -32602);
}

#[tokio::test]
async fn a_block_takes_nine_blobs_and_the_rest_waits() {
    let served = served().await;
    for nonce in 0..4 {
        let data = vec![nonce as u8; 31 * 4096 * 2];
        let raw = blob_transaction(nonce, sidecar(&data).into());
        served.call("eth_sendRawTransaction", json!([raw])).await;
    }
    let first = served.node.seal().unwrap();
    let blobs = first.header.blob_gas_used.unwrap() / 131_072;
    assert!((6..=9).contains(&blobs), "{blobs}");
    let second = served.node.seal().unwrap();
    assert_eq!(first.transactions.len() + second.transactions.len(), 4);
    assert!(second.header.excess_blob_gas.unwrap() > 0 || blobs == 6);
}
