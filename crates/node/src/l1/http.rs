//! L1 over JSON-RPC and, for blobs, the beacon API; blocking, with limits on time and size.

use std::time::Duration;

use alloy_consensus::Sealable;
use alloy_eips::BlockNumberOrTag;
use alloy_eips::eip4844::Blob;
use alloy_primitives::{Address, B256, Bytes, U64, U128, U256};
use alloy_rpc_types_eth::{Block, Filter, Log};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{At, L1, L1Call, L1Error, L1Fees, L1Header, L1Log, L1Receipt};
use crate::kzg;

/// Longest wait for one answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest answer in bytes: events of many blocks, or the blobs of one.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// Longest error message taken over.
const MESSAGE_CHARS: usize = 300;
/// Wei per blob gas in calls that are only tried: above any price seen, and an account of a batcher can pay it.
const ESTIMATE_BLOB_FEE: u64 = 200_000_000_000;
/// JSON-RPC code of an unknown method.
const UNKNOWN_METHOD: i64 = -32601;
/// Suggested tip where L1 suggests none: 1 gwei.
const TIP: u128 = 1_000_000_000;

/// An L1 node.
pub struct HttpL1 {
    agent: ureq::Agent,
    url: String,
    beacon: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    result: Option<Value>,
    error: Option<AnswerError>,
}

#[derive(Deserialize)]
struct AnswerError {
    code: i64,
    message: String,
    data: Option<Value>,
}

/// A receipt of any transaction type, those of L2 included.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    block_number: Option<U64>,
    block_hash: Option<B256>,
    status: U64,
    gas_used: U64,
    effective_gas_price: Option<U128>,
    blob_gas_used: Option<U64>,
    contract_address: Option<Address>,
    logs: Vec<Log>,
}

impl HttpL1 {
    /// The node at `url` (http or https); blobs come from the beacon node at `beacon`, or from the node itself where it
    /// serves them (development chains).
    pub fn new(url: &str, beacon: Option<&str>) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            // Errors come as JSON with some servers, so the body is wanted whatever the status.
            .http_status_as_error(false)
            .build();
        let beacon = beacon.map(|url| url.trim_end_matches('/').to_owned());
        Self { agent: config.into(), url: url.to_owned(), beacon }
    }

    fn unreachable(&self, error: &ureq::Error) -> L1Error {
        L1Error::Unreachable { url: self.url.clone(), reason: error.to_string() }
    }

    /// Calls any method of the node.
    ///
    /// # Errors
    /// No answer, an error, or an answer of another type.
    pub fn request<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T, L1Error> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let mut response = self
            .agent
            .post(&self.url)
            .header("content-type", "application/json")
            .send(&request[..])
            .map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let body = body.map_err(|error| match error {
            ureq::Error::BodyExceedsLimit(_) => malformed(method, "more than 64 MiB"),
            error => self.unreachable(&error),
        })?;
        // A proxy before a node that is down answers with a page of its own.
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| match status {
            429 | 500..=599 => {
                L1Error::Unreachable { url: self.url.clone(), reason: format!("HTTP status {status}") }
            }
            _ => malformed(method, format_args!("no JSON-RPC, HTTP status {status}")),
        })?;
        if let Some(error) = answer.error {
            return Err(refused(method, error));
        }
        serde_json::from_value(answer.result.unwrap_or_default()).map_err(|error| malformed(method, error))
    }

    /// A beacon node's answer to a GET.
    fn beacon<T: DeserializeOwned>(&self, beacon: &str, path: &str) -> Result<T, L1Error> {
        let method = "the beacon API";
        let unreachable =
            |error: ureq::Error| L1Error::Unreachable { url: beacon.to_owned(), reason: error.to_string() };
        let mut response = self.agent.get(format!("{beacon}{path}")).call().map_err(unreachable)?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let body = body.map_err(unreachable)?;
        if status != 200 {
            return Err(malformed(method, format_args!("HTTP status {status} for {path}")));
        }
        serde_json::from_slice(&body).map_err(|error| malformed(method, error))
    }

    fn block(&self, tag: BlockNumberOrTag) -> Result<Option<L1Header>, L1Error> {
        let method = "eth_getBlockByNumber";
        let block: Option<Block<B256>> = self.request(method, json!([tag, false]))?;
        let Some(block) = block else { return Ok(None) };
        let sealed = block.header.inner.seal_slow();
        // Derivation hashes the header: a field that it does not know would only show up much later.
        if sealed.hash() != block.header.hash {
            let reason = format_args!("block {} whose header does not have its hash", sealed.number);
            return Err(malformed(method, reason));
        }
        Ok(Some(L1Header { hash: sealed.hash(), header: sealed.into_inner() }))
    }

    fn blobs_of_beacon(&self, beacon: &str, block: u64) -> Result<Vec<Box<Blob>>, L1Error> {
        #[derive(Deserialize)]
        struct Data<T> {
            data: T,
        }
        #[derive(Deserialize)]
        struct Genesis {
            genesis_time: String,
        }
        #[derive(Deserialize)]
        struct Spec {
            #[serde(rename = "SECONDS_PER_SLOT")]
            seconds_per_slot: String,
        }
        let number = |text: &str| {
            text.parse::<u64>().map_err(|_| malformed("the beacon API", format_args!("{text} as a number")))
        };
        let header = self.header(block)?.ok_or_else(|| malformed("eth_getBlockByNumber", "no such block"))?;
        let genesis: Data<Genesis> = self.beacon(beacon, "/eth/v1/beacon/genesis")?;
        let spec: Data<Spec> = self.beacon(beacon, "/eth/v1/config/spec")?;
        let since = header.header.timestamp.saturating_sub(number(&genesis.data.genesis_time)?);
        let slot = since / number(&spec.data.seconds_per_slot)?.max(1);
        let blobs: Data<Vec<Box<Blob>>> = self.beacon(beacon, &format!("/eth/v1/beacon/blobs/{slot}"))?;
        Ok(blobs.data)
    }
}

