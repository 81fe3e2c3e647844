// SPDX-License-Identifier: GPL-2.0-only OR MIT
// shmq-bench-cell: a cell beside a bare seqlock and a process-shared rwlock.
#include "measure.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace bench;

constexpr const char* description =
    "Writes and reads one value as fast as it goes: a cell, with seats and without, beside a bare\n"
    "seqlock and a process-shared rwlock. The writer has the first CPU that this process may use,\n"
    "all readers the second. Everything is measured in turn, round by round; printed are medians\n"
    "of the rounds, and the least and the most for what is compared. A write is timed in the\n"
    "writer's CPU time. A read is due every 5 us, and timed with all its attempts; where one "
    "takes\n"
    "longer, those that were due meanwhile count as late too. After a million attempts it is "
    "given\n"
    "up.\n\n"
    "example: shmq-bench-cell --rounds 9 --slot 40";

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

using Rounds = std::vector<Figures>;

template <typename Get>
std::vector<double> each(const Rounds& rounds, Get get) {
    std::vector<double> values;
    for (const Figures& f : rounds)
        values.push_back(get(f));
    return values;
}

std::string spread(const std::vector<double>& values) {
    char text[64];
    std::snprintf(text, sizeof(text), "%9.1f  %7.1f .. %8.1f", median(values),
                  *std::ranges::min_element(values), *std::ranges::max_element(values));
    return text;
}

void print(const std::string& name, const Rounds& rounds, const Rounds& first) {
    std::string line(24, ' ');
    line.replace(0, name.size(), name);
    if (rounds[0].write_ns) {
        const auto get = [](const Figures& f) { return *f.write_ns; };
        const std::vector<double> values = each(rounds, get);
        char ratio[32];
        std::snprintf(ratio, sizeof(ratio), "  %6.2f", median(values) / median(each(first, get)));
        line += spread(values) + ratio;
    } else {
        line += std::string(39, ' ');
    }
    if (rounds[0].read_ns) {
        char text[96];
        std::snprintf(text, sizeof(text), "  %9.0f %10.0f %12.0f  %6.2f%%",
                      median(each(rounds, [](const Figures& f) { return *f.read_ns; })),
                      median(each(rounds, [](const Figures& f) { return f.read_p99_ns; })),
                      median(each(rounds, [](const Figures& f) { return f.read_max_ns; })),
                      100 * median(each(rounds, [](const Figures& f) { return f.failed; })));
        line += text;
    }
    std::puts(line.c_str());
}

int run(unsigned rounds, unsigned slot_ms, const std::vector<std::size_t>& sizes) {
    const std::vector<std::pair<std::string, Scenario>> scenarios{
        {"writer alone", {true, 0}},
        {"reader alone", {false, 1}},
        {"writer and 1 reader", {true, 1}},
        {"writer and 4 readers", {true, 4}},
    };
    for (const std::size_t size : sizes) {
        const std::vector<Kind> all = kinds(size);
        std::vector<std::vector<Rounds>> results(scenarios.size(), std::vector<Rounds>(all.size()));
        for (unsigned round = 0; round < rounds; ++round)
            for (std::size_t s = 0; s < scenarios.size(); ++s)
                for (std::size_t k = 0; k < all.size(); ++k)
                    results[s][k].push_back(
                        measure(all[k], scenarios[s].second, std::chrono::milliseconds(slot_ms)));
        for (std::size_t s = 0; s < scenarios.size(); ++s) {
            std::printf("\n%zu bytes, %s\n%-24s%9s  %19s  %6s  %9s %10s %12s  %7s\n", size,
                        scenarios[s].first.c_str(), "ns", "write", "least .. most", "ratio",
                        "read p50", "p99", "most", "given up");
            for (std::size_t k = 0; k < all.size(); ++k)
                print(all[k].name, results[s][k], results[s][0]);
        }
    }
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app(description);
    unsigned rounds = 9;
    unsigned slot_ms = 40;
    std::vector<std::size_t> sizes{64, 4096};
    app.add_option("--rounds", rounds, "How often everything is measured, in turn")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    app.add_option("--slot", slot_ms, "Milliseconds of one measurement")
        ->check(CLI::Range(1, 10000))
        ->capture_default_str();
    app.add_option("--sizes", sizes, "Bytes of a value")
        ->delimiter(',')
        ->check(CLI::IsMember({64, 1024, 4096}))
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    try {
        return run(rounds, slot_ms, sizes);
    } catch (const std::exception& e) {
        std::cerr << "shmq-bench-cell: " << e.what() << '\n';
        return 1;
    }
}
