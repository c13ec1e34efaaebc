//! The allocator's promises; each failed one panics.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use alloc::vec::Vec;

use vellum_guest_rt::{commit, entry};

entry!(main);

fn main() {
    newest_block_is_reused_and_cleared();
    newest_block_grows_in_place();
    older_block_moves_with_its_content();
    blocks_are_aligned_and_disjoint();
    too_much_is_refused();
    commit(b"done");
}

fn newest_block_is_reused_and_cleared() {
    let layout = Layout::new::<[u8; 100]>();
    // SAFETY: the layout is not empty; every block is freed with its own layout.
    unsafe {
        let first = alloc(layout);
        first.write_bytes(0xaa, 100);
        dealloc(first, layout);
        let larger = Layout::new::<[u8; 200]>();
        let second = alloc_zeroed(larger);
        assert_eq!(first, second);
        assert_eq!(second.cast::<[u8; 200]>().read(), [0; 200]);
        dealloc(second, larger);
    }
}

fn newest_block_grows_in_place() {
    let mut numbers = Vec::with_capacity(1);
    numbers.push(1u64);
    let start = numbers.as_ptr();
    numbers.extend(2..=1000);
    assert_eq!(numbers.as_ptr(), start);
    assert!(numbers.iter().copied().eq(1..=1000));
    numbers.truncate(1);
    numbers.shrink_to_fit();
    let next = Vec::<u64>::with_capacity(1);
    assert_eq!(next.as_ptr(), start.wrapping_add(1));
}

fn older_block_moves_with_its_content() {
    let (small, large) = (Layout::new::<[u8; 10]>(), Layout::new::<[u8; 20]>());
    // SAFETY: the layouts are not empty; every block is freed or moved with its own layout.
    unsafe {
        let older = alloc(small);
        older.write_bytes(7, 10);
        let newer = alloc_zeroed(small);
        assert_eq!(realloc(older, small, 5), older);
        let moved = realloc(older, small, 20);
        assert_ne!(moved, older);
        assert_eq!(moved.cast::<[u8; 10]>().read(), [7; 10]);
        moved.write_bytes(8, 20);
        assert_eq!(newer.cast::<[u8; 10]>().read(), [0; 10]);
        dealloc(moved, large);
    }
}

fn blocks_are_aligned_and_disjoint() {
    let mut end = 0;
    for exponent in 0..13 {
        let layout = Layout::from_size_align(3, 1 << exponent).expect("a layout");
        // SAFETY: the layout is not empty.
        let start = unsafe { alloc(layout) }.addr();
        assert_eq!(start % (1 << exponent), 0);
        assert!(start >= end);
        end = start + 3;
    }
}

fn too_much_is_refused() {
    for bytes in [1 << 31, 1 << 40, isize::MAX as usize] {
        assert!(Vec::<u8>::new().try_reserve_exact(bytes).is_err());
    }
    let mut most = Vec::<u8>::new();
    most.try_reserve_exact(1 << 30).expect("a large block fits");
    assert!(most.try_reserve_exact(1 << 31).is_err());
    assert!(Vec::<u8>::new().try_reserve_exact(1 << 30).is_err());
}
