// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "options.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string_view>

namespace bench {

const char* const usage = "usage: shmq-bench [option]…\n"
                          "\n"
                          "  --quick            3 short rounds: a glance, not figures to quote\n"
                          "  --rounds N         how often everything is measured (9)\n"
                          "  --slot MS          how long one measurement takes (100)\n"
                          "  --sizes N,…        message sizes: 8 64 256 1024 4096 65536\n"
                          "  --policy P,…       spin, gather\n"
                          "  --only NAME,…      these only; NAME* stands for all that begin so\n"
                          "  --json FILE        every sample\n"
                          "  --list             name what can be measured\n"
                          "  --help             this\n";

namespace {

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(','), text.size());
        if (end > 0)
            parts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

std::uint32_t number(const std::string& text, const std::string& option) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value == 0)
        throw std::invalid_argument(option + " needs a number, not '" + text + "'");
    return value;
}

const std::vector<std::uint32_t>& all_sizes() {
#define BENCH_ITEM(n) n,
    static const std::vector<std::uint32_t> sizes = {BENCH_SIZES(BENCH_ITEM)};
#undef BENCH_ITEM
    return sizes;
}

std::uint32_t size_of(const std::string& text) {
    const std::uint32_t size = number(text, "--sizes");
    const auto& known = all_sizes();
    if (std::find(known.begin(), known.end(), size) == known.end())
        throw std::invalid_argument("no size " + text +
                                    "; there are 8, 64, 256, 1024, 4096, 65536");
    return size;
}

bench_policy policy_of(const std::string& text) {
    if (text == "spin")
        return BENCH_SPIN;
    if (text == "gather")
        return BENCH_GATHER;
    throw std::invalid_argument("no policy " + text + "; there are spin, gather");
}

template <typename F>
auto each(const std::string& list, F&& f) {
    std::vector<decltype(f(list))> values;
    for (const std::string& part : split(list))
        values.push_back(f(part));
    return values;
}

} // namespace

Options parse_options(int argc, char** argv) {
    Options o;
    for (int i = 1; i < argc; ++i) {
        const std::string option = argv[i];
        const auto value = [&]() -> std::string {
            if (++i >= argc)
                throw std::invalid_argument(option + " needs a value");
            return argv[i];
        };
        if (option == "--quick") {
            o.rounds = 3;
            o.slot_ms = 15;
        } else if (option == "--rounds") {
            o.rounds = number(value(), option);
        } else if (option == "--slot") {
            o.slot_ms = number(value(), option);
        } else if (option == "--sizes") {
            o.sizes = each(value(), size_of);
        } else if (option == "--policy") {
            o.policies = each(value(), policy_of);
        } else if (option == "--only") {
            o.only = split(value());
        } else if (option == "--json") {
            o.json = value();
        } else if (option == "--list") {
            o.list = true;
        } else if (option == "--help" || option == "-h") {
            o.help = true;
        } else {
            throw std::invalid_argument("unknown option " + option + "; see --help");
        }
    }
    if (o.sizes.empty())
        o.sizes = all_sizes();
    std::sort(o.sizes.begin(), o.sizes.end());
    o.sizes.erase(std::unique(o.sizes.begin(), o.sizes.end()), o.sizes.end());
    return o;
}

bool asked_for(const Options& options, const std::string& name) {
    const auto fits = [&](const std::string& pattern) {
        return pattern.ends_with('*') ? name.starts_with(pattern.substr(0, pattern.size() - 1))
                                      : name == pattern;
    };
    return options.only.empty() || std::any_of(options.only.begin(), options.only.end(), fits);
}

} // namespace bench
