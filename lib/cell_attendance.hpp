// SPDX-License-Identifier: GPL-2.0-only OR MIT
#ifndef SHMQ_LIB_CELL_ATTENDANCE_HPP
#define SHMQ_LIB_CELL_ATTENDANCE_HPP

#include "cell_place.hpp"
#include "descriptor.hpp"

#include <shmq/bell.hpp>
#include <shmq/cell_options.hpp>
#include <shmq/core/cell_seat.h>

#include <chrono>
#include <cstdint>
#include <optional>

namespace shmq::detail {

/// What a reader is to a cell's publisher, beside reading: one with a seat, one who
/// sleeps, one who polls, one who wants to know whether it lives.
class CellAttendance {
public:
    CellAttendance(CellPlace place, std::chrono::nanoseconds nap);
    CellAttendance(const CellAttendance&) = delete;
    CellAttendance& operator=(const CellAttendance&) = delete;
    ~CellAttendance();

    /// Takes a free seat, or that of a dead reader. Nothing if there is none; throws
    /// (EBUSY, ENOTSUP) if there must be.
    std::optional<std::uint32_t> sit(CellSeat how);

    /// The publisher's word, and what it says now. Thorough: by a system call.
    Holder publisher(bool thorough) noexcept;

    /// Whether it is gone and this was not asked of it before.
    bool gone_since_asked(bool thorough) noexcept;

    /// Before a last look: how to sleep after it. Nothing: nobody can wake us.
    std::optional<std::uint32_t> arm_sleep() noexcept;
    /// Returns 0 or an errno, as futex(2). At most a second.
    int sleep(std::uint32_t armed, std::chrono::nanoseconds at_most) noexcept;
    /// Sleeps a nap; EINTR if a signal was caught.
    [[nodiscard]] int nap(std::chrono::nanoseconds at_most) const noexcept;
    static int sleep_for(std::chrono::nanoseconds time) noexcept;

    /// A descriptor to poll, or -1.
    int fd();
    /// Takes back what made it readable, before a last look.
    void arm_poll() noexcept;

    [[nodiscard]] const CellPlace& place() const noexcept { return place_; }

private:
    bool announce(std::uint32_t bit) noexcept;
    std::optional<std::uint32_t> try_seats();
    Descriptor watch() noexcept;

    CellPlace place_;
    Descriptor file_; ///< of our own, for locks
    std::chrono::nanoseconds nap_;
    std::optional<std::uint32_t> seat_;
    std::uint32_t announced_ = 0;
    std::uint32_t asked_ = 0; ///< the publisher that was told to be gone
    bool futex_works_ = true;
    Descriptor poll_;  ///< an epoll of the two below
    Descriptor watch_; ///< inotify, where we can be woken
    Descriptor timer_;
};

} // namespace shmq::detail

#endif // SHMQ_LIB_CELL_ATTENDANCE_HPP
