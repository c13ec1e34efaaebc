//! `eth_`, as wallets use it.

use alloy_primitives::{Address, B256, U256, address};
use serde_json::{Value, json};

use crate::harness::{CHAIN_ID, Tx, keys, served, store_and_log, words};

#[tokio::test]
async fn a_transfer_gets_into_a_block_and_can_be_read_in_every_way() {
    let served = served().await;
    assert_eq!(served.call("eth_chainId", json!([])).await, json!(format!("{CHAIN_ID:#x}")));
    assert_eq!(served.call("eth_blockNumber", json!([])).await, "0x0");
    let hash = served.include(&Tx { value: U256::from(5), ..Tx::new(0) }.sign()).await;
    assert_eq!(served.call("eth_blockNumber", json!([])).await, "0x1");

    let receipt = served.call("eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(receipt["gasUsed"], "0x5208");
    assert_eq!(receipt["blockNumber"], "0x1");
    assert_eq!(receipt["type"], "0x2");
    let block = served.call("eth_getBlockByNumber", json!(["latest", true])).await;
    assert_eq!(block["transactions"][0]["hash"], json!(hash));
    assert_eq!(block["transactions"][0]["value"], "0x5");
    assert_eq!(block["hash"], receipt["blockHash"]);
    let by_hash = served.call("eth_getBlockByHash", json!([block["hash"], false])).await;
    assert_eq!(by_hash["transactions"][0], json!(hash));
    assert_eq!(by_hash["stateRoot"], block["stateRoot"]);
    let transaction = served.call("eth_getTransactionByHash", json!([hash])).await;
    assert_eq!(transaction, block["transactions"][0]);
    for (method, params) in [
        ("eth_getTransactionByBlockNumberAndIndex", json!(["0x1", "0x0"])),
        ("eth_getTransactionByBlockHashAndIndex", json!([block["hash"], "0x0"])),
    ] {
        assert_eq!(served.call(method, params).await, transaction);
    }
    assert_eq!(served.call("eth_getBlockReceipts", json!(["0x1"])).await, json!([receipt]));
    let to = "0x1111111111111111111111111111111111111111";
    assert_eq!(served.call("eth_getBalance", json!([to, "latest"])).await, "0x5");
    assert_eq!(served.call("eth_getBalance", json!([to, "0x0"])).await, "0x0");
    assert_eq!(served.call("eth_getBalance", json!([to, { "blockHash": block["hash"] }])).await, "0x5");
    let sender = keys()[0].address();
    assert_eq!(served.call("eth_getTransactionCount", json!([sender, "latest"])).await, "0x1");
    assert_eq!(served.call("eth_getTransactionCount", json!([sender])).await, "0x1");
    assert_eq!(served.call("eth_getBlockTransactionCountByNumber", json!(["0x1"])).await, "0x1");
    assert_eq!(served.call("eth_getBlockByNumber", json!(["0x2", false])).await, Value::Null);
    assert_eq!(served.call("eth_getTransactionReceipt", json!([B256::ZERO])).await, Value::Null);
}

#[tokio::test]
async fn contracts_are_deployed_called_and_estimated() {
    let served = served().await;
    let contract = served.deploy(0, 0, &store_and_log()).await;
    let code = served.call("eth_getCode", json!([contract, "latest"])).await;
    assert_eq!(code, json!(alloy_primitives::Bytes::from(store_and_log())));
    let data = alloy_primitives::Bytes::from(words(7, 42));
    let request = json!({ "from": keys()[0].address(), "to": contract, "data": data });
    let returned = served.call("eth_call", json!([request, "latest"])).await;
    assert_eq!(returned, json!(B256::from(U256::from(42))));
    let estimate = served.call("eth_estimateGas", json!([request])).await;
    let estimate = u64::from_str_radix(estimate.as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
    assert!((43_000..50_000).contains(&estimate), "{estimate}");

    let mut call = Tx::call(0, 1, contract, words(7, 42));
    call.gas = estimate;
    let hash = served.include(&call.sign()).await;
    let receipt = served.call("eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(receipt["logs"][0]["topics"][0], json!(B256::from(U256::from(7))));
    let slot = served.call("eth_getStorageAt", json!([contract, "0x7", "latest"])).await;
    assert_eq!(slot, json!(B256::from(U256::from(42))));
    // A slot that is cleared again: the trie collapses.
    served.include(&Tx::call(0, 2, contract, words(7, 0)).sign()).await;
    let slot = served.call("eth_getStorageAt", json!([contract, "0x7", "latest"])).await;
    assert_eq!(slot, json!(B256::ZERO));

    let list = served.call("eth_createAccessList", json!([request, "latest"])).await;
    assert_eq!(list["accessList"][0]["storageKeys"][0], json!(B256::from(U256::from(7))));
    let overridden = json!({ contract.to_string(): { "code": "0x602a5f5260205ff3" } });
    let returned = served.call("eth_call", json!([{ "to": contract }, "latest", overridden])).await;
    assert_eq!(returned, json!(B256::from(U256::from(42))));
    let (code, message) =
        served.error("eth_call", json!([{ "to": contract, "gas": "0x5208", "data": data }])).await;
    assert_eq!(code, -32000, "{message}");
}

#[tokio::test]
async fn reverts_come_with_their_data() {
    let served = served().await;
    // PUSH1 0xaa PUSH0 MSTORE PUSH1 32 PUSH0 REVERT
    let contract = served.deploy(0, 0, &alloy_primitives::hex!("60aa5f5260205ffd")).await;
    let body =
        json!({ "jsonrpc": "2.0", "id": 7, "method": "eth_call", "params": [{ "to": contract }, "latest"] });
    let (status, text) = served.post(body.to_string()).await;
    assert_eq!(status, 200);
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["error"]["code"], 3);
    assert_eq!(answer["error"]["data"], json!(B256::with_last_byte(0xaa)));
    assert_eq!(answer["error"]["message"], "execution reverted");
    let (code, _) = served.error("eth_estimateGas", json!([{ "to": contract }])).await;
    assert_eq!(code, 3);
}

#[tokio::test]
async fn proofs_verify_against_the_state_root() {
    let served = served().await;
    let contract = served.deploy(0, 0, &store_and_log()).await;
    served.include(&Tx::call(0, 1, contract, words(7, 42)).sign()).await;
    let block = served.call("eth_getBlockByNumber", json!(["latest", false])).await;
    let proof = served.call("eth_getProof", json!([contract, ["0x7", "0x8"], "latest"])).await;
    let proof: alloy_rpc_types_eth::EIP1186AccountProofResponse = serde_json::from_value(proof).unwrap();
    let root: B256 = serde_json::from_value(block["stateRoot"].clone()).unwrap();
    verify(root, contract, &proof);
    assert_eq!(proof.storage_proof[0].value, U256::from(42));
    assert_eq!(proof.storage_proof[1].value, U256::ZERO);
    let nobody = address!("0x2222222222222222222222222222222222222222");
    let absent = served.call("eth_getProof", json!([nobody, [], "latest"])).await;
    let absent: alloy_rpc_types_eth::EIP1186AccountProofResponse = serde_json::from_value(absent).unwrap();
    verify(root, nobody, &absent);
}

fn verify(root: B256, address: Address, proof: &alloy_rpc_types_eth::EIP1186AccountProofResponse) {
    use alloy_consensus::TrieAccount;
    use alloy_primitives::keccak256;
    use alloy_trie::{Nibbles, proof::verify_proof};
    let account = TrieAccount {
        nonce: proof.nonce,
        balance: proof.balance,
        storage_root: proof.storage_hash,
        code_hash: proof.code_hash,
    };
    let value = (account != TrieAccount::default()).then(|| alloy_rlp::encode(account));
    verify_proof(root, Nibbles::unpack(keccak256(address)), value, &proof.account_proof).unwrap();
    for slot in &proof.storage_proof {
        let value = (!slot.value.is_zero()).then(|| alloy_rlp::encode(slot.value));
        let key = Nibbles::unpack(keccak256(slot.key.as_b256()));
        verify_proof(proof.storage_hash, key, value, &slot.proof).unwrap();
    }
}
