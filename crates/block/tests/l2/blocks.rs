//! Blocks: what the OP Stack's rules give, and what is refused.

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, TxKind, U256};
use op_alloy_consensus::OpReceiptEnvelope;
use op_revm::{
    L1BlockInfo, OpSpecId,
    constants::{BASE_FEE_RECIPIENT, L1_FEE_RECIPIENT},
};
use vellum_block::{
    InvalidReason, State, TransactionError,
    l2::{
        Attributes, AttributesError, ConfigError, L1_BLOCK, L2BlockBuilder, L2BlockInput, L2Error,
        ParentOrigin, QueuedDeposit, SEQUENCER_FEE_VAULT, complete, decode_transaction,
    },
};

use crate::world::{
    CHAIN_ID, GENESIS_ORIGIN, REVERTING, Rollup, call, config, deposit, ether, gwei, origin, other_types,
    user,
};

fn to(number: u8) -> TxKind {
    TxKind::Call(user(number).1)
}

#[test]
fn headers_are_isthmus() {
    let mut rollup = Rollup::new();
    let start = rollup.head().timestamp;
    let block = rollup.block(start + 7, GENESIS_ORIGIN + 1, &[], &[]);
    let (header, parent) = (&block.header, &rollup.headers[0]);
    let origin = origin(GENESIS_ORIGIN + 1);
    assert_eq!((header.number, header.timestamp), (1, start + 7));
    assert_eq!(header.parent_hash, parent.hash_slow());
    assert_eq!(header.beneficiary, SEQUENCER_FEE_VAULT);
    assert_eq!(header.mix_hash, origin.prev_randao);
    assert_eq!(header.parent_beacon_block_root, Some(origin.parent_beacon_block_root));
    assert_eq!(header.gas_limit, config().gas_limit);
    assert_eq!(header.extra_data[..], [0, 0, 0, 0, 250, 0, 0, 0, 6]);
    assert_eq!(
        op_alloy_consensus::decode_holocene_extra_data(&header.extra_data).unwrap(),
        (config().base_fee_elasticity, config().base_fee_denominator)
    );
    assert_eq!((header.blob_gas_used, header.excess_blob_gas), (Some(0), Some(0)));
    assert_eq!(header.requests_hash, Some(alloy_eips::eip7685::EMPTY_REQUESTS_HASH));
    // The parent used no gas: the fee falls by one 250th.
    assert_eq!(header.base_fee_per_gas, Some(1_000_000_000 - 1_000_000_000 / 250));
    assert_eq!(block.transactions.len(), 1);
    assert!(block.receipts[0].status());
}

#[test]
fn the_l1_block_predeploy_tells_the_origin() {
    let mut rollup = Rollup::new();
    let start = rollup.head().timestamp;
    for (second, number, sequence) in [(1, 0, 1), (2, 0, 2), (3, 2, 0), (4, 2, 1), (5, 3, 0)] {
        let number = GENESIS_ORIGIN + number;
        rollup.block(start + second, number, &[], &[]);
        let (nodes, codes, hashes) = rollup.state_parts();
        let head = rollup.head();
        let mut state = State::new(head.state_root, &nodes, &codes, hashes, head.number).unwrap();
        let read = ParentOrigin::read(&mut state).unwrap();
        assert_eq!(read, ParentOrigin { number, sequence_number: sequence });
        // op-revm reads the same slots for the data fee.
        let info = L1BlockInfo::try_fetch(&mut state, U256::from(head.number), OpSpecId::ISTHMUS).unwrap();
        assert_eq!(info.l1_base_fee, U256::from(origin(number).base_fee));
        assert_eq!(info.l1_blob_base_fee, Some(U256::from(origin(number).blob_base_fee)));
        assert_eq!(info.l1_base_fee_scalar, U256::from(config().base_fee_scalar));
        assert_eq!(info.l1_blob_base_fee_scalar, Some(U256::from(config().blob_base_fee_scalar)));
        assert_eq!(
            (info.operator_fee_scalar, info.operator_fee_constant),
            (Some(U256::ZERO), Some(U256::ZERO))
        );
        assert_eq!(rollup.slot(L1_BLOCK, 2), U256::from_be_bytes(origin(number).hash.0));
    }
}

