//! Time, as the node sees it. Nothing else in the crate asks the operating system, so that a test or a simulation
//! decides what time it is.

use std::{
    fmt::Debug,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::watch;

/// A clock that tasks can wait for.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Time since 1970.
    fn now(&self) -> Duration;

    /// Ends when the clock shows `until` (time since 1970) or more.
    fn sleep_until(&self, until: Duration) -> BoxFuture<'_, ()>;
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        // A clock before 1970 counts as 1970.
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    fn sleep_until(&self, until: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(until.saturating_sub(self.now())))
    }
}

/// A clock that moves only when it is told to.
#[derive(Debug)]
pub struct ManualClock(Mutex<watch::Sender<Duration>>);

impl ManualClock {
    /// A clock that shows `now`, as time since 1970.
    pub fn new(now: Duration) -> Self {
        Self(Mutex::new(watch::Sender::new(now)))
    }

    /// Sets the clock, also back.
    pub fn set(&self, time: Duration) {
        self.0.lock().send_modify(|now| *now = time);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.lock().send_modify(|now| *now = now.saturating_add(by));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        *self.0.lock().borrow()
    }

    fn sleep_until(&self, until: Duration) -> BoxFuture<'_, ()> {
        let mut changes = self.0.lock().subscribe();
        Box::pin(async move {
            // The sender lives as long as the clock; if it is gone nobody can wait any more.
            let _ = changes.wait_for(|now| *now >= until).await;
        })
    }
}
