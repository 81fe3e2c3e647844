// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Values of a cell that tell which they are, and whether they are whole.
#ifndef SHMQ_TESTS_CELL_VALUES_HPP
#define SHMQ_TESTS_CELL_VALUES_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

/// `Bytes` bytes, each word of which follows from the value's number.
template <std::size_t Bytes>
struct Numbered {
    std::array<std::uint32_t, Bytes / 4> words;

    static Numbered make(std::uint32_t n) {
        Numbered v; // NOLINT(cppcoreguidelines-pro-type-member-init)
        for (std::uint32_t i = 0; i < v.words.size(); ++i)
            v.words[i] = n + i * 2654435761u;
        return v;
    }
    [[nodiscard]] std::uint32_t number() const { return words[0]; }
    [[nodiscard]] bool whole() const { return words == make(number()).words; }
};

/// A cell's name that no other test uses: ShmName without its slash.
inline std::string cell_name(const std::string& shm_name) {
    return shm_name.substr(1);
}

#endif // SHMQ_TESTS_CELL_VALUES_HPP
