// SPDX-License-Identifier: GPL-2.0-only OR MIT
// shmq-bench-pool: our pools against others, in the same run.
#include "measure.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

int main(int argc, char** argv) {
    bench::PoolOptions options;
    std::vector<std::string> what;
    bool quick = false;
    CLI::App app("Pools of blocks: ours against heapless, malloc, boost and a Treiber stack, each "
                 "round in turn; how cost grows as ours fills; 1 MiB by handle against by copy.");
    app.add_option("measurement", what, "speed, fill, message; all by default")
        ->check(CLI::IsMember({"speed", "fill", "message"}));
    app.add_option("--rounds", options.rounds, "How often each is measured")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    app.add_option("--slot", options.slot_ms, "How long one takes, in milliseconds")
        ->check(CLI::Range(1, 10000))
        ->capture_default_str();
    app.add_flag("--quick", quick, "3 short rounds: a glance, no figures to quote");
    app.footer("examples:\n  shmq-bench-pool\n  shmq-bench-pool speed --rounds 21");
    CLI11_PARSE(app, argc, argv);
    if (quick)
        options = {3, 5};
    const auto wanted = [&](const char* name) {
        return what.empty() || std::find(what.begin(), what.end(), name) != what.end();
    };
    try {
        if (wanted("speed"))
            bench::measure_speed(options);
        if (wanted("fill"))
            bench::measure_fill(options);
        if (wanted("message"))
            bench::measure_message(options);
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "shmq-bench-pool: %s\n", e.what());
        return 1;
    }
}
