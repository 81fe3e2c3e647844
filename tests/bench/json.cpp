// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "results.hpp"

#include <cerrno>
#include <cmath>
#include <fstream>
#include <iomanip>
#include <system_error>

namespace bench {

namespace {

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += '\\';
        if (static_cast<unsigned char>(c) >= ' ')
            out += c;
    }
    return out + '"';
}

void write_array(std::ostream& out, const char* name, const std::vector<double>& values) {
    out << ", \"" << name << "\": [";
    for (std::size_t i = 0; i < values.size(); ++i)
        out << (i ? ", " : "") << values[i];
    out << ']';
}

const char* kind_name(std::uint32_t kind) {
    static const char* const names[] = {"ours", "crate", "ring", "bulk ring", "kernel", "limit"};
    return names[kind];
}

} // namespace

void write_json(const Results& results, const std::string& path) {
    std::ofstream out(path);
    out << std::setprecision(6);
    out << "{\n\"cpu\": " << quoted(results.machine.cpu)
        << ",\n\"kernel\": " << quoted(results.machine.kernel)
        << ",\n\"compiler\": " << quoted(results.machine.compiler)
        << ",\n\"load\": " << results.machine.load << ",\n\"rounds\": " << results.options.rounds
        << ",\n\"slot_ms\": " << results.options.slot_ms
        << ",\n\"disturbed\": " << results.disturbed().first << ",\n\"cells\": [";
    const char* separator = "\n";
    for (const Cell& c : results.cells) {
        out << separator << "{\"peer\": " << quoted(c.peer.name)
            << ", \"kind\": " << quoted(kind_name(c.peer.kind)) << ", \"size\": " << c.size
            << ", \"metric\": "
            << (c.metric == Metric::throughput ? "\"throughput\"" : "\"round trip\"")
            << ", \"policy\": "
            << (c.peer.kind == BENCH_KERNEL ? "\"blocking\""
                : c.policy == BENCH_SPIN    ? "\"spin\""
                                            : "\"gather\"");
        if (!c.error.empty())
            out << ", \"error\": " << quoted(c.error);
        if (c.metric == Metric::throughput) {
            write_array(out, "messages_per_second", c.rate);
        } else {
            write_array(out, "p50_ns", c.p50);
            write_array(out, "p99_ns", c.p99);
        }
        out << '}';
        separator = ",\n";
    }
    out << "\n]\n}\n";
    out.close();
    if (!out)
        throw std::system_error(errno, std::generic_category(), "cannot write " + path);
}

} // namespace bench
