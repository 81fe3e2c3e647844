// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "progress.hpp"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

namespace bench {

Progress::Progress(std::size_t steps)
    : steps_(std::max<std::size_t>(steps, 1)), terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
    if (terminal_)
        std::fprintf(stderr, "\r\033[K");
}

void Progress::step(const std::string& what) {
    using namespace std::chrono_literals;

    const auto now = Clock::now();
    const std::size_t done = step_++;
    if (done > 0 && now - told_ < (terminal_ ? 100ms : 10s))
        return;
    told_ = now;
    const double passed = std::chrono::duration<double>(now - start_).count();
    char left[40] = "";
    if (done * 50 > steps_) {
        const auto seconds = static_cast<unsigned>(passed * static_cast<double>(steps_ - done) /
                                                   static_cast<double>(done));
        std::snprintf(left, sizeof(left), ", %u:%02u left", seconds / 60, seconds % 60);
    }
    std::fprintf(stderr, "%s%3zu %%%s  %s%s", terminal_ ? "\r\033[K" : "", done * 100 / steps_,
                 left, what.c_str(), terminal_ ? "" : "\n");
    std::fflush(stderr);
}

} // namespace bench
