//! States and blocks made for tests, with roots and proofs by an independent trie.

use std::collections::BTreeMap;

use alloy_consensus::{
    Block, BlockBody, EMPTY_OMMER_ROOT_HASH, EthereumTxEnvelope, Header, SignableTransaction, TrieAccount,
    TxEip4844, TxLegacy,
    proofs::{calculate_transaction_root, calculate_withdrawals_root},
};
use alloy_eips::eip4895::{Withdrawal, Withdrawals};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, keccak256};
use alloy_rlp::Encodable;
use alloy_trie::{HashBuilder, Nibbles, proof::ProofRetainer};
use k256::ecdsa::SigningKey;
use vellum_block::{BlockError, BlockInput, Fork, NodeSet, Outcome, execute};

/// A development chain: it does not need the system contracts.
pub(crate) const CHAIN_ID: u64 = 31337;
pub(crate) const BASE_FEE: u64 = 7;

#[derive(Debug, Clone, Default)]
pub(crate) struct Account {
    pub(crate) nonce: u64,
    pub(crate) balance: U256,
    pub(crate) code: Bytes,
    pub(crate) storage: BTreeMap<U256, U256>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct World(pub(crate) BTreeMap<Address, Account>);

impl World {
    pub(crate) fn root(&self) -> B256 {
        trie(self.accounts(), None).0
    }

    /// Nodes of the proof of an account, or of its absence.
    pub(crate) fn account_proof(&self, address: Address) -> Vec<Bytes> {
        trie(self.accounts(), Some(keccak256(address))).1
    }

    /// Nodes of the proof of a slot, or of its absence.
    pub(crate) fn slot_proof(&self, address: Address, slot: U256) -> Vec<Bytes> {
        self.0.get(&address).map(|account| trie(slots(account), Some(hashed(slot))).1).unwrap_or_default()
    }

    /// The nodes of all tries: the proofs of everything.
    pub(crate) fn nodes(&self) -> NodeSet {
        let mut nodes = NodeSet::default();
        for (&address, account) in &self.0 {
            self.account_proof(address).iter().for_each(|node| nodes.insert(node));
            for &slot in account.storage.keys() {
                self.slot_proof(address, slot).iter().for_each(|node| nodes.insert(node));
            }
        }
        nodes
    }

    fn accounts(&self) -> BTreeMap<B256, Vec<u8>> {
        let account = |account: &Account| TrieAccount {
            nonce: account.nonce,
            balance: account.balance,
            storage_root: trie(slots(account), None).0,
            code_hash: keccak256(&account.code),
        };
        self.0.iter().map(|(address, a)| (keccak256(address), alloy_rlp::encode(account(a)))).collect()
    }
}

fn hashed(slot: U256) -> B256 {
    keccak256(slot.to_be_bytes::<32>())
}

fn slots(account: &Account) -> BTreeMap<B256, Vec<u8>> {
    account.storage.iter().map(|(&slot, value)| (hashed(slot), alloy_rlp::encode(value))).collect()
}

/// Root of a trie and the proof of one key.
fn trie(entries: BTreeMap<B256, Vec<u8>>, target: Option<B256>) -> (B256, Vec<Bytes>) {
    let targets = target.into_iter().map(Nibbles::unpack).collect();
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(targets));
    for (key, value) in &entries {
        builder.add_leaf(Nibbles::unpack(key), value);
    }
    let root = builder.root();
    let nodes = builder.take_proof_nodes().into_nodes_sorted();
    (root, nodes.into_iter().map(|(_, node)| node).collect())
}

pub(crate) type Transaction = EthereumTxEnvelope<TxEip4844>;

/// The one account that sends transactions.
pub(crate) fn sender() -> (SigningKey, Address) {
    let key = SigningKey::from_slice(&[5; 32]).unwrap();
    let address = Address::from_public_key(key.verifying_key());
    (key, address)
}

