// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The crate ringbuf: a ring of fixed capacity in the shared memory, with ends
//! that cache the other side's index.

use crate::abi::{batch, Peer, BULK, RING};
use crate::at;
use crate::loops::{Queue, Receiver, Sender};
use crate::message::{Message, Sink, Source};
use core::ffi::{c_int, c_void};
use core::marker::PhantomData;
use ringbuf::traits::{Consumer, Producer};
use ringbuf::{CachingCons, CachingProd, StaticRb};

pub static PEERS: &[Peer] = &[
    Peer::new(c"ringbuf", c"ringbuf 0.6.0: try_push, try_pop", RING, true, at!(One)),
    Peer::new(c"ringbuf-bulk", c"ringbuf 0.6.0: push_slice, pop_slice", BULK, false, at!(Bulk)),
];

type Prod<M, const CAPACITY: usize> = CachingProd<&'static StaticRb<M, CAPACITY>>;
type Cons<M, const CAPACITY: usize> = CachingCons<&'static StaticRb<M, CAPACITY>>;

macro_rules! queue {
    ($name:ident, $batch:expr, $sender:ident, $receiver:ident) => {
        struct $name<M, const CAPACITY: usize>(PhantomData<M>);
        struct $sender<M: Message, const CAPACITY: usize>(Prod<M, CAPACITY>);
        struct $receiver<M: Message, const CAPACITY: usize>(Cons<M, CAPACITY>);

        impl<M: Message, const CAPACITY: usize> Queue<M> for $name<M, CAPACITY> {
            const BYTES: usize = core::mem::size_of::<StaticRb<M, CAPACITY>>();
            const BATCH: usize = $batch(M::N);
            type Sender = $sender<M, CAPACITY>;
            type Receiver = $receiver<M, CAPACITY>;

            unsafe fn create(memory: *mut c_void) -> c_int {
                core::ptr::write(memory as *mut StaticRb<M, CAPACITY>, StaticRb::default());
                0
            }
            unsafe fn sender(memory: *mut c_void) -> Self::Sender {
                $sender(CachingProd::new(&*(memory as *const StaticRb<M, CAPACITY>)))
            }
            unsafe fn receiver(memory: *mut c_void) -> Self::Receiver {
                $receiver(CachingCons::new(&*(memory as *const StaticRb<M, CAPACITY>)))
            }
        }
    };
}

const fn one(_: usize) -> usize {
    1
}

queue!(One, one, OneSender, OneReceiver);
queue!(Bulk, batch, BulkSender, BulkReceiver);

impl<M: Message, const CAPACITY: usize> Sender<M> for OneSender<M, CAPACITY> {
    fn send(&mut self, source: &mut Source<M>, _: usize) -> usize {
        if self.0.try_push(source.next(1)[0]).is_err() {
            return 0;
        }
        source.sent(1);
        1
    }
}

impl<M: Message, const CAPACITY: usize> Receiver<M> for OneReceiver<M, CAPACITY> {
    fn receive(&mut self, sink: &mut Sink<M>, _: usize) -> usize {
        match self.0.try_pop() {
            Some(message) => {
                sink.buffer()[0] = message;
                sink.take(1);
                1
            }
            None => 0,
        }
    }
}

impl<M: Message, const CAPACITY: usize> Sender<M> for BulkSender<M, CAPACITY> {
    fn send(&mut self, source: &mut Source<M>, most: usize) -> usize {
        let n = self.0.push_slice(source.next(most));
        source.sent(n);
        n
    }
}

impl<M: Message, const CAPACITY: usize> Receiver<M> for BulkReceiver<M, CAPACITY> {
    fn receive(&mut self, sink: &mut Sink<M>, most: usize) -> usize {
        let buffer = sink.buffer();
        let most = most.min(buffer.len());
        let n = self.0.pop_slice(&mut buffer[..most]);
        sink.take(n);
        n
    }
}
