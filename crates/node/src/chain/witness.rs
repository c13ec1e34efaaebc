//! The witness of blocks that are on the chain.

use alloy_primitives::{B256, Bytes};
use revm::database::CacheDB;
use vellum_block::{BlockBuilder, BlockInput, execute_for_changes};

use super::{
    Chain, ChainError, Rules,
    build::{encode_codes, missing_node},
};
use crate::{
    block::{Block, Transaction},
    state::Touched,
};

/// What the stateless execution of a block needs, in the encodings of `vellum_block::BlockInput`.
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

    /// The trie nodes below the state root before the block, depth first.
    pub fn nodes(&self, state_root: B256) -> Vec<u8> {
        self.touched.nodes.depth_first(state_root)
    }
}

impl Chain {
    /// The witness of the block with this number; not of block 0, which is not executed.
    pub fn witness(&self, number: u64) -> Result<Witness, ChainError> {
        let block = self.block_by_number(number)?.ok_or(ChainError::NoBlock(number))?;
        let parent = number.checked_sub(1).ok_or(ChainError::NoBlock(number))?;
        let parent = self.block_by_number(parent)?.ok_or(ChainError::NoBlock(parent))?;
        let mut touched = self.touched_by(&parent, &block)?;
        let headers = self.headers_down_to(&parent, touched.oldest_block)?;
        let (encoded, codes) = (block.encode(), encode_codes(&touched));
        let Rules::Ethereum { chain_id, fork } = self.rules;
        loop {
            let nodes = touched.nodes.depth_first(parent.header.state_root);
            let input = BlockInput {
                chain_id,
                fork,
                block: &encoded,
                headers: &headers,
                nodes: &nodes,
                codes: &codes,
            };
            let Err(error) = execute_for_changes(&input) else { break };
            let hash = missing_node(&error).ok_or(ChainError::Disagreement { number, error })?;
            touched.nodes.insert_hashed(hash, &self.reader.node(hash)?);
        }
        Ok(Witness { touched, block: encoded, headers })
    }

    /// What the block reads when it is executed over the store.
    fn touched_by(&self, parent: &Block, block: &Block) -> Result<Touched, ChainError> {
        let number = block.number();
        let failed = |error| ChainError::Build { number, error };
        let mut state = CacheDB::new(self.lazy_state(&parent.header, true));
        let Rules::Ethereum { chain_id, fork } = self.rules;
        let header = block.header.inner().clone();
        let mut builder = BlockBuilder::replay(fork, chain_id, header, &mut state).map_err(failed)?;
        for index in 0..block.transactions.len() {
            let transaction = self.transaction(block, index)?;
            let damaged = || ChainError::DamagedTransaction { number, index };
            let Transaction::Signed(signed) = transaction.inner() else { return Err(damaged()) };
            let recovered =
                alloy_consensus::transaction::Recovered::new_unchecked(signed, transaction.signer());
            builder.push(recovered, Bytes::new()).map_err(failed)?;
        }
        builder.finish().map_err(failed)?;
        Ok(state.db.into_touched())
    }
}
