// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! How a peer in Rust is written, and the loops around it; `peer.hpp` in Rust.

use crate::abi::{bench_ticks, bench_wait_empty, bench_wait_full, Ops, Run};
use crate::message::{Message, Sink, Source};
use core::ffi::{c_int, c_void};

/// Moves up to `most` messages; 0 if there is no room.
pub trait Sender<M: Message> {
    fn send(&mut self, source: &mut Source<M>, most: usize) -> usize;
}

/// Moves up to `most` messages; 0 if there is none.
pub trait Receiver<M: Message> {
    fn receive(&mut self, sink: &mut Sink<M>, most: usize) -> usize;
}

/// A queue of messages `M` in shared memory.
pub trait Queue<M: Message> {
    const BYTES: usize;
    const BATCH: usize;
    type Sender: Sender<M>;
    type Receiver: Receiver<M>;

    /// # Safety
    /// `BYTES` bytes, aligned to a page, once.
    unsafe fn create(memory: *mut c_void) -> c_int;
    /// # Safety
    /// Created; once, as `receiver`.
    unsafe fn sender(memory: *mut c_void) -> Self::Sender;
    /// # Safety
    /// Created; once, as `sender`.
    unsafe fn receiver(memory: *mut c_void) -> Self::Receiver;
}

/// An end in a local variable, whose fields the compiler may keep in registers
/// whatever happens to memory; put back afterwards.
unsafe fn with<E, T>(end: *mut c_void, f: impl FnOnce(&mut E) -> T) -> T {
    let mut local = core::ptr::read(end as *mut E);
    let result = f(&mut local);
    core::ptr::write(end as *mut E, local);
    result
}

unsafe extern "C" fn create<M: Message, Q: Queue<M>>(memory: *mut c_void) -> c_int {
    Q::create(memory)
}

unsafe extern "C" fn sender<M: Message, Q: Queue<M>>(memory: *mut c_void) -> *mut c_void {
    Box::into_raw(Box::new(Q::sender(memory))) as *mut c_void
}

unsafe extern "C" fn receiver<M: Message, Q: Queue<M>>(memory: *mut c_void) -> *mut c_void {
    Box::into_raw(Box::new(Q::receiver(memory))) as *mut c_void
}

unsafe extern "C" fn send<M: Message, Q: Queue<M>>(end: *mut c_void, run: *mut Run) {
    let run = &mut *run;
    let mut source = Source::<M>::new(run.first, Q::BATCH);
    with(end, |end: &mut Q::Sender| {
        let mut left = run.count;
        while left > 0 {
            let n = end.send(&mut source, left.min(Q::BATCH as u64) as usize);
            if n == 0 {
                bench_wait_full(&mut run.waiter);
            }
            left -= n as u64;
        }
    });
}

unsafe extern "C" fn receive<M: Message, Q: Queue<M>>(end: *mut c_void, run: *mut Run) {
    let run = &mut *run;
    let mut sink = Sink::<M>::new(run.first, Q::BATCH);
    with(end, |end: &mut Q::Receiver| {
        let mut left = run.count;
        while left > 0 {
            let n = end.receive(&mut sink, left as usize);
            if n == 0 {
                bench_wait_empty(&mut run.waiter);
            }
            left -= n as u64;
        }
    });
    run.bad = sink.bad();
}

#[inline(always)]
unsafe fn send_one<M: Message>(end: &mut impl Sender<M>, source: &mut Source<M>, run: &mut Run) {
    while end.send(source, 1) == 0 {
        bench_wait_full(&mut run.waiter);
    }
}

#[inline(always)]
unsafe fn receive_one<M: Message>(end: &mut impl Receiver<M>, sink: &mut Sink<M>, run: &mut Run) {
    while end.receive(sink, 1) == 0 {
        bench_wait_empty(&mut run.waiter);
    }
}

unsafe extern "C" fn ping<M: Message, Q: Queue<M>>(
    out: *mut c_void,
    back: *mut c_void,
    run: *mut Run,
) {
    let run = &mut *run;
    let (mut source, mut sink) = (Source::new(run.first, 1), Sink::new(run.first, 1));
    with(out, |out: &mut Q::Sender| {
        with(back, |back: &mut Q::Receiver| {
            for i in 0..run.count as usize {
                let start = bench_ticks();
                send_one(out, &mut source, run);
                receive_one(back, &mut sink, run);
                *run.ticks.add(i) = bench_ticks() - start;
            }
        })
    });
    run.bad = sink.bad();
}

unsafe extern "C" fn pong<M: Message, Q: Queue<M>>(
    out: *mut c_void,
    back: *mut c_void,
    run: *mut Run,
) {
    let run = &mut *run;
    let (mut source, mut sink) = (Source::new(run.first, 1), Sink::new(run.first, 1));
    with(out, |out: &mut Q::Sender| {
        with(back, |back: &mut Q::Receiver| {
            for _ in 0..run.count {
                receive_one(back, &mut sink, run);
                send_one(out, &mut source, run);
            }
        })
    });
    run.bad = sink.bad();
}

/// The table of a queue, which `at!` makes one of for each size.
pub const fn ops<M: Message, Q: Queue<M>>() -> Ops {
    Ops {
        bytes: Q::BYTES as u64,
        create: create::<M, Q>,
        sender: sender::<M, Q>,
        receiver: receiver::<M, Q>,
        send: send::<M, Q>,
        receive: receive::<M, Q>,
        ping: ping::<M, Q>,
        pong: pong::<M, Q>,
    }
}

/// For `Peer::new`: a function that finds the table of `$queue<M, CAPACITY>`, or
/// of `$queue<M, CAPACITY, N + $more>`.
#[macro_export]
macro_rules! at {
    ($queue:ident $(, $more:expr)?) => {
        $crate::at!(@sizes $queue ($($more)?)
            M8 8, M64 64, M256 256, M1024 1024, M4096 4096, M65536 65536)
    };
    (@sizes $queue:ident $more:tt $($m:ident $n:literal),*) => {{
        extern "C" fn at(size: u32) -> *const $crate::abi::Ops {
            match size {
                $($n => $crate::at!(@one $queue $more $m $n),)*
                _ => core::ptr::null(),
            }
        }
        at
    }};
    (@one $queue:ident ($($more:expr)?) $m:ident $n:literal) => {{
        use $crate::message::$m;
        static OPS: $crate::abi::Ops = $crate::loops::ops::<
            $m,
            $queue<$m, { $crate::abi::capacity($n) } $(, { $n + $more })?>,
        >();
        &OPS
    }};
}
