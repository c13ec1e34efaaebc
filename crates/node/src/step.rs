//! How the rollup's tasks run: as machines that look at records and L1 and do one thing at a time.

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// One effect: a commit to disk or a message to L1. There may be more to do at once.
    Done,
    /// Nothing: it waits for L1, the chain, the prover or the time.
    Idle,
}
