// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "end_claim.hpp"

#include "failure.hpp"
#include "file_lock.hpp"

namespace shmq::detail {

EndClaim::EndClaim(shmq_base header, int fd, std::uint32_t end, std::uint32_t peer,
                   const std::string& what)
    : header_(header), lock_(reopen(fd)), end_(end), peer_(peer) {
    if (lock_) {
        const int error = lock_byte(lock_, end); // its number is its byte
        if (locked_by_another(error))
            fail(std::errc::device_or_resource_busy,
                 what + " is claimed by another process or by another end of this one");
        if (error)
            fail_errno(error, what + " cannot be claimed");
    }
    word_ = shmq_channel_take_end(header_, end_, lock_ ? SHMQ_CHANNEL_HELD : SHMQ_CHANNEL_UNLOCKED);
}

void EndClaim::leave() noexcept {
    shmq_channel_leave_end(header_, end_, word_);
}

Status EndClaim::health(bool thorough) noexcept {
    const std::uint32_t word = shmq_load_acquire(header_, shmq_channel_holder(peer_));
    const std::uint32_t holder = word & SHMQ_CHANNEL_HOLDER;
    if (holder == SHMQ_CHANNEL_HELD && thorough && byte_is_free(lock_, peer_)) {
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
