// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Peers that are Rust crates, for the harness in C++. A peer is a file here and
//! a line in `PEERS`.

mod abi;
mod arena;
mod loops;
mod message;

mod crate_bytes;
mod crate_msgs;
mod ring_buf;
mod rtrb_ring;

use abi::Peer;

static PEERS: &[&[Peer]] = &[
    crate_bytes::PEERS,
    crate_msgs::PEERS,
    rtrb_ring::PEERS,
    ring_buf::PEERS,
];

/// The peer number `index`; null after the last.
#[no_mangle]
pub extern "C" fn bench_rust_peer(index: usize) -> *const Peer {
    match PEERS.iter().flat_map(|file| file.iter()).nth(index) {
        Some(peer) => peer,
        None => core::ptr::null(),
    }
}
