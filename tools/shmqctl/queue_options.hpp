// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Which queue, and what is on it: the options that send and recv share.
#ifndef SHMQCTL_QUEUE_OPTIONS_HPP
#define SHMQCTL_QUEUE_OPTIONS_HPP

#include <shmq/format.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace shmqctl {

enum class Half { by_default, first, second, all };

struct QueueOptions {
    std::string path;
    std::uint64_t create = 0; ///< bytes; 0: it exists
    std::string half;
    std::string type = "msg";
    std::string framing;
    std::optional<std::string> prefix;
    std::uint64_t offset = 0;
    std::uint64_t size = 0; ///< 0: the rest

    [[nodiscard]] bool bytes() const { return type == "bytes"; }
    [[nodiscard]] Half which_half() const;
    /// Whether the user said how messages lie in the queue.
    [[nodiscard]] bool has_format() const { return !framing.empty() || prefix.has_value(); }
    [[nodiscard]] shmq::Format format() const;
};

/// What PATH may be, for help texts.
inline constexpr const char* path_help =
    "/dev/shmqN; shm:/NAME, POSIX shared memory; or a file, such as the memory of a "
    "virtual machine or a firmware";

void add_queue_options(CLI::App& sub, QueueOptions& options);

} // namespace shmqctl

#endif // SHMQCTL_QUEUE_OPTIONS_HPP
