// SPDX-License-Identifier: GPL-2.0-only OR MIT
// How messages lie in a queue. Both ends must use the same format.
#ifndef SHMQ_FORMAT_HPP
#define SHMQ_FORMAT_HPP

#include <shmq/core/frame.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <system_error>

namespace shmq {

/// The framing of a queue and its parameters; a value.
class Format {
public:
    /// Most bytes of a prefix.
    static constexpr std::size_t max_prefix = SHMQ_PREFIX_MAX;

    /// Frames with a prefix (0 to 64 bytes, any values), and a CRC-32 over head
    /// and data: a reader recovers from garbage and damage. Costs the prefix
    /// and 13 bytes a message. Throws std::system_error (invalid_argument) for
    /// a longer prefix.
    [[nodiscard]] static Format checked(std::string_view prefix = "SHMQ") {
        if (prefix.size() > max_prefix)
            throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                                    "a prefix has at most 64 bytes");
        Format f;
        f.core_.framing = SHMQ_CHECKED;
        f.core_.prefix_length = static_cast<std::uint32_t>(prefix.size());
        if (!prefix.empty())
            std::memcpy(f.core_.prefix, prefix.data(), prefix.size());
        return f;
    }

    /// Frames of size and tag alone: for coherent memory and trusted writers.
    /// Data is 8-byte aligned. Costs 8 bytes and the padding to a multiple of 8.
    [[nodiscard]] static Format plain() noexcept {
        Format f;
        f.core_.framing = SHMQ_PLAIN;
        return f;
    }

    /// For a format that was read from a header page or a driver.
    [[nodiscard]] static Format from_core(const shmq_format& core) noexcept {
        Format f;
        f.core_ = core;
        return f;
    }

    [[nodiscard]] bool is_plain() const noexcept { return core_.framing == SHMQ_PLAIN; }

    [[nodiscard]] std::span<const std::byte> prefix() const noexcept {
        return std::as_bytes(std::span(core_.prefix, core_.prefix_length));
    }

    /// Bytes that a message of `length` bytes takes in the queue.
    [[nodiscard]] std::uint64_t frame_length(std::uint32_t length) const noexcept {
        return shmq_frame_length(&core_, length);
    }

    [[nodiscard]] const shmq_format& core() const noexcept { return core_; }

    friend bool operator==(const Format& a, const Format& b) noexcept {
        return a.core_.framing == b.core_.framing &&
               a.core_.prefix_length == b.core_.prefix_length &&
               std::memcmp(a.core_.prefix, b.core_.prefix, a.core_.prefix_length) == 0;
    }

private:
    Format() noexcept = default;

    shmq_format core_{};
};

} // namespace shmq

#endif // SHMQ_FORMAT_HPP
