// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! heapless' box_pool, for the benchmark in C++. Blocks are not initialised, as
//! the other peers' are not.

use core::hint::black_box;
use core::mem::MaybeUninit;
use heapless::{
    box_pool,
    pool::boxed::{Box as PoolBox, BoxBlock},
};

type Block = MaybeUninit<[u64; 8]>;

box_pool!(Pool: Block);

/// Gives the pool `n` blocks. Once.
#[no_mangle]
pub extern "C" fn bench_heapless_grow(n: usize) {
    for _ in 0..n {
        let block: &'static mut BoxBlock<Block> = Box::leak(Box::new(BoxBlock::new()));
        Pool.manage(block);
    }
}

/// Allocates and frees `rounds` times `batch` blocks.
#[no_mangle]
pub extern "C" fn bench_heapless_run(rounds: u64, batch: usize) {
    if batch == 1 {
        for _ in 0..rounds {
            if let Ok(mut block) = Pool.alloc(MaybeUninit::uninit()) {
                black_box(block.as_mut_ptr());
            }
        }
        return;
    }
    let mut held: [Option<PoolBox<Pool>>; 16] = Default::default();
    for _ in 0..rounds {
        for slot in held.iter_mut() {
            *slot = Pool.alloc(MaybeUninit::uninit()).ok();
            if let Some(block) = slot {
                black_box(block.as_mut_ptr());
            }
        }
        for slot in held.iter_mut() {
            *slot = None;
        }
    }
}
