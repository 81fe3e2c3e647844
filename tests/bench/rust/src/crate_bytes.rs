// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The byte queue of the crate shared-mem-queue.

use crate::abi::{Peer, CRATE};
use crate::at;
use crate::loops::{Queue, Receiver, Sender};
use crate::message::{Message, Sink, Source};
use core::ffi::{c_int, c_void};
use core::marker::PhantomData;
use shared_mem_queue::byte_queue::ByteQueue;

pub static PEERS: &[Peer] = &[Peer::new(
    c"crate-bytes",
    c"shared-mem-queue 0.4.0 ByteQueue: write_or_fail, consume_or_fail",
    CRATE,
    true,
    at!(Bytes),
)];

/// As much room as our queue has.
pub const fn queue_bytes(frame: usize, count: usize) -> usize {
    8 + ((frame * count + 1 + 7) & !7)
}

struct Bytes<M, const CAPACITY: usize>(PhantomData<M>);

impl<M: Message, const CAPACITY: usize> Queue<M> for Bytes<M, CAPACITY> {
    const BYTES: usize = queue_bytes(M::N, CAPACITY);
    const BATCH: usize = 1;
    type Sender = ByteQueue;
    type Receiver = ByteQueue;

    unsafe fn create(memory: *mut c_void) -> c_int {
        ByteQueue::create(memory as *mut u8, Self::BYTES);
        0
    }
    unsafe fn sender(memory: *mut c_void) -> ByteQueue {
        ByteQueue::attach(memory as *mut u8, Self::BYTES)
    }
    unsafe fn receiver(memory: *mut c_void) -> ByteQueue {
        ByteQueue::attach(memory as *mut u8, Self::BYTES)
    }
}

impl<M: Message> Sender<M> for ByteQueue {
    fn send(&mut self, source: &mut Source<M>, _: usize) -> usize {
        if self.write_or_fail(source.next(1)[0].bytes()).is_err() {
            return 0;
        }
        source.sent(1);
        1
    }
}

impl<M: Message> Receiver<M> for ByteQueue {
    fn receive(&mut self, sink: &mut Sink<M>, _: usize) -> usize {
        if self.consume_or_fail(sink.buffer()[0].bytes_mut()).is_err() {
            return 0;
        }
        sink.take(1);
        1
    }
}
