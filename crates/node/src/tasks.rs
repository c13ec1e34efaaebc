//! Runs the rollup's tasks, each on a thread of its own, and tells how they are.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use serde::Serialize;

use crate::step::Step;

/// Longest wait after an error.
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// How a task is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskStatus {
    /// Things done.
    pub steps: u64,
    /// Errors.
    pub errors: u64,
    /// The error that it is in now.
    pub failing: Option<String>,
}

/// Statuses by name, for RPC and metrics.
#[derive(Clone, Debug, Default)]
pub struct TaskBoard(Arc<Mutex<BTreeMap<&'static str, TaskStatus>>>);

impl TaskBoard {
    /// All statuses.
    pub fn all(&self) -> BTreeMap<&'static str, TaskStatus> {
        self.0.lock().clone()
    }

    fn change(&self, name: &'static str, change: impl FnOnce(&mut TaskStatus)) {
        change(self.0.lock().entry(name).or_default());
    }
}

#[derive(Default)]
struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    /// True when stopped; at the latest after the wait.
    fn wait(&self, duration: Duration) -> bool {
        let mut stopped = self.stopped.lock();
        if !*stopped {
            self.changed.wait_for(&mut stopped, duration);
        }
        *stopped
    }
}

/// Running tasks. Dropping them waits for each to end its step.
#[derive(Default)]
pub struct Tasks {
    stop: Arc<Stop>,
    threads: Vec<JoinHandle<()>>,
    board: TaskBoard,
}

impl Tasks {
    /// Statuses.
    pub fn board(&self) -> TaskBoard {
        self.board.clone()
    }

    /// Runs `step` again and again: at once while it does things, after `poll` when it waits, later and later while it fails.
    ///
    /// # Errors
    /// No thread.
    pub fn spawn<E: Display>(
        &mut self,
        name: &'static str,
        poll: Duration,
        step: impl FnMut() -> Result<Step, E> + Send + 'static,
    ) -> std::io::Result<()> {
        let (stop, board) = (self.stop.clone(), self.board.clone());
        board.change(name, |_| ());
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(name, poll, step, &stop, &board))?;
        self.threads.push(thread);
        Ok(())
    }

    /// Tells all tasks to end.
    pub fn stop(&self) {
        *self.stop.stopped.lock() = true;
        self.stop.changed.notify_all();
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.stop();
        for thread in self.threads.drain(..) {
            // A panic was reported where it happened.
            let _ = thread.join();
        }
    }
}

fn run<E: Display>(
    name: &'static str,
    poll: Duration,
    mut step: impl FnMut() -> Result<Step, E>,
    stop: &Stop,
    board: &TaskBoard,
) {
    let mut backoff = poll;
    let mut wait = Duration::ZERO;
    while !stop.wait(wait) {
        match step() {
            Ok(done) => {
                board.change(name, |status| {
                    if status.failing.take().is_some() {
                        tracing::info!(task = name, "works again");
                    }
                    status.steps += u64::from(done == Step::Done);
                });
                backoff = poll;
                wait = if done == Step::Done { Duration::ZERO } else { poll };
            }
            Err(error) => {
                let text = error.to_string();
                board.change(name, |status| {
                    status.errors += 1;
                    // One line per kind of trouble, not one per attempt.
                    if status.failing.as_ref() != Some(&text) {
                        tracing::warn!(task = name, error = text, "task failed, will try again");
                    }
                    status.failing = Some(text);
                });
                wait = backoff;
                backoff = (2 * backoff).min(BACKOFF_MAX);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn a_task_goes_on_after_errors_and_ends_when_told() {
        let count = Arc::new(AtomicU64::new(0));
        let of_task = count.clone();
        let mut tasks = Tasks::default();
        let step = move || match of_task.fetch_add(1, Ordering::Relaxed) {
            1 => Err("once"),
            n if n < 5 => Ok(Step::Done),
            _ => Ok(Step::Idle),
        };
        tasks.spawn("test", Duration::from_millis(1), step).unwrap();
        while count.load(Ordering::Relaxed) < 10 {
            std::thread::yield_now();
        }
        let board = tasks.board();
        drop(tasks);
        let status = board.all()["test"].clone();
        assert_eq!(status, TaskStatus { steps: 4, errors: 1, failing: None });
    }
}
