//! Signatures that no signer makes, and hosts that lie: the key that a guest recovers is the right one or none.

use k256::elliptic_curve::PrimeField as _;
use k256::elliptic_curve::group::Group as _;
use k256::elliptic_curve::ops::Reduce;
use k256::elliptic_curve::point::AffineCoordinates as _;
use k256::elliptic_curve::sec1::ToEncodedPoint as _;
use k256::{FieldBytes, ProjectivePoint, Scalar, U256};
use sha3::{Digest, Keccak256};
use vellum_executor::{Console, Limits, execute};
use vellum_isa::{HintKind, Program};

use crate::harness;

const GUEST: &str = "ecrecover";

fn elf() -> &'static [u8] {
    vellum_guests::find(GUEST).expect("a bundled guest").elf
}

/// A scalar from the hash of a number.
fn scalar(seed: u32) -> Scalar {
    <Scalar as Reduce<U256>>::reduce_bytes(&Keccak256::digest(seed.to_be_bytes()))
}

/// hash ‖ r ‖ s ‖ v and the expected address for R = k·G, any s, and hash z. `None` where the key is infinite.
fn made(k: Scalar, s: Scalar, z: Scalar) -> (Vec<u8>, Option<Vec<u8>>) {
    let point = (ProjectivePoint::GENERATOR * k).to_affine();
    let r = <Scalar as Reduce<U256>>::reduce_bytes(&point.x());
    let inverse = r.invert().expect("not zero");
    let key = ProjectivePoint::GENERATOR * (inverse * (s * k - z));
    let v = u8::from(bool::from(point.y_is_odd()));
    let bytes = |scalar: Scalar| -> FieldBytes { scalar.to_repr() };
    let input = [&bytes(z)[..], &bytes(r), &bytes(s), &[v]].concat();
    let address = (!bool::from(key.is_identity())).then(|| {
        let encoded = key.to_affine().to_encoded_point(false);
        Keccak256::digest(&encoded.as_bytes()[1..])[12..].to_vec()
    });
    (input, address)
}

/// λ, by which (x, y) → (β·x, y) multiplies.
fn lambda() -> Scalar {
    let words: [u64; 4] =
        [0x5363_ad4c_c05c_30e0, 0xa526_1c02_8812_645a, 0x122e_22ea_2081_6678, 0xdf02_967c_1b23_bd72];
    let mut bytes = FieldBytes::default();
    for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    Scalar::from_repr(bytes).expect("below the order")
}

/// Points that coincide, cancel or vanish inside the sum: R = ±G, ±λG, ±(λ ± 1)G, small multiples; a zero hash; short
/// scalars; an infinite key.
#[test]
fn exceptional_points_are_added_right() {
    let one = Scalar::ONE;
    let small = |n: u64| Scalar::from(n);
    let multiples = [
        one,
        small(2),
        small(3),
        lambda(),
        lambda() + one,
        lambda() - one,
        lambda().square(),
        lambda() + small(2),
        scalar(7),
    ];
    for k in multiples.iter().flat_map(|k| [*k, -*k]) {
        let cases = [
            (one, Scalar::ZERO),
            (one, one),
            (-one, one),
            (small(2), small(6)),
            (lambda(), one),
            (scalar(1), Scalar::ZERO),
            (scalar(2), scalar(3)),
            (small(5), -small(5)),
            // u1 = −u2 and u1 = u2, up to the factor k.
            (scalar(4), scalar(4)),
            (scalar(5), -scalar(5)),
            (scalar(6), scalar(6) * k),
        ];
        for (s, z) in cases {
            let (input, address) = made(k, s, z);
            let run = harness::run(elf(), &input);
            match address {
                Some(address) => {
                    let expected = [&input[..32], &address].concat();
                    assert_eq!(run.output.as_deref(), Some(&expected[..]), "k {k:?}, s {s:?}, z {z:?}");
                }
                None => assert!(run.printed.contains("recovers no address"), "k {k:?}: {}", run.printed),
            }
        }
    }
}

#[test]
fn random_signatures_recover_their_keys() {
    for seed in 0..40 {
        let (input, address) = made(scalar(3 * seed), scalar(3 * seed + 1), scalar(3 * seed + 2));
        let run = harness::run(elf(), &input);
        assert_eq!(run.output, address.map(|address| [&input[..32], &address].concat()));
    }
}

