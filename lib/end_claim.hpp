// SPDX-License-Identifier: GPL-2.0-only OR MIT
#ifndef SHMQ_LIB_END_CLAIM_HPP
#define SHMQ_LIB_END_CLAIM_HPP

#include "descriptor.hpp"

#include <shmq/bell.hpp>
#include <shmq/core/channel.h>
#include <shmq/status.hpp>

#include <cstdint>
#include <string>

namespace shmq::detail {

/// One end of a process-shared channel, held: a lock on the file behind the
/// memory, which the kernel takes back when its holder dies, and a word in the
/// header for a quick look. A forked child holds what its parent had claimed.
///
/// Without a descriptor of the memory, or without /proc, nothing stops a second
/// holder and a peer that crashes is not noticed.
class EndClaim {
public:
    /// Throws (EBUSY) if somebody else has the end.
    EndClaim(shmq_base header, int fd, std::uint32_t end, std::uint32_t peer,
             const std::string& what);
    EndClaim(const EndClaim&) = delete;
    EndClaim& operator=(const EndClaim&) = delete;

    /// Tells that the end is given back; call it before the last ring.
    void leave() noexcept;

    /// PeerGone or Ok. Thorough: also finds out that the peer has crashed.
    Status health(bool thorough) noexcept;
    [[nodiscard]] Holder peer() noexcept;

private:
    shmq_base header_;
    Descriptor lock_;
    std::uint32_t end_;
    std::uint32_t peer_;
    std::uint32_t word_ = 0;
};

} // namespace shmq::detail

#endif // SHMQ_LIB_END_CLAIM_HPP
