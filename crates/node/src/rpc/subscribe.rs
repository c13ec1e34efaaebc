//! `eth_subscribe` over WebSocket: newHeads, logs, newPendingTransactions, syncing.

use std::sync::Arc;

use alloy_rpc_types_eth::{Filter, pubsub::SubscriptionKind};
use jsonrpsee::{
    PendingSubscriptionSink, SubscriptionSink,
    core::SubscriptionResult,
    server::SubscriptionMessage,
    types::{ErrorObjectOwned, Params},
};
use serde::Serialize;
use serde_json::value::to_raw_value;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{Api, Args, Methods, RpcError, convert, logs};
use crate::{block::Block, mempool::PoolTransaction};

pub(super) fn register(methods: &mut Methods) {
    let entered = methods.module.register_subscription(
        "eth_subscribe",
        "eth_subscription",
        "eth_unsubscribe",
        |params, pending, api, _| subscribe(params, pending, Arc::clone(&api)),
    );
    if let Err(error) = entered {
        tracing::error!(%error, "subscriptions not entered");
    }
}

/// What a client wants to be told.
enum Wanted {
    Heads,
    Logs(Box<Filter>),
    Transactions { full: bool },
    Syncing,
}

impl Wanted {
    fn parse(params: &Params<'_>) -> Result<Self, RpcError> {
        let mut args = Args::parse(params.as_str(), 2)?;
        Ok(match args.required()? {
            SubscriptionKind::NewHeads => Self::Heads,
            SubscriptionKind::Logs => {
                let filter: Filter = args.optional()?.unwrap_or_default();
                logs::check(&filter)?;
                Self::Logs(Box::new(filter))
            }
            SubscriptionKind::NewPendingTransactions => {
                Self::Transactions { full: args.optional()?.unwrap_or(false) }
            }
            SubscriptionKind::Syncing => Self::Syncing,
            SubscriptionKind::TransactionReceipts => {
                return Err(RpcError::InvalidParams("no such subscription: transactionReceipts".into()));
            }
        })
    }
}

async fn subscribe(
    params: Params<'static>,
    pending: PendingSubscriptionSink,
    api: Arc<Api>,
) -> SubscriptionResult {
    let wanted = match Wanted::parse(&params) {
        Ok(wanted) => wanted,
        Err(error) => {
            pending.reject(ErrorObjectOwned::from(error)).await;
            return Ok(());
        }
    };
    // Listening begins before the client hears that it does, so that it misses nothing after that.
    let node = api.node();
    match wanted {
        Wanted::Heads => {
            let heads = node.chain().subscribe();
            let form = |block: &Block| vec![convert::header(block)];
            forward(pending.accept().await?, heads, move |block| form(&block)).await;
        }
        Wanted::Logs(filter) => {
            let heads = node.chain().subscribe();
            let form = move |block: &Block| logs::matching(block, &filter, false).collect::<Vec<_>>();
            forward(pending.accept().await?, heads, move |block| form(&block)).await;
        }
        Wanted::Transactions { full } => {
            let added = node.pool().subscribe();
            let sink = pending.accept().await?;
            if full {
                forward(sink, added, |added: PoolTransaction| vec![convert::waiting(&added)]).await;
            } else {
                forward(sink, added, |added: PoolTransaction| vec![added.hash]).await;
            }
        }
        Wanted::Syncing => {
            let sink = pending.accept().await?;
            if let Some(message) = message(&false) {
                let _ = sink.send(message).await;
            }
            sink.closed().await;
        }
    }
    Ok(())
}

fn message(value: &impl Serialize) -> Option<SubscriptionMessage> {
    to_raw_value(value).ok().map(SubscriptionMessage::from)
}

/// Sends on what comes until the client is gone. A client that reads too slowly misses some: nothing is kept for it.
async fn forward<T: Clone, R: Serialize>(
    sink: SubscriptionSink,
    mut source: Receiver<T>,
    mut form: impl FnMut(T) -> Vec<R>,
) {
    loop {
        tokio::select! {
            () = sink.closed() => return,
            received = source.recv() => match received {
                Ok(value) => {
                    for message in form(value).iter().filter_map(message) {
                        if sink.send(message).await.is_err() {
                            return;
                        }
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
        }
    }
}
