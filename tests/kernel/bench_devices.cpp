// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What devices cost that are made at run time: to make and remove one beside few and
// beside many, to list them all, and in memory while idle.
#include "support/memory.hpp"
#include "support/module.hpp"
#include "support/netlink.hpp"
#include "support/process.hpp"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace {

using namespace test;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t region_bytes = 8192;

double microseconds(Clock::duration d) {
    return std::chrono::duration<double, std::micro>(d).count();
}

double median(std::vector<double> v) {
    std::sort(v.begin(), v.end());
    return v[v.size() / 2];
}

void small_device(Request& r) {
    r.u64(SHMQ_A_DEV_SIZE, region_bytes).u32(SHMQ_A_DEV_MAX_MESSAGE, 1000);
}

// Devices below `many` that are not there yet.
void fill_up(Netlink& n, unsigned many) {
    for (auto there = n.indices().size(); there < many; there++)
        n.add(small_device);
}

// Microseconds to make one more and to remove it, beside `many` others.
nlohmann::json measure_beside(Netlink& n, unsigned many, unsigned rounds) {
    std::vector<double> add, remove;
    fill_up(n, many);
    for (unsigned i = 0; i < rounds; i++) {
        const auto start = Clock::now();
        const auto index = n.add(small_device);
        const auto made = Clock::now();
        if (const int error = n.remove(index))
            fail("dev-del", error);
        add.push_back(microseconds(made - start));
        remove.push_back(microseconds(Clock::now() - made));
    }
    return {{"beside", many}, {"add_us", median(add)}, {"del_us", median(remove)}};
}

// Milliseconds to list all that are there.
nlohmann::json measure_dump(Netlink& n, std::uint8_t command, unsigned rounds) {
    std::vector<double> took;
    std::size_t count = 0;
    for (unsigned i = 0; i < rounds; i++) {
        const auto start = Clock::now();
        count = n.dump(command).messages.size();
        took.push_back(microseconds(Clock::now() - start) / 1000);
    }
    return {{"devices", count}, {"ms", median(took)}};
}

// KiB that an idle device takes beyond its region.
double measure_memory(Netlink& n, unsigned many) {
    nap(500);
    const long before = free_kib();
    std::vector<std::uint32_t> made;
    for (unsigned i = 0; i < many; i++)
        made.push_back(n.add(small_device));
    nap(500);
    const long used = before - free_kib();
    for (const auto index : made)
        n.remove(index);
    return static_cast<double>(used) / many - static_cast<double>(region_bytes) / 1024;
}

void print(const nlohmann::json& r) {
    for (const auto& row : r["beside"])
        std::printf("beside %4u devices: add %8.1f us, del %8.1f us\n",
                    row["beside"].get<unsigned>(), row["add_us"].get<double>(),
                    row["del_us"].get<double>());
    std::printf("dump of %zu devices: %.2f ms, of their statistics %.2f ms\n",
                r["devices"]["devices"].get<std::size_t>(), r["devices"]["ms"].get<double>(),
                r["statistics"]["ms"].get<double>());
    std::printf("memory of an idle device beyond its region: %.1f KiB\n",
                r["idle_kib"].get<double>());
}

} // namespace

int main(int argc, char** argv) try {
    CLI::App app("Measures devices made over netlink in the kernel that runs this: loads and "
                 "unloads shmq.ko.");
    unsigned rounds = 50;
    bool json = false;
    app.add_option("--rounds", rounds, "medians of so many")->capture_default_str();
    app.add_flag("--json", json, "print JSON");
    app.footer("example:\n  tools/vm/run --no-module -- shmq-bench-devices");
    CLI11_PARSE(app, argc, argv);

    const Module module("devices=0");
    Netlink n;
    nlohmann::json r;
    fill_up(n, 1);
    r["idle_kib"] = measure_memory(n, 500);
    for (const unsigned many : {1u, 100u, 1000u})
        r["beside"].push_back(measure_beside(n, many, rounds));
    r["devices"] = measure_dump(n, SHMQ_CMD_DEV_GET, rounds);
    r["statistics"] = measure_dump(n, SHMQ_CMD_STATS_GET, rounds);
    if (json)
        std::cout << r.dump(2) << "\n";
    else
        print(r);
    return 0;
} catch (const std::exception& e) {
    std::cerr << e.what() << "\n";
    return 1;
}
