// SPDX-License-Identifier: GPL-2.0-only OR MIT
#ifndef SHMQ_BENCH_CLIENTS_HPP
#define SHMQ_BENCH_CLIENTS_HPP

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <unistd.h>

namespace bench {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Options {
    double seconds = 0.2; ///< of one measurement
    int rounds = 5;
    std::size_t clients = 1000; ///< idle
    std::size_t busy = 100;
};

/// An address that nobody else uses; of this process's forked children the same.
inline const std::string& address() {
    static const std::string name = "unix:@shmq-bench-" + std::to_string(::getpid());
    return name;
}

/// One producer and one consumer: rates and round trips, interleaved.
void pairs(const Options& options);

/// Many clients of one server: connecting, idling, sharing.
void many(const Options& options);

} // namespace bench

#endif // SHMQ_BENCH_CLIENTS_HPP
