// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What the command line asks for.
#ifndef BENCH_OPTIONS_HPP
#define BENCH_OPTIONS_HPP

#include "abi.h"

#include <cstdint>
#include <optional>
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
};

/// Nothing, or the exit status: help was asked for, or the arguments are wrong.
std::optional<int> parse_options(int argc, char** argv, Options& options);

/// Whether `only` asks for the name: by itself, or all if it is empty.
bool asked_for(const Options& options, const std::string& name);

} // namespace bench

#endif // BENCH_OPTIONS_HPP
