// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What the command line asks for.
#ifndef BENCH_OPTIONS_HPP
#define BENCH_OPTIONS_HPP

#include "abi.h"

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

struct Options {
    unsigned rounds = 9;
    unsigned slot_ms = 100; ///< how long one measurement takes
    std::vector<std::uint32_t> sizes;
    std::vector<std::string> only; ///< names, or beginnings of names that end in *
    std::vector<bench_policy> policies{BENCH_SPIN, BENCH_GATHER};
    std::string json;
    bool list = false;
    bool help = false;
};

/// Throws std::invalid_argument, whose what() says what is wrong.
Options parse_options(int argc, char** argv);

extern const char* const usage;

/// Whether `only` asks for the name: by itself, or all if it is empty.
bool asked_for(const Options& options, const std::string& name);

} // namespace bench

#endif // BENCH_OPTIONS_HPP
