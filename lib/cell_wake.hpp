// SPDX-License-Identifier: GPL-2.0-only OR MIT
// How who sleeps at a cell, or polls it, is woken.
#ifndef SHMQ_LIB_CELL_WAKE_HPP
#define SHMQ_LIB_CELL_WAKE_HPP

#include "futex.hpp"

#include <shmq/core/cell_publisher.h>
#include <shmq/region.hpp>

#include <sys/stat.h>

namespace shmq::detail {

/// After a publication, or a last word: wakes those who are armed. Pollers watch
/// the file's times by inotify(7), which stores to a mapping do not touch.
inline void wake_cell(const shmq_cell_publisher& publisher, const Region& region,
                      std::uint32_t attendance) noexcept {
    if (attendance & SHMQ_CELL_SLEEPERS && shmq_cell_ring(&publisher, SHMQ_CELL_AT_SLEEP))
        futex_wake(publisher.cell.base, SHMQ_CELL_AT_SLEEP);
    if (attendance & SHMQ_CELL_POLLERS && shmq_cell_ring(&publisher, SHMQ_CELL_AT_POLL))
        static_cast<void>(::futimens(region.fd(), nullptr));
}

} // namespace shmq::detail

#endif // SHMQ_LIB_CELL_WAKE_HPP