impl L1 for HttpL1 {
    fn chain_id(&self) -> Result<u64, L1Error> {
        self.request::<U64>("eth_chainId", json!([])).map(|id| id.to())
    }

    fn head(&self) -> Result<L1Header, L1Error> {
        let head = self.block(BlockNumberOrTag::Latest)?;
        head.ok_or_else(|| malformed("eth_getBlockByNumber", "no newest block"))
    }

    fn header(&self, number: u64) -> Result<Option<L1Header>, L1Error> {
        self.block(BlockNumberOrTag::Number(number))
    }

    fn logs(&self, addresses: &[Address], from: u64, to: u64) -> Result<Vec<L1Log>, L1Error> {
        let method = "eth_getLogs";
        let filter = Filter::new().address(addresses.to_vec()).from_block(from).to_block(to);
        let logs: Vec<Log> = self.request(method, json!([filter]))?;
        let placed = logs.into_iter().map(|log| {
            Some(L1Log {
                block: log.block_number?,
                block_hash: log.block_hash?,
                transaction: log.transaction_hash?,
                index: log.log_index?,
                log: log.inner,
            })
        });
        let mut placed =
            placed.collect::<Option<Vec<_>>>().ok_or_else(|| malformed(method, "an event without place"))?;
        // Asked for these, but what is not checked is not known.
        if placed.iter().any(|log| !(from..=to).contains(&log.block) || !addresses.contains(&log.log.address))
        {
            return Err(malformed(method, "events that were not asked for"));
        }
        placed.sort_by_key(|log| (log.block, log.index));
        Ok(placed)
    }

    fn call(&self, call: &L1Call, at: At) -> Result<Bytes, L1Error> {
        let tag = match at {
            At::Latest => BlockNumberOrTag::Latest,
            At::Number(number) => BlockNumberOrTag::Number(number),
        };
        self.request("eth_call", json!([request_of(call), tag]))
    }

    fn estimate_gas(&self, call: &L1Call) -> Result<u64, L1Error> {
        self.request::<U64>("eth_estimateGas", json!([request_of(call)])).map(|gas| gas.to())
    }

    fn code(&self, address: Address) -> Result<Bytes, L1Error> {
        self.request("eth_getCode", json!([address, "latest"]))
    }

    fn balance(&self, address: Address) -> Result<U256, L1Error> {
        self.request("eth_getBalance", json!([address, "latest"]))
    }

    fn nonce(&self, address: Address) -> Result<u64, L1Error> {
        self.request::<U64>("eth_getTransactionCount", json!([address, "latest"])).map(|nonce| nonce.to())
    }

