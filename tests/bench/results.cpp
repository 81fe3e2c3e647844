// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "results.hpp"

#include <algorithm>
#include <cmath>

namespace bench {

Spread spread_of(std::vector<double> samples) {
    if (samples.empty())
        return {};
    std::sort(samples.begin(), samples.end());
    const auto quantile = [&](double q) {
        const double at = q * static_cast<double>(samples.size() - 1);
        const auto below = static_cast<std::size_t>(std::floor(at));
        const std::size_t above = std::min(below + 1, samples.size() - 1);
        const double part = at - std::floor(at);
        return samples[below] * (1 - part) + samples[above] * part;
    };
    return {quantile(0.25), quantile(0.5), quantile(0.75)};
}

std::optional<Spread> ratio(const std::vector<double>& a, const std::vector<double>& b) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
        ratios.push_back(a[i] / b[i]);
    if (ratios.empty())
        return std::nullopt;
    return spread_of(ratios);
}

const Cell* Results::find(const std::string& peer, std::uint32_t size, Metric metric,
                          bench_policy policy) const {
    const auto it = std::find_if(cells.begin(), cells.end(), [&](const Cell& c) {
        return c.peer.name == peer && c.size == size && c.metric == metric && c.policy == policy;
    });
    return it == cells.end() || !it->error.empty() || it->busy.empty() ? nullptr : &*it;
}

const Cell* Results::best(bench_kind kind, std::uint32_t size, bench_policy policy) const {
    const Cell* best = nullptr;
    for (const bench_peer& peer : peers) {
        if (peer.kind != kind)
            continue;
        const Cell* c = find(peer.name, size, Metric::throughput, policy);
        if (c && (!best || spread_of(c->rate).median > spread_of(best->rate).median))
            best = c;
    }
    return best;
}

std::pair<unsigned, unsigned> Results::disturbed() const {
    unsigned bad = 0;
    unsigned all = 0;
    for (const Cell& c : cells) {
        if (c.peer.kind == BENCH_KERNEL)
            continue;
        for (const double busy : c.busy) {
            bad += busy < undisturbed;
            ++all;
        }
    }
    return {bad, all};
}

std::vector<Cell> plan(const Options& options, const std::vector<bench_peer>& peers) {
    std::vector<Cell> cells;
    const auto add = [&](const bench_peer& peer, std::uint32_t size, Metric metric,
                         bench_policy policy) {
        if (!asked_for(options, peer.name))
            return;
        Cell c;
        c.peer = peer;
        c.size = size;
        c.metric = metric;
        c.policy = policy;
        c.ops = peer.at(size);
        if (!c.ops)
            return;
        const bool can =
            metric == Metric::throughput ? c.ops->send != nullptr : c.ops->ping != nullptr;
        if (can)
            cells.push_back(c);
    };
    // What is compared lies close together in time: size by size.
    for (const std::uint32_t size : options.sizes) {
        for (const bench_policy policy : options.policies)
            for (const bench_peer& peer : peers)
                if (peer.kind != BENCH_KERNEL || policy == options.policies.front())
                    add(peer, size, Metric::throughput, policy);
        for (const bench_peer& peer : peers)
            if (peer.round_trip)
                add(peer, size, Metric::round_trip, BENCH_SPIN);
    }
    return cells;
}

} // namespace bench
