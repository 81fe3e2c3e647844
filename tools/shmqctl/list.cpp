// SPDX-License-Identifier: GPL-2.0-only OR MIT
// shmqctl list and show: what devices there are, in a line each or in full.
#include "device_name.hpp"
#include "device_text.hpp"
#include "output.hpp"
#include "program.hpp"

#include <shmq/control.hpp>

#include <vector>

namespace shmqctl {

namespace {

struct ListOptions {
    bool json = false;
};

struct ShowOptions {
    std::vector<std::string> devices;
    bool json = false;
};

int run_list(const ListOptions& options) {
    const auto devices = shmq::Control::open().list();
    print(options.json ? as_json(devices) : as_table(devices));
    return exit_ok;
}

int run_show(const ShowOptions& options) {
    std::vector<std::uint32_t> numbers;
    for (const std::string& name : options.devices)
        numbers.push_back(device_number(name));
    auto control = shmq::Control::open();
    std::vector<shmq::DeviceStatus> devices;
    if (numbers.empty())
        devices = control.list();
    for (const std::uint32_t number : numbers)
        devices.push_back(control.get(number));
    std::vector<shmq::DeviceStatistics> statistics;
    statistics.reserve(devices.size());
    for (const shmq::DeviceStatus& device : devices)
        statistics.push_back(control.statistics(device.index));
    if (options.json) {
        print(as_json(devices, statistics));
        return exit_ok;
    }
    for (std::size_t i = 0; i < devices.size(); ++i)
        print(in_full(devices[i], statistics[i]));
    return exit_ok;
}

} // namespace

void add_list(Program& program) {
    const auto options = std::make_shared<ListOptions>();
    CLI::App* sub = add_subcommand(program, "list", "List the devices, a line each",
                                   "  shmqctl list\n"
                                   "  shmqctl list --json | jq -r '.[].path'",
                                   run_list, options);
    sub->add_flag("--json", options->json, "for scripts");
}

void add_show(Program& program) {
    const auto options = std::make_shared<ShowOptions>();
    CLI::App* sub = add_subcommand(program, "show",
                                   "Show all about a device, its queues and who has their ends",
                                   "  shmqctl show\n"
                                   "  shmqctl show 0 --json",
                                   run_show, options);
    sub->add_option("DEVICE", options->devices, std::string(device_help) + "; default: all");
    sub->add_flag("--json", options->json, "for scripts");
}

} // namespace shmqctl
