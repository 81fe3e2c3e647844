// SPDX-License-Identifier: GPL-2.0-only OR MIT
// shmqctl del: remove devices.
#include "device_name.hpp"
#include "output.hpp"
#include "program.hpp"

#include <shmq/control.hpp>

#include <vector>

namespace shmqctl {

namespace {

struct Options {
    std::vector<std::string> devices;
};

int run(const Options& options) {
    std::vector<std::uint32_t> numbers;
    for (const std::string& name : options.devices)
        numbers.push_back(device_number(name));
    auto control = shmq::Control::open();
    int status = exit_ok;
    for (const std::uint32_t number : numbers) {
        try {
            control.remove(number);
        } catch (const std::system_error& e) {
            note(e.what());
            status = exit_failed;
        }
    }
    return status;
}

} // namespace

void add_del(Program& program) {
    const auto options = std::make_shared<Options>();
    CLI::App* sub = add_subcommand(program, "del",
                                   "Remove devices; who uses one is told, and it goes when they go",
                                   "  shmqctl del 7\n"
                                   "  shmqctl del shmq1 shmq2",
                                   run, options);
    sub->add_option("DEVICE", options->devices, device_help)->required();
}

} // namespace shmqctl