/// A host that changes the n-th hint.
struct Liar<F> {
    at: usize,
    seen: usize,
    change: F,
}

impl<F: FnMut(HintKind, &mut [u64])> Console for Liar<F> {
    fn write(&mut self, _fd: u64, _bytes: &[u8]) {}

    fn hint(&mut self, kind: HintKind, answer: &mut [u64]) {
        if self.seen == self.at {
            (self.change)(kind, answer);
        }
        self.seen += 1;
    }
}

/// The output of a run whose `at`-th hint is changed, or `None` where the guest refuses; and how many hints it took.
fn lied(input: &[u8], at: usize, change: impl FnMut(HintKind, &mut [u64])) -> (Option<Vec<u8>>, usize) {
    let program = Program::from_elf(elf()).expect("a well-formed program");
    let mut liar = Liar { at, seen: 0, change };
    let execution = execute(&program, input, Limits::default(), &mut liar).expect("reaches its exit");
    let output = if execution.exit.status == 0 { execution.output } else { None };
    (output, liar.seen)
}

/// Whatever the host answers: the output is the honest one, or there is none.
#[test]
fn a_lying_host_changes_no_result() {
    let (input, address) = made(scalar(1), scalar(2), scalar(3));
    let honest = [&input[..32], &address.expect("a key")].concat();
    let (output, hints) = lied(&input, usize::MAX, |_, _| {});
    assert_eq!((output.as_deref(), hints), (Some(&honest[..]), 4));
    let mut refused = 0;
    for at in 0..hints {
        for bit in 0..320 {
            let (output, _) = lied(&input, at, |_, answer| {
                if let Some(word) = answer.get_mut(bit / 64) {
                    *word ^= 1 << (bit % 64);
                }
            });
            assert!(output.as_ref().is_none_or(|output| *output == honest), "hint {at}, bit {bit}");
            refused += usize::from(output.is_none());
        }
        for value in [0, 1, u64::MAX] {
            let (output, _) = lied(&input, at, |_, answer| answer.fill(value));
            assert_eq!(output, None, "hint {at}, all {value:#x}");
        }
    }
    assert!(refused > 1000, "{refused} lies refused");
}

/// The other answers that satisfy the same equation: the other root, a number plus the modulus, halves of the opposite sign.
#[test]
fn other_answers_to_a_hint_change_nothing() {
    const P: [u64; 4] = [0xffff_fffe_ffff_fc2f, u64::MAX, u64::MAX, u64::MAX];
    const N: [u64; 4] = [0xbfd2_5e8c_d036_4141, 0xbaae_dce6_af48_a03b, 0xffff_ffff_ffff_fffe, u64::MAX];
    let minus = |a: &[u64; 4], b: &mut [u64]| {
        let mut borrow = false;
        for (a, b) in a.iter().zip(b) {
            let (word, first) = a.overflowing_sub(*b);
            let (word, second) = word.overflowing_sub(borrow.into());
            (*b, borrow) = (word, first | second);
        }
    };
    let (input, address) = made(scalar(1), scalar(2), scalar(3));
    let honest = Some([&input[..32], &address.expect("a key")].concat());
    // The other root is as good.
    assert_eq!(lied(&input, 0, |_, y| minus(&P, y)).0, honest);
    // A negated inverse is none.
    assert_eq!(lied(&input, 1, |_, x| minus(&N, x)).0, None);
    for at in [2, 3] {
        for flip in 1..4 {
            assert_eq!(lied(&input, at, |_, halves| halves[4] ^= flip).0, None);
        }
        assert_eq!(lied(&input, at, |_, halves| halves.swap(0, 2)).0, None);
    }
}

/// A host cannot make a guest reject a good R: what it would have to show is a root of a number that has none.
#[test]
fn a_lying_host_cannot_deny_a_point() {
    let (input, _) = made(scalar(1), scalar(2), scalar(3));
    for seed in 0..50u64 {
        let (output, _) = lied(&input, 0, |_, y| {
            y.iter_mut()
                .zip(1..)
                .for_each(|(word, i)| *word = word.rotate_left(7).wrapping_mul(seed * 8 + 2 * i + 1));
        });
        assert_eq!(output, None);
    }
}
