// SPDX-License-Identifier: GPL-2.0-only OR MIT
// One measurement: a peer, two processes on two CPUs, every message checked.
#ifndef BENCH_RUN_HPP
#define BENCH_RUN_HPP

#include "abi.h"

#include <csignal>
#include <cstdint>
#include <string>

namespace bench {

enum class Metric : std::uint8_t { throughput, round_trip };

struct Job {
    const bench_ops* ops = nullptr;
    Metric metric = Metric::throughput;
    bench_policy policy = BENCH_SPIN;
    std::uint64_t count = 0; ///< messages, after a tenth of that to warm up
};

struct Outcome {
    std::string error;  ///< empty, or why there are no figures
    bool none = false;  ///< the peer cannot be had here at this size
    double seconds = 0; ///< for all messages
    double p50_ns = 0;  ///< of a round trip
    double p99_ns = 0;
    double busy = 0; ///< smaller share of the time that a side had its CPU
};

class Runner {
public:
    /// Sides 0 and 1 run there. Throws std::system_error.
    Runner(int cpu0, int cpu1);
    ~Runner();
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;

    Outcome run(const Job& job);

    /// Most round trips in one run.
    static constexpr std::uint64_t most_round_trips = 1 << 19;

private:
    struct Control;

    void side(int which, const Job& job, void* forth, void* back);
    void work(int which, const Job& job, void* forth, void* back);
    void both_sides(const Job& job);
    void barrier();
    Outcome result(const Job& job);

    int cpus_[2];
    sigset_t child_signal_;
    Control* control_;
};

} // namespace bench

#endif // BENCH_RUN_HPP
