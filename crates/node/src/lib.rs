//! The node.

pub mod attest;
pub mod clock;
pub mod contracts;
pub mod deploy;
pub mod guest;
pub mod keys;
pub mod kzg;
pub mod l1;
pub mod l2;
pub mod prover;
pub mod records;
pub mod step;
pub mod store;
