//! Tests of the node from outside: its chain, its pool, and its server over real connections.

mod eth;
mod harness;
