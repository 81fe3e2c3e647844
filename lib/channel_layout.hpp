// SPDX-License-Identifier: GPL-2.0-only OR MIT
#ifndef SHMQ_LIB_CHANNEL_LAYOUT_HPP
#define SHMQ_LIB_CHANNEL_LAYOUT_HPP

#include <shmq/core/channel.h>
#include <shmq/format.hpp>
#include <shmq/region.hpp>

#include <cstddef>
#include <string>

namespace shmq::detail {

inline shmq_base base_of(const Region& region) noexcept {
    return reinterpret_cast<shmq_base>(region.bytes().data());
}

/// Where header and queues of a channel lie that is to be made: see
/// core/channel.h. Throws EINVAL for a size that cannot be.
shmq_channel plan_channel(std::size_t queue_size, const Format& format, bool spin_only);

/// Makes a channel of zeroed memory. `what` begins the message of a failure.
void write_layout(const Region& region, const shmq_channel& layout, const std::string& what);

/// A private, checked copy of a channel's header. Throws EPROTO, or EAGAIN where
/// its creator is not done.
shmq_channel read_layout(const Region& region, const std::string& what);

} // namespace shmq::detail

#endif // SHMQ_LIB_CHANNEL_LAYOUT_HPP
