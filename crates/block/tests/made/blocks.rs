//! The made blocks: what anvil cannot give, because it never takes anything out of a trie.

use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::{Address, Bytes, TxKind, U256, bytes};

use crate::world::{Account, Made, World, sender, signed};

/// Stores pairs of slot and value from its call data until that ends.
const STORE: Bytes = bytes!("5f5b8036111560175780602001358135556040016001565b00");

const STORES: [Address; 3] =
    [Address::repeat_byte(0xa1), Address::repeat_byte(0xa2), Address::repeat_byte(0xa3)];
const HEIR: Address = Address::repeat_byte(0xbb);
const OLD: Address = Address::repeat_byte(0xcc);

fn ether(amount: u64) -> U256 {
    U256::from(amount) * U256::from(10).pow(U256::from(18))
}

fn world() -> World {
    let mut world = World::default();
    world.0.insert(sender().1, Account { balance: ether(1), ..Account::default() });
    for number in 0..30u8 {
        let account = Account { balance: ether(number.into()), nonce: 1, ..Account::default() };
        world.0.insert(Address::with_last_byte(100 + number), account);
    }
    world
}

fn store(slots: impl Iterator<Item = u64>) -> Account {
    let storage = slots.map(|slot| (U256::from(slot), U256::from(slot + 1))).collect();
    Account { nonce: 1, code: STORE, storage, ..Account::default() }
}

fn call(slots: &[(u64, u64)]) -> Vec<u8> {
    slots
        .iter()
        .flat_map(|&(slot, value)| [slot, value])
        .flat_map(|n| U256::from(n).to_be_bytes::<32>())
        .collect()
}

/// Nothing happens.
pub(crate) fn empty() -> Made {
    Made::new(world(), world(), vec![], vec![])
}

/// Slots are set to zero and others set: among two hundred, from two to one, and from one to none.
pub(crate) fn deletions() -> Made {
    let mut before = world();
    before.0.insert(STORES[0], store(0..200));
    before.0.insert(STORES[1], store(0..2));
    before.0.insert(STORES[2], store(0..1));
    let mut after = before.clone();
    let changes: [Vec<(u64, u64)>; 3] = [
        (40..110).map(|slot| (slot, 0)).chain((300..310).map(|slot| (slot, 5))).chain([(7, 7)]).collect(),
        vec![(1, 0), (9, 0)],
        vec![(0, 0)],
    ];
    let mut transactions = Vec::new();
    for (nonce, (address, changes)) in STORES.into_iter().zip(&changes).enumerate() {
        let storage = &mut after.0.get_mut(&address).expect("is there").storage;
        for &(slot, value) in changes {
            storage.insert(U256::from(slot), U256::from(value));
        }
        storage.retain(|_, value| !value.is_zero());
        transactions.push(signed(nonce as u64, TxKind::Call(address), 0, call(changes)));
    }
    Made::new(before, after, transactions, vec![])
}

/// A contract is created at an address that has ether and destroyed in the same transaction, which removes
/// the account; an older contract is destroyed, which only moves its ether; withdrawals go to an account, to
/// an address without one, and nothing to another.
pub(crate) fn removals() -> Made {
    let (_, sender) = sender();
    let funded = sender.create(0);
    let destroy = [&[0x73][..], HEIR.as_slice(), &[0xff]].concat();
    let mut before = world();
    before.0.insert(funded, Account { balance: U256::from(1000), ..Account::default() });
    let old =
        Account { balance: U256::from(300), nonce: 1, code: destroy.clone().into(), ..Account::default() };
    before.0.insert(OLD, Account { storage: [(U256::ZERO, U256::ONE)].into(), ..old });

    let withdrawal = |index: u64, address, amount| Withdrawal { index, validator_index: 1, address, amount };
    let (rich, new, nobody) =
        (Address::with_last_byte(101), Address::repeat_byte(0xd1), Address::repeat_byte(0xd2));
    let withdrawals =
        vec![withdrawal(5, rich, 3), withdrawal(6, new, 4), withdrawal(7, nobody, 0), withdrawal(8, rich, 1)];

    let mut after = before.clone();
    after.0.remove(&funded);
    after.0.get_mut(&OLD).expect("is there").balance = U256::ZERO;
    after.0.insert(HEIR, Account { balance: U256::from(1300), ..Account::default() });
    let gwei = |amount: u64| U256::from(amount) * U256::from(1_000_000_000);
    after.0.get_mut(&rich).expect("is there").balance += gwei(4);
    after.0.insert(new, Account { balance: gwei(4), ..Account::default() });
    let transactions = vec![signed(0, TxKind::Create, 0, destroy), signed(1, TxKind::Call(OLD), 0, vec![])];
    Made::new(before, after, transactions, withdrawals)
}
