// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What an end has done since it attached.
#ifndef SHMQ_STATISTICS_HPP
#define SHMQ_STATISTICS_HPP

#include <cstdint>

namespace shmq {

/// Counted by the end itself, for the thread that has it: nothing here lies in
/// shared memory, and the peer's end counts for itself. What a device's queues
/// and the kernel's ends have done, Control tells.
struct Statistics {
    std::uint64_t messages = 0; ///< sent or taken; of a byte end: transfers
    std::uint64_t bytes = 0;    ///< of their data, without what frames add
    std::uint64_t nothing = 0;  ///< looks that found the queue full (empty)
    std::uint64_t damaged = 0;  ///< answers that told of damage (BadCrc, BadVersion, TooBig)
    std::uint64_t waits = 0;    ///< calls that had to pass time
    std::uint64_t sleeps = 0;   ///< times that it slept until rung or a timer
    std::uint64_t rings = 0;    ///< times that it woke a sleeping peer
};

} // namespace shmq

#endif // SHMQ_STATISTICS_HPP
