//! Where the prover's time goes: seconds by stage, for reports.

use std::time::Instant;

/// Wall-clock seconds by stage, in order of first use; a stage that runs again adds up.
#[derive(Clone, Debug)]
pub struct Stages {
    seconds: Vec<(&'static str, f64)>,
    last: Instant,
}

impl Stages {
    /// Starts the clock.
    pub fn start() -> Self {
        Self { seconds: vec![], last: Instant::now() }
    }

    /// Restarts the clock: the time since the last stage is nobody's.
    pub fn resume(&mut self) {
        self.last = Instant::now();
    }

    /// Books the time since the last stage's end on `stage`.
    pub fn end(&mut self, stage: &'static str) {
        let now = Instant::now();
        let elapsed = (now - self.last).as_secs_f64();
        self.last = now;
        match self.seconds.iter_mut().find(|(name, _)| *name == stage) {
            Some((_, seconds)) => *seconds += elapsed,
            None => self.seconds.push((stage, elapsed)),
        }
    }

    /// The stages so far.
    pub fn seconds(&self) -> &[(&'static str, f64)] {
        &self.seconds
    }
}
