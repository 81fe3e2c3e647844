// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "pool_claim.hpp"

#include "file_lock.hpp"

#include <cerrno>

#include <sys/ioctl.h>
#include <sys/stat.h>

#include <linux/shmq.h>

namespace shmq::detail {

namespace {

// Behind all that a region can have, and the ends of channels (end_claim.cpp).
constexpr std::uint64_t first_lock = INT32_MAX - 256;

std::uint64_t byte_of(std::uint32_t slot) noexcept {
    return first_lock + slot;
}

/// 0 or an errno.
int set_claim(int fd, std::uint32_t slot, unsigned long request) noexcept {
    const shmq_owner owner{.size = sizeof(owner), .flags = 0, .slot = slot, .reserved = 0};
    return ::ioctl(fd, request, &owner) == 0 ? 0 : errno;
}

// A device of ours whose driver knows of owners. One that was removed at this very
// moment may be: then its claims tell, for locks would say that nobody is there.
bool has_slots(int fd) noexcept {
    struct stat st {};
    shmq_info info{};
    info.size = sizeof(info);
    if (::fstat(fd, &st) != 0 || !S_ISCHR(st.st_mode))
        return false;
    if (::ioctl(fd, SHMQ_IOC_INFO, &info) != 0)
        return errno == ENODEV;
    return info.area_count == 1 && info.areas[0].type == SHMQ_AREA_POOL;
}

} // namespace

PoolLocks::PoolLocks(int fd) : file_(reopen(fd)), driver_(has_slots(file_.get())) {}

PoolLocks::Taken PoolLocks::take(std::uint32_t slot) noexcept {
    const int error =
        driver_ ? set_claim(file_.get(), slot, SHMQ_IOC_OWN) : lock_byte(file_, byte_of(slot));
    if (error == 0)
        return Taken::yes;
    return error == EBUSY || locked_by_another(error) ? Taken::no : Taken::failed;
}

void PoolLocks::drop(std::uint32_t slot) noexcept {
    if (driver_)
        (void)set_claim(file_.get(), slot, SHMQ_IOC_DISOWN);
    else
        unlock_byte(file_, byte_of(slot));
}

} // namespace shmq::detail
