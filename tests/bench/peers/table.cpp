// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "table.hpp"

#include <span>

// One line a file in this folder.
#define BENCH_PEERS(X)                                                                             \
    X(shmq_bytes)                                                                                  \
    X(shmq_checked)                                                                                \
    X(shmq_plain)                                                                                  \
    X(shmq_stream)                                                                                 \
    X(boost_spsc)                                                                                  \
    X(rust)                                                                                        \
    X(pipe_fd)                                                                                     \
    X(seqpacket)                                                                                   \
    X(posix_mq)                                                                                    \
    X(limits)

namespace bench {

#define BENCH_DECLARE(name) std::span<const bench_peer> name();
BENCH_PEERS(BENCH_DECLARE)

std::vector<bench_peer> all_peers() {
    std::vector<bench_peer> all;
    const auto add = [&](std::span<const bench_peer> some) {
        all.insert(all.end(), some.begin(), some.end());
    };
#define BENCH_ADD(name) add(name());
    BENCH_PEERS(BENCH_ADD)
    return all;
}

} // namespace bench
