//! Does one thing n times, with a precompile or in software: the difference of two runs is what it costs.
//!
//! Input: what (one byte, see [`main`]), in software (one byte, 0 or 1), n (u64, little-endian). No output.
#![no_std]
#![no_main]

use core::hint::black_box;

use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use ruint::aliases::U256;
use sha2::Sha256;
use sha3::{Digest, Keccak256};
use vellum_guest_rt as rt;

rt::entry!(main);

fn main() {
    let [what, software, n @ ..] = rt::input() else { panic!("the input is too short") };
    let n = u64::from_le_bytes(n.try_into().expect("n is eight bytes"));
    let software = *software == 1;
    let repeat = |action: fn()| (0..n).for_each(|_| action());
    match (what, software) {
        (0, false) => repeat(|| drop_value(rt::keccak256(black_box(&[7; 100])))),
        (0, true) => repeat(|| drop_value(Keccak256::digest(black_box(&[7; 100])))),
        (1, false) => repeat(|| {
            let [hash, r, s] = black_box(&SIGNATURE);
            drop_value(rt::recover(hash, r, s, true).expect("a key"));
        }),
        (1, true) => repeat(|| {
            let [hash, r, s] = black_box(&SIGNATURE);
            let signature = Signature::from_scalars(*r, *s).expect("a signature");
            let key = VerifyingKey::recover_from_prehash(hash, &signature, RecoveryId::new(true, false));
            drop_value(key.expect("a key"));
        }),
        (2, false) => repeat(|| drop_value(rt::sha256(black_box(&[7; 55])))),
        (2, true) => repeat(|| drop_value(Sha256::digest(black_box(&[7; 55])))),
        (3, false) => repeat(|| copy(|to, from| to.copy_from_slice(from))),
        // Dword by dword, as the hardware has it.
        (3, true) => {
            repeat(|| copy(|to, from| to.iter_mut().zip(from).for_each(|(to, from)| *to = *black_box(from))))
        }
        (4, false) => repeat(|| {
            let [a, b, m] = black_box(&NUMBERS);
            drop_value(rt::u256_mul_mod(a, b, m));
        }),
        (4, true) => repeat(|| {
            let [a, b, m] = black_box(&NUMBERS).map(U256::from_limbs);
            drop_value(a.mul_mod(b, m));
        }),
        _ => panic!("there is no {what}"),
    }
}

fn drop_value<T>(value: T) {
    black_box(value);
}

fn copy(copy: impl Fn(&mut [u64; 128], &[u64; 128])) {
    let mut to = [0; 128];
    copy(black_box(&mut to), black_box(&FROM));
}

static FROM: [u64; 128] = [0x0123_4567_89ab_cdef; 128];

const NUMBERS: [[u64; 4]; 3] = [
    [0x1234_5678_9abc_def0, u64::MAX, 7, 0x8000_0000_0000_0001],
    [0xfedc_ba98_7654_3210, 5, u64::MAX, 0xf000_0000_0000_0003],
    [0xffff_fffe_ffff_fc2f, u64::MAX, u64::MAX, u64::MAX],
];

/// A hash, r and s, with an R whose y is odd.
static SIGNATURE: [[u8; 32]; 3] = [
    *b"\x45\x6e\x9a\xea\x5e\x19\x7a\x1f\x1a\xf7\xa3\xe8\x5a\x32\x12\xfa\x40\x49\xa3\xba\x34\xc2\x28\x9b\x4c\x86\x0f\xc0\xb0\xc6\x4e\xf3",
    *b"\x92\x42\x68\x5b\xf1\x61\x79\x3c\xc2\x56\x03\xc2\x31\xbc\x2f\x56\x8e\xb6\x30\xea\x16\xaa\x13\x7d\x26\x64\xac\x80\x38\x82\x56\x08",
    *b"\x4f\x8a\xe3\xbd\x75\x35\x24\x8d\x0b\xd4\x48\x29\x8c\xc2\xe2\x07\x1e\x56\x99\x2d\x07\x74\xdc\x34\x0c\x36\x8a\xe9\x50\x85\x2a\xda",
];
