//! One situation each, without faults: what has to hold when users, strangers or the operator do something unusual.

use alloy_eips::eip4844::Blob;
use alloy_primitives::{U256, hex, keccak256};
use alloy_sol_types::SolValue;
use vellum_node::attest::{Attesters, Statement, assemble};
use vellum_node::batch::header_hash;
use vellum_node::contracts::{BatchClaim, BatchHeader, PublicOutput};
use vellum_node::genesis::MULTICALL3;
use vellum_node::kzg;
use vellum_node::l1::sender::{Outcome, Request};

use super::*;

/// Development account of somebody who has nothing to do with the rollup.
const STRANGER: u32 = 3;
/// Gas of L1 transactions.
const L1_GAS: u64 = 10_000_000;
/// Deposits to it fail: it takes no ether, and calls by the depositor only.
const L1_BLOCK: Address = alloy_primitives::address!("0x4200000000000000000000000000000000000015");

alloy_sol_types::sol! {
    struct Call3Value { address target; bool allowFailure; uint256 value; bytes callData; }
    function aggregate3Value(Call3Value[] calls) external payable;
}

/// What somebody asks of the portal.
struct Shape {
    what: &'static str,
    to: Address,
    mint: u64,
    value: U256,
    gas: u64,
    creation: bool,
    data: Vec<u8>,
    expected: Expected,
}

/// What becomes of it.
enum Expected {
    /// L1 refuses it.
    Refused,
    /// It is executed on L2.
    Arrives,
    /// It fails on L2: the sender has what was minted.
    Fails,
}

fn shape(what: &'static str, to: Address, mint: u64, expected: Expected) -> Shape {
    Shape {
        what,
        to,
        mint,
        value: U256::from(mint),
        gas: 100_000,
        creation: false,
        data: Vec::new(),
        expected,
    }
}

fn shapes() -> Vec<Shape> {
    use Expected::{Arrives, Fails, Refused};
    let at = |number: u8| Address::repeat_byte(0xd0 | number);
    let creates = hex!("600a600c600039600a6000f3602a60005260206000f3").to_vec();
    let reverts = hex!("60006000fd").to_vec();
    let longest = 120_000;
    let least = |bytes: usize| 21_000 + 40 * bytes as u64;
    vec![
        shape("plain", at(1), 5, Arrives),
        shape("of nothing", at(2), 0, Arrives),
        Shape { gas: least(0), ..shape("with the least gas", at(3), 7, Arrives) },
        Shape { gas: least(0) - 1, ..shape("with less than the least gas", at(3), 7, Refused) },
        Shape { gas: 0, ..shape("without gas", at(3), 7, Refused) },
        Shape { gas: 5_000_000, ..shape("with the most gas", at(4), 8, Arrives) },
        Shape { gas: 5_000_001, ..shape("with more than the most gas", at(4), 8, Refused) },
        Shape { gas: u64::MAX, ..shape("with all gas there could be", at(4), 8, Refused) },
        Shape { value: U256::MAX, ..shape("of more than the sender has", at(5), 9, Fails) },
        Shape { data: vec![0xff; 4], ..shape("whose call fails", L1_BLOCK, 10, Fails) },
        Shape { creation: true, data: creates.clone(), ..shape("creation", Address::ZERO, 0, Arrives) },
        Shape { creation: true, data: reverts, ..shape("creation that fails", Address::ZERO, 11, Fails) },
        Shape {
            creation: true,
            data: creates.clone(),
            gas: least(creates.len()),
            ..shape("creation with too little gas", Address::ZERO, 12, Fails)
        },
        Shape { creation: true, data: creates, ..shape("creation with a recipient", at(6), 1, Refused) },
        Shape {
            data: vec![0; longest],
            gas: least(longest),
            ..shape("with the most data", at(7), 13, Arrives)
        },
        Shape {
            data: vec![0; longest + 1],
            gas: least(longest + 1),
            ..shape("with more than the most data", at(7), 13, Refused)
        },
    ]
}

impl World {
    /// Sends a transaction on L1 and gives whether it succeeded.
    fn on_l1(&self, user: u32, to: (Address, u64), data: Vec<u8>) -> bool {
        let sender = keys::dev(user).unwrap().address();
        let nonce = self.truth.nonce(sender).unwrap();
        let raw = transaction_with(user, L1_CHAIN_ID, nonce, to, data, L1_GAS);
        self.l1.submit(&raw).unwrap();
        self.mine();
        self.truth.receipt(keccak256(&raw)).unwrap().unwrap().success
    }

    fn portal(&self) -> Address {
        self.network.deployment.contracts.portal
    }

