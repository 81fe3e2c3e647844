// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "report.hpp"

#include "markdown.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>

namespace bench {

namespace {

using Wanted = std::map<std::uint32_t, double>;

// What ours is to reach, as a multiple of the other: spin, and gather.
struct Comparison {
    const char* title;
    std::vector<const char*> ours;
    const char* other; // a peer; null: the best of a kind at that size
    bench_kind kind;
    Wanted wanted[2]; // or nothing
};

const std::vector<Comparison>& comparisons() {
    static const std::vector<Comparison> all = {
        {"ByteQueue / the crate's ByteQueue",
         {"bytes-batch", "bytes", "bytes-inplace"},
         "crate-bytes",
         BENCH_CRATE,
         {{{8, 10}, {64, 3}, {256, 10}, {1024, 6}, {4096, 16}, {65536, 25}},
          {{8, 12}, {64, 10}, {256, 15}, {1024, 10}, {4096, 16}, {65536, 25}}}},
        {"ByteQueue / the crate's ByteQueue, arrays of messages a call",
         {"bytes-bulk"},
         "crate-bulk",
         BENCH_CRATE,
         {}},
        {"MsgQueue checked / the crate's MsgQueue",
         {"checked", "checked-batch", "checked-inplace"},
         "crate-msgs",
         BENCH_CRATE,
         {{{8, 8}, {64, 6}, {256, 13}, {1024, 25}, {4096, 28}, {65536, 35}},
          {{8, 8}, {64, 8}, {256, 16}, {1024, 25}, {4096, 28}, {65536, 35}}}},
        {"MsgQueue plain / best ring of others, a message a call",
         {"plain-batch", "plain", "plain-inplace"},
         nullptr,
         BENCH_RING,
         {{{8, 1.5}, {64, 1.2}, {256, 1}, {1024, 1}, {4096, 1}, {65536, 1}},
          {{8, 1}, {64, 1}, {256, 1}, {1024, 1}, {4096, 1}, {65536, 1}}}},
        {"Typed stream / best ring of others, a message a call",
         {"stream", "stream-inplace"},
         nullptr,
         BENCH_RING,
         {}},
        {"Arrays of messages / best ring of others, likewise",
         {"bytes-bulk", "stream"},
         nullptr,
         BENCH_BULK,
         {}},
    };
    return all;
}

// Three figures that matter.
std::string figure(double value) {
    const int digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : value >= 0.9995 ? 2 : 3;
    char text[40];
    std::snprintf(text, sizeof(text), "%.*f", digits, value);
    return text;
}

std::string fixed(double value, int digits) {
    char text[40];
    std::snprintf(text, sizeof(text), "%.*f", digits, value);
    return text;
}

std::string with_spread(const Spread& s, double unit) {
    const double half = std::ceil((s.high - s.low) / 2 / s.median * 100);
    return figure(s.median / unit) + " ±" + fixed(half, 0) + "%";
}

std::string as_ratio(const Spread& s) {
    return figure(s.median) + " (" + figure(s.low) + ".." + figure(s.high) + ")";
}

std::string size_name(std::uint32_t size) {
    return size < 1024 ? std::to_string(size) + " B" : std::to_string(size / 1024) + " KiB";
}

const char* policy_name(bench_policy policy) {
    return policy == BENCH_SPIN ? "spin" : "gather";
}

std::vector<std::string> heads(const Results& r, const std::string& first) {
    std::vector<std::string> row{first};
    for (const std::uint32_t size : r.options.sizes)
        row.push_back(size_name(size));
    return row;
}

// A row of what `cell` makes of each size; left out if that is nothing.
template <typename F>
void add_row(Table& table, const Results& r, const std::string& name, F&& cell) {
    std::vector<std::string> row{name};
    bool any = false;
    for (const std::uint32_t size : r.options.sizes) {
        std::string text = cell(size);
        any |= !text.empty();
        row.push_back(text.empty() ? std::string(1, '-') : std::move(text));
    }
    if (any)
        table.add(std::move(row));
}

void throughput(const Results& r, bench_policy policy, std::ostream& out) {
    Table table(heads(r, policy_name(policy)));
    for (const bench_peer& peer : r.peers) {
        if (peer.kind == BENCH_LIMIT)
            continue;
        add_row(table, r, peer.name, [&](std::uint32_t size) -> std::string {
            const Cell* c = r.find(peer.name, size, Metric::throughput, policy);
            return c ? with_spread(spread_of(c->rate), 1e6) : "";
        });
    }
    if (!table.empty())
        out << table << '\n';
}

void streaming(const Results& r, std::ostream& out) {
    const Cell* limit = nullptr;
    for (const bench_policy policy : r.options.policies)
        if (!limit)
            limit = r.find("streaming", 65536, Metric::throughput, policy);
    if (!limit)
        return;
    const double median = spread_of(limit->rate).median;
    out << "Core-to-core streaming, the limit of large messages: " << figure(median * 65536 / 1e9)
        << " GB/s, which is " << figure(median / 1e6) << " million messages of 64 KiB and "
        << figure(median * 16 / 1e6) << " million of 4 KiB.\n\n";
}

void compare(const Results& r, const Comparison& c, bench_policy policy, std::ostream& out) {
    const Wanted& wanted = c.wanted[policy];
    Table table(heads(r, std::string(c.title) + ", " + policy_name(policy)));
    const auto other = [&](std::uint32_t size) {
        return c.other ? r.find(c.other, size, Metric::throughput, policy)
                       : r.best(c.kind, size, policy);
    };
    for (const char* ours : c.ours) {
        add_row(table, r, ours, [&](std::uint32_t size) -> std::string {
            const Cell* a = r.find(ours, size, Metric::throughput, policy);
            const Cell* b = other(size);
            const auto s = a && b ? ratio(a->rate, b->rate) : std::nullopt;
            if (!s)
                return "";
            // Under gather, plain is to be "not slower beyond the spread".
            const double reached = !c.other && policy == BENCH_GATHER ? s->high : s->median;
            const auto goal = wanted.find(size);
            return as_ratio(*s) + (goal != wanted.end() && reached < goal->second ? " <" : "");
        });
    }
    if (table.empty())
        return;
    if (!c.other)
        add_row(table, r, "the other", [&](std::uint32_t size) -> std::string {
            const Cell* b = other(size);
            return b ? b->peer.name : "";
        });
    add_row(table, r, "wanted", [&](std::uint32_t size) {
        const auto goal = wanted.find(size);
        return goal == wanted.end() ? std::string() : figure(goal->second);
    });
    out << table << '\n';
}

void round_trips(const Results& r, std::ostream& out) {
    const Cell* bare = r.find("ping-pong-2", 8, Metric::round_trip, BENCH_SPIN);
    Table table(heads(r, "round trip, ns"));
    for (const bench_peer& peer : r.peers) {
        add_row(table, r, peer.name, [&](std::uint32_t size) -> std::string {
            const Cell* c = r.find(peer.name, size, Metric::round_trip, BENCH_SPIN);
            if (!c)
                return "";
            std::string text =
                fixed(spread_of(c->p50).median, 0) + " / " + fixed(spread_of(c->p99).median, 0);
            if (const auto s = bare ? ratio(c->p50, bare->p50) : std::nullopt)
                text += ", " + fixed(s->median, 2) + "x";
            return text;
        });
    }
    if (table.empty())
        return;
    out << "Round trips, spinning: p50 / p99, and p50 as a multiple of a word that goes back and\n"
           "forth in two cache lines (ping-pong-2). Wanted: at 8 B at most 1.40x; at 4 KiB at\n"
           "most the best ring's.\n\n"
        << table << '\n';
}

void footnotes(const Results& r, std::ostream& out) {
    std::set<std::string> failures; // throughput and round trip may fail for one reason
    for (const Cell& c : r.cells)
        if (!c.error.empty())
            failures.insert(std::string(c.peer.name) + ", " + size_name(c.size) +
                            (c.none ? ": not to be had here: " : ": FAILED: ") + c.error);
    for (const std::string& failure : failures)
        out << "- " << failure << '\n';
    if (const Cell* bare = r.find("ping-pong-2", 8, Metric::round_trip, BENCH_SPIN)) {
        const auto [low, high] = std::minmax_element(bare->p50.begin(), bare->p50.end());
        if (*high > 1.5 * *low)
            out << "- the way between the CPUs changed meanwhile: ping-pong-2 took from "
                << fixed(*low, 0) << " to " << fixed(*high, 0)
                << " ns; trust ratios, not medians\n";
    }
    const auto [bad, all] = r.disturbed();
    if (bad > 0)
        out << "- in " << bad << " of " << all
            << " measurements other programs took a CPU away for 3 % of the time or more\n";
    for (const std::string& warning : r.machine.warnings)
        out << "- " << warning << '\n';
}

} // namespace

void report(const Results& r, std::ostream& out) {
    out << r.machine.cpu << ", " << r.machine.kernel << ", " << r.machine.compiler << ", "
        << r.options.rounds << " rounds of " << r.options.slot_ms << " ms, load average "
        << fixed(r.machine.load, 2) << ".\n\n"
        << "Throughput, million messages a second: median of the rounds, ± half of what lies\n"
           "between the quartiles. Two processes on two CPUs; every message checked. Queues of\n"
           "the kernel block, whatever the policy.\n\n";
    for (const bench_policy policy : r.options.policies)
        throughput(r, policy, out);
    streaming(r, out);
    out << "Throughput ratios, round by round: median (quartiles); '<' is less than wanted.\n\n";
    for (const Comparison& c : comparisons())
        for (const bench_policy policy : r.options.policies)
            compare(r, c, policy, out);
    round_trips(r, out);
    footnotes(r, out);
}

} // namespace bench
