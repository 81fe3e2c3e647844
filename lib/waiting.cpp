// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "deadline.hpp"

#include <shmq/waiter.hpp>

#include <algorithm>
#include <system_error>
#include <thread>
#include <utility>

namespace shmq::detail {

namespace {

// Looks between two glances at the clock, and between two yields: a peer on
// the same CPU must come to run.
constexpr std::uint32_t clock_every = 64;
constexpr std::uint32_t yield_every = 256;

// How often the costly part of the health check is made.
constexpr std::chrono::seconds thorough_every{1};

void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || (defined(__arm__) && __ARM_ARCH >= 7)
    __asm__ __volatile__("yield" ::: "memory");
#else
    shmq_compiler_barrier();
#endif
}

} // namespace

Waiter::Waiter(Wait wait, std::shared_ptr<Bell> bell) : wait_(wait), bell_(std::move(bell)) {
    if (bell_)
        words_ = bell_->words();
    if (wait_.may_sleep() && !words_.base)
        throw std::system_error(
            std::make_error_code(std::errc::invalid_argument),
            "this end has no doorbell to sleep on: use Wait::spin, gather or periodic");
}

Pace::Pace(Waiter& waiter, Wait::Duration timeout) noexcept
    : waiter_(waiter), deadline_(after(timeout)) {
    const Wait& wait = waiter.wait_;
    spinning_ = wait.kind() == Wait::Kind::spin || wait.kind() == Wait::Kind::gather ||
                wait.kind() == Wait::Kind::spin_then_sleep;
    if (wait.kind() == Wait::Kind::spin_then_sleep)
        spin_until_ = after(wait.duration());
}

Status Pace::next() noexcept {
    switch (waiter_.wait_.kind()) {
    case Wait::Kind::gather:
        return gather();
    case Wait::Kind::periodic:
        return nap();
    case Wait::Kind::spin:
    case Wait::Kind::spin_then_sleep:
        if (spinning_)
            return spin();
        [[fallthrough]];
    case Wait::Kind::sleep:
        return sleep();
    }
    return Status::Invalid;
}

Status Pace::check(Clock::time_point now) noexcept {
    const bool thorough = now >= thorough_at_;
    if (thorough)
        thorough_at_ = now + thorough_every;
    const Status h = waiter_.health(thorough);
    if (h != Status::Ok)
        return h;
    return now >= deadline_ ? Status::Timeout : Status::Ok;
}

Status Pace::spin() noexcept {
    relax();
    ++looks_;
    if (looks_ % clock_every != 0)
        return Status::Ok;
    if (looks_ % yield_every == 0)
        std::this_thread::yield();
    const Clock::time_point now = Clock::now();
    if (waiter_.wait_.kind() == Wait::Kind::spin_then_sleep && now >= spin_until_)
        spinning_ = false;
    return check(now);
}

Status Pace::gather() noexcept {
    const Clock::time_point until = std::min(deadline_, after(waiter_.wait_.duration()));
    Clock::time_point now;
    do {
        relax();
        now = Clock::now();
    } while (now < until);
    if (++looks_ % clock_every == 0)
        std::this_thread::yield();
    return check(now);
}

Status Pace::sleep() noexcept {
    // Look once more. A peer that clears the word all the time does not keep us
    // from the clock.
    if (waiter_.arm())
        return ++looks_ % clock_every == 0 ? check(Clock::now()) : Status::Ok;

    const Clock::time_point now = Clock::now();
    const Status s = check(now);
    if (s != Status::Ok)
        return s;

    ++waiter_.statistics_.sleeps;
    const Clock::time_point slice = after(waiter_.bell_->slice());
    const auto woken = waiter_.bell_->sleep(std::min(deadline_, slice));
    if (woken == Bell::Woken::signal && waiter_.wait_.is_interruptible())
        return Status::Interrupted;
    return Status::Ok;
}

Status Pace::nap() noexcept {
    const Clock::time_point now = Clock::now();
    const Status s = check(now);
    if (s != Status::Ok)
        return s;

    ++waiter_.statistics_.sleeps;
    const Wait::Duration left = std::min<Wait::Duration>(waiter_.wait_.duration(), deadline_ - now);
    const timespec pause = to_timespec(left);
    if (::nanosleep(&pause, nullptr) != 0 && waiter_.wait_.is_interruptible())
        return Status::Interrupted;
    return Status::Ok;
}

} // namespace shmq::detail
