//! The JSON-RPC server: a namespace per file. What comes in are requests over HTTP and WebSocket on one port, what goes
//! out are answers with geth's names, forms and error codes; for L2's transactions and receipts with op-geth's.
//!
//! [`server`] has the bounds of connections, bodies and batches, [`Limits`] those of single requests. Every request that
//! reads the state runs on a thread of its own with one of a fixed number of permits, so that a flood of them cannot
//! stop the making of blocks.

mod args;
mod beacon;
mod call;
mod convert;
mod debug;
mod dev;
pub mod error;
mod eth;
mod fees;
mod logs;
mod net;
mod ots;
mod proof;
pub mod rollup;
pub mod server;
mod simulate;
mod subscribe;
mod txpool;

use std::{sync::Arc, time::Duration};

use alloy_eips::{BlockId, BlockNumberOrTag};
use jsonrpsee::RpcModule;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

pub use args::{Args, Methods, enter};
pub use error::RpcError;
pub use server::{Server, ServerConfig};

use crate::{block::Block, node::Node};

/// Bounds of single requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Gas of a call that names none, and the most that one may name.
    pub call_gas: u64,
    /// Requests that run at the same time; others wait.
    pub concurrent: usize,
    /// How long a request waits for its turn.
    pub wait: Duration,
    /// How long a request of many transactions or blocks may run.
    pub time: Duration,
    /// Blocks of a log query.
    pub log_blocks: u64,
    /// Logs of an answer.
    pub logs: usize,
    /// Filters that are kept.
    pub filters: usize,
    /// Slots of a proof.
    pub proof_slots: usize,
    /// Blocks of a simulation or a fee history.
    pub blocks: usize,
    /// Steps of the EVM in a trace with struct logs.
    pub trace_steps: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call_gas: 50_000_000,
            concurrent: 16,
            wait: Duration::from_secs(20),
            time: Duration::from_secs(10),
            log_blocks: 10_000,
            logs: 10_000,
            filters: 1_000,
            proof_slots: 1_024,
            blocks: 1_024,
            trace_steps: 200_000,
        }
    }
}

/// What the methods work on.
#[derive(Debug)]
pub struct Api {
    node: Arc<Node>,
    limits: Limits,
    permits: Arc<Semaphore>,
    filters: Mutex<logs::Filters>,
}

impl Api {
    /// The methods' view of a node.
    pub fn new(node: Arc<Node>, limits: Limits) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(limits.concurrent));
        Arc::new(Self { node, limits, permits, filters: Mutex::default() })
    }

    /// The node.
    pub const fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// The block that `id` names, or the newest.
    fn block(&self, id: Option<BlockId>) -> Result<Arc<Block>, RpcError> {
        let id = id.unwrap_or(BlockId::Number(BlockNumberOrTag::Latest));
        self.node.chain().block_at(id)?.ok_or(RpcError::NotFound("header"))
    }
}

/// All methods of a node. Other parts of the program may add their own.
pub fn methods(api: &Arc<Api>) -> RpcModule<Api> {
    let mut methods = Methods::new(api.clone());
    eth::register(&mut methods);
    call::register(&mut methods);
    fees::register(&mut methods);
    logs::register(&mut methods);
    proof::register(&mut methods);
    simulate::register(&mut methods);
    net::register(&mut methods);
    txpool::register(&mut methods);
    debug::register(&mut methods);
    ots::register(&mut methods);
    if api.node.config().dev.is_some() {
        dev::register(&mut methods);
    }
    subscribe::register(&mut methods);
    methods.into_module()
}
