// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "options.hpp"

#include <algorithm>
#include <map>

#include <CLI/CLI.hpp>

namespace bench {

namespace {

const std::vector<std::uint32_t>& all_sizes() {
#define BENCH_ITEM(n) n,
    static const std::vector<std::uint32_t> sizes = {BENCH_SIZES(BENCH_ITEM)};
#undef BENCH_ITEM
    return sizes;
}

const std::map<std::string, bench_policy> policies = {{"spin", BENCH_SPIN},
                                                      {"gather", BENCH_GATHER}};

} // namespace

std::optional<int> parse_options(int argc, char** argv, Options& o) {
    CLI::App app("Measures our queues against others, in the same run.", "shmq-bench");
    o.sizes = all_sizes();
    bool quick = false;
    app.add_option("--rounds", o.rounds, "how often everything is measured, in turn")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--slot", o.slot_ms, "milliseconds that one measurement takes")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--sizes", o.sizes, "of messages, bytes")
        ->delimiter(',')
        ->check(CLI::IsMember(all_sizes()))
        ->capture_default_str();
    app.add_option("--policy", o.policies, "how user-space rings wait: spin, gather (both)")
        ->delimiter(',')
        ->transform(CLI::CheckedTransformer(policies).description(""));
    app.add_option("--only", o.only, "these only; NAME* stands for all that begin so")
        ->delimiter(',');
    app.add_option("--json", o.json, "file for every sample");
    app.add_flag("--quick", quick, "3 short rounds: a glance, not figures to quote");
    app.add_flag("--list", o.list, "name what can be measured");
    app.footer("example:\n  shmq-bench --sizes 8,64 --only 'plain*,rtrb*' --policy gather");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) ? 2 : 0;
    }
    if (quick) {
        o.rounds = 3;
        o.slot_ms = 15;
    }
    std::sort(o.sizes.begin(), o.sizes.end());
    o.sizes.erase(std::unique(o.sizes.begin(), o.sizes.end()), o.sizes.end());
    return std::nullopt;
}

bool asked_for(const Options& options, const std::string& name) {
    const auto fits = [&](const std::string& pattern) {
        return pattern.ends_with('*') ? name.starts_with(pattern.substr(0, pattern.size() - 1))
                                      : name == pattern;
    };
    return options.only.empty() || std::any_of(options.only.begin(), options.only.end(), fits);
}

} // namespace bench
