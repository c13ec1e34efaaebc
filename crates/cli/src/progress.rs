//! The progress bar of proving, on stderr and only on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use vellum_zkvm::Progress;

/// A bar over shards.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// Starts with a spinner: the number of shards is known after the first execution.
    pub(crate) fn start(message: &'static str) -> Self {
        let bar = ProgressBar::no_length().with_message(message);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    pub(crate) fn update(&self, progress: Progress) {
        match progress {
            Progress::Planned { cycles, shards } => {
                let style = ProgressStyle::with_template(
                    "{msg} [{bar:30}] {pos}/{len} shards, {elapsed} passed, {eta} left",
                );
                if let Ok(style) = style {
                    self.0.set_style(style);
                }
                self.0.set_length(shards.into());
                self.0.set_message(format!("{cycles} cycles: committing"));
            }
            Progress::Committed { .. } => {}
            Progress::Proven { .. } => {
                self.0.set_message("proving");
                self.0.inc(1);
            }
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
