// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "pool_claim.hpp"

#include "file_lock.hpp"

namespace shmq::detail {

namespace {

// Behind all that a region can have, and the ends of channels (end_claim.cpp).
constexpr std::uint64_t first_lock = INT32_MAX - 256;

std::uint64_t byte_of(std::uint32_t slot) noexcept {
    return first_lock + slot;
}

} // namespace

PoolLocks::PoolLocks(int fd) noexcept : file_(reopen(fd)) {}

PoolLocks::Taken PoolLocks::take(std::uint32_t slot) noexcept {
    const int error = lock_byte(file_, byte_of(slot));
    if (error == 0)
        return Taken::yes;
    return locked_by_another(error) ? Taken::no : Taken::failed;
}

void PoolLocks::drop(std::uint32_t slot) noexcept {
    unlock_byte(file_, byte_of(slot));
}

} // namespace shmq::detail
