// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A random sequence of operations, and the record of it.
#ifndef SHMQ_TESTS_INTEROP_FUZZ_SEQUENCE_HPP
#define SHMQ_TESTS_INTEROP_FUZZ_SEQUENCE_HPP

#include "../support/shared_memory.hpp"
#include "../support/text.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// The crate and ours did not do the same.
struct Difference : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The operations that were made, for the report.
using Trace = std::vector<std::string>;

/// The same on every machine: std::uniform_int_distribution is not.
class Random {
public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}

    /// 0 to `below` - 1.
    std::uint32_t operator()(std::uint32_t below) {
        return static_cast<std::uint32_t>(engine_() % below);
    }

    template <typename List>
    const auto& one_of(const List& list) {
        return list[(*this)(static_cast<std::uint32_t>(std::size(list)))];
    }

    std::string bytes(std::size_t n) { return message(n, static_cast<std::uint32_t>(engine_())); }

private:
    std::mt19937_64 engine_;
};

inline void require(bool ok, std::string_view what) {
    if (!ok)
        throw Difference(std::string(what));
}

template <typename T>
void require_same(const T& a, const T& b, std::string_view what) {
    require(a == b, what);
}

inline void require_same(std::string_view a, std::string_view b, std::string_view what) {
    if (a != b)
        throw Difference(std::string(what) + ":\n  " + hex(a) + "\n  " + hex(b));
}

/// Both throw a Difference; `trace` then ends with the operation that made it.
void fuzz_bytes(std::uint64_t seed, std::uint32_t operations, Trace& trace);
void fuzz_messages(std::uint64_t seed, std::uint32_t operations, Trace& trace);

#endif // SHMQ_TESTS_INTEROP_FUZZ_SEQUENCE_HPP
