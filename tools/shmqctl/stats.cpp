// SPDX-License-Identifier: GPL-2.0-only OR MIT
// shmqctl stats and reset: the counters of the queues; starting either over.
#include "device_name.hpp"
#include "device_text.hpp"
#include "output.hpp"
#include "program.hpp"

#include <shmq/control.hpp>
#include <shmq/device.hpp>

#include <vector>

namespace shmqctl {

namespace {

struct StatsOptions {
    std::vector<std::string> devices;
    bool json = false;
};

struct ResetOptions {
    std::string device;
    bool stats = false;
};

int run_stats(const StatsOptions& options) {
    std::vector<std::uint32_t> numbers;
    for (const std::string& name : options.devices)
        numbers.push_back(device_number(name));
    auto control = shmq::Control::open();
    std::vector<shmq::DeviceStatistics> all;
    if (numbers.empty())
        all = control.statistics();
    for (const std::uint32_t number : numbers)
        all.push_back(control.statistics(number));
    print(options.json ? as_json(all) : as_table(all));
    return exit_ok;
}

int run_reset(const ResetOptions& options) {
    const std::uint32_t number = device_number(options.device);
    if (options.stats) {
        shmq::Control::open().reset_statistics(number);
        return exit_ok;
    }
    const std::string path = "/dev/shmq" + std::to_string(number);
    const auto device = shmq::Device::open(path);
    const std::uint32_t epoch = device.reset();
    print(path + ": empty and running, epoch " + std::to_string(epoch) + '\n');
    return exit_ok;
}

} // namespace

void add_stats(Program& program) {
    const auto options = std::make_shared<StatsOptions>();
    CLI::App* sub =
        add_subcommand(program, "stats", "Count what has passed through the kernel, a line a queue",
                       "  shmqctl stats\n"
                       "  shmqctl stats 0 --json",
                       run_stats, options);
    sub->add_option("DEVICE", options->devices, std::string(device_help) + "; default: all");
    sub->add_flag("--json", options->json, "for scripts");
}

void add_reset(Program& program) {
    const auto options = std::make_shared<ResetOptions>();
    CLI::App* sub = add_subcommand(
        program, "reset",
        "Empty the queues of a device and start stopped ones anew, or free all blocks of its pool; "
        "or zero its counters",
        "  shmqctl reset 0\n"
        "  shmqctl reset 0 --stats",
        run_reset, options);
    sub->add_option("DEVICE", options->device, device_help)->required();
    sub->add_flag("--stats", options->stats,
                  "zero the counters and high-water marks; the queues stay as they are");
}

} // namespace shmqctl
