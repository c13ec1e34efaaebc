//! A blocking JSON-RPC client for one node, with limits on time and size.

use std::time::Duration;

use serde_json::{Value, json};

use super::FetchError;

/// Longest wait for one answer.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer in bytes; the largest is a block with all its transactions.
const MAX_RESPONSE_BYTES: u64 = 64 << 20;

/// A node's JSON-RPC endpoint.
pub(super) struct Rpc {
    agent: ureq::Agent,
    url: String,
}

impl Rpc {
    pub(super) fn new(url: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            // Errors come as JSON with some servers, so the body is wanted whatever the status.
            .http_status_as_error(false)
            .build();
        Self { agent: config.into(), url: url.to_owned() }
    }

    /// Calls `method` and returns its result; null if the node has none.
    pub(super) fn call(&self, method: &'static str, params: Value) -> Result<Value, FetchError> {
        let unreachable =
            |error: ureq::Error| FetchError::Unreachable { url: self.url.clone(), reason: error.to_string() };
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let mut response = self
            .agent
            .post(&self.url)
            .header("content-type", "application/json")
            .send(&request[..])
            .map_err(unreachable)?;
        let status = response.status();
        let body = response.body_mut().with_config().limit(MAX_RESPONSE_BYTES).read_to_vec();
        let body = body.map_err(|error| match error {
            ureq::Error::BodyExceedsLimit(_) => malformed(method, "answer is longer than 64 MiB"),
            error => unreachable(error),
        })?;

        let answer: Value = serde_json::from_slice(&body)
            .map_err(|_| malformed(method, &format!("no JSON, HTTP status {}", status.as_u16())))?;
        if let Some(error) = answer.get("error").filter(|error| !error.is_null()) {
            let message = error.get("message").and_then(Value::as_str).unwrap_or("without a message");
            return Err(FetchError::Rpc { method, message: message.chars().take(300).collect() });
        }
        answer.get("result").cloned().ok_or_else(|| malformed(method, "neither result nor error"))
    }
}

/// The error that the answer to `method` is not what it should be.
pub(super) fn malformed(method: &'static str, reason: &str) -> FetchError {
    FetchError::Malformed { method, reason: reason.to_owned() }
}
