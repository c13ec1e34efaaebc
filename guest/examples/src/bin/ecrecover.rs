//! Knows an ECDSA signature over secp256k1 by the owner of an Ethereum address.
//!
//! Input: hash (32 bytes) ‖ r ‖ s (32 bytes each, big-endian) ‖ v (1 byte: 27 or 28, or 0 or 1).
//! Output: hash ‖ address (20 bytes). A signature that recovers no address panics. As in the Yellow Paper's
//! precompile, s may lie in the upper half.
#![no_std]
#![no_main]

use vellum_guest_rt::{commit, entry, input, keccak256, recover};

entry!(main);

fn main() {
    let input: &[u8; 97] = input().try_into().expect("the input is not hash, r, s and v");
    let (words, [v]) = input.as_chunks::<32>() else { panic!("the input is not hash, r, s and v") };
    let [hash, r, s] = words else { panic!("the input is not hash, r, s and v") };
    let y_is_odd = match v {
        0 | 27 => false,
        1 | 28 => true,
        _ => panic!("v is {v}, not 27 or 28"),
    };
    // Without the first byte of its encoding, which names the encoding, a key's hash ends in its address.
    let key = recover(hash, r, s, y_is_odd).expect("the signature recovers no address");
    commit(hash);
    commit(&keccak256(&key)[12..]);
}
