// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "machine.hpp"

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <sched.h>
#include <sstream>
#include <sys/utsname.h>
#include <system_error>
#include <thread>

namespace bench {

namespace {

using namespace std::chrono_literals;

std::string cpu_model() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);)
        if (line.starts_with("model name"))
            return line.substr(line.find(':') + 2);
    return "unknown CPU";
}

std::string kernel() {
    utsname name{};
    ::uname(&name);
    return std::string(name.sysname) + ' ' + name.release + ' ' + name.machine;
}

std::vector<int> allowed_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof(set), &set) != 0)
        throw std::system_error(errno, std::generic_category(), "sched_getaffinity");
    std::vector<int> cpus;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &set))
            cpus.push_back(cpu);
    return cpus;
}

struct Jiffies {
    std::uint64_t all = 0;
    std::uint64_t idle = 0;
};

Jiffies jiffies(const std::vector<int>& cpus) {
    Jiffies sum;
    std::ifstream stat("/proc/stat");
    for (std::string line; std::getline(stat, line);) {
        std::istringstream fields(line);
        std::string name;
        fields >> name;
        for (const int cpu : cpus) {
            if (name != "cpu" + std::to_string(cpu))
                continue;
            std::uint64_t value = 0;
            for (int i = 0; i < 8 && fields >> value; ++i) {
                sum.all += value;
                if (i == 3 || i == 4) // idle, iowait
                    sum.idle += value;
            }
        }
    }
    return sum;
}

double busy_share(const std::vector<int>& cpus) {
    const Jiffies before = jiffies(cpus);
    std::this_thread::sleep_for(500ms);
    const Jiffies after = jiffies(cpus);
    const std::uint64_t all = after.all - before.all;
    return all == 0 ? 0
                    : 1 - static_cast<double>(after.idle - before.idle) / static_cast<double>(all);
}

std::string governor(int cpu) {
    std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) +
                       "/cpufreq/scaling_governor");
    std::string name;
    file >> name;
    return name;
}

} // namespace

Machine look_at_machine() {
    Machine m;
    m.cpu = cpu_model();
    m.kernel = kernel();
#ifdef __clang__
    m.compiler = "clang " __clang_version__;
#else
    m.compiler = "g++ " __VERSION__;
#endif
    m.cpus = allowed_cpus();
    std::ifstream("/proc/loadavg") >> m.load;
    // The second and the first CPU are the ones that are used.
    std::vector<int> used(m.cpus.begin(), m.cpus.begin() + (m.cpus.size() < 2 ? m.cpus.size() : 2));
    m.busy = busy_share(used);

    if (m.cpus.size() < 2)
        m.warnings.push_back("one CPU only: the two sides take turns, and the figures say little "
                             "about queues");
    if (m.busy > 0.05) {
        char text[160];
        std::snprintf(text, sizeof(text),
                      "others used %.0f %% of the CPUs just now (load average %.2f): expect noise",
                      m.busy * 100, m.load);
        m.warnings.emplace_back(text);
    }
    for (const int cpu : used) {
        const std::string name = governor(cpu);
        if (!name.empty() && name != "performance") {
            m.warnings.push_back("the frequency of CPU " + std::to_string(cpu) +
                                 " is scaled by the governor \"" + name +
                                 "\": set \"performance\" for steady figures");
            break;
        }
    }
    return m;
}

void pin(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (::sched_setaffinity(0, sizeof(set), &set) != 0)
        throw std::system_error(errno, std::generic_category(),
                                "cannot run on CPU " + std::to_string(cpu));
}

} // namespace bench
