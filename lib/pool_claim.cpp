// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "pool_claim.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <linux/shmq.h>

namespace shmq::detail {

namespace {

// Behind all that a region can have, and the ends of channels (end_claim.cpp).
constexpr off_t first_lock = static_cast<off_t>(INT32_MAX) - 256;

int set_lock(int fd, std::uint32_t slot, short type) noexcept {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = first_lock + static_cast<off_t>(slot);
    lock.l_len = 1;
    return ::fcntl(fd, F_OFD_SETLK, &lock);
}

int set_claim(int fd, std::uint32_t slot, unsigned long request) noexcept {
    const shmq_owner owner{.size = sizeof(owner), .flags = 0, .slot = slot, .reserved = 0};
    return ::ioctl(fd, request, &owner);
}

Descriptor reopen(int fd) noexcept {
    if (fd < 0)
        return Descriptor();
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    return Descriptor(::open(path.c_str(), O_RDWR | O_CLOEXEC));
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

PoolLocks::PoolLocks(int fd) noexcept : file_(reopen(fd)), driver_(has_slots(file_.get())) {}

PoolLocks::Taken PoolLocks::take(std::uint32_t slot) noexcept {
    if ((driver_ ? set_claim(file_.get(), slot, SHMQ_IOC_OWN)
                 : set_lock(file_.get(), slot, F_WRLCK)) == 0)
        return Taken::yes;
    return errno == EAGAIN || errno == EACCES || errno == EBUSY ? Taken::no : Taken::failed;
}

void PoolLocks::drop(std::uint32_t slot) noexcept {
    (void)(driver_ ? set_claim(file_.get(), slot, SHMQ_IOC_DISOWN)
                   : set_lock(file_.get(), slot, F_UNLCK));
}

} // namespace shmq::detail
