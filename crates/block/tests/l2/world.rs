//! A rollup in memory: a sequencer that keeps every trie node, and an L1 that has only headers and deposits.

use std::collections::BTreeMap;

use alloy_consensus::{Header, SignableTransaction, TxEip1559, TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::{
    eip2718::Encodable2718,
    eip2930::{AccessList, AccessListItem},
    eip7702::Authorization,
};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, bytes, keccak256};
use alloy_rlp::Encodable;
use k256::ecdsa::SigningKey;
use op_alloy_consensus::OpTxEnvelope;
use vellum_block::{
    NodeSet, State,
    genesis::{Alloc, GenesisAccount, genesis_state, system_contracts},
    l2::{
        Attributes, BatchHeader, BatchInput, BatchWithBlobs, CompletedL2, Deposit, DepositQueue, L1_BLOCK,
        L1Origin, L2BlockBuilder, L2BlockInput, MESSAGE_PASSER, PublicOutput, QueuedDeposit, RollupConfig,
        blob::{self, BLOB_BYTES, Blob},
        codec::{self, Payload, PayloadBlock, PayloadTransaction},
        complete, decode_transaction, execute_batches, field, genesis_batch_hash, genesis_header,
        l1_block_storage, output_root,
    },
};

pub(crate) const CHAIN_ID: u64 = 901;
/// L1 block that the chain begins at.
pub(crate) const GENESIS_ORIGIN: u64 = 1000;

/// Sets the slots of the L1Block predeploy as Isthmus packs the attributes; anybody may.
const L1_BLOCK_CODE: Bytes = bytes!(
    "60143560801c5f55" "60043560801c600355" "602435600155" "604435600755" "606435600255" "608435600455"
    "60a43560a01c600855" "00"
);
/// Stores 1 in the slot that is the hash of the call data, and logs the call data: what a withdrawal leaves.
const MESSAGE_PASSER_CODE: Bytes = bytes!("365f5f37365f2060019055365f5fa000");
/// Stores pairs of slot and value from its call data until that ends.
pub(crate) const STORE_CODE: Bytes = bytes!("5f5b8036111560175780602001358135556040016001565b00");
/// Reverts.
pub(crate) const REVERTING: Address = Address::repeat_byte(0x66);
pub(crate) const STORE: Address = Address::repeat_byte(0x55);

pub(crate) fn ether(amount: u64) -> U256 {
    U256::from(amount) * U256::from(10).pow(U256::from(18))
}

pub(crate) fn gwei(amount: u64) -> u128 {
    u128::from(amount) * 1_000_000_000
}

/// The key of user `number` and its address.
pub(crate) fn user(number: u8) -> (SigningKey, Address) {
    let key = SigningKey::from_slice(&[number + 1; 32]).unwrap();
    let address = Address::from_public_key(key.verifying_key());
    (key, address)
}

pub(crate) fn sign<T>(user_number: u8, transaction: T) -> Bytes
where
    T: SignableTransaction<Signature>,
    OpTxEnvelope: From<alloy_consensus::Signed<T>>,
{
    let hash = transaction.signature_hash();
    let (signature, recovery) = user(user_number).0.sign_prehash_recoverable(hash.as_slice()).unwrap();
    OpTxEnvelope::from(transaction.into_signed(Signature::from((signature, recovery)))).encoded_2718().into()
}

/// A transaction of type 2.
pub(crate) fn call(from: u8, nonce: u64, to: TxKind, value: u64, input: impl Into<Bytes>) -> Bytes {
    sign(
        from,
        TxEip1559 {
            chain_id: CHAIN_ID,
            nonce,
            gas_limit: 300_000,
            max_fee_per_gas: gwei(3),
            max_priority_fee_per_gas: 1_000_000,
            to,
            value: U256::from(value),
            access_list: AccessList::default(),
            input: input.into(),
        },
    )
}

