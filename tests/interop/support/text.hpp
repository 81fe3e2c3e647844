// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What is sent: bytes that differ from message to message, and a way to see them.
#ifndef SHMQ_TESTS_INTEROP_TEXT_HPP
#define SHMQ_TESTS_INTEROP_TEXT_HPP

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

/// `n` bytes that only this `which` has.
inline std::string message(std::size_t n, std::uint32_t which = 0) {
    std::string s(n, '\0');
    std::uint32_t x = which * 2654435761u + 1;
    for (char& c : s) {
        x = x * 1664525u + 1013904223u;
        c = static_cast<char>(x >> 24);
    }
    return s;
}

/// For reports.
inline std::string hex(std::string_view bytes) {
    std::string s;
    for (const char c : bytes) {
        char two[4];
        std::snprintf(two, sizeof(two), "%02x", static_cast<unsigned char>(c));
        s += two;
    }
    return s;
}

#endif // SHMQ_TESTS_INTEROP_TEXT_HPP
