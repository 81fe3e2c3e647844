// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What hands out blocks of 64 bytes.
#ifndef BENCH_POOL_PEERS_HPP
#define BENCH_POOL_PEERS_HPP

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bench {

inline constexpr unsigned pool_batch = 16;
inline constexpr std::uint32_t pool_blocks = 4096;

struct PoolPeer {
    std::string name;
    /// Allocates and frees `rounds` times one block, or a batch of 16.
    std::function<void(std::uint64_t rounds, bool batches)> run;
};

/// Makes each peer's pool, once.
std::vector<PoolPeer> pool_peers();

} // namespace bench

#endif // BENCH_POOL_PEERS_HPP
