// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The byte queue of the crate shared-mem-queue.

use crate::abi::{batch, Peer, CRATE};
use crate::at;
use crate::loops::{Queue, Receiver, Sender};
use crate::message::{Message, Sink, Source};
use core::ffi::{c_int, c_void};
use core::marker::PhantomData;
use shared_mem_queue::byte_queue::ByteQueue;

pub static PEERS: &[Peer] = &[
    Peer::new(
        c"crate-bytes",
        c"shared-mem-queue 0.4.0 ByteQueue: write_or_fail, consume_or_fail",
        CRATE,
        true,
        at!(One),
    ),
    Peer::new(
        c"crate-bulk",
        c"the same: an array of messages in one write_or_fail, consume_or_fail",
        CRATE,
        false,
        at!(Bulk),
    ),
];

/// As much room as our queue has.
pub const fn queue_bytes(frame: usize, count: usize) -> usize {
    8 + ((frame * count + 1 + 7) & !7)
}

macro_rules! queue {
    ($name:ident, $batch:expr, $end:ident) => {
        struct $name<M, const CAPACITY: usize>(PhantomData<M>);
        struct $end(ByteQueue);

        impl<M: Message, const CAPACITY: usize> Queue<M> for $name<M, CAPACITY> {
            const BYTES: usize = queue_bytes(M::N, CAPACITY);
            const BATCH: usize = $batch(M::N);
            type Sender = $end;
            type Receiver = $end;

            unsafe fn create(memory: *mut c_void) -> c_int {
                ByteQueue::create(memory as *mut u8, Self::BYTES);
                0
            }
            unsafe fn sender(memory: *mut c_void) -> $end {
                $end(ByteQueue::attach(memory as *mut u8, Self::BYTES))
            }
            unsafe fn receiver(memory: *mut c_void) -> $end {
                $end(ByteQueue::attach(memory as *mut u8, Self::BYTES))
            }
        }
    };
}

const fn one(_: usize) -> usize {
    1
}

queue!(One, one, OneEnd);
queue!(Bulk, batch, BulkEnd);

impl<M: Message> Sender<M> for OneEnd {
    fn send(&mut self, source: &mut Source<M>, _: usize) -> usize {
        if self.0.write_or_fail(source.next(1)[0].bytes()).is_err() {
            return 0;
        }
        source.sent(1);
        1
    }
}

impl<M: Message> Receiver<M> for OneEnd {
    fn receive(&mut self, sink: &mut Sink<M>, _: usize) -> usize {
        if self.0.consume_or_fail(sink.buffer()[0].bytes_mut()).is_err() {
            return 0;
        }
        sink.take(1);
        1
    }
}

impl<M: Message> Sender<M> for BulkEnd {
    fn send(&mut self, source: &mut Source<M>, most: usize) -> usize {
        if self.0.write_or_fail(bytes_of(source.next(most))).is_err() {
            return 0;
        }
        source.sent(most);
        most
    }
}

impl<M: Message> Receiver<M> for BulkEnd {
    fn receive(&mut self, sink: &mut Sink<M>, most: usize) -> usize {
        // Whole messages are written, but half of one may be seen: the crate
        // publishes as it copies.
        let buffer = sink.buffer();
        let most = most.min(buffer.len());
        let n = most.min(self.0.size() / M::N);
        if n == 0 || self.0.consume_or_fail(bytes_of_mut(&mut buffer[..n])).is_err() {
            return 0;
        }
        sink.take(n);
        n
    }
}

// Messages are arrays of bytes without gaps.
fn bytes_of<M: Message>(messages: &[M]) -> &[u8] {
    unsafe { core::slice::from_raw_parts(messages.as_ptr() as *const u8, messages.len() * M::N) }
}

fn bytes_of_mut<M: Message>(messages: &mut [M]) -> &mut [u8] {
    unsafe {
        core::slice::from_raw_parts_mut(messages.as_mut_ptr() as *mut u8, messages.len() * M::N)
    }
}
