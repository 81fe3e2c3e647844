// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "results.hpp"

#include <cerrno>
#include <fstream>
#include <system_error>

#include <nlohmann/json.hpp>

namespace bench {

namespace {

const char* kind_name(std::uint32_t kind) {
    static const char* const names[] = {"ours", "crate", "ring", "bulk ring", "kernel", "limit"};
    return names[kind];
}

nlohmann::ordered_json to_json(const Cell& c) {
    nlohmann::ordered_json j = {
        {"peer", c.peer.name},
        {"kind", kind_name(c.peer.kind)},
        {"size", c.size},
        {"metric", c.metric == Metric::throughput ? "throughput" : "round trip"},
        {"policy", c.peer.kind == BENCH_KERNEL ? "blocking"
                   : c.policy == BENCH_SPIN    ? "spin"
                                               : "gather"},
    };
    if (!c.error.empty())
        j["error"] = c.error;
    if (c.metric == Metric::throughput) {
        j["messages_per_second"] = c.rate;
    } else {
        j["p50_ns"] = c.p50;
        j["p99_ns"] = c.p99;
    }
    return j;
}

} // namespace

void write_json(const Results& results, const std::string& path) {
    nlohmann::ordered_json j = {
        {"cpu", results.machine.cpu},
        {"kernel", results.machine.kernel},
        {"compiler", results.machine.compiler},
        {"load", results.machine.load},
        {"rounds", results.options.rounds},
        {"slot_ms", results.options.slot_ms},
        {"disturbed", results.disturbed().first},
    };
    for (const Cell& c : results.cells)
        j["cells"].push_back(to_json(c));
    std::ofstream out(path);
    out << j.dump(1) << '\n';
    out.close();
    if (!out)
        throw std::system_error(errno, std::generic_category(), "cannot write " + path);
}

} // namespace bench
