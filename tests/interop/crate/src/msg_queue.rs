// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `crate_msgs_*`: every operation of the crate's `MsgQueue`, with a prefix and
//! a receive buffer chosen at run time.
//!
//! # Safety
//! As in `byte_queue.rs`.
#![allow(clippy::missing_safety_doc)]
use crate::code::{guarded, of_error, OK, PANIC};
use crate::slices::{input, output};
use shared_mem_queue::byte_queue::ByteQueue;
use shared_mem_queue::msg_queue::{MqError, MsgQueue};
use std::ptr::null_mut;

/// A queue whose receive buffer is of some size.
trait Messages {
    fn write_or_fail(&mut self, data: &[u8]) -> Result<(), MqError>;
    fn write_blocking(&mut self, data: &[u8]) -> Result<(), MqError>;
    fn read_or_fail(&mut self) -> Result<&[u8], MqError>;
    fn read_blocking(&mut self) -> Result<&[u8], MqError>;
}

impl<const LEN: usize> Messages for MsgQueue<'static, LEN> {
    fn write_or_fail(&mut self, data: &[u8]) -> Result<(), MqError> {
        MsgQueue::write_or_fail(self, data)
    }
    fn write_blocking(&mut self, data: &[u8]) -> Result<(), MqError> {
        MsgQueue::write_blocking(self, data)
    }
    fn read_or_fail(&mut self) -> Result<&[u8], MqError> {
        MsgQueue::read_or_fail(self)
    }
    fn read_blocking(&mut self) -> Result<&[u8], MqError> {
        MsgQueue::read_blocking(self)
    }
}

/// The buffer's size is part of the queue's type: those that `crate.h` lists.
macro_rules! with_buffer {
    ($queue:expr, $prefix:expr, $wanted:expr, [$($len:literal)*]) => {
        match $wanted {
            $($len => Box::new(MsgQueue::new($queue, $prefix, [0u8; $len])) as Box<dyn Messages>,)*
            _ => panic!("no buffer of this size"),
        }
    };
}

pub struct Handle {
    queue: Box<dyn Messages>,
    prefix: *mut [u8],
}

impl Drop for Handle {
    fn drop(&mut self) {
        // The queue looks at its prefix only when it is called.
        unsafe { drop(Box::from_raw(self.prefix)) };
    }
}

#[no_mangle]
pub unsafe extern "C" fn crate_msgs_attach(
    memory: *mut u8,
    length: usize,
    prefix: *const u8,
    prefix_length: usize,
    buffer: usize,
) -> *mut Handle {
    guarded(null_mut(), || {
        let prefix = Box::into_raw(Box::<[u8]>::from(input(prefix, prefix_length)));
        let queue = with_buffer!(
            ByteQueue::attach(memory, length),
            &*prefix,
            buffer,
            [20 29 31 40 60 63 96 127 249 255 256 999 1023 4092 4095 65535]
        );
        Box::into_raw(Box::new(Handle { queue, prefix }))
    })
}

#[no_mangle]
pub unsafe extern "C" fn crate_msgs_free(q: *mut Handle) {
    drop(Box::from_raw(q));
}

fn written(f: impl FnOnce() -> Result<(), MqError>) -> i64 {
    guarded(PANIC, || f().map_or_else(of_error, |()| OK))
}

#[no_mangle]
pub unsafe extern "C" fn crate_msgs_write_or_fail(
    q: &mut Handle,
    data: *const u8,
    n: usize,
) -> i64 {
    written(|| q.queue.write_or_fail(input(data, n)))
}

#[no_mangle]
pub unsafe extern "C" fn crate_msgs_write_blocking(
    q: &mut Handle,
    data: *const u8,
    n: usize,
) -> i64 {
    written(|| q.queue.write_blocking(input(data, n)))
}

/// Copies a message out, as much as there is room for, and tells its length.
unsafe fn read<'a>(
    f: impl FnOnce() -> Result<&'a [u8], MqError>,
    to: *mut u8,
    room: usize,
    length: *mut usize,
) -> i64 {
    guarded(PANIC, || match f() {
        Ok(data) => {
            let n = data.len().min(room);
            output(to, n).copy_from_slice(&data[..n]);
            length.write(data.len());
            OK
        }
        Err(error) => of_error(error),
    })
}

#[no_mangle]
pub unsafe extern "C" fn crate_msgs_read_or_fail(
    q: &mut Handle,
    to: *mut u8,
    room: usize,
    length: *mut usize,
) -> i64 {
    read(|| q.queue.read_or_fail(), to, room, length)
}

#[no_mangle]
pub unsafe extern "C" fn crate_msgs_read_blocking(
    q: &mut Handle,
    to: *mut u8,
    room: usize,
    length: *mut usize,
) -> i64 {
    read(|| q.queue.read_blocking(), to, room, length)
}
