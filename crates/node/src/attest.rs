//! Attestation: services that verify the STARK natively and sign, and the client that collects their signatures.
//!
//! L1 cannot verify the proof itself yet. Until it can, a batch is accepted because `threshold` services say that they
//! verified its proof: whoever holds that many of their keys can make L1 accept anything.
//!
//! `POST /attest` with the headers `x-program-vk` and `x-public-digest` (32 bytes in hex each) and the proof file as body
//! answers `{"signer", "signature"}`; what the service refuses gets 422 with `{"error"}`. `GET /health` answers 200.

use std::future::Future;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, U256, eip191_hash_message, keccak256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolValue;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::Semaphore;
use vellum_zkvm::{Machine, VerifyFileError, verify};

use crate::contracts::PublicOutput;

/// Largest proof taken from the network: a batch's has a few hundred shards of about a megabyte.
pub const PROOF_BYTES_MAX: u64 = 1 << 30;
/// Longest wait for a service, which has to verify every shard.
const TIMEOUT: Duration = Duration::from_secs(300);
/// Longest answer of a service.
const ANSWER_BYTES_MAX: u64 = 4096;
/// Verifications at a time.
const AT_A_TIME: usize = 1;
/// Proofs being received or waiting, at most.
const WAITING_MAX: usize = 16;

/// A service's word that a proof is valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    /// Account of the service.
    pub signer: Address,
    /// r ‖ s ‖ v.
    pub signature: Bytes,
}

/// Why there is no attestation.
#[derive(Debug, Error)]
pub enum AttestError {
    /// Another guest program than this service knows.
    #[error("the proof is claimed to be of the program {got}, this service attests {expected}")]
    OtherProgram {
        /// As asked.
        got: B256,
        /// Known.
        expected: B256,
    },
    /// The proof does not verify.
    #[error(transparent)]
    Proof(#[from] VerifyFileError),
    /// The program ended with an error.
    #[error("the proof is of an execution that failed with status {0}")]
    Status(u64),
    /// The output is of another batch.
    #[error("the proven output has the digest {got}, asked for is {expected}")]
    OtherOutput {
        /// As asked.
        expected: B256,
        /// Proven.
        got: B256,
    },
    /// The proven bytes are no public output.
    #[error("the proven output is not what the guest program commits")]
    NoOutput,
    /// The key does not sign.
    #[error("cannot sign: {0}")]
    Sign(String),
    /// A service does not answer, or refuses.
    #[error("attestation service {url}: {reason}")]
    Service {
        /// Which.
        url: String,
        /// Why.
        reason: String,
    },
    /// The answer is not signed by who it says.
    #[error("attestation service {url} answers with a signature that is not its own")]
    WrongSignature {
        /// Which.
        url: String,
    },
}

/// What an attestation is about, beside the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Verifying key of the guest program.
    pub program_vk: B256,
    /// keccak256 of the public output.
    pub public_digest: B256,
}

impl Statement {
    /// What is signed, as a personal message (EIP-191), for a verifier contract on a chain.
    pub fn message(&self, l1_chain_id: u64, verifier: Address) -> B256 {
        let fields = (U256::from(l1_chain_id), verifier, self.program_vk, self.public_digest);
        keccak256(fields.abi_encode())
    }
}

/// The service, for one program and one verifier contract.
pub struct Attester {
    machine: Arc<Machine>,
    program_vk: B256,
    signer: PrivateKeySigner,
    l1_chain_id: u64,
    verifier: Address,
}

impl Attester {
    /// Attests proofs of the program `program_vk` to the contract `verifier`.
    pub fn new(
        machine: Arc<Machine>,
        program_vk: B256,
        signer: PrivateKeySigner,
        l1_chain_id: u64,
        verifier: Address,
    ) -> Self {
        Self { machine, program_vk, signer, l1_chain_id, verifier }
    }

    /// The service's account.
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// Verifies a proof file and signs what it proves.
    ///
    /// # Errors
    /// Anything but a valid proof of the statement.
    pub fn attest(&self, statement: &Statement, proof: &mut dyn Read) -> Result<Attestation, AttestError> {
        let expected = self.program_vk;
        if statement.program_vk != expected {
            return Err(AttestError::OtherProgram { got: statement.program_vk, expected });
        }
        let verified = verify(&self.machine, &expected.0, proof)?;
        if verified.exit_status != 0 {
            return Err(AttestError::Status(verified.exit_status));
        }
        let output = verified.output.unwrap_or_default();
        let got = keccak256(&output);
        if got != statement.public_digest {
            return Err(AttestError::OtherOutput { expected: statement.public_digest, got });
        }
        // Strictly: the encoding is what L1 hashes.
        if !PublicOutput::abi_decode(&output).is_ok_and(|decoded| decoded.abi_encode() == output) {
            return Err(AttestError::NoOutput);
        }
        let message = statement.message(self.l1_chain_id, self.verifier);
        let signature = self.signer.sign_message_sync(message.as_slice());
        let signature = signature.map_err(|error| AttestError::Sign(error.to_string()))?;
        Ok(Attestation { signer: self.address(), signature: signature.as_bytes().into() })
    }
}

struct Service {
    attester: Attester,
    verifying: Semaphore,
    waiting: Semaphore,
}

#[derive(Serialize)]
struct Refusal {
    error: String,
}

