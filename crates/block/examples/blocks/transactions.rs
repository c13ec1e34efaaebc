//! The kinds of transactions, and what each touches.

use alloy_consensus::{EthereumTxEnvelope, SignableTransaction, TxEip1559, TxEip4844};
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256, keccak256};
use k256::ecdsa::SigningKey;

use crate::{
    contracts,
    world::{Contract, Draw, Touched, World},
};

pub(crate) type Transaction = EthereumTxEnvelope<TxEip4844>;

/// A development chain, as in the captured blocks: it does not need the system contracts.
pub(crate) const CHAIN_ID: u64 = 31337;
pub(crate) const BASE_FEE: u64 = 1_000_000_000;

/// What a transaction does. Every one has a sender of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sends ether to an account.
    Ether,
    /// Sends tokens to a holder.
    Erc20,
    /// Sends more tokens than there are.
    Fail,
    /// Deploys the token once more.
    Deploy,
    /// Writes 20 slots of a contract that has one for every ten accounts.
    Store,
    /// Hashes 1024 bytes 200 times.
    Hash,
    /// 500 rounds of a modular multiplication and a division.
    Arithmetic,
    /// Calls the precompile for signatures 5 times.
    Recover,
    /// Copies 2048 bytes 100 times.
    Copy,
    /// Logs 256 bytes 20 times.
    Log,
    /// Asks the token for a balance 50 times.
    Call,
}

impl Kind {
    /// What a specification calls them.
    pub(crate) const NAMES: [(&str, Self); 11] = [
        ("ether", Self::Ether),
        ("erc20", Self::Erc20),
        ("fail", Self::Fail),
        ("deploy", Self::Deploy),
        ("store", Self::Store),
        ("hash", Self::Hash),
        ("arithmetic", Self::Arithmetic),
        ("recover", Self::Recover),
        ("copy", Self::Copy),
        ("log", Self::Log),
        ("call", Self::Call),
    ];
}

/// Slots that a [`Kind::Store`] writes.
const STORES: u64 = 20;

/// Addresses of the contracts, and the token's creation code.
struct Contracts {
    token: Address,
    store: Address,
    loops: [Address; 6],
    creation: Bytes,
}

fn place(world: &mut World, code: Bytes, storage: Vec<(U256, U256)>) -> Address {
    let address = Address::from_word(keccak256(&code));
    world.contracts.insert(address, Contract { code, storage });
    address
}

fn contracts(world: &mut World) -> Option<Contracts> {
    let (creation, code) = contracts::token()?;
    let draw = world.draw;
    let balances = (0u64..).zip(&world.people);
    let balances = balances.map(|(i, holder)| (balance_slot(holder), tokens(draw, i))).collect();
    let token = place(world, code, balances);
    let slots = (0..slots(world)).map(|slot| (U256::from(slot), draw.hash("slot", slot).into())).collect();
    let store = place(world, contracts::STORE, slots);
    let loops = [
        contracts::HASH,
        contracts::ARITHMETIC,
        contracts::RECOVER,
        contracts::COPY,
        contracts::LOG,
        contracts::CALL,
    ];
    Some(Contracts { token, store, loops: loops.map(|code| place(world, code, vec![])), creation })
}

fn slots(world: &World) -> u64 {
    world.people.len() as u64 / 10 + STORES
}

/// Where Solidity puts a holder's entry of the mapping at slot 0.
fn balance_slot(holder: &Address) -> U256 {
    keccak256([holder.into_word(), Default::default()].concat()).into()
}

/// At least 2000 tokens, with 18 decimals.
fn tokens(draw: Draw, holder: u64) -> U256 {
    let milli = draw.below("tokens", holder, 100_000_000) + 2_000_000;
    U256::from(milli) * U256::from(1_000_000_000_000_003u64)
}

/// Puts the contracts into `world` and makes one transaction after the other; `None` if the token's code is not
/// where it is expected.
pub(crate) fn transactions(world: &mut World, kinds: &[Kind]) -> Option<(Vec<Transaction>, Touched)> {
    let contracts = contracts(world)?;
    let mut touched = Touched::new();
    let transactions = kinds.iter().enumerate().map(|(sender, &kind)| {
        let from = world.people[sender];
        touched.entry(from).or_default();
        let transaction = TxEip1559 {
            chain_id: CHAIN_ID,
            nonce: world.nonce(sender),
            gas_limit: 3_000_000,
            max_fee_per_gas: u128::from(2 * BASE_FEE),
            max_priority_fee_per_gas: 10_000_000,
            ..action(world, &contracts, kind, sender as u64, &mut touched)
        };
        if let TxKind::Call(to) = transaction.to {
            touched.entry(to).or_default();
        } else {
            touched.entry(from.create(transaction.nonce)).or_default();
        }
        signed(transaction, world.key(sender))
    });
    let transactions = transactions.collect();
    Some((transactions, touched))
}

