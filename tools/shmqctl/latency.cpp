// SPDX-License-Identifier: GPL-2.0-only OR MIT
// shmqctl latency: how late the periods of a device began.
#include "device_name.hpp"
#include "device_text.hpp"
#include "output.hpp"
#include "program.hpp"

#include <shmq/control.hpp>

#include <algorithm>
#include <cstdio>

#include <nlohmann/json.hpp>

namespace shmqctl {

namespace {

struct Options {
    std::string device;
    bool json = false;
    bool gnuplot = false;
};

using Counts = std::vector<std::uint64_t>;

// The buckets from the first to the last that have any.
struct Range {
    std::size_t first = 0;
    std::size_t end = 0;
};

Range used(const Counts& counts) {
    Range range;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (!counts[i])
            continue;
        if (!range.end)
            range.first = i;
        range.end = i + 1;
    }
    return range;
}

long long from_us(std::size_t bucket) {
    return shmq::Lateness::lower(bucket).count();
}

std::string summary(const shmq::DeviceStatistics& s) {
    const auto us = [&](double part) {
        return std::to_string(s.lateness.within(part).count()) + " us";
    };
    return "half began within " + us(0.5) + ", 99% within " + us(0.99) + ", 99.9% within " +
           us(0.999) + ", the latest within " + us(1);
}

std::string title(const shmq::DeviceStatus& d, const shmq::DeviceStatistics& s) {
    return d.path() + ", period " + period_of(d) + ": " + std::to_string(s.periods) + " periods, " +
           std::to_string(s.missed) + " missed";
}

std::string as_text(const shmq::DeviceStatus& d, const shmq::DeviceStatistics& s) {
    constexpr std::uint64_t width = 50;
    const Counts& counts = s.lateness.counts;
    const std::uint64_t most = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
    std::string text = coloured(Colour::bold, title(d, s)) + '\n';
    if (!most)
        return text;
    const Range range = used(counts);
    for (std::size_t i = range.first; i < range.end; ++i) {
        char line[64];
        std::snprintf(line, sizeof(line), "%8lld us%12llu  ", from_us(i),
                      static_cast<unsigned long long>(counts[i]));
        // What there is shows.
        const std::uint64_t bar = (counts[i] * width + most - 1) / most;
        text += line + std::string(bar, '#');
        text.erase(text.find_last_not_of(' ') + 1);
        text += '\n';
    }
    return text + summary(s) + '\n';
}

std::string as_json(const shmq::DeviceStatus& d, const shmq::DeviceStatistics& s) {
    using Json = nlohmann::ordered_json;
    Json buckets = Json::array();
    for (std::size_t i = 0; i < s.lateness.counts.size(); ++i)
        if (s.lateness.counts[i])
            buckets.push_back(
                {{"from_us", from_us(i)},
                 {"to_us", i + 1 < s.lateness.counts.size() ? Json(from_us(i + 1)) : Json(nullptr)},
                 {"periods", s.lateness.counts[i]}});
    const Json json = {{"index", d.index},
                       {"path", d.path()},
                       {"period_us", d.period.count()},
                       {"priority", d.priority},
                       {"cpu", d.cpu},
                       {"periods", s.periods},
                       {"missed", s.missed},
                       {"within_us",
                        {{"50%", s.lateness.within(0.5).count()},
                         {"99%", s.lateness.within(0.99).count()},
                         {"99.9%", s.lateness.within(0.999).count()}}},
                       {"max_ns", s.lateness.max.count()},
                       {"buckets", buckets}};
    return json.dump(2) + '\n';
}

// A program for gnuplot, the figures in it: a box as wide as its bucket.
std::string as_gnuplot(const shmq::DeviceStatus& d, const shmq::DeviceStatistics& s) {
    const Range range = used(s.lateness.counts);
    std::string text = "set title '" + title(d, s) +
                       "'\n"
                       "set xlabel 'lateness, microseconds'\n"
                       "set ylabel 'periods'\n"
                       "set logscale y\n"
                       "set yrange [0.5:*]\n"
                       "set style fill solid 0.6\n"
                       "unset key\n"
                       "$lateness << end\n";
    for (std::size_t i = range.first; i < range.end; ++i) {
        const auto next = from_us(i + 1);
        text += std::to_string(from_us(i)) + ' ' + std::to_string(next) + ' ' +
                std::to_string(s.lateness.counts[i]) + '\n';
    }
    return text + "end\n"
                  "plot $lateness using (($1+$2)/2.):3:($2-$1) with boxes\n";
}

int run(const Options& options) {
    const std::uint32_t number = device_number(options.device);
    auto control = shmq::Control::open();
    const auto device = control.get(number);
    const auto statistics = control.statistics(number);
    if (!statistics.periods)
        throw std::runtime_error(
            device.path() +
            (device.period.count()
                 ? ": no period has begun yet"
                 : ": it has no period (shmqctl set " + std::to_string(number) + " --period 1ms)"));
    print(options.json      ? as_json(device, statistics)
          : options.gnuplot ? as_gnuplot(device, statistics)
                            : as_text(device, statistics));
    return exit_ok;
}

} // namespace

void add_latency(Program& program) {
    const auto options = std::make_shared<Options>();
    CLI::App* sub = add_subcommand(
        program, "latency", "Show how late the periods of a device began, as a histogram",
        "  shmqctl latency 0\n"
        "  shmqctl reset 0 --stats; sleep 60; shmqctl latency 0 --json\n"
        "  shmqctl latency 0 --gnuplot | gnuplot -e 'set term png; set out \"late.png\"' -",
        run, options);
    sub->add_option("DEVICE", options->device, device_help)->required();
    CLI::Option* json = sub->add_flag("--json", options->json, "for scripts");
    sub->add_flag("--gnuplot", options->gnuplot, "a program that plots it, for gnuplot(1)")
        ->excludes(json);
}

} // namespace shmqctl
