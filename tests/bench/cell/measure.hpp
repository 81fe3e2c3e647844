// SPDX-License-Identifier: GPL-2.0-only OR MIT
// One measurement: a writer on one CPU, readers on another, for some milliseconds.
#ifndef BENCH_CELL_MEASURE_HPP
#define BENCH_CELL_MEASURE_HPP

#include "peers.hpp"

#include <chrono>
#include <cstddef>
#include <optional>

namespace bench {

struct Scenario {
    bool writer;
    unsigned readers;
};

struct Figures {
    std::optional<double> write_ns; ///< mean, of the writer's CPU time
    std::optional<double> read_ns;  ///< median of the reads of all readers
    double read_p99_ns = 0;
    double read_max_ns = 0;
    double failed = 0; ///< reads that were given up, of all
};

/// A read is given up after a million attempts.
Figures measure(const Kind& kind, const Scenario& scenario, std::chrono::milliseconds time);

} // namespace bench

#endif // BENCH_CELL_MEASURE_HPP