    fn fees(&self) -> Result<L1Fees, L1Error> {
        let base = self.head()?.header.base_fee_per_gas.unwrap_or_default();
        let optional = |method, default| match self.request::<U128>(method, json!([])) {
            Ok(fee) => Ok(fee.to()),
            Err(L1Error::Refused { code: UNKNOWN_METHOD, .. }) => Ok(default),
            Err(error) => Err(error),
        };
        let tip = optional("eth_maxPriorityFeePerGas", TIP)?;
        let blob = optional("eth_blobBaseFee", 1)?;
        Ok(L1Fees { base: base.into(), blob, tip })
    }

    fn send(&self, raw: &[u8]) -> Result<(), L1Error> {
        let params = json!([format!("0x{}", hex::encode(raw))]);
        match self.request::<B256>("eth_sendRawTransaction", params) {
            Ok(_) => Ok(()),
            Err(L1Error::Refused { message, .. }) if is_known(&message) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn receipt(&self, transaction: B256) -> Result<Option<L1Receipt>, L1Error> {
        let receipt: Option<Receipt> = self.request("eth_getTransactionReceipt", json!([transaction]))?;
        let Some(receipt) = receipt else { return Ok(None) };
        let (Some(block), Some(block_hash)) = (receipt.block_number, receipt.block_hash) else {
            return Ok(None);
        };
        Ok(Some(L1Receipt {
            transaction,
            block: block.to(),
            block_hash,
            success: receipt.status == U64::ONE,
            gas_used: receipt.gas_used.to(),
            gas_price: receipt.effective_gas_price.unwrap_or_default().to(),
            blob_gas_used: receipt.blob_gas_used.unwrap_or_default().to(),
            created: receipt.contract_address,
            logs: receipt.logs.into_iter().map(|log| log.inner).collect(),
        }))
    }

    fn blobs(&self, block: u64, transaction: B256, hashes: &[B256]) -> Result<Vec<Box<Blob>>, L1Error> {
        let method = "anvil_getBlobsByTransactionHash";
        let served = match &self.beacon {
            Some(beacon) => self.blobs_of_beacon(beacon, block)?,
            None => self.request::<Option<Vec<Box<Blob>>>>(method, json!([transaction]))?.unwrap_or_default(),
        };
        select(served, hashes)
    }
}

/// Those of the blobs served that have the hashes, in their order.
fn select(served: Vec<Box<Blob>>, hashes: &[B256]) -> Result<Vec<Box<Blob>>, L1Error> {
    let served: Vec<_> = served.into_iter().map(|blob| (kzg::versioned_hash(&blob), blob)).collect();
    let find = |hash: &B256| {
        let found = served.iter().find(|(of, _)| of.as_ref() == Some(hash));
        found.map(|(_, blob)| blob.clone()).ok_or_else(|| L1Error::NoBlob {
            hash: *hash,
            reason: format!("none of the {} served has this hash", served.len()),
        })
    };
    hashes.iter().map(find).collect()
}

fn request_of(call: &L1Call) -> Value {
    let mut request = json!({ "from": call.from, "value": call.value, "input": call.data });
    if let Some(to) = call.to {
        request["to"] = json!(to);
    }
    if !call.blob_hashes.is_empty() {
        request["blobVersionedHashes"] = json!(call.blob_hashes);
        request["maxFeePerBlobGas"] = json!(U256::from(ESTIMATE_BLOB_FEE));
    }
    request
}

/// Clients' words for a transaction that is in their pool or in a block already.
fn is_known(message: &str) -> bool {
    let message = message.to_lowercase();
    ["already known", "already imported", "known transaction", "alreadyknown"]
        .iter()
        .any(|words| message.contains(words))
}

fn refused(method: &'static str, error: AnswerError) -> L1Error {
    // A revert's data is a string with some servers, an object around it with others.
    let data = error.data.and_then(|data| match data {
        Value::Object(mut object) => object.remove("data"),
        other => Some(other),
    });
    L1Error::Refused {
        method,
        code: error.code,
        message: error.message.chars().take(MESSAGE_CHARS).collect(),
        data: data.and_then(|data| serde_json::from_value(data).ok()),
    }
}

fn malformed(method: &'static str, reason: impl std::fmt::Display) -> L1Error {
    L1Error::Malformed { method, reason: reason.to_string().chars().take(MESSAGE_CHARS).collect() }
}
