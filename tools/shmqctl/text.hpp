// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Text for people, and from them.
#ifndef SHMQCTL_TEXT_HPP
#define SHMQCTL_TEXT_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shmqctl {

/// "TEXT", or the bytes of "0xHEX". Throws WrongUse for odd hex.
[[nodiscard]] std::string text_or_hex(const std::string& text);

[[nodiscard]] std::string to_hex(std::string_view bytes);
/// Nothing if it is no even number of hex digits.
[[nodiscard]] std::optional<std::string> from_hex(std::string_view hex);

/// What may go to a terminal: control characters, but for newline and tab, as \xNN.
[[nodiscard]] std::string printable(std::string_view text);

/// 262144 as "256 KiB"; what is no whole number has a digit after the point.
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);

/// 1234567 as "1.23 M".
[[nodiscard]] std::string human_count(double count);

} // namespace shmqctl

#endif // SHMQCTL_TEXT_HPP
