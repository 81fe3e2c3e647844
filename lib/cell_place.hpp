// SPDX-License-Identifier: GPL-2.0-only OR MIT
#ifndef SHMQ_LIB_CELL_PLACE_HPP
#define SHMQ_LIB_CELL_PLACE_HPP

#include <shmq/core/cell.h>
#include <shmq/region.hpp>

#include <cstdint>
#include <string>

namespace shmq::detail {

/// A cell, and the memory that it lies in.
struct CellPlace {
    Region region;
    std::uint64_t lock_byte; ///< the publisher's, in the file; seats follow
    shmq_cell cell;
    std::string what; ///< for messages
};

/// A name for shm_open(3) of one of ours; throws (EINVAL) if it has a slash.
[[nodiscard]] std::string cell_shm_name(const std::string& name);
[[nodiscard]] std::string cell_what(const std::string& name);

/// What is told of a type; 0 for none.
[[nodiscard]] std::uint32_t cell_type(const std::string& name) noexcept;

/// The part of a region from `offset` on: throws (EINVAL) if that is not inside,
/// or not 8-byte aligned.
[[nodiscard]] shmq_base cell_base(const Region& region, std::uint64_t offset,
                                  const std::string& what);

/// Opens a cell that exists, of that type if one is told.
[[nodiscard]] CellPlace open_cell(Region region, std::uint64_t offset, const std::string& type,
                                  const std::string& what);

enum class CellAccess { read_write, read_if_not_write };

/// Likewise by name, waiting a little for a creator that is at work.
[[nodiscard]] CellPlace open_named_cell(const std::string& name, const std::string& type,
                                        CellAccess access);

/// A phrase after "what".
[[nodiscard]] const char* explain(shmq_cell_fault fault) noexcept;

} // namespace shmq::detail

#endif // SHMQ_LIB_CELL_PLACE_HPP
