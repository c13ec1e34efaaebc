//! The server: connections in, requests to the methods. HTTP, WebSocket and, on an embedded L1, the beacon API share
//! a port.
//!
//! Bounds: connections; time for a request's headers, for a whole HTTP request, for an idle WebSocket; bytes of bodies
//! and messages; requests in a batch; subscriptions of a connection; bytes of an answer.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hyper::{Method, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use jsonrpsee::{
    core::{RegisterMethodError, traits::IdProvider},
    server::{
        BatchRequestConfig, HttpBody, HttpRequest, HttpResponse, PingConfig, StopHandle, TowerServiceBuilder,
        stop_channel,
    },
    types::SubscriptionId,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
    time::timeout,
};
use tower::{Layer, ServiceExt, layer::util::Identity};
use tower_http::cors::{Any, CorsLayer};

use super::{Api, beacon};
use crate::chain::Rules;

/// Bounds of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerConfig {
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// Connections at a time; further ones are closed at once.
    pub connections: usize,
    /// Bytes of a request.
    pub request_bytes: u32,
    /// Bytes of an answer.
    pub response_bytes: u32,
    /// Requests in a batch.
    pub batch: u32,
    /// Subscriptions of a connection.
    pub subscriptions: u32,
    /// Time for the headers of a request.
    pub header_time: Duration,
    /// Time for an HTTP request from its headers to its answer.
    pub request_time: Duration,
}

impl ServerConfig {
    /// The usual bounds at this address.
    pub const fn new(address: SocketAddr) -> Self {
        Self {
            address,
            connections: 1_024,
            // Nine blobs in hex are 2.4 MB.
            request_bytes: 5 << 20,
            response_bytes: 64 << 20,
            batch: 1_000,
            subscriptions: 128,
            header_time: Duration::from_secs(10),
            request_time: Duration::from_secs(60),
        }
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        reason: String,
    },
    /// Two methods have one name.
    #[error(transparent)]
    Method(#[from] RegisterMethodError),
}

/// A running server; it stops when this is dropped or [`Server::stop`] is called.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    handle: jsonrpsee::server::ServerHandle,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts a server of the API's methods and `more`.
    pub async fn start(
        api: Arc<Api>,
        more: Option<jsonrpsee::RpcModule<Api>>,
        config: ServerConfig,
    ) -> Result<Self, ServerError> {
        let failed = |error: std::io::Error| ServerError::Listen {
            address: config.address,
            reason: error.to_string(),
        };
        let mut methods = super::methods(&api);
        if let Some(more) = more {
            methods.merge(more)?;
        }
        let listener = TcpListener::bind(config.address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, handle) = stop_channel();
        let builder =
            jsonrpsee::server::Server::builder().set_config(rpc_config(config)).to_service_builder();
        let shared = Arc::new(Shared { api, methods: methods.into(), builder, stop, config });
        let task = tokio::spawn(accept(listener, shared));
        Ok(Self { address, handle, task })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections and ends those that are there.
    pub async fn stop(self) {
        // Stopped already is fine.
        let _ = self.handle.stop();
        let _ = self.task.await;
    }
}

fn rpc_config(config: ServerConfig) -> jsonrpsee::server::ServerConfig {
    jsonrpsee::server::ServerConfig::builder()
        .max_request_body_size(config.request_bytes)
        .max_response_body_size(config.response_bytes)
        .max_connections(u32::try_from(config.connections).unwrap_or(u32::MAX))
        .max_subscriptions_per_connection(config.subscriptions)
        .set_batch_request_config(BatchRequestConfig::Limit(config.batch))
        .set_message_buffer_capacity(256)
        .enable_ws_ping(PingConfig::new())
        .set_id_provider(HexIds::default())
        .build()
}

/// Subscriptions have hex numbers, as in geth.
#[derive(Debug, Default)]
struct HexIds(AtomicU64);

impl IdProvider for HexIds {
    fn next_id(&self) -> SubscriptionId<'static> {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        SubscriptionId::Str(format!("{number:#x}").into())
    }
}

struct Shared {
    api: Arc<Api>,
    methods: jsonrpsee::Methods,
    builder: TowerServiceBuilder<Identity, Identity>,
    stop: StopHandle,
    config: ServerConfig,
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let permits = Arc::new(Semaphore::new(shared.config.connections));
    loop {
        let accepted = tokio::select! {
            () = shared.stop.clone().shutdown() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((socket, _)) = accepted else {
            // Out of file descriptors: wait for connections to end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(permit) = permits.clone().try_acquire_owned() else { continue };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            serve(socket, shared).await;
            drop(permit);
        });
    }
}

async fn serve(socket: TcpStream, shared: Arc<Shared>) {
    // Answers are small; waiting to fill a packet would only delay them.
    let _ = socket.set_nodelay(true);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(shared.config.header_time);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(64);
    let service = service_fn(|request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(respond(request, shared).await) }
    });
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(socket), service);
    tokio::pin!(connection);
    tokio::select! {
        // A connection that breaks is the client's business.
        _ = &mut connection => {}
        () = shared.stop.clone().shutdown() => {
            connection.as_mut().graceful_shutdown();
            let _ = timeout(Duration::from_secs(5), connection).await;
        }
    }
}

async fn respond(request: HttpRequest<Incoming>, shared: Arc<Shared>) -> HttpResponse {
    let time = shared.config.request_time;
    match timeout(time, route(request, shared)).await {
        Ok(response) => response,
        Err(_) => plain(408, "request timed out"),
    }
}

async fn route(request: HttpRequest<Incoming>, shared: Arc<Shared>) -> HttpResponse {
    let upgrade = request.headers().contains_key(hyper::header::UPGRADE);
    if request.method() == Method::GET && !upgrade {
        return get(request, shared).await;
    }
    let cors = CorsLayer::new().allow_origin(Any).allow_methods(Any).allow_headers(Any);
    let service = shared.builder.clone().build(shared.methods.clone(), shared.stop.clone());
    match cors.layer(service).oneshot(request).await {
        Ok(response) => response.map(HttpBody::new),
        Err(error) => plain(500, &error.to_string()),
    }
}

/// Paths that are no JSON-RPC.
async fn get(request: HttpRequest<Incoming>, shared: Arc<Shared>) -> HttpResponse {
    let path = request.uri().path().to_owned();
    if path == "/health" {
        return plain(200, "ok");
    }
    let query = request.uri().query().map(str::to_owned);
    let has_blobs = matches!(shared.api.node().chain().rules(), Rules::Ethereum { .. });
    if !has_blobs || !path.starts_with("/eth/") {
        return plain(405, "Used HTTP Method is not allowed. POST is required");
    }
    let api = Arc::clone(&shared.api);
    let found = tokio::task::spawn_blocking(move || beacon::answer(&api, &path, query.as_deref())).await;
    found.ok().flatten().unwrap_or_else(|| plain(404, "not found"))
}

fn plain(status: u16, text: &str) -> HttpResponse {
    let mut response = HttpResponse::new(HttpBody::from(text.to_owned()));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    response
}
