//! Subscriptions over WebSocket.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use crate::harness::{Served, Tx, served, served_with, store_and_log, words};
use vellum_node::rpc::Limits;

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn open(served: &Served) -> Self {
        Self(connect_async(served.ws_url()).await.unwrap().0)
    }

    async fn send(&mut self, text: String) {
        self.0.send(Message::Text(text.into())).await.unwrap();
    }

    async fn next(&mut self) -> Value {
        loop {
            let message = tokio::time::timeout(Duration::from_secs(5), self.0.next()).await.unwrap();
            if let Message::Text(text) = message.unwrap().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.send(json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string()).await;
        self.next().await
    }
}

#[tokio::test]
async fn heads_logs_and_pending_transactions_are_told() {
    let served = served().await;
    let contract = served.deploy(0, 0, &store_and_log()).await;
    let mut heads = Socket::open(&served).await;
    let mut logs = Socket::open(&served).await;
    let mut pending = Socket::open(&served).await;
    let heads_id = heads.call("eth_subscribe", json!(["newHeads"])).await["result"].clone();
    assert!(heads_id.as_str().unwrap().starts_with("0x"));
    logs.call("eth_subscribe", json!(["logs", { "address": contract }])).await;
    pending.call("eth_subscribe", json!(["newPendingTransactions"])).await;

    let hash = served.include(&Tx::call(0, 1, contract, words(7, 42)).sign()).await;
    let told = heads.next().await;
    assert_eq!(told["method"], "eth_subscription");
    assert_eq!(told["params"]["subscription"], heads_id);
    assert_eq!(told["params"]["result"]["number"], "0x2");
    assert_eq!(logs.next().await["params"]["result"]["transactionHash"], json!(hash));
    assert_eq!(pending.next().await["params"]["result"], json!(hash));

    assert_eq!(heads.call("eth_unsubscribe", json!([heads_id])).await["result"], true);
    served.node.seal().unwrap();
    assert_eq!(heads.call("eth_blockNumber", json!([])).await["result"], "0x3");
}

#[tokio::test]
async fn bad_subscriptions_and_messages_are_refused() {
    let served = served_with(Limits::default(), |config| config.subscriptions = 3).await;
    let mut socket = Socket::open(&served).await;
    for params in
        [json!([]), json!(["nothing"]), json!(["logs", 5]), json!([5]), json!(["logs", { "topics": 5 }])]
    {
        let answer = socket.call("eth_subscribe", params).await;
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
    }
    for _ in 0..3 {
        assert!(socket.call("eth_subscribe", json!(["newHeads"])).await.get("result").is_some());
    }
    assert!(socket.call("eth_subscribe", json!(["newHeads"])).await.get("error").is_some());
    socket.send("nonsense".into()).await;
    assert_eq!(socket.next().await["error"]["code"], -32700);
    assert_eq!(socket.call("eth_unsubscribe", json!(["0x999"])).await["result"], false);
    // Over HTTP there is nothing to send notifications on.
    let (code, _) = served.error("eth_subscribe", json!(["newHeads"])).await;
    assert!([-32601, -32603, -32000].contains(&code), "{code}");
    // A message above the limit ends the connection, not the server.
    let mut large = Socket::open(&served).await;
    let _ = large.0.send(Message::Text("x".repeat(6 << 20).into())).await;
    assert_eq!(served.call("eth_chainId", json!([])).await, "0x384");
}
