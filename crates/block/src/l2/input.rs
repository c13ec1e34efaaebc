//! The batch file: everything that the execution of a range of batches needs, in one file.
//!
//! | bytes | value |
//! |---|---|
//! | 0..8 | magic `VLMBATCH` |
//! | 8..12 | format version, 1, little-endian |
//! | 12.. | RLP: \[config, \[deposit count, deposit hash\], deposits, batches, headers, l1 headers, nodes, codes\] |
//!
//! *config* is the list of the configuration's fields in their order. The *deposit* count and hash are those before the
//! range; *deposits* are the ones that it consumes, each \[from, to, mint, value, gas limit, data\] with an empty `to` for
//! a creation. A *batch* is \[header, blobs\], the header the list of its fields, a blob the string of its values without
//! zeros at the end. The last four are strings, as in a block file: header RLPs of L2, youngest first, beginning with the
//! parent; header RLPs of L1, youngest first, beginning with the last batch's anchor and reaching back to every anchor
//! and origin; trie nodes, depth first; codes as RLP strings.

use alloc::vec::Vec;
use alloy_primitives::{B256, Bytes};
use alloy_rlp::{BufMut, Decodable, Encodable, Header as RlpHeader};

use super::{
    BatchHeader, Deposit, DepositQueue, RollupConfig,
    blob::{Blob, BlobError},
};

const MAGIC: &[u8; 8] = b"VLMBATCH";
const VERSION: u32 = 1;

/// A range of batches with all that is needed to execute it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchInput<'a> {
    /// The chain's constants.
    pub config: RollupConfig,
    /// The deposits consumed before the range.
    pub previous_deposits: DepositQueue,
    /// The deposits that the range consumes.
    pub deposits: Vec<Deposit>,
    /// The batches, at least one.
    pub batches: Vec<BatchWithBlobs<'a>>,
    /// RLP of the L2 header before the range and of earlier ones, youngest first.
    pub headers: &'a [u8],
    /// RLP of L1 headers, youngest first, from the last anchor on.
    pub l1_headers: &'a [u8],
    /// RLP of the witness nodes, depth first.
    pub nodes: &'a [u8],
    /// RLP strings of the codes.
    pub codes: &'a [u8],
}

/// A batch and its blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchWithBlobs<'a> {
    /// The header that L1 stores the hash of.
    pub header: BatchHeader,
    /// The content of the blobs.
    pub blobs: Vec<Blob<'a>>,
}

/// Why bytes are not a batch file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchInputError {
    /// The bytes do not begin like a batch file.
    #[error("not a batch file")]
    Magic,
    /// The file is of another format version.
    #[error("batch file of format version {got}, this program reads version {VERSION}")]
    Version {
        /// Version of the file.
        got: u32,
    },
    /// A part is not the RLP it should be.
    #[error("malformed batch file, {part}: {error}")]
    Malformed {
        /// The part.
        part: &'static str,
        /// The decoder's error.
        error: alloy_rlp::Error,
    },
    /// Bytes follow a part.
    #[error("{count} bytes after {part} of the batch file")]
    TrailingBytes {
        /// The part.
        part: &'static str,
        /// How many.
        count: usize,
    },
    /// A blob's content is none.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

/// The items of a list, or of a list within it.
struct Items<'a> {
    part: &'static str,
    rest: &'a [u8],
}

impl<'a> Items<'a> {
    fn error(&self) -> impl Fn(alloy_rlp::Error) -> BatchInputError {
        let part = self.part;
        move |error| BatchInputError::Malformed { part, error }
    }

    fn next<T: Decodable>(&mut self) -> Result<T, BatchInputError> {
        T::decode(&mut self.rest).map_err(self.error())
    }

    fn string(&mut self) -> Result<&'a [u8], BatchInputError> {
        RlpHeader::decode_bytes(&mut self.rest, false).map_err(self.error())
    }

    fn list(&mut self, part: &'static str) -> Result<Self, BatchInputError> {
        let error = BatchInputError::Malformed { part, error: alloy_rlp::Error::UnexpectedString };
        let rest = RlpHeader::decode_bytes(&mut self.rest, true);
        rest.map(|rest| Self { part, rest }).map_err(|rlp| match rlp {
            alloy_rlp::Error::UnexpectedString => error,
            other => BatchInputError::Malformed { part, error: other },
        })
    }

    fn all<T>(
        mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, BatchInputError>,
    ) -> Result<Vec<T>, BatchInputError> {
        let mut all = Vec::new();
        while !self.rest.is_empty() {
            all.push(read(&mut self)?);
        }
        Ok(all)
    }

    const fn end(self) -> Result<(), BatchInputError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(BatchInputError::TrailingBytes { part: self.part, count }),
        }
    }
}

impl<'a> BatchInput<'a> {
    /// Reads a batch file; what its parts say is checked when it is executed.
    pub fn parse(file: &'a [u8]) -> Result<Self, BatchInputError> {
        let rest = file.strip_prefix(MAGIC).ok_or(BatchInputError::Magic)?;
        let (version, rest) = rest.split_first_chunk().ok_or(BatchInputError::Magic)?;
        let got = u32::from_le_bytes(*version);
        if got != VERSION {
            return Err(BatchInputError::Version { got });
        }
        let mut file = Items { part: "file", rest };
        let mut parts = file.list("file")?;
        file.end()?;
        let input = Self {
            config: read_config(parts.list("config")?)?,
            previous_deposits: read_queue(parts.list("previous deposits")?)?,
            deposits: parts.list("deposits")?.all(|items| read_deposit(items.list("deposit")?))?,
            batches: parts.list("batches")?.all(|items| read_batch(items.list("batch")?))?,
            headers: parts.string()?,
            l1_headers: parts.string()?,
            nodes: parts.string()?,
            codes: parts.string()?,
        };
        parts.end()?;
        Ok(input)
    }

