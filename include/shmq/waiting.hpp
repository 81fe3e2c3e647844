// SPDX-License-Identifier: GPL-2.0-only OR MIT
// How an end waits for its peer. Chosen when it attaches, by name.
#ifndef SHMQ_WAITING_HPP
#define SHMQ_WAITING_HPP

#include <chrono>
#include <cstdint>

namespace shmq {

/// The timeout of a wait that has none. Any std::chrono duration is a timeout;
/// zero or less means one look.
inline constexpr std::chrono::nanoseconds forever = std::chrono::nanoseconds::max();

/// A waiting policy; a value.
///
/// |                 | wakes after      | costs                                     |
/// |-----------------|------------------|-------------------------------------------|
/// | spin            | ~0.1 µs          | a whole CPU                               |
/// | gather          | the pause        | a whole CPU; small messages flow fastest  |
/// | spin_then_sleep | ~0.1 µs, then as sleep | a CPU while messages come quickly   |
/// | sleep           | a few µs to 50   | a system call a wait, on both sides       |
/// | periodic        | the period       | a timer; needs no doorbell                |
///
/// Signals do not end a wait; see interruptible().
class Wait {
public:
    using Duration = std::chrono::nanoseconds;

    /// Looks again and again.
    [[nodiscard]] static constexpr Wait spin() noexcept { return {Kind::spin, {}}; }

    /// After an empty look, leaves the queue alone for `pause` so that a batch
    /// can form, then looks again.
    [[nodiscard]] static constexpr Wait
    gather(Duration pause = std::chrono::microseconds(4)) noexcept {
        return {Kind::gather, pause};
    }

    /// Spins for `spinning`, then sleeps until the peer rings.
    [[nodiscard]] static constexpr Wait
    spin_then_sleep(Duration spinning = std::chrono::microseconds(20)) noexcept {
        return {Kind::spin_then_sleep, spinning};
    }

    /// Sleeps until the peer rings.
    [[nodiscard]] static constexpr Wait sleep() noexcept { return {Kind::sleep, {}}; }

    /// Naps between looks: for a peer that rings no doorbell, such as firmware.
    [[nodiscard]] static constexpr Wait periodic(Duration period) noexcept {
        return {Kind::periodic, period};
    }

    /// The same policy, but a wait that sleeps returns Status::Interrupted when
    /// the thread has caught a signal, for programs whose handlers set a flag.
    [[nodiscard]] constexpr Wait interruptible() const noexcept {
        Wait w = *this;
        w.interruptible_ = true;
        return w;
    }

    /// Whether this end may sleep until it is rung. If not, it never announces
    /// itself: try_ calls then do not prepare its descriptor for poll(2).
    [[nodiscard]] constexpr bool may_sleep() const noexcept {
        return kind_ == Kind::sleep || kind_ == Kind::spin_then_sleep;
    }

    enum class Kind : std::uint8_t { spin, gather, spin_then_sleep, sleep, periodic };

    [[nodiscard]] constexpr Kind kind() const noexcept { return kind_; }
    [[nodiscard]] constexpr Duration duration() const noexcept { return duration_; }
    [[nodiscard]] constexpr bool is_interruptible() const noexcept { return interruptible_; }

private:
    constexpr Wait(Kind kind, Duration duration) noexcept : duration_(duration), kind_(kind) {}

    Duration duration_;
    Kind kind_;
    bool interruptible_ = false;
};

} // namespace shmq

#endif // SHMQ_WAITING_HPP
