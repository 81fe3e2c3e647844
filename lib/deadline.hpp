// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Times as waits have them, and as the kernel wants them.
#ifndef SHMQ_LIB_DEADLINE_HPP
#define SHMQ_LIB_DEADLINE_HPP

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <limits>

namespace shmq::detail {

using Clock = std::chrono::steady_clock;

/// When a wait of that length that begins now is over; max(): never.
inline Clock::time_point after(std::chrono::nanoseconds time) noexcept {
    const Clock::time_point now = Clock::now();
    if (time <= std::chrono::nanoseconds::zero())
        return now;
    return time < Clock::time_point::max() - now ? now + time : Clock::time_point::max();
}

/// What is left until then, for poll(2): rounded up, -1 for ever.
inline int milliseconds_until(Clock::time_point end) noexcept {
    if (end == Clock::time_point::max())
        return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max()));
}

/// None for what is negative.
inline timespec to_timespec(std::chrono::nanoseconds time) noexcept {
    time = std::max(time, std::chrono::nanoseconds::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
    timespec t{};
    t.tv_sec = static_cast<time_t>(seconds.count());
    t.tv_nsec = static_cast<decltype(t.tv_nsec)>((time - seconds).count());
    return t;
}

} // namespace shmq::detail

#endif // SHMQ_LIB_DEADLINE_HPP
