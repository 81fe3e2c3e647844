// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Who writes and who reads: the C++ library, copying or in place, or the crate.
#ifndef SHMQ_TESTS_INTEROP_SIDES_HPP
#define SHMQ_TESTS_INTEROP_SIDES_HPP

#include <gtest/gtest.h>

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

enum class Side : std::uint8_t { cpp, cpp_in_place, crate };

inline const char* name(Side s) {
    switch (s) {
    case Side::cpp:
        return "Cpp";
    case Side::cpp_in_place:
        return "CppInPlace";
    case Side::crate:
        return "Crate";
    }
    return "?";
}

struct Pair {
    Side writer;
    Side reader;
};

inline std::vector<Pair> pairs() {
    std::vector<Pair> all;
    for (const Side w : {Side::cpp, Side::cpp_in_place, Side::crate})
        for (const Side r : {Side::cpp, Side::cpp_in_place, Side::crate})
            all.push_back({w, r});
    return all;
}

inline std::string name(const Pair& p) {
    return std::string(name(p.writer)) + "To" + name(p.reader);
}

/// For the names that ctest shows.
inline void PrintTo(const Pair& p, std::ostream* out) {
    *out << name(p);
}

/// The pairs as parameters of a test.
class Pairings : public testing::TestWithParam<Pair> {
protected:
    [[nodiscard]] static Side writer() { return GetParam().writer; }
    [[nodiscard]] static Side reader() { return GetParam().reader; }
};

inline auto pair_name() {
    return [](const testing::TestParamInfo<Pair>& i) { return name(i.param); };
}

#endif // SHMQ_TESTS_INTEROP_SIDES_HPP
