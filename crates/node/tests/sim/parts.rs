//! Stand-ins for what takes long: the guest program runs natively, a proof is its output.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::sync::Arc;

use alloy_primitives::{Address, keccak256};
use alloy_signer::SignerSync;
use parking_lot::Mutex;
use vellum_block::l2::{BatchInput, execute_batches, field};
use vellum_node::attest::{AttestError, Attestation, Attesters, Statement};
use vellum_node::guest::{Guest, GuestError, GuestRun};
use vellum_node::keys;
use vellum_node::prover::{ProofStatus, Prover, ProverError};

use crate::faults::Random;

/// Executes a range of batches, which derives its blocks from the blobs.
fn execute(input: &[u8]) -> Result<Vec<u8>, String> {
    let input = BatchInput::parse(input).map_err(|error| error.to_string())?;
    execute_batches(&input, field::mul_mod).map(|output| output.encode()).map_err(|error| error.to_string())
}

/// The guest program, natively.
pub(crate) struct NativeGuest;

impl Guest for NativeGuest {
    fn run(&self, input: &[u8]) -> Result<GuestRun, GuestError> {
        let output = execute(input).map_err(|message| GuestError::Status { status: 1, message })?;
        Ok(GuestRun { output, cycles: 1_000_000 })
    }
}

/// A prover with a disk of its own, which takes its time and fails now and then.
pub(crate) struct SimProver {
    random: Mutex<Random>,
    work: Mutex<BTreeMap<String, (Vec<u8>, u64)>>,
}

impl SimProver {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: Mutex::new(Random::new(seed)), work: Mutex::default() }
    }
}

impl Prover for SimProver {
    fn request(&self, id: &str, input: &[u8]) -> Result<(), ProverError> {
        let looks = self.random.lock().below(6);
        self.work.lock().entry(id.to_owned()).or_insert_with(|| (input.to_vec(), looks));
        Ok(())
    }

    fn status(&self, id: &str) -> Result<ProofStatus, ProverError> {
        let mut work = self.work.lock();
        let Some((input, looks)) = work.get_mut(id) else { return Ok(ProofStatus::Unknown) };
        if *looks > 0 {
            *looks -= 1;
            return Ok(ProofStatus::Running { cycles: 1_000_000, shards: 6, proven: 0 });
        }
        if self.random.lock().once_in(10) {
            return Ok(ProofStatus::Failed { reason: "planned".to_owned(), too_large: true });
        }
        Ok(match execute(input) {
            Ok(_) => ProofStatus::Done { cycles: 1_000_000, shards: 6, proof_bytes: 1, prove_ms: 1 },
            Err(reason) => ProofStatus::Failed { reason, too_large: false },
        })
    }

    fn proof(&self, id: &str) -> Result<Box<dyn Read + Send>, ProverError> {
        let work = self.work.lock();
        let (input, _) = work.get(id).ok_or_else(|| ProverError::NotReady(id.to_owned()))?;
        let output = execute(input).map_err(|_| ProverError::NotReady(id.to_owned()))?;
        Ok(Box::new(Cursor::new(output)))
    }

    fn forget(&self, id: &str) -> Result<(), ProverError> {
        self.work.lock().remove(id);
        Ok(())
    }
}

/// Attesters' development accounts.
pub(crate) const ATTESTERS: [u32; 3] = [4, 5, 6];

/// Services that believe the simulated prover, but look at what it proves.
pub(crate) struct SimAttesters {
    pub(crate) l1_chain_id: u64,
    pub(crate) verifier: Address,
}

impl Attesters for SimAttesters {
    fn count(&self) -> usize {
        ATTESTERS.len()
    }

    fn attest(
        &self,
        index: usize,
        statement: &Statement,
        mut proof: Box<dyn Read + Send>,
    ) -> Result<Attestation, AttestError> {
        let mut output = Vec::new();
        proof.read_to_end(&mut output).map_err(|error| AttestError::Sign(error.to_string()))?;
        let (expected, got) = (statement.public_digest, keccak256(&output));
        if got != expected {
            return Err(AttestError::OtherOutput { expected, got });
        }
        let signer = keys::dev(ATTESTERS[index]).map_err(|error| AttestError::Sign(error.to_string()))?;
        let message = statement.message(self.l1_chain_id, self.verifier);
        let signature = signer.sign_message_sync(message.as_slice());
        let signature = signature.map_err(|error| AttestError::Sign(error.to_string()))?;
        Ok(Attestation { signer: signer.address(), signature: signature.as_bytes().into() })
    }
}

/// Shared by all lives of the process.
pub(crate) fn shared(seed: u64) -> Arc<SimProver> {
    Arc::new(SimProver::new(seed))
}
