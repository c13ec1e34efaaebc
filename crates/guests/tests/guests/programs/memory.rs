//! Copies, sets and compares runs of bytes at every alignment, against loops over single bytes.
//!
//! Commits "done".
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec;
use core::cmp::Ordering;
use core::hint::black_box;

use vellum_guest_rt::{commit, entry};

entry!(main);

const BYTES: usize = 1024;
const LENGTHS: [usize; 22] =
    [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 40, 64, 100, 255, 256, 300];

fn main() {
    for to in 0..8 {
        for from in [0, 3, 6] {
            for len in LENGTHS {
                copies(to, from, len);
                moves(to + 300, from + 290, len);
                moves(to + 290, from + 300, len);
                compares(to, from, len);
            }
        }
        for len in LENGTHS {
            sets(to, len);
        }
    }
    commit(b"done");
}

fn bytes() -> [u8; BYTES] {
    core::array::from_fn(|i| (i * 7 + i / 256 + 1) as u8)
}

/// The byte `i` of `expected` is what `is` says.
fn check(got: &[u8], is: impl Fn(usize) -> u8) {
    for i in 0..got.len() {
        assert!(black_box(got[i]) == is(i), "byte {i}");
    }
}

fn copies(to: usize, from: usize, len: usize) {
    let source = bytes();
    let mut target = [0xee; 320];
    black_box(&mut target[to..to + black_box(len)]).copy_from_slice(black_box(&source[from..from + len]));
    check(&target, |i| if (to..to + len).contains(&i) { source[from + i - to] } else { 0xee });
}

fn moves(to: usize, from: usize, len: usize) {
    let before = bytes();
    let mut after = before;
    black_box(&mut after).copy_within(from..from + black_box(len), to);
    check(&after[280..620], |i| {
        let i = i + 280;
        if (to..to + len).contains(&i) { before[from + i - to] } else { before[i] }
    });
}

fn sets(to: usize, len: usize) {
    let mut target = vec![0xee; 320];
    black_box(&mut target[to..to + black_box(len)]).fill(black_box(0xa5));
    check(&target, |i| if (to..to + len).contains(&i) { 0xa5 } else { 0xee });
}

fn compares(to: usize, from: usize, len: usize) {
    let mut both = [bytes(), bytes()];
    let [a, b] = &mut both;
    for i in 0..len {
        b[from + i] = a[to + i];
    }
    // What lies around the runs must not count.
    b[from + len] = !a[to + len];
    let order =
        |a: &[u8; BYTES], b: &[u8; BYTES]| black_box(&a[to..to + len]).cmp(black_box(&b[from..from + len]));
    assert!(order(a, b) == Ordering::Equal && black_box(&a[to..to + len]) == black_box(&b[from..from + len]));
    for at in [0, 1, 7, 8, 20, 31, 130, 299] {
        if at < len {
            let same = b[from + at];
            b[from + at] = same.wrapping_add(1);
            let expected = if same == 255 { Ordering::Greater } else { Ordering::Less };
            assert!(order(a, b) == expected && order(b, a) != Ordering::Equal);
            assert!(black_box(&a[to..to + len]) != black_box(&b[from..from + len]));
            b[from + at] = same;
        }
    }
}