/// Fees by hand: the tip to the sequencer, base fee and data fee to their vaults, the sender pays all three.
#[test]
fn fees_go_to_the_vaults() {
    let mut rollup = Rollup::new();
    let start = rollup.head().timestamp;
    let transaction = call(0, 0, to(90), 1_000, vec![7; 300]);
    let block = rollup.block(start + 1, GENESIS_ORIGIN, &[], std::slice::from_ref(&transaction));
    let gas = U256::from(block.receipts[1].cumulative_gas_used() - block.receipts[0].cumulative_gas_used());
    let base_fee = gas * U256::from(block.header.base_fee_per_gas.unwrap());
    let tip = gas * U256::from(1_000_000);
    let origin = origin(GENESIS_ORIGIN);
    let mut info = L1BlockInfo {
        l1_base_fee: U256::from(origin.base_fee),
        l1_blob_base_fee: Some(U256::from(origin.blob_base_fee)),
        l1_base_fee_scalar: U256::from(config().base_fee_scalar),
        l1_blob_base_fee_scalar: Some(U256::from(config().blob_base_fee_scalar)),
        ..L1BlockInfo::default()
    };
    let data_fee = info.calculate_tx_l1_cost(&transaction, OpSpecId::ISTHMUS);
    assert!(data_fee > U256::ZERO);
    assert_eq!(rollup.balance(SEQUENCER_FEE_VAULT), tip);
    assert_eq!(rollup.balance(BASE_FEE_RECIPIENT), base_fee);
    assert_eq!(rollup.balance(L1_FEE_RECIPIENT), data_fee);
    assert_eq!(rollup.balance(user(90).1), U256::from(1_000));
    assert_eq!(rollup.balance(user(0).1), ether(100) - U256::from(1_000) - base_fee - tip - data_fee);
}

#[test]
fn deposits_mint_and_their_receipts_have_nonces() {
    let mut rollup = Rollup::new();
    let start = rollup.head().timestamp;
    let deposits = [
        deposit(30, to(31), gwei(10), 4, 100_000, vec![].into()),
        // Fails, but mints.
        deposit(30, TxKind::Call(REVERTING), gwei(5), 1, 100_000, vec![].into()),
        // More than the block has: the limit is cut, not the deposit.
        deposit(32, to(31), gwei(1), 1, 20_000_000, vec![].into()),
        // Not enough for the intrinsic gas, and more value than there is.
        deposit(33, to(31), 7, 100, 1, vec![].into()),
    ];
    let block = rollup.block(start + 1, GENESIS_ORIGIN, &deposits, &other_types(4, 0));
    let nonces: Vec<_> = block
        .receipts
        .iter()
        .map(|receipt| match receipt {
            OpReceiptEnvelope::Deposit(deposit) => {
                assert_eq!(deposit.receipt.deposit_receipt_version, Some(1));
                deposit.receipt.deposit_nonce
            }
            _ => None,
        })
        .collect();
    assert_eq!(nonces, [Some(0), Some(0), Some(1), Some(0), Some(0), None, None, None, None]);
    let status: Vec<_> = block.receipts.iter().map(OpReceiptEnvelope::status).collect();
    assert_eq!(status, [true, true, false, true, false, true, true, true, true]);
    assert_eq!(rollup.balance(user(30).1), U256::from(gwei(15) - 4));
    assert_eq!(rollup.balance(user(33).1), U256::from(7));
    assert_eq!(rollup.balance(user(31).1), U256::from(5));
    // The delegation of the last transaction is a new code.
    assert!(rollup.codes.values().any(|code| code.starts_with(&[0xef, 0x01, 0x00])));
}

#[test]
fn a_deposit_with_any_gas_limit_fits() {
    let mut rollup = Rollup::new();
    let start = rollup.head().timestamp;
    let huge = deposit(30, to(31), 1, 1, u64::MAX, vec![].into());
    let block = rollup.block(start + 1, GENESIS_ORIGIN, &[huge], &[]);
    assert!(block.receipts[1].status());
}

/// A state, and what building a block on it gives.
fn begin(rollup: &Rollup, timestamp: u64, number: u64, deposits: Vec<QueuedDeposit>) -> Result<(), L2Error> {
    let (nodes, codes, hashes) = rollup.state_parts();
    let head = rollup.head();
    let hash = hashes[0];
    let mut state = State::new(head.state_root, &nodes, &codes, hashes, head.number).unwrap();
    let attributes = Attributes { timestamp, origin: origin(number), deposits };
    L2BlockBuilder::begin(&rollup.config, head, hash, &attributes, &mut state).map(|_| ())
}

