// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The three measurements; each prints a table in Markdown.
#ifndef BENCH_POOL_MEASURE_HPP
#define BENCH_POOL_MEASURE_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

#include <time.h>

namespace bench {

/// One figure, taken in several rounds.
class Samples {
public:
    void add(double value) { values_.push_back(value); }
    [[nodiscard]] double median() const { return at(0.5); }
    [[nodiscard]] double least() const { return at(0); }
    [[nodiscard]] double most() const { return at(1); }

private:
    [[nodiscard]] double at(double share) const {
        if (values_.empty())
            return 0;
        std::vector<double> sorted = values_;
        std::sort(sorted.begin(), sorted.end());
        return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
    }

    std::vector<double> values_;
};

/// Seconds of this thread's processor time that `fn()` takes: others who run
/// meanwhile do not count.
template <typename F>
double cpu_seconds(F&& fn) {
    const auto now = [] {
        timespec t{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
    };
    const double start = now();
    fn();
    return now() - start;
}

/// Seconds that `fn()` takes.
template <typename F>
double seconds(F&& fn) {
    const auto start = std::chrono::steady_clock::now();
    fn();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct PoolOptions {
    unsigned rounds = 9;
    double slot_ms = 30;
};

void measure_speed(const PoolOptions& options);   ///< alloc + free beside others
void measure_fill(const PoolOptions& options);    ///< ours, as it fills
void measure_message(const PoolOptions& options); ///< 1 MiB by handle and by copy

} // namespace bench

#endif // BENCH_POOL_MEASURE_HPP
