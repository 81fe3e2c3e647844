// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What main() and the subcommands agree on.
#ifndef SHMQCTL_PROGRAM_HPP
#define SHMQCTL_PROGRAM_HPP

#include "exit_status.hpp"

#include <functional>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

namespace shmqctl {

/// Each subcommand adds itself, and sets `run` when it was the one chosen.
struct Program {
    CLI::App& app;
    std::function<int()> run;
};

void add_add(Program& program);
void add_bench(Program& program);
void add_del(Program& program);
void add_doctor(Program& program);
void add_latency(Program& program);
void add_list(Program& program);
void add_monitor(Program& program);
void add_recv(Program& program);
void add_reset(Program& program);
void add_send(Program& program);
void add_set(Program& program);
void add_show(Program& program);
void add_stats(Program& program);
void add_top(Program& program);

/// A subcommand whose options are `options`, which lives as long as the program.
template <typename Options>
CLI::App* add_subcommand(Program& program, const char* name, const char* what, const char* examples,
                         int (*run)(const Options&), const std::shared_ptr<Options>& options) {
    CLI::App* sub = program.app.add_subcommand(name, what);
    sub->footer(std::string("examples:\n") + examples);
    sub->callback(
        [&program, run, options] { program.run = [run, options] { return run(*options); }; });
    return sub;
}

} // namespace shmqctl

#endif // SHMQCTL_PROGRAM_HPP
