//! The chain engine as the rollup's tasks see it ([`L2`]).

use std::sync::Arc;

use alloy_eips::Decodable2718;
use alloy_primitives::Bytes;
use alloy_rlp::Encodable;
use op_alloy_consensus::OpTxEnvelope;
use vellum_block::NodeSet;
use vellum_block::l2::blob::Blob;
use vellum_block::l2::codec::{self, Payload, PayloadBlock, PayloadTransaction};
use vellum_block::l2::{BatchHeader, BatchInput, BatchWithBlobs, DepositQueue, RollupConfig, output_root};

use crate::block::Block;
use crate::contracts;
use crate::l1_watcher::Inbox;
use crate::l2::{L2, L2Block, L2Error, SealedBatch};
use crate::node::Node;

/// L2 over a node of this process.
pub struct L2Node {
    node: Arc<Node>,
    config: RollupConfig,
    inbox: Inbox,
    /// Number of the L1 block that genesis knows.
    genesis_origin: u64,
}

impl L2Node {
    /// Over a node with these constants; `inbox` is of the same store.
    pub fn new(node: Arc<Node>, config: RollupConfig, inbox: Inbox, genesis_origin: u64) -> Self {
        Self { node, config, inbox, genesis_origin }
    }

    fn get(&self, number: u64) -> Result<Arc<Block>, L2Error> {
        self.node.chain().block_by_number(number).map_err(error)?.ok_or(L2Error::NoBlock(number))
    }

    fn origin(&self, block: &Block) -> u64 {
        block.l1_origin().map_or(self.genesis_origin, |origin| origin.number)
    }

    fn deposit_count(&self, block: &Block) -> Result<u64, L2Error> {
        self.node.chain().deposit_count(block.hash()).map_err(error)
    }

    fn payload_block(&self, number: u64) -> Result<PayloadBlock, L2Error> {
        let block = self.get(number)?;
        let decode = |encoded: &Bytes| {
            let transaction = OpTxEnvelope::decode_2718_exact(encoded)
                .map_err(|error| L2Error::Chain(format!("transaction of block {number}: {error}")))?;
            Ok(PayloadTransaction { transaction, encoded: encoded.clone() })
        };
        Ok(PayloadBlock {
            timestamp: block.header.timestamp,
            origin: self.origin(&block),
            deposits: deposits(&block),
            transactions: users(&block).map(decode).collect::<Result<_, L2Error>>()?,
        })
    }

    /// RLP of L1 headers from `from` down to `to`.
    fn l1_headers(&self, from: u64, to: u64) -> Result<Vec<u8>, L2Error> {
        let mut headers = Vec::new();
        for number in (to..=from).rev() {
            let header = self.inbox.header(number).map_err(error)?;
            let header =
                header.ok_or_else(|| L2Error::Chain(format!("L1 block {number} was not taken in")))?;
            header.header.encode(&mut headers);
        }
        Ok(headers)
    }
}

/// Deposits of users in a block: the first one is the L1 attributes.
fn deposits(block: &Block) -> u64 {
    let deposits = block.transactions.iter().filter(|transaction| transaction.is_deposit());
    (deposits.count() as u64).saturating_sub(1)
}

/// Encodings of what users signed.
fn users(block: &Block) -> impl Iterator<Item = &Bytes> {
    let users = block.transactions.iter().filter(|transaction| !transaction.is_deposit());
    users.map(|transaction| &transaction.encoded)
}

fn error(error: impl std::fmt::Display) -> L2Error {
    L2Error::Chain(error.to_string())
}

impl L2 for L2Node {
    fn head(&self) -> u64 {
        self.node.chain().head_number()
    }

    fn block(&self, number: u64) -> Result<L2Block, L2Error> {
        let block = self.get(number)?;
        Ok(L2Block {
            number,
            hash: block.hash(),
            timestamp: block.header.timestamp,
            l1_origin: self.origin(&block),
            deposits: deposits(&block),
            deposit_count: self.deposit_count(&block)?,
            output_root: output_root(&block.header, block.hash()),
            transactions: users(&block).cloned().collect(),
        })
    }

