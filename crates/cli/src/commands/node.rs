//! `vellum node`: a rollup node from a configuration.

use std::fmt::{Display, Formatter};
use std::net::SocketAddr;

use clap::Args;
use serde::Serialize;
use tracing::Level;
use vellum_node::running::RollupNode;

use super::config::Options;
use crate::exit::{Code, Failure};
use crate::output::{self, Report};
use crate::{interrupt, logs};

/// Run a node: sequencer, batcher, prover, RPC
#[derive(Args)]
pub(crate) struct Node {
    #[command(flatten)]
    options: Options,
}

#[derive(Serialize)]
struct Ready {
    rpc: SocketAddr,
}

impl Node {
    pub(crate) fn run(&self, json: bool) -> Result<Box<dyn Report>, Failure> {
        logs::start(Level::INFO);
        let node = RollupNode::start(&self.options.load()?)?;
        output::report(&Ready { rpc: node.address() }, json)?;
        interrupt::wait();
        // What is finished is on disk; what is under way ends.
        drop(node);
        Err(Failure::new(Code::Interrupted, "interrupted"))
    }
}

impl Display for Ready {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "JSON-RPC on http://{}", self.rpc)
    }
}
