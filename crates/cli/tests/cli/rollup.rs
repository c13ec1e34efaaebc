//! The rollup's commands: a network that takes deposits, stops, and goes on; and everything that is wrong from the start.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::Folder;

/// A running `vellum devnet`.
struct Devnet {
    process: Child,
    info: Value,
}

impl Devnet {
    fn start(folder: &Folder, arguments: &[&str]) -> Self {
        let common = ["devnet", "--json", "--prove", "never", "--l1-port", "0", "--l2-port", "0"];
        let mut process = folder
            .command(&[&common, arguments].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { process, info: serde_json::from_str(&line).unwrap() }
    }

    fn url(&self, name: &str) -> &str {
        self.info[name].as_str().unwrap()
    }

    /// Ctrl-C, and how the process ends.
    fn interrupt(mut self) -> i32 {
        let sent = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
        self.process.wait().unwrap().code().unwrap()
    }
}

#[test]
fn a_network_takes_deposits_stops_and_goes_on() {
    let folder = Folder::new();
    let devnet = Devnet::start(&folder, &["--data-dir", "data"]);
    assert_eq!(devnet.info["l1_chain_id"], 900);
    assert_eq!(devnet.info["l2_chain_id"], 901);
    for contract in ["rollup", "portal", "bridge", "verifier_registry", "l2_output_oracle"] {
        assert!(devnet.info["contracts"][contract].as_str().unwrap().starts_with("0x"), "{contract}");
    }
    assert_eq!(devnet.info["accounts"].as_array().unwrap().len(), 10);

    let chains = ["--l1", devnet.url("l1_rpc"), "--l2", devnet.url("l2_rpc")];
    let deposit = ["bridge", "deposit", "--key", "dev:1", "--value", "0.5"];
    let sent = folder.report(&[&deposit[..], &chains].concat());
    let hash = sent["transaction"].as_str().unwrap();
    let status = [&["bridge", "status", hash][..], &chains].concat();
    let started = Instant::now();
    loop {
        let status = folder.report(&status);
        assert_eq!(status["kind"], "deposit");
        if status["included"] == true {
            assert_eq!(status["success"], true);
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{status}");
        thread::sleep(Duration::from_millis(200));
    }
    // One process at a time.
    let message = folder.fails(2, &["devnet", "--data-dir", "data", "--l1-port", "0", "--l2-port", "0"]);
    assert!(message.contains("in use by another process"), "{message}");
    let rollup = devnet.info["contracts"]["rollup"].clone();
    assert_eq!(devnet.interrupt(), 130);

    let devnet = Devnet::start(&folder, &["--data-dir", "data"]);
    assert_eq!(devnet.info["contracts"]["rollup"], rollup, "the same network");
    let chains = ["--l1", devnet.url("l1_rpc"), "--l2", devnet.url("l2_rpc")];
    let status = folder.report(&[&["bridge", "status", hash][..], &chains].concat());
    assert_eq!(status["included"], true, "what was sealed is still there");
    let network = folder.path("data/network.json");
    let reconstruct = ["reconstruct", "--l1", chains[1], "--network", network.to_str().unwrap()];
    assert!(folder.report(&reconstruct)["wrong_claims"] == 0);
    assert_eq!(devnet.interrupt(), 130);
}

#[test]
fn what_is_wrong_from_the_start_is_said_in_one_line() {
    let folder = Folder::new();
    let nobody = "http://127.0.0.1:9";
    let transaction = format!("0x{}", "11".repeat(32));
    let address = format!("0x{}", "22".repeat(20));
    let cases: &[(&[&str], &str)] = &[
        (&["devnet", "--l1", "ftp://x"], "embedded"),
        (&["devnet", "--block-time", "soon"], "is no time"),
        (&["devnet", "--demo", "--prove", "never"], "cannot be used with"),
        (&["devnet", "--l1", nobody, "--l2-port", "0"], "unreachable"),
        (&["bridge", "status", &transaction, "--l2", nobody], "unreachable"),
        (&["bridge", "deposit", "--key", "dev:99", "--value", "1"], "names no key"),
        (&["bridge", "deposit", "--key", "dev:1", "--value", "much"], "no amount of ether"),
        (&["attest", "--key", "dev:4", "--l1-chain-id", "1", "--verifier", &address], "publicly known"),
        (&["attest", "--key", "env:NO_SUCH", "--l1-chain-id", "900", "--verifier", &address], "is not set"),
        (&["config", "check"], "missing field"),
        (&["config", "check", "--config", "none.toml"], "none.toml"),
        (&["node", "--config", "none.toml"], "none.toml"),
        (&["reconstruct", "--l1", nobody, "--network", "none.json"], "none.json"),
    ];
    for (arguments, words) in cases {
        let message = folder.fails(2, arguments);
        assert!(message.contains(words), "{arguments:?}: {message}");
    }
}

#[test]
fn the_configuration_is_checked_and_shown() {
    let folder = Folder::new();
    let file = "data-dir = \"data\"\ndeployment = \"network.json\"\nl1-url = \"http://localhost:8545\"\n\
                batcher-key = \"env:BATCHER\"\nprover-key = \"env:PROVER\"\nprove = \"never\"\n";
    folder.write("node.toml", file);
    let report = folder.report(&["config", "check", "--config", "node.toml", "--block-time", "2s"]);
    assert_eq!(report["valid"], true);
    assert_eq!(report["config"]["block-time"], "2s");
    let message = folder.fails(2, &["node", "--config", "node.toml"]);
    assert!(message.contains("network.json"), "{message}");
    folder.write("node.toml", format!("{file}no-such-option = 1\n"));
    let message = folder.fails(2, &["config", "check", "--config", "node.toml"]);
    assert!(message.contains("no-such-option"), "{message}");
}
