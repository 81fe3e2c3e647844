// SPDX-License-Identifier: GPL-2.0-only OR MIT
// shmqctl: make, see, steer and talk to channels.
#include "output.hpp"
#include "program.hpp"
#include "stop_signals.hpp"

#include <cstdio>
#include <exception>
#include <new>
#include <string>

namespace {

using namespace shmqctl;

void complain(const std::string& text) {
    std::fprintf(stderr, "shmqctl: %s\n", text.c_str());
}

// --help and --version are answers, on stdout; all else is wrong use.
int explain(const CLI::App& app, const CLI::ParseError& e) {
    if (e.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success))
        return app.exit(e);
    complain(std::string(e.what()) + "; see shmqctl --help");
    return exit_wrong_use;
}

// CLI11 would only say that a command is missing.
void check_command(const CLI::App& app, const std::string& word) {
    const auto is_it = [&](const CLI::App* sub) { return sub->check_name(word); };
    if (!word.starts_with('-') && app.get_subcommands(is_it).empty())
        throw WrongUse("there is no command '" + word + "'");
}

int run(int argc, char** argv) {
    CLI::App app("Makes, shows, steers and talks to shared-memory queues.", "shmqctl");
    app.require_subcommand(1);
    app.set_version_flag("--version", "shmqctl " SHMQCTL_VERSION);
    app.footer("exit status: 0 all right, 1 failed, 2 wrong use; recv: 3 less came than was asked\n"
               "for, 4 damaged messages were skipped; 130 interrupted. See shmqctl(8).\n\n"
               "examples:\n"
               "  shmqctl doctor\n"
               "  shmqctl add --handler echo --group shmq --mode 0660\n"
               "  echo hello | shmqctl send /dev/shmq0\n"
               "  shmqctl recv /dev/shmq0 --follow");
    Program program{app, {}};
    add_list(program);
    add_add(program);
    add_del(program);
    add_set(program);
    add_show(program);
    add_stats(program);
    add_latency(program);
    add_reset(program);
    add_monitor(program);
    add_top(program);
    add_send(program);
    add_recv(program);
    add_bench(program);
    add_doctor(program);
    if (argc > 1)
        check_command(app, argv[1]);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return explain(app, e);
    }
    return program.run();
}

} // namespace

int main(int argc, char** argv) {
    try {
        shmqctl::watch_stop_signals();
        return run(argc, argv);
    } catch (const WrongUse& e) {
        complain(std::string(e.what()) + "; see shmqctl --help");
        return exit_wrong_use;
    } catch (const std::bad_alloc&) {
        complain("out of memory");
        return exit_failed;
    } catch (const std::exception& e) {
        complain(e.what());
        return exit_failed;
    }
}