#[test]
fn attributes_that_break_a_rule_are_named() {
    let mut rollup = Rollup::new();
    let start = rollup.head().timestamp;
    rollup.block(start + 5, GENESIS_ORIGIN + 2, &[], &[]);
    let refused = |timestamp, number, deposits| match begin(&rollup, timestamp, number, deposits) {
        Err(L2Error::Attributes(error)) => error,
        other => panic!("{other:?}"),
    };
    let (number, parent) = (GENESIS_ORIGIN + 2, start + 5);
    assert_eq!(refused(parent, number, vec![]), AttributesError::Timestamp { parent, got: parent });
    assert_eq!(
        refused(parent + 1, number - 1, vec![]),
        AttributesError::OriginBehind { parent: number, got: number - 1 }
    );
    let mut queue = rollup.queue;
    let mut due = |count: usize, gas| -> Vec<QueuedDeposit> {
        (0..count).map(|_| queue.push(deposit(1, to(1), 1, 1, gas, vec![].into()))).collect()
    };
    assert_eq!(
        refused(parent + 1, number, due(5, 21_000)),
        AttributesError::TooManyDeposits { most: 4, got: 5 }
    );
    assert_eq!(
        refused(parent + 1, number, due(3, 10_000_000)),
        AttributesError::TooManyDeposits { most: 2, got: 3 }
    );
    assert!(begin(&rollup, parent + 1, number, due(4, 1_000_000)).is_ok());
}

#[test]
fn configurations_without_a_chain_are_refused() {
    let refused = |change: fn(&mut vellum_block::l2::RollupConfig)| {
        let mut config = config();
        change(&mut config);
        config.check().unwrap_err()
    };
    assert_eq!(refused(|c| c.gas_limit = 1_000_000), ConfigError::GasLimit(1_000_000));
    assert_eq!(refused(|c| c.gas_limit = u64::MAX), ConfigError::GasLimit(u64::MAX));
    assert!(matches!(refused(|c| c.base_fee_denominator = 0), ConfigError::BaseFee { .. }));
    assert!(matches!(refused(|c| c.base_fee_elasticity = 0), ConfigError::BaseFee { .. }));
    assert!(matches!(refused(|c| c.base_fee_elasticity = u32::MAX), ConfigError::BaseFee { .. }));
    assert_eq!(refused(|c| c.max_deposits_per_block = 0), ConfigError::NoDeposits);
    assert_eq!(refused(|c| c.max_time_drift = u64::MAX), ConfigError::TimeDrift(u64::MAX));
}

/// The builder says why a transaction is not included, and goes on as if it had not been tried.
#[test]
fn transactions_are_refused_with_the_reason() {
    let rollup = Rollup::new();
    let (nodes, codes, hashes) = rollup.state_parts();
    let head: &Header = rollup.head();
    let hash = hashes[0];
    let mut state = State::new(head.state_root, &nodes, &codes, hashes, head.number).unwrap();
    let attributes =
        Attributes { timestamp: head.timestamp + 1, origin: origin(GENESIS_ORIGIN), deposits: vec![] };
    let mut builder = L2BlockBuilder::begin(&rollup.config, head, hash, &attributes, &mut state).unwrap();
    let mut try_one = |encoded| match builder.try_transaction(decode_transaction(encoded).unwrap()) {
        Ok(_) => None,
        Err(TransactionError::Invalid(reason)) => Some(reason),
        Err(fatal) => panic!("{fatal}"),
    };
    assert_eq!(
        try_one(call(0, 1, to(1), 0, vec![])),
        Some(InvalidReason::NonceTooHigh { transaction: 1, account: 0 })
    );
    assert_eq!(try_one(call(0, 0, to(1), 0, vec![])), None);
    assert_eq!(
        try_one(call(0, 0, to(1), 0, vec![])),
        Some(InvalidReason::NonceTooLow { transaction: 0, account: 1 })
    );
    // A user without ether.
    assert!(matches!(try_one(call(99, 0, to(1), 0, vec![])), Some(InvalidReason::Funds { .. })));
    let transaction = |chain_id, gas_limit, fee| {
        crate::world::sign(
            1,
            alloy_consensus::TxEip1559 {
                chain_id,
                gas_limit,
                max_fee_per_gas: fee,
                to: to(1),
                ..alloy_consensus::TxEip1559::default()
            },
        )
    };
    assert_eq!(try_one(transaction(CHAIN_ID, 21_000, 5)), Some(InvalidReason::BelowBaseFee));
    let too_much = try_one(transaction(CHAIN_ID, 40_000_000, gwei(2)));
    assert!(matches!(too_much, Some(InvalidReason::BlockGas { limit: 40_000_000, .. })), "{too_much:?}");
    assert!(matches!(try_one(transaction(1, 21_000, gwei(2))), Some(InvalidReason::Other(_))));
    assert!(matches!(try_one(transaction(CHAIN_ID, 20_999, gwei(2))), Some(InvalidReason::Other(_))));
    let built = builder.finish().unwrap();
    assert_eq!((built.transactions.len(), built.receipts.len()), (2, 2));
}

