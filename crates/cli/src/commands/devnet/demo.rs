//! `vellum devnet --demo`: everything a user does, through RPC only, until L1 has paid a withdrawal out.

use std::fmt::{Display, Formatter};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};
use vellum_node::bridge::{self, Bridge, BridgeError, DEPOSIT_GAS};
use vellum_node::contracts::{Artifact, Constructors, Token};
use vellum_node::devnet::Devnet;
use vellum_node::keys;
use vellum_node::l1::http::HttpL1;
use vellum_node::l1::sender::Request;
use vellum_node::l1::{L1, L1Receipt};
use vellum_node::primitives::{Address, Bytes, SolCall, U256};

use crate::exit::Failure;

/// Longest wait for one step; proving takes most of it.
const PATIENCE: Duration = Duration::from_secs(1200);
const POLL: Duration = Duration::from_millis(250);
/// The account that everything is done with.
const USER: u32 = 0;
/// Somebody to send to.
const FRIEND: Address = Address::repeat_byte(0xf1);
/// Where the withdrawal is paid out: an account that has nothing before.
const PAYEE: Address = Address::repeat_byte(0xda);
/// Transfers of ether and of tokens.
const TRANSFERS: u64 = 3;

/// What happened.
#[derive(Serialize)]
pub(super) struct Report {
    steps: Vec<Step>,
    cycles: u64,
    shards: u64,
    proof_bytes: u64,
    prove_seconds: f64,
    ready_seconds: f64,
    seconds: f64,
}

/// A line of the table.
#[derive(Serialize)]
struct Step {
    what: String,
    chain: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    gas: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blob_gas: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    block: Option<u64>,
    seconds: f64,
}

struct Demo {
    bridge: Bridge,
    started: Instant,
    steps: Vec<Step>,
}

/// Runs it.
pub(super) fn run(network: &Devnet) -> Result<Report, Failure> {
    let info = network.info();
    let bridge = Bridge {
        l1: Arc::new(HttpL1::new(&info.l1_rpc, None)),
        l2: Arc::new(HttpL1::new(&info.l2_rpc, None)),
        portal: info.contracts.portal,
        rollup: info.contracts.rollup,
    };
    let mut demo = Demo { bridge, started: Instant::now(), steps: Vec::new() };
    demo.run(info.ready_ms)
}

impl Demo {
    fn run(&mut self, ready_ms: u64) -> Result<Report, Failure> {
        self.deposit()?;
        self.transact()?;
        let (receipt, withdrawal) = self.bridge.withdraw(user()?, PAYEE, wei(2))?;
        self.note("withdrawal of 2 ether started", "L2", Some(&receipt));
        let batch = self.batch_of(receipt.block)?;
        self.settled(batch)?;

        let receipt = self.bridge.prove_withdrawal(user()?, &withdrawal)?;
        self.note("withdrawal proven", "L1", Some(&receipt));
        let receipt = self.bridge.finalize_withdrawal(user()?, &withdrawal)?;
        self.note("withdrawal paid out", "L1", Some(&receipt));
        let paid = self.bridge.l1.balance(PAYEE).map_err(BridgeError::L1)?;
        require(paid == wei(2), "the withdrawal's payee on L1 does not have 2 ether")?;
        self.report(batch, ready_ms)
    }

    fn deposit(&mut self) -> Result<(), Failure> {
        let to = Address::repeat_byte(0xde);
        let receipt = self.bridge.deposit(user()?, to, wei(5), DEPOSIT_GAS, Bytes::new())?;
        self.note("deposit of 5 ether sent", "L1", Some(&receipt));
        let l2 = self.bridge.l2.clone();
        self.wait("the deposit on L2", || Ok(l2.balance(to).map_err(BridgeError::L2)? == wei(5)))?;
        self.note("deposit arrived", "L2", None);
        Ok(())
    }

    fn transact(&mut self) -> Result<(), Failure> {
        let creation = Constructors::tokenCall {
            name: "Example".to_owned(),
            symbol: "EXA".to_owned(),
            supply: wei(1_000_000),
        };
        let data = Artifact::TOKEN.creation(&creation.abi_encode()).map_err(Failure::internal)?;
        let receipt = self.send("creating the token", Request { data, ..Default::default() })?;
        self.note("ERC-20 token created", "L2", Some(&receipt));
        let token = receipt.created.ok_or_else(|| Failure::internal("a creation without address"))?;

        for number in 1..=TRANSFERS {
            let receipt =
                self.send("a transfer", Request { to: Some(FRIEND), value: wei(1), ..Default::default() })?;
            self.note(&format!("transfer of ether {number}"), "L2", Some(&receipt));
            let call = Token::transferCall { to: FRIEND, value: wei(10) }.abi_encode();
            let request = Request { to: Some(token), data: call.into(), ..Default::default() };
            let receipt = self.send("a transfer of tokens", request)?;
            self.note(&format!("transfer of tokens {number}"), "L2", Some(&receipt));
        }
        let call = Token::transferCall { to: FRIEND, value: wei(2_000_000) }.abi_encode();
        // With a gas limit of its own, so that it is sent although it fails.
        let request =
            Request { to: Some(token), data: call.into(), gas: Some(100_000), ..Default::default() };
        let receipt = bridge::send_any(&self.bridge.l2, user()?, "a transfer that fails", request)?;
        require(!receipt.success, "a transfer of more tokens than there are succeeded")?;
        self.note("transfer of too many tokens, reverted", "L2", Some(&receipt));
        Ok(())
    }

