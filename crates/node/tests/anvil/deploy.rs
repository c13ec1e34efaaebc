//! Deployment, begun again after any number of steps; and contracts that are not what they should be.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, B256};
use vellum_node::deploy::{DeployError, DeployOptions, Deployer, Deployment, L2Genesis, verify};
use vellum_node::keys;
use vellum_node::l1::L1Error;
use vellum_node::l1::http::HttpL1;
use vellum_node::records::Records;
use vellum_node::store::memory::MemoryStore;

use crate::harness::{Anvil, now_ms};

fn options() -> DeployOptions {
    DeployOptions {
        proposer: keys::dev(8).unwrap().address(),
        attesters: [4, 5, 6].map(|account| keys::dev(account).unwrap().address()).to_vec(),
        attestation_threshold: 2,
        owner: keys::dev(9).unwrap().address(),
        ..Default::default()
    }
}

const L2: L2Genesis = L2Genesis {
    config_hash: B256::repeat_byte(1),
    output_root: B256::repeat_byte(2),
    program_vk: B256::repeat_byte(3),
};

pub(crate) fn deploy(anvil: &Anvil, records: &Records) -> Result<Deployment, DeployError> {
    let sender = anvil.sender(9, records, Default::default());
    let l1 = anvil.l1();
    let deployer = Deployer::plan(&*l1, records, &sender)?;
    deployer.run(&options(), L2, now_ms, || std::thread::sleep(Duration::from_millis(10)))
}

#[test]
fn deployment_is_verified_and_repeats_nothing() {
    let anvil = Anvil::start(&[]);
    let l1 = anvil.l1();
    let records = Records::new(Arc::new(MemoryStore::default()));
    let deployment = deploy(&anvil, &records).unwrap();
    // Begun again after it was complete, it finds everything there.
    assert_eq!(deploy(&anvil, &records).unwrap(), deployment);
    verify(&*l1, &deployment).unwrap();

    let other = Deployment { l1_chain_id: 1, ..deployment.clone() };
    assert!(matches!(verify(&*l1, &other), Err(DeployError::OtherChain { expected: 1, got: 900 })));
    let mut other = deployment.clone();
    other.contracts.portal = Address::repeat_byte(9);
    assert!(matches!(verify(&*l1, &other), Err(DeployError::NotDeployed { contract: "Portal", .. })));
    let other = Deployment { config_hash: B256::ZERO, ..deployment.clone() };
    assert!(matches!(verify(&*l1, &other), Err(DeployError::Differs { .. })));
    let other = Deployment { genesis_output_root: B256::ZERO, ..deployment.clone() };
    assert!(matches!(verify(&*l1, &other), Err(DeployError::Differs { .. })));
    let other = Deployment { program_vk: B256::ZERO, ..deployment };
    assert!(matches!(verify(&*l1, &other), Err(DeployError::Differs { .. })));
}

#[test]
fn a_deployer_without_ether_is_told_so() {
    let anvil = Anvil::start(&["--balance", "0"]);
    let records = Records::new(Arc::new(MemoryStore::default()));
    assert!(matches!(deploy(&anvil, &records), Err(DeployError::NoEther(_))));
}

#[test]
fn nobody_answers() {
    let l1 = HttpL1::new("http://127.0.0.1:9", None);
    let error = vellum_node::l1::L1::chain_id(&l1).unwrap_err();
    assert!(matches!(error, L1Error::Unreachable { .. }), "{error}");
    assert!(error.is_temporary());
}
