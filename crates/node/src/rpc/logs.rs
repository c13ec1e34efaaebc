//! `eth_getLogs` and filters that are polled.

use std::{collections::BTreeMap, time::Duration};

use alloy_eips::BlockNumberOrTag;
use alloy_primitives::{B256, U64};
use alloy_rpc_types_eth::{Filter, FilterBlockOption, Log as RpcLog};
use serde::Serialize;
use tokio::sync::broadcast::{Receiver, error::TryRecvError};

use super::{Api, Args, Methods, RpcError, convert};
use crate::{block::Block, mempool::PoolTransaction};

/// A filter that nobody asked about for so long is forgotten.
const FILTER_LIFE: Duration = Duration::from_secs(300);

pub(super) fn register(methods: &mut Methods) {
    methods.add("eth_getLogs", 1, |api, args| logs(api, &args.required()?));
    methods.add("eth_newFilter", 1, |api, args| {
        let filter: Filter = args.required()?;
        check(&filter)?;
        new_filter(api, Kind::Logs(Box::new(filter)))
    });
    methods.add("eth_newBlockFilter", 0, |api, _| new_filter(api, Kind::Blocks));
    methods.add("eth_newPendingTransactionFilter", 1, |api, _| {
        new_filter(api, Kind::Transactions(api.node.pool().subscribe()))
    });
    methods.add("eth_getFilterChanges", 1, filter_changes);
    methods.add("eth_getFilterLogs", 1, filter_logs);
    methods.add("eth_uninstallFilter", 1, |api, args| {
        let id: U64 = args.required()?;
        Ok(api.filters.lock().filters.remove(&id.to()).is_some())
    });
}

/// Filters by their number.
#[derive(Debug, Default)]
pub(super) struct Filters {
    filters: BTreeMap<u64, Polled>,
    last: u64,
}

#[derive(Debug)]
struct Polled {
    kind: Kind,
    /// The newest block that the client knows.
    block: u64,
    /// When the client asked last, as time since 1970.
    asked: Duration,
}

#[derive(Debug)]
enum Kind {
    Logs(Box<Filter>),
    Blocks,
    Transactions(Receiver<PoolTransaction>),
}

/// What changed since the client asked last.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Changes {
    Logs(Vec<RpcLog>),
    Hashes(Vec<B256>),
}

/// A filter of an unreasonable size is refused.
pub(super) fn check(filter: &Filter) -> Result<(), RpcError> {
    let most = 1_000;
    if filter.address.len() > most || filter.topics.iter().any(|topics| topics.len() > most) {
        return Err(RpcError::InvalidParams(format!("more than {most} addresses or topics")));
    }
    Ok(())
}

fn logs(api: &Api, filter: &Filter) -> Result<Vec<RpcLog>, RpcError> {
    check(filter)?;
    let chain = api.node.chain();
    let (from, to) = match filter.block_option {
        FilterBlockOption::AtBlockHash(hash) => {
            let block = chain.block_at(hash.into())?.ok_or(RpcError::NotFound("block"))?;
            return Ok(matching(&block, filter, false).collect());
        }
        FilterBlockOption::Range { from_block, to_block } => {
            let number = |tag: Option<BlockNumberOrTag>| chain.number_of(tag.unwrap_or_default());
            (number(from_block), number(to_block))
        }
    };
    if from > to {
        return Err(RpcError::InvalidParams("invalid block range params".into()));
    }
    logs_between(api, filter, from, to)
}

