// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What an operation answers, as in `crate.h`.
use shared_mem_queue::msg_queue::MqError;
use std::convert::Infallible;
use std::panic::{catch_unwind, set_hook, AssertUnwindSafe};
use std::sync::Once;

pub const OK: i64 = 0;
pub const WOULD_BLOCK: i64 = 1;
pub const FULL: i64 = 2;
pub const EMPTY: i64 = 3;
pub const CRC: i64 = 4;
pub const TOO_BIG: i64 = 5;
pub const VERSION: i64 = 6;
pub const PANIC: i64 = -1;

pub fn of_bytes(result: nb::Result<(), Infallible>) -> i64 {
    match result {
        Ok(()) => OK,
        Err(nb::Error::WouldBlock) => WOULD_BLOCK,
        Err(nb::Error::Other(never)) => match never {},
    }
}

pub fn of_error(error: MqError) -> i64 {
    match error {
        MqError::MqFull => FULL,
        MqError::MqEmpty => EMPTY,
        MqError::MqCrcErr => CRC,
        MqError::MqMsgTooBig => TOO_BIG,
        MqError::MqWrongProtocolVersion => VERSION,
    }
}

/// Runs `f`; a panic of it becomes `on_panic`, without a word on the terminal.
pub fn guarded<T>(on_panic: T, f: impl FnOnce() -> T) -> T {
    static SILENT: Once = Once::new();
    SILENT.call_once(|| set_hook(Box::new(|_| {})));
    catch_unwind(AssertUnwindSafe(f)).unwrap_or(on_panic)
}
