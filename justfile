# Thin over `cargo xtask`; `just` lists everything.

_default:
    @just --list --unsorted

# Set up and show the main job
demo *arguments:
    cargo xtask demo {{arguments}}

# Set up and run every test
test *arguments:
    cargo xtask test {{arguments}}

# Simulate the rollup with faults: one seed, or thirty
sim seed="":
    {{ if seed == "" { "" } else { "VELLUM_SIM_SEED=" + seed } }} cargo nextest run --release -p vellum-node --test sim --no-capture

# Run forge, cast, viem and ethers against a devnet
clients:
    cargo xtask clients

# Check arrows and text
tidy:
    cargo xtask tidy

# Rewrite the expected figures
bless:
    cargo xtask bless

# Compare the expected figures
check:
    cargo xtask check

# Measure speed and memory
bench:
    cargo xtask bench

# Compile the guest programs in two places and compare
guests:
    cargo xtask guests --check

# Format everything
fmt:
    cargo fmt --all

# Check licences and advisories of dependencies (needs cargo-deny)
deny:
    cargo deny check

# Check spelling (needs typos)
typos:
    typos
