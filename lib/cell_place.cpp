// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Where cells lie: names, headers, and what can be wrong with them.
#include "cell_place.hpp"

#include "failure.hpp"
#include "open_when_made.hpp"

#include <shmq/cell_options.hpp>

#include <utility>

namespace shmq::detail {

namespace {

[[noreturn]] void fail_open(shmq_cell_fault fault, const std::string& what) {
    fail(fault == SHMQ_CELL_NOT_READY ? std::errc::resource_unavailable_try_again
                                      : std::errc::protocol_error,
         what + " " + explain(fault));
}

Region map_named(const std::string& name, CellAccess access) {
    try {
        return Region::posix_shm(name);
    } catch (const std::system_error& e) {
        if (access == CellAccess::read_write || e.code() != std::errc::permission_denied)
            throw;
    }
    return Region::posix_shm_read_only(name);
}

} // namespace

const char* explain(shmq_cell_fault fault) noexcept {
    switch (fault) {
    case SHMQ_CELL_OK:
        break;
    case SHMQ_CELL_TRUNCATED:
        return "is shorter than a cell, or than its header tells";
    case SHMQ_CELL_NOT_READY:
        return "is not ready: its creator is still at work, or died; if so, unlink it";
    case SHMQ_CELL_FOREIGN:
        return "is no cell of shmq, or of a machine with the other byte order";
    case SHMQ_CELL_BAD_VERSION:
        return "is a cell of another version of shmq: update the older program";
    case SHMQ_CELL_BAD_LAYOUT:
        return "is damaged: a cell cannot lie as its header tells";
    }
    return "is a cell";
}

std::string cell_shm_name(const std::string& name) {
    if (name.empty() || name.find('/') != std::string::npos)
        fail(std::errc::invalid_argument,
             "'" + name + "' cannot name a cell: say a name without a slash, as in \"camera\"");
    return "/" + name;
}

std::string cell_what(const std::string& name) {
    return "cell " + name;
}

// FNV-1a; never 0, which is no type.
std::uint32_t cell_type(const std::string& name) noexcept {
    if (name.empty())
        return 0;
    std::uint32_t hash = 2166136261u;
    for (const char c : name)
        hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    return hash ? hash : 1;
}

shmq_base cell_base(const Region& region, std::uint64_t offset, const std::string& what) {
    auto* base = reinterpret_cast<shmq_base>(region.slice(offset, region.size() - offset).data());
    if (reinterpret_cast<std::uintptr_t>(base) % 8 != 0)
        fail(std::errc::invalid_argument, what + ": the memory must be 8-byte aligned");
    return base;
}

CellPlace open_cell(Region region, std::uint64_t offset, const std::string& type,
                    const std::string& what) {
    if (offset > region.size())
        fail(std::errc::invalid_argument, what + ": offset " + std::to_string(offset) +
                                              " lies outside its " + std::to_string(region.size()) +
                                              " bytes");
    shmq_cell cell{};
    shmq_base base = cell_base(region, offset, what);
    const shmq_cell_fault fault = shmq_cell_open(&cell, base, region.size() - offset);
    if (fault != SHMQ_CELL_OK)
        fail_open(fault, what);
    if (!type.empty() && cell.layout.type && cell.layout.type != cell_type(type))
        fail(std::errc::protocol_error, what + " has values of another type than '" + type + "'");
    const std::uint64_t lock_byte = region.offset() + offset;
    return {std::move(region), lock_byte, cell, what};
}

CellPlace open_named_cell(const std::string& name, const std::string& type, CellAccess access) {
    const std::string shm_name = cell_shm_name(name);
    try {
        return open_when_made(
            [&] { return open_cell(map_named(shm_name, access), 0, type, cell_what(name)); });
    } catch (const std::system_error& e) {
        // Memory that has no bytes still is for the user a cell that is not ready.
        if (may_be_in_the_making(e.code()))
            fail_open(SHMQ_CELL_NOT_READY, cell_what(name));
        throw;
    }
}

void check_cell(const shmq_cell& cell, std::size_t size, std::size_t alignment) {
    if (cell.layout.size != size)
        fail(std::errc::protocol_error,
             "this cell has values of " + std::to_string(cell.layout.size) +
                 " bytes, the program's type has " + std::to_string(size));
    if (reinterpret_cast<std::uintptr_t>(cell.base) % alignment != 0)
        fail(std::errc::invalid_argument, "this cell's memory must be " +
                                              std::to_string(alignment) +
                                              "-byte aligned for the program's type");
}

} // namespace shmq::detail
