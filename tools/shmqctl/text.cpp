// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "text.hpp"

#include "exit_status.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace shmqctl {

namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

} // namespace

std::string to_hex(std::string_view bytes) {
    std::string hex;
    hex.reserve(2 * bytes.size());
    for (const char c : bytes) {
        const auto value = static_cast<unsigned char>(c);
        hex += hex_digits[value >> 4];
        hex += hex_digits[value & 15];
    }
    return hex;
}

std::optional<std::string> from_hex(std::string_view hex) {
    if (hex.size() % 2 != 0)
        return std::nullopt;
    std::string bytes;
    bytes.reserve(hex.size() / 2);
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        const char* end = hex.data() + i + 2;
        unsigned char value = 0;
        const auto [stop, error] = std::from_chars(hex.data() + i, end, value, 16);
        if (error != std::errc() || stop != end)
            return std::nullopt;
        bytes += static_cast<char>(value);
    }
    return bytes;
}

std::string text_or_hex(const std::string& text) {
    if (!text.starts_with("0x") && !text.starts_with("0X"))
        return text;
    const auto bytes = from_hex(std::string_view(text).substr(2));
    if (!bytes)
        throw WrongUse("'" + text + "' begins as hex, and is no whole number of bytes in hex");
    return *bytes;
}

std::string printable(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        const auto value = static_cast<unsigned char>(c);
        if ((value < 0x20 && c != '\n' && c != '\t') || value == 0x7f)
            safe += "\\x" + to_hex({&c, 1});
        else
            safe += c;
    }
    return safe;
}

std::string human_bytes(std::uint64_t bytes) {
    constexpr std::array units = {"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    auto value = static_cast<double>(bytes);
    while (value >= 1024 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    char text[32];
    const bool whole = value == static_cast<double>(static_cast<std::uint64_t>(value));
    std::snprintf(text, sizeof(text), "%.*f %s", whole ? 0 : 1, value, units[unit]);
    return text;
}

std::string human_count(double count) {
    constexpr std::array units = {"", " k", " M", " G", " T"};
    std::size_t unit = 0;
    while (count >= 1000 && unit + 1 < units.size()) {
        count /= 1000;
        ++unit;
    }
    const int digits = unit == 0 ? 0 : count < 10 ? 2 : count < 100 ? 1 : 0;
    char text[32];
    std::snprintf(text, sizeof(text), "%.*f%s", digits, count, units[unit]);
    return text;
}

} // namespace shmqctl