    fn rollup(&self) -> Address {
        self.network.deployment.contracts.rollup
    }

    /// Seconds in which everything works and both chains make blocks.
    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.mine();
            self.settle_tasks();
            self.seal();
        }
    }

    fn chain(&self) -> Arc<Chain> {
        self.process.as_ref().unwrap().node.chain().clone()
    }

    /// Commits a batch as the stranger would.
    fn commit_by_stranger(&self, blob: Blob, claim: [u8; 32]) -> (BatchHeader, Outcome) {
        let read_rollup = |index| read(&*self.truth, self.rollup(), &Rollup::batchCall { index }).unwrap();
        let index = read(&*self.truth, self.rollup(), &Rollup::lastCommittedCall {}).unwrap() + 1;
        let parent = read_rollup(index - 1);
        let count = read(&*self.truth, self.portal(), &Portal::depositCountCall {}).unwrap();
        let deposit_hash = read(&*self.truth, self.portal(), &Portal::depositHashCall { count }).unwrap();
        let anchor = self.truth.header(self.truth.head().unwrap().number() - 1).unwrap().unwrap();
        let header = BatchHeader {
            version: 0,
            index,
            parentHash: parent.hash,
            claimedOutputRoot: claim.into(),
            lastBlock: parent.lastBlock + 1,
            depositCount: count,
            depositHash: deposit_hash,
            l1Number: anchor.number(),
            l1Hash: anchor.hash,
            forced: true,
            blobHashes: vec![kzg::versioned_hash(&blob).unwrap()],
        };
        let claim = BatchClaim {
            parentHash: header.parentHash,
            outputRoot: header.claimedOutputRoot,
            lastBlock: header.lastBlock,
            depositCount: count,
            depositHash: deposit_hash,
            l1Number: header.l1Number,
            l1Hash: header.l1Hash,
        };
        let value = read(&*self.truth, self.rollup(), &Rollup::bondCall {}).unwrap();
        let data = Rollup::commitBatchCall { claim }.abi_encode().into();
        (header, self.send_by_stranger(value, data, vec![Box::new(blob)]))
    }

    fn send_by_stranger(&self, value: U256, data: Bytes, blobs: Vec<Box<Blob>>) -> Outcome {
        let records = Records::new(Arc::new(MemoryStore::default()));
        let options = SenderOptions { confirmations: 0, ..SenderOptions::default() };
        let key = keys::dev(STRANGER).unwrap();
        let sender = Sender::new(self.truth.clone(), records, key, L1_CHAIN_ID, options);
        sender.submit("it", &Request { to: Some(self.rollup()), value, data, gas: None, blobs }).unwrap();
        for _ in 0..20 {
            sender.step(millis(&self.clock)).unwrap();
            self.mine();
            if let Some(outcome) = sender.outcome("it").unwrap() {
                return outcome;
            }
        }
        panic!("L1 does not take the stranger's transaction");
    }
}

#[test]
fn deposits_of_every_shape_arrive_or_fail_as_defined() {
    let mut world = World::new(1);
    let depositor = keys::dev(DEPOSITOR).unwrap().address();
    let mut minted_to_sender = U256::ZERO;
    let mut taken = 0;
    let mut created = None;
    for shape in shapes() {
        let call = Portal::depositTransactionCall {
            to: shape.to,
            value: shape.value,
            gasLimit: shape.gas,
            isCreation: shape.creation,
            data: shape.data.clone().into(),
        };
        let accepted = world.on_l1(DEPOSITOR, (world.portal(), shape.mint), call.abi_encode());
        assert_eq!(accepted, !matches!(shape.expected, Expected::Refused), "{}", shape.what);
        if !accepted {
            continue;
        }
        if shape.creation && matches!(shape.expected, Expected::Arrives) {
            created = Some(depositor.create(taken));
        }
        taken += 1;
        world.pass(3);
        match shape.expected {
            Expected::Fails => minted_to_sender += U256::from(shape.mint),
            _ if shape.creation => {}
            _ => assert_eq!(world.balance(shape.to), U256::from(shape.mint), "{}", shape.what),
        }
        assert_eq!(world.balance(depositor), minted_to_sender, "{}", shape.what);
    }
    let chain = world.chain();
    let code = |address| {
        let account = chain.state_after(&chain.head().header).account(address).unwrap();
        account.map(|account| account.code_hash)
    };
    assert_eq!(code(created.unwrap()), Some(keccak256(hex!("602a60005260206000f3"))));

    // A contract's deposit has its alias as sender; one call makes several.
    let to = Address::repeat_byte(0xcc);
    let deposit = Portal::depositTransactionCall {
        to,
        value: U256::from(2),
        gasLimit: 50_000,
        isCreation: false,
        data: Bytes::new(),
    };
    let one = Call3Value {
        target: world.portal(),
        allowFailure: false,
        value: U256::from(3),
        callData: deposit.abi_encode().into(),
    };
    let many = aggregate3ValueCall { calls: vec![one; 20] };
    assert!(world.on_l1(DEPOSITOR, (MULTICALL3, 60), many.abi_encode()));
    world.pass(3);
    assert_eq!(world.balance(to), U256::from(40));
    let alias = U256::from_be_slice(MULTICALL3.as_slice())
        + U256::from_be_slice(&hex!("1111000000000000000000000000000000001111"));
    let alias = Address::from_word(B256::from(alias & (U256::MAX >> 96)));
    assert_eq!(world.balance(alias), U256::from(20));

    world.settle();
    let chain = world.chain();
    world.check_roots(&chain);
    let deposits = read(&*world.truth, world.portal(), &Portal::depositCountCall {}).unwrap();
    assert_eq!(deposits, taken + 20);
}

