// SPDX-License-Identifier: GPL-2.0-only OR MIT
#ifndef SHMQ_LIB_PROCESS_BELL_HPP
#define SHMQ_LIB_PROCESS_BELL_HPP

#include "end_claim.hpp"

#include <shmq/bell.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace shmq::detail {

/// The eventfds of one end and of its peer, or -1.
struct BellFds {
    int own = -1;
    int peer = -1;
};

/// The doorbell of an end in memory that processes share. Sleeping is futex(2)
/// on the sleep word; where there are eventfds, a ring counts on the peer's too,
/// for whoever polls it.
///
/// A waker that is killed between clearing the word and waking costs the
/// sleeper one slice, a second.
class ProcessBell final : public Bell {
public:
    ProcessBell(const SleepWords& words, BellFds fds, std::unique_ptr<EndClaim> claim,
                std::shared_ptr<const void> owner) noexcept;
    ~ProcessBell() override;

    void ring() noexcept override;
    Woken sleep(Clock::time_point until) noexcept override;
    void quiet() noexcept override;
    Status health(bool thorough) noexcept override { return claim_->health(thorough); }
    Holder peer() noexcept override { return claim_->peer(); }
    [[nodiscard]] int fd() const noexcept override;

private:
    BellFds fds_;
    mutable std::atomic<bool> polled_{false}; ///< fd() was asked for
    std::shared_ptr<const void> owner_;       ///< of the memory and the descriptors
    std::unique_ptr<EndClaim> claim_;
};

} // namespace shmq::detail

#endif // SHMQ_LIB_PROCESS_BELL_HPP
