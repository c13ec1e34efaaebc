//! `net_` and `web3_`.

use alloy_primitives::{B256, Bytes, U64, keccak256};

use super::Methods;

pub(super) fn register(methods: &mut Methods) {
    methods.add("net_version", 0, |api, _| Ok(api.node.chain().chain_id().to_string()));
    methods.add("net_listening", 0, |_, _| Ok(true));
    methods.add("net_peerCount", 0, |_, _| Ok(U64::ZERO));
    methods.add("web3_clientVersion", 0, |_, _| Ok(concat!("vellum/v", env!("CARGO_PKG_VERSION"))));
    methods.add("web3_sha3", 1, |_, args| Ok::<B256, _>(keccak256(args.required::<Bytes>()?)));
}
