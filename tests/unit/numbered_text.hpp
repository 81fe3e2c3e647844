// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Messages that tell which they are, and whether they are whole.
#ifndef SHMQ_TESTS_NUMBERED_TEXT_HPP
#define SHMQ_TESTS_NUMBERED_TEXT_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

/// The number, and what follows from it up to that length, of 4 or more.
inline std::string numbered_text(std::uint32_t n, std::size_t length) {
    std::string s(length, static_cast<char>(n));
    std::memcpy(s.data(), &n, sizeof(n));
    return s;
}

#endif // SHMQ_TESTS_NUMBERED_TEXT_HPP
