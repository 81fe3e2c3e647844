// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What is being done, on stderr: a line that changes, or, where nobody watches,
// a line now and then.
#ifndef BENCH_PROGRESS_HPP
#define BENCH_PROGRESS_HPP

#include <chrono>
#include <cstddef>
#include <string>

namespace bench {

class Progress {
public:
    explicit Progress(std::size_t steps);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// Begins a step.
    void step(const std::string& what);

private:
    using Clock = std::chrono::steady_clock;

    std::size_t steps_;
    std::size_t step_ = 0;
    bool terminal_;
    Clock::time_point start_ = Clock::now();
    Clock::time_point told_;
};

} // namespace bench

#endif // BENCH_PROGRESS_HPP
