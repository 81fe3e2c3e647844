// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Slices of C's pointer and length; no bytes may be at a null pointer.

/// # Safety
/// `n` bytes at `data` can be read while the slice lives.
pub unsafe fn input<'a>(data: *const u8, n: usize) -> &'a [u8] {
    if n == 0 {
        return &[];
    }
    std::slice::from_raw_parts(data, n)
}

/// # Safety
/// `n` bytes at `data` can be read and written while the slice lives.
pub unsafe fn output<'a>(data: *mut u8, n: usize) -> &'a mut [u8] {
    if n == 0 {
        return &mut [];
    }
    std::slice::from_raw_parts_mut(data, n)
}