    fn encode(&self, first: u64, last: u64) -> Result<Vec<Bytes>, L2Error> {
        let blocks = (first..=last).map(|number| self.payload_block(number));
        let payload = Payload::new(blocks.collect::<Result<Vec<_>, _>>()?);
        let blobs = codec::encode(&payload, self.config.l2_chain_id);
        let blobs = blobs.map_err(|error| L2Error::Encode { first, last, reason: error.to_string() })?;
        Ok(blobs.into_iter().map(Bytes::from).collect())
    }

    fn input(&self, batches: &[SealedBatch]) -> Result<Vec<u8>, L2Error> {
        let (Some(start), Some(end)) = (batches.first(), batches.last()) else {
            return Err(L2Error::Chain("a range without batches".to_owned()));
        };
        let (first, last) = (start.first_block, end.header.lastBlock);
        let parent = self.get(first - 1)?;
        let mut nodes = NodeSet::default();
        let mut codes = std::collections::BTreeMap::new();
        let mut oldest = first - 1;
        for number in first..=last {
            let touched = self.node.chain().witness(number).map_err(error)?.touched;
            touched.nodes.iter().for_each(|node| nodes.insert(node));
            codes.extend(touched.codes);
            oldest = oldest.min(touched.oldest_block.unwrap_or(oldest));
        }
        let mut headers = Vec::new();
        for number in (oldest..first).rev() {
            self.get(number)?.header.inner().encode(&mut headers);
        }
        let l1_headers = self.l1_headers(end.header.l1Number, self.origin(&*self.get(first)?))?;
        let count = self.deposit_count(&parent)?;
        let hash = self.inbox.queue_hash(count).map_err(error)?;
        let mut deposits = Vec::new();
        for number in count..end.header.depositCount {
            let deposit = self.inbox.deposit(number).map_err(error)?;
            let missing = || L2Error::Chain(format!("deposit {number} was not taken in"));
            deposits.push(deposit.ok_or_else(missing)?.queued.deposit);
        }
        let codes = codes.values().fold(Vec::new(), |mut out, code| {
            code.encode(&mut out);
            out
        });
        let batches = batches.iter().map(sealed).collect::<Result<_, L2Error>>()?;
        let input = BatchInput {
            config: self.config.clone(),
            previous_deposits: DepositQueue { count, hash },
            deposits,
            batches,
            headers: &headers,
            l1_headers: &l1_headers,
            nodes: &nodes.depth_first(parent.header.state_root),
            codes: &codes,
        };
        Ok(input.encode())
    }

    fn set_safe(&self, number: u64) -> Result<(), L2Error> {
        self.node.chain().set_safe(number).map_err(error)
    }

    fn set_finalized(&self, number: u64) -> Result<(), L2Error> {
        self.node.chain().set_finalized(number).map_err(error)
    }

    fn halt(&self, reason: &str) {
        self.node.halt(reason);
    }

    fn unwind(&self, number: u64) -> Result<(), L2Error> {
        self.node.set_head(number).map_err(error)
    }
}

fn sealed(batch: &SealedBatch) -> Result<BatchWithBlobs<'_>, L2Error> {
    let blobs = batch.blobs.iter().map(|blob| Blob::new(blob).map_err(error));
    Ok(BatchWithBlobs { header: header(&batch.header), blobs: blobs.collect::<Result<_, _>>()? })
}

fn header(header: &contracts::BatchHeader) -> BatchHeader {
    BatchHeader {
        version: header.version,
        index: header.index,
        parent_hash: header.parentHash,
        claimed_output_root: header.claimedOutputRoot,
        last_block: header.lastBlock,
        deposit_count: header.depositCount,
        deposit_hash: header.depositHash,
        l1_number: header.l1Number,
        l1_hash: header.l1Hash,
        forced: header.forced,
        blob_hashes: header.blobHashes.clone(),
    }
}
