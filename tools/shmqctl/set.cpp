// SPDX-License-Identifier: GPL-2.0-only OR MIT
// shmqctl set: change a device that may be in use.
#include "device_name.hpp"
#include "device_options.hpp"
#include "program.hpp"

#include <shmq/control.hpp>

namespace shmqctl {

namespace {

struct Options {
    std::string device;
    DeviceOptions device_options;
};

int run(const Options& options) {
    shmq::DeviceChange change;
    options.device_options.apply(change);
    const std::uint32_t number = device_number(options.device);
    if (!options.device_options.any())
        throw WrongUse("set: say what to change, such as --handler none");
    shmq::Control::open().set(number, change);
    return exit_ok;
}

} // namespace

void add_set(Program& program) {
    const auto options = std::make_shared<Options>();
    CLI::App* sub = add_subcommand(program, "set", "Change a device: all that is asked, or nothing",
                                   "  shmqctl set 0 --handler none\n"
                                   "  shmqctl set /dev/shmq0 --mode 0660 --group shmq\n"
                                   "  shmqctl set 0 --period 1ms --priority 80 --cpu 3",
                                   run, options);
    sub->add_option("DEVICE", options->device, device_help)->required();
    add_device_options(*sub, options->device_options);
}

} // namespace shmqctl
