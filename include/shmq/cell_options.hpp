// SPDX-License-Identifier: GPL-2.0-only OR MIT
// How cells are made and opened: see cell.hpp.
#ifndef SHMQ_CELL_OPTIONS_HPP
#define SHMQ_CELL_OPTIONS_HPP

#include <shmq/core/cell.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>

#include <sys/types.h>

namespace shmq {

/// What a publisher stamps a value with, for staleness().
enum class CellClock : std::uint8_t {
    none,    ///< nothing
    coarse,  ///< CLOCK_MONOTONIC_COARSE: to a few milliseconds, for 5 to 15 ns
    precise, ///< CLOCK_MONOTONIC: to nanoseconds, for 20 to 60 ns
};

/// How to make a cell, or to become its publisher.
struct CellOptions {
    /// Seats: how many readers can be registered at a time, at most 30.
    std::uint32_t readers = 8;

    /// Copies of the value that there is room for, from readers + 2 to 64. What is
    /// spare is time for readers without a seat to copy. 0: 30 spare ones, fewer
    /// for values above 8 KiB.
    std::uint32_t slots = 0;

    /// A name of the type, which readers that name one must name too.
    std::string type = {};

    /// Permissions of a named cell: for a reader to sit or to be woken, it must
    /// be writable; to copy, readable.
    mode_t mode = 0600;

    CellClock clock = CellClock::coarse;

    /// Fence each publication (some 6 ns), instead of having readers interrupt the
    /// publisher's CPU once when they come (membarrier(2)).
    bool fence = false;
};

/// Whether a reader sits: see cell.hpp.
enum class CellSeat : std::uint8_t {
    if_free, ///< if there is a free seat, and the memory is writable
    none,    ///< never; the memory may then be only readable
    required ///< or it is an error
};

/// How to open a cell to read it.
struct CellOpenOptions {
    CellSeat seat = CellSeat::if_free;

    /// See CellOptions; empty: any.
    std::string type = {};

    /// Without a seat: how many times to copy before Status::Again.
    std::uint32_t tries = SHMQ_CELL_TRIES;

    /// How long to sleep between looks where nobody can wake this reader: in
    /// memory that is only readable, or a driver's.
    std::chrono::nanoseconds nap = std::chrono::milliseconds(1);
};

namespace detail {

[[nodiscard]] inline std::uint64_t cell_time(CellClock clock) noexcept {
    if (clock == CellClock::none)
        return 0;
    timespec t{};
    ::clock_gettime(clock == CellClock::coarse ? CLOCK_MONOTONIC_COARSE : CLOCK_MONOTONIC, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(t.tv_nsec);
}

/// Throws EPROTO: values of another size; EINVAL: memory that is not aligned for them.
void check_cell(const shmq_cell& cell, std::size_t size, std::size_t alignment);

} // namespace detail

} // namespace shmq

#endif // SHMQ_CELL_OPTIONS_HPP
