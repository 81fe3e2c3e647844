// SPDX-License-Identifier: GPL-2.0-only OR MIT
#ifndef SHMQ_LIB_CELL_CLAIM_HPP
#define SHMQ_LIB_CELL_CLAIM_HPP

#include "cell_place.hpp"
#include "descriptor.hpp"

#include <shmq/core/cell_publisher.h>

#include <cstddef>
#include <cstdint>

namespace shmq::detail {

/// The publisher's end of a cell, held: a lock on the file behind the memory,
/// which the operating system takes back when its holder dies, and a word in the
/// header for a quick look.
class CellPublisherClaim {
public:
    /// Throws (EBUSY) if somebody else publishes.
    explicit CellPublisherClaim(CellPlace place);
    CellPublisherClaim(const CellPublisherClaim&) = delete;
    CellPublisherClaim& operator=(const CellPublisherClaim&) = delete;

    /// Tells that the publisher is gone, and wakes who waits for it.
    void resign(const shmq_cell_publisher& core) noexcept;

    /// Gives back the seats of dead readers; returns how many.
    std::size_t collect();

    [[nodiscard]] const CellPlace& place() const noexcept { return place_; }

private:
    CellPlace place_;
    Descriptor lock_;
    std::uint32_t word_ = 0;
};

} // namespace shmq::detail

#endif // SHMQ_LIB_CELL_CLAIM_HPP
