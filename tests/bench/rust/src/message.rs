// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Messages: made, and checked. See `abi.h`; the C++ peers have `message.hpp`.

use core::arch::asm;

pub trait Message: Copy + 'static {
    const N: usize;
    fn bytes(&self) -> &[u8];
    fn bytes_mut(&mut self) -> &mut [u8];

    fn blank() -> Self {
        // A message is an array of bytes.
        unsafe { core::mem::zeroed() }
    }
}

macro_rules! messages {
    ($($name:ident $n:literal $align:literal),*) => {$(
        #[derive(Clone, Copy)]
        #[repr(C, align($align))]
        pub struct $name([u8; $n]);

        impl Message for $name {
            const N: usize = $n;
            #[inline(always)]
            fn bytes(&self) -> &[u8] {
                &self.0
            }
            #[inline(always)]
            fn bytes_mut(&mut self) -> &mut [u8] {
                &mut self.0
            }
        }
    )*};
}
messages!(M8 8 8, M64 64 64, M256 256 64, M1024 1024 64, M4096 4096 64, M65536 65536 64);

/// The compiler must assume that all bytes are written and read here.
#[inline(always)]
fn touch<M: Message>(m: &mut M) {
    unsafe { asm!("/* {0} */", in(reg) m as *mut M, options(nostack, preserves_flags)) }
}

fn first_word(sequence: u64) -> u64 {
    (sequence & 0x00ff_ffff_ffff_ffff) | sequence << 56
}

/// So long before it is sent a message is made: see `message.hpp`.
const fn ahead(n: usize) -> usize {
    if n <= 1024 {
        8
    } else {
        0
    }
}

/// Where messages come from: as many as go in one transfer, and those ahead.
pub struct Source<M> {
    messages: Vec<M>,
    at: usize,
    made: usize,
    sequence: u64,
}

impl<M: Message> Source<M> {
    pub fn new(first: u64, most: usize) -> Self {
        let rows = if most == 1 { 2 * ahead(M::N) + 1 } else { most };
        Source { messages: vec![M::blank(); rows], at: 0, made: 0, sequence: first }
    }

    /// The next `n` messages; the same again until `sent`.
    #[inline(always)]
    pub fn next(&mut self, n: usize) -> &[M] {
        if n == 1 {
            return self.next_one();
        }
        for i in 0..n {
            self.make(i, self.sequence + i as u64);
        }
        self.made = 0;
        self.at = 0;
        &self.messages[..n]
    }

    #[inline(always)]
    fn next_one(&mut self) -> &[M] {
        let rows = self.messages.len();
        while self.made <= ahead(M::N).min(rows - 1) {
            let row = self.at + self.made;
            let row = if row < rows { row } else { row - rows };
            self.make(row, self.sequence + self.made as u64);
            self.made += 1;
        }
        &self.messages[self.at..self.at + 1]
    }

    #[inline(always)]
    fn make(&mut self, row: usize, sequence: u64) {
        let m = &mut self.messages[row];
        let bytes = m.bytes_mut();
        bytes[..8].copy_from_slice(&first_word(sequence).to_ne_bytes());
        if M::N > 8 {
            bytes[M::N - 1] = sequence as u8;
        }
        touch(m);
    }

    #[inline(always)]
    pub fn sent(&mut self, n: usize) {
        self.sequence += n as u64;
        if self.made >= n {
            self.made -= n;
            self.at += n;
            if self.at >= self.messages.len() {
                self.at -= self.messages.len();
            }
        }
    }
}

/// Where messages go.
pub struct Sink<M> {
    messages: Vec<M>,
    sequence: u64,
    bad: u64,
}

impl<M: Message> Sink<M> {
    pub fn new(first: u64, most: usize) -> Self {
        Sink { messages: vec![M::blank(); most], sequence: first, bad: 0 }
    }

    /// To copy messages to before `take`.
    #[inline(always)]
    pub fn buffer(&mut self) -> &mut [M] {
        &mut self.messages
    }

    /// Checks the first `n` messages in the buffer.
    #[inline(always)]
    pub fn take(&mut self, n: usize) {
        for i in 0..n {
            touch(&mut self.messages[i]);
            let m = self.messages[i];
            self.check(m.bytes());
        }
    }

    /// Checks a message in somebody else's private memory.
    #[inline(always)]
    pub fn take_slice(&mut self, data: &[u8]) {
        unsafe { asm!("/* {0} */", in(reg) data.as_ptr(), options(nostack, preserves_flags)) }
        if data.len() == M::N {
            self.check(data);
        } else {
            self.bad += 1;
        }
    }

    #[inline(always)]
    fn check(&mut self, bytes: &[u8]) {
        let word = u64::from_ne_bytes(bytes[..8].try_into().unwrap());
        if word != first_word(self.sequence) || bytes[M::N - 1] != self.sequence as u8 {
            self.bad += 1;
        }
        self.sequence += 1;
    }

    pub fn bad(&self) -> u64 {
        self.bad
    }
}
