//! What long-running commands tell while they run: lines on stderr.

use std::io;

use tracing::Level;

/// Names the level: error, warn, info, debug or trace.
const VARIABLE: &str = "VELLUM_LOG";

/// Writes events of `level` and above to stderr from now on; `VELLUM_LOG` overrides the level.
pub(crate) fn start(level: Level) {
    let level = std::env::var(VARIABLE).ok().and_then(|text| text.parse().ok()).unwrap_or(level);
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_target(false)
        .finish();
    // Somebody else's subscriber, in a test, is as good.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
