// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `abi.h`, in Rust.

use core::ffi::{c_char, c_int, c_void, CStr};

/// Messages that a queue has room for.
pub const fn capacity(n: usize) -> usize {
    262144 / n
}

/// Most messages in one transfer of a peer that can batch.
pub const fn batch(n: usize) -> usize {
    if n >= 16384 {
        1
    } else if 16384 / n > 64 {
        64
    } else {
        16384 / n
    }
}

#[repr(C)]
pub struct Waiter {
    policy: u32,
    pad: u32,
    empty_looks: u64,
    full_looks: u64,
}

extern "C" {
    pub fn bench_wait_empty(waiter: *mut Waiter);
    pub fn bench_wait_full(waiter: *mut Waiter);
    pub fn bench_ticks() -> u64;
}

#[repr(C)]
pub struct Run {
    pub first: u64,
    pub count: u64,
    pub waiter: Waiter,
    pub ticks: *mut u64,
    pub bad: u64,
}

#[repr(C)]
pub struct Ops {
    pub bytes: u64,
    pub create: unsafe extern "C" fn(*mut c_void) -> c_int,
    pub sender: unsafe extern "C" fn(*mut c_void) -> *mut c_void,
    pub receiver: unsafe extern "C" fn(*mut c_void) -> *mut c_void,
    pub send: unsafe extern "C" fn(*mut c_void, *mut Run),
    pub receive: unsafe extern "C" fn(*mut c_void, *mut Run),
    pub ping: unsafe extern "C" fn(*mut c_void, *mut c_void, *mut Run),
    pub pong: unsafe extern "C" fn(*mut c_void, *mut c_void, *mut Run),
}

pub const CRATE: u32 = 1;
pub const RING: u32 = 2;
pub const BULK: u32 = 3;

#[repr(C)]
pub struct Peer {
    name: *const c_char,
    note: *const c_char,
    kind: u32,
    round_trip: u32,
    at: extern "C" fn(u32) -> *const Ops,
}

// Nothing in it ever changes.
unsafe impl Sync for Peer {}

impl Peer {
    pub const fn new(
        name: &'static CStr,
        note: &'static CStr,
        kind: u32,
        round_trip: bool,
        at: extern "C" fn(u32) -> *const Ops,
    ) -> Peer {
        Peer { name: name.as_ptr(), note: note.as_ptr(), kind, round_trip: round_trip as u32, at }
    }
}
