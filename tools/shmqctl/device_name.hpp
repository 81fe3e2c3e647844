// SPDX-License-Identifier: GPL-2.0-only OR MIT
// How a user names a device.
#ifndef SHMQCTL_DEVICE_NAME_HPP
#define SHMQCTL_DEVICE_NAME_HPP

#include <cstdint>
#include <string>

namespace shmqctl {

/// What DEVICE may be, for help texts.
inline constexpr const char* device_help = "0, shmq0 or /dev/shmq0";

/// Its number. Throws WrongUse.
[[nodiscard]] std::uint32_t device_number(const std::string& name);

} // namespace shmqctl

#endif // SHMQCTL_DEVICE_NAME_HPP
