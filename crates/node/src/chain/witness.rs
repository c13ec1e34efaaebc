//! Executing blocks of the chain again: for witnesses, and for the state in the middle of a block.

use alloy_consensus::transaction::Recovered;
use revm::{DatabaseCommit, database::CacheDB};
use vellum_block::{
    BlockBuilder, BlockError, State, StateError as WitnessError,
    l2::{L2BlockBuilder, L2Error},
};

use super::{
    Chain, ChainError, Rules, ScratchState,
    build::{encode_codes, missing_node},
};
use crate::{
    block::{Block, Transaction},
    state::Touched,
};

/// What the stateless execution of a block needs, in the encodings of `vellum_block`.
#[derive(Debug, Clone)]
pub struct Witness {
    /// Trie nodes and codes that the block touches, and the oldest block whose hash it reads.
    pub touched: Touched,
    /// RLP of the block.
    pub block: Vec<u8>,
    /// RLP of the headers before it, the parent's first.
    pub headers: Vec<u8>,
}

impl Witness {
    /// The codes as RLP strings.
    pub fn codes(&self) -> Vec<u8> {
        encode_codes(&self.touched)
    }
}

impl Chain {
    /// The witness of the block with this number; not of block 0, which is not executed.
    pub fn witness(&self, number: u64) -> Result<Witness, ChainError> {
        let block = self.block_by_number(number)?.ok_or(ChainError::NoBlock(number))?;
        let parent = self.parent(&block)?;
        let mut state = CacheDB::new(self.lazy_state(&parent.header, true));
        self.replay(&block, block.transactions.len(), true, &mut state)?;
        state.db.note_siblings(&state.cache)?;
        let mut touched = state.db.into_touched();
        let codes = encode_codes(&touched);
        // Executing it on the witness tells whether that is complete.
        loop {
            let nodes = touched.nodes.depth_first(parent.header.state_root);
            match self.change(&parent, &block, &nodes, &codes, touched.oldest_block) {
                Ok(()) => break,
                Err(Change::Missing(hash)) => touched.nodes.insert_hashed(hash, &self.reader.node(hash)?),
                Err(Change::Failed(error)) => return Err(error),
            }
        }
        let headers = self.headers_down_to(&parent, touched.oldest_block)?;
        Ok(Witness { touched, block: block.encode(), headers })
    }

    /// The state in a block before the transaction at this place, which may be one after the last.
    pub fn state_before(&self, block: &Block, index: usize) -> Result<ScratchState, ChainError> {
        let mut state = self.scratch_state(&self.parent(block)?.header);
        self.replay(block, index, false, &mut state)?;
        Ok(state)
    }

    fn parent(&self, block: &Block) -> Result<std::sync::Arc<Block>, ChainError> {
        let number = block.number();
        let missing = ChainError::NoBlock(number.saturating_sub(1));
        self.block_by_hash(block.header.parent_hash)?.filter(|_| number > 0).ok_or(missing)
    }

    /// Executes the first `count` transactions of a block, and with `whole` what comes after the last.
    fn replay(
        &self,
        block: &Block,
        count: usize,
        whole: bool,
        state: impl alloy_evm::Database + DatabaseCommit,
    ) -> Result<(), ChainError> {
        let number = block.number();
        let failed = |error: String| ChainError::Build { number, error };
        let text = |error: L2Error| failed(error.to_string());
        let damaged = |index| ChainError::DamagedTransaction { number, index };
        let header = block.header.inner().clone();
        match &self.rules {
            Rules::Ethereum { chain_id, fork } => {
                let builder = BlockBuilder::replay(*chain_id, *fork, header, vec![], state);
                let mut builder = builder.map_err(|error| failed(error.to_string()))?;
                for index in 0..count {
                    let (transaction, sender) = self.transaction(block, index)?.into_parts();
                    let Transaction::Signed(signed) = transaction else { return Err(damaged(index)) };
                    let pushed = builder.try_transaction(&Recovered::new_unchecked(signed, sender));
                    pushed.map_err(|error| failed(error.to_string()))?;
                }
                if whole {
                    builder.finish().map_err(|error| failed(error.to_string()))?;
                }
            }
            Rules::L2(config) => {
                let mut builder = L2BlockBuilder::replay(config, header, state).map_err(text)?;
                for (index, transaction) in block.transactions.iter().take(count).enumerate() {
                    let transaction = transaction.to_l2().map_err(|_| damaged(index))?;
                    builder.repeat(transaction).map_err(text)?;
                }
                if whole {
                    builder.finish().map_err(text)?;
                }
            }
        }
        Ok(())
    }

    /// Executes the block on a witness and changes its tries.
    fn change(
        &self,
        parent: &Block,
        block: &Block,
        nodes: &[u8],
        codes: &[u8],
        oldest: Option<u64>,
    ) -> Result<(), Change> {
        let number = block.number();
        let oldest = oldest.unwrap_or(parent.number());
        let mut hashes = vec![];
        for number in (oldest.min(parent.number())..=parent.number()).rev() {
            hashes.push(self.hash_by_number(number)?.ok_or(ChainError::NoBlock(number))?);
        }
        let mut state = State::new(parent.header.state_root, nodes, codes, hashes, parent.number())
            .map_err(|error| Change::of(number, error))?;
        let replayed = self.replay(block, block.transactions.len(), true, &mut state);
        if let Some(fault) = state.take_fault() {
            return Err(Change::of(number, fault));
        }
        replayed?;
        let root = state.commit_block().map_err(|error| Change::of(number, error))?;
        if root != block.header.state_root {
            let error = format!("state root {root} instead of {}", block.header.state_root);
            return Err(ChainError::Disagreement { number, error }.into());
        }
        Ok(())
    }
}

/// Why a block cannot be executed on a witness.
enum Change {
    /// The witness lacks this node.
    Missing(alloy_primitives::B256),
    Failed(ChainError),
}

impl Change {
    fn of(number: u64, error: WitnessError) -> Self {
        let error = BlockError::State(error);
        let failed = || ChainError::Disagreement { number, error: error.to_string() };
        missing_node(&error).map_or_else(|| Self::Failed(failed()), Self::Missing)
    }
}

impl From<ChainError> for Change {
    fn from(error: ChainError) -> Self {
        Self::Failed(error)
    }
}
