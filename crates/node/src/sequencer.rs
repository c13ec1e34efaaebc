//! When blocks are made: at fixed times, or whenever a transaction waits.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task};

use crate::node::{Node, NodeError};

/// When blocks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mining {
    /// One block per interval, with or without transactions.
    Interval(Duration),
    /// A block as soon as a transaction waits, and none otherwise.
    OnDemand,
    /// Only when asked.
    Manual,
}

/// Makes blocks until `stop` says so; an error means that the chain has halted.
pub async fn run(node: Arc<Node>, stop: watch::Receiver<bool>) -> Result<(), NodeError> {
    match node.config().mining {
        Mining::Interval(interval) => at_intervals(node, interval, stop).await,
        Mining::OnDemand => on_demand(node, stop).await,
        Mining::Manual => {
            stopped(stop).await;
            Ok(())
        }
    }
}

async fn at_intervals(
    node: Arc<Node>,
    interval: Duration,
    stop: watch::Receiver<bool>,
) -> Result<(), NodeError> {
    let clock = node.clock().clone();
    let mut next = clock.now() + interval;
    loop {
        tokio::select! {
            () = stopped(stop.clone()) => return Ok(()),
            () = clock.sleep_until(next) => {}
        }
        seal(node.clone()).await?;
        next = following(next, clock.now(), interval);
    }
}

/// When the block after the one that was due at `due` is due. After a long block it is not made at once, or nothing else
/// would ever run; after a clock that jumped back it is not an hour away.
fn following(due: Duration, now: Duration, interval: Duration) -> Duration {
    (due + interval).clamp(now, now + interval)
}

async fn on_demand(node: Arc<Node>, stop: watch::Receiver<bool>) -> Result<(), NodeError> {
    loop {
        tokio::select! {
            () = stopped(stop.clone()) => return Ok(()),
            () = node.submitted() => {}
        }
        while node.has_includable() {
            let before = node.chain().head_number();
            seal(node.clone()).await?;
            let block = node.chain().head();
            if block.number() == before || block.transactions.is_empty() {
                break;
            }
        }
    }
}

async fn seal(node: Arc<Node>) -> Result<(), NodeError> {
    match task::spawn_blocking(move || node.seal()).await {
        Ok(Err(error)) if error.passes() => {
            tracing::warn!(%error, "no block");
            Ok(())
        }
        Ok(sealed) => sealed.map(|_| ()),
        Err(error) => Err(NodeError::Task(error.to_string())),
    }
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _ = stop.wait_for(|stop| *stop).await;
}

#[cfg(test)]
mod tests {
    use super::{Duration, following};

    #[test]
    fn blocks_are_due_at_most_an_interval_from_now() {
        let of = |due, now| {
            following(Duration::from_secs(due), Duration::from_secs(now), Duration::from_secs(2)).as_secs()
        };
        assert_eq!(of(100, 100), 102);
        assert_eq!(of(100, 101), 102, "a late block does not move the next one");
        assert_eq!(of(100, 109), 109, "a very late one does");
        assert_eq!(of(100, 40), 42, "the clock jumped back");
    }
}
