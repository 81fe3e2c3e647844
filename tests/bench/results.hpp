// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What was measured, and how figures are made of it.
#ifndef BENCH_RESULTS_HPP
#define BENCH_RESULTS_HPP

#include "machine.hpp"
#include "options.hpp"
#include "run.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bench {

/// The middle half of some samples.
struct Spread {
    double low = 0; ///< first quartile
    double median = 0;
    double high = 0; ///< third
};

Spread spread_of(std::vector<double> samples);

/// A peer at one size, waiting one way: a sample a round.
struct Cell {
    bench_peer peer{};
    std::uint32_t size = 0;
    Metric metric = Metric::throughput;
    bench_policy policy = BENCH_SPIN; ///< kernel peers have the first one only
    const bench_ops* ops = nullptr;

    std::vector<double> rate; ///< messages a second
    std::vector<double> p50;  ///< ns
    std::vector<double> p99;
    std::vector<double> busy;
    std::uint64_t count = 0; ///< messages a run; 0: not known yet
    std::string error;       ///< why there is nothing
    bool none = false;       ///< the peer cannot be had
};

struct Results {
    Machine machine;
    Options options;
    std::vector<bench_peer> peers;
    std::vector<Cell> cells;

    /// Null if it was not measured, or failed.
    [[nodiscard]] const Cell* find(const std::string& peer, std::uint32_t size, Metric metric,
                                   bench_policy policy) const;

    /// The peer of a kind with the highest median; null if none.
    [[nodiscard]] const Cell* best(bench_kind kind, std::uint32_t size, bench_policy policy) const;

    /// Share of the time for which a spinning side must have its CPU.
    static constexpr double undisturbed = 0.97;

    /// Measurements that were disturbed however often they were tried, and all.
    [[nodiscard]] std::pair<unsigned, unsigned> disturbed() const;
};

/// All cells that the options ask for, with nothing in them.
std::vector<Cell> plan(const Options& options, const std::vector<bench_peer>& peers);

/// Of samples of the same rounds: round by round, so that what slowed both down
/// does not count.
std::optional<Spread> ratio(const std::vector<double>& a, const std::vector<double>& b);

void write_json(const Results& results, const std::string& path);

} // namespace bench

#endif // BENCH_RESULTS_HPP
