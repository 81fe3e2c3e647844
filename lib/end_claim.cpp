// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "end_claim.hpp"

#include "failure.hpp"

#include <fcntl.h>

namespace shmq::detail {

namespace {

// The lock of end n is on byte n of the file; only the locks matter.
struct flock lock_of(std::uint32_t end, short type) noexcept {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = static_cast<off_t>(end);
    lock.l_len = 1;
    return lock;
}

// Locks belong to an open file: one of our own, not what a parent passed on.
Descriptor reopen(int fd) noexcept {
    if (fd < 0)
        return Descriptor();
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    return Descriptor(::open(path.c_str(), O_RDWR | O_CLOEXEC));
}

} // namespace

EndClaim::EndClaim(shmq_base header, int fd, std::uint32_t end, std::uint32_t peer,
                   const std::string& what)
    : header_(header), lock_(reopen(fd)), end_(end), peer_(peer) {
    if (lock_) {
        struct flock lock = lock_of(end, F_WRLCK);
        if (::fcntl(lock_.get(), F_OFD_SETLK, &lock) != 0) {
            const int error = errno;
            if (error == EAGAIN || error == EACCES)
                fail(std::errc::device_or_resource_busy,
                     what + " is claimed by another process or by another end of this one");
            fail_errno(error, what + " cannot be claimed");
        }
    }
    word_ = shmq_channel_take_end(header_, end_, lock_ ? SHMQ_CHANNEL_HELD : SHMQ_CHANNEL_UNLOCKED);
}

void EndClaim::leave() noexcept {
    shmq_channel_leave_end(header_, end_, word_);
}

bool EndClaim::peer_lock_free() const noexcept {
    struct flock lock = lock_of(peer_, F_WRLCK);
    return lock_ && ::fcntl(lock_.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
}

Status EndClaim::health(bool thorough) noexcept {
    const std::uint32_t word = shmq_load_acquire(header_, shmq_channel_holder(peer_));
    const std::uint32_t holder = word & SHMQ_CHANNEL_HOLDER;
    if (holder == SHMQ_CHANNEL_HELD && thorough && peer_lock_free()) {
        shmq_channel_leave_end(header_, peer_, word);
        return Status::PeerGone;
    }
    return holder == SHMQ_CHANNEL_GONE ? Status::PeerGone : Status::Ok;
}

Holder EndClaim::peer() noexcept {
    if (health(true) == Status::PeerGone)
        return Holder::gone;
    const std::uint32_t word = shmq_load_acquire(header_, shmq_channel_holder(peer_));
    return (word & SHMQ_CHANNEL_HOLDER) == SHMQ_CHANNEL_NOBODY ? Holder::nobody : Holder::user;
}

} // namespace shmq::detail
