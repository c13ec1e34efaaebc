//! A bump allocator: a program runs once and exits, so memory is handed out upwards and rarely taken back.
//!
//! Only the newest block is returned on free and grown or shrunk in place, which serves a vector that is being
//! filled. The machine's memory is zero at the start, so only memory handed out before is ever cleared.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use vellum_isa::map::STACK_TOP;

/// Address space kept for the stack; the heap ends below it.
const STACK_BYTES: u64 = 1 << 28;
const HEAP_END: usize = (STACK_TOP - STACK_BYTES) as usize;

#[global_allocator]
static HEAP: Heap = Heap { next: AtomicUsize::new(0), touched: AtomicUsize::new(0) };

/// Atomics because a static must be `Sync`; with relaxed order they are plain loads and stores.
struct Heap {
    /// Address of the first free byte.
    next: AtomicUsize,
    /// The highest `next` ever was: everything from here on is still zero.
    touched: AtomicUsize,
}

/// Starts the heap where the memory image ends. Runs before anything is allocated.
pub(crate) fn init() {
    unsafe extern "C" {
        /// Defined by the linker.
        static _end: u8;
    }
    let image_end = (&raw const _end).expose_provenance();
    HEAP.next.store(image_end, Relaxed);
    HEAP.touched.store(image_end, Relaxed);
}

impl Heap {
    /// Makes `size` bytes from `start` on the newest block; false if the heap does not reach that far.
    fn take(&self, start: usize, size: usize) -> bool {
        if size > HEAP_END.saturating_sub(start) {
            return false;
        }
        let end = start + size;
        self.next.store(end, Relaxed);
        if end > self.touched.load(Relaxed) {
            self.touched.store(end, Relaxed);
        }
        true
    }

    fn is_newest(&self, block: *mut u8, size: usize) -> bool {
        block.addr() + size == self.next.load(Relaxed)
    }
}

// SAFETY: blocks lie between the image and the stack and do not overlap, because `next` only moves down when the
// newest block is freed or shrunk.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Whole dwords are cheap to copy.
        let start = self.next.load(Relaxed).next_multiple_of(layout.align().max(8));
        if self.take(start, layout.size()) {
            ptr::with_exposed_provenance_mut(start)
        } else {
            ptr::null_mut()
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let touched = self.touched.load(Relaxed);
        // SAFETY: the caller's promise.
        let block = unsafe { self.alloc(layout) };
        if !block.is_null() {
            let dirty = touched.saturating_sub(block.addr()).min(layout.size());
            // SAFETY: inside the new block.
            unsafe { block.write_bytes(0, dirty) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if self.is_newest(block, layout.size()) {
            self.next.store(block.addr(), Relaxed);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if self.is_newest(block, layout.size()) {
            return if self.take(block.addr(), new_size) { block } else { ptr::null_mut() };
        }
        if new_size <= layout.size() {
            return block;
        }
        // SAFETY: the caller vouches that the new size, rounded up to the alignment, is a valid layout.
        let new = unsafe { self.alloc(Layout::from_size_align_unchecked(new_size, layout.align())) };
        if !new.is_null() {
            // SAFETY: both blocks are at least this long and do not overlap.
            unsafe { new.copy_from_nonoverlapping(block, layout.size()) };
        }
        new
    }
}
