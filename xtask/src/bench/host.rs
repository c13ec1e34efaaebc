//! The machine that measures, and its unit of time.

use std::fs;
use std::thread::available_parallelism;

use anyhow::{Context, Result};

use crate::shell;

/// Where and when the figures were obtained.
pub(crate) struct Host {
    /// The processor's name.
    pub(crate) model: String,
    /// Hardware threads.
    pub(crate) threads: usize,
    /// Day of the run, UTC.
    pub(crate) date: String,
    /// Mean number of running threads in the minute before the run: what else the machine did.
    pub(crate) load_before: String,
    /// The same at its end; the run itself is about 2 of it.
    pub(crate) load_after: String,
    /// One Poseidon2 permutation of width 16, per lane.
    pub(crate) permutation_nanoseconds: f64,
}

impl Host {
    pub(crate) fn measure() -> Result<Self> {
        let line = |program, arguments: &[&str]| -> Result<String> {
            Ok(shell::output(program, arguments)?.trim().to_owned())
        };
        // Before anything heats the load up.
        let load_before = load();
        let nanoseconds = line("cargo", &["run", "--quiet", "--release", "--example", "permutation"])?;
        Ok(Self {
            model: model(),
            threads: available_parallelism().context("number of threads")?.get(),
            date: line("date", &["--utc", "+%Y-%m-%d"])?,
            load_before,
            load_after: String::new(),
            permutation_nanoseconds: nanoseconds.parse().context("the example prints nanoseconds")?,
        })
    }
}

pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().filter(|load| !load.is_empty()).unwrap_or("unknown").to_owned()
}

fn model() -> String {
    let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = information.lines().find_map(|line| line.strip_prefix("model name"));
    let name = line.map(|rest| rest.trim_start_matches([' ', '\t', ':']));
    name.unwrap_or(std::env::consts::ARCH).to_owned()
}
