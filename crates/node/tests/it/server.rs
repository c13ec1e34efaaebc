//! Bad input of every kind, over real connections: the answer is always a JSON-RPC error or an HTTP status, and the
//! server goes on.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use vellum_node::rpc::Limits;

use crate::harness::{Served, served, served_with};

fn code(text: &str) -> i64 {
    let answer: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    // What begins like a batch is answered like one.
    let answer = answer.get(0).unwrap_or(&answer);
    answer["error"]["code"].as_i64().unwrap_or_else(|| panic!("{text}"))
}

async fn still_there(served: &Served) {
    assert_eq!(served.call("eth_chainId", json!([])).await, "0x384");
}

#[tokio::test]
async fn what_is_no_request_gets_the_standard_error() {
    let served = served().await;
    for (body, expected) in [
        ("", -32700),
        ("{", -32700),
        ("nonsense", -32700),
        ("\u{0}\u{ff}", -32700),
        ("[]", -32600),
        ("42", -32600),
        ("{}", -32600),
        (r#"{"jsonrpc":"2.0","id":1}"#, -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"eth_nothing","params":[]}"#, -32601),
        (r#"{"jsonrpc":"2.0","id":1,"method":"","params":[]}"#, -32601),
        (r#"{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":{"address":"0x"}}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":"0x"}"#, -32602),
    ] {
        let (_, text) = served.post(body).await;
        let got = code(&text);
        // A parse error and an invalid request are not always told apart.
        let close = [-32700, -32600].contains(&expected) && [-32700, -32600].contains(&got);
        assert!(got == expected || close, "{body}: {text}");
    }
    still_there(&served).await;
}

#[tokio::test]
async fn wrong_parameters_are_refused_by_every_method() {
    let served = served().await;
    let wrong = [
        json!([]),
        json!([null]),
        json!([1]),
        json!(["0x"]),
        json!(["0xzz", "latest"]),
        json!([{ "a": 1 }]),
        json!([[[]]]),
        json!(["0x00", "0x00", "0x00", "0x00", "0x00", "0x00"]),
        json!([u64::MAX, -1, 1.5]),
        json!(["latest", "0xffffffffffffffffffffffff"]),
    ];
    let methods = [
        "eth_getBalance",
        "eth_getCode",
        "eth_getStorageAt",
        "eth_getTransactionCount",
        "eth_getBlockByHash",
        "eth_getTransactionByHash",
        "eth_getTransactionReceipt",
        "eth_getTransactionByBlockHashAndIndex",
        "eth_getTransactionByBlockNumberAndIndex",
        "eth_sendRawTransaction",
        "eth_getProof",
        "eth_getFilterChanges",
        "eth_feeHistory",
        "debug_traceTransaction",
        "debug_traceBlockByHash",
        "eth_simulateV1",
        "ots_getTransactionBySenderAndNonce",
        "vellum_transactionStatus",
        "web3_sha3",
        "evm_increaseTime",
        "eth_sign",
    ];
    for method in methods {
        for params in &wrong {
            if (method, params) == ("evm_increaseTime", &json!([1]))
                || (method, params) == ("web3_sha3", &json!(["0x"]))
            {
                continue;
            }
            let (code, message) = served.error(method, params.clone()).await;
            assert!([-32602, -32001, -32000].contains(&code), "{method} {params}: {code} {message}");
        }
    }
    still_there(&served).await;
}

#[tokio::test]
async fn depth_and_size_are_bounded() {
    let served = served().await;
    for depth in [1_000, 100_000] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let (_, text) = served.post(nested.clone()).await;
        assert!([-32700, -32600].contains(&code(&text)));
        let inside = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{nested}]}}"#);
        let (_, text) = served.post(inside).await;
        assert!([-32602, -32700, -32600].contains(&code(&text)));
        let objects = format!(r#"{}1{}"#, r#"{"a":"#.repeat(depth), "}".repeat(depth));
        let inside = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"eth_getLogs","params":[{objects}]}}"#);
        let (_, text) = served.post(inside).await;
        assert!([-32602, -32700, -32600].contains(&code(&text)));
    }
    let (status, _) = served.post(vec![b' '; 10 << 20]).await;
    assert_eq!(status, 413);
    let many: Vec<String> = vec!["0x00".into(); 500_000];
    let (code, _) = served.error("eth_getBalance", json!([many])).await;
    assert_eq!(code, -32602);
    let keys: Vec<String> = (0..2_000).map(|number| format!("{number:#x}")).collect();
    let zero = "0x0000000000000000000000000000000000000000";
    let (code, _) = served.error("eth_getProof", json!([zero, keys, "latest"])).await;
    assert_eq!(code, -32005);
    still_there(&served).await;
}