#[test]
fn an_unopposed_claim_is_final_after_the_challenge_window() {
    let window = 60;
    let mut world = World::with(2, ProveMode::Never, |options| options.challenge_window = window);
    world.transfer();
    world.pass(20);
    world.settle();
    let chain = world.chain();
    world.check_roots(&chain);
    let batch = read(&*world.truth, world.rollup(), &Rollup::batchCall { index: 1 }).unwrap();
    assert!(batch.settledAt >= batch.committedAt.to::<u64>() + window);
    assert_eq!(batch.settledIn, 1);
    // The node knows it too.
    let last = world.final_block();
    assert_eq!(world.process.as_ref().unwrap().node.chain().finalized(), last);
}

#[test]
fn without_the_operator_a_stranger_commits_garbage_and_the_deposit_arrives() {
    let delay = 100;
    let mut world = World::with(3, ProveMode::Always, |options| options.fallback_delay = delay);
    world.transfer();
    world.pass(10);
    world.settle();
    let before = read(&*world.truth, world.rollup(), &Rollup::lastProvenCall {}).unwrap();

    // The operator is gone, a user wants in.
    world.process = None;
    world.deposit();
    world.mine();
    let mut garbage = Blob::ZERO;
    garbage.iter_mut().enumerate().filter(|(place, _)| place % 32 != 0).for_each(|(place, byte)| {
        *byte = (place * 31 % 251) as u8;
    });
    let (_, refused) = world.commit_by_stranger(garbage, [0xbb; 32]);
    assert!(matches!(refused, Outcome::Reverts { .. }), "{refused:?}");
    world.clock.advance(Duration::from_secs(delay));
    world.mine();
    let (header, committed) = world.commit_by_stranger(garbage, [0xbb; 32]);
    assert!(matches!(committed, Outcome::Included { success: true, .. }), "{committed:?}");

    // Any bytes define a chain: here one block with the deposit. What the stranger claimed is wrong.
    let derived = reconstruct(&*world.truth, &world.network, |_| {}).unwrap();
    assert_eq!((derived.batches, derived.deposits, derived.wrong_claims), (header.index, 1, 1));

    // The proof decides, whatever was claimed, and whoever sends it.
    let parent = read(&*world.truth, world.rollup(), &Rollup::batchCall { index: before }).unwrap();
    let opening = kzg::open_for_batch(&garbage).unwrap();
    let output = PublicOutput {
        configHash: world.network.deployment.config_hash,
        previousOutputRoot: parent.outputRoot,
        previousBatchHash: parent.hash,
        outputRoot: derived.output_root,
        batchHash: header_hash(&header),
        lastBlock: derived.blocks,
        lastBlockHash: B256::ZERO,
        blobs: vec![vellum_node::contracts::Blob {
            versionedHash: opening.versioned_hash,
            z: opening.z,
            y: opening.y,
        }],
        previousDepositCount: 0,
        previousDepositHash: B256::ZERO,
        depositCount: header.depositCount,
        depositHash: header.depositHash,
        l1Number: header.l1Number,
        l1Hash: header.l1Hash,
    };
    let prove = |output: &PublicOutput, signed: &PublicOutput| Rollup::proveBatchesCall {
        first: header.index,
        last: header.index,
        programVersion: U256::from(1),
        output: output.clone(),
        openings: opening.commitment_and_proof.to_vec().into(),
        proofs: vec![world.signatures(signed)],
    };
    // A proof of something else does not count.
    let other = PublicOutput { outputRoot: header.claimedOutputRoot, ..output.clone() };
    let refused = world.send_by_stranger(U256::ZERO, prove(&other, &output).abi_encode().into(), Vec::new());
    assert!(matches!(refused, Outcome::Reverts { .. }), "{refused:?}");
    let proof = prove(&output, &output);
    let proven = world.send_by_stranger(U256::ZERO, proof.abi_encode().into(), Vec::new());
    assert!(matches!(proven, Outcome::Included { success: true, .. }), "{proven:?}");
    let settled = read(&*world.truth, world.rollup(), &Rollup::batchCall { index: header.index }).unwrap();
    assert_eq!((settled.outputRoot, settled.lastBlock), (derived.output_root, derived.blocks));
    // Nor does the same proof a second time.
    let again = world.send_by_stranger(U256::ZERO, proof.abi_encode().into(), Vec::new());
    assert!(matches!(again, Outcome::Reverts { .. }), "{again:?}");

    // The operator comes back with other blocks: its node stops instead of arguing with L1.
    world.start();
    world.pass(20);
    let complaints = world.complaints();
    assert!(
        complaints.iter().any(|complaint| complaint.contains("somebody else committed")),
        "{complaints:?}"
    );
}

