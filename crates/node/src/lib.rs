//! The node.

pub mod clock;
pub mod contracts;
pub mod deploy;
pub mod keys;
pub mod kzg;
pub mod l1;
pub mod prover;
pub mod records;
pub mod step;
pub mod store;