#[test]
fn transactions_that_users_cannot_send_are_refused() {
    use alloy_consensus::{SignableTransaction, TxEip4844};
    use alloy_eips::Encodable2718;
    let refused = |bytes: Vec<u8>| match decode_transaction(bytes.into()) {
        Err(InvalidReason::Other(_)) => {}
        other => panic!("{other:?}"),
    };
    let deposit = origin(GENESIS_ORIGIN).attributes_transaction(&config(), 0);
    refused(deposit.encoded_2718());
    let blob = TxEip4844 { chain_id: CHAIN_ID, to: user(1).1, ..TxEip4844::default() };
    let signature = alloy_primitives::Signature::test_signature();
    refused(
        alloy_consensus::EthereumTxEnvelope::<TxEip4844>::from(blob.into_signed(signature)).encoded_2718(),
    );
    refused(vec![]);
    refused(vec![0x7d, 0xc0]);
    let good = call(0, 0, to(1), 0, vec![]).to_vec();
    refused([&good[..], b"x"].concat());
    // Every changed byte gives another sender, another transaction or none; never a panic.
    for at in 0..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 0x41;
        let _ = decode_transaction(changed.into());
    }
}

#[test]
fn stateless_execution_refuses_faulty_input() {
    let rollup = Rollup::new();
    let (nodes, codes, _) = rollup.state_parts();
    let headers = rollup.headers_rlp();
    let attributes = Attributes {
        timestamp: rollup.head().timestamp + 1,
        origin: origin(GENESIS_ORIGIN),
        deposits: vec![],
    };
    let transactions = [call(0, 0, to(1), 0, vec![]), call(0, 0, to(1), 0, vec![])];
    let input = L2BlockInput {
        config: &rollup.config,
        headers: &headers,
        attributes: &attributes,
        transactions: &transactions[..1],
        nodes: &nodes,
        codes: &codes,
    };
    assert!(complete(&input).is_ok());
    let invalid = complete(&L2BlockInput { transactions: &transactions, ..input });
    assert!(matches!(
        invalid,
        Err(L2Error::Transaction { index: 1, reason: InvalidReason::NonceTooLow { .. } })
    ));
    assert!(matches!(complete(&L2BlockInput { codes: &[], ..input }), Err(L2Error::State(_))));
    assert!(matches!(
        complete(&L2BlockInput { nodes: &nodes[..nodes.len() - 1], ..input }),
        Err(L2Error::State(_))
    ));
    assert!(matches!(complete(&L2BlockInput { headers: &[], ..input }), Err(L2Error::Block(_))));
    let config = vellum_block::l2::RollupConfig { gas_limit: 0, ..rollup.config.clone() };
    assert!(matches!(complete(&L2BlockInput { config: &config, ..input }), Err(L2Error::Config(_))));
}

/// The chain works without the predeploy: every block then has sequence number 1 or 0 of whatever origin.
#[test]
fn a_chain_without_predeploys_goes_on() {
    let mut rollup = Rollup::with(config(), |alloc| {
        alloc.remove(&L1_BLOCK);
        alloc.remove(&vellum_block::l2::MESSAGE_PASSER);
    });
    let start = rollup.head().timestamp;
    assert_eq!(rollup.head().withdrawals_root, Some(alloy_consensus::EMPTY_ROOT_HASH));
    rollup.block(start + 1, GENESIS_ORIGIN + 1, &[], &[call(0, 0, to(1), 5, vec![])]);
    rollup.block(start + 2, GENESIS_ORIGIN, &[], &[call(0, 1, to(1), 5, vec![])]);
    assert_eq!(rollup.head().withdrawals_root, Some(alloy_consensus::EMPTY_ROOT_HASH));
    assert_ne!(rollup.balance(Address::ZERO), U256::MAX);
    assert_ne!(rollup.head().state_root, B256::ZERO);
}
