// SPDX-License-Identifier: GPL-2.0-only OR MIT
// How a device is to be: the options that add and set share.
#ifndef SHMQCTL_DEVICE_OPTIONS_HPP
#define SHMQCTL_DEVICE_OPTIONS_HPP

#include <shmq/control.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace shmqctl {

struct DeviceOptions {
    std::optional<std::string> handler;
    std::optional<std::string> period;
    std::optional<std::uint32_t> priority;
    std::optional<std::string> cpu;
    std::optional<std::uint64_t> print_offset;
    std::optional<std::uint32_t> print_words;
    std::optional<std::string> print_format;
    std::optional<std::string> tick;
    std::optional<std::string> restart;
    std::optional<std::string> mode;
    std::optional<std::string> owner;
    std::optional<std::string> group;

    /// Whether anything was given.
    [[nodiscard]] bool any() const noexcept;
    /// Puts what was given into `change`. Throws WrongUse.
    void apply(shmq::DeviceChange& change) const;
};

void add_device_options(CLI::App& sub, DeviceOptions& options);

} // namespace shmqctl

#endif // SHMQCTL_DEVICE_OPTIONS_HPP
