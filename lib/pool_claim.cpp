// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "pool_claim.hpp"

#include <cerrno>

#include <fcntl.h>

namespace shmq::detail {

namespace {

// Behind all that a region can have, and the ends of channels (end_claim.cpp).
constexpr off_t first_lock = static_cast<off_t>(INT32_MAX) - 256;

int set(int fd, std::uint32_t slot, short type) noexcept {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = first_lock + static_cast<off_t>(slot);
    lock.l_len = 1;
    return ::fcntl(fd, F_OFD_SETLK, &lock);
}

Descriptor reopen(int fd) noexcept {
    if (fd < 0)
        return Descriptor();
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    return Descriptor(::open(path.c_str(), O_RDWR | O_CLOEXEC));
}

} // namespace

PoolLocks::PoolLocks(int fd) noexcept : file_(reopen(fd)) {}

PoolLocks::Taken PoolLocks::take(std::uint32_t slot) noexcept {
    if (set(file_.get(), slot, F_WRLCK) == 0)
        return Taken::yes;
    return errno == EAGAIN || errno == EACCES ? Taken::no : Taken::failed;
}

void PoolLocks::drop(std::uint32_t slot) noexcept {
    (void)set(file_.get(), slot, F_UNLCK);
}

} // namespace shmq::detail
