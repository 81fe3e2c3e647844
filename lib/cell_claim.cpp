// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "cell_claim.hpp"

#include "cell_wake.hpp"
#include "failure.hpp"
#include "file_lock.hpp"

#include <shmq/core/cell_seat.h>

#include <utility>

namespace shmq::detail {

CellPublisherClaim::CellPublisherClaim(CellPlace place) : place_(std::move(place)) {
    if (!place_.region.writable())
        fail(std::errc::permission_denied, place_.what + ": its memory is only readable");
    if (place_.cell.layout.flags & SHMQ_CELL_LOCKS)
        lock_ = reopen(place_.region.fd());
    if (lock_) {
        const int error = lock_byte(lock_, place_.lock_byte);
        if (locked_by_another(error))
            fail(std::errc::device_or_resource_busy,
                 place_.what + " has a publisher: another process, or another object of this one");
        if (error)
            fail_errno(error, place_.what + ": its publisher's end cannot be claimed");
    }
    word_ = shmq_cell_appoint(&place_.cell, lock_ ? SHMQ_CELL_HELD : SHMQ_CELL_UNLOCKED);
}

void CellPublisherClaim::resign(const shmq_cell_publisher& core) noexcept {
    shmq_cell_resign(&place_.cell, word_);
    shmq_full_fence(); // pairs with the one in shmq_cell_arm()
    wake_cell(core, place_.region, shmq_load_acquire(place_.cell.base, SHMQ_CELL_AT_ATTENDANCE));
}

std::size_t CellPublisherClaim::collect() {
    std::size_t collected = 0;
    if (!lock_)
        return collected;
    // Of an open file of its own: one with its own locks cannot find out about them.
    const Descriptor file = reopen(place_.region.fd());
    if (!file)
        return collected;
    for (std::uint32_t seat = 0; seat < place_.cell.layout.seats; seat++) {
        const std::uint64_t byte = place_.lock_byte + 1 + seat;
        if (!shmq_cell_is_taken(&place_.cell, seat) || lock_byte(file, byte) != 0)
            continue;
        // Nobody comes to sit while we have its lock.
        if (shmq_cell_is_taken(&place_.cell, seat)) {
            shmq_cell_leave(&place_.cell, seat);
            collected++;
        }
        unlock_byte(file, byte);
    }
    return collected;
}

} // namespace shmq::detail
