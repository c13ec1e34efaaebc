//! What the process has used so far.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::exit::Failure;

/// Time and memory of the whole process.
pub(crate) struct Usage {
    /// User and system.
    pub(crate) cpu_seconds: f64,
    /// Most resident memory at any time.
    pub(crate) peak_rss_bytes: u64,
}

/// Bytes in the kernel's unit of resident memory.
const RSS_UNIT: u64 = if cfg!(target_os = "macos") { 1 } else { 1024 };

pub(crate) fn usage() -> Result<Usage, Failure> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).map_err(Failure::internal)?;
    let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Usage {
        cpu_seconds: microseconds as f64 / 1e6,
        peak_rss_bytes: u64::try_from(usage.max_rss()).unwrap_or_default() * RSS_UNIT,
    })
}
