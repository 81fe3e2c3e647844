// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The crate rtrb. It allocates its ring, so that is made in the shared memory.

use crate::abi::{batch, Peer, BULK, RING};
use crate::arena;
use crate::at;
use crate::loops::{Queue, Receiver, Sender};
use crate::message::{Message, Sink, Source};
use core::ffi::{c_int, c_void};
use core::marker::PhantomData;
use rtrb::{Consumer, Producer, RingBuffer};

pub static PEERS: &[Peer] = &[
    Peer::new(c"rtrb", c"rtrb 0.4.1: push, pop", RING, true, at!(One)),
    Peer::new(
        c"rtrb-bulk",
        c"rtrb 0.4.1: push_partial_slice, pop_partial_slice",
        BULK,
        false,
        at!(Bulk),
    ),
];

const HEADER: usize = 4096;

/// What create() leaves for the two processes at the start of the memory.
struct Ends<M> {
    producer: Producer<M>,
    consumer: Consumer<M>,
}

unsafe fn create<M: Message>(memory: *mut c_void, bytes: usize, capacity: usize) -> c_int {
    let (producer, consumer) =
        arena::within(memory.add(HEADER), bytes - HEADER, || RingBuffer::new(capacity));
    core::ptr::write(memory as *mut Ends<M>, Ends { producer, consumer });
    0
}

macro_rules! queue {
    ($name:ident, $batch:expr, $sender:ident, $receiver:ident) => {
        struct $name<M, const CAPACITY: usize>(PhantomData<M>);
        struct $sender<M>(Producer<M>);
        struct $receiver<M>(Consumer<M>);

        impl<M: Message, const CAPACITY: usize> Queue<M> for $name<M, CAPACITY> {
            // The header, the ring's own, and what alignment takes.
            const BYTES: usize = 2 * HEADER + M::N * CAPACITY;
            const BATCH: usize = $batch(M::N);
            type Sender = $sender<M>;
            type Receiver = $receiver<M>;

            unsafe fn create(memory: *mut c_void) -> c_int {
                create::<M>(memory, Self::BYTES, CAPACITY)
            }
            unsafe fn sender(memory: *mut c_void) -> $sender<M> {
                $sender(core::ptr::read(&(*(memory as *mut Ends<M>)).producer))
            }
            unsafe fn receiver(memory: *mut c_void) -> $receiver<M> {
                $receiver(core::ptr::read(&(*(memory as *mut Ends<M>)).consumer))
            }
        }
    };
}

const fn one(_: usize) -> usize {
    1
}

queue!(One, one, OneSender, OneReceiver);
queue!(Bulk, batch, BulkSender, BulkReceiver);

impl<M: Message> Sender<M> for OneSender<M> {
    fn send(&mut self, source: &mut Source<M>, _: usize) -> usize {
        if self.0.push(source.next(1)[0]).is_err() {
            return 0;
        }
        source.sent(1);
        1
    }
}

impl<M: Message> Receiver<M> for OneReceiver<M> {
    fn receive(&mut self, sink: &mut Sink<M>, _: usize) -> usize {
        match self.0.pop() {
            Ok(message) => {
                sink.buffer()[0] = message;
                sink.take(1);
                1
            }
            Err(_) => 0,
        }
    }
}

impl<M: Message> Sender<M> for BulkSender<M> {
    fn send(&mut self, source: &mut Source<M>, most: usize) -> usize {
        let n = self.0.push_partial_slice(source.next(most)).0.len();
        source.sent(n);
        n
    }
}

impl<M: Message> Receiver<M> for BulkReceiver<M> {
    fn receive(&mut self, sink: &mut Sink<M>, most: usize) -> usize {
        let buffer = sink.buffer();
        let most = most.min(buffer.len());
        let n = self.0.pop_partial_slice(&mut buffer[..most]).0.len();
        sink.take(n);
        n
    }
}