impl World {
    /// Two attestations of an output, as the contract wants them.
    fn signatures(&self, output: &PublicOutput) -> Bytes {
        let verifier = self.network.deployment.contracts.verifier;
        let attesters = SimAttesters { l1_chain_id: L1_CHAIN_ID, verifier };
        let encoded = output.abi_encode();
        let statement =
            Statement { program_vk: self.network.deployment.program_vk, public_digest: keccak256(&encoded) };
        let sign = |index| {
            attesters.attest(index, &statement, Box::new(std::io::Cursor::new(encoded.clone()))).unwrap()
        };
        assemble((0..THRESHOLD).map(sign).collect())
    }
}

/// A reorg that loses a transaction which was thought to be firm leaves a nonce that the next one waits for.
#[test]
fn a_lost_nonce_does_not_hold_up_later_transactions() {
    let world = World::new(4);
    let options = SenderOptions { confirmations: 0, ..SenderOptions::default() };
    let records = Records::new(Arc::new(MemoryStore::default()));
    let key = keys::dev(STRANGER).unwrap();
    let sender = Sender::new(world.truth.clone(), records, key, L1_CHAIN_ID, options);
    let submit = |name: &str, to: u8| {
        let request =
            Request { to: Some(Address::repeat_byte(to)), value: U256::from(1), ..Default::default() };
        sender.submit(name, &request).unwrap();
    };
    let outcome = |name: &str| {
        for _ in 0..30 {
            let _ = sender.step(millis(&world.clock));
            world.mine();
            if let Some(outcome) = sender.outcome(name).unwrap() {
                return outcome;
            }
        }
        panic!("nothing became of {name}");
    };
    submit("lost", 0xe1);
    let Outcome::Included { block, success: true, .. } = outcome("lost") else { panic!("it fails") };
    submit("later", 0xe2);
    assert_eq!(sender.step(millis(&world.clock)).unwrap(), Step::Done, "it is signed");
    world.l1.revert_to(block - 1).unwrap();
    assert!(matches!(outcome("later"), Outcome::Included { success: true, .. }));
}

/// A reorg takes a commit out, the batcher prepares another one with a newer anchor, and then L1 includes the first one.
#[test]
fn a_commit_that_comes_back_after_a_reorg_is_taken_for_what_it_is() {
    // With the confirmation depth 0.
    let mut world = World::with(3, ProveMode::Never, |_| ());
    world.transfer();
    world.pass(3);
    let committed = |world: &World| {
        let batch = Batches::new(Records::new(world.disk.clone())).get(1).unwrap();
        batch.filter(|batch| batch.state == vellum_node::batch::BatchState::Committed)
    };
    for _ in 0..40 {
        world.mine();
        world.settle_tasks();
        if committed(&world).is_some() {
            break;
        }
    }
    let first = committed(&world).unwrap();
    world.l1.set_head(first.commit.unwrap().block - 1).unwrap();
    world.settle_tasks();
    let second = Batches::new(Records::new(world.disk.clone())).existing(1).unwrap();
    assert!(second.attempt == 1 && second.hash != first.hash, "{second:?}");
    world.mine();
    assert_eq!(read(&*world.truth, world.rollup(), &Rollup::batchHashCall { index: 1 }).unwrap(), first.hash);
    for _ in 0..5 {
        world.settle_tasks();
        world.mine();
    }
    assert_eq!(committed(&world).unwrap().hash, first.hash, "{:?}", world.complaints());
}
