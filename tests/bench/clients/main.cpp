// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "bench.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <string>

int main(int argc, char** argv) try {
    bench::Options options;
    CLI::App app("Channels over a Unix socket, beside a socket message for each element as "
                 "memenpsf has it, SEQPACKET and a pipe; and what many clients cost.",
                 "shmq-bench-clients");
    app.add_option("--seconds", options.seconds, "of one measurement")->capture_default_str();
    app.add_option("--rounds", options.rounds, "interleaved; the median counts")
        ->check(CLI::Range(1, 99))
        ->capture_default_str();
    app.add_option("--clients", options.clients, "idle ones")->capture_default_str();
    app.add_option("--busy", options.busy, "busy ones")->check(CLI::Range(1, 1000));
    std::string only;
    app.add_option("--only", only, "one part of it")->check(CLI::IsMember({"pairs", "many"}));
    app.footer("examples:\n  shmq-bench-clients\n  shmq-bench-clients --seconds 1 --rounds 9");
    CLI11_PARSE(app, argc, argv);
    if (only != "many")
        bench::pairs(options);
    if (only != "pairs")
        bench::many(options);
    return 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "shmq-bench-clients: %s\n", e.what());
    return 1;
}
