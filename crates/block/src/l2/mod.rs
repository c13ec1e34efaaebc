//! The rollup's own chain: its blocks, how they follow from L1, and the batches that a proof covers.
//!
//! Blocks obey the OP Stack's rules up to Isthmus (op-revm executes them), so that tools for the OP Stack know the
//! chain; where L1 contracts cannot give what the OP Stack uses, the rule is said in the module that has it.
//!
//! - `config`, `deposit`, `origin`: what a block takes from the configuration and from L1.
//! - `builder`: a block's steps on any state, for the sequencer; `execute`: the same on a witness, for everybody.
//! - `codec`, `blob`, `field`: from blocks to the blobs of a batch and back, and the value that binds a blob's content.
//! - `derive`: any blobs, deposits and L1 headers define the next blocks.
//! - `batch`, `input`, `prove`: batch headers, the file of a range of batches, and its execution: the guest's program.
//! - `genesis`: storage of the predeploy that blocks are derived from.

mod abi;
mod batch;
pub mod blob;
mod builder;
pub mod codec;
mod config;
mod deposit;
mod derive;
mod error;
mod execute;
pub mod field;
mod genesis;
mod hardforks;
mod input;
mod origin;
mod prove;
mod receipts;
mod transaction;

pub use batch::{BATCH_VERSION, BatchHeader, BlobOpening, PublicOutput, genesis_batch_hash, output_root};
pub use builder::{Attributes, BuiltL2Block, L2BlockBuilder, environment};
pub use config::{ATTRIBUTES_GAS, ConfigError, RollupConfig};
pub use deposit::{Deposit, DepositQueue, QueuedDeposit};
pub use derive::MissingOrigin;
pub use derive::{BlockPlan, Derivation};
pub use error::{AttributesError, L2Error};
pub use execute::{CompletedL2, L2BlockInput, complete};
pub use genesis::{genesis_header, l1_block_storage};
pub use input::{BatchInput, BatchInputError, BatchWithBlobs};
pub use origin::{L1Origin, ParentOrigin};
pub use prove::{BatchError, BatchPhase, execute_batches, execute_batches_observed};
pub use transaction::{SignedTransaction, decode_transaction};

use alloy_primitives::{Address, address};

/// Sender of the L1 attributes transaction.
pub const DEPOSITOR: Address = address!("0xDeaDDEaDDeAdDeAdDEAdDEaddeAddEAdDEAd0001");
/// The L1Block predeploy, which remembers a block's origin.
pub const L1_BLOCK: Address = address!("0x4200000000000000000000000000000000000015");
/// The L2ToL1MessagePasser predeploy, which remembers withdrawals.
pub const MESSAGE_PASSER: Address = address!("0x4200000000000000000000000000000000000016");
/// Receives the tips.
pub const SEQUENCER_FEE_VAULT: Address = address!("0x4200000000000000000000000000000000000011");
