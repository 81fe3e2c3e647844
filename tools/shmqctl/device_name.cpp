// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "device_name.hpp"

#include "exit_status.hpp"

#include <charconv>
#include <string_view>

namespace shmqctl {

std::uint32_t device_number(const std::string& name) {
    std::string_view digits = name;
    for (const std::string_view before : {"dev:", "/dev/", "shmq"})
        if (digits.starts_with(before))
            digits.remove_prefix(before.size());
    std::uint32_t number = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, number);
    if (error != std::errc() || stop != end)
        throw WrongUse("'" + name + "' is no device: 0, shmq0 and /dev/shmq0 are");
    return number;
}

} // namespace shmqctl
