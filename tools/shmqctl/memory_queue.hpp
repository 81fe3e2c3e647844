// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A queue in bare memory: in a file or POSIX shared memory, without a header.
#ifndef SHMQCTL_MEMORY_QUEUE_HPP
#define SHMQCTL_MEMORY_QUEUE_HPP

#include "queue_options.hpp"

#include <shmq/region.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace shmqctl {

/// The memory that the options name.
struct Memory {
    shmq::Region region;        ///< what is mapped
    std::span<std::byte> bytes; ///< from --offset, --size of it
    std::uint64_t offset = 0;   ///< of `bytes` in the file
};

/// Maps it, and with --create makes it first. Throws std::system_error, WrongUse.
[[nodiscard]] Memory open_memory(const QueueOptions& options);

/// Where the queue lies in the memory; each half is a multiple of 8 bytes.
[[nodiscard]] std::span<std::byte> queue_in(std::span<std::byte> memory, Half half);

/// Keeps a second shmqctl from the same end, until the process ends: a lock on
/// the end's position in the file. Memory that knows no locks has none.
void lock_end(const Memory& memory, std::span<std::byte> queue, bool consumer,
              const std::string& path);

} // namespace shmqctl

#endif // SHMQCTL_MEMORY_QUEUE_HPP
