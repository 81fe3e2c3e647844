// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "process_bell.hpp"

#include "futex.hpp"

#include <algorithm>
#include <utility>

namespace shmq::detail {

namespace {

constexpr std::chrono::seconds longest_sleep{1};

} // namespace

ProcessBell::ProcessBell(const SleepWords& words, BellFds fds, std::unique_ptr<EndClaim> claim,
                         std::shared_ptr<const void> owner) noexcept
    : Bell(words, longest_sleep), fds_(fds), owner_(std::move(owner)), claim_(std::move(claim)) {}

ProcessBell::~ProcessBell() {
    claim_->leave();
    if (words().base)
        ProcessBell::ring(); // so that the peer notices
}

void ProcessBell::ring() noexcept {
    futex_wake(words().base, words().peer);
    if (fds_.peer < 0)
        return;
    // A full counter (EAGAIN) is readable, which is all that is wanted.
    const std::uint64_t one = 1;
    static_cast<void>(!::write(fds_.peer, &one, sizeof(one)));
}

Bell::Woken ProcessBell::sleep(Clock::time_point until) noexcept {
    const auto left = std::min<Wait::Duration>(until - Clock::now(), longest_sleep);
    if (left <= Wait::Duration::zero())
        return Woken::time;
    switch (futex_wait(words().base, words().own, 1, left)) {
    case ETIMEDOUT:
        return Woken::time;
    case EINTR:
        return Woken::signal;
    default:
        return Woken::rung;
    }
}

void ProcessBell::quiet() noexcept {
    if (fds_.own < 0 || !polled_.load(std::memory_order_relaxed))
        return;
    std::uint64_t rings = 0;
    static_cast<void>(!::read(fds_.own, &rings, sizeof(rings)));
}

int ProcessBell::fd() const noexcept {
    polled_.store(true, std::memory_order_relaxed);
    return fds_.own;
}

} // namespace shmq::detail
