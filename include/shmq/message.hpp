// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What reading a message gives.
#ifndef SHMQ_MESSAGE_HPP
#define SHMQ_MESSAGE_HPP

#include <shmq/status.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace shmq {

/// The user's message type; travels in plain frames only, 0 otherwise.
enum class Tag : std::uint32_t {};

/// A message in the consumer's own buffer, or why there is none. Valid until
/// the next call on the consumer.
class [[nodiscard]] Message {
public:
    Message(Status status) noexcept : status_(status) {}
    Message(std::span<const std::byte> data, Tag tag) noexcept
        : data_(data), tag_(tag), status_(Status::Ok) {}

    explicit operator bool() const noexcept { return status_ == Status::Ok; }
    [[nodiscard]] Status status() const noexcept { return status_; }

    [[nodiscard]] std::span<const std::byte> data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return data_.size(); }
    [[nodiscard]] std::string_view text() const noexcept {
        return {reinterpret_cast<const char*>(data_.data()), data_.size()};
    }
    [[nodiscard]] Tag tag() const noexcept { return tag_; }

private:
    std::span<const std::byte> data_;
    Tag tag_{};
    Status status_;
};

/// The result of reading into the caller's buffer.
struct [[nodiscard]] Received {
    Status status;
    std::uint32_t size; ///< bytes; with ShortBuffer, how many the message has
    Tag tag;

    explicit operator bool() const noexcept { return status == Status::Ok; }
};

/// The result of drain().
struct Drained {
    std::uint64_t messages;
    Status status; ///< Ok: the callback or the limit stopped it; else why, mostly Empty

    explicit operator bool() const noexcept { return messages > 0; }
};

} // namespace shmq

#endif // SHMQ_MESSAGE_HPP
