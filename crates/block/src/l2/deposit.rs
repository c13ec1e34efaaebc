//! Deposits: transactions that L1's portal queues for L2.
//!
//! The queue is a hash chain: hash 0 is zero, hash n + 1 = keccak256(abi.encode(hash n, hash of deposit n)).

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use op_alloy_consensus::TxDeposit;

use super::{RollupConfig, abi::Words};

/// A deposit as the portal queues it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposit {
    /// The sender, aliased if it is a contract.
    pub from: Address,
    /// The recipient, or a contract's creation.
    pub to: TxKind,
    /// Wei that came with the deposit; L1 has less than 2^128.
    pub mint: u128,
    /// Wei that the transaction sends.
    pub value: U256,
    /// The transaction's gas limit.
    pub gas_limit: u64,
    /// The transaction's input.
    pub data: Bytes,
}

impl Deposit {
    /// keccak256(abi.encode(from, to, isCreation, mint, value, gasLimit, keccak256(data))).
    pub fn hash(&self) -> B256 {
        Words::default()
            .address(self.from)
            .address(self.to.to().copied().unwrap_or_default())
            .bool(self.to.is_create())
            .number(self.mint)
            .word(self.value.into())
            .number(self.gas_limit)
            .word(keccak256(&self.data))
            .hash()
    }

    /// The hash of the queue `queue` after this deposit was added.
    pub fn extend(&self, queue: B256) -> B256 {
        Words::default().word(queue).word(self.hash()).hash()
    }
}

/// The end of the queue, or of the part that was consumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DepositQueue {
    /// Number of deposits before.
    pub count: u64,
    /// Their hash.
    pub hash: B256,
}

impl DepositQueue {
    /// Appends the deposit and gives it its place.
    pub fn push(&mut self, deposit: Deposit) -> QueuedDeposit {
        let number = self.count;
        self.hash = deposit.extend(self.hash);
        // No L1 has 2^64 deposits.
        self.count = self.count.saturating_add(1);
        QueuedDeposit { deposit, number, queue_hash: self.hash }
    }
}

/// A deposit with its place in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedDeposit {
    /// The deposit.
    pub deposit: Deposit,
    /// Its number, from 0.
    pub number: u64,
    /// The queue's hash after it.
    pub queue_hash: B256,
}

impl QueuedDeposit {
    /// Identifies the deposit on L2. The OP Stack hashes L1 block hash and log index, which L1's contracts cannot know;
    /// here it is the place in the queue.
    pub fn source_hash(&self) -> B256 {
        let place = Words::default().number(self.number).word(self.queue_hash).hash();
        Words::default().word(B256::ZERO).word(place).hash()
    }

    /// Gas limit on L2: no more than a block has for deposits, so that every deposit can be consumed.
    pub fn gas_limit(&self, config: &RollupConfig) -> u64 {
        self.deposit.gas_limit.min(config.deposit_gas())
    }

    /// The transaction on L2.
    pub fn transaction(&self, config: &RollupConfig) -> TxDeposit {
        TxDeposit {
            source_hash: self.source_hash(),
            from: self.deposit.from,
            to: self.deposit.to,
            mint: self.deposit.mint,
            value: self.deposit.value,
            gas_limit: self.gas_limit(config),
            is_system_transaction: false,
            input: self.deposit.data.clone(),
        }
    }
}

impl RollupConfig {
    /// How many of the due deposits, from the first on, a block may take at most.
    pub fn deposits_that_fit(&self, due: &[QueuedDeposit]) -> usize {
        let most = usize::try_from(self.max_deposits_per_block).unwrap_or(usize::MAX);
        let mut gas = self.deposit_gas();
        let fits = |deposit: &&QueuedDeposit| {
            let left = gas.checked_sub(deposit.gas_limit(self));
            left.inspect(|&left| gas = left).is_some()
        };
        due.iter().take(most).take_while(fits).count()
    }
}
