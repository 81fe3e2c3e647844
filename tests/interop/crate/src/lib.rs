// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The queues of shared-mem-queue for C. `crate.h` says what each function does.
mod byte_queue;
mod code;
mod msg_queue;
mod slices;