/// Serves an attester until `stop` ends.
///
/// # Errors
/// The socket.
pub async fn serve(
    attester: Attester,
    listener: tokio::net::TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let service =
        Service { attester, verifying: Semaphore::new(AT_A_TIME), waiting: Semaphore::new(WAITING_MAX) };
    let router = Router::new()
        .route("/attest", post(handle))
        .route("/health", get(|| async { "ok" }))
        .with_state(Arc::new(service));
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

/// Binds a socket for [`serve`].
///
/// # Errors
/// The address is taken or not this machine's.
pub async fn bind(address: SocketAddr) -> std::io::Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::bind(address).await
}

async fn handle(State(service): State<Arc<Service>>, headers: HeaderMap, body: Body) -> Response {
    let refuse = |status: StatusCode, error: String| (status, Json(Refusal { error })).into_response();
    let Ok(_waiting) = service.waiting.try_acquire() else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "too many proofs are waiting".to_owned());
    };
    let header = |name: &str| headers.get(name)?.to_str().ok().and_then(|text| B256::from_str(text).ok());
    let (Some(program_vk), Some(public_digest)) = (header("x-program-vk"), header("x-public-digest")) else {
        let error = "the headers x-program-vk and x-public-digest hold 32 bytes in hex each";
        return refuse(StatusCode::BAD_REQUEST, error.to_owned());
    };
    let mut file = match receive(body).await {
        Ok(file) => file,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, error),
    };
    let Ok(_one) = service.verifying.acquire().await else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "stopping".to_owned());
    };
    let statement = Statement { program_vk, public_digest };
    let of_thread = service.clone();
    let attested = tokio::task::spawn_blocking(move || {
        of_thread.attester.attest(&statement, &mut BufReader::new(&mut file))
    });
    match attested.await {
        Ok(Ok(attestation)) => {
            tracing::info!(%public_digest, "attested");
            Json(attestation).into_response()
        }
        Ok(Err(error)) => {
            tracing::warn!(%public_digest, %error, "refused to attest");
            refuse(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
        }
        Err(_) => refuse(StatusCode::INTERNAL_SERVER_ERROR, "verification broke off".to_owned()),
    }
}

/// The body in a file without name.
async fn receive(body: Body) -> Result<std::fs::File, String> {
    let mut file = tempfile::tempfile().map_err(|error| error.to_string())?;
    let mut stream = body.into_data_stream();
    let mut length = 0;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| error.to_string())?;
        length += chunk.len() as u64;
        if length > PROOF_BYTES_MAX {
            return Err(format!("the proof has more than {PROOF_BYTES_MAX} bytes"));
        }
        file.write_all(&chunk).map_err(|error| error.to_string())?;
    }
    file.seek(SeekFrom::Start(0)).map_err(|error| error.to_string())?;
    Ok(file)
}

/// The services that a coordinator asks.
pub trait Attesters: Send + Sync {
    /// How many there are.
    fn count(&self) -> usize;

    /// Asks one of them.
    ///
    /// # Errors
    /// It refuses or does not answer.
    fn attest(
        &self,
        index: usize,
        statement: &Statement,
        proof: Box<dyn Read + Send>,
    ) -> Result<Attestation, AttestError>;
}

/// Services behind URLs.
pub struct HttpAttesters {
    agent: ureq::Agent,
    urls: Vec<String>,
    l1_chain_id: u64,
    verifier: Address,
}

impl HttpAttesters {
    /// The services at `urls`, which sign for the contract `verifier`.
    pub fn new(urls: &[String], l1_chain_id: u64, verifier: Address) -> Self {
        let config =
            ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(false).build();
        let urls = urls.iter().map(|url| url.trim_end_matches('/').to_owned()).collect();
        Self { agent: config.into(), urls, l1_chain_id, verifier }
    }
}

impl Attesters for HttpAttesters {
    fn count(&self) -> usize {
        self.urls.len()
    }

    fn attest(
        &self,
        index: usize,
        statement: &Statement,
        proof: Box<dyn Read + Send>,
    ) -> Result<Attestation, AttestError> {
        let url = self.urls.get(index).cloned().unwrap_or_default();
        let service = |reason: String| AttestError::Service { url: url.clone(), reason };
        let mut response = self
            .agent
            .post(format!("{url}/attest"))
            .header("x-program-vk", statement.program_vk.to_string())
            .header("x-public-digest", statement.public_digest.to_string())
            .send(ureq::SendBody::from_owned_reader(proof))
            .map_err(|error| service(error.to_string()))?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let body = body.map_err(|error| service(error.to_string()))?;
        if status != 200 {
            let refusal: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
            let reason = refusal.and_then(|value| Some(value.get("error")?.as_str()?.to_owned()));
            return Err(service(reason.unwrap_or_else(|| format!("HTTP status {status}"))));
        }
        let attestation: Attestation =
            serde_json::from_slice(&body).map_err(|error| service(error.to_string()))?;
        let message = statement.message(self.l1_chain_id, self.verifier);
        if signer_of(&attestation, message) != Some(attestation.signer) {
            return Err(AttestError::WrongSignature { url });
        }
        Ok(attestation)
    }
}

fn signer_of(attestation: &Attestation, message: B256) -> Option<Address> {
    let signature = alloy_primitives::Signature::from_raw(&attestation.signature).ok()?;
    signature.recover_address_from_prehash(&eip191_hash_message(message)).ok()
}

/// The proof that `AttestedVerifier` takes: signatures in ascending order of their signers.
pub fn assemble(mut attestations: Vec<Attestation>) -> Bytes {
    attestations.sort_by_key(|attestation| attestation.signer);
    attestations.dedup_by_key(|attestation| attestation.signer);
    attestations.iter().flat_map(|attestation| attestation.signature.to_vec()).collect::<Vec<u8>>().into()
}
