//! The allocator: mimalloc that keeps freed memory, because the tables of one shard are as large as those of the next and
//! fresh pages cost the kernel's zeroing.
#![allow(unsafe_code)]

use libmimalloc_sys::{mi_option_set, mi_option_t};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` in mimalloc.h; the bindings have no name for it. Their version is pinned.
const PURGE_DELAY: mi_option_t = 15;
/// Never.
const NO_PURGE: core::ffi::c_long = -1;

/// Turns the return of freed memory to the system off.
pub(crate) fn keep_freed_memory() {
    // SAFETY: a plain setter; called once before any other thread runs, as its documentation asks.
    unsafe { mi_option_set(PURGE_DELAY, NO_PURGE) }
}
