// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What our own peers have in common.
#ifndef BENCH_PEERS_SHMQ_HPP
#define BENCH_PEERS_SHMQ_HPP

#include "../peer.hpp"

#include <shmq/byte_queue.hpp>
#include <shmq/msg_queue.hpp>

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>

namespace bench {

/// Bytes of a queue that has room for as many frames as every other peer has
/// elements: the positions, the frames, and the byte that stays spare.
constexpr std::size_t queue_bytes(std::size_t frame, std::size_t count) {
    return SHMQ_QUEUE_HEADER + ((frame * count + 1 + 7) & ~std::size_t{7});
}

inline std::span<std::byte> memory_of(void* memory, std::size_t bytes) {
    return {static_cast<std::byte*>(memory), bytes};
}

[[gnu::cold, gnu::noinline]] inline bool nothing_but(shmq::Status s, shmq::Status nothing) {
    if (s != nothing)
        throw std::runtime_error(shmq::to_string(s));
    return false;
}

/// True: done. False: it was `nothing`, which is Full or Empty.
[[gnu::always_inline]] inline bool done(shmq::Status s, shmq::Status nothing) {
    return s == shmq::Status::Ok || nothing_but(s, nothing);
}

inline int create_shmq(void* memory, std::size_t bytes) {
    shmq::create_queue(memory_of(memory, bytes));
    return 0;
}

template <std::size_t N>
std::span<std::byte, N> bytes_of(Message<N>& m) {
    return m.bytes;
}

template <std::size_t N>
shmq::Bytes bytes_of(const Message<N>& m) {
    return {m.bytes, N};
}

} // namespace bench

#endif // BENCH_PEERS_SHMQ_HPP
