//! Real proofs of a bundled program: interrupted, damaged, attested.

#![allow(clippy::unwrap_used)]

use std::io::Read;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256, keccak256};
use tokio::runtime::Runtime;
use vellum_node::attest::{self, AttestError, Attester, Attesters, HttpAttesters, Statement};
use vellum_node::guest::BundledGuest;
use vellum_node::keys;
use vellum_node::prover::local::{LocalOptions, LocalProver};
use vellum_node::prover::{ProofStatus, Prover};
use vellum_zkvm::verify;

static GUEST: LazyLock<BundledGuest> = LazyLock::new(|| BundledGuest::load("fibonacci").unwrap());

/// The smallest budget, so that a small execution already has several shards.
const OPTIONS: LocalOptions = LocalOptions { memory_bytes: 512 << 20, threads: 2 };

fn start(folder: &Path) -> LocalProver {
    LocalProver::start(folder, GUEST.machine.clone(), GUEST.key.clone(), OPTIONS).unwrap()
}

fn wait(prover: &LocalProver, id: &str, done: impl Fn(&ProofStatus) -> bool) -> ProofStatus {
    let started = Instant::now();
    loop {
        let status = prover.status(id).unwrap();
        if done(&status) {
            return status;
        }
        assert!(started.elapsed() < Duration::from_secs(600), "{status:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn finished(status: &ProofStatus) -> bool {
    matches!(status, ProofStatus::Done { .. } | ProofStatus::Failed { .. })
}

/// How often the loop runs, as the program's input.
fn input(rounds: u64) -> Vec<u8> {
    rounds.to_le_bytes().to_vec()
}

#[test]
fn finished_shards_survive_an_interruption() {
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path().join("long");
    let input = input(400_000);
    let prover = start(folder.path());
    prover.request("long", &input).unwrap();
    wait(&prover, "long", |status| matches!(status, ProofStatus::Running { proven: 1.., .. }));
    // Stops at the next shard, as a kill would at any moment: what is on disk is all that counts.
    drop(prover);
    let shard = std::fs::read(work.join("shard-1")).unwrap();
    // A file that a kill left half-written has no shard's name.
    std::fs::write(work.join(".partial-x"), b"half").unwrap();

    let prover = start(folder.path());
    assert_eq!(prover.status("long").unwrap(), ProofStatus::Unknown);
    prover.request("long", &input).unwrap();
    let ProofStatus::Done { shards, proof_bytes, .. } = wait(&prover, "long", finished) else {
        panic!("not proven");
    };
    assert!(shards > 1, "the test needs an execution of several shards");
    assert_eq!(std::fs::read(work.join("shard-1")).unwrap(), shard, "proven a second time");
    let mut proof = Vec::new();
    prover.proof("long").unwrap().read_to_end(&mut proof).unwrap();
    assert_eq!(proof.len() as u64, proof_bytes);
    verify(&GUEST.machine, &GUEST.vk().0, &mut &proof[..]).unwrap();

    // Asked again after a restart, it is done.
    drop(prover);
    let prover = start(folder.path());
    prover.request("long", &input).unwrap();
    assert!(matches!(prover.status("long").unwrap(), ProofStatus::Done { .. }));
    prover.forget("long").unwrap();
    assert_eq!(prover.status("long").unwrap(), ProofStatus::Unknown);
    assert!(!work.exists());
}

#[test]
fn damaged_shards_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let input = input(1000);
    let prover = start(folder.path());
    prover.request("small", &input).unwrap();
    assert!(matches!(wait(&prover, "small", finished), ProofStatus::Done { .. }));
    drop(prover);
    let work = folder.path().join("small");
    std::fs::remove_file(work.join("report")).unwrap();
    let mut shard = std::fs::read(work.join("shard-1")).unwrap();
    let middle = shard.len() / 2;
    shard[middle] ^= 1;
    std::fs::write(work.join("shard-1"), shard).unwrap();
    let prover = start(folder.path());
    prover.request("small", &input).unwrap();
    assert!(matches!(wait(&prover, "small", finished), ProofStatus::Done { .. }));
}

#[test]
fn what_cannot_be_proven_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let prover = start(folder.path());
    // The program wants eight bytes.
    prover.request("bad", b"x").unwrap();
    let status = wait(&prover, "bad", finished);
    assert!(matches!(status, ProofStatus::Done { .. } | ProofStatus::Failed { too_large: false, .. }));
    for id in ["", "../x", "a/b", "a b"] {
        assert!(prover.request(id, b"").is_err(), "{id:?}");
    }
    assert!(prover.proof("none").is_err());
}

#[test]
fn a_service_signs_only_what_it_verified() {
    let folder = tempfile::tempdir().unwrap();
    let prover = start(folder.path());
    prover.request("attested", &input(1000)).unwrap();
    assert!(matches!(wait(&prover, "attested", finished), ProofStatus::Done { .. }));
    let mut proof = Vec::new();
    prover.proof("attested").unwrap().read_to_end(&mut proof).unwrap();
    let output = verify(&GUEST.machine, &GUEST.vk().0, &mut &proof[..]).unwrap().output.unwrap_or_default();
    let statement = Statement { program_vk: GUEST.vk(), public_digest: keccak256(&output) };

    let verifier = Address::repeat_byte(1);
    let machine = GUEST.machine.clone();
    let attester = Attester::new(machine, GUEST.vk(), keys::dev(4).unwrap(), 900, verifier);
    let attest = |statement: Statement, proof: &[u8]| attester.attest(&statement, &mut &proof[..]);
    // The program's output is no public output of batches: everything before that is in order.
    assert!(matches!(attest(statement, &proof), Err(AttestError::NoOutput)));
    let other = Statement { public_digest: B256::ZERO, ..statement };
    assert!(matches!(attest(other, &proof), Err(AttestError::OtherOutput { .. })));
    let other = Statement { program_vk: B256::ZERO, ..statement };
    assert!(matches!(attest(other, &proof), Err(AttestError::OtherProgram { .. })));
    let mut damaged = proof.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    assert!(matches!(attest(statement, &damaged), Err(AttestError::Proof(_))));
    assert!(matches!(attest(statement, &proof[..100]), Err(AttestError::Proof(_))));

    // The same over HTTP: a refusal is told, nothing is signed.
    let runtime = Runtime::new().unwrap();
    let listener = runtime.block_on(attest::bind((Ipv4Addr::LOCALHOST, 0).into())).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    runtime.spawn(attest::serve(attester, listener, std::future::pending()));
    let client = HttpAttesters::new(&[url.clone(), "http://127.0.0.1:9".to_owned()], 900, verifier);
    let error = client.attest(0, &statement, prover.proof("attested").unwrap()).unwrap_err();
    assert!(error.to_string().contains("not what the guest program commits"), "{error}");
    let error = client.attest(0, &statement, Box::new(&b"garbage"[..])).unwrap_err();
    assert!(error.to_string().contains("truncated") || error.to_string().contains("not a Vellum"), "{error}");
    assert!(client.attest(1, &statement, Box::new(std::io::empty())).is_err());
    let answer = ureq::get(format!("{url}/health")).call().unwrap().status().as_u16();
    assert_eq!(answer, 200);
}
