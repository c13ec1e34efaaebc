//! Makes block files for benchmarks: signed transactions of chosen kinds over a state of chosen size, with a
//! header that holds and the witness of what they touch. Nothing is random: the same arguments make the same bytes.
//!
//! `blocks FOLDER` writes every block of [`NAMED`] as `NAME.block`; `blocks FOLDER NAME…` writes these. A NAME may
//! also be a specification like `accounts=1000000,seed=3,ether=20,erc20=80`: kinds of transactions with their
//! numbers, in the block's order, see [`Kind::NAMES`].

mod contracts;
mod specification;
mod transactions;
mod world;

use std::{env, error::Error, fs, path::Path, time::Instant};

use specification::Specification;
#[cfg(doc)]
use transactions::Kind;

/// Blocks that differ in what their cost comes from.
const NAMED: [(&str, &str); 14] = [
    ("erc20", "accounts=1000000,seed=1,erc20=100"),
    ("erc20-small-state", "accounts=1000,seed=2,erc20=100"),
    ("ether", "accounts=1000000,seed=3,ether=100"),
    ("ether-small-state", "accounts=1000,seed=4,ether=50"),
    ("deployments", "accounts=100000,seed=5,deploy=20"),
    ("storage", "accounts=300000,seed=6,store=20"),
    ("hashing", "accounts=10000,seed=7,hash=10"),
    ("arithmetic", "accounts=10000,seed=8,arithmetic=10"),
    ("signatures", "accounts=100000,seed=9,recover=20"),
    ("copies-and-logs", "accounts=10000,seed=10,copy=10,log=10"),
    ("calls", "accounts=1000000,seed=11,call=10"),
    ("failures", "accounts=100000,seed=12,fail=60"),
    ("mixed", "accounts=1000000,seed=13,ether=20,erc20=30,store=3,deploy=2,hash=1,fail=4,log=2,call=1"),
    ("mixed-small", "accounts=20000,seed=14,arithmetic=2,ether=5,recover=2,erc20=10,copy=1,store=1"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let folder = arguments.next().ok_or("usage: blocks FOLDER [NAME or SPECIFICATION]…")?;
    let mut names: Vec<String> = arguments.collect();
    if names.is_empty() {
        names.extend(NAMED.map(|(name, _)| name.to_owned()));
    }
    for name in names {
        let started = Instant::now();
        let text = NAMED.iter().find(|(named, _)| *named == name).map_or(&*name, |(_, text)| text);
        let (file, outcome) = Specification::parse(text)?.make()?;
        let path = Path::new(&folder).join(format!("{name}.block"));
        fs::write(&path, &file)?;
        println!(
            "{}: {} transactions, {} gas, {} bytes, {:.1} seconds",
            path.display(),
            outcome.transactions.len(),
            outcome.gas_used,
            file.len(),
            started.elapsed().as_secs_f64()
        );
    }
    Ok(())
}