/// One transaction of each of the other types, nonces from `nonce` on.
pub(crate) fn other_types(from: u8, nonce: u64) -> Vec<Bytes> {
    let to = TxKind::Call(STORE);
    let input: Bytes = [U256::from(1), U256::from(nonce)].map(|n| n.to_be_bytes::<32>()).concat().into();
    let legacy = TxLegacy {
        chain_id: Some(CHAIN_ID),
        nonce,
        gas_price: gwei(2),
        gas_limit: 100_000,
        to,
        value: U256::from(5),
        input: input.clone(),
    };
    let old = TxLegacy { chain_id: None, nonce: nonce + 1, ..legacy.clone() };
    let item = AccessListItem { address: STORE, storage_keys: vec![B256::with_last_byte(1)] };
    let listed = TxEip2930 {
        chain_id: CHAIN_ID,
        nonce: nonce + 2,
        gas_price: gwei(2),
        gas_limit: 100_000,
        to,
        value: U256::ZERO,
        access_list: AccessList(vec![item]),
        input: input.clone(),
    };
    let authorization = Authorization { chain_id: U256::from(CHAIN_ID), address: STORE, nonce: 0 };
    let (key, _) = user(from + 100);
    let (signature, recovery) =
        key.sign_prehash_recoverable(authorization.signature_hash().as_slice()).unwrap();
    let delegating = TxEip7702 {
        chain_id: CHAIN_ID,
        nonce: nonce + 3,
        gas_limit: 200_000,
        max_fee_per_gas: gwei(3),
        max_priority_fee_per_gas: 1,
        to: STORE,
        value: U256::ZERO,
        access_list: AccessList::default(),
        authorization_list: vec![authorization.into_signed(Signature::from((signature, recovery)))],
        input,
    };
    vec![sign(from, legacy), sign(from, old), sign(from, listed), sign(from, delegating)]
}

pub(crate) fn deposit(from: u8, to: TxKind, mint: u128, value: u64, gas_limit: u64, data: Bytes) -> Deposit {
    Deposit { from: user(from).1, to, mint, value: U256::from(value), gas_limit, data }
}

/// Headers of L1, one every twelve seconds.
pub(crate) fn l1_header(number: u64) -> (Header, B256) {
    let parent_hash = if number == 0 { B256::ZERO } else { keccak256(number.to_be_bytes()) };
    let mut header = Header {
        number,
        parent_hash,
        timestamp: 10_000 + 12 * number,
        base_fee_per_gas: Some(20_000_000_000),
        excess_blob_gas: Some(30_000_000),
        blob_gas_used: Some(0),
        withdrawals_root: Some(B256::ZERO),
        parent_beacon_block_root: Some(keccak256(b"beacon")),
        mix_hash: keccak256([b"randao", &number.to_be_bytes()[..]].concat()),
        ..Header::default()
    };
    // A chain that begins anywhere: the parent's hash needs the parent.
    if number > GENESIS_ORIGIN {
        header.parent_hash = l1_header(number - 1).1;
    }
    let hash = header.hash_slow();
    (header, hash)
}

pub(crate) fn origin(number: u64) -> L1Origin {
    let (header, hash) = l1_header(number);
    L1Origin::new(&header, hash)
}

/// The sequencer.
#[derive(Clone)]
pub(crate) struct Rollup {
    pub(crate) config: RollupConfig,
    pub(crate) nodes: NodeSet,
    pub(crate) codes: BTreeMap<B256, Bytes>,
    /// Headers from genesis on.
    pub(crate) headers: Vec<Header>,
    pub(crate) queue: DepositQueue,
    pub(crate) blocks: Vec<PayloadBlock>,
}

pub(crate) fn alloc(config: &RollupConfig) -> Alloc {
    let mut alloc = system_contracts(true);
    for number in 0..8 {
        let balance = ether(100);
        alloc.insert(user(number).1, GenesisAccount { balance, ..GenesisAccount::default() });
    }
    let contract =
        |code: &[u8]| GenesisAccount { nonce: 1, code: code.to_vec().into(), ..GenesisAccount::default() };
    let mut l1_block = contract(&L1_BLOCK_CODE);
    l1_block.storage = l1_block_storage(config, &origin(GENESIS_ORIGIN)).into_iter().collect();
    alloc.insert(L1_BLOCK, l1_block);
    alloc.insert(MESSAGE_PASSER, contract(&MESSAGE_PASSER_CODE));
    alloc.insert(STORE, contract(&STORE_CODE));
    alloc.insert(REVERTING, contract(&[0x5f, 0x5f, 0xfd]));
    alloc
}