/// Receiver, value and data.
fn action(world: &World, at: &Contracts, kind: Kind, number: u64, touched: &mut Touched) -> TxEip1559 {
    let draw = world.draw;
    // Senders come first among the people, so this is nobody's own address but by a rare chance, which is allowed.
    let other = world.people[draw.below("receiver", number, world.people.len() as u64) as usize];
    let mut touch = |address: Address, slot: U256| touched.entry(address).or_default().insert(slot);
    let call = |to: Address, words: &[U256]| TxEip1559 {
        to: TxKind::Call(to),
        input: words.iter().flat_map(U256::to_be_bytes::<32>).collect(),
        ..TxEip1559::default()
    };
    let rounds = |count: u64| [U256::from(count)];
    let [hash, arithmetic, recover, copy, log, calls] = at.loops;
    match kind {
        Kind::Ether => TxEip1559 {
            to: TxKind::Call(other),
            value: U256::from(1_000_000_007 * (number + 1)),
            ..TxEip1559::default()
        },
        Kind::Erc20 | Kind::Fail => {
            touch(at.token, balance_slot(&world.people[number as usize]));
            touch(at.token, balance_slot(&other));
            let shift = if kind == Kind::Fail { 160 } else { 4 };
            let value: U256 = U256::from(1_000_000_007 + number) << shift;
            let mut input = vec![0xa9, 0x05, 0x9c, 0xbb];
            input.extend_from_slice(other.into_word().as_slice());
            input.extend_from_slice(&value.to_be_bytes::<32>());
            TxEip1559 { to: TxKind::Call(at.token), input: input.into(), ..TxEip1559::default() }
        }
        Kind::Deploy => TxEip1559 { to: TxKind::Create, input: at.creation.clone(), ..TxEip1559::default() },
        Kind::Store => {
            let slot = |i| U256::from(draw.below("stored", number * STORES + i, slots(world)));
            let pairs = (0..STORES).flat_map(|i| [slot(i), draw.hash("stored", number * STORES + i).into()]);
            for i in 0..STORES {
                touch(at.store, slot(i));
            }
            call(at.store, &pairs.collect::<Vec<_>>())
        }
        Kind::Hash => call(hash, &rounds(200)),
        Kind::Arithmetic => call(arithmetic, &rounds(500)),
        Kind::Copy => call(copy, &rounds(100)),
        Kind::Log => call(log, &rounds(20)),
        Kind::Recover => {
            touched.entry(Address::with_last_byte(1)).or_default();
            let digest = draw.hash("message", number);
            let (signature, parity) = sign(world.key(0), digest.as_slice());
            let v = U256::from(27 + u64::from(parity));
            let (r, s) = signature.split_bytes();
            let [r, s] = [r, s].map(|bytes| U256::from_be_slice(&bytes));
            call(recover, &[U256::from(5), digest.into(), v, r, s])
        }
        Kind::Call => {
            touch(at.token, balance_slot(&other));
            let mut input = [U256::from(50), at.token.into_word().into()]
                .iter()
                .flat_map(U256::to_be_bytes::<32>)
                .collect::<Vec<_>>();
            input.extend_from_slice(&[0x70, 0xa0, 0x82, 0x31]);
            input.extend_from_slice(other.into_word().as_slice());
            TxEip1559 { to: TxKind::Call(calls), input: input.into(), ..TxEip1559::default() }
        }
    }
}

fn sign(key: &SigningKey, hash: &[u8]) -> (k256::ecdsa::Signature, bool) {
    let (signature, recovery) = key.sign_prehash_recoverable(hash).expect("a 32-byte hash can be signed");
    (signature, recovery.is_y_odd())
}

fn signed(transaction: TxEip1559, key: &SigningKey) -> Transaction {
    let (signature, parity) = sign(key, transaction.signature_hash().as_slice());
    transaction.into_signed(Signature::from_signature_and_parity(signature, parity)).into()
}
