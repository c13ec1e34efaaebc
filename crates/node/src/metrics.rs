//! Metrics in Prometheus' text format, and health.
//!
//! `GET /metrics`; `GET /health` answers 200 while no task is in an error and the chain goes on, 503 with the reasons otherwise.

use std::fmt::Write;
use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::batch::BatchState;
use crate::node::Node;
use crate::prover::ProofStatus;
use crate::rollup::RollupView;
use crate::store::StoreError;

/// What is measured.
#[derive(Clone)]
pub struct Measured {
    /// L2.
    pub node: Arc<Node>,
    /// The tasks.
    pub view: RollupView,
}

/// Serves metrics until `stop` ends.
///
/// # Errors
/// The socket.
pub async fn serve(
    measured: Measured,
    listener: tokio::net::TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/health", get(health))
        .with_state(Arc::new(measured));
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

async fn metrics(State(measured): State<Arc<Measured>>) -> Response {
    let text = tokio::task::spawn_blocking(move || text(&measured)).await;
    match text {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn health(State(measured): State<Arc<Measured>>) -> Response {
    let failing = measured.view.board.all().into_iter();
    let mut problems: Vec<String> =
        failing.filter_map(|(name, status)| Some(format!("{name}: {}", status.failing?))).collect();
    problems.extend(measured.node.halted().map(|reason| format!("chain: {reason}")));
    if problems.is_empty() {
        return "ok\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, problems.join("\n") + "\n").into_response()
}

fn text(measured: &Measured) -> Result<String, StoreError> {
    let Measured { node, view } = measured;
    let chain = node.chain();
    let mut out = String::new();
    let mut gauge = |name: &str, help: &str, value: u64| {
        // Writing to a string does not fail.
        let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n");
    };
    gauge("vellum_l2_head", "Newest L2 block.", chain.head_number());
    gauge("vellum_l2_safe", "Newest L2 block that is committed on L1.", chain.safe());
    gauge("vellum_l2_finalized", "Newest L2 block that is final on L1.", chain.finalized());
    let cursor = view.inbox.cursor()?;
    gauge("vellum_l1_block", "Newest L1 block taken in.", cursor.map_or(0, |cursor| cursor.number));
    gauge("vellum_deposits", "Deposits taken in from L1.", cursor.map_or(0, |cursor| cursor.deposit_count));
    gauge("vellum_batches", "Batches closed.", view.batches.last()?);
    for (name, help, state) in [
        ("vellum_batches_committed", "Batches committed on L1.", BatchState::Committed),
        ("vellum_batches_proven", "Batches proven on L1.", BatchState::Proven),
        ("vellum_batches_final", "Batches final on L1.", BatchState::Final),
    ] {
        let first = view.batches.first_below(state)?;
        gauge(name, help, first.map_or(view.batches.last()?, |batch| batch.index - 1));
    }
    if let Some(job) = view.proofs.job()? {
        gauge("vellum_proving_first_batch", "First batch of the range being proven.", job.first);
        gauge("vellum_proving_last_batch", "Last batch of the range being proven.", job.last);
        if let Ok(ProofStatus::Running { shards, proven, .. }) = view.prover.status(&job.id) {
            gauge("vellum_proving_shards", "Shards of the proof under way.", shards.into());
            gauge("vellum_proving_shards_done", "Shards proven of it.", proven.into());
        }
    }
    for (what, help, value) in [
        ("steps", "Things that a task did.", (|status| status.steps) as fn(&crate::tasks::TaskStatus) -> u64),
        ("errors", "Errors of a task.", |status| status.errors),
    ] {
        let _ =
            write!(out, "# HELP vellum_task_{what}_total {help}\n# TYPE vellum_task_{what}_total counter\n");
        for (task, status) in view.board.all() {
            let _ = writeln!(out, "vellum_task_{what}_total{{task=\"{task}\"}} {}", value(&status));
        }
    }
    Ok(out)
}