    /// The batch that a block is in, as soon as it is closed.
    fn batch_of(&mut self, block: u64) -> Result<u64, Failure> {
        let l2 = self.bridge.l2.clone();
        let mut batch = None;
        self.wait("the batch of the withdrawal", || {
            batch = ask(&l2, "vellum_batchOfBlock", json!([U256::from(block)]))?["index"].as_u64();
            Ok(batch.is_some())
        })?;
        batch.ok_or_else(|| Failure::internal("a batch without index"))
    }

    /// Waits until a batch is committed, proven and final.
    fn settled(&mut self, batch: u64) -> Result<(), Failure> {
        for (what, states, place) in [
            ("committed with its blobs", &["committed", "proven", "final"][..], "commit"),
            ("proven", &["proven", "final"], "proof"),
            ("final", &["final"], ""),
        ] {
            let l2 = self.bridge.l2.clone();
            let mut answer = Value::Null;
            let mut shown = String::new();
            self.wait("the batch on L1", || {
                answer = ask(&l2, "vellum_batch", json!([U256::from(batch)]))?;
                show_progress(&l2, batch, &mut shown)?;
                Ok(answer["state"].as_str().is_some_and(|state| states.contains(&state)))
            })?;
            self.steps.push(Step {
                what: format!("batch {batch} {what}"),
                chain: "L1",
                gas: answer[place]["gas_used"].as_u64(),
                blob_gas: answer[place]["blob_gas_used"].as_u64().filter(|gas| *gas > 0),
                block: answer[place]["block"].as_u64(),
                seconds: self.started.elapsed().as_secs_f64(),
            });
        }
        Ok(())
    }

    fn send(&self, what: &'static str, request: Request) -> Result<L1Receipt, Failure> {
        Ok(bridge::send(&self.bridge.l2, user()?, what, request)?)
    }

    fn note(&mut self, what: &str, chain: &'static str, receipt: Option<&L1Receipt>) {
        let seconds = self.started.elapsed().as_secs_f64();
        eprintln!("{seconds:7.1} s  {chain}  {what}");
        self.steps.push(Step {
            what: what.to_owned(),
            chain,
            gas: receipt.map(|receipt| receipt.gas_used),
            blob_gas: None,
            block: receipt.map(|receipt| receipt.block),
            seconds,
        });
    }

    fn wait(&self, what: &str, mut done: impl FnMut() -> Result<bool, Failure>) -> Result<(), Failure> {
        let started = Instant::now();
        while !done()? {
            if started.elapsed() > PATIENCE {
                return Err(Failure::not_valid(format_args!(
                    "{what} did not come within {} s",
                    PATIENCE.as_secs()
                )));
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    fn report(&mut self, batch: u64, ready_ms: u64) -> Result<Report, Failure> {
        let status = ask(&self.bridge.l2, "vellum_proofStatus", json!([U256::from(batch)]))?;
        let proven = &status["range"]["proven"];
        let number = |name: &str| proven[name].as_u64().unwrap_or_default();
        Ok(Report {
            cycles: number("cycles"),
            shards: number("shards"),
            proof_bytes: number("proof_bytes"),
            prove_seconds: number("prove_ms") as f64 / 1000.0,
            ready_seconds: ready_ms as f64 / 1000.0,
            seconds: self.started.elapsed().as_secs_f64(),
            steps: std::mem::take(&mut self.steps),
        })
    }
}

fn show_progress(l2: &HttpL1, batch: u64, shown: &mut String) -> Result<(), Failure> {
    let status = ask(l2, "vellum_proofStatus", json!([U256::from(batch)]))?;
    let line = match status["prover"]["shards"].as_u64() {
        Some(shards) if shards > 0 => format!(
            "proving batch {batch}: {} of {shards} shards, {} cycles",
            status["prover"]["shardsProven"], status["prover"]["cycles"]
        ),
        _ => return Ok(()),
    };
    if line != *shown {
        eprintln!("           {line}");
        *shown = line;
    }
    Ok(())
}

fn ask(l2: &HttpL1, method: &'static str, params: Value) -> Result<Value, Failure> {
    Ok(l2.request(method, params).map_err(BridgeError::L2)?)
}

fn user() -> Result<vellum_node::keys::Signer, Failure> {
    keys::dev(USER).map_err(Failure::internal)
}

/// Ether, or whole tokens, in the smallest unit.
fn wei(ether: u64) -> U256 {
    U256::from(ether) * U256::from(10).pow(U256::from(18))
}

fn require(condition: bool, otherwise: &str) -> Result<(), Failure> {
    if condition { Ok(()) } else { Err(Failure::not_valid(otherwise)) }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{:>8}  {:<5} {:>6}  {:>9}  {:>9}  what",
            "seconds", "chain", "block", "gas", "blob gas"
        )?;
        let show = |number: Option<u64>| number.map_or(String::new(), |number| number.to_string());
        for step in &self.steps {
            writeln!(
                f,
                "{:>8.1}  {:<5} {:>6}  {:>9}  {:>9}  {}",
                step.seconds,
                step.chain,
                show(step.block),
                show(step.gas),
                show(step.blob_gas),
                step.what
            )?;
        }
        writeln!(f)?;
        writeln!(f, "network ready in {:.1} s, demonstration in {:.1} s", self.ready_seconds, self.seconds)?;
        writeln!(
            f,
            "proof: {} cycles in {} shards, {} bytes, proven in {:.1} s",
            self.cycles, self.shards, self.proof_bytes, self.prove_seconds
        )?;
        writeln!(
            f,
            "L1 accepted the batch because attestation services verified the proof; it does not do so itself yet."
        )
    }
}
