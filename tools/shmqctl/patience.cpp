// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "patience.hpp"

#include "output.hpp"
#include "stop_signals.hpp"

#include <algorithm>

namespace shmqctl {

namespace {

// A signal that comes just before a sleep is noticed after this.
constexpr std::chrono::milliseconds slice{100};

} // namespace

shmq::Status Patience::wait(const std::function<shmq::Status(shmq::Wait::Duration)>& op,
                            const std::function<void()>& idle) const {
    using Clock = std::chrono::steady_clock;
    using shmq::Status;

    const auto start = Clock::now();
    for (;;) {
        if (stop_requested())
            return Status::Interrupted;
        const shmq::Wait::Duration left =
            limit_ ? *limit_ - (Clock::now() - start) : shmq::Wait::Duration(slice);
        const Status s = op(std::clamp<shmq::Wait::Duration>(left, {}, slice));
        if (s == Status::PeerGone && !(limit_ && limit_->count() == 0))
            note(whose_ + ": the program at the other end has gone");
        else if (s != Status::Timeout && s != Status::Interrupted && s != Status::Again &&
                 s != Status::PeerGone)
            return s;
        else if (s == Status::Timeout && left <= slice && limit_)
            return Status::Timeout;
        if (idle)
            idle();
    }
}

std::optional<shmq::Wait::Duration> limit_of(double seconds) {
    constexpr double for_ever = 1e9;
    if (seconds >= for_ever)
        return std::nullopt;
    return std::chrono::duration_cast<shmq::Wait::Duration>(std::chrono::duration<double>(seconds));
}

} // namespace shmqctl
