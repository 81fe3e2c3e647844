// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "sequence.hpp"

#include <charconv>
#include <cstdint>
#include <cstring>
#include <exception>
#include <iostream>
#include <string_view>

namespace {

constexpr char usage[] =
    R"(interop-fuzz - random operations on queues of the crate and on ours

usage: interop-fuzz [--seed S] [--count N] [--operations K]

  --seed S         the first sequence's (1); the next has S + 1
  --count N        how many sequences, of bytes and of messages each (2000)
  --operations K   how many operations a sequence has (100)
  --help           this

Prints the seed and the operations of the first sequence in which the crate and
ours did not do the same, and exits 1. To repeat it: --seed with that seed,
--count 1, and the same --operations.

examples:
  interop-fuzz --seed 1000 --count 1000000
  interop-fuzz --seed 4711 --count 1
)";

struct Options {
    std::uint64_t seed = 1;
    std::uint64_t count = 2000;
    std::uint32_t operations = 100;
};

template <typename T>
bool number(const char* text, T& to) {
    if (!text)
        return false;
    const char* end = text + std::strlen(text);
    const auto r = std::from_chars(text, end, to);
    return r.ec == std::errc() && r.ptr == end;
}

using Fuzz = void (*)(std::uint64_t seed, std::uint32_t operations, Trace& trace);

bool run(std::string_view what, Fuzz fuzz, std::uint64_t seed, std::uint32_t operations) {
    Trace trace;
    try {
        fuzz(seed, operations, trace);
        return true;
    } catch (const std::exception& e) {
        std::cerr << what << ", seed " << seed << ": " << e.what() << "\noperations:\n";
        for (const std::string& line : trace)
            std::cerr << "  " << line << '\n';
        std::cerr << "again: interop-fuzz --seed " << seed << " --count 1 --operations "
                  << operations << '\n';
        return false;
    }
}

} // namespace

int main(int argc, char** argv) {
    Options o;
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        if (option == "--help") {
            std::cout << usage;
            return 0;
        }
        const char* value = argv[++i]; // argv ends with a null
        const bool good = option == "--seed"         ? number(value, o.seed)
                          : option == "--count"      ? number(value, o.count)
                          : option == "--operations" ? number(value, o.operations)
                                                     : false;
        if (!good) {
            std::cerr << "interop-fuzz: cannot make sense of " << option << "; see --help\n";
            return 2;
        }
    }
    for (std::uint64_t i = 0; i < o.count; ++i)
        if (!run("bytes", fuzz_bytes, o.seed + i, o.operations) ||
            !run("messages", fuzz_messages, o.seed + i, o.operations))
            return 1;
    std::cout << o.count << " sequences from seed " << o.seed << ", no difference\n";
}
