// SPDX-License-Identifier: GPL-2.0-only OR MIT
// shmqctl monitor: what happens to devices, as it happens.
#include "device_text.hpp"
#include "output.hpp"
#include "program.hpp"
#include "stop_signals.hpp"

#include <shmq/control.hpp>

namespace shmqctl {

namespace {

struct Options {
    std::uint64_t count = 0; ///< 0: without end
    bool json = false;
};

int run(const Options& options) {
    // A signal that comes just before a wait is noticed after this.
    constexpr std::chrono::milliseconds slice{100};
    auto events = shmq::Control::open().events();
    for (std::uint64_t seen = 0; options.count == 0 || seen < options.count;) {
        if (stop_requested())
            return options.count == 0 ? exit_ok : exit_interrupted;
        check_stdout();
        if (const auto event = events.read(slice)) {
            print((options.json ? as_json(*event) : as_line(*event)) + '\n');
            ++seen;
        }
    }
    return exit_ok;
}

} // namespace

void add_monitor(Program& program) {
    const auto options = std::make_shared<Options>();
    CLI::App* sub = add_subcommand(
        program, "monitor", "Print what happens to devices, a line each, until Ctrl-C",
        "  shmqctl monitor\n"
        "  shmqctl monitor --json | jq -c 'select(.event == \"stopped\")'",
        run, options);
    sub->add_option("--count", options->count, "end after so many events")
        ->check(CLI::PositiveNumber)
        ->option_text("N");
    sub->add_flag("--json", options->json, "an object a line, for scripts");
}

} // namespace shmqctl
