// SPDX-License-Identifier: GPL-2.0-only OR MIT
// How an end attaches to a queue in memory.
#ifndef SHMQ_ATTACH_HPP
#define SHMQ_ATTACH_HPP

#include <shmq/bell.hpp>
#include <shmq/waiting.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <system_error>

namespace shmq {

/// What an end needs besides memory and format. A Channel fills this in.
struct AttachOptions {
    Wait wait = Wait::spin();
    std::shared_ptr<Bell> bell = nullptr; ///< required by policies that sleep
    std::uint32_t max_message = 0;        ///< longest to send, bytes; 0: what the queue can hold
};

/// Makes an empty byte queue of the memory. Once, before either end attaches.
/// The memory is 4-byte aligned (8 for plain messages), of 10 bytes to 2 GiB,
/// of which 8 are the two positions and one stays spare.
/// Throws std::system_error (Status::Invalid) for anything else.
void create_queue(std::span<std::byte> memory);
void create_queue(std::span<std::byte> memory, std::error_code& ec);

} // namespace shmq

#endif // SHMQ_ATTACH_HPP
