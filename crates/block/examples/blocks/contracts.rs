//! The contracts that the transactions call. All but the token are a loop: call data begins with the number of
//! rounds.

use alloy_consensus::{Block, EthereumTxEnvelope, Header, Transaction, TxEip4844};
use alloy_primitives::{Bytes, bytes};
use alloy_rlp::Decodable;
use vellum_block::BlockInput;

/// Stores pairs of slot and value from its call data until that ends.
pub(crate) const STORE: Bytes = bytes!("5f5b8036111560175780602001358135556040016001565b00");
/// Puts the hash of 1024 bytes of memory into the first 32 of them, n times.
pub(crate) const HASH: Bytes = bytes!("5f355b6104005f205f52600190038060025700");
/// x ↦ (x² mod p + 7) / 3, n times, with the prime of secp256k1.
pub(crate) const ARITHMETIC: Bytes = bytes!(
    "60035f355b907ffffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f"
    "9080096007016003900490600190038060045700"
);
/// Copies 2048 bytes of memory by one byte, n times.
pub(crate) const COPY: Bytes = bytes!("60015f525f355b610800600160025e600190038060065700");
/// Logs 256 bytes of memory under two topics, n times.
pub(crate) const LOG: Bytes = bytes!("5f355b80608052600760086101005fa2600190038060025700");
/// Calls the precompile at 1 with the 128 bytes after the number, n times.
pub(crate) const RECOVER: Bytes = bytes!("608060205f375f355b6020608060805f6001610bb8fa50600190038060085700");
/// Calls the contract whose address follows with the 36 bytes that follow that, n times.
pub(crate) const CALL: Bytes = bytes!("602460405f375f355b6020604060245f6020355afa50600190038060085700");

/// The token of `testdata/Token.sol`: the code that creates it, with its argument, and its code, whose total supply
/// stays zero here. Both from the block in which it was deployed.
pub(crate) fn token() -> Option<(Bytes, Bytes)> {
    let demo = BlockInput::parse(include_bytes!("../../testdata/demo.block")).ok()?;
    let block = Block::<EthereumTxEnvelope<TxEip4844>, Header>::decode(&mut &*demo.block).ok()?;
    let deployment =
        block.body.transactions.into_iter().find(|transaction| transaction.kind().is_create())?;
    let creation = deployment.input().clone();
    // The constructor ends in RETURN and INVALID, then the code follows, then the argument.
    let start = creation.windows(2).position(|pair| pair == [0xf3, 0xfe])? + 2;
    let code = creation.slice(start..creation.len() - 32);
    Some((creation, code))
}
