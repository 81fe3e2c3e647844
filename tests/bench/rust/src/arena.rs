// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Rings that live on the heap, in shared memory instead: while `within` runs,
//! what Rust code allocates comes from there. Both processes see the memory at
//! the same address, so pointers into it hold in both.

use core::ffi::c_void;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::alloc::{GlobalAlloc, Layout, System};

struct Arena;

#[global_allocator]
static ARENA: Arena = Arena;

static NEXT: AtomicUsize = AtomicUsize::new(0); // 0: none
static END: AtomicUsize = AtomicUsize::new(0);

/// `f` allocates from `bytes` bytes at `memory`, and must free nothing of it.
pub fn within<T>(memory: *mut c_void, bytes: usize, f: impl FnOnce() -> T) -> T {
    END.store(memory as usize + bytes, Relaxed);
    NEXT.store(memory as usize, Relaxed);
    let result = f();
    NEXT.store(0, Relaxed);
    result
}

unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let next = NEXT.load(Relaxed);
        if next == 0 {
            return System.alloc(layout);
        }
        let start = (next + layout.align() - 1) & !(layout.align() - 1);
        let end = start + layout.size();
        if end > END.load(Relaxed) {
            return core::ptr::null_mut();
        }
        NEXT.store(end, Relaxed);
        start as *mut u8
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        System.dealloc(block, layout)
    }
}
