//! Any bytes define a chain: the next blocks as a function of the state before, the content of a batch's blobs, the
//! deposits that are due and the L1 headers up to the batch's anchor.
//!
//! The payload's blocks come first, one after the other. The first thing that is wrong — the payload itself, a block's
//! attributes, a transaction — ends them: the block before it stays, a block with an invalid transaction ends before
//! that transaction, and everything after is skipped. What then remains of the due deposits is consumed by blocks
//! without transactions, as many deposits in each as fit, with the anchor as origin and the anchor's timestamp, or one
//! second after the parent if that is later. So every batch consumes exactly the deposits that its header names, and
//! a batch without deposits and without a valid block adds no block.

use alloc::{collections::VecDeque, vec::Vec};
use alloy_consensus::Header;

use super::{
    Attributes, AttributesError, L1Origin, ParentOrigin, QueuedDeposit, RollupConfig,
    codec::{CodecError, Payload, PayloadBlock, PayloadTransaction},
};

/// The next block of a batch.
#[derive(Debug)]
pub struct BlockPlan {
    /// Its attributes, which keep all rules.
    pub attributes: Attributes,
    /// The users' transactions; the first invalid one ends the block, and the derivation must be told
    /// ([`Derivation::skip_rest`]).
    pub transactions: Vec<PayloadTransaction>,
}

/// The L1 block of this number is needed but was not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("header of L1 block {0}, which a block has as its origin, is missing")]
pub struct MissingOrigin(pub u64);

/// The blocks of one batch, one after the other.
#[derive(Debug)]
pub struct Derivation<'a> {
    config: &'a RollupConfig,
    anchor: L1Origin,
    payload: Payload,
    due: VecDeque<QueuedDeposit>,
    skipped: Option<AttributesError>,
    undecodable: Option<CodecError>,
}

impl<'a> Derivation<'a> {
    /// The derivation of a batch with this anchor, these due deposits, and the payload that its blobs decode to.
    pub fn new(
        config: &'a RollupConfig,
        anchor: L1Origin,
        due: impl IntoIterator<Item = QueuedDeposit>,
        payload: Result<Payload, CodecError>,
    ) -> Self {
        let (payload, undecodable) = match payload {
            Ok(payload) => (payload, None),
            Err(error) => (Payload::default(), Some(error)),
        };
        Self { config, anchor, payload, due: due.into_iter().collect(), skipped: None, undecodable }
    }

    /// Why the payload cannot be decoded, if so.
    pub const fn undecodable(&self) -> Option<&CodecError> {
        self.undecodable.as_ref()
    }

    /// The rule by which the payload's blocks ended early, if they did here.
    pub const fn skipped(&self) -> Option<&AttributesError> {
        self.skipped.as_ref()
    }

    /// Ends the payload's blocks, because the last one ended before an invalid transaction.
    pub fn skip_rest(&mut self) {
        self.payload = Payload::default();
    }

    /// The next block after `parent`; none if the batch ends here. `parent_origin` is read from the parent's state,
    /// `origin` gives the L1 block with a number from the parent's origin to the anchor.
    pub fn next(
        &mut self,
        parent: &Header,
        parent_origin: ParentOrigin,
        origin: impl FnOnce(u64) -> Option<L1Origin>,
    ) -> Result<Option<BlockPlan>, MissingOrigin> {
        if let Some(block) = self.payload.next_block() {
            match self.check(parent, parent_origin, &block) {
                Ok(count) => {
                    let origin = origin(block.origin).ok_or(MissingOrigin(block.origin))?;
                    let deposits = self.due.drain(..count).collect();
                    let attributes = Attributes { timestamp: block.timestamp, origin, deposits };
                    return Ok(Some(BlockPlan { attributes, transactions: block.transactions }));
                }
                Err(error) => {
                    self.skipped = Some(error);
                    self.skip_rest();
                }
            }
        }
        Ok(self.remaining(parent))
    }

    /// The rules for a block of the payload; returns the number of its deposits.
    fn check(
        &mut self,
        parent: &Header,
        parent_origin: ParentOrigin,
        block: &PayloadBlock,
    ) -> Result<usize, AttributesError> {
        let &PayloadBlock { timestamp, origin, deposits, .. } = block;
        let anchor = &self.anchor;
        if timestamp > anchor.timestamp.saturating_add(self.config.max_time_drift) {
            return Err(AttributesError::Drift { anchor: anchor.timestamp, got: timestamp });
        }
        if origin > anchor.number {
            return Err(AttributesError::OriginAhead { anchor: anchor.number, got: origin });
        }
        let due = self.due.make_contiguous();
        let taken = usize::try_from(deposits).ok().and_then(|count| due.get(..count));
        let taken = taken.ok_or(AttributesError::NoSuchDeposits { due: due.len(), got: deposits })?;
        self.config.check_block(parent, parent_origin, timestamp, origin, taken)?;
        Ok(taken.len())
    }

    /// A block of due deposits, if there are any.
    fn remaining(&mut self, parent: &Header) -> Option<BlockPlan> {
        let count = self.config.deposits_that_fit(self.due.make_contiguous());
        let deposits: Vec<_> = self.due.drain(..count).collect();
        if deposits.is_empty() {
            return None;
        }
        let timestamp = self.anchor.timestamp.max(parent.timestamp.saturating_add(1));
        let attributes = Attributes { timestamp, origin: self.anchor, deposits };
        Some(BlockPlan { attributes, transactions: Vec::new() })
    }
}