#[tokio::test]
async fn batches_have_answers_in_order_and_a_limit() {
    let served = served_with(Limits::default(), |config| config.batch = 10).await;
    let request = |id: u64| json!({ "jsonrpc": "2.0", "id": id, "method": "eth_chainId", "params": [] });
    let mut batch: Vec<Value> = (0..9).map(request).collect();
    batch[4] = json!({ "jsonrpc": "2.0", "id": 4, "method": "nothing", "params": [] });
    let (_, text) = served.post(Value::from(batch).to_string()).await;
    let answers: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(answers.len(), 9);
    for (id, answer) in answers.iter().enumerate() {
        assert_eq!(answer["id"], id);
        assert_eq!(answer.get("error").is_some(), id == 4);
    }
    let batch: Vec<Value> = (0..11).map(request).collect();
    let (_, text) = served.post(Value::from(batch).to_string()).await;
    assert!(text.contains("error") && !text.contains("0x384"), "{text}");
    still_there(&served).await;
}

#[tokio::test]
async fn slow_clients_are_cut_off_and_do_not_hold_others_up() {
    let served = served_with(Limits::default(), |config| {
        config.header_time = Duration::from_millis(300);
        config.request_time = Duration::from_millis(600);
    })
    .await;
    // One never ends its headers, one never sends its body.
    let mut headers = TcpStream::connect(served.server.address()).await.unwrap();
    headers.write_all(b"POST / HTTP/1.1\r\nhost: n").await.unwrap();
    let mut body = TcpStream::connect(served.server.address()).await.unwrap();
    let head =
        b"POST / HTTP/1.1\r\nhost: n\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    body.write_all(head).await.unwrap();
    still_there(&served).await;
    for socket in [&mut headers, &mut body] {
        let start = Instant::now();
        let mut answer = vec![];
        let read = tokio::time::timeout(Duration::from_secs(5), socket.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "still open after {:?}", start.elapsed());
    }
    still_there(&served).await;
}

#[tokio::test]
async fn connections_are_bounded() {
    let served = served_with(Limits::default(), |config| config.connections = 8).await;
    let mut held = vec![];
    for _ in 0..8 {
        held.push(TcpStream::connect(served.server.address()).await.unwrap());
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    // The ninth is closed at once.
    let mut ninth = TcpStream::connect(served.server.address()).await.unwrap();
    let mut byte = [0];
    let read = tokio::time::timeout(Duration::from_secs(2), ninth.read(&mut byte)).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)));
    drop(held);
    tokio::time::sleep(Duration::from_millis(200)).await;
    still_there(&served).await;
}

#[tokio::test]
async fn other_methods_paths_and_content_types_get_a_status() {
    let served = served().await;
    assert_eq!(served.get("/health").await, (200, json!("ok")));
    assert_eq!(served.get("/").await.0, 405);
    assert_eq!(served.get("/eth/v1/nothing").await.0, 404);
    let client = reqwest::Client::new();
    let put = client.put(served.url()).body("{}").send().await.unwrap();
    assert_eq!(put.status().as_u16(), 405);
    let text =
        client.post(served.url()).header("content-type", "text/plain").body("{}").send().await.unwrap();
    assert_eq!(text.status().as_u16(), 415);
    let preflight = client
        .request(reqwest::Method::OPTIONS, served.url())
        .header("origin", "http://wallet")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type")
        .send()
        .await
        .unwrap();
    assert_eq!(preflight.headers()["access-control-allow-origin"], "*");
    still_there(&served).await;
}

#[tokio::test]
async fn garbage_on_the_socket_ends_the_connection_only() {
    let served = served().await;
    for bytes in [&b"\x16\x03\x01\x02\x00"[..], b"\0\0\0\0", b"GET\r\n\r\n", &[0xff; 4096]] {
        let mut socket = TcpStream::connect(served.server.address()).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        let mut answer = vec![];
        let _ = tokio::time::timeout(Duration::from_millis(300), socket.read_to_end(&mut answer)).await;
    }
    still_there(&served).await;
}

#[tokio::test]
async fn a_flood_of_calls_ends_with_answers() {
    let limits = Limits { concurrent: 2, call_gas: 5_000_000, ..Limits::default() };
    let served = served_with(limits, |_| {}).await;
    // JUMPDEST PUSH0 JUMP: burns all gas.
    let contract = served.deploy(0, 0, &[0x5b, 0x5f, 0x56]).await;
    let calls = (0..40).map(|_| served.error("eth_call", json!([{ "to": contract }])));
    for (code, message) in futures::future::join_all(calls).await {
        assert_eq!(code, -32000);
        assert!(message.contains("out of gas"), "{message}");
    }
    still_there(&served).await;
}
