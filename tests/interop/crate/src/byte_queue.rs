// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `crate_bytes_*`: every operation of the crate's `ByteQueue`.
//!
//! # Safety
//! Of all of them: the queue is one that `create` or `attach` returned, and the
//! pointers are good for as many bytes as are said to be there.
#![allow(clippy::missing_safety_doc)]
use crate::code::{guarded, of_bytes, OK, PANIC};
use crate::slices::{input, output};
use shared_mem_queue::byte_queue::ByteQueue;
use std::fmt::Write;
use std::ptr::null_mut;

fn boxed(make: impl FnOnce() -> ByteQueue) -> *mut ByteQueue {
    guarded(null_mut(), || Box::into_raw(Box::new(make())))
}

fn count(f: impl FnOnce() -> usize) -> i64 {
    guarded(PANIC, || f() as i64)
}

fn done(f: impl FnOnce()) -> i64 {
    guarded(PANIC, || {
        f();
        OK
    })
}

#[no_mangle]
pub unsafe extern "C" fn crate_bytes_create(memory: *mut u8, length: usize) -> *mut ByteQueue {
    boxed(|| ByteQueue::create(memory, length))
}

#[no_mangle]
pub unsafe extern "C" fn crate_bytes_attach(memory: *mut u8, length: usize) -> *mut ByteQueue {
    boxed(|| ByteQueue::attach(memory, length))
}

#[no_mangle]
pub unsafe extern "C" fn crate_bytes_free(q: *mut ByteQueue) {
    drop(Box::from_raw(q));
}

#[no_mangle]
pub unsafe extern "C" fn crate_bytes_space(q: &ByteQueue) -> i64 {
    count(|| q.space())
}

#[no_mangle]
pub unsafe extern "C" fn crate_bytes_size(q: &ByteQueue) -> i64 {
    count(|| q.size())
}

#[no_mangle]
pub unsafe extern "C" fn crate_bytes_capacity(q: &ByteQueue) -> i64 {
    count(|| q.capacity())
}

#[no_mangle]
pub unsafe extern "C" fn crate_bytes_write_at_most(
    q: &mut ByteQueue,
    data: *const u8,
    n: usize,
) -> i64 {
    count(|| q.write_at_most(input(data, n)))
}

#[no_mangle]
pub unsafe extern "C" fn crate_bytes_write_or_fail(
    q: &mut ByteQueue,
    data: *const u8,
    n: usize,
) -> i64 {
    guarded(PANIC, || of_bytes(q.write_or_fail(input(data, n))))
}

#[no_mangle]
pub unsafe extern "C" fn crate_bytes_write_blocking(
    q: &mut ByteQueue,
    data: *const u8,
    n: usize,
) -> i64 {
    done(|| q.write_blocking(input(data, n)))
}

#[no_mangle]
pub unsafe extern "C" fn crate_bytes_print(q: &mut ByteQueue, text: *const u8, n: usize) -> i64 {
    done(|| {
        let text = std::str::from_utf8(input(text, n)).expect("UTF-8");
        write!(q, "{text}").expect("the formatter of the queue never fails");
    })
}

#[no_mangle]
pub unsafe extern "C" fn crate_bytes_peek_at_most(
    q: &ByteQueue,
    to: *mut u8,
    room: usize,
    n: usize,
) -> i64 {
    count(|| q.peek_at_most(output(to, room), n))
}

#[no_mangle]
pub unsafe extern "C" fn crate_bytes_peek_or_fail(q: &ByteQueue, to: *mut u8, n: usize) -> i64 {
    guarded(PANIC, || of_bytes(q.peek_or_fail(output(to, n))))
}

#[no_mangle]
pub unsafe extern "C" fn crate_bytes_peek_blocking(q: &ByteQueue, to: *mut u8, n: usize) -> i64 {
    done(|| q.peek_blocking(output(to, n)))
}

#[no_mangle]
pub unsafe extern "C" fn crate_bytes_skip_at_most(q: &mut ByteQueue, n: usize) -> i64 {
    count(|| q.skip_at_most(n))
}

#[no_mangle]
pub unsafe extern "C" fn crate_bytes_skip_or_fail(q: &mut ByteQueue, n: usize) -> i64 {
    guarded(PANIC, || of_bytes(q.skip_or_fail(n)))
}

#[no_mangle]
pub unsafe extern "C" fn crate_bytes_skip_blocking(q: &mut ByteQueue, n: usize) -> i64 {
    done(|| q.skip_blocking(n))
}

#[no_mangle]
pub unsafe extern "C" fn crate_bytes_consume_at_most(
    q: &mut ByteQueue,
    to: *mut u8,
    n: usize,
) -> i64 {
    count(|| q.consume_at_most(output(to, n)))
}

#[no_mangle]
pub unsafe extern "C" fn crate_bytes_consume_or_fail(
    q: &mut ByteQueue,
    to: *mut u8,
    n: usize,
) -> i64 {
    guarded(PANIC, || of_bytes(q.consume_or_fail(output(to, n))))
}

#[no_mangle]
pub unsafe extern "C" fn crate_bytes_consume_blocking(
    q: &mut ByteQueue,
    to: *mut u8,
    n: usize,
) -> i64 {
    done(|| q.consume_blocking(output(to, n)))
}