/// A signed transaction of the sender, at the price of the base fee, so that nobody is tipped.
pub(crate) fn signed(nonce: u64, to: TxKind, value: u64, input: Vec<u8>) -> Transaction {
    let transaction = TxLegacy {
        chain_id: Some(CHAIN_ID),
        nonce,
        gas_price: BASE_FEE.into(),
        gas_limit: 1_000_000,
        to,
        value: U256::from(value),
        input: input.into(),
    };
    let (signature, recovery) =
        sender().0.sign_prehash_recoverable(transaction.signature_hash().as_slice()).unwrap();
    let signature = Signature::from((signature, recovery));
    transaction.into_signed(signature).into()
}

/// A block on a state, and its parent.
pub(crate) struct Made {
    pub(crate) parent: Header,
    pub(crate) header: Header,
    pub(crate) transactions: Vec<Transaction>,
    pub(crate) withdrawals: Vec<Withdrawal>,
    pub(crate) before: World,
    pub(crate) after: World,
}

impl Made {
    /// A block whose header has what the execution says, except for the state root: that is the one of
    /// `after`, which gets the sender's nonce and fee first.
    pub(crate) fn new(
        before: World,
        mut after: World,
        transactions: Vec<Transaction>,
        withdrawals: Vec<Withdrawal>,
    ) -> Self {
        let zero = Some(B256::ZERO);
        let fields = Header {
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            gas_limit: 30_000_000,
            base_fee_per_gas: Some(BASE_FEE),
            withdrawals_root: zero,
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: zero,
            requests_hash: zero,
            ..Header::default()
        };
        // Half of the gas used keeps the base fee.
        let parent = Header {
            number: 9,
            state_root: before.root(),
            gas_used: 15_000_000,
            timestamp: 100,
            ..fields.clone()
        };
        let header = Header {
            number: 10,
            parent_hash: parent.hash_slow(),
            timestamp: 112,
            transactions_root: calculate_transaction_root(&transactions),
            withdrawals_root: Some(calculate_withdrawals_root(&withdrawals)),
            ..fields
        };
        let nonces = transactions.len() as u64;
        let mut made = Self { parent, header, transactions, withdrawals, before, after: World::default() };
        made.seal();
        let sender = after.0.get_mut(&sender().1).expect("the sender has an account");
        sender.nonce += nonces;
        sender.balance -= U256::from(made.header.gas_used * BASE_FEE);
        made.header.state_root = after.root();
        made.after = after;
        made
    }

    /// Takes over what the execution says of gas and receipts, from the errors that name it.
    fn seal(&mut self) {
        loop {
            let Err(BlockError::Header { field, expected, .. }) = self.execute() else {
                panic!("not sealed")
            };
            match field {
                "gas used" => self.header.gas_used = expected.parse().unwrap(),
                "receipts root" => self.header.receipts_root = expected.parse().unwrap(),
                "logs bloom" => self.header.logs_bloom = expected.parse().unwrap(),
                "requests hash" => self.header.requests_hash = Some(expected.parse().unwrap()),
                "state root" => return,
                field => panic!("{field}: {expected}"),
            }
        }
    }

    /// Executes the block with all nodes of the state before it.
    pub(crate) fn execute(&self) -> Result<Outcome, BlockError> {
        self.execute_on(CHAIN_ID)
    }

    /// [`Self::execute`] under the rules of another chain.
    pub(crate) fn execute_on(&self, chain_id: u64) -> Result<Outcome, BlockError> {
        let nodes = self.before.nodes().depth_first(self.parent.state_root);
        let mut codes = Vec::new();
        self.before.0.values().for_each(|account| account.code.encode(&mut codes));
        execute(&BlockInput {
            chain_id,
            fork: Fork::Prague,
            block: &self.rlp(),
            headers: &alloy_rlp::encode(&self.parent),
            nodes: &nodes,
            codes: &codes,
        })
    }

    pub(crate) fn rlp(&self) -> Vec<u8> {
        alloy_rlp::encode(Block {
            header: self.header.clone(),
            body: BlockBody {
                transactions: self.transactions.clone(),
                ommers: Vec::<Header>::new(),
                withdrawals: Some(Withdrawals::new(self.withdrawals.clone())),
            },
        })
    }
}