pub(crate) fn config() -> RollupConfig {
    RollupConfig {
        l2_chain_id: CHAIN_ID,
        l1_chain_id: 900,
        portal: Address::repeat_byte(0x11),
        genesis_hash: B256::ZERO,
        gas_limit: 30_000_000,
        base_fee_denominator: 250,
        base_fee_elasticity: 6,
        max_time_drift: 600,
        base_fee_scalar: 1368,
        blob_base_fee_scalar: 810_949,
        batcher: Address::repeat_byte(0x22),
        max_deposits_per_block: 4,
    }
}

impl Rollup {
    pub(crate) fn new() -> Self {
        Self::with(config(), |_| {})
    }

    pub(crate) fn with(mut config: RollupConfig, change: impl FnOnce(&mut Alloc)) -> Self {
        let mut alloc = alloc(&config);
        change(&mut alloc);
        let state = genesis_state(&alloc).unwrap();
        let header = genesis_header(&config, &state, 1_000_000_000, origin(GENESIS_ORIGIN).timestamp);
        config.genesis_hash = header.hash_slow();
        let mut nodes = NodeSet::default();
        state.contents.nodes.iter().for_each(|(_, node)| nodes.insert(node));
        let codes = state.contents.codes.into_iter().collect();
        let queue = DepositQueue::default();
        Self { config, nodes, codes, headers: vec![header], queue, blocks: vec![] }
    }

    pub(crate) fn head(&self) -> &Header {
        self.headers.last().unwrap()
    }

    pub(crate) fn codes(&self) -> Vec<u8> {
        let mut codes = Vec::new();
        self.codes.values().for_each(|code| code.encode(&mut codes));
        codes
    }

    /// RLP of the headers, youngest first.
    pub(crate) fn headers_rlp(&self) -> Vec<u8> {
        let mut rlp = Vec::new();
        self.headers.iter().rev().for_each(|header| header.encode(&mut rlp));
        rlp
    }

    pub(crate) fn state_parts(&self) -> (Vec<u8>, Vec<u8>, Vec<B256>) {
        let nodes = self.nodes.depth_first(self.head().state_root);
        let hashes = self.headers.iter().rev().map(Header::hash_slow).collect();
        (nodes, self.codes(), hashes)
    }

    /// Reads an account through a witness of everything.
    pub(crate) fn balance(&self, address: Address) -> U256 {
        use revm::Database;
        let (nodes, codes, hashes) = self.state_parts();
        let mut state =
            State::new(self.head().state_root, &nodes, &codes, hashes, self.head().number).unwrap();
        state.basic(address).unwrap().map_or(U256::ZERO, |info| info.balance)
    }

    pub(crate) fn slot(&self, address: Address, slot: u64) -> U256 {
        use revm::Database;
        let (nodes, codes, hashes) = self.state_parts();
        let mut state =
            State::new(self.head().state_root, &nodes, &codes, hashes, self.head().number).unwrap();
        state.storage(address, U256::from(slot)).unwrap()
    }

    /// Builds the next block in two steps, which must agree, and keeps it.
    pub(crate) fn block(
        &mut self,
        timestamp: u64,
        origin_number: u64,
        deposits: &[Deposit],
        transactions: &[Bytes],
    ) -> CompletedL2 {
        let deposits: Vec<QueuedDeposit> =
            deposits.iter().map(|deposit| self.queue.push(deposit.clone())).collect();
        let attributes = Attributes { timestamp, origin: origin(origin_number), deposits };
        let (nodes, codes, hashes) = self.state_parts();
        let parent = self.head().clone();
        let parent_hash = hashes[0];
        let mut state = State::new(parent.state_root, &nodes, &codes, hashes, parent.number).unwrap();
        let mut builder =
            L2BlockBuilder::begin(&self.config, &parent, parent_hash, &attributes, &mut state).unwrap();
        for transaction in transactions {
            builder.try_transaction(decode_transaction(transaction.clone()).unwrap()).unwrap();
        }
        let mut built = builder.finish().unwrap();
        let completed = complete(&L2BlockInput {
            config: &self.config,
            headers: &self.headers_rlp(),
            attributes: &attributes,
            transactions,
            nodes: &nodes,
            codes: &codes,
        })
        .unwrap();
        let passer_root = completed.header.withdrawals_root.unwrap();
        assert_eq!(built.complete(completed.header.state_root, passer_root), completed.hash);
        assert_eq!(built.transactions, completed.transactions);
        assert_eq!(built.receipts, completed.receipts);
        for (hash, node) in &completed.changes.nodes {
            assert_eq!(keccak256(node), *hash);
            self.nodes.insert(node);
        }
        self.codes.extend(completed.changes.codes.iter().cloned());
        self.headers.push(completed.header.clone());
        self.blocks.push(PayloadBlock {
            timestamp,
            origin: origin_number,
            deposits: attributes.deposits.len() as u64,
            transactions: transactions.iter().map(payload_transaction).collect(),
        });
        completed
    }
}