    /// The bytes of a batch file.
    pub fn encode(&self) -> Vec<u8> {
        let parts = list(|out| {
            self.write_config(out);
            out.extend(list(|out| {
                self.previous_deposits.count.encode(out);
                self.previous_deposits.hash.encode(out);
            }));
            out.extend(list(|out| self.deposits.iter().for_each(|deposit| write_deposit(deposit, out))));
            out.extend(list(|out| self.batches.iter().for_each(|batch| write_batch(batch, out))));
            for string in [self.headers, self.l1_headers, self.nodes, self.codes] {
                string.encode(out);
            }
        });
        let mut file = Vec::with_capacity(12 + parts.len());
        file.extend_from_slice(MAGIC);
        file.extend_from_slice(&VERSION.to_le_bytes());
        file.extend(parts);
        file
    }

    fn write_config(&self, out: &mut Vec<u8>) {
        let config = &self.config;
        out.extend(list(|out| {
            config.l2_chain_id.encode(out);
            config.l1_chain_id.encode(out);
            config.portal.encode(out);
            config.genesis_hash.encode(out);
            config.gas_limit.encode(out);
            config.base_fee_denominator.encode(out);
            config.base_fee_elasticity.encode(out);
            config.max_time_drift.encode(out);
            config.base_fee_scalar.encode(out);
            config.blob_base_fee_scalar.encode(out);
            config.batcher.encode(out);
            config.max_deposits_per_block.encode(out);
        }));
    }
}

fn read_config(mut items: Items<'_>) -> Result<RollupConfig, BatchInputError> {
    let config = RollupConfig {
        l2_chain_id: items.next()?,
        l1_chain_id: items.next()?,
        portal: items.next()?,
        genesis_hash: items.next()?,
        gas_limit: items.next()?,
        base_fee_denominator: items.next()?,
        base_fee_elasticity: items.next()?,
        max_time_drift: items.next()?,
        base_fee_scalar: items.next()?,
        blob_base_fee_scalar: items.next()?,
        batcher: items.next()?,
        max_deposits_per_block: items.next()?,
    };
    items.end()?;
    Ok(config)
}

fn read_queue(mut items: Items<'_>) -> Result<DepositQueue, BatchInputError> {
    let queue = DepositQueue { count: items.next()?, hash: items.next()? };
    items.end()?;
    Ok(queue)
}

fn read_deposit(mut items: Items<'_>) -> Result<Deposit, BatchInputError> {
    let deposit = Deposit {
        from: items.next()?,
        to: items.next()?,
        mint: items.next()?,
        value: items.next()?,
        gas_limit: items.next()?,
        data: items.next::<Bytes>()?,
    };
    items.end()?;
    Ok(deposit)
}

fn write_deposit(deposit: &Deposit, out: &mut Vec<u8>) {
    out.extend(list(|out| {
        deposit.from.encode(out);
        deposit.to.encode(out);
        deposit.mint.encode(out);
        deposit.value.encode(out);
        deposit.gas_limit.encode(out);
        deposit.data.encode(out);
    }));
}

fn read_batch<'a>(mut items: Items<'a>) -> Result<BatchWithBlobs<'a>, BatchInputError> {
    let header = read_header(items.list("batch header")?)?;
    let blobs = items.list("blobs")?.all(|blobs| Ok(Blob::new(blobs.string()?)?))?;
    items.end()?;
    Ok(BatchWithBlobs { header, blobs })
}

fn write_batch(batch: &BatchWithBlobs<'_>, out: &mut Vec<u8>) {
    out.extend(list(|out| {
        write_header(&batch.header, out);
        out.extend(list(|out| batch.blobs.iter().for_each(|blob| blob.values().encode(out))));
    }));
}

fn read_header(mut items: Items<'_>) -> Result<BatchHeader, BatchInputError> {
    let header = BatchHeader {
        version: items.next()?,
        index: items.next()?,
        parent_hash: items.next()?,
        claimed_output_root: items.next()?,
        last_block: items.next()?,
        deposit_count: items.next()?,
        deposit_hash: items.next()?,
        l1_number: items.next()?,
        l1_hash: items.next()?,
        forced: items.next()?,
        blob_hashes: items.next::<Vec<B256>>()?,
    };
    items.end()?;
    Ok(header)
}

fn write_header(header: &BatchHeader, out: &mut Vec<u8>) {
    out.extend(list(|out| {
        header.version.encode(out);
        header.index.encode(out);
        header.parent_hash.encode(out);
        header.claimed_output_root.encode(out);
        header.last_block.encode(out);
        header.deposit_count.encode(out);
        header.deposit_hash.encode(out);
        header.l1_number.encode(out);
        header.l1_hash.encode(out);
        header.forced.encode(out);
        header.blob_hashes.encode(out);
    }));
}

/// The RLP list of what `write` appends.
fn list(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut payload = Vec::new();
    write(&mut payload);
    let mut out = Vec::with_capacity(payload.len() + 9);
    RlpHeader { list: true, payload_length: payload.len() }.encode(&mut out);
    out.put_slice(&payload);
    out
}
