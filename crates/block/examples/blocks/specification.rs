//! From a specification to the block file.

use std::error::Error;

use alloy_consensus::{
    Block, BlockBody, EMPTY_OMMER_ROOT_HASH, Header,
    proofs::{calculate_transaction_root, calculate_withdrawals_root},
};
use alloy_eips::eip4895::{Withdrawal, Withdrawals};
use alloy_primitives::{Address, B256, address};
use vellum_block::{BlockError, BlockInput, Fork, Outcome, execute};

use crate::{
    transactions::{BASE_FEE, CHAIN_ID, Kind, Transaction, transactions},
    world::{Draw, World},
};

/// Accounts that every block of Prague looks at, whether they exist or not: the contracts of EIP-4788, 2935, 7002
/// and 7251.
const SYSTEM: [Address; 4] = [
    address!("0x000F3df6D732807Ef1319fB7B8bB8522d0Beac02"),
    address!("0x0000F90827F1C53a10cb7A02335B175320002935"),
    address!("0x00000961Ef480Eb55e80D19ad83579A64c007002"),
    address!("0x0000BBdDc7CE488642fb579F8B00f3a590007251"),
];

/// What a block should have.
#[derive(Default)]
pub(crate) struct Specification {
    accounts: u64,
    seed: u64,
    kinds: Vec<Kind>,
}

impl Specification {
    pub(crate) fn parse(text: &str) -> Result<Self, Box<dyn Error>> {
        let mut parsed = Self { accounts: 1000, ..Self::default() };
        for part in text.split(',') {
            let (name, number) =
                part.split_once('=').ok_or_else(|| format!("{part:?} is not NAME=NUMBER"))?;
            let number: u64 = number.parse().map_err(|error| format!("{part}: {error}"))?;
            match name {
                "accounts" => parsed.accounts = number,
                "seed" => parsed.seed = number,
                _ => {
                    let kind = Kind::NAMES.iter().find(|(kind, _)| *kind == name);
                    let (_, kind) = kind.ok_or_else(|| format!("unknown kind of transaction {name:?}"))?;
                    parsed.kinds.extend((0..number).map(|_| *kind));
                }
            }
        }
        Ok(parsed)
    }

    /// The block file, and what the block did.
    pub(crate) fn make(&self) -> Result<(Vec<u8>, Outcome), Box<dyn Error>> {
        let mut world = World::new(Draw(self.seed), self.accounts, self.kinds.len().max(1) as u64);
        let made = transactions(&mut world, &self.kinds);
        let (transactions, mut touched) = made.ok_or("the token's code is not in the demo block")?;
        let beneficiary = world.people[world.people.len() - 1];
        for address in SYSTEM.into_iter().chain([beneficiary]) {
            touched.entry(address).or_default();
        }
        let (state_root, nodes, codes) = world.witness(&touched);
        let (parent, header) = headers(state_root, beneficiary, &transactions);
        seal(&parent, header, transactions, &nodes, &codes)
    }
}

/// The parent's header and the block's, without what only its execution tells.
fn headers(state_root: B256, beneficiary: Address, transactions: &[Transaction]) -> (Header, Header) {
    let zero = Some(B256::ZERO);
    let fields = Header {
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        gas_limit: 30_000_000,
        base_fee_per_gas: Some(BASE_FEE),
        withdrawals_root: Some(calculate_withdrawals_root(&Vec::<Withdrawal>::new())),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: zero,
        requests_hash: zero,
        beneficiary,
        ..Header::default()
    };
    // Half of the gas used keeps the base fee.
    let parent =
        Header { number: 99, state_root, gas_used: 15_000_000, timestamp: 1_750_000_000, ..fields.clone() };
    let header = Header {
        number: 100,
        parent_hash: parent.hash_slow(),
        timestamp: 1_750_000_012,
        transactions_root: calculate_transaction_root(transactions),
        ..fields
    };
    (parent, header)
}

/// Takes over what the execution says of gas, receipts and state, from the errors that name it.
fn seal(
    parent: &Header,
    mut header: Header,
    transactions: Vec<Transaction>,
    nodes: &[u8],
    codes: &[u8],
) -> Result<(Vec<u8>, Outcome), Box<dyn Error>> {
    let headers = alloy_rlp::encode(parent);
    let body =
        BlockBody { transactions, ommers: Vec::<Header>::new(), withdrawals: Some(Withdrawals::default()) };
    loop {
        let block = alloy_rlp::encode(Block { header: header.clone(), body: body.clone() });
        let input = BlockInput {
            chain_id: CHAIN_ID,
            fork: Fork::Prague,
            block: &block,
            headers: &headers,
            nodes,
            codes,
        };
        match execute(&input) {
            Ok(outcome) => return Ok((input.encode()?, outcome)),
            Err(BlockError::Header { field: "gas used", expected, .. }) => {
                header.gas_used = expected.parse()?
            }
            Err(BlockError::Header { field: "receipts root", expected, .. }) => {
                header.receipts_root = expected.parse()?;
            }
            Err(BlockError::Header { field: "logs bloom", expected, .. }) => {
                header.logs_bloom = expected.parse()?;
            }
            Err(BlockError::Header { field: "requests hash", expected, .. }) => {
                header.requests_hash = Some(expected.parse()?);
            }
            Err(BlockError::Header { field: "state root", expected, .. }) => {
                header.state_root = expected.parse()?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