pub(crate) fn payload_transaction(encoded: &Bytes) -> PayloadTransaction {
    let transaction = decode_transaction(encoded.clone()).unwrap();
    let (encoded, transaction) = transaction.split();
    PayloadTransaction { transaction: transaction.into_inner(), encoded }
}

/// A batch that is not committed yet.
#[derive(Clone)]
pub(crate) struct Batch {
    pub(crate) anchor: u64,
    pub(crate) deposits: Vec<Deposit>,
    pub(crate) blobs: Vec<Vec<u8>>,
}

/// A range of batches after a state.
#[derive(Clone)]
pub(crate) struct Range {
    pub(crate) before: Rollup,
    pub(crate) batches: Vec<Batch>,
}

impl Range {
    /// A batch of these blocks.
    pub(crate) fn encoded(payload: impl IntoIterator<Item = PayloadBlock>) -> Vec<Vec<u8>> {
        codec::encode(&Payload::new(payload), CHAIN_ID).unwrap()
    }

    /// The batch file.
    pub(crate) fn file(&self) -> Vec<u8> {
        self.with_input(|input| input.encode())
    }

    pub(crate) fn with_input<T>(&self, use_input: impl FnOnce(BatchInput<'_>) -> T) -> T {
        let before = &self.before;
        let head = before.head();
        let genesis = &before.headers[0];
        let genesis_root = output_root(genesis, genesis.hash_slow());
        let mut queue = before.queue;
        let mut parent_hash = genesis_batch_hash(genesis_root, before.config.hash());
        let mut batches = Vec::new();
        for (index, batch) in self.batches.iter().enumerate() {
            batch.deposits.iter().for_each(|deposit| {
                queue.push(deposit.clone());
            });
            let header = BatchHeader {
                version: 0,
                index: index as u64 + 1,
                parent_hash,
                claimed_output_root: B256::repeat_byte(1),
                last_block: 77,
                deposit_count: queue.count,
                deposit_hash: queue.hash,
                l1_number: batch.anchor,
                l1_hash: origin(batch.anchor).hash,
                forced: false,
                blob_hashes: batch.blobs.iter().map(|blob| versioned_hash(blob)).collect(),
            };
            parent_hash = header.hash();
            let blobs = batch.blobs.iter().map(|blob| Blob::new(blob).unwrap()).collect();
            batches.push(BatchWithBlobs { header, blobs });
        }
        let mut l1_headers = Vec::new();
        let last = self.batches.last().map_or(GENESIS_ORIGIN, |batch| batch.anchor);
        (GENESIS_ORIGIN..=last).rev().for_each(|number| l1_header(number).0.encode(&mut l1_headers));
        use_input(BatchInput {
            config: before.config.clone(),
            previous_deposits: before.queue,
            deposits: self.batches.iter().flat_map(|batch| batch.deposits.clone()).collect(),
            batches,
            headers: &before.headers_rlp(),
            l1_headers: &l1_headers,
            nodes: &before.nodes.depth_first(head.state_root),
            codes: &before.codes(),
        })
    }

    pub(crate) fn execute(&self) -> PublicOutput {
        self.with_input(|input| {
            let output = execute_batches(&input, field::mul_mod).unwrap();
            assert!(BatchInput::parse(&input.encode()).unwrap() == input);
            output
        })
    }
}

/// The hash by which L1 knows the blob with this content.
pub(crate) fn versioned_hash(content: &[u8]) -> B256 {
    let mut blob = vec![0; BLOB_BYTES];
    blob[..content.len()].copy_from_slice(content);
    let blob = c_kzg::Blob::from_bytes(&blob).unwrap();
    let commitment = c_kzg::ethereum_kzg_settings(0).blob_to_kzg_commitment(&blob).unwrap();
    alloy_eips::eip4844::kzg_to_versioned_hash(commitment.to_bytes().as_slice())
}

/// Packs anything.
pub(crate) fn packed(bytes: &[u8]) -> Vec<Vec<u8>> {
    blob::pack(bytes)
}
