//! An anvil of one test's own.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use vellum_node::keys;
use vellum_node::l1::http::HttpL1;
use vellum_node::l1::sender::{Outcome, Sender, SenderOptions};
use vellum_node::records::Records;
use vellum_node::step::Step;

pub(crate) struct Anvil {
    process: Child,
    pub(crate) url: String,
}

impl Anvil {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(binary())
            .args(["--port", "0", "--chain-id", "900", "--hardfork", "prague"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("anvil starts");
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut lines = lines.map(Result::unwrap);
        let address = lines.find_map(|line| line.strip_prefix("Listening on ").map(str::to_owned));
        // Whatever it prints later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, url: format!("http://{}", address.expect("anvil listens")) }
    }

    pub(crate) fn l1(&self) -> Arc<HttpL1> {
        Arc::new(HttpL1::new(&self.url, None))
    }

    pub(crate) fn rpc(&self, method: &str, params: Value) -> Value {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let mut response = ureq::post(&self.url)
            .header("content-type", "application/json")
            .send(request.to_string())
            .unwrap();
        let answer: Value = serde_json::from_slice(&response.body_mut().read_to_vec().unwrap()).unwrap();
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// A sender of one of the development accounts.
    pub(crate) fn sender(&self, account: u32, records: &Records, options: SenderOptions) -> Sender {
        Sender::new(self.l1(), records.clone(), keys::dev(account).unwrap(), 900, options)
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn binary() -> PathBuf {
    if let Ok(path) = std::env::var("VELLUM_ANVIL") {
        return path.into();
    }
    let modules = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../contracts/node_modules/@foundry-rs");
    let entries =
        std::fs::read_dir(&modules).map(|entries| entries.flatten().collect()).unwrap_or(Vec::new());
    let platform = entries.iter().find(|entry| entry.file_name().to_string_lossy().starts_with("anvil-"));
    platform.expect("anvil is there: npm ci in contracts/, or VELLUM_ANVIL").path().join("bin/anvil")
}

pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

/// Steps until the transaction has an outcome.
pub(crate) fn drive(sender: &Sender, name: &str) -> Outcome {
    for _ in 0..1000 {
        if let Some(outcome) = sender.outcome(name).unwrap() {
            return outcome;
        }
        if sender.step(now_ms()).unwrap() == Step::Idle {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    panic!("{name} has no outcome");
}
