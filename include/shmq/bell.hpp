// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What ties one end of a queue to its peer beside the queue itself: being woken,
// waking, and learning what became of the peer. Off the hot path.
#ifndef SHMQ_BELL_HPP
#define SHMQ_BELL_HPP

#include <shmq/core/barrier.h>
#include <shmq/status.hpp>
#include <shmq/waiting.hpp>

#include <chrono>
#include <cstdint>

namespace shmq {

/// Who has an end of a queue.
enum class Holder : std::uint32_t {
    nobody = 0, ///< not claimed yet
    kernel = 1,
    user = 2,
    gone = 3,    ///< was given back, or its holder died
    unknown = 4, ///< nothing here tells
};

/// Where an end's sleep word and its peer's are: see core/doorbell.h.
struct SleepWords {
    shmq_base base = nullptr; ///< null: neither end ever sleeps, and no fence is paid
    std::uint32_t own = 0;    ///< byte offsets from the base
    std::uint32_t peer = 0;
};

/// One end's doorbell. The library has one for devices and one for memory that
/// processes share; another can be given to attach(), for example over a
/// mailbox interrupt.
///
/// Threads: ring(), sleep() and the rest are called by the end's own thread;
/// fd() by any.
class Bell {
public:
    using Clock = std::chrono::steady_clock;

    enum class Woken : std::uint8_t { rung, time, signal };

    Bell(const Bell&) = delete;
    Bell& operator=(const Bell&) = delete;
    virtual ~Bell() = default;

    /// Wakes the peer. Called when its word was set; must not block.
    virtual void ring() noexcept = 0;

    /// Sleeps while the own word is set, until rung, a caught signal, or the
    /// time (time_point::max(): none). May return early.
    virtual Woken sleep(Clock::time_point until) noexcept = 0;

    /// Takes back rings that were not slept for, so that fd() is not readable.
    virtual void quiet() noexcept {}

    /// Ok, or why there is nothing to wait for: PeerGone, or a final status.
    /// `thorough` may cost a system call.
    virtual Status health(bool thorough) noexcept {
        static_cast<void>(thorough);
        return Status::Ok;
    }

    /// Whether PeerGone is for good: nobody can take the peer's place.
    [[nodiscard]] virtual bool gone_for_good() const noexcept { return false; }

    virtual Holder peer() noexcept { return Holder::unknown; }

    /// To poll for this end's peer, or -1; see the ends' fd().
    [[nodiscard]] virtual int fd() const noexcept { return -1; }

    [[nodiscard]] const SleepWords& words() const noexcept { return words_; }

    /// Longest sleep before the world is looked at again.
    [[nodiscard]] Wait::Duration slice() const noexcept { return slice_; }

protected:
    Bell(const SleepWords& words, Wait::Duration slice) noexcept : words_(words), slice_(slice) {}

private:
    SleepWords words_;
    Wait::Duration slice_;
};

} // namespace shmq

#endif // SHMQ_BELL_HPP
