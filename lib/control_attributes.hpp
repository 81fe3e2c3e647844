// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The attributes of docs/netlink/shmq.yaml as values, and back.
#ifndef SHMQ_LIB_CONTROL_ATTRIBUTES_HPP
#define SHMQ_LIB_CONTROL_ATTRIBUTES_HPP

#include "netlink_socket.hpp"

#include <shmq/control.hpp>

#include <optional>

namespace shmq::detail {

/// Attributes that this library does not know are passed over.
[[nodiscard]] DeviceStatus device_in(const nlmsghdr& message);
[[nodiscard]] DeviceStatistics statistics_in(const nlmsghdr& message);
/// Nothing for a command that this library does not know.
[[nodiscard]] std::optional<Event> event_in(const nlmsghdr& message);

void put_change(Request& request, const DeviceChange& change);
void put_settings(Request& request, const DeviceSettings& settings);

} // namespace shmq::detail

#endif // SHMQ_LIB_CONTROL_ATTRIBUTES_HPP