fn logs_between(api: &Api, filter: &Filter, from: u64, to: u64) -> Result<Vec<RpcLog>, RpcError> {
    let chain = api.node.chain();
    let to = to.min(chain.head_number());
    if to.saturating_sub(from) >= api.limits.log_blocks {
        let most = api.limits.log_blocks;
        return Err(RpcError::Limit(format!("query exceeds max block range {most}")));
    }
    let deadline = api.node.clock().now() + api.limits.time;
    let mut found = vec![];
    for number in from..=to {
        let header = chain.header_by_number(number)?.ok_or(RpcError::NotFound("block"))?;
        if !filter.matches_bloom(header.logs_bloom) {
            continue;
        }
        let block = chain.block_by_number(number)?.ok_or(RpcError::NotFound("block"))?;
        found.extend(matching(&block, filter, false));
        if found.len() > api.limits.logs {
            let most = api.limits.logs;
            return Err(RpcError::Limit(format!(
                "query returned more than {most} results; use a smaller range"
            )));
        }
        if api.node.clock().now() > deadline {
            return Err(RpcError::Limit("query timed out; use a smaller range".into()));
        }
    }
    Ok(found)
}

/// The logs of a block that the filter takes.
pub(super) fn matching<'a>(
    block: &'a Block,
    filter: &'a Filter,
    removed: bool,
) -> impl Iterator<Item = RpcLog> + 'a {
    let possible = filter.matches_bloom(block.header.logs_bloom);
    possible
        .then(|| convert::logs(block, removed).filter(|log| filter.matches(&log.inner)))
        .into_iter()
        .flatten()
}

fn new_filter(api: &Api, kind: Kind) -> Result<U64, RpcError> {
    let (block, asked) = (api.node.chain().head_number(), api.node.clock().now());
    let mut filters = api.filters.lock();
    filters.filters.retain(|_, filter| asked.saturating_sub(filter.asked) < FILTER_LIFE);
    if filters.filters.len() >= api.limits.filters {
        return Err(RpcError::Limit(format!("more than {} filters", api.limits.filters)));
    }
    filters.last += 1;
    let id = filters.last;
    filters.filters.insert(id, Polled { kind, block, asked });
    Ok(U64::from(id))
}

fn filter_changes(api: &Api, args: &mut Args<'_>) -> Result<Changes, RpcError> {
    let id: U64 = args.required()?;
    let head = api.node.chain().head_number();
    let (filter, from) = {
        let mut filters = api.filters.lock();
        let polled = filters.filters.get_mut(&id.to()).ok_or(RpcError::NotFound("filter"))?;
        polled.asked = api.node.clock().now();
        // After the head was set back the client sees the new blocks from there on.
        let from = polled.block.min(head) + 1;
        polled.block = head;
        match &mut polled.kind {
            Kind::Transactions(receiver) => return Ok(Changes::Hashes(drain(receiver))),
            Kind::Blocks => (None, from),
            Kind::Logs(filter) => (Some(filter.clone()), from),
        }
    };
    if let Some(filter) = filter {
        let chain = api.node.chain();
        let first = filter.get_from_block().unwrap_or(0).max(from);
        let last = filter.get_to_block().unwrap_or(u64::MAX).min(chain.head_number());
        let logs = if first > last { vec![] } else { logs_between(api, &filter, first, last)? };
        return Ok(Changes::Logs(logs));
    }
    let from = from.max(head.saturating_sub(api.limits.log_blocks));
    let hashes = (from..=head).filter_map(|number| api.node.chain().hash_by_number(number).transpose());
    Ok(Changes::Hashes(hashes.collect::<Result<_, _>>()?))
}

fn drain(receiver: &mut Receiver<PoolTransaction>) -> Vec<B256> {
    let mut hashes = vec![];
    loop {
        match receiver.try_recv() {
            Ok(transaction) => hashes.push(transaction.hash),
            // A client that asks too rarely misses some.
            Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => return hashes,
        }
    }
}

fn filter_logs(api: &Api, args: &mut Args<'_>) -> Result<Vec<RpcLog>, RpcError> {
    let id: U64 = args.required()?;
    let filter = match api.filters.lock().filters.get(&id.to()).map(|polled| &polled.kind) {
        Some(Kind::Logs(filter)) => filter.clone(),
        Some(_) => return Err(RpcError::InvalidParams("not a log filter".into())),
        None => return Err(RpcError::NotFound("filter")),
    };
    logs(api, &filter)
}
