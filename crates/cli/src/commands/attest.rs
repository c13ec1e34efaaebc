//! `vellum attest`: a service that verifies proofs and signs that it did.

use std::fmt::{Display, Formatter};
use std::net::SocketAddr;

use clap::Args;
use serde::Serialize;
use tracing::Level;
use vellum_node::keys::KeySource;
use vellum_node::primitives::Address;
use vellum_node::running::AttestService;

use crate::exit::{Code, Failure};
use crate::output::{self, Report};
use crate::{interrupt, logs};

/// Serve attestations: verify proofs of batches natively and sign for L1's verifier contract
#[derive(Args)]
pub(crate) struct Attest {
    /// Where the service listens
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:7000")]
    address: SocketAddr,
    /// The signer's key: file:PATH, env:VARIABLE or dev:N
    #[arg(long, value_name = "KEY")]
    key: KeySource,
    /// Chain id of L1
    #[arg(long, value_name = "ID")]
    l1_chain_id: u64,
    /// The verifier contract that signatures are for
    #[arg(long, value_name = "ADDRESS")]
    verifier: Address,
}

#[derive(Serialize)]
struct Ready {
    address: SocketAddr,
    signer: Address,
    program_vk: String,
}

impl Attest {
    pub(crate) fn run(&self, json: bool) -> Result<Box<dyn Report>, Failure> {
        logs::start(Level::INFO);
        let key = self.key.load(self.l1_chain_id)?;
        let signer = key.address();
        let service = AttestService::start(self.address, key, self.l1_chain_id, self.verifier)?;
        let program_vk = service.program_vk().to_string();
        output::report(&Ready { address: service.address(), signer, program_vk }, json)?;
        interrupt::wait();
        drop(service);
        Err(Failure::new(Code::Interrupted, "interrupted"))
    }
}

impl Display for Ready {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "attesting on http://{}", self.address)?;
        writeln!(f, "signer      {}", self.signer)?;
        writeln!(f, "program vk  {}", self.program_vk)
    }
}
