// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The message queue of the crate shared-mem-queue.

use crate::abi::{Peer, CRATE};
use crate::at;
use crate::crate_bytes::queue_bytes;
use crate::loops::{Queue, Receiver, Sender};
use crate::message::{Message, Sink, Source};
use core::ffi::{c_int, c_void};
use core::marker::PhantomData;
use shared_mem_queue::byte_queue::ByteQueue;
use shared_mem_queue::msg_queue::{MqError, MsgQueue};

pub static PEERS: &[Peer] = &[Peer::new(
    c"crate-msgs",
    c"shared-mem-queue 0.4.0 MsgQueue: write_or_fail, read_or_fail",
    CRATE,
    true,
    at!(Msgs, OVERHEAD),
)];

const PREFIX: &[u8] = b"SHMQ";
const OVERHEAD: usize = PREFIX.len() + 13;

/// With a buffer for one frame: it moves what else it has read for each message.
type Q<const FRAME: usize> = MsgQueue<'static, FRAME>;

struct Msgs<M, const CAPACITY: usize, const FRAME: usize>(PhantomData<M>);

impl<M: Message, const CAPACITY: usize, const FRAME: usize> Queue<M> for Msgs<M, CAPACITY, FRAME> {
    const BYTES: usize = queue_bytes(FRAME, CAPACITY);
    const BATCH: usize = 1;
    type Sender = Box<Q<FRAME>>;
    type Receiver = Box<Q<FRAME>>;

    unsafe fn create(memory: *mut c_void) -> c_int {
        ByteQueue::create(memory as *mut u8, Self::BYTES);
        0
    }
    unsafe fn sender(memory: *mut c_void) -> Box<Q<FRAME>> {
        let bytes = ByteQueue::attach(memory as *mut u8, Self::BYTES);
        Box::new(MsgQueue::new(bytes, PREFIX, [0; FRAME]))
    }
    unsafe fn receiver(memory: *mut c_void) -> Box<Q<FRAME>> {
        Self::sender(memory)
    }
}

impl<M: Message, const FRAME: usize> Sender<M> for Box<Q<FRAME>> {
    fn send(&mut self, source: &mut Source<M>, _: usize) -> usize {
        match self.write_or_fail(source.next(1)[0].bytes()) {
            Ok(()) => {
                source.sent(1);
                1
            }
            Err(MqError::MqFull) => 0,
            Err(error) => panic!("{error}"),
        }
    }
}

impl<M: Message, const FRAME: usize> Receiver<M> for Box<Q<FRAME>> {
    fn receive(&mut self, sink: &mut Sink<M>, _: usize) -> usize {
        match self.read_or_fail() {
            Ok(data) => {
                sink.take_slice(data);
                1
            }
            Err(MqError::MqEmpty) => 0,
            Err(error) => panic!("{error}"),
        }
    }
}
